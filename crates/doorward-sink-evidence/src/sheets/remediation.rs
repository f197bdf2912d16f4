//! Remediation log: every mode change that Doorward planned, with its status.

use doorward_model::{AppliedChange, Arn, LoadBalancer};

use super::SheetContext;
use crate::sheet::{Columns, Kind, Sheet, Title};

const TITLE: Title = Title {
    tab: "Remediation log",
    file: "remediation",
    about: "Every change of a mode that Doorward was instructed to make, the oldest first for each load balancer: who \
     approved it, why, AWS's request id and what came of it. What is not here was not changed as far as the ledger knows; \
     without a ledger (see the sheet Cover) they are unknown. Load balancers that the scan did not find come last: deleted, or \
     where it did not look.",
};

struct Row<'p> {
    arn: &'p Arn,
    /// None where the scan did not find it.
    lb: Option<&'p LoadBalancer>,
    change: &'p AppliedChange,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Load balancer", 28, "Its name.", |r| r.arn.load_balancer_name().into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.arn.account().into())
        .text("Region", 15, "The AWS Region.", |r| r.arn.region().into())
        .text("Owner", 22, "Who is responsible; blank where the scan did not find it.", |r| {
            r.lb.map(LoadBalancer::owner_label).into()
        })
        .text("Change", 30, "The change's id; one change may be of many load balancers.", |r| {
            r.change.change.as_str().into()
        })
        .time("Since", "When it came to stand where it stands.", |r| Some(r.change.at))
        .text("Mode before", 14, "The mode it was planned to leave.", |r| r.change.from.as_str().into())
        .text("Mode planned", 14, "The mode it was planned to enter.", |r| r.change.to.as_str().into())
        .with(
            Kind::Word,
            "Status",
            22,
            "Where it stands: changed and read again, already as wanted, refused, failed, changed by another party \
             meanwhile, rolled back or not, or unknown whether it was changed.",
            |r| r.change.status.label().into(),
        )
        .text("Observed mode", 16, "The mode that this scan saw; the rule desync-mode-reverted compares it.", |r| {
            r.lb.map_or_else(|| "not found".into(), |lb| super::seen(&lb.mode).into())
        })
        .text("Approved by", 22, "Who approved the change, or its roll-back.", |r| r.change.by.as_str().into())
        .prose("Why planned", 44, "Why the plan wanted it.", |r| r.change.why.as_str().into())
        .prose("Detail", 50, "What was refused or failed, and why; blank where the status says it all.", |r| {
            r.change.detail.as_str().into()
        })
        .text("Request id", 38, "AWS's id of the last call that set something; CloudTrail has the same.", |r| {
            r.change.request_id.as_deref().into()
        })
        .text("ARN", 80, "Its ARN; composed for classic load balancers, which have none.", |r| r.arn.as_str().into())
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let report = cx.report();
    let found = report.load_balancers.iter().map(|lb| (&lb.arn, Some(lb), &lb.changes));
    let unfound = report.changes_unfound.iter().map(|(arn, changes)| (arn, None, changes));
    let rows: Vec<Row<'p>> = found
        .chain(unfound)
        .flat_map(|(arn, lb, changes)| changes.iter().map(move |change| Row { arn, lb, change }))
        .collect();
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
