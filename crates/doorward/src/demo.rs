//! `doorward demo`: the whole program against an emulated organization in the same process.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use doorward_core::access::Emulator;
use doorward_fakeaws::{CallDetail, Options, RequestIds, Server, World};

use crate::cli::{Cli, DemoArguments};
use crate::exit::{Exit, Failure};
use crate::output::Format;
use crate::scan::{self, Order};
use crate::settings::Settings;

const WORLD: &str = include_str!("../../../examples/acme-org/org.toml");
const SETTINGS: &str = include_str!("../../../examples/acme-org/doorward.toml");

/// The demo's date: a demonstration gives the same output every day.
const TODAY: &str = "2026-11-02T09:00:00Z";

/// Runs `doorward demo`.
pub(crate) fn run(cli: &Cli, arguments: &DemoArguments) -> Result<Exit, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, problem);
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|e| usage(format!("{}: the folder cannot be made: {e}", out.display())))?;
    let (world, settings_file) = match &arguments.world {
        Some(folder) => {
            let path = folder.join("org.toml");
            let text = std::fs::read_to_string(&path)
                .map_err(|e| usage(format!("{}: the organization to emulate cannot be read: {e}", path.display())))?;
            let world = World::from_toml(&text).map_err(|e| usage(format!("{}: {e}", path.display())))?;
            (world, Some(folder.join("doorward.toml")).filter(|path| path.is_file()))
        }
        None => {
            let world = World::from_toml(WORLD)
                .map_err(|e| Failure::new(Exit::Internal, format!("the built-in organization: {e}")))?;
            let path = out.join("doorward.toml");
            std::fs::write(&path, SETTINGS)
                .map_err(|e| usage(format!("{}: cannot be written: {e}", path.display())))?;
            (world, Some(path))
        }
    };
    let settings = Settings::load(cli.config.as_deref().or(settings_file.as_deref()), &[])?;
    let today: Timestamp = TODAY.parse().map_err(|e| Failure::new(Exit::Internal, format!("the demo's date: {e}")))?;
    scan::runtime()?.block_on(async {
        let options = Options { calls: CallDetail::Counts, request_ids: RequestIds::ByContent, ..Options::default() };
        let server = Server::start(world, options)
            .await
            .map_err(|e| Failure::new(Exit::Preflight, format!("the emulator could not listen on 127.0.0.1: {e}")))?;
        let emulator = emulator(&server)?;
        let formats = formats(out);
        let saved = out.join("scan.saved.json");
        let order = Order {
            settings: &settings,
            formats: &formats,
            save: Some(&saved),
            emulator: Some(emulator),
            clock: Arc::new(move || today),
        };
        let exit = scan::execute(cli, order).await?;
        if !cli.quiet {
            let _ = writeln!(
                std::io::stderr(),
                "\nAlso written to {}: scan.txt, scan.json, scan.ndjson, scan.saved.json (and doorward.toml, the settings used).",
                out.display()
            );
        }
        Ok(exit)
    })
}

fn emulator(server: &Server) -> Result<Emulator, Failure> {
    let world = server.world();
    let caller = world
        .callers()
        .first()
        .ok_or_else(|| Failure::new(Exit::Usage, "the organization to emulate names no [[caller]] to scan as"))?;
    Ok(Emulator {
        endpoint_url: server.url(),
        access_key: (caller.access_key.clone(), caller.secret.clone()),
        region: world.home_region().to_owned(),
    })
}

fn formats(out: &Path) -> Vec<Format> {
    vec![
        Format::table(None),
        Format::table(Some(out.join("scan.txt"))),
        Format::json(Some(out.join("scan.json"))),
        Format::ndjson(Some(out.join("scan.ndjson"))),
    ]
}
