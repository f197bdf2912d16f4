//! The emulator's own endpoints under `/_fake/`: health, world summary, call log, faults.

use hyper::Method;
use serde_json::json;

use super::state::State;
use crate::faults::{FaultPlan, FaultSpec};

/// Status and JSON body of a control request.
pub(super) fn control(state: &State, method: &Method, path: &str, body: &[u8]) -> (u16, String) {
    match (method.as_str(), path) {
        ("GET", "/_fake/health") => (200, json!({"status": "ok"}).to_string()),
        ("GET", "/_fake/world") => (200, json!(state.world.summary()).to_string()),
        ("GET", "/_fake/calls") => (200, json!(state.calls.records()).to_string()),
        ("GET", "/_fake/counts") => (200, json!(state.calls.counts()).to_string()),
        ("DELETE", "/_fake/calls") => {
            state.calls.clear();
            (200, json!({"status": "ok"}).to_string())
        }
        ("GET", "/_fake/faults") => (200, json!({"fired": state.faults().fired()}).to_string()),
        ("DELETE", "/_fake/faults") => {
            state.set_faults(FaultPlan::default());
            (200, json!({"armed": 0}).to_string())
        }
        ("POST", "/_fake/faults") => match arm(state, body) {
            Ok(armed) => (200, json!({"armed": armed}).to_string()),
            Err(error) => (400, json!({"error": error}).to_string()),
        },
        _ => (404, json!({"error": "no such endpoint"}).to_string()),
    }
}

fn arm(state: &State, body: &[u8]) -> Result<usize, String> {
    let specs: Vec<FaultSpec> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let faults: Vec<_> = specs.iter().map(FaultSpec::to_fault).collect::<Result<_, _>>()?;
    let armed = faults.len();
    state.set_faults(FaultPlan::new(faults));
    Ok(armed)
}
