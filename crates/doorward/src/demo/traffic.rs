//! The traffic of the demo: the example's logs and daily metrics, read back over S3 and CloudWatch as the commands read them.

use std::path::Path;
use std::sync::Arc;

use doorward_aws::{Clock, Stop};
use doorward_demo::{emulator, put_daily_metrics, put_logs};
use doorward_fakeaws::Server;
use jiff::Timestamp;

use crate::collect_metrics::CollectJob;
use crate::exit::Failure;
use crate::io::connect;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::traffic::{self, TrafficEvidence};

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
    let window = traffic::window(settings, None, today)?;
    let mut job = traffic::gather_job(settings, &load_balancers, window, false)?;
    // A file of these logs holds a day, not five minutes, so that the metric cannot say which to leave out.
    job.all_logs = true;
    // The demo takes a second: it needs no stop.
    let (_stopper, stop) = Stop::new();
    let access = connect(settings.connection(), &fixed(today), Some(&emulator(server)?), &stop).await?;
    traffic::gather(job, settings, &access, &stop, (today, true)).await
}

/// A clock that always shows one time.
fn fixed(now: Timestamp) -> Clock {
    Arc::new(move || now)
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
        clock: fixed(today),
        emulator: Some(emulator(server)?),
    };
    let (_stopper, stop) = Stop::new();
    job.run(&stop).await.map(drop)
}
