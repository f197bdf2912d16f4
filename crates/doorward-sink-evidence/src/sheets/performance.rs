//! Key figures over everything that the ledger recorded, in total and by group.

use doorward_model::{Durations, KpiRow};
use jiff::SignedDuration;

use super::SheetContext;
use crate::sheet::{ColumnKind, Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Key figures",
    file: "key_figures",
    about: "Times to remediate, times in monitor, and deadlines, over every scan in the ledger up to this one: in \
         total, and by owner, organizational unit, cost centre, severity and rule. The figures of groups add up to \
         the total. Durations are in whole hours, rounded down. Without a ledger, they are unknown, and there are no rows.",
};

fn hours(duration: Option<SignedDuration>) -> Value<'static> {
    duration.map_or(Value::Blank, |duration| Value::Count(duration.as_hours()))
}

fn remediated(row: &KpiRow) -> &Durations {
    &row.kpi.time_to_remediate
}

fn columns<'p>() -> Columns<'p, &'p KpiRow> {
    Columns::<&'p KpiRow>::new()
        .with(ColumnKind::Word, "By", 20, "The grouping of the row; `all` is the total.", |r| r.by.as_str().into())
        .text("Group", 32, "The group to which the load balancers belong now; blank for the total.", |r| {
            r.kpi.group.as_deref().into()
        })
        .count("Remediated", "Failures that were observed to end: the denominator of the next three columns.", |r| {
            remediated(r).count.into()
        })
        .count("Mean, hours", "Mean time from first seen to resolved.", |r| hours(remediated(r).mean))
        .count("Median, hours", "Median of the same.", |r| hours(remediated(r).median))
        .count("90%, hours", "90th percentile of the same: at least 90% took no longer.", |r| {
            hours(remediated(r).percentile_90)
        })
        .count(
            "Under an exception",
            "Of these failures, those that were under an exception for part of the time.",
            |r| r.kpi.under_exception.count.into(),
        )
        .count("Mean exception, hours", "Mean time under the exception, of those.", |r| {
            hours(r.kpi.under_exception.mean)
        })
        .count("Mean without, hours", "Mean time without an exception, of all remediated.", |r| {
            hours(r.kpi.without_exception.mean)
        })
        .count(
            "With deadline",
            "Of the remediated failures, those that had a deadline, and of which it is known whether it was kept.",
            |r| r.kpi.in_time.of.into(),
        )
        .count(
            "In time",
            "Of these, those that were resolved within their deadline, without time under an exception.",
            |r| r.kpi.in_time.count.into(),
        )
        .count(
            "In time unknown",
            "Remediated failures with a deadline that were not observed long enough to know whether it was kept.",
            |r| r.kpi.in_time_unknown.into(),
        )
        .with(
            ColumnKind::Share,
            "Share in time",
            10,
            "In time, as a share of those with a deadline; rounded down.",
            |r| Value::Share(r.kpi.in_time.count, r.kpi.in_time.of),
        )
        .count("Failed again", "Of the remediated failures, those that have failed again since.", |r| {
            r.kpi.came_back.count.into()
        })
        .count("Open", "Open failures, in their last known state.", |r| r.kpi.open.into())
        .count("Open, not seen", "Of these, the failures that the newest scan or event did not observe.", |r| {
            r.kpi.open_unseen.into()
        })
        .count("Open with deadline", "Open failures that have a deadline.", |r| r.kpi.with_deadline.into())
        .count("Overdue", "Of these, those past it.", |r| r.kpi.overdue.into())
        .count("Excepted", "Failures under an exception, in their last known state.", |r| r.kpi.excepted.into())
        .time("Oldest open", "The first failure of the finding that has been open longest.", |r| r.kpi.oldest_open)
        .count(
            "Left monitor",
            "Load balancers that were observed to leave monitor; blank in rows by severity and \
             rule.",
            |r| r.kpi.in_monitor.map_or(Value::Blank, |_| r.kpi.time_in_monitor.count.into()),
        )
        .count("Median in monitor, hours", "The median time that these load balancers were in monitor.", |r| {
            hours(r.kpi.time_in_monitor.median)
        })
        .count("In monitor", "Load balancers in monitor, in their last known state.", |r| r.kpi.in_monitor.into())
        .time(
            "In monitor since",
            "The first observation in monitor of the load balancer that has been in it longest.",
            |r| r.kpi.in_monitor_since,
        )
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let rows: Vec<&KpiRow> = cx.pack.context.kpis.iter().collect();
    Sheet::new(TITLE, columns(), rows.len(), rows)
        .unknown_if(Some(cx.without_ledger().unwrap_or("the scan was saved without key figures")))
}
