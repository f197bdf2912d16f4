//! The key figures and the costs of an owner.

use doorward_model::{CostTally, PostureFigure, kpi_figures};

use crate::OwnersContext;
use crate::partition::OwnerGroup;

/// The figures of an owner, each with what it is made of: from the ledger, and of costs where a price is known.
pub(super) fn of(share: &OwnerGroup<'_>, context: &OwnersContext) -> Vec<PostureFigure> {
    let mut figures = context.history.kpi_of_owner(share.label()).map(kpi_figures).unwrap_or_default();
    let load_balancers = share.load_balancers.iter().map(|held| held.lb);
    let findings = share.load_balancers.iter().flat_map(|held| held.findings.iter().copied());
    if let Some(costs) = CostTally::of(load_balancers, findings) {
        let basis = costs.total.basis().unwrap_or_default();
        let figure = |id, label, figure: String| PostureFigure { id, label, figure, of: basis.clone() };
        figures.push(figure("cost", "Cost", costs.total.sentence()));
        figures.push(figure("idle-cost", "Cost of idle load balancers", costs.idle.sentence()));
        figures.push(figure("cost-at-risk", "Cost of load balancers weaker than required", costs.at_risk.sentence()));
    }
    figures
}
