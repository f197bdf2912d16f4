//! The event of a demonstration: a call that lowers the mode of a load balancer.

use doorward_fakeaws::{DESYNC_MODE, Server};
use doorward_model::Arn;
use jiff::Timestamp;
use serde_json::Value;

use crate::ExampleError;

/// Makes the call that an event in the form of EventBridge is about; returns its time.
///
/// # Errors
///
/// The text is no such event, or is about a load balancer that the emulated world does not have.
pub fn make_call_of(event: &str, server: &Server) -> Result<Timestamp, ExampleError> {
    let wrong = |problem: &str| ExampleError::file("event.json", problem);
    let document: Value = serde_json::from_str(event).map_err(|e| wrong(&e.to_string()))?;
    happen(&document, server).ok_or_else(|| wrong("it sets no mode of an existing load balancer"))
}

/// Sets the mode in the emulated organization; returns the time of the call.
fn happen(document: &Value, server: &Server) -> Option<Timestamp> {
    let detail = document.get("detail")?;
    let asked = detail.get("requestParameters")?;
    let arn = Arn::new(asked.get("loadBalancerArn")?.as_str()?).ok()?;
    let name = arn.resource().split('/').nth(2)?;
    let attributes = asked.get("attributes")?.as_array()?.iter();
    let mode = attributes.filter(|one| one["key"] == DESYNC_MODE).find_map(|one| one["value"].as_str())?;
    let set = server.world().set_attribute(arn.account(), arn.region(), name, DESYNC_MODE, Some(mode));
    detail.get("eventTime")?.as_str()?.parse().ok().filter(|_| set)
}
