//! `doorward demo`: the whole program against an emulated organization in the same process.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use doorward_core::access::Emulator;
use doorward_fakeaws::{CallDetail, DESYNC_MODE, Options, RequestIds, Server, World};
use doorward_iac::Source;
use serde::Deserialize;

use crate::check::gather::{self, Gathered};
use crate::cli::{Cli, DemoArguments};
use crate::code::Code;
use crate::exit::{Exit, Failure};
use crate::history::{self, History};
use crate::memory;
use crate::output::Format;
use crate::places::Places;
use crate::scan::{self, Order};
use crate::settings::{self, Settings};

mod change;
mod event;
mod traffic;

const WORLD: &str = include_str!("../../../examples/acme-org/org.toml");
const SETTINGS: [(&str, &str); 2] = [
    ("doorward.toml", include_str!("../../../examples/acme-org/doorward.toml")),
    ("exceptions.toml", include_str!("../../../examples/acme-org/exceptions.toml")),
];

/// Where some of its load balancers are declared.
const IAC: [(&str, &str); 3] = [
    ("iac/partner.tf", include_str!("../../../examples/acme-org/iac/partner.tf")),
    ("iac/search.yaml", include_str!("../../../examples/acme-org/iac/search.yaml")),
    ("iac/storefront-edge.yaml", include_str!("../../../examples/acme-org/iac/storefront-edge.yaml")),
];

const PAST: &str = include_str!("../../../examples/acme-org/past.toml");
const CHANGE: &str = include_str!("../../../examples/acme-org/change.toml");
const EVENT: &str = include_str!("../../../examples/acme-org/event.json");

/// The demo's date: a demonstration gives the same output every day.
const TODAY: &str = "2026-11-02T09:00:00Z";

/// Runs `doorward demo`.
pub(crate) fn run(cli: &Cli, arguments: &DemoArguments) -> Result<Exit, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, problem);
    let out = &arguments.out;
    places(cli, arguments).check()?;
    std::fs::create_dir_all(out).map_err(|e| usage(format!("{}: the folder cannot be made: {e}", out.display())))?;
    let (world, settings_file, past, story, event) = match &arguments.world {
        Some(folder) => {
            let path = folder.join("org.toml");
            let text = std::fs::read_to_string(&path)
                .map_err(|e| usage(format!("{}: the organization to emulate cannot be read: {e}", path.display())))?;
            let world = World::from_toml(&text).map_err(|e| usage(format!("{}: {e}", path.display())))?;
            let past = std::fs::read_to_string(folder.join("past.toml")).unwrap_or_default();
            let story = std::fs::read_to_string(folder.join("change.toml")).ok();
            let event = std::fs::read_to_string(folder.join("event.json")).ok();
            (world, Some(folder.join("doorward.toml")).filter(|path| path.is_file()), past, story, event)
        }
        None => {
            let world = World::from_toml(WORLD)
                .map_err(|e| Failure::new(Exit::Internal, format!("the built-in organization: {e}")))?;
            for (name, text) in SETTINGS {
                let path = out.join(name);
                std::fs::write(&path, text)
                    .map_err(|e| usage(format!("{}: cannot be written: {e}", path.display())))?;
            }
            (world, Some(out.join("doorward.toml")), PAST.to_owned(), Some(CHANGE.to_owned()), Some(EVENT.to_owned()))
        }
    };
    let code = declarations(arguments.world.as_deref())?;
    let mut settings = Settings::load(cli.config.as_deref().or(settings_file.as_deref()), &[])?;
    let past: Past = toml_edit::de::from_str(&past).map_err(|e| usage(format!("past.toml: {}", e.message())))?;
    let today: Timestamp = TODAY.parse().map_err(|e| Failure::new(Exit::Internal, format!("the demo's date: {e}")))?;
    let ledger = out.join("ledger.sqlite");
    for leftover in ["", "-wal", "-shm"] {
        // Every demonstration begins with an empty memory.
        let _ = std::fs::remove_file(format!("{}{leftover}", ledger.display()));
    }
    for pack in std::fs::read_dir(out.join("evidence")).into_iter().flatten().flatten() {
        // Every demonstration is of the same run, and evidence is not overwritten.
        if pack.file_name().to_string_lossy().starts_with(&today.strftime("%Y%m%dT%H%M%S.").to_string()) {
            let _ = std::fs::remove_dir_all(pack.path());
        }
    }
    settings.ledger.enabled = true;
    settings.ledger.path = Some(ledger.clone());
    scan::runtime()?.block_on(async {
        let options =
            Options { calls: CallDetail::Counts, request_ids: RequestIds::ByContent, ..Options::default() };
        let server = Server::start(world, options)
            .await
            .map_err(|e| Failure::new(Exit::Preflight, format!("the emulator could not listen on 127.0.0.1: {e}")))?;
        for earlier in &past.scan {
            earlier.scan(&settings, &server).await?;
        }
        // Where nothing was scanned before, nobody knows yet where logs lie.
        let traffic = if past.scan.is_empty() {
            None
        } else {
            traffic::read(&settings, &ledger, &server, today).await?
        };
        if let Some(traffic) = &traffic {
            crate::traffic::save(traffic, &out.join("traffic.json"))?;
        }
        let formats = formats(out);
        let order = Order {
            places: Places::default(),
            settings: &settings,
            formats: &formats,
            save: Some(&out.join("scan.saved")),
            traffic: traffic.as_ref(),
            code: code.as_ref(),
            resume: false,
            quiet: cli.quiet,
            stop: None,
            emulator: Some(emulator(&server)?),
            clock: Arc::new(move || today),
        };
        let exit = scan::execute(order, cli.colour_on_stdout()).await?.exit;
        let history = History::of(&memory::read_only(&ledger)?)?;
        history::write_beside(&history, out)?;
        if let Some(story) = &story {
            change::walk(story, &settings, &ledger, &server, traffic.as_ref(), out, today).await?;
        }
        if let Some(event) = &event {
            event::take(event, &settings, &ledger, &server, out).await?;
        }
        if !cli.quiet {
            let _ = writeln!(
                std::io::stderr(),
                "\nAlso written to {0}: scan.html to look at, owners/ with a page for each owner, evidence/ with a pack for an auditor\n(`doorward verify {0}/evidence`), scan.txt, scan.csv, scan.json, scan.ndjson, scan.asff.json, scan.ocsf.ndjson, scan.saved;\nthe settings used are in doorward.toml and exceptions.toml there; change.txt tells of a change that was watched and rolled\nback, by the plan in change-plan.md, event.txt of a mode that somebody turned off; `doorward history --ledger {0}/ledger.sqlite` shows what became of it over {1} scans.",
                out.display(),
                past.scan.len() + 1
            );
        }
        Ok(exit)
    })
}

