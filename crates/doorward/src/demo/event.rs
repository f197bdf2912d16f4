//! The event of a demonstration: somebody turns a mode off after the scan, and it is looked at at once, in `event.txt`.

use std::path::Path;
use std::sync::Arc;

use doorward_fakeaws::{DESYNC_MODE, Server};
use doorward_model::Arn;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::event::{self, EventHandler};
use crate::exit::{Exit, Failure};
use crate::output::{Readers, write_file};
use crate::plain::harmless;
use crate::settings::Settings;

/// How long after the call its event is taken in.
const LATER: SignedDuration = SignedDuration::from_secs(20);

/// Does what the event tells of, and takes it in, with a copy of the ledger: what the scans left stays as it is.
pub(super) async fn take(
    event: &str,
    settings: &Settings,
    ledger: &Path,
    server: &Server,
    out: &Path,
) -> Result<(), Failure> {
    let wrong = |problem: &str| Failure::new(Exit::Usage, format!("event.json: {problem}"));
    let told: Value = serde_json::from_str(event).map_err(|e| wrong(&e.to_string()))?;
    let at = happen(&told, server).ok_or_else(|| wrong("it tells of no mode of a load balancer that is there"))?;
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

/// Puts the mode into the emulated world, and says when the call was made.
fn happen(told: &Value, server: &Server) -> Option<Timestamp> {
    let detail = told.get("detail")?;
    let asked = detail.get("requestParameters")?;
    let arn = Arn::new(asked.get("loadBalancerArn")?.as_str()?).ok()?;
    let name = arn.resource().split('/').nth(2)?;
    let attributes = asked.get("attributes")?.as_array()?.iter();
    let mode = attributes.filter(|one| one["key"] == DESYNC_MODE).find_map(|one| one["value"].as_str())?;
    let set = server.world().set_attribute(arn.account(), arn.region(), name, DESYNC_MODE, Some(mode));
    detail.get("eventTime")?.as_str()?.parse().ok().filter(|_| set)
}
