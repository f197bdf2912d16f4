//! `csv-inventory`: one row for each load balancer, those that earlier scans saw and this one did not among them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_model::{
    Arn, Finding, LastMode, LoadBalancer, LoadBalancerCost, Money, Observed, ScanReport, Severity, UnseenLoadBalancer,
    Verdict, guarded, harmless, shown,
};

use crate::flat::{FlatContext, UNKNOWN};

/// The columns, in order. Columns are added at the end and never renamed, removed or given another meaning.
const COLUMNS: [&str; 34] = [
    "name",
    "arn",
    "kind",
    "scheme",
    "account",
    "account_name",
    "ou",
    "region",
    "seen",
    "last_seen",
    "mode",
    "effective_mode",
    "required_mode",
    "mode_since",
    "mode_when_last_seen",
    "owner",
    "environment",
    "application",
    "managed_by",
    "highest_severity",
    "open_findings",
    "failing_rules",
    "unknown_verdicts",
    "excepted_rules",
    "exception_until",
    "open_since",
    "profile",
    "overdue",
    "cost_amount",
    "cost_currency",
    "cost_at_least",
    "cost_period",
    "cost_source",
    // Failures without an exception that this scan did not observe: of no other column. Empty without a ledger.
    "open_findings_not_seen",
];

/// Writes the rows: RFC 4180 with commas and CRLF, and no text is a formula. Returns the number of findings that it accounts for, which
/// is all of them.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &ScanReport, context: &FlatContext) -> io::Result<usize> {
    // Without it Excel takes the file for the code page of its machine.
    out.write_all("\u{feff}".as_bytes())?;
    line(out, COLUMNS.iter().map(|name| (*name).to_owned()))?;
    let mut findings: BTreeMap<&Arn, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        findings.entry(&finding.load_balancer).or_default().push(finding);
    }
    let mut unseen: BTreeMap<&Arn, usize> = BTreeMap::new();
    for finding in report.unseen.iter().flat_map(|unseen| &unseen.findings).filter(|finding| !finding.excepted) {
        *unseen.entry(&finding.load_balancer).or_default() += 1;
    }
    let missed = |arn: &Arn| {
        let count = unseen.get(arn).copied().unwrap_or(0);
        report.unseen.as_ref().map(|_| count.to_string()).unwrap_or_default()
    };
    for lb in &report.load_balancers {
        line(out, seen(lb, &findings.remove(&lb.arn).unwrap_or_default(), context, missed(&lb.arn)))?;
    }
    for lb in report.unseen.iter().flat_map(|unseen| &unseen.load_balancers) {
        line(out, not_seen(lb, missed(&lb.arn)))?;
    }
    Ok(report.findings.len())
}

fn seen(lb: &LoadBalancer, findings: &[&Finding], context: &FlatContext, missed: String) -> [String; 34] {
    let flat = context.of(lb);
    let open = |severity: &Severity| *severity > Severity::Informational;
    let failing: Vec<&&Finding> =
        (findings.iter()).filter(|f| f.verdict.severity().as_ref().is_some_and(open)).collect();
    let highest = findings.iter().filter_map(|f| f.verdict.severity()).max();
    let rules = |all: &mut dyn Iterator<Item = &str>| all.collect::<Vec<_>>().join(" ");
    let excepted = findings.iter().filter_map(|finding| match &*finding.verdict {
        Verdict::Excepted { expires, .. } => Some((finding.rule.as_str(), expires.as_str())),
        _ => None,
    });
    let excepted: Vec<(&str, &str)> = excepted.collect();
    let since = failing.iter().filter_map(|finding| finding.history.as_ref()?.open_since()).min();
    let unknown = findings.iter().filter(|finding| matches!(*finding.verdict, Verdict::Unknown { .. })).count();
    [
        cell(&lb.name),
        cell(lb.arn.as_str()),
        lb.kind.to_string(),
        shown(&lb.scheme),
        digits(lb.account.as_str()),
        cell(&shown(&lb.account_name)),
        cell(&flat.ou),
        lb.region.to_string(),
        "yes".to_owned(),
        lb.evidence.as_ref().map(|evidence| evidence.at.to_string()).unwrap_or_default(),
        flat.mode.to_owned(),
        flat.effective_mode.to_owned(),
        flat.required_mode.to_owned(),
        flat.mode_since.map(|at| at.to_string()).unwrap_or_default(),
        String::new(),
        cell(&flat.owner),
        cell(&shown(&lb.environment)),
        cell(&shown(&lb.application)),
        match &lb.managed_by {
            Observed::Absent => String::new(),
            other => cell(&shown(other)),
        },
        highest.map_or("", Severity::as_str).to_owned(),
        failing.len().to_string(),
        rules(&mut failing.iter().map(|finding| finding.rule.as_str())),
        unknown.to_string(),
        rules(&mut excepted.iter().map(|(rule, _)| *rule)),
        excepted.iter().map(|(_, until)| *until).min().unwrap_or_default().to_owned(),
        since.map(|at| at.to_string()).unwrap_or_default(),
        cell(&flat.profile),
        flat.overdue.to_owned(),
        costs(lb, |cost| amounts(cost, |money| money.amount.to_string())),
        costs(lb, |cost| amounts(cost, |money| money.currency.clone())),
        costs(lb, |cost| if cost.at_least { "yes" } else { "no" }.to_owned()),
        costs(lb, LoadBalancerCost::period),
        costs(lb, |cost| cell(&cost.source)),
        missed,
    ]
}

/// A part of the cost; empty where no price is known, which is not zero.
fn costs(lb: &LoadBalancer, of: impl Fn(&LoadBalancerCost) -> String) -> String {
    lb.cost.as_deref().map(of).unwrap_or_default()
}

/// Amounts, or their currencies in the same order.
fn amounts(cost: &LoadBalancerCost, of: impl Fn(&Money) -> String) -> String {
    cost.amounts.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// A load balancer that was not seen: nothing of it is known now but what was last read.
fn not_seen(lb: &UnseenLoadBalancer, missed: String) -> [String; 34] {
    let unknown = || UNKNOWN.to_owned();
    let last = match lb.mode {
        Some(LastMode::Unknown) => unknown(),
        Some(LastMode::NotApplicable) | None => crate::flat::NOT_APPLICABLE.to_owned(),
        Some(mode) => mode.mode().map_or_else(unknown, |mode| mode.as_str().to_owned()),
    };
    [
        cell(&lb.name),
        cell(lb.arn.as_str()),
        lb.kind.to_string(),
        unknown(),
        digits(lb.account.as_str()),
        unknown(),
        cell(&lb.unit),
        lb.region.to_string(),
        "no".to_owned(),
        lb.last_seen.to_string(),
        unknown(),
        unknown(),
        unknown(),
        String::new(),
        last,
        cell(&lb.owner),
        unknown(),
        unknown(),
        unknown(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        unknown(),
        unknown(),
        unknown(),
        unknown(),
        unknown(),
        unknown(),
        unknown(),
        missed,
    ]
}

/// Text from outside.
fn cell(text: &str) -> String {
    guarded(&harmless(text)).into_owned()
}

/// Digits that are not a number: a spreadsheet would drop leading zeros.
fn digits(text: &str) -> String {
    format!("'{text}")
}

fn line(out: &mut dyn Write, fields: impl IntoIterator<Item = String>) -> io::Result<()> {
    let fields = fields.into_iter().map(|field| {
        if field.contains([',', '"', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
    });
    let fields: Vec<String> = fields.collect();
    out.write_all(fields.join(",").as_bytes())?;
    out.write_all(b"\r\n")
}
