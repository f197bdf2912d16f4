//! The traffic evidence of one run, as it is saved: counts of the logs, metrics, and everything that could not be read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use doorward_model::{Arn, ChangeStatus, LoadBalancer, ObservedTime, data_problem, is_ahead};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extent::Extent;
use crate::forecast::{Forecast, ForecastInput, forecast};
use crate::metric::{Known, Metric, Series};
use crate::protected::ProtectedClients;
use crate::source::UnreadLogs;
use crate::tally::{Client, ClientTable, LoadBalancerKey, Tally};
use crate::window::Window;

/// The name of the format.
const FORMAT: &str = "doorward-traffic-v3";
/// What is said of lines of the future.
const DATED_AHEAD: &str = "are dated after the time of this machine when they were read";

/// A file that is not saved traffic evidence.
#[derive(Debug, thiserror::Error)]
pub enum SavedTrafficError {
    /// It is not JSON, or has other members.
    #[error("this version cannot read the file as saved traffic: {}", data_problem(&.0.to_string()))]
    Malformed(#[from] serde_json::Error),
    /// It is another format, or another version of it.
    #[error("the format of the file is {0:?}, but this version reads {FORMAT}; run `doorward traffic --save` again")]
    Format(String),
}

/// Everything that a run found out about the traffic of load balancers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficEvidence {
    /// `doorward-traffic-v3`.
    pub format: String,
    /// The hours that were requested; absent if all logs of a folder were read.
    pub window: Option<Window>,
    /// The counts of the logs.
    pub tally: Tally,
    /// CloudWatch's metrics.
    pub series: BTreeMap<LoadBalancerKey, Series>,
    /// How much of the logs was read, and why; empty for a folder.
    pub extents: BTreeMap<LoadBalancerKey, Extent>,
    /// Everything that could not be listed or read.
    pub missed: Vec<UnreadLogs>,
    /// When each load balancer was created, if known: no hour before it counts as observed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub created: BTreeMap<LoadBalancerKey, Timestamp>,
    /// When the mode of each load balancer was last changed, if known: nothing before it is evidence of the current mode.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<LoadBalancerKey, Timestamp>,
    /// The days and hours that were observed, with the gaps between them. Derived from the other members, for other programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    observed: BTreeMap<LoadBalancerKey, ObservedTime>,
    /// The protected clients that each line was compared with; none where Athena counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<String>,
    /// Whether addresses were saved without their host part: a single client cannot be found in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated_addresses: bool,
    /// The volume that Athena scanned; absent if Doorward read the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub athena: Option<AthenaScan>,
}

/// The volume that Athena scanned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AthenaScan {
    /// Queries that succeeded.
    pub queries: u64,
    /// Objects in the scanned folders, by the listing before.
    pub objects: u64,
    /// Their bytes, as stored: the estimate.
    pub estimated_bytes: u64,
    /// Bytes that Athena reports as scanned.
    pub scanned_bytes: u64,
}

impl TrafficEvidence {
    /// Evidence from the counts of logs alone.
    pub fn new(window: Option<Window>, mut tally: Tally) -> Self {
        tally.join_bare_ids(&[]);
        Self {
            format: FORMAT.to_owned(),
            window,
            tally,
            series: BTreeMap::new(),
            extents: BTreeMap::new(),
            missed: Vec::new(),
            created: BTreeMap::new(),
            changed: BTreeMap::new(),
            observed: BTreeMap::new(),
            protected: Vec::new(),
            truncated_addresses: false,
            athena: None,
        }
    }

    /// Records the protected clients that each line was compared with.
    #[must_use]
    pub fn protecting(self, protected: &[String]) -> Self {
        Self { protected: protected.to_vec(), ..self }
    }

    /// Adds when the load balancers were created and when their modes were changed, and derives the time that was observed of each.
    #[must_use]
    pub fn about(mut self, load_balancers: &[LoadBalancer]) -> Self {
        self.tally.join_bare_ids(&load_balancers.iter().map(key).collect::<Vec<_>>());
        for lb in load_balancers {
            let key = key(lb);
            if let Some(created) = lb.created.filter(|_| self.covers(&key)) {
                self.created.insert(key.clone(), created);
            }
            if let Some(changed) = last_change(lb).filter(|_| self.covers(&key)) {
                self.changed.insert(key, changed);
            }
        }
        let observed = self.keys().filter_map(|key| Some((key.clone(), self.forecast(key).evidence.observed?)));
        self.observed = observed.collect();
        self
    }

