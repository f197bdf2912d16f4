//! What reading the traffic found, as it is saved: counts, metrics, and what could not be had.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

use doorward_model::{Arn, Gap, LoadBalancer, ObservedTime};
use doorward_traffic::{BalancerKey, Extent, Forecast, Known, Metric, Seen, Series, Tally, Window, forecast};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use doorward_file::{Readers, write_file};
use crate::input;

/// The name of the format.
const FORMAT: &str = "doorward-traffic-v1";

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Found {
    /// `doorward-traffic-v1`.
    pub(crate) format: String,
    /// The hours that were asked for; absent where a folder was read to its end.
    pub(crate) window: Option<Window>,
    /// What the logs said.
    pub(crate) tally: Tally,
    /// What CloudWatch said.
    pub(crate) series: BTreeMap<BalancerKey, Series>,
    /// How much of the logs was read, and why; absent for a folder.
    pub(crate) extents: BTreeMap<BalancerKey, Extent>,
    /// What could not be listed or read.
    pub(crate) missed: Vec<Lost>,
    /// When each load balancer was created, where that is known: nothing before it is evidence.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) created: BTreeMap<BalancerKey, Timestamp>,
    /// The days and hours that were observed, with the gaps between them. Follows from the rest, and is written for other programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    observed: BTreeMap<BalancerKey, ObservedTime>,
    /// What Athena scanned, where it counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) athena: Option<Scanned>,
}

/// What Athena scanned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Scanned {
    /// Queries that ended well.
    pub(crate) queries: u64,
    /// Objects in the folders, by the listing before.
    pub(crate) objects: u64,
    /// Their bytes, as stored: the estimate.
    pub(crate) estimated_bytes: u64,
    /// Bytes that Athena says it scanned.
    pub(crate) scanned_bytes: u64,
}

/// Something that could not be had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Lost {
    /// Whose logs are not complete for it.
    pub(crate) balancer: BalancerKey,
    /// `s3://bucket/key`, or a prefix of keys.
    pub(crate) what: String,
    /// Why.
    pub(crate) gap: Gap,
}

impl Found {
    pub(crate) fn new(window: Option<Window>, tally: Tally) -> Self {
        Self {
            format: FORMAT.to_owned(),
            window,
            tally,
            series: BTreeMap::new(),
            extents: BTreeMap::new(),
            missed: Vec::new(),
            created: BTreeMap::new(),
            observed: BTreeMap::new(),
            athena: None,
        }
    }

    /// With the creation of the load balancers, and what was observed of each.
    pub(crate) fn about(mut self, load_balancers: &[LoadBalancer]) -> Self {
        for lb in load_balancers {
            let key = self.key_of(lb);
            let known = self.tally.balancers.contains_key(&key) || self.series.contains_key(&key);
            if let Some(created) = lb.created.filter(|_| known) {
                self.created.insert(key, created);
            }
        }
        let observed = self.keys().filter_map(|key| Some((key.clone(), self.forecast(key).evidence.observed?)));
        self.observed = observed.collect();
        self
    }

    /// Reads a saved one.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
        let file = input::open(path).map_err(|e| usage(format!("the saved traffic cannot be read: {e}")))?;
        let found: Self = serde_json::from_reader(BufReader::new(file))
            .map_err(|e| usage(format!("not saved traffic of this version: {e}")))?;
        if found.format != FORMAT {
            return Err(usage(format!("its format is {:?}, this version reads {FORMAT}", found.format)));
        }
        Ok(found)
    }

    /// Saves it.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        let write = |out: &mut dyn std::io::Write| {
            serde_json::to_writer(&mut *out, self)?;
            out.write_all(b"\n")
        };
        write_file(path, Readers::Owner, write).map_err(|e| Failure::writing(&path.display().to_string(), &e))
    }

    /// Every load balancer of which something is known.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &BalancerKey> {
        let keys: std::collections::BTreeSet<_> = self.tally.balancers.keys().chain(self.series.keys()).collect();
        keys.into_iter()
    }

    /// The key under which a load balancer was found: its own, or its id alone where the logs lay outside AWS's layout.
    pub(crate) fn key_of(&self, lb: &LoadBalancer) -> BalancerKey {
        let own = key(lb);
        let bare = BalancerKey { account: None, region: None, id: own.id.clone() };
        if self.tally.balancers.contains_key(&bare) && !self.tally.balancers.contains_key(&own) { bare } else { own }
    }

    /// What each mode would do.
    pub(crate) fn forecast(&self, key: &BalancerKey) -> Forecast {
        self.forecast_since(key, None)
    }

    /// The same for a load balancer that was created then, where the traffic was saved without saying so.
    pub(crate) fn forecast_since(&self, key: &BalancerKey, created: Option<Timestamp>) -> Forecast {
        let extent = self.extents.get(key);
        let whole = match extent {
            Some(_) => !self.missed.iter().any(|lost| lost.balancer == *key) && self.tally.reading.damaged.count == 0,
            None => self.tally.is_whole(),
        };
        let seen = Seen {
            tally: self.tally.balancers.get(key),
            files: self.tally.files.get(key),
            created: self.created.get(key).copied().or(created),
            window: self.window,
            complete: whole,
            series: self.series.get(key),
            around_periods: extent == Some(&Extent::AroundPeriods),
        };
        forecast(key, seen)
    }

    /// Whether CloudWatch answered that there was no traffic.
    pub(crate) fn is_idle(&self, key: &BalancerKey) -> bool {
        self.series.get(key).is_some_and(|series| series.total(Metric::NonCompliant) == Known::NoTraffic)
    }

    /// What CloudWatch's answer is worth, where it is not a count.
    pub(crate) fn silence(&self, key: &BalancerKey) -> Option<String> {
        match self.series.get(key)?.total(Metric::NonCompliant) {
            Known::NoTraffic => Some(
                "CloudWatch answered, and there was no traffic in the window: nothing is known of what would come."
                    .to_owned(),
            ),
            Known::Unread(gap) => Some(format!("CloudWatch could not be read: {gap}.")),
            Known::Count(_) | Known::NotAsked => None,
        }
    }
}

/// A load balancer as logs and metrics name it.
pub(crate) fn key(lb: &LoadBalancer) -> BalancerKey {
    BalancerKey { account: Some(lb.account.clone()), region: Some(lb.region.clone()), id: id(&lb.arn) }
}

/// `app/name/id`; the name alone for classic load balancers.
pub(crate) fn id(arn: &Arn) -> String {
    let resource = arn.resource();
    resource.strip_prefix("loadbalancer/").unwrap_or(resource).to_owned()
}
