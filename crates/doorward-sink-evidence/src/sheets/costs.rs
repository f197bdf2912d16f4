//! What load balancers cost, one row for each load balancer and currency.

use doorward_model::{CostCentres, CostStanding, LoadBalancer, LoadBalancerCost, Money};

use super::SheetContext;
use crate::sheet::{ColumnKind, Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Costs",
    file: "costs",
    about: "The cost of each load balancer that has a price, with currency, period and source: one row for each \
         currency. Filter by Idle to see waste, and by Weaker to see cost at risk. A load balancer whose price is \
         not known has no row; this does not mean that it costs nothing.",
};

struct Row<'p> {
    lb: &'p LoadBalancer,
    cost: &'p LoadBalancerCost,
    money: &'p Money,
    centre: String,
    idle: Option<bool>,
    weaker: Option<bool>,
}

fn word(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Load balancer", 28, "Its name.", |r| r.lb.name.as_str().into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.lb.account.as_str().into())
        .text("Region", 15, "The AWS Region.", |r| r.lb.region.as_str().into())
        .text("Owner", 22, "The owner.", |r| r.lb.owner_label().into())
        .text("Cost centre", 22, "From the tags that the settings name; blank if they name none.", |r| {
            r.centre.as_str().into()
        })
        .with(
            ColumnKind::Word,
            "Idle",
            8,
            "Whether the rule load-balancer-idle found no traffic; unknown if not enough was read.",
            |r| word(r.idle).into(),
        )
        .with(
            ColumnKind::Word,
            "Weaker",
            8,
            "Whether it is weaker than the policy requires, without an exception; unknown if its mode is unknown.",
            |r| word(r.weaker).into(),
        )
        .text("Currency", 10, "The currency, as ISO 4217 names it.", |r| r.money.currency.as_str().into())
        .with(ColumnKind::Id, "Amount", 16, "The exact amount, as text; credits and refunds are subtracted.", |r| {
            r.money.amount.to_string().into()
        })
        .with(
            ColumnKind::Word,
            "At least",
            10,
            "Whether the real cost is higher, because the cost of capacity is not \
             known.",
            |r| word(Some(r.cost.at_least)).into(),
        )
        .text("Period", 26, "The period of the amount.", |r| r.cost.period().into())
        .text("Source", 44, "The source of the amount.", |r| r.cost.source.as_str().into())
        .text("ARN", 80, "Its ARN (composed for classic load balancers, which have none).", |r| {
            r.lb.arn.as_str().into()
        })
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let report = cx.report();
    let centres = CostCentres::new(&report.accounts, &cx.pack.context.cost_centre_tags);
    let standing = CostStanding::of(&report.findings);
    let priced = report.load_balancers.iter().filter_map(|lb| Some((lb, lb.cost.as_deref()?)));
    let rows: Vec<Row<'p>> = priced
        .flat_map(|(lb, cost)| cost.amounts.iter().map(move |money| (lb, cost, money)))
        .map(|(lb, cost, money)| Row {
            lb,
            cost,
            money,
            centre: centres.of(lb),
            idle: standing.is_idle(lb),
            weaker: standing.is_weaker(lb),
        })
        .collect();
    Sheet::new(TITLE, columns(), rows.len(), rows).unknown_if(Some("no price of a load balancer is known"))
}
