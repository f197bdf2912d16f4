//! The history as CSV.

use doorward_ledger::{NotSeen, RunSummary};
use doorward_model::{Mode, PolicyPoint, Severity, guarded, harmless};

/// The columns, in order. They are counts only: a spreadsheet can divide them, and no share is without its denominator.
const COLUMNS: [&str; 45] = [
    "run",
    "ended",
    "group",
    "account_regions",
    "in_scope",
    "complete",
    "partial",
    "failed",
    "skipped",
    "accounts_listed",
    "load_balancers",
    "monitor",
    "defensive",
    "strictest",
    "mode_unknown",
    "mode_not_applicable",
    "unowned",
    "open_critical",
    "open_high",
    "open_medium",
    "open_low",
    "informational",
    "excepted",
    // Empty if nothing was ever read, and so is `not_seen`.
    "exceptions_due",
    "unknown_verdicts",
    "not_seen",
    // Known: read by the scan, or last read by an earlier one. Empty if nothing was ever read, or not counted.
    "open_known",
    "excepted_known",
    "open_not_seen",
    "excepted_not_seen",
    "load_balancers_not_seen",
    "monitor_not_seen",
    "defensive_not_seen",
    "strictest_not_seen",
    "mode_unknown_not_seen",
    "unowned_not_seen",
    "account_regions_not_seen",
    "account_regions_never_read",
    // How what the scan read met the policy. Empty where it was not counted or nothing was ever read, and for groups.
    "policy_load_balancers",
    "at_or_above_required",
    "at_or_above_required_unknown",
    "by_default",
    "by_default_unknown",
    "with_deadline",
    "overdue",
];

/// RFC 4180: commas, CRLF, quotes where a field needs them. Control characters are escaped, and no text is a formula.
pub(super) fn render(scans: &[RunSummary]) -> String {
    let mut text = COLUMNS.join(",") + "\r\n";
    for scan in scans {
        let mode = |mode: Mode| scan.modes.get(&mode).copied().unwrap_or(0).to_string();
        let open = |severity: Severity| scan.open.get(&severity).copied().unwrap_or(0).to_string();
        let counts = scan.coverage;
        let known = |count: Option<usize>| count.map(|count| count.to_string()).unwrap_or_default();
        // Where nothing was ever read, what was not seen is unknown, and no figure of the policy is a zero.
        let if_read = |count: Option<usize>| known(count.filter(|_| scan.open_known.is_some()));
        let missed = |count: &dyn Fn(&NotSeen) -> usize| if_read(scan.not_seen.as_ref().map(count));
        let met = |count: &dyn Fn(&PolicyPoint) -> usize| if_read(scan.policy.as_ref().map(count));
        let fields = [
            cell(&scan.run.id),
            scan.run.at.to_string(),
            scan.group.as_deref().map(cell).unwrap_or_default(),
            counts.all.to_string(),
            counts.in_scope().to_string(),
            counts.complete.to_string(),
            counts.partial.to_string(),
            counts.failed.to_string(),
            counts.skipped.to_string(),
            scan.accounts_listed.to_string(),
            scan.load_balancers.to_string(),
            mode(Mode::Monitor),
            mode(Mode::Defensive),
            mode(Mode::Strictest),
            scan.mode_unknown.to_string(),
            scan.mode_not_applicable.to_string(),
            scan.unowned.count.to_string(),
            open(Severity::Critical),
            open(Severity::High),
            open(Severity::Medium),
            open(Severity::Low),
            open(Severity::Informational),
            scan.excepted.to_string(),
            if_read(Some(scan.exceptions_due)),
            scan.unknown.to_string(),
            if_read(Some(scan.unseen)),
            known(scan.open_known),
            known(scan.excepted_known),
            missed(&|unseen| unseen.open_total),
            missed(&|unseen| unseen.excepted),
            missed(&|unseen| unseen.load_balancers),
            missed(&|unseen| unseen.modes.get(&Mode::Monitor).copied().unwrap_or(0)),
            missed(&|unseen| unseen.modes.get(&Mode::Defensive).copied().unwrap_or(0)),
            missed(&|unseen| unseen.modes.get(&Mode::Strictest).copied().unwrap_or(0)),
            missed(&|unseen| unseen.mode_unknown),
            missed(&|unseen| unseen.unowned),
            known(scan.account_regions_unseen),
            known(scan.never_read),
            met(&|policy| policy.load_balancers),
            met(&|policy| policy.at_or_above_required),
            met(&|policy| policy.at_or_above_required_unknown),
            met(&|policy| policy.by_default),
            met(&|policy| policy.by_default_unknown),
            met(&|policy| policy.with_deadline),
            met(&|policy| policy.overdue),
        ];
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Text from outside: a group is an owner, an organizational unit or the value of a tag.
fn cell(text: &str) -> String {
    guarded(&harmless(text)).into_owned()
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_data_to_a_spreadsheet() {
        for (field, expected) in [
            ("web", "web"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("@x,y", "\"'@x,y\""),
            ("a;=1", "a;'=1"),
            ("a|=1", "a|'=1"),
            ("a,=1", "\"a,'=1\""),
            ("\"=1", "\"\"\"'=1\""),
            ("\t=1", "\\u{9}=1"),
            ("007", "'007"),
        ] {
            assert_eq!(quoted(&cell(field)), expected);
        }
    }
}
