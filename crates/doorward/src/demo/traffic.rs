//! The traffic of the demo: the example's logs and daily metrics, read back over S3 and CloudWatch as the commands read them.

use std::path::Path;
use std::sync::Arc;

use doorward_aws::Stop;
use doorward_demo::{emulator, put_daily_metrics, put_logs};
use doorward_fakeaws::Server;
use jiff::Timestamp;

use crate::cli::Engine;
use crate::collect_metrics::CollectJob;
use crate::exit::Failure;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::traffic::{self, GatherJob, TrafficEvidence};

/// Reads the traffic of the load balancers that the newest recorded scan knows. None where none of them has logs to show.
pub(super) async fn read(
    settings: &Settings,
    ledger: &Path,
    server: &Server,
    today: Timestamp,
) -> Result<Option<TrafficEvidence>, Failure> {
    let load_balancers = AssembledScan::of(None, settings, ledger)?.report.load_balancers;
    if !put_logs(server, &load_balancers)? {
        return Ok(None);
    }
    let job = GatherJob {
        settings,
        load_balancers: &load_balancers,
        window: traffic::window(settings, None, today)?,
        // A file of these logs holds a day, not five minutes, so that the metric cannot say which to leave out.
        all_logs: true,
        engine: Engine::Embedded,
        state: None,
        dry_run: false,
        quiet: true,
        emulator: Some(emulator(server)?),
        clock: Arc::new(move || today),
    };
    // The demo takes a second: it needs no stop.
    let (_stopper, stop) = Stop::new();
    job.run(&stop).await
}

/// Collects daily metrics into the ledger; the load balancers of these names are idle.
pub(super) async fn collect_metrics(
    settings: &Settings,
    ledger: &Path,
    server: &Server,
    idle: &[String],
    today: Timestamp,
) -> Result<(), Failure> {
    let load_balancers = AssembledScan::of(None, settings, ledger)?.report.load_balancers;
    let days = settings.metrics.days;
    put_daily_metrics(server, &load_balancers, idle, days, today)?;
    let job = CollectJob {
        settings,
        ledger,
        load_balancers: &load_balancers,
        days,
        clock: Arc::new(move || today),
        emulator: Some(emulator(server)?),
    };
    let (_stopper, stop) = Stop::new();
    job.run(&stop).await.map(drop)
}
