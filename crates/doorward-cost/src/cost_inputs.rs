//! Where the costs of a scan come from: an export first, then list prices.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use doorward_model::{Arn, LoadBalancer, LoadBalancerCost};
use jiff::Timestamp;

use crate::error::CostError;
use crate::export::BillingExport;
use crate::price_table::PriceTable;
use crate::settings::CostSettings;

/// The sources of costs.
#[derive(Debug, Clone, Default)]
pub struct CostInputs {
    prices: Option<PriceTable>,
    export: Option<BillingExport>,
}

impl CostInputs {
    /// Reads what the settings name, and the export that a command names in their place.
    ///
    /// # Errors
    /// When a file cannot be read or is not what it must be.
    pub fn read(settings: &CostSettings, export: Option<&Path>) -> Result<Self, CostError> {
        let prices = match (&settings.price_file, settings.list_prices) {
            (Some(path), true) => Some(PriceTable::read(path)?),
            (None, true) => Some(PriceTable::built_in()?),
            (_, false) => None,
        };
        let export = export.or(settings.export.as_deref()).map(BillingExport::read).transpose()?;
        Ok(Self { prices, export })
    }

    /// The export, if there is one.
    pub const fn export(&self) -> Option<&BillingExport> {
        self.export.as_ref()
    }

    /// The cost of each load balancer that has one, as of a time: the newest month of the export that was over then, and list prices of those
    /// that the export does not have.
    pub fn costs(&self, load_balancers: &[LoadBalancer], at: Timestamp) -> BTreeMap<Arn, Arc<LoadBalancerCost>> {
        let charged = self.export.as_ref().map(|export| export.costs(at)).unwrap_or_default();
        let of = |lb: &LoadBalancer| {
            let charged = charged.get(&lb.arn).cloned();
            let cost = charged.or_else(|| self.prices.as_ref().and_then(|prices| prices.cost(lb)))?;
            Some((lb.arn.clone(), cost))
        };
        load_balancers.iter().filter_map(of).collect()
    }
}