/// What a demonstration must not replace: it writes a ledger and settings of its own. Where the settings that are found are those
/// of an earlier demonstration, there is nothing of anybody's to keep.
fn places(cli: &Cli, arguments: &DemoArguments) -> Places {
    let is_own = |file: &Path| std::fs::read_to_string(file).is_ok_and(|text| text == SETTINGS[0].1);
    let config = cli.config.as_deref();
    let mut places = match settings::locate(config) {
        Some(file) if is_own(&file) => Places::default(),
        _ => Places::found(config),
    };
    if let Some(world) = &arguments.world {
        places.keep_all("a file of the example", world);
    }
    places.folder("--out", &arguments.out);
    places
}

/// Where the example's load balancers are declared: the folder `iac` beside its organization, called by that name wherever the
/// example lies.
fn declarations(folder: Option<&Path>) -> Result<Option<Code>, Failure> {
    let mut gathered = match folder {
        None => Gathered::default(),
        Some(folder) if folder.join("iac").is_dir() => gather::all(&[folder.join("iac")])?,
        Some(_) => return Ok(None),
    };
    let named =
        |path: &str| path.rsplit_once("/iac/").map_or_else(|| path.to_owned(), |(_, rest)| format!("iac/{rest}"));
    gathered.sources.iter_mut().for_each(|source| source.path = named(&source.path));
    gathered.problems.iter_mut().for_each(|problem| problem.file = named(&problem.file));
    for unread in &mut gathered.unread {
        (unread.address, unread.place.file) = (named(&unread.address), named(&unread.place.file));
    }
    for (path, text) in IAC.into_iter().filter(|_| folder.is_none()) {
        match Source::new(path, text.as_bytes().to_vec(), true) {
            Ok(source) => gathered.sources.push(source),
            Err(problem) => gathered.problems.push(problem),
        }
    }
    Ok(Some(Code::of(gathered)))
}

/// What an example was like before.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Past {
    /// Earlier scans, oldest first.
    #[serde(default)]
    scan: Vec<Earlier>,
}

/// One earlier scan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    /// When it was.
    at: Timestamp,
    /// Modes that were others than they are now.
    #[serde(default)]
    modes: Vec<OldMode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OldMode {
    account: String,
    region: String,
    name: String,
    mode: String,
}

impl Earlier {
    /// Puts the old modes into the emulated world, scans, and puts the new ones back.
    async fn scan(&self, settings: &Settings, server: &Server) -> Result<(), Failure> {
        let world = server.world();
        let set = |old: &OldMode, mode: Option<&str>| {
            world.set_attribute(&old.account, &old.region, &old.name, DESYNC_MODE, mode)
        };
        let mut present = Vec::new();
        for old in &self.modes {
            present.push(world.attribute(&old.account, &old.region, &old.name, DESYNC_MODE));
            if !set(old, Some(&old.mode)) {
                let problem =
                    format!("past.toml: there is no load balancer {} in {} {}", old.name, old.account, old.region);
                return Err(Failure::new(Exit::Usage, problem));
            }
        }
        let at = self.at;
        let order = Order {
            places: Places::default(),
            settings,
            formats: &[],
            save: None,
            traffic: None,
            code: None,
            resume: false,
            quiet: true,
            stop: None,
            emulator: Some(emulator(server)?),
            clock: Arc::new(move || at),
        };
        scan::execute(order, false).await?;
        for (old, mode) in self.modes.iter().zip(present) {
            set(old, mode.as_deref());
        }
        Ok(())
    }
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
    [Format::table(None)].into_iter().chain(Format::all_into(out)).collect()
}
