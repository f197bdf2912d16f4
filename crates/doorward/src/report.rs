//! `doorward report`: a saved scan again, offline.

use crate::cli::{Cli, ReportArguments};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::{saved, scan};

/// Runs `doorward report`. With the settings saved beside the scan the outputs are the same bytes as then; with
/// `--judge-again` the current settings decide.
pub(crate) fn run(cli: &Cli, arguments: &ReportArguments) -> Result<Exit, Failure> {
    let saved = saved::read(&arguments.from)?;
    let overrides = arguments.output.overrides();
    let (normalize, policy, report) = if arguments.judge_again || !overrides.is_empty() {
        let settings = Settings::load(cli.config.as_deref(), &overrides)?;
        if arguments.judge_again {
            (settings.normalize(), settings.policy, settings.report)
        } else {
            (saved.normalize, saved.policy, settings.report)
        }
    } else {
        (saved.normalize, saved.policy, saved.report)
    };
    scan::runtime()?.block_on(scan::render(
        cli,
        saved.inventory,
        &normalize,
        &policy,
        &report,
        &arguments.output.formats,
    ))
}