    /// The same at a time: lines that are dated after it were written by a clock that is wrong, or are of no real requests. They are named,
    /// once however often evidence is saved and read again, and the load balancers that they are of have not enough evidence.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp) -> Self {
        for (key, counts) in &self.tally.load_balancers {
            let ahead = counts.hours.iter().filter(|(hour, _)| is_ahead(hour.start(), now));
            let lines: u64 = ahead.clone().map(|(_, hour)| hour.lines()).sum();
            let Some((last, _)) = ahead.max_by_key(|(hour, _)| **hour) else { continue };
            let problems = self.tally.problems.entry(key.clone()).or_default();
            if problems.samples.iter().any(|problem| problem.contains(DATED_AHEAD)) {
                continue;
            }
            problems.add(|| {
                format!(
                    "{lines} of {} lines {DATED_AHEAD}, {} UTC, the last of them after {} UTC: leave them out (--until), or correct the \
                     clock",
                    counts.lines,
                    now.strftime("%Y-%m-%d %H:%M"),
                    last.start().strftime("%Y-%m-%d %H:%M")
                )
            });
        }
        self
    }

    /// The same with the lines of files that have neither account nor Region in their names joined to the only load balancer that they can
    /// be of. Evidence that was saved without a scan has not joined them.
    pub(crate) fn joined_to(&self, load_balancers: &[LoadBalancer]) -> Cow<'_, Self> {
        if !self.tally.has_bare_ids() {
            return Cow::Borrowed(self);
        }
        let mut joined = self.clone();
        joined.tally.join_bare_ids(&load_balancers.iter().map(key).collect::<Vec<_>>());
        Cow::Owned(joined)
    }

    /// Reads saved evidence.
    ///
    /// # Errors
    /// The text is not JSON of this format and version.
    pub fn from_reader(saved: impl Read) -> Result<Self, SavedTrafficError> {
        // The format first: another version has other members, which would be reported as a damaged file.
        let document: serde_json::Value = serde_json::from_reader(saved)?;
        match document.get("format").and_then(serde_json::Value::as_str) {
            Some(FORMAT) | None => Ok(serde_json::from_value(document)?),
            Some(other) => Err(SavedTrafficError::Format(other.to_owned())),
        }
    }

    /// Writes it as one line of JSON.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }

    /// Whether everything in the window was read and understood.
    pub fn is_complete(&self) -> bool {
        self.missed.is_empty() && self.tally.is_whole()
    }

    /// What to say beside advice: which files were left out, and which protected clients have none of the logged requests that are not
    /// compliant. An entry with a spelling mistake is among these. Where no log was read, nothing is known of clients.
    pub fn remarks(&self, protected: &[String]) -> Vec<String> {
        let mut remarks: Vec<String> = self.tally.reading.listed.left_out().into_iter().collect();
        let tables = || self.tally.load_balancers.values().map(|counts| &counts.sources.clients);
        let all = ProtectedClients::new(protected);
        let lost = |table: &ClientTable| {
            // Lines were compared with whole user agents, of which the beginning is kept.
            let by_its_end =
                |client: &Client| table.is_protected(client) && !all.covers(&client.address, &client.agent);
            table.bound() + table.unkept() > 0 || table.clients().any(by_its_end)
        };
        // A client that is not kept, or not with its whole address and user agent, may be one of them.
        if self.tally.lines() == 0 || self.truncated_addresses || tables().any(lost) {
            return remarks;
        }
        let is_seen = |entry: &String| {
            let entry = ProtectedClients::new(std::slice::from_ref(entry));
            tables().any(|table| table.clients().any(|client| entry.covers(&client.address, &client.agent)))
        };
        let unseen: Vec<&str> = protected.iter().filter(|entry| !is_seen(entry)).map(String::as_str).collect();
        if !unseen.is_empty() {
            remarks.push(format!(
                "none of the non-compliant requests in the logs that were read came from these protected clients: {}",
                unseen.join(", ")
            ));
        }
        remarks
    }

    /// Every load balancer with counts or metrics.
    pub fn keys(&self) -> impl Iterator<Item = &LoadBalancerKey> {
        let keys: BTreeSet<_> = self.tally.load_balancers.keys().chain(self.series.keys()).collect();
        keys.into_iter()
    }

    /// Whether there are counts or metrics of a load balancer.
    pub fn covers(&self, key: &LoadBalancerKey) -> bool {
        self.tally.load_balancers.contains_key(key) || self.series.contains_key(key)
    }

    /// The effect of each mode on the traffic of a load balancer.
    pub fn forecast(&self, key: &LoadBalancerKey) -> Forecast {
        self.forecast_since(key, None, None)
    }

    /// The same for a load balancer of which it is known when it was created and when its mode was changed, for evidence that was saved
    /// without these times, or before the change was known.
    pub fn forecast_since(
        &self,
        key: &LoadBalancerKey,
        created: Option<Timestamp>,
        changed: Option<Timestamp>,
    ) -> Forecast {
        let extent = self.extents.get(key);
        let complete = match extent {
            Some(_) => {
                !self.missed.iter().any(|unread| unread.load_balancer == *key)
                    && !self.tally.incomplete.contains_key(key)
                    && !self.tally.problems.contains_key(key)
            }
            None => self.tally.is_whole_for(key),
        };
        let changed = self.changed.get(key).copied().max(changed);
        let series = self.series.get(key);
        let left_out = self.tally.reading.listed.logs_left_out();
        let input = ForecastInput {
            tally: self.tally.load_balancers.get(key),
            files: self.tally.files.get(key),
            created: self.created.get(key).copied().or(created),
            changed,
            // Logs that were read from the change on have the same window as the metrics of them.
            window: match series {
                Some(series) if self.changed.contains_key(key) => Some(series.window),
                _ => self.window,
            },
            complete,
            series,
            around_periods: extent == Some(&Extent::AroundPeriods),
            protected: &self.protected,
            truncated: self.truncated_addresses,
            problems: self.tally.problems.get(key),
            left_out: left_out.as_deref(),
        };
        forecast(key, input)
    }

    /// Whether CloudWatch's metrics were read and show no traffic in the window.
    pub fn is_idle(&self, key: &LoadBalancerKey) -> bool {
        self.series.get(key).is_some_and(|series| series.total(Metric::NonCompliant) == Known::NoTraffic)
    }

    /// Why CloudWatch gives no count of non-compliant requests; none if it does, or was not asked.
    pub fn no_count_reason(&self, key: &LoadBalancerKey) -> Option<String> {
        match self.series.get(key)?.total(Metric::NonCompliant) {
            Known::NoTraffic => Some(
                "CloudWatch counted no traffic in the window, so the effect of a stronger mode cannot be predicted."
                    .to_owned(),
            ),
            Known::Unread(gap) => Some(format!("CloudWatch could not be read: {gap}.")),
            Known::Count(_) | Known::NotAsked => None,
        }
    }
}

