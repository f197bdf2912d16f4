//! The sources of blocked requests, from access logs that the traffic role reads.

use std::sync::Arc;

use doorward_aws::Access;
use doorward_change::{BlockedByLogs, BlockedSource};
use doorward_model::{Gap, LoadBalancer};
use doorward_traffic::{
    ClientKind, GatherEvent, Reaches, Source, TrafficEvidence, TrafficRequest, TrafficSettings, Window,
    blocked_clients, falls_short, key, log_bucket,
};
use jiff::{SignedDuration, Timestamp};

/// The days before a change from which it is known whether a client was ever served.
const DAYS_BEFORE: u32 = 3;

/// Reads access logs.
pub(crate) struct BlockedLogs<'a> {
    pub(crate) access: Arc<Access>,
    pub(crate) traffic: &'a TrafficSettings,
}

impl BlockedLogs<'_> {
    /// The blocked requests of a load balancer since a change, in whole hours.
    ///
    /// # Errors
    /// It writes no logs to S3, they could not be read in full, or they lack requests that CloudWatch counts.
    pub(crate) async fn read(
        &self,
        lb: &LoadBalancer,
        changed: Timestamp,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<BlockedByLogs, String> {
        if log_bucket(lb).is_none() {
            return Err("it is not known whether it writes access logs to S3".to_owned());
        }
        let since = Window::covering(changed, until.max(changed + SignedDuration::from_secs(1)));
        let since = since.map_err(|error| error.to_string())?;
        let before = Window::days_before(since.starts_at(), DAYS_BEFORE).map_err(|error| error.to_string())?;
        let provider = Reaches::of_logs(self.traffic, &[lb]).provider(&self.access);
        let source = Source::new(provider).with_requester_pays(self.traffic.requester_pays);
        // Everything since the change, because its 4xx responses are counted; before it only what is not compliant.
        let read = self.gather(&source, lb, since, true, now).await?;
        let tally = whole(&read, lb, true)?;
        let earlier = self.gather(&source, lb, before, false, now).await?;
        let earlier = whole(&earlier, lb, false).ok();
        let all_4xx = tally.hours.values().map(|hour| hour.own_4xx).sum();
        let sources = blocked_clients(earlier, tally).into_iter().map(|client| BlockedSource {
            address: client.address,
            agent: client.agent,
            requests: client.requests,
            is_scanner: client.kind == ClientKind::Scanner,
        });
        Ok(BlockedByLogs { sources: sources.collect(), all_4xx })
    }

    async fn gather(
        &self,
        source: &Source,
        lb: &LoadBalancer,
        window: Window,
        all_logs: bool,
        now: Timestamp,
    ) -> Result<TrafficEvidence, String> {
        let request = TrafficRequest {
            load_balancers: std::slice::from_ref(lb),
            window,
            all_logs,
            log_account: self.traffic.log_account.as_ref(),
            threads: self.traffic.threads(),
            prices: self.traffic.prices,
            athena: None,
            cache: None,
            dry_run: false,
            now,
        };
        let never = async || std::future::pending::<Gap>().await;
        let gathered = doorward_traffic::gather(&request, source, never, &|_: GatherEvent| {}).await;
        let read = gathered.map_err(|error| error.to_string())?.ok_or_else(|| "nothing was read".to_owned())?;
        // Addresses become a part of the journal and of texts.
        Ok(if self.traffic.truncate_addresses { read.with_truncated_addresses() } else { read })
    }
}

/// The counts of a load balancer, if its logs were read in full and, where it is asked, lack nothing that CloudWatch counts.
fn whole<'e>(
    read: &'e TrafficEvidence,
    lb: &LoadBalancer,
    compared: bool,
) -> Result<&'e doorward_traffic::LoadBalancerTally, String> {
    let key = key(lb);
    if let Some(unread) = read.missed.iter().find(|unread| unread.load_balancer == key) {
        return Err(format!("{}: {}", unread.what, unread.gap));
    }
    let tally = read.tally.load_balancers.get(&key).ok_or("no line has been logged since the change")?;
    if !read.tally.is_whole_for(&key) {
        return Err("a log file is damaged".to_owned());
    }
    if compared && falls_short(read.series.get(&key), Some(tally)) {
        return Err("the logs do not yet have every request that CloudWatch counts".to_owned());
    }
    Ok(tally)
}
