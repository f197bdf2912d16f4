//! Change log: every change of a mode since the last period.

use doorward_model::{LoadBalancer, Mode, ModeTransition};

use super::SheetContext;
use crate::figures::unit;
use crate::sheet::{ColumnKind, Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Change log",
    file: "changes",
    about: "Every change of a mode that the runs of the period observed. A change happened between the two runs that \
         are named.",
};

struct Row<'p> {
    change: &'p ModeTransition,
    lb: Option<&'p LoadBalancer>,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .with(
            ColumnKind::Word,
            "Direction",
            12,
            "stronger, weaker, first seen, or unclear if AWS returned no mode.",
            |r| direction(r.change).into(),
        )
        .text("Mode before", 14, "Blank when the load balancer was first seen, or if AWS returned no mode.", |r| {
            r.change.from.map(Mode::as_str).into()
        })
        .text("Mode after", 14, "Blank if AWS returned no mode.", |r| r.change.to.map(Mode::as_str).into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.change.load_balancer.account().into())
        .text("Unit", 20, "The organizational unit; blank if this scan did not see the load balancer.", |r| {
            r.lb.map(unit).into()
        })
        .text("Region", 15, "The AWS Region.", |r| r.change.load_balancer.region().into())
        .text("Load balancer", 28, "Its name.", |r| {
            r.lb.map_or_else(|| r.change.load_balancer.load_balancer_name(), |lb| lb.name.as_str()).into()
        })
        .text("Owner", 22, "The owner; blank if this scan did not see the load balancer.", |r| {
            r.lb.map(LoadBalancer::owner_label).into()
        })
        .time("Not before", "The end of the last run that observed the previous mode.", |r| {
            r.change.before.as_ref().map(|seen| seen.at)
        })
        .time("Not after", "The end of the first run that observed the new mode.", |r| Some(r.change.after.at))
        .text("Run before", 40, "That run.", |r| r.change.before.as_ref().map(|seen| seen.run.as_str()).into())
        .text("Run after", 40, "That run.", |r| r.change.after.run.as_str().into())
        .text("ARN", 80, "The load balancer's ARN.", |r| r.change.load_balancer.as_str().into())
}

fn direction(change: &ModeTransition) -> &'static str {
    match (change.from, change.to) {
        (Some(before), Some(after)) if after > before => "stronger",
        (Some(before), Some(after)) if after < before => "weaker",
        (None, Some(_)) if change.before.is_none() => "first seen",
        _ => "unclear",
    }
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let changes = cx.pack.context.changes.as_deref().unwrap_or_default();
    let rows = changes.iter().map(|change| Row { change, lb: cx.load_balancer_named(&change.load_balancer) });
    Sheet::new(TITLE, columns(), changes.len(), rows).unknown_if(cx.without_ledger())
}
