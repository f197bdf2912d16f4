//! `doorward demo`: runs the program against an emulated organization in the same process.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use doorward_aws::access::Emulator;
use doorward_check::{Gathered, SearchOptions, gather};
use doorward_fakeaws::{CallDetail, DESYNC_MODE, Options, RequestIds, Server, World};
use doorward_iac::SourceFile;
use serde::Deserialize;

use crate::cli::{Cli, DemoArguments};
use crate::declarations::Declarations;
use crate::exit::{Exit, Failure};
use crate::history;
use crate::scan::{self, ScanRequest};
use crate::settings::Settings;
use crate::sinks::{Format, REGISTRY};
use doorward_file::places::Places;

mod change;
mod event;
mod metric_days;
mod traffic;

const WORLD: &str = include_str!("../../../examples/acme-org/org.toml");
const SETTINGS: [(&str, &str); 2] = [
    ("doorward.toml", include_str!("../../../examples/acme-org/doorward.toml")),
    ("exceptions.toml", include_str!("../../../examples/acme-org/exceptions.toml")),
];

/// Declarations of some of its load balancers.
const IAC: [(&str, &str); 3] = [
    ("iac/partner.tf", include_str!("../../../examples/acme-org/iac/partner.tf")),
    ("iac/search.yaml", include_str!("../../../examples/acme-org/iac/search.yaml")),
    ("iac/storefront-edge.yaml", include_str!("../../../examples/acme-org/iac/storefront-edge.yaml")),
];

const PAST: &str = include_str!("../../../examples/acme-org/past.toml");
const CHANGE: &str = include_str!("../../../examples/acme-org/change.toml");
const EVENT: &str = include_str!("../../../examples/acme-org/event.json");

/// The built-in organization in which a part cannot be read.
const GAPS: (&str, &str) =
    (include_str!("../../../examples/gaps-org/org.toml"), include_str!("../../../examples/gaps-org/doorward.toml"));

/// The demo's date: its output is the same every day.
const TODAY: &str = "2026-11-02T09:00:00Z";

