//! The newest scan as OpenMetrics text, for a metrics collector that reads files. Names may be added, but are never renamed.

use std::fmt::Write as _;

use doorward_ledger::{Kpi, RunSummary};

use super::RuleKpi;
use doorward_model::Severity;

/// Every severity has a sample, so that none disappears from a dashboard when it reaches zero.
const SEVERITIES: [Severity; 5] =
    [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// Every metric without its prefix `doorward_`, with what it counts.
pub const METRICS: &[(&str, &str)] = &[
    ("scan_timestamp_seconds", "End of the newest scan."),
    ("account_regions", "Account-Regions by status."),
    ("unseen_account_regions", "Account-Regions that an earlier scan read and the newest did not."),
    ("never_read_account_regions", "Account-Regions that failed or are excluded, and that no scan ever read."),
    (
        "load_balancers",
        "Load balancers whose mode has an effect, by mode; those that the newest scan did not see count as last seen, and unknown is a mode that could not be read.",
    ),
    ("unseen_load_balancers", "Load balancers whose mode has an effect and that the newest scan did not see."),
    (
        "open_findings",
        "Failing findings by severity; those that the newest scan did not see count as last seen. Open findings are those from critical to low: leave severity=\"informational\" out of a sum. No sample if nothing was ever read.",
    ),
    (
        "seen_open_findings",
        "Failing findings that the newest scan saw, by severity; informational ones are not open findings.",
    ),
    ("excepted_findings", "Findings under an exception; those that the newest scan did not see count as last seen."),
    ("exceptions_due", "Exceptions that expire soon."),
    ("unknown_verdicts", "Verdicts that are unknown."),
    ("unseen_findings", "Open findings that the newest scan could not read."),
    (
        "unowned_load_balancers",
        "Load balancers without an owner; those that the newest scan did not see count as last seen.",
    ),
    ("time_to_remediate_seconds_mean", "Mean time from first seen to resolved."),
    ("time_to_remediate_by_rule_seconds_mean", "Mean time from first seen to resolved, of the findings of one rule."),
    ("time_in_monitor_seconds_mean", "Mean time from the first reading in monitor to the first in a stronger mode."),
];

/// The text; only the end mark if no scan was recorded.
pub(super) fn render(scans: &[RunSummary], kpis: &[Kpi], rules: &[RuleKpi]) -> String {
    let mut text = String::new();
    let newest = scans.last().map(|scan| scan.run.id.clone());
    let scans: Vec<&RunSummary> = scans.iter().filter(|scan| Some(&scan.run.id) == newest.as_ref()).collect();
    let mut gauge = |name: &str, samples: Vec<(String, String)>| {
        let help = METRICS.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| *help);
        let _ = writeln!(text, "# TYPE doorward_{name} gauge\n# HELP doorward_{name} {help}");
        for (labels, value) in samples {
            let _ = writeln!(text, "doorward_{name}{{{labels}}} {value}");
        }
    };
    let each = |figure: &dyn Fn(&RunSummary) -> Vec<(String, usize)>| -> Vec<(String, String)> {
        let samples = scans.iter().flat_map(|scan| {
            let group = scan.group.clone().unwrap_or_default();
            figure(scan)
                .into_iter()
                .map(move |(labels, value)| (format!("group=\"{}\"{labels}", escaped(&group)), value.to_string()))
        });
        samples.collect()
    };
    if let Some(scan) = scans.first() {
        gauge("scan_timestamp_seconds", vec![(String::new(), scan.run.at.as_second().to_string())]);
        let counts = scan.coverage;
        let by_status = [
            ("complete", counts.complete),
            ("partial", counts.partial),
            ("failed", counts.failed),
            ("skipped", counts.skipped),
        ];
        let samples = by_status.map(|(status, count)| (format!("status=\"{status}\""), count.to_string())).to_vec();
        gauge("account_regions", samples);
        let counted =
            |count: Option<usize>| count.map(|count| (String::new(), count.to_string())).into_iter().collect();
        gauge("unseen_account_regions", counted(scan.account_regions_unseen));
        gauge("never_read_account_regions", counted(scan.never_read));
    }
    let not_seen = |scan: &RunSummary| scan.not_seen.clone().unwrap_or_default();
    gauge(
        "load_balancers",
        each(&|scan| {
            let modes = scan.modes.keys().map(|mode| (format!(",mode=\"{mode}\""), scan.mode_known(*mode)));
            let unknown = scan.mode_unknown + not_seen(scan).mode_unknown;
            modes.chain([(",mode=\"unknown\"".to_owned(), unknown)]).collect()
        }),
    );
    gauge("unseen_load_balancers", each(&|scan| vec![(String::new(), not_seen(scan).load_balancers)]));
    gauge(
        "open_findings",
        each(&|scan| {
            let known = SEVERITIES.into_iter().filter(|_| scan.open_known.is_some());
            known.map(|severity| (format!(",severity=\"{severity}\""), scan.open_known_of(severity))).collect()
        }),
    );
    gauge(
        "seen_open_findings",
        each(&|scan| {
            let count = |severity| scan.open.get(&severity).copied().unwrap_or(0);
            SEVERITIES.map(|severity| (format!(",severity=\"{severity}\""), count(severity))).to_vec()
        }),
    );
    gauge(
        "excepted_findings",
        each(&|scan| scan.excepted_known.map(|count| (String::new(), count)).into_iter().collect()),
    );
    gauge("exceptions_due", each(&|scan| vec![(String::new(), scan.exceptions_due)]));
    gauge("unknown_verdicts", each(&|scan| vec![(String::new(), scan.unknown)]));
    gauge("unseen_findings", each(&|scan| vec![(String::new(), scan.unseen)]));
    gauge("unowned_load_balancers", each(&|scan| vec![(String::new(), scan.unowned.count + not_seen(scan).unowned)]));
    let remediation = kpis.iter().filter_map(|kpi| {
        let labels = format!("group=\"{}\"", escaped(kpi.group.as_deref().unwrap_or_default()));
        Some((labels, kpi.time_to_remediate.mean?.as_secs().to_string()))
    });
    gauge("time_to_remediate_seconds_mean", remediation.collect());
    let by_rule = rules.iter().filter_map(|RuleKpi { rule, kpi }| {
        Some((format!("rule=\"{}\"", escaped(rule)), kpi.time_to_remediate.mean?.as_secs().to_string()))
    });
    gauge("time_to_remediate_by_rule_seconds_mean", by_rule.collect());
    let of_group = |kpi: &Kpi| format!("group=\"{}\"", escaped(kpi.group.as_deref().unwrap_or_default()));
    let in_monitor =
        kpis.iter().filter_map(|kpi| Some((of_group(kpi), kpi.time_in_monitor.mean?.as_secs().to_string())));
    gauge("time_in_monitor_seconds_mean", in_monitor.collect());
    text.push_str("# EOF\n");
    text
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
