//! The sources of blocked requests behind a rise of 4xx responses, as access logs name them.

use std::fmt;

use doorward_model::LoadBalancer;
use jiff::Timestamp;
use serde::Serialize;

use super::{ExplainedRise, MetricSamples, MetricSource, Regression, SmallestLoss, WatchVerdict, WatchedMetric};
use crate::{Inspection, ModeClient, Step};

/// The most sources that a sentence names.
const NAMED: usize = 3;

/// A client with blocked requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockedSource {
    /// Its address.
    pub address: String,
    /// Its user agent.
    pub agent: String,
    /// Its blocked requests.
    pub requests: u64,
    /// Whether targets refused it before, and nothing ever served it.
    pub is_scanner: bool,
}

/// The blocked requests in access logs, for the whole hours around a period after a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BlockedByLogs {
    /// The sources of blocked requests, those with the most first.
    pub sources: Vec<BlockedSource>,
    /// All requests of these hours that the load balancer answered with 4xx itself.
    pub all_4xx: u64,
}

impl BlockedByLogs {
    fn by_scanners(&self) -> u64 {
        self.sources.iter().filter(|source| source.is_scanner).map(|source| source.requests).sum()
    }

    /// Whether the rise is made of scanners alone. The hours begin before the stretch and end after it, so what others sent in them is at
    /// least what they sent in the stretch: if that is no more than usual, others have no rise. Logs with fewer 4xx responses than the
    /// metric are not whole, and prove nothing.
    fn leaves_no_rise_of_users(&self, rise: &ExplainedRise) -> bool {
        let others = self.all_4xx.saturating_sub(self.by_scanners());
        self.by_scanners() > 0 && self.all_4xx as f64 >= rise.seen && others as f64 <= rise.usual
    }
}

impl fmt::Display for BlockedByLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sources.is_empty() {
            return f.write_str("none came from a client that the mode blocks");
        }
        let one = |source: &BlockedSource| {
            let BlockedSource { address, agent, requests, is_scanner } = source;
            let what = if *is_scanner { "a scanner" } else { "not known as a scanner" };
            format!("{requests} came from {address} ({agent}), {what}")
        };
        let named: Vec<String> = self.sources.iter().take(NAMED).map(one).collect();
        f.write_str(&named.join(", "))?;
        match self.sources.get(NAMED..).unwrap_or_default() {
            [] => Ok(()),
            rest => {
                let requests: u64 = rest.iter().map(|source| source.requests).sum();
                write!(f, ", {requests} from {} other clients", rest.len())
            }
        }
    }
}

/// The result of reading access logs for a rise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogsOfRise {
    /// They were read.
    Read(BlockedByLogs),
    /// They were not, and why.
    Unread(String),
}

/// Adds what access logs say to a verdict that a metric got worse, and the smallest loss that would have been found to one that none did. A
/// rise of 4xx responses that is made of scanners alone is no regression.
pub(crate) async fn with_logs<F: ModeClient, G: MetricSource>(
    verdict: WatchVerdict,
    (client, metrics): (&F, &G),
    step: &Step,
    (seen, smallest): (&MetricSamples, Option<Result<SmallestLoss, String>>),
    (changed, at): (Timestamp, Timestamp),
) -> WatchVerdict {
    let mut found = match verdict {
        WatchVerdict::Regressed(found) => found,
        WatchVerdict::Quiet { periods, explained, scanners, .. } => {
            return WatchVerdict::Quiet { periods, explained, scanners, smallest };
        }
        other => return other,
    };
    let of_4xx = |found: &Regression| found.metric == WatchedMetric::Elb4xx;
    let Some(rise) = found.iter().find(|found| of_4xx(found)).and_then(|found| found.explained) else {
        return WatchVerdict::Regressed(found);
    };
    let logs = match client.inspect(&step.target, step.to).await {
        Ok(Inspection::Found(current)) => read(metrics, &current.load_balancer, changed, at).await,
        Ok(Inspection::Gone) => LogsOfRise::Unread("the load balancer no longer exists".to_owned()),
        Err(gap) => LogsOfRise::Unread(gap.to_string()),
    };
    if let LogsOfRise::Read(logs) = &logs
        && logs.leaves_no_rise_of_users(&rise)
    {
        found.retain(|found| !of_4xx(found));
        if found.is_empty() {
            let periods = seen.samples().len();
            return WatchVerdict::Quiet { periods, explained: Some(rise), scanners: Some(logs.clone()), smallest };
        }
        return WatchVerdict::Regressed(found);
    }
    for found in found.iter_mut().filter(|found| of_4xx(found)) {
        found.logs = Some(logs.clone());
    }
    WatchVerdict::Regressed(found)
}

async fn read<G: MetricSource>(metrics: &G, lb: &LoadBalancer, changed: Timestamp, at: Timestamp) -> LogsOfRise {
    match metrics.blocked(lb, changed, at).await {
        Ok(logs) => LogsOfRise::Read(logs),
        Err(why) => LogsOfRise::Unread(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rise(seen: f64, usual: f64) -> ExplainedRise {
        ExplainedRise {
            seen,
            of: 10_000.0,
            usual,
            forecast: (0.0, 0.0),
            non_compliant: 0.0,
            no_longer_errors: 0.0,
            unexplained: seen - usual,
        }
    }

    fn logs(all_4xx: u64, sources: &[(u64, bool)]) -> BlockedByLogs {
        let source = |(number, (requests, is_scanner)): (usize, &(u64, bool))| BlockedSource {
            address: format!("203.0.113.{number}"),
            agent: "zgrab".to_owned(),
            requests: *requests,
            is_scanner: *is_scanner,
        };
        BlockedByLogs { sources: sources.iter().enumerate().map(source).collect(), all_4xx }
    }

    #[test]
    fn only_whole_logs_without_a_rise_of_others_clear_a_rise() {
        for (seen, usual, logs, clears) in [
            (412.0, 14.0, logs(412, &[(398, true)]), true),
            (412.0, 14.0, logs(420, &[(410, true)]), true),
            // Others rose by one.
            (412.0, 14.0, logs(413, &[(398, true)]), false),
            // The logs lack requests that the metric counts.
            (412.0, 14.0, logs(411, &[(400, true)]), false),
            // The client may be a user.
            (412.0, 14.0, logs(412, &[(398, false)]), false),
            (412.0, 14.0, logs(412, &[(300, true), (98, false)]), false),
            (412.0, 14.0, logs(412, &[]), false),
            // Nothing rose, and no scanner explains it.
            (10.0, 14.0, logs(10, &[]), false),
        ] {
            assert_eq!(logs.leaves_no_rise_of_users(&rise(seen, usual)), clears, "{seen} {usual} {logs:?}");
        }
    }

    #[test]
    fn a_sentence_names_the_first_sources_and_counts_the_others() {
        let text = logs(100, &[(50, true), (20, false), (10, true), (2, false), (1, true)]).to_string();
        assert_eq!(
            text,
            "50 came from 203.0.113.0 (zgrab), a scanner, 20 came from 203.0.113.1 (zgrab), not known as a scanner, 10 came from \
             203.0.113.2 (zgrab), a scanner, 3 from 2 other clients"
        );
        assert_eq!(logs(5, &[]).to_string(), "none came from a client that the mode blocks");
    }
}
