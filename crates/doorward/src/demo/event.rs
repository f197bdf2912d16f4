//! The event of the demo: a mode is lowered after the scan, and the load balancer is re-scanned; see `event.txt`.

use std::path::Path;
use std::sync::Arc;

use doorward_demo::make_call_of;
use doorward_fakeaws::Server;
use jiff::SignedDuration;

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
    let at = make_call_of(event, server)?;
    let folder = tempfile::tempdir().map_err(|e| wrong(&format!("there is no place for a copy of the ledger: {e}")))?;
    let copy = folder.path().join("ledger.sqlite");
    std::fs::copy(ledger, &copy).map_err(|e| wrong(&format!("{} cannot be copied: {e}", ledger.display())))?;
    let handler = EventHandler {
        settings,
        ledger: copy,
        traffic: None,
        publish: true,
        notify: false,
        emulator: Some(doorward_demo::emulator(server)?),
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
