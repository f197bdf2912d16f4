//! What a contender used: CPU time and peak memory of this process, as Linux counts them.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;

/// Linux counts CPU time in hundredths of a second towards user space, on every architecture that Rust's SDK runs on.
const TICK: Duration = Duration::from_millis(10);

/// The runtime of every contender, as the `doorward` binary builds it.
pub(crate) fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// What this process has used since it started.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    user: Duration,
    system: Duration,
    /// In KiB.
    peak: u64,
}

impl Usage {
    /// Reads `utime` and `stime` of `/proc/self/stat` and `VmHWM` of `/proc/self/status` (proc(5)).
    pub(crate) fn so_far() -> Outcome<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        // The second field is the program's name in parentheses and may contain anything; utime is the 14th.
        let (_, rest) = stat.rsplit_once(')').ok_or("/proc/self/stat has no program name")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| -> Outcome<Duration> {
            let ticks: u32 = fields.get(index).ok_or("/proc/self/stat is short")?.parse()?;
            Ok(TICK * ticks)
        };
        let status = std::fs::read_to_string("/proc/self/status")?;
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
        let peak = peak.trim().trim_end_matches("kB").trim().parse()?;
        Ok(Self { user: ticks(11)?, system: ticks(12)?, peak })
    }

    /// As the task reads it; `wall` is the time since the contender began.
    pub(crate) fn as_json(self, wall: Duration) -> Value {
        json!({
            "seconds": wall.as_secs_f64(),
            "user_seconds": self.user.as_secs_f64(),
            "system_seconds": self.system.as_secs_f64(),
            "peak_kib": self.peak,
        })
    }
}

/// Runs a contender and says what the process used until its end.
pub(crate) async fn alone<T>(contender: impl Future<Output = Outcome<T>>) -> Outcome<Value>
where
    Value: From<T>,
{
    let begun = Instant::now();
    let seen = contender.await?;
    let wall = begun.elapsed();
    Ok(json!({"used": Usage::so_far()?.as_json(wall), "seen": Value::from(seen)}))
}

/// An error with all its causes; the SDK's own display names only the outermost.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