/// Runs `doorward demo`.
pub(crate) fn run(cli: &Cli, arguments: &DemoArguments) -> Result<Exit, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, problem);
    let out = &arguments.out;
    places(cli, arguments).check()?;
    let unwritable = |path: &Path, e: std::io::Error| {
        Failure::new(Exit::Preflight, format!("{}: cannot be written: {e}", path.display()))
    };
    std::fs::create_dir_all(out).map_err(|e| unwritable(out, e))?;
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
        None if arguments.gaps => {
            let world = World::from_toml(GAPS.0)
                .map_err(|e| Failure::new(Exit::Internal, format!("the built-in organization with gaps: {e}")))?;
            let path = out.join("doorward.toml");
            std::fs::write(&path, GAPS.1).map_err(|e| unwritable(&path, e))?;
            (world, Some(path), String::new(), None, None)
        }
        None => {
            let world = World::from_toml(WORLD)
                .map_err(|e| Failure::new(Exit::Internal, format!("the built-in organization: {e}")))?;
            for (name, text) in SETTINGS {
                let path = out.join(name);
                std::fs::write(&path, text).map_err(|e| unwritable(&path, e))?;
            }
            (world, Some(out.join("doorward.toml")), PAST.to_owned(), Some(CHANGE.to_owned()), Some(EVENT.to_owned()))
        }
    };
    let declarations = if arguments.gaps { None } else { declarations(arguments.world.as_deref())? };
    let mut settings = Settings::load(cli.config.as_deref().or(settings_file.as_deref()), &[])?;
    let past: Past = toml_edit::de::from_str(&past).map_err(|e| usage(format!("past.toml: {}", e.message())))?;
    let today: Timestamp = TODAY.parse().map_err(|e| Failure::new(Exit::Internal, format!("the demo's date: {e}")))?;
    let ledger = out.join("ledger.sqlite");
    for leftover in ["", "-wal", "-shm"] {
        // Every demo starts with an empty ledger.
        let _ = std::fs::remove_file(format!("{}{leftover}", ledger.display()));
    }
    for pack in std::fs::read_dir(out.join("evidence")).into_iter().flatten().flatten() {
        // Every demo is the same run, and evidence is never overwritten.
        if pack.file_name().to_string_lossy().starts_with(&today.strftime("%Y%m%dT%H%M%S.").to_string()) {
            let _ = std::fs::remove_dir_all(pack.path());
        }
    }
    settings.ledger.enabled = true;
    settings.ledger.path = Some(ledger.clone());
    crate::io::runtime()?.block_on(async {
        let options = Options { calls: CallDetail::Counts, request_ids: RequestIds::ByContent, ..Options::default() };
        let server = Server::start(world, options)
            .await
            .map_err(|e| Failure::new(Exit::Preflight, format!("the emulator could not listen on 127.0.0.1: {e}")))?;
        for earlier in &past.scan {
            earlier.scan(&settings, &server).await?;
        }
        // Without an earlier scan the locations of logs are not known.
        let traffic =
            if past.scan.is_empty() { None } else { traffic::read(&settings, &ledger, &server, today).await? };
        if let Some(traffic) = &traffic {
            crate::traffic::save(traffic, &out.join("traffic.json"))?;
        }
        if !past.idle.is_empty() && !past.scan.is_empty() {
            metric_days::collect(&settings, &ledger, &server, &past.idle, today).await?;
        }
        let formats = formats(out);
        let request = ScanRequest {
            places: Places::default(),
            settings: &settings,
            formats: &formats,
            save: Some(&out.join("scan.saved")),
            traffic: traffic.as_ref(),
            declarations: declarations.as_ref(),
            resume: false,
            quiet: cli.quiet,
            stop: None,
            emulator: Some(emulator(&server)?),
            clock: Arc::new(move || today),
            merged: None,
        };
        let exit = scan::execute(request, cli.colour_on_stdout()).await?.exit;
        history::write_beside(&ledger, out, &settings, today)?;
        if let Some(story) = &story {
            change::walk(story, &settings, &ledger, &server, traffic.as_ref(), out, today).await?;
        }
        if let Some(event) = &event {
            event::take(event, &settings, &ledger, &server, out).await?;
        }
        if !cli.quiet {
            let written = DemoFiles {
                traffic: traffic.is_some(),
                change: story.is_some(),
                event: event.is_some(),
                settings: arguments.world.is_none(),
            };
            let _ = write!(std::io::stderr(), "{}", written.text(out, past.scan.len() + 1));
        }
        Ok(ends_with(exit, arguments.exit_code, cli.quiet))
    })
}

/// The demo's exit code. Findings and missing coverage of the emulated organization are no failure of the demo, which showed
/// them as it was asked to; everything else is.
fn ends_with(scan: Exit, pass_on: bool, quiet: bool) -> Exit {
    if pass_on || !matches!(scan, Exit::Findings | Exit::Coverage | Exit::FindingsAndCoverage) {
        return scan;
    }
    if !quiet {
        let code = scan.code();
        let _ = writeln!(
            std::io::stderr(),
            "\nThe demo is complete (exit code 0). `doorward scan` would end with exit code {code} here: {};\n`doorward demo --exit-code` ends with it too.",
            scan.meaning()
        );
    }
    Exit::Clean
}

/// Which of its files a demo wrote: the folder may hold those of an earlier demo of another organization.
struct DemoFiles {
    traffic: bool,
    change: bool,
    event: bool,
    settings: bool,
}

