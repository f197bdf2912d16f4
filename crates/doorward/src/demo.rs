//! `doorward demo`: runs the program against an emulated organization in the same process.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use doorward_aws::Stop;
use doorward_demo::{DemoFiles, DemoFolder, EarlierScan, Example, emulator, is_built_in_settings};
use doorward_fakeaws::{CallDetail, Options, RequestIds, Server};

use crate::cli::{Cli, DemoArguments};
use crate::exit::{Exit, Failure};
use crate::history;
use crate::scan::{self, ScanRequest};
use crate::settings::Settings;
use crate::signals;
use doorward_file::places::Places;
use doorward_outputs::{Format, REGISTRY};
use doorward_sink_text::{Hyperlinks, TextStyle};

mod change;
mod event;
mod traffic;

/// The demo's date: its output is the same every day.
const TODAY: &str = "2026-11-02T09:00:00Z";

/// Runs `doorward demo`. A signal ends it, and leaves none of its files.
pub(crate) fn run(cli: &Cli, arguments: &DemoArguments) -> Result<Exit, Failure> {
    places(cli, arguments).check()?;
    crate::io::runtime()?.block_on(async {
        let (stop, signal) = signals::listen(Duration::MAX);
        // The scans are not stopped but dropped: none of them is to be resumed.
        let (_stopper, never) = Stop::new();
        let shown = tokio::select! {
            biased;
            _ = stop.stopped("demo") => None,
            shown = show(cli, arguments, &never) => Some(shown),
        };
        // A signal that came in the last moment ends the demo as well.
        let Some(Shown { exit, folder, text }) = shown.filter(|_| !stop.is_stopped()).transpose()? else {
            let exit = signal.exit().unwrap_or(Exit::Interrupted);
            let out = arguments.out.display();
            return Err(Failure::new(
                exit,
                format!("stopped before its end; the files of this demo are removed from {out}"),
            ));
        };
        folder.finish();
        if !cli.quiet {
            let _ = write!(std::io::stderr(), "{text}");
        }
        Ok(ends_with(exit, arguments.exit_code, cli.quiet))
    })
}

/// A demo that was shown.
struct Shown {
    /// The exit code of its scan.
    exit: Exit,
    folder: DemoFolder,
    /// What was written.
    text: String,
}

async fn show(cli: &Cli, arguments: &DemoArguments, stop: &Stop) -> Result<Shown, Failure> {
    let out = &arguments.out;
    let Example { world, files, mut settings_file, past, story, event, declarations } = match &arguments.world {
        Some(folder) => Example::in_folder(folder)?,
        None if arguments.gaps => Example::with_gaps()?,
        None => Example::built_in()?,
    };
    let today: Timestamp = TODAY.parse().map_err(|e| Failure::new(Exit::Internal, format!("the demo's date: {e}")))?;
    let outputs = REGISTRY.iter().filter_map(|output| output.demo);
    // Every demo is the same run, and evidence is never overwritten.
    let folder = DemoFolder::take(out, outputs, today.strftime("%Y%m%dT%H%M%S.").to_string())?;
    for (name, text) in files {
        let path = folder.put(name, text)?;
        settings_file.get_or_insert(path);
    }
    let mut settings = Settings::load(cli.config.as_deref().or(settings_file.as_deref()), &[])?;
    let ledger = out.join("ledger.sqlite");
    let costs = crate::cost_files::read(&settings.cost, None, true)?;
    settings.ledger.enabled = true;
    settings.ledger.path = Some(ledger.clone());
    let options = Options { calls: CallDetail::Counts, request_ids: RequestIds::ByContent, ..Options::default() };
    let server = Server::start(world, options)
        .await
        .map_err(|e| Failure::new(Exit::Preflight, format!("the emulator could not listen on 127.0.0.1: {e}")))?;
    for earlier in &past.scan {
        scan_earlier(earlier, &settings, &server, stop).await?;
    }
    // Without an earlier scan the locations of logs are not known.
    let traffic = if past.scan.is_empty() { None } else { traffic::read(&settings, &ledger, &server, today).await? };
    if let Some(traffic) = &traffic {
        crate::traffic::save(traffic, &out.join("traffic.json"))?;
    }
    if !past.idle.is_empty() && !past.scan.is_empty() {
        traffic::collect_metrics(&settings, &ledger, &server, &past.idle, today).await?;
    }
    let formats = formats(out);
    let request = ScanRequest {
        places: Places::default(),
        settings: &settings,
        formats: &formats,
        save: Some(&out.join("scan.saved")),
        traffic: traffic.as_ref(),
        declarations: declarations.as_ref(),
        costs: Some(&costs),
        resume: false,
        quiet: cli.quiet,
        stop: Some(stop.clone()),
        emulator: Some(emulator(&server)?),
        clock: Arc::new(move || today),
        merged: None,
    };
    let exit = scan::execute(request, TextStyle { links: Hyperlinks::NONE, ..cli.style_on_stdout() }).await?.exit;
    history::write_beside(&ledger, out, &settings, today)?;
    if let Some(story) = &story {
        change::walk(story, &settings, &ledger, &server, traffic.as_ref(), out, today).await?;
    }
    if let Some(event) = &event {
        event::take(event, &settings, &ledger, &server, out).await?;
    }
    let written = DemoFiles {
        outputs: REGISTRY.iter().filter_map(|output| Some((output.demo?, output.help))).collect(),
        traffic: traffic.is_some(),
        change: story.is_some(),
        event: event.is_some(),
        settings: arguments.world.is_none(),
    };
    Ok(Shown { exit, folder, text: written.text(out, past.scan.len() + 1, cli.links_on_stderr()) })
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

/// The files that the demo must not replace: it writes a ledger and settings of its own. If the settings file that is found is that
/// of an earlier demo, there is nothing to keep.
fn places(cli: &Cli, arguments: &DemoArguments) -> Places {
    let is_own = |file: &Path| std::fs::read_to_string(file).is_ok_and(|text| is_built_in_settings(&text));
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

/// Scans the emulated world in an earlier state, and puts the present one back.
async fn scan_earlier(earlier: &EarlierScan, settings: &Settings, server: &Server, stop: &Stop) -> Result<(), Failure> {
    let present = earlier.begin(server.world())?;
    let at = earlier.at;
    let request = ScanRequest {
        places: Places::default(),
        settings,
        formats: &[],
        save: None,
        traffic: None,
        declarations: None,
        costs: None,
        resume: false,
        quiet: true,
        stop: Some(stop.clone()),
        emulator: Some(emulator(server)?),
        clock: Arc::new(move || at),
        merged: None,
    };
    scan::execute(request, TextStyle::default()).await?;
    earlier.end(server.world(), present);
    Ok(())
}

fn formats(out: &Path) -> Vec<Format> {
    Format::table().into_iter().chain(Format::all_into(out)).collect()
}
