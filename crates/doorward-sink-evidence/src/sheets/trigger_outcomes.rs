//! Triggers: which published triggers of request smuggling reach the targets of each load balancer.

use std::sync::Arc;

use doorward_model::{LoadBalancer, TriggerSummary};

use super::SheetContext;
use crate::sheet::{Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Triggers",
    file: "triggers",
    about: "Which published triggers of request smuggling reach the targets of each load balancer that parses HTTP, by the class that \
     AWS's http-desync-guardian library gives them. `doorward posture NAME` has the publication and date of each.",
};

struct Row<'p> {
    lb: &'p LoadBalancer,
    summary: Arc<TriggerSummary>,
}

fn count(ids: &[&str]) -> i64 {
    i64::try_from(ids.len()).unwrap_or(i64::MAX)
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Load balancer", 28, "Its name.", |r| r.lb.name.as_str().into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.lb.account.as_str().into())
        .text("Region", 15, "The AWS Region.", |r| r.lb.region.as_str().into())
        .text("Owner", 22, "The owner.", |r| r.lb.owner_label().into())
        .text("Observed mode", 16, "Its current mode.", |r| super::seen(&r.lb.mode).into())
        .text("Invalid headers dropped", 22, "Whether invalid header fields are removed.", |r| {
            super::seen(&r.lb.drop_invalid_headers).into()
        })
        .text("Reachability", 34, "How the internet reaches it, and what was not read.", |r| {
            super::seen(&r.lb.reachability).into()
        })
        .count("Triggers", "The published triggers that this version knows.", |r| {
            i64::try_from(r.summary.all).unwrap_or(i64::MAX).into()
        })
        .count("Reach targets", "Triggers that it forwards to its targets now.", |r| count(&r.summary.now).into())
        .count("Unknown", "Triggers for which this is not known.", |r| count(&r.summary.unknown).into())
        .count("In strictest", "Triggers that it would forward in strictest with invalid header fields removed.", |r| {
            count(&r.summary.strictest).into()
        })
        .prose("Which reach targets", 60, "The ids of these triggers.", |r| r.summary.now.join(", ").into())
        .prose("Which are unknown", 40, "The ids of those triggers.", |r| r.summary.unknown.join(", ").into())
        .text("ARN", 80, "Its ARN.", |r| r.lb.arn.as_str().into())
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let of = cx.pack.context.triggers;
    let all = cx.report().load_balancers.iter();
    let rows: Vec<Row<'p>> =
        all.filter_map(|lb| Some(Row { lb, summary: of.and_then(|summary_of| summary_of(lb))? })).collect();
    let unasked = of.is_none().then_some("triggers were not asked for");
    Sheet::new(TITLE, columns(), rows.len(), rows).unknown_if(unasked.or_else(|| cx.without_reading()))
}
