//! Remediation log: every change of an attribute that Doorward planned, with its status.

use doorward_model::{AppliedChange, Arn, AttributeChange, ChangeStatus, LoadBalancer, Observed};
use jiff::Timestamp;

use super::SheetContext;
use crate::sheet::{ColumnKind, Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Remediation log",
    file: "remediation",
    about: "Every change of a mode, or of the removal of invalid header fields, that Doorward was instructed to \
         make, oldest first for each load balancer: the approver, the reason, AWS's request id and the result. The \
         ledger knows of no other change; without a ledger (see the sheet Cover), changes are unknown. Load \
         balancers that the scan did not find come last: they were deleted, or the scan did not read their \
         account-Region.",
};

struct Row<'p> {
    arn: &'p Arn,
    /// None where the scan did not find it.
    lb: Option<&'p LoadBalancer>,
    change: LoggedChange<'p>,
}

/// A change of the mode, or of another attribute.
#[derive(Clone, Copy)]
enum LoggedChange<'p> {
    Mode(&'p AppliedChange),
    Attribute(&'p AttributeChange),
}

impl<'p> LoggedChange<'p> {
    fn mode(self) -> Option<&'p AppliedChange> {
        match self {
            Self::Mode(change) => Some(change),
            Self::Attribute(_) => None,
        }
    }

    fn id(self) -> &'p str {
        match self {
            Self::Mode(change) => &change.change,
            Self::Attribute(change) => &change.change,
        }
    }

    fn at(self) -> Timestamp {
        match self {
            Self::Mode(change) => change.at,
            Self::Attribute(change) => change.at,
        }
    }

    fn before(self) -> &'p str {
        match self {
            Self::Mode(change) => change.from.as_str(),
            Self::Attribute(change) => &change.from,
        }
    }

    fn planned(self) -> &'p str {
        match self {
            Self::Mode(change) => change.to.as_str(),
            Self::Attribute(change) => &change.to,
        }
    }

    fn status(self) -> ChangeStatus {
        match self {
            Self::Mode(change) => change.status,
            Self::Attribute(change) => change.status,
        }
    }

    /// The person who approved it, the reason in the plan, and what was refused or failed.
    fn words(self) -> [&'p str; 3] {
        match self {
            Self::Mode(change) => [&change.by, &change.why, &change.detail],
            Self::Attribute(change) => [&change.by, &change.why, &change.detail],
        }
    }

    fn request_id(self) -> Option<&'p str> {
        match self {
            Self::Mode(change) => change.request_id.as_deref(),
            Self::Attribute(change) => change.request_id.as_deref(),
        }
    }

    /// The key of the attribute, in AWS's spelling.
    fn attribute(self, arn: &Arn) -> &'p str {
        match self {
            // The ARN of a classic load balancer ends in its name; those of other kinds have the kind before it.
            Self::Mode(_) if arn.resource().split('/').count() == 2 => doorward_model::Kind::Classic.mode_attribute(),
            Self::Mode(_) => doorward_model::Kind::Application.mode_attribute(),
            Self::Attribute(change) => &change.attribute,
        }
    }

    /// The value that this scan saw.
    fn observed(self, lb: &LoadBalancer) -> String {
        match self {
            Self::Mode(_) => super::seen(&lb.mode),
            Self::Attribute(change) => match &lb.attributes {
                Observed::Known(attributes) => attributes.get(&change.attribute).unwrap_or("(absent)").to_owned(),
                other => super::seen(&other.as_ref().map(|_| "")),
            },
        }
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Load balancer", 28, "Its name.", |r| r.arn.load_balancer_name().into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.arn.account().into())
        .text("Region", 15, "The AWS Region.", |r| r.arn.region().into())
        .text("Owner", 22, "The owner; blank if the scan did not find the load balancer.", |r| {
            r.lb.map(LoadBalancer::owner_label).into()
        })
        .text("Change", 30, "The id of the change; one change can contain many load balancers.", |r| r.change.id().into())
        .time("Since", "When the change reached its current state.", |r| Some(r.change.at()))
        .text("Mode before", 14, "The mode from which the change was planned; blank for other attributes.", |r| {
            r.change.mode().map(|change| change.from.as_str()).into()
        })
        .text("Mode planned", 14, "The mode to which the change was planned; blank for other attributes.", |r| {
            r.change.mode().map(|change| change.to.as_str()).into()
        })
        .with(
            ColumnKind::Word,
            "Status",
            22,
            "The state of the change: changed and read again, already in the planned state, refused, failed, changed by another party \
             meanwhile, rolled back or not, or unknown whether it was changed.",
            |r| r.change.status().label().into(),
        )
        .text("Observed mode", 16, "The mode that this scan observed; the rule desync-mode-reverted compares it.", |r| {
            r.lb.map_or_else(|| "not found".into(), |lb| super::seen(&lb.mode).into())
        })
        .text("Approved by", 22, "Who approved the change or its rollback.", |r| r.change.words()[0].into())
        .prose("Why planned", 44, "The reason in the plan.", |r| r.change.words()[1].into())
        .prose("Detail", 50, "What was refused or failed, and why; blank if the status needs no explanation.", |r| {
            r.change.words()[2].into()
        })
        .text("Request id", 38, "AWS's id of the last call that set a value; CloudTrail records the same id.", |r| {
            r.change.request_id().into()
        })
        .text("ARN", 80, "Its ARN (composed for classic load balancers, which have none).", |r| r.arn.as_str().into())
        .text("Attribute", 44, "The attribute to change, by AWS's key.", |r| {
            r.change.attribute(r.arn).into()
        })
        .text("Value before", 14, "Its previous value: a mode, or true or false.", |r| r.change.before().into())
        .text("Value planned", 14, "The planned value.", |r| r.change.planned().into())
        .text("Observed value", 16, "The value that this scan observed.", |r| {
            r.lb.map_or_else(|| "not found".into(), |lb| r.change.observed(lb).into())
        })
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let report = cx.report();
    let found = report.load_balancers.iter().map(|lb| (&lb.arn, Some(lb), &lb.changes));
    let unfound = report.changes_unfound.iter().map(|(arn, changes)| (arn, None, changes));
    let others = cx.pack.context.attribute_changes.as_deref().unwrap_or_default();
    let mut rows: Vec<Row<'p>> = Vec::new();
    for (arn, lb, changes) in found.chain(unfound) {
        let modes = changes.iter().map(|change| Row { arn, lb, change: LoggedChange::Mode(change) });
        let own = others.iter().filter(|change| change.load_balancer == *arn);
        let mut both: Vec<Row<'p>> =
            modes.chain(own.map(|change| Row { arn, lb, change: LoggedChange::Attribute(change) })).collect();
        both.sort_by_key(|row| row.change.at());
        rows.extend(both);
    }
    // Those of load balancers that the scan did not find and whose mode was never changed.
    let known = |arn: &Arn| cx.load_balancer_named(arn).is_some() || report.changes_unfound.contains_key(arn);
    let mut rest: Vec<&AttributeChange> = others.iter().filter(|change| !known(&change.load_balancer)).collect();
    rest.sort_by_key(|change| (&change.load_balancer, change.at));
    rows.extend(rest.into_iter().map(|change| Row {
        arn: &change.load_balancer,
        lb: None,
        change: LoggedChange::Attribute(change),
    }));
    Sheet::new(TITLE, columns(), rows.len(), rows).unknown_if(cx.without_ledger())
}
