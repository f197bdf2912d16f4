//! Exceptions: the whole register with the state of each, and the fields of a compensating control.

use std::collections::BTreeMap;

use doorward_model::{RuleMeta, Verdict};

use super::SheetContext;
use crate::ExceptionRow;
use crate::sheet::{ColumnKind, Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Exceptions",
    file: "exceptions",
    about: "The whole register of exceptions, and the failures that each exception permitted in this scan. \"Risk \
         accepted\" is not a compensating control: the assessor decides.",
};

struct Row<'p> {
    exception: &'p ExceptionRow,
    rule: Option<&'static RuleMeta>,
    used: usize,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Exception", 16, "Its id in the register.", |r| r.exception.id.as_str().into())
        .with(ColumnKind::Word, "State", 11, "pending, active, expiring or expired, at the time of the scan.", |r| {
            r.exception.state.as_str().into()
        })
        .count(
            "Days left",
            "Whole days left at the time of the scan: 0 on the last day, negative after the end.",
            |r| r.exception.days_left.into(),
        )
        .with(
            ColumnKind::Word,
            "Used",
            9,
            "used if it permitted at least one failure in this scan; unused if everything that it may cover was read and it \
             permitted none; otherwise unknown.",
            |r| match r.used {
                0 if !r.exception.read => "unknown".into(),
                0 => "unused".into(),
                _ => "used".into(),
            },
        )
        .count(
            "Failures permitted",
            "How many rows of the sheet Results it permits; blank if it permits none and not everything that it may cover was read.",
            |r| if r.used == 0 && !r.exception.read { Value::Blank } else { r.used.into() },
        )
        .text("Rule", 28, "The rule that may fail.", |r| r.exception.rule.as_str().into())
        .prose("Scope", 44, "What it covers.", |r| r.exception.scope.as_str().into())
        .prose("Constraint", 44, "Why the rule cannot be met, from the register.", |r| {
            r.exception.reason.as_str().into()
        })
        .prose("Objective", 44, "The purpose of the rule.", |r| r.rule.map(|meta| meta.why).into())
        .prose("Risk", 44, "The remaining risk, from the register.", |r| missing(r.exception.risk.as_deref()))
        .prose("Compensating control", 44, "The compensating control, from the register.", |r| {
            missing(r.exception.compensating_control.as_deref())
        })
        .text(
            "Validation",
            26,
            "How the compensating control was tested. The register does not contain this; ask for the record named \
             in Ticket.",
            |_| "(not in the register)".into(),
        )
        .text("Requester", 20, "The person who requested it.", |r| r.exception.requester.as_str().into())
        .text("Approver", 20, "The person who approved it.", |r| r.exception.approver.as_str().into())
        .text("Ticket", 16, "The ticket in which the approval is recorded.", |r| missing(r.exception.ticket.as_deref()))
        .time("Start", "The first instant at which it is in force.", |r| Some(r.exception.start))
        .with(ColumnKind::Day, "Last day", 13, "The last day, in UTC, on which it is in force.", |r| {
            r.exception.last_day.into()
        })
        .time("End", "The first instant after it.", |r| Some(r.exception.ends))
        .with(ColumnKind::Day, "Review", 13, "The date on which it is due for review.", |r| r.exception.review.into())
        .prose(
            "To review",
            44,
            "Problems that the scan found: it covers nothing, is not needed, or covers too \
             much.",
            |r| r.exception.notices.join("\n").into(),
        )
        .text("Register", 30, "The file and line that define it.", |r| r.exception.place.as_str().into())
}

fn missing(text: Option<&str>) -> Value<'_> {
    text.unwrap_or("(not in the register)").into()
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &cx.report().findings {
        if let Verdict::Excepted { exception, .. } = &*finding.verdict {
            *used.entry(exception).or_default() += 1;
        }
    }
    let context = cx.pack.context;
    let register = context.exceptions.as_deref().unwrap_or_default();
    let rows = register.iter().map(move |exception| Row {
        exception,
        rule: context.rules.iter().copied().find(|meta| meta.id == exception.rule),
        used: used.get(exception.id.as_str()).copied().unwrap_or(0),
    });
    let unconfigured = context.exceptions.is_none().then_some("no register of exceptions is configured");
    Sheet::new(TITLE, columns(), register.len(), rows).unknown_if(unconfigured)
}
