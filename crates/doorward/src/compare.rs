//! `doorward report --compare-securityhub`: compares a scan with Security Hub's own controls ELB.12 and ELB.14.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_model::{AccountRegion, ScanReport};
use doorward_sink_securityhub::{Comparison, NativeFindings, Standing, ask_native, compare, comparison_table};
use serde_json::json;

use crate::cli::{Cli, ListFormat};
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_text, connect, runtime};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;

/// Reads Security Hub, compares, and prints the result. Changes nothing.
pub(crate) fn run(cli: &Cli, from: &Path, format: ListFormat) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let report = AssembledScan::of(Some(from), &settings, &settings.ledger.path()?)?.report;
    let answers = runtime()?.block_on(ask(&settings, &report))?;
    let comparison = compare(&report, &answers);
    match format {
        ListFormat::Table => answer_text(&comparison_table(&report, &comparison))?,
        ListFormat::Json => {
            let whole = json!({
                "format": "securityhub-comparison-v1",
                "scan": report.run.id,
                "answered": comparison.answered,
                "lines": comparison.lines,
                "strays": comparison.strays,
            });
            answer_json(&whole)?
        }
    };
    Ok(exit_for(&comparison))
}

/// Reads Security Hub. A signal ends the command: a part of the answers would compare as load balancers without findings.
async fn ask(settings: &Settings, report: &ScanReport) -> Result<BTreeMap<AccountRegion, NativeFindings>, Failure> {
    let (stop, signal) = signals::listen(settings.scan.deadline.0);
    let clock = crate::clock::system();
    let access = connect(settings.connection(), &clock, None, &stop).await.map_err(|error| signal.or(error))?;
    let answers = ask_native(&access, &settings.publish, report, &stop).await;
    let stopped = "stopped before Security Hub was read in every account-Region; nothing was compared";
    signal.exit().map_or(Ok(answers), |exit| Err(Failure::new(exit, stopped)))
}

/// The exit code: 3 if Security Hub contradicts the scan or lacks a load balancer, 4 if that is unknown.
fn exit_for(comparison: &Comparison) -> Exit {
    let wrong = comparison.lines.iter().any(|line| matches!(line.standing, Standing::Contradicts | Standing::Blind(_)))
        || comparison.strays.iter().any(|stray| stray.gone);
    let unknown = comparison.lines.iter().any(|line| matches!(line.standing, Standing::Unknown(_)))
        || comparison.strays.iter().any(|stray| !stray.gone);
    Exit::of(wrong, !unknown)
}
