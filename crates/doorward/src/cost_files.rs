//! The costs that commands join to load balancers.

use std::path::Path;

use doorward_cost::{CostError, CostInputs, CostSettings};

use crate::exit::{Exit, Failure};

/// Reads what the settings and `--cost` name, and reports what of an export belongs to no load balancer.
pub(crate) fn read(settings: &CostSettings, export: Option<&Path>, quiet: bool) -> Result<CostInputs, Failure> {
    let read = CostInputs::read(settings, export);
    let costs = read.map_err(|error: CostError| Failure::new(Exit::Usage, error.to_string()))?;
    if let Some(export) = costs.export().filter(|_| !quiet) {
        crate::io::log(&export.summary());
    }
    Ok(costs)
}
