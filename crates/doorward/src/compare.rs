//! `doorward report --compare-securityhub`: compares a scan with Security Hub's own controls ELB.12 and ELB.14.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use doorward_model::{AccountId, AccountRegion, Mode, Region, ScanReport};
use doorward_sink_securityhub::{
    Answer, Blind, Closed, Comparison, Line, NATIVE_ACTION, NativeFinding, Standing, Unseen, compare, native,
};
use futures::StreamExt as _;
use serde_json::json;

use crate::cli::{Cli, ListFormat};
use crate::exit::{Exit, Failure};
use crate::io::{answer, answer_json, connect, runtime};
use crate::plain::harmless;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;

/// Security Hubs that are read at once: as many as a delivery writes to at once.
const AT_ONCE: usize = 32;

/// Reads Security Hub, compares, and prints the result. Changes nothing.
pub(crate) fn run(cli: &Cli, from: &Path, format: ListFormat) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let report = AssembledScan::of(Some(from), &settings, &settings.ledger.path()?)?.report;
    let answers = runtime()?.block_on(ask(&settings, &report))?;
    let comparison = compare(&report, &answers);
    match format {
        ListFormat::Table => answer(&harmless(&table(&report, &comparison)))?,
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

/// Reads Security Hub in every account-Region once, or the central one, whose findings are sorted by account-Region.
async fn ask(settings: &Settings, report: &ScanReport) -> Result<BTreeMap<AccountRegion, Answer>, Failure> {
    let publish = &settings.publish;
    let (stop, signal) = signals::listen(settings.scan.deadline.0);
    let clock = crate::clock::system();
    let access = connect(settings.connection(), &clock, None, &stop).await.map_err(|error| signal.or(error))?;
    let aws = access.provider(publish.reading()).with_share(publish.share_of_quotas);
    let security_hubs = publish.security_hubs(&report.load_balancers);
    let asked = futures::stream::iter(&security_hubs).map(|security_hub| {
        let (aws, stop) = (&aws, &stop);
        async move {
            tokio::select! {
                biased;
                gap = stop.stopped(NATIVE_ACTION) => (security_hub.clone(), Err(Closed::Unreachable(gap))),
                findings = native(aws, security_hub) => (security_hub.clone(), findings),
            }
        }
    });
    let answers: Vec<(AccountRegion, Answer)> = asked.buffered(AT_ONCE).collect().await;
    if let Some(exit) = signal.exit() {
        return Err(Failure::new(
            exit,
            "stopped before Security Hub was read in every account-Region; nothing was compared",
        ));
    }
    Ok(if publish.central().is_some() { shared(answers, report) } else { answers.into_iter().collect() })
}

fn shared(answers: Vec<(AccountRegion, Answer)>, report: &ScanReport) -> BTreeMap<AccountRegion, Answer> {
    let able = report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
    let places = able.map(|lb| AccountRegion { account: lb.account.clone(), region: lb.region.clone() });
    let Some((_, answer)) = answers.into_iter().next() else { return BTreeMap::new() };
    let findings = match answer {
        Ok(findings) => findings,
        // The central Security Hub could not be read, so nothing is known of the load balancer's own one.
        Err(closed) => return places.map(|place| (place, Err(Closed::Unreachable(closed.gap().clone())))).collect(),
    };
    let mut all: BTreeMap<AccountRegion, Vec<NativeFinding>> = places.map(|place| (place, Vec::new())).collect();
    for finding in findings {
        let (account, region) = (AccountId::new(&finding.account), Region::new(&finding.region));
        let (Ok(account), Ok(region)) = (account, region) else { continue };
        all.entry(AccountRegion { account, region }).or_default().push(finding);
    }
    all.into_iter().map(|(place, findings)| (place, Ok(findings))).collect()
}

/// The exit code: 3 if Security Hub contradicts the scan or lacks a load balancer, 4 if that is unknown.
fn exit_for(comparison: &Comparison) -> Exit {
    let wrong = comparison.lines.iter().any(|line| matches!(line.standing, Standing::Contradicts | Standing::Blind(_)))
        || comparison.strays.iter().any(|stray| stray.gone);
    let unknown = comparison.lines.iter().any(|line| matches!(line.standing, Standing::Unknown(_)))
        || comparison.strays.iter().any(|stray| !stray.gone);
    Exit::of(wrong, !unknown)
}

/// A heading of the table, and what stands under it.
type Group = (&'static str, fn(&Standing) -> bool);

/// The groups of the table, in order.
const GROUPS: [Group; 7] = [
    ("contradict the scan", |s| matches!(s, Standing::Contradicts)),
    ("Security Hub does not see", |s| matches!(s, Standing::Blind(_))),
    ("unknown", |s| matches!(s, Standing::Unknown(_))),
    ("fail, suppressed in Security Hub", |s| matches!(s, Standing::Suppressed)),
    ("pass, and policy requires more than the control", |s| matches!(s, Standing::AsksLess)),
    ("fail, and policy requires less than the control", |s| matches!(s, Standing::AsksMore)),
    ("agree", |s| matches!(s, Standing::Agrees)),
];

fn table(report: &ScanReport, comparison: &Comparison) -> String {
    let mut text = format!(
        "Security Hub's ELB.12 and ELB.14 compared with the {} application and classic load balancers of scan {}\n\n",
        comparison.lines.len(),
        report.run.id
    );
    let of = |fits: fn(&Standing) -> bool| comparison.lines.iter().filter(move |line| fits(&line.standing));
    for (what, fits) in GROUPS {
        let _ = writeln!(text, "{:>7}  {what}", of(fits).count());
    }
    let gone = comparison.strays.iter().filter(|stray| stray.gone).count();
    let answered = comparison.answered;
    let _ = writeln!(
        text,
        "{gone:>7}  of Security Hub's load balancers are gone, in {answered} account-Regions that were read"
    );
    let unseen = comparison.strays.len() - gone;
    let _ = writeln!(text, "{unseen:>7}  of Security Hub's load balancers are where the scan did not list everything");
    for (what, fits) in GROUPS {
        if what == "agree" || of(fits).next().is_none() {
            continue;
        }
        let _ = writeln!(text, "\n{}", what.to_uppercase());
        for line in of(fits) {
            let _ = writeln!(text, "  {} · {} {} · {}", line.name, line.account, line.region, why(line));
        }
    }
    if !comparison.strays.is_empty() {
        let _ = writeln!(text, "\nNOT AMONG THE LOAD BALANCERS OF THE SCAN");
        for stray in &comparison.strays {
            let where_to = if stray.gone { "gone" } else { "unknown: the scan did not list all load balancers there" };
            let _ = writeln!(text, "  {} · {} {} · {where_to}", stray.resource, stray.control, stray.status);
        }
    }
    text
}

/// What is known of one load balancer, in one line.
fn why(line: &Line) -> String {
    let mode = line.mode.map_or("unknown", Mode::as_str);
    let says: Vec<String> = line.says.iter().map(|says| format!("{} since {}", says.status, says.updated_at)).collect();
    let says = format!("{} {}", line.control, says.join(", "));
    match &line.standing {
        Standing::Blind(blind) => format!("mode {mode}; {}", cause(blind, line.control)),
        Standing::Unknown(Unseen::Ours(gap)) => format!("{says}; the scan could not read the mode: {gap}"),
        Standing::Unknown(Unseen::Theirs(gap)) => format!("mode {mode}; Security Hub could not be read: {gap}"),
        _ => format!("mode {mode}; {says}"),
    }
}

fn cause(blind: &Blind, control: &str) -> String {
    match blind {
        Blind::NoConfigRule => "AWS Config has no such rule in this Region".to_owned(),
        Blind::ConfigRuleUnknown => "AWS Config may have no such rule in this Region, or the control is off".to_owned(),
        Blind::NotEnabled => "Security Hub is not enabled there".to_owned(),
        Blind::NotRecorded => {
            "Config.1 fails there: probably AWS Config is off, or does not record load balancers".to_owned()
        }
        Blind::NotEvaluated(reasons) if reasons.is_empty() => format!("{control} was not evaluated, without a reason"),
        Blind::NotEvaluated(reasons) => format!("{control} was not evaluated: {}", reasons.join(", ")),
        Blind::Overlooked => format!("others there have a finding of {control}, and this one has none"),
        Blind::ControlOff => {
            format!(
                "nothing there has a finding of {control}: it is disabled, or its findings do not arrive in the Security Hub that was read"
            )
        }
    }
}