/// A load balancer as logs and metrics name it.
pub fn key(lb: &LoadBalancer) -> LoadBalancerKey {
    LoadBalancerKey { account: Some(lb.account.clone()), region: Some(lb.region.clone()), id: id(&lb.arn) }
}

/// When the mode of a load balancer was last changed, by the change journal of Doorward and by the event of the call; none if neither has
/// a change. Its creation is no change.
pub(crate) fn last_change(lb: &LoadBalancer) -> Option<Timestamp> {
    let sent = |status: ChangeStatus| match status {
        ChangeStatus::Unsure
        | ChangeStatus::Changed
        | ChangeStatus::Overtaken
        | ChangeStatus::Restored
        | ChangeStatus::RestoreFailed => true,
        ChangeStatus::Already | ChangeStatus::Refused | ChangeStatus::Failed | ChangeStatus::RestoreRefused => false,
    };
    let journal = lb.changes.iter().filter(|change| sent(change.status)).map(|change| change.at);
    let event = lb.edited.iter().filter(|edit| edit.call != "CreateLoadBalancer").map(|edit| edit.at);
    journal.chain(event).max()
}

/// `app/name/id`; the name alone for classic load balancers.
pub fn id(arn: &Arn) -> String {
    let resource = arn.resource();
    resource.strip_prefix("loadbalancer/").unwrap_or(resource).to_owned()
}
