//! The exceptions of a register as rows of evidence.

use std::collections::BTreeMap;

use doorward_model::ScanReport;
use doorward_rules::exceptions::{Register, State};

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
                    State::Pending => "pending",
                    State::Active => "active",
                    State::Expiring => "expiring",
                    State::Expired => "expired",
                }
                .to_owned(),
                days_left: entry.days_left,
                place: format!("{}:{}", entry.file, entry.line),
                notices: notices.remove(&exception.id).unwrap_or_default(),
            }
        })
        .collect()
}
