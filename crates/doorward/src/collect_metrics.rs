//! `doorward metrics`: daily metrics of CloudWatch, kept in the ledger.

use std::fmt::Write as _;
use std::path::Path;

use doorward_assemble::ScanRecorder;
use doorward_aws::access::{Access, Emulator};
use doorward_aws::{Clock, Stop};
use doorward_model::{LoadBalancer, counted};
use doorward_traffic::{DailyRead, Reaches, Source, missing_days};
use jiff::civil::Date;

use crate::cli::{Cli, CollectArguments, MetricsCommand};
use crate::exit::{Exit, Failure};
use crate::io::{answer_text, runtime};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;

/// The most gaps that are listed.
const LISTED: usize = 10;

/// Runs `doorward metrics`.
pub(crate) fn run(cli: &Cli, command: &MetricsCommand) -> Result<Exit, Failure> {
    let MetricsCommand::Collect(arguments) = command;
    collect(cli, arguments)
}

fn collect(cli: &Cli, arguments: &CollectArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let load_balancers = AssembledScan::of(None, &settings, &path)?.report.load_balancers;
    let days = arguments.days.unwrap_or(settings.metrics.days);
    let (text, exit) = runtime()?.block_on(async {
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        let job = CollectJob {
            settings: &settings,
            ledger: &path,
            load_balancers: &load_balancers,
            days,
            clock: crate::clock::system(),
            emulator: None,
        };
        tokio::select! {
            biased;
            gap = stop.stopped("cloudwatch:GetMetricData") => {
                Err(Failure::new(signal.exit().unwrap_or(Exit::Coverage), format!("stopped: {gap}; nothing was stored")))
            }
            done = job.run(&stop) => done,
        }
    })?;
    answer_text(&text)?;
    Ok(exit)
}

/// What is collected, and where it is kept.
pub(crate) struct CollectJob<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: &'a Path,
    pub(crate) load_balancers: &'a [LoadBalancer],
    /// The most days before today.
    pub(crate) days: u32,
    pub(crate) clock: Clock,
    pub(crate) emulator: Option<Emulator>,
}

impl CollectJob<'_> {
    /// Reads what is missing and stores it; the text for people, and the exit code.
    pub(crate) async fn run(&self, stop: &Stop) -> Result<(String, Exit), Failure> {
        let settings = self.settings;
        let known = crate::io::read_only(self.ledger)?.daily(Date::MIN, Date::MAX)?;
        let missing = missing_days(self.load_balancers, &known, (self.clock)(), self.days);
        if missing.is_empty() {
            return Ok(("The ledger has every day already; nothing was read.\n".to_owned(), Exit::Clean));
        }
        let (access, calls) = (settings.access.clone(), settings.calls.clone());
        let access = Access::connect(access, calls, self.clock.clone(), self.emulator.as_ref(), stop).await?;
        let provider = Reaches::of_metrics(&settings.traffic).provider(&access);
        let source = Source::new(provider).with_concurrency(settings.calls.concurrency);
        let read = source.daily(&missing).await;
        let recorder: ScanRecorder = settings.ledger.open(self.ledger, &self.clock)?;
        let held = recorder.into_leased().await?;
        let stored = held.write(|ledger, lease| ledger.store_daily(lease, &read.readings));
        held.release()?;
        stored?;
        let exit = if read.unread.is_empty() { Exit::Clean } else { Exit::Coverage };
        Ok((summary(missing.len(), &read), exit))
    }
}

fn summary(load_balancers: usize, read: &DailyRead) -> String {
    let days = read.readings.iter().map(|reading| (&reading.load_balancer, reading.day));
    let days: std::collections::BTreeSet<_> = days.collect();
    let mut text = format!(
        "Load balancers with missing days: {load_balancers}. Stored: {} of {}.\n",
        counted(read.readings.len(), "figure"),
        counted(days.len(), "load balancer day")
    );
    for (arn, metric, gap) in read.unread.iter().take(LISTED) {
        let _ = writeln!(text, "not read: {arn}: {metric:?}: {gap}");
    }
    if let more @ 1.. = read.unread.len().saturating_sub(LISTED) {
        let _ = writeln!(text, "and {more} more that were not read");
    }
    text
}
