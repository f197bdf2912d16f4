//! The event of the demo: a mode is lowered after the scan, and the load balancer is re-scanned; see `event.txt`.

use std::path::Path;
use std::sync::Arc;

use doorward_fakeaws::{DESYNC_MODE, Server};
use doorward_model::Arn;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::event::{self, EventHandler};
use crate::exit::{Exit, Failure};
use crate::plain::harmless;
use crate::settings::Settings;
use doorward_file::{Readers, write_file};

/// How long after the call its event arrives.
const LATER: SignedDuration = SignedDuration::from_secs(20);

/// Makes the call of the event and handles the event, with a copy of the ledger: the demo's ledger does not change.
pub(super) async fn take(
    event: &str,
    settings: &Settings,
    ledger: &Path,
    server: &Server,
    out: &Path,
) -> Result<(), Failure> {
    let wrong = |problem: &str| Failure::new(Exit::Usage, format!("event.json: {problem}"));
    let document: Value = serde_json::from_str(event).map_err(|e| wrong(&e.to_string()))?;
    let at = happen(&document, server).ok_or_else(|| wrong("it sets no mode of an existing load balancer"))?;
    let folder = tempfile::tempdir().map_err(|e| wrong(&format!("there is no place for a copy of the ledger: {e}")))?;
    let copy = folder.path().join("ledger.sqlite");
    std::fs::copy(ledger, &copy).map_err(|e| wrong(&format!("{} cannot be copied: {e}", ledger.display())))?;
    let handler = EventHandler {
        settings,
        ledger: copy,
        traffic: None,
        publish: true,
        notify: false,
        emulator: Some(super::emulator(server)?),
        clock: Arc::new(move || at + LATER),
    };
    let document = event::handle_demo(event, &handler).await?;
    let json = serde_json::to_string_pretty(&document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    for (name, text) in [("event.txt", harmless(&document.text()).into_owned()), ("event.json", json + "\n")] {
        let path = out.join(name);
        let written = write_file(&path, Readers::Owner, |file| std::io::Write::write_all(file, text.as_bytes()));
        written.map_err(|e| Failure::writing(&path.display().to_string(), &e))?;
    }
    Ok(())
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
