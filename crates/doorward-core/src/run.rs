//! The run of a scan, an event or a change: who reads, since when.

use doorward_aws::Access;
use doorward_model::Run;
use jiff::Timestamp;

/// A new run of the base identity, which has not finished.
pub fn run_of(access: &Access, started: Timestamp) -> Run {
    Run {
        // To the microsecond, so that scans that begin together differ.
        id: format!("{}-{}", started.strftime("%Y%m%dT%H%M%S.%6fZ"), access.account()),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        finished: started,
        caller: access.identity().clone(),
        account: access.account().clone(),
        partition: access.partition().to_owned(),
        home_region: access.home_region().clone(),
        clock_offset: access.clock_offset(),
        interrupted: false,
        only: None,
        unmatched: Vec::new(),
    }
}