impl DemoFiles {
    /// Lists the files of the demo, with a line for each.
    fn text(&self, out: &Path, scans: usize) -> String {
        let mut text = format!("\nWritten to {}:\n", out.display());
        let outputs = REGISTRY.iter().filter_map(|output| Some((true, output.demo?, output.help)));
        let others = [
            (true, "scan.saved", "the saved scan, for `doorward report --from`"),
            (self.traffic, "traffic.json", "traffic evidence, for `doorward scan --traffic`"),
            (
                self.change,
                "change-plan.md",
                "a plan of mode changes; change-plan.json is the same for `doorward apply`",
            ),
            (self.change, "change.txt", "the change that was applied, watched and rolled back by this plan"),
            (self.event, "event.txt", "the re-scan of a load balancer whose mode was lowered"),
            (true, "history.txt", "the trend; also as history.json, history.csv and history.metrics"),
            (self.settings, "doorward.toml", "the settings"),
        ];
        for (_, name, what) in
            outputs.chain(others).filter(|(is_written, name, _)| *is_written && out.join(name).exists())
        {
            let _ = writeln!(text, "  {name:<18} {what}");
        }
        let over = if scans == 1 { "of this scan".to_owned() } else { format!("over {scans} scans") };
        let _ = writeln!(text, "`doorward history --ledger {}/ledger.sqlite` shows the trend {over}.", out.display());
        text
    }
}

/// The files that the demo must not replace: it writes a ledger and settings of its own. If the settings file that is found is that
/// of an earlier demo, there is nothing to keep.
fn places(cli: &Cli, arguments: &DemoArguments) -> Places {
    let is_own = |file: &Path| std::fs::read_to_string(file).is_ok_and(|text| text == SETTINGS[0].1 || text == GAPS.1);
    let config = cli.config.as_deref();
    let mut places = match doorward_settings::locate(config) {
        Some(file) if is_own(&file) => Places::default(),
        _ => Settings::found_places(config),
    };
    if let Some(world) = &arguments.world {
        places.keep_all("a file of the example", world);
    }
    places.folder("--out", &arguments.out);
    places
}

/// The declarations of the example: the folder `iac` beside its organization. Reports name it `iac`, wherever the example lies.
fn declarations(folder: Option<&Path>) -> Result<Option<Declarations>, Failure> {
    let mut gathered = match folder {
        None => Gathered::default(),
        Some(folder) if folder.join("iac").is_dir() => gather(&[folder.join("iac")], &SearchOptions::default())?,
        Some(_) => return Ok(None),
    };
    let named =
        |path: &str| path.rsplit_once("/iac/").map_or_else(|| path.to_owned(), |(_, rest)| format!("iac/{rest}"));
    gathered.sources.iter_mut().for_each(|source| source.path = named(&source.path));
    gathered.errors.iter_mut().for_each(|problem| problem.file = named(&problem.file));
    for unread in &mut gathered.unread {
        (unread.address, unread.place.file) = (named(&unread.address), named(&unread.place.file));
    }
    for (path, text) in IAC.into_iter().filter(|_| folder.is_none()) {
        match SourceFile::new(path, text.as_bytes().to_vec(), true) {
            Ok(source) => gathered.sources.push(source),
            Err(problem) => gathered.errors.push(problem),
        }
    }
    Ok(Some(Declarations::of(gathered)))
}

/// The earlier states of an example.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Past {
    /// Earlier scans, oldest first.
    #[serde(default)]
    scan: Vec<Earlier>,
    /// Names of load balancers without traffic; without any, the demo collects no daily metrics.
    #[serde(default)]
    idle: Vec<String>,
}

/// One earlier scan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    /// When it was.
    at: Timestamp,
    /// Modes that differed from the current ones.
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
        let request = ScanRequest {
            places: Places::default(),
            settings,
            formats: &[],
            save: None,
            traffic: None,
            declarations: None,
            resume: false,
            quiet: true,
            stop: None,
            emulator: Some(emulator(server)?),
            clock: Arc::new(move || at),
            merged: None,
        };
        scan::execute(request, false).await?;
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
    Format::table().into_iter().chain(Format::all_into(out)).collect()
}
