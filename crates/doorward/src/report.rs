//! `doorward report`: a saved scan again, offline.

use crate::cli::{Cli, ReportArguments};
use crate::exit::{Exit, Failure};
use crate::saved::{self, Remembered};
use crate::scan::{self, Again};
use crate::settings::Settings;

/// Runs `doorward report`. With the settings saved beside the scan the outputs are the same bytes as then; with
/// `--judge-again` the current settings decide. Flags win over either.
pub(crate) fn run(cli: &Cli, arguments: &ReportArguments) -> Result<Exit, Failure> {
    let (saved, remembered) = saved::read(&arguments.from)?;
    let (normalize, policy, exceptions, mut report, sinks) = if arguments.judge_again {
        let settings = Settings::load(cli.config.as_deref(), &[])?;
        {
            let sinks = settings.sinks();
            (settings.normalize(), settings.policy, settings.exceptions.read()?, settings.report, sinks)
        }
    } else {
        (saved.normalize, saved.policy, saved.exceptions, saved.report, saved.sinks)
    };
    arguments.output.overlay(&mut report)?;
    let stopped = Exit::ALL.into_iter().map(|(exit, _)| exit).find(|exit| Some(exit.code()) == saved.stopped);
    let again = Again {
        inventory: saved.inventory,
        normalize: &normalize,
        policy: &policy,
        exceptions: &exceptions,
        report: &report,
        sinks: &sinks,
        // A verdict that another policy gives has no past under the old one.
        remembered: if arguments.judge_again { Remembered::default() } else { remembered },
        stopped,
    };
    scan::render(cli, again, &arguments.output.formats)
}
