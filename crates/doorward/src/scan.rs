//! `doorward scan`: connects the stages and hands the report to the sinks.

use std::path::Path;
use std::sync::Arc;

use futures::StreamExt as _;
use jiff::Timestamp;

use doorward_core::access::{Access, Emulator};
use doorward_core::discover::Plan;
use doorward_core::{Clock, collect, discover, evaluate, normalize};
use doorward_model::{Cell, Inventory, Policy, Run, ScanReport};

use crate::cli::{Cli, ScanArguments};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Sinks};
use crate::progress::Progress;
use crate::saved;
use crate::settings::{ReportSettings, Settings};
use crate::stopping::{self, Signal};

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
    let sinks = Sinks::prepare(order.formats)?;
    let (inventory, signal) = look(cli, &order).await?;
    if let Some(path) = order.save {
        saved::write(path, &inventory, settings)?;
    }
    let report = evaluate(normalize(inventory, &settings.normalize()), doorward_rules::all(), &settings.policy);
    finish(cli, &report, &settings.report, sinks, signal.exit()).await
}

/// Judges and writes a scan that was read back.
pub(crate) async fn render(
    cli: &Cli,
    inventory: Inventory,
    normalize_settings: &doorward_core::normalize::NormalizeSettings,
    policy: &Policy,
    report_settings: &ReportSettings,
    formats: &[Format],
) -> Result<Exit, Failure> {
    let sinks = Sinks::prepare(formats)?;
    let report = evaluate(normalize(inventory, normalize_settings), doorward_rules::all(), policy);
    finish(cli, &report, report_settings, sinks, None).await
}

async fn finish(
    cli: &Cli,
    report: &ScanReport,
    settings: &ReportSettings,
    sinks: Sinks,
    signal: Option<Exit>,
) -> Result<Exit, Failure> {
    let exit = signal.unwrap_or_else(|| Exit::of(report, settings));
    sinks.emit(cli, report, exit)?;
    Ok(exit)
}

async fn look(cli: &Cli, order: &Order<'_>) -> Result<(Inventory, Signal), Failure> {
    let settings = order.settings;
    let (stop, signal) = stopping::listen(settings.scan.deadline.0);
    let started = (order.clock)();
    let access =
        Access::connect(settings.access.clone(), settings.calls.clone(), order.clock.clone(), order.emulator.as_ref())
            .await?;

    let progress = Progress::start("accounts entered", cli.quiet);
    let plan = discover(&access, &settings.discover(), &stop, &|done, all| progress.at(done, all)).await;
    progress.finish();
    let Plan { organization, accounts, accounts_listing, targets, settled } = plan.map_err(|error| {
        signal.exit().map_or_else(
            || Failure::from(error),
            |exit| Failure::new(exit, "stopped before the organization was listed; nothing was scanned"),
        )
    })?;

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

    let run = Run {
        id: format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), access.account()),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        finished: (order.clock)(),
        caller: access.identity().clone(),
        account: access.account().clone(),
        partition: access.partition().to_owned(),
        home_region: access.home_region().clone(),
        interrupted: signal.exit().is_some(),
    };
    let inventory = Inventory { run, organization, accounts, accounts_listing, cells };
    accounted_for(&inventory)?;
    Ok((inventory, signal))
}

/// Every account of the organization must be in the coverage; anything else is a fault of ours, not a finding.
fn accounted_for(inventory: &Inventory) -> Result<(), Failure> {
    let covered: std::collections::BTreeSet<_> = inventory.cells.iter().map(|cell| &cell.account).collect();
    match inventory.accounts.iter().find(|account| !covered.contains(&account.id)) {
        Some(account) => {
            Err(Failure::new(Exit::Internal, format!("account {} is missing from the coverage", account.id)))
        }
        None => Ok(()),
    }
}
