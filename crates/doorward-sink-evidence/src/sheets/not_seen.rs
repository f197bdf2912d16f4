//! Not seen now: load balancers and findings of earlier scans that this scan did not observe. They count as last seen.

use doorward_model::{UnseenFinding, UnseenLoadBalancer, WhyUnseen};

use super::SheetContext;
use crate::sheet::{ColumnKind, Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Not seen now",
    file: "unseen",
    about: "Load balancers and failures that earlier scans observed and this one did not. They may still exist and \
         still fail, so no figure counts them as fixed. Without a ledger (see the sheet Cover), they are unknown, \
         and the sheet has no rows and says why.",
};

/// One line: exactly one of the two.
enum Row<'p> {
    LoadBalancer(&'p UnseenLoadBalancer),
    Finding(&'p UnseenFinding),
}

impl<'p> Row<'p> {
    /// The value, of either kind.
    fn either<T>(
        &self,
        lb: impl FnOnce(&'p UnseenLoadBalancer) -> T,
        finding: impl FnOnce(&'p UnseenFinding) -> T,
    ) -> T {
        match self {
            Self::LoadBalancer(one) => lb(one),
            Self::Finding(one) => finding(one),
        }
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .with(
            ColumnKind::Word,
            "What",
            14,
            "load balancer, or failure: a rule that failed when it was last seen.",
            |r| r.either(|_| "load balancer", |_| "failure").into(),
        )
        .text("Load balancer", 28, "Its name.", |r| r.either(|lb| lb.name.as_str(), |f| f.name.as_str()).into())
        .text("Rule", 28, "The rule that failed; blank for a load balancer.", |r| {
            r.either(|_| "", |f| f.rule.as_str()).into()
        })
        .text("Severity", 14, "The severity of the failure when it was last seen.", |r| {
            r.either(|_| None, |f| f.severity).map(|severity| severity.as_str()).into()
        })
        .with(
            ColumnKind::Word,
            "Excepted",
            10,
            "yes if an exception permitted the failure when it was last seen.",
            |r| r.either(|_| "", |f| if f.excepted { "yes" } else { "no" }).into(),
        )
        .text("Mode when last seen", 20, "The mode of the load balancer when it was last seen.", |r| {
            r.either(|lb| lb.mode.and_then(|mode| mode.mode()).map(|mode| mode.as_str()), |_| None).into()
        })
        .text("Why not seen", 30, "Why this scan did not observe it.", |r| {
            r.either(|_| WhyUnseen::LoadBalancerNotSeen, |f| f.because).sentence().into()
        })
        .time("Last seen", "When a scan last observed it.", |r| Some(r.either(|lb| lb.last_seen, |f| f.last_seen)))
        .time("First seen", "When a scan first saw the rule fail; blank for a load balancer.", |r| {
            r.either(|_| None, |f| Some(f.first_seen))
        })
        .text("Owner", 22, "The owner, as last read.", |r| {
            r.either(|lb| lb.owner.as_str(), |f| f.owner.as_str()).into()
        })
        .id("Account", 14, "The account id, twelve digits, as text.", |r| {
            r.either(|lb| lb.account.as_str(), |f| f.account.as_str()).into()
        })
        .text("Unit", 20, "The organizational unit, as last read.", |r| {
            r.either(|lb| lb.unit.as_str(), |f| f.unit.as_str()).into()
        })
        .text("Region", 15, "The AWS Region.", |r| r.either(|lb| lb.region.as_str(), |f| f.region.as_str()).into())
        .text("Kind", 12, "application, classic, network or gateway.", |r| {
            r.either(|lb| lb.kind.as_str(), |f| f.kind.as_str()).into()
        })
        .text("ARN", 80, "The load balancer's ARN.", |r| {
            r.either(|lb| lb.arn.as_str(), |f| f.load_balancer.as_str()).into()
        })
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let unseen = cx.report().unseen.as_ref();
    let load_balancers = unseen.iter().flat_map(|unseen| &unseen.load_balancers).map(Row::LoadBalancer);
    let findings = unseen.iter().flat_map(|unseen| &unseen.findings).map(Row::Finding);
    let rows: Vec<Row<'p>> = load_balancers.chain(findings).collect();
    let unknown = unseen.is_none().then(|| cx.without_ledger().unwrap_or("the scan was saved without it"));
    Sheet::new(TITLE, columns(), rows.len(), rows).unknown_if(unknown)
}
