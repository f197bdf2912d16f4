//! `doorward report`: a saved scan again, offline; or beside Security Hub.

use crate::cli::{Cli, ReportArguments};
use crate::code::Code;
use crate::compare;
use crate::exit::{Exit, Failure};
use crate::places::Places;
use crate::saved::{self, Remembered};
use crate::scan::{self, Again, Said};
use crate::settings::Settings;
use crate::traffic;

/// Runs `doorward report`. With the settings saved beside the scan the outputs are the same bytes as then; with
/// `--judge-again` the current settings decide. Flags win over either.
pub(crate) fn run(cli: &Cli, arguments: &ReportArguments) -> Result<Exit, Failure> {
    if let Some(format) = arguments.compare_securityhub {
        return compare::run(cli, &arguments.from, format);
    }
    let (saved, mut remembered) = saved::read(&arguments.from)?;
    let code = Code::read(&arguments.iac)?;
    let mut places = Places::found(cli.config.as_deref());
    places.keep("the saved scan", &arguments.from);
    places.keep_flag("--traffic", arguments.traffic.as_deref());
    code.iter().flat_map(Code::paths).for_each(|path| places.keep("a file of --iac", path));
    let traffic = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    // What is joined now is weighed by what is demanded now.
    let weighing = traffic.as_ref().map(|_| Settings::load(cli.config.as_deref(), &[])).transpose()?;
    let said = match (&traffic, &weighing) {
        (Some(found), Some(settings)) => Said::Found(found, &settings.traffic),
        _ => Said::Saved(std::mem::take(&mut remembered.traffic)),
    };
    let (normalize, policy, exceptions, mut report, mut sinks, text) = if arguments.judge_again {
        let settings = Settings::load(cli.config.as_deref(), &[])?;
        let (normalize, sinks, exceptions) = (settings.normalize(), settings.sinks(), settings.exceptions.read()?);
        (normalize, settings.policy, exceptions, settings.report, sinks, settings.text)
    } else {
        (saved.normalize, saved.policy, saved.exceptions, saved.report, saved.sinks, saved.settings)
    };
    arguments.output.overlay(&mut report, &mut sinks)?;
    places.keep_flag("--signing-key", sinks.evidence.signing_key_file.as_deref());
    let stopped = Exit::ALL.into_iter().map(|(exit, _)| exit).find(|exit| Some(exit.code()) == saved.stopped);
    let again = Again {
        inventory: saved.inventory,
        said,
        code: code.as_ref(),
        normalize: &normalize,
        policy: &policy,
        exceptions: &exceptions,
        report: &report,
        sinks: &sinks,
        settings: &text,
        // A verdict that another policy gives has no past under the old one; what was done to a mode stays done, and
        // what is declared somewhere stays declared there.
        remembered: if arguments.judge_again {
            Remembered {
                changes: remembered.changes,
                edits: remembered.edits,
                declared: remembered.declared,
                unseen: remembered.unseen,
                ..Remembered::default()
            }
        } else {
            remembered
        },
        stopped,
    };
    scan::render(cli, again, &arguments.output.formats, places)
}
