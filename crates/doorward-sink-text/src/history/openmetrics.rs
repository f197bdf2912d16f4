//! The newest scan as OpenMetrics text, for a metrics collector that reads files. Names may be added, but are never renamed. Where
//! nothing was ever read, a figure of what is known has no sample: it is unknown, which is not zero.

use std::fmt::Write as _;

use doorward_ledger::{Durations, Kpi, RunSummary};

use super::RuleKpi;
use doorward_model::{PolicyPoint, Severity};

/// Every severity has a sample, so that none disappears from a dashboard when it reaches zero.
const SEVERITIES: [Severity; 5] =
    [Severity::Informational, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// Every metric without its prefix `doorward_`, with what it counts.
pub const METRICS: &[(&str, &str)] = &[
    ("scan_timestamp_seconds", "End of the newest scan."),
    ("account_regions", "Account-Regions by status."),
    ("unseen_account_regions", "Account-Regions that an earlier scan read and the newest did not."),
    ("never_read_account_regions", "Account-Regions that failed or are excluded and that no scan ever read."),
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
    ("remediation_seconds", "Time from first seen to resolved, exceptions included: mean, median and 90th percentile."),
    (
        "remediation_without_exceptions_seconds",
        "Time from first seen to resolved, without the time under an exception: mean, median and 90th percentile.",
    ),
    ("remediation_by_rule_seconds", "Time from first seen to resolved, of the findings of one rule."),
    (
        "monitor_seconds",
        "Time from the first reading in monitor to the first in a stronger mode: mean, median and 90th percentile.",
    ),
    ("remediated_findings", "Findings that were resolved: the denominator of the times to remediate."),
    ("left_monitor_load_balancers", "Load balancers that left monitor: the denominator of the times in monitor."),
    ("in_monitor_load_balancers", "Load balancers in monitor, as they were last seen."),
    (
        "overdue_findings",
        "Open findings past their deadline, as they were last seen. Time without an observation does not count.",
    ),
    ("deadline_findings", "Open findings that have a deadline: the denominator of the overdue ones."),
    ("remediated_in_time_findings", "Findings that were resolved in time."),
    (
        "remediated_with_deadline_findings",
        "Findings that were resolved and had a deadline: the denominator of those in time.",
    ),
    (
        "policy_load_balancers",
        "Load balancers that the newest scan read and whose mode has an effect: the denominator of those at or above \
         the required mode and of those to which only the default applies.",
    ),
    ("at_or_above_required_load_balancers", "Load balancers whose mode is at least the required one."),
    (
        "at_or_above_required_unknown_load_balancers",
        "Load balancers for which it is not known whether their mode is at least the required one.",
    ),
    ("by_default_load_balancers", "Load balancers to which only the default of the policy applies."),
    (
        "by_default_unknown_load_balancers",
        "Load balancers for which it is not known whether only the default of the policy applies to them.",
    ),
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
    let is_known = scans.iter().any(|scan| scan.open_known.is_some());
    let each_known = |figure: &dyn Fn(&RunSummary) -> Vec<(String, usize)>| -> Vec<(String, String)> {
        if is_known { each(figure) } else { Vec::new() }
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
        each_known(&|scan| {
            let modes = scan.modes.keys().map(|mode| (format!(",mode=\"{mode}\""), scan.mode_known(*mode)));
            let unknown = scan.mode_unknown + not_seen(scan).mode_unknown;
            modes.chain([(",mode=\"unknown\"".to_owned(), unknown)]).collect()
        }),
    );
    gauge("unseen_load_balancers", each_known(&|scan| vec![(String::new(), not_seen(scan).load_balancers)]));
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
    gauge("exceptions_due", each_known(&|scan| vec![(String::new(), scan.exceptions_due)]));
    gauge("unknown_verdicts", each(&|scan| vec![(String::new(), scan.unknown)]));
    gauge("unseen_findings", each_known(&|scan| vec![(String::new(), scan.unseen)]));
    gauge(
        "unowned_load_balancers",
        each_known(&|scan| vec![(String::new(), scan.unowned.count + not_seen(scan).unowned)]),
    );
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
    let seconds = |name: &str, over: fn(&Kpi) -> &Durations| -> Vec<(String, String)> {
        let statistics = |kpi: &Kpi| {
            let over = over(kpi);
            [("mean", over.mean), ("median", over.median), ("p90", over.percentile_90)]
        };
        let of = |kpi: &Kpi, labels: String| {
            let known = statistics(kpi).into_iter().filter_map(|(statistic, value)| Some((statistic, value?)));
            known
                .map(move |(statistic, value)| {
                    (format!("{labels},statistic=\"{statistic}\""), value.as_secs().to_string())
                })
                .collect::<Vec<_>>()
        };
        match name {
            "rule" => {
                rules.iter().flat_map(|rule| of(&rule.kpi, format!("rule=\"{}\"", escaped(&rule.rule)))).collect()
            }
            _ => kpis.iter().flat_map(|kpi| of(kpi, of_group(kpi))).collect(),
        }
    };
    gauge("remediation_seconds", seconds("group", |kpi| &kpi.time_to_remediate));
    gauge("remediation_without_exceptions_seconds", seconds("group", |kpi| &kpi.without_exception));
    gauge("remediation_by_rule_seconds", seconds("rule", |kpi| &kpi.time_to_remediate));
    gauge("monitor_seconds", seconds("group", |kpi| &kpi.time_in_monitor));
    let counted = |figure: fn(&Kpi) -> usize| -> Vec<(String, String)> {
        kpis.iter().map(|kpi| (of_group(kpi), figure(kpi).to_string())).collect()
    };
    gauge("remediated_findings", counted(|kpi| kpi.time_to_remediate.count));
    gauge("left_monitor_load_balancers", counted(|kpi| kpi.time_in_monitor.count));
    // The key figures of now count what is known.
    let kpis_now = if is_known { kpis } else { &[] };
    gauge("in_monitor_load_balancers", {
        let known = kpis_now.iter().filter_map(|kpi| Some((of_group(kpi), kpi.in_monitor?.to_string())));
        known.collect()
    });
    let counted_now = |figure: fn(&Kpi) -> usize| -> Vec<(String, String)> {
        kpis_now.iter().map(|kpi| (of_group(kpi), figure(kpi).to_string())).collect()
    };
    gauge("overdue_findings", counted_now(|kpi| kpi.overdue));
    gauge("deadline_findings", counted_now(|kpi| kpi.with_deadline));
    gauge("remediated_in_time_findings", counted(|kpi| kpi.in_time.count));
    gauge("remediated_with_deadline_findings", counted(|kpi| kpi.in_time.of));
    let met = |figure: fn(&PolicyPoint) -> usize| -> Vec<(String, String)> {
        let met = scans.iter().filter(|_| is_known).filter_map(|scan| scan.policy.as_ref());
        met.map(|policy| (String::new(), figure(policy).to_string())).collect()
    };
    gauge("policy_load_balancers", met(|policy| policy.load_balancers));
    gauge("at_or_above_required_load_balancers", met(|policy| policy.at_or_above_required));
    gauge("at_or_above_required_unknown_load_balancers", met(|policy| policy.at_or_above_required_unknown));
    gauge("by_default_load_balancers", met(|policy| policy.by_default));
    gauge("by_default_unknown_load_balancers", met(|policy| policy.by_default_unknown));
    text.push_str("# EOF\n");
    text
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
