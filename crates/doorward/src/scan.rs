//! `doorward scan`: connects the stages and hands the report to the sinks.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt as _;
use jiff::Timestamp;

use doorward_core::access::{Access, Emulator};
use doorward_core::discover::Plan;
use doorward_core::normalize::NormalizeSettings;
use doorward_core::{Clock, collect, discover, evaluate, normalize};
use doorward_model::{Account, Cell, Inventory, Policy, Run, ScanReport};

use crate::cli::{Cli, ScanArguments};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Sinks};
use crate::progress::Progress;
use crate::saved;
use crate::settings::{ReportSettings, Settings};
use crate::stopping;

/// Runs `doorward scan`.
pub(crate) fn run(cli: &Cli, arguments: &ScanArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &arguments.overrides())?;
    let order = Order {
        settings: &settings,
        formats: &arguments.output.formats,
        save: arguments.save.as_deref(),
        emulator: None,
        clock: Arc::new(Timestamp::now),
    };
    runtime()?.block_on(execute(cli, order))
}

/// The one runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, format!("the asynchronous runtime could not be started: {e}")))
}

/// What to scan, how, and where to.
pub(crate) struct Order<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) formats: &'a [Format],
    pub(crate) save: Option<&'a Path>,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
}

/// Scans, judges, writes.
pub(crate) async fn execute(cli: &Cli, order: Order<'_>) -> Result<Exit, Failure> {
    let settings = order.settings;
    let sinks = Sinks::prepare(order.formats, order.save)?;
    let (inventory, stopped) = look(cli, &order).await?;
    let saved = order.save.map(|path| saved::write(path, &inventory, settings, stopped)).unwrap_or(Ok(()));
    let report = evaluate(normalize(inventory, &settings.normalize()), doorward_rules::all(), &settings.policy);
    let exit = finish(cli, &report, &settings.report, sinks, stopped);
    // A scan that could not be saved is still reported; the failure comes last.
    saved.and(exit)
}

/// A scan that was read back, with what it is judged by.
pub(crate) struct Again<'a> {
    pub(crate) inventory: Inventory,
    pub(crate) normalize: &'a NormalizeSettings,
    pub(crate) policy: &'a Policy,
    pub(crate) report: &'a ReportSettings,
    /// The signal that stopped the scan back then.
    pub(crate) stopped: Option<Exit>,
}

/// Judges and writes a scan that was read back.
pub(crate) fn render(cli: &Cli, again: Again<'_>, formats: &[Format]) -> Result<Exit, Failure> {
    let sinks = Sinks::prepare(formats, None)?;
    let report = evaluate(normalize(again.inventory, again.normalize), doorward_rules::all(), again.policy);
    finish(cli, &report, again.report, sinks, again.stopped)
}

fn finish(
    cli: &Cli,
    report: &ScanReport,
    settings: &ReportSettings,
    sinks: Sinks,
    stopped: Option<Exit>,
) -> Result<Exit, Failure> {
    let exit = stopped.unwrap_or_else(|| Exit::of(report, settings));
    sinks.emit(cli, report, exit)?;
    Ok(exit)
}

/// Looks at the organization. The exit code is that of the signal that kept it from looking at everything, if one did.
async fn look(cli: &Cli, order: &Order<'_>) -> Result<(Inventory, Option<Exit>), Failure> {
    let settings = order.settings;
    let (stop, signal) = stopping::listen(settings.scan.deadline.0);
    let started = (order.clock)();
    let (access, calls, clock) = (settings.access.clone(), settings.calls.clone(), order.clock.clone());
    let access = Access::connect(access, calls, clock, order.emulator.as_ref(), &stop);
    let access = access.await.map_err(|error| signal.or(error.into()))?;

    let progress = Progress::start("accounts entered", cli.quiet);
    let plan = discover(&access, &settings.discover(), &stop, &|done, all| progress.at(done, all)).await;
    progress.finish();
    let Plan { organization, accounts, accounts_listing, targets, settled } =
        plan.map_err(|error| signal.or(error.into()))?;
    unmatched_units(settings, &accounts);

    let progress = Progress::start("account-Regions read", cli.quiet);
    let all = targets.len();
    let mut cells: Vec<Cell> = settled;
    cells.reserve(all);
    {
        let mut stream = std::pin::pin!(collect(&access, settings.collect, targets, &stop));
        let mut done = 0;
        while let Some(cell) = stream.next().await {
            cells.push(cell);
            done += 1;
            progress.at(done, all);
        }
    }
    progress.finish();
    tracing::info!(requests = access.requests(), "requests sent");
    cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));

    // A stop that came after the last answer stopped nothing.
    let interrupted = cells.iter().any(|cell| stop.left_out(cell));
    let run = Run {
        id: format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), access.account()),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        finished: (order.clock)(),
        caller: access.identity().clone(),
        account: access.account().clone(),
        partition: access.partition().to_owned(),
        home_region: access.home_region().clone(),
        interrupted,
    };
    let inventory = Inventory { run, organization, accounts, accounts_listing, cells };
    // Anything amiss here is a fault of ours, not a finding.
    inventory.check().map_err(|problem| Failure::new(Exit::Internal, problem))?;
    Ok((inventory, signal.exit().filter(|_| interrupted)))
}

/// A unit that holds no account is most often a misspelt one, and a rule or exclude that silently does nothing.
fn unmatched_units(settings: &Settings, accounts: &[Account]) {
    if accounts.iter().any(|account| account.ou.known().is_none()) {
        return;
    }
    for (key, scope) in settings.unit_scopes() {
        if !accounts.iter().any(|account| account.ou.known().is_some_and(|ou| ou.is_within(scope))) {
            let _ = writeln!(std::io::stderr(), "warning: {key}: no account of the organization is within {scope:?}");
        }
    }
}
