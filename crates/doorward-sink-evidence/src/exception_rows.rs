//! The exceptions of a register as rows of evidence.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{CoverageStatus, ScanReport, VerdictKind};
use doorward_rules::exceptions::{Exception, Register, TermState};

use crate::ExceptionRow;

/// The rows of the sheet of exceptions: every entry of the register as of the scan, with the notices about its use.
pub fn exception_rows(register: &Register, report: &ScanReport) -> Vec<ExceptionRow> {
    let at = report.run.started;
    let mut notices: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for notice in register.usage(&report.load_balancers, &report.findings, at) {
        notices.entry(notice.exception).or_default().push(notice.sentence);
    }
    let entries = register.entries(at).into_iter();
    entries
        .map(|entry| {
            let exception = entry.exception;
            ExceptionRow {
                id: exception.id.clone(),
                rule: exception.rule.clone(),
                scope: exception.scope.to_string(),
                reason: exception.reason.clone(),
                risk: exception.risk.clone(),
                compensating_control: exception.compensating_control.clone(),
                requester: exception.requester.clone(),
                approver: exception.approver.clone(),
                ticket: exception.ticket.clone(),
                start: exception.start.starts(),
                last_day: exception.expires.last_day(),
                ends: exception.expires.ends(),
                review: exception.review.map(|review| review.last_day()),
                state: match entry.state {
                    TermState::Pending => "pending",
                    TermState::Active => "active",
                    TermState::Expiring => "expiring",
                    TermState::Expired => "expired",
                }
                .to_owned(),
                days_left: entry.days_left,
                place: format!("{}:{}", entry.file, entry.line),
                read: is_read(exception, report),
                notices: notices.remove(&exception.id).unwrap_or_default(),
            }
        })
        .collect()
}

/// Whether everything was read that an exception may cover: the accounts of its scope, or all where the scope names none.
fn is_read(exception: &Exception, report: &ScanReport) -> bool {
    let (rule, scope) = (&exception.rule, &exception.scope);
    let named = scope.accounts.iter().map(|account| account.as_str()).chain(scope.arn.iter().map(|arn| arn.account()));
    let accounts: BTreeSet<&str> = named.collect();
    let may_cover = |account: &str| accounts.is_empty() || accounts.contains(account);
    let status = |wanted: fn(CoverageStatus) -> bool| {
        let lines = report.coverage.lines.iter().filter(move |line| wanted(line.status));
        lines.map(|line| line.account.as_str()).filter(|account| may_cover(account)).collect::<BTreeSet<_>>()
    };
    let complete = status(|status| status == CoverageStatus::Complete);
    let lacking = status(|status| matches!(status, CoverageStatus::Partial | CoverageStatus::Failed));
    let of_rule = || report.findings.iter().filter(|finding| finding.rule == *rule);
    let is_unknown = |kind| matches!(kind, VerdictKind::Unknown | VerdictKind::NotAsked);
    let unseen = report.unseen.as_ref();
    let unseen_load_balancers = unseen.iter().flat_map(|unseen| &unseen.load_balancers);
    let unseen_findings = unseen.iter().flat_map(|unseen| &unseen.findings).filter(|finding| finding.rule == *rule);
    let mut unseen_accounts =
        unseen_load_balancers.map(|lb| lb.account.as_str()).chain(unseen_findings.map(|f| f.account.as_str()));
    lacking.is_empty()
        && accounts.iter().all(|account| complete.contains(account))
        && (!accounts.is_empty() || report.coverage.accounts_listing.is_full())
        && (report.load_balancers.is_empty() || of_rule().next().is_some())
        && !of_rule().any(|f| may_cover(f.account.as_str()) && is_unknown(f.verdict.kind()))
        && !unseen_accounts.any(may_cover)
}
