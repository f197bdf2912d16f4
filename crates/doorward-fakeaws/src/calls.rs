//! The call log: every call with its caller and outcome. It never contains a secret, a token or a body.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

/// How much of each call the log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallDetail {
    /// Every call with all its fields.
    #[default]
    Full,
    /// Only counts per service, action and outcome; for runs with very many calls.
    Counts,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// Arrival order, from 1.
    pub sequence: u64,
    /// Time on the server's clock.
    pub time: Timestamp,
    /// Account of the credentials; empty when they are not known.
    pub account: String,
    /// Region of the signature.
    pub region: String,
    /// Service: `sts`, `organizations`, `account`, `elbv2`, `elb`, `logs`, `securityhub`, `sns`, `s3`, `cloudwatch`, `athena`; the
    /// signing name if the service is not emulated.
    pub service: String,
    /// Action as the API names it.
    pub action: String,
    /// Resources that the call names, comma separated; `*` when none.
    pub resource: String,
    /// IAM action that the call needs, such as `elasticloadbalancing:DescribeTags`.
    pub iam_action: String,
    /// `ok`, an AWS error code, or `fault:` and the kind for a call that got no proper answer.
    pub outcome: String,
    /// Status of the answer; 0 when there was none.
    pub status: u16,
    /// Access key id that signed the call.
    pub access_key: String,
    /// Request id of the answer.
    pub request_id: String,
}

/// The number of calls with the same service, action and outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CallCount {
    /// Service, as in [`CallRecord::service`].
    pub service: String,
    /// Action as the API names it.
    pub action: String,
    /// Outcome, as in [`CallRecord::outcome`].
    pub outcome: String,
    /// Number of calls.
    pub count: u64,
}

const SHARDS: u64 = 16;

/// The log, in shards so that calls on different connections do not wait for each other.
#[derive(Debug)]
pub(crate) struct CallLog {
    detail: CallDetail,
    shards: Vec<Mutex<Shard>>,
}

/// Outcomes with their counts.
type Outcomes = Vec<(String, u64)>;

#[derive(Debug, Default)]
struct Shard {
    records: Vec<CallRecord>,
    /// Outcomes per (service, action): a handful of each, so a short list beats hashing three strings.
    counts: Vec<((String, String), Outcomes)>,
}

impl CallLog {
    pub(crate) fn new(detail: CallDetail) -> Self {
        Self { detail, shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    fn shard(&self, sequence: u64) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::try_from(sequence % SHARDS).ok()?)
    }

    /// Counts a call, and keeps and returns its record if the log has full detail.
    pub(crate) fn add(
        &self,
        sequence: u64,
        (service, action, outcome): (&str, &str, &str),
        record: impl FnOnce() -> CallRecord,
    ) -> Option<CallRecord> {
        self.count(sequence, service, action, outcome);
        let record = (self.detail == CallDetail::Full).then(record)?;
        let shard = self.shard(sequence)?;
        shard.lock().unwrap_or_else(PoisonError::into_inner).records.push(record.clone());
        Some(record)
    }

    fn count(&self, sequence: u64, service: &str, action: &str, outcome: &str) {
        let Some(shard) = self.shard(sequence) else { return };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = &mut shard.counts;
        let at = match counts.iter().position(|((s, a), _)| s == service && a == action) {
            Some(at) => at,
            None => {
                counts.push(((service.to_owned(), action.to_owned()), Vec::new()));
                counts.len() - 1
            }
        };
        if let Some((_, outcomes)) = counts.get_mut(at) {
            match outcomes.iter_mut().find(|(known, _)| known == outcome) {
                Some((_, count)) => *count += 1,
                None => outcomes.push((outcome.to_owned(), 1)),
            }
        }
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend_from_slice(&shard.lock().unwrap_or_else(PoisonError::into_inner).records);
        }
        all.sort_by_key(|record| record.sequence);
        all
    }

    pub(crate) fn counts(&self) -> Vec<CallCount> {
        let mut sums: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for ((service, action), outcomes) in &shard.counts {
                for (outcome, count) in outcomes {
                    *sums.entry((service.clone(), action.clone(), outcome.clone())).or_insert(0) += count;
                }
            }
        }
        sums.into_iter()
            .map(|((service, action, outcome), count)| CallCount { service, action, outcome, count })
            .collect()
    }

    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::default();
        }
    }
}
