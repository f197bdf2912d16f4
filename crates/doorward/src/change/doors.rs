//! The ways to load balancers and to their metrics: the scan's access, with sessions of the change role and of the traffic role.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_change::{Front, Gauge, PERIOD, Reading, Sample, Seen, Target, Wrote};
use doorward_core::Clock;
use doorward_core::access::{Access, Purpose, Session};
use doorward_core::mode::{self, Attributes, Subject};
use doorward_model::{AccountId, AccountRegion, Gap, GapReason, Mode};
use doorward_traffic::{Answer, BalancerKey, Metered, Metric, Source, Window};
use jiff::Timestamp;

use crate::traffic::{Roles, id};

/// Reads and sets modes, by the change role.
pub(super) struct Modes {
    access: Arc<Access>,
    purpose: Purpose,
    sessions: Mutex<BTreeMap<AccountId, Arc<Session>>>,
}

impl Modes {
    pub(super) fn new(access: Arc<Access>, purpose: Purpose) -> Self {
        Self { access, purpose, sessions: Mutex::default() }
    }

    fn session(&self, target: &Target) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || self.access.session_for(&target.account, &self.purpose);
        sessions.entry(target.account.clone()).or_insert_with(open).clone()
    }
}

fn subject(target: &Target) -> Subject {
    Subject { arn: target.arn.clone(), kind: target.kind }
}

/// The mode among attributes, verbatim.
fn mode_of(target: &Target, attributes: &mut Attributes) -> Option<String> {
    attributes.values.remove(target.kind.mode_attribute())
}

impl Front for Modes {
    async fn read(&self, target: &Target) -> Result<Seen, Gap> {
        let read = mode::read(&self.access, self.session(target), &subject(target)).await?;
        Ok(read.map_or(Seen::Gone, |mut read| mode_of(target, &mut read).map_or(Seen::Absent, Seen::Value)))
    }

    async fn set(&self, target: &Target, wanted: Mode) -> Result<Wrote, Gap> {
        let mut set = mode::set(&self.access, self.session(target), &subject(target), wanted).await?;
        Ok(Wrote { value: mode_of(target, &mut set), request_id: set.evidence.request_id })
    }
}

/// Measures by CloudWatch, by the traffic role.
pub(super) struct Meters {
    pub(super) source: Source<Roles>,
    pub(super) clock: Clock,
}

/// What is asked of CloudWatch.
const ASKED: [Metric; 4] = [Metric::Requests, Metric::Balancer4xx, Metric::Target5xx, Metric::NewConnections];

impl Gauge for Meters {
    async fn read(&self, target: &Target, from: Timestamp, until: Timestamp) -> Result<Reading, Gap> {
        let malformed =
            |problem: String| Gap::new(GapReason::Malformed, "cloudwatch:GetMetricData").with_message(problem);
        let window = Window::covering(from, until).map_err(|e| malformed(e.to_string()))?;
        let (account, region) = (target.account.clone(), target.region.clone());
        let key = BalancerKey { account: Some(account.clone()), region: Some(region.clone()), id: id(&target.arn) };
        let metered = Metered { balancer: key.clone(), place: AccountRegion { account, region } };
        let period = u32::try_from(PERIOD.as_secs()).unwrap_or(60);
        let mut series = self.source.metrics(&[metered], &ASKED, window, period, (self.clock)()).await;
        let series = series.remove(&key).ok_or_else(|| malformed("the answer leaves the load balancer out".into()))?;
        if series.period_seconds != period {
            return Err(malformed(format!("CloudWatch keeps only periods of {} s of {from}", series.period_seconds)));
        }
        let mut samples: BTreeMap<Timestamp, Sample> = BTreeMap::new();
        for (metric, answer) in series.answers {
            let points = match answer {
                Answer::Points(points) => points,
                Answer::Unread(gap) => return Err(gap.as_ref().clone()),
            };
            for (at, count) in points.into_iter().filter(|(at, _)| (from..until).contains(at)) {
                let blank = Sample { at, requests: 0.0, elb_4xx: 0.0, target_5xx: 0.0, connections: 0.0 };
                let sample = samples.entry(at).or_insert(blank);
                let figure = match metric {
                    Metric::Requests => &mut sample.requests,
                    Metric::Balancer4xx => &mut sample.elb_4xx,
                    Metric::Target5xx => &mut sample.target_5xx,
                    Metric::NewConnections => &mut sample.connections,
                    Metric::NonCompliant => continue,
                };
                *figure = count as f64;
            }
        }
        // Connections without a request are no traffic.
        let busy = samples.into_values().filter(|sample| sample.requests + sample.elb_4xx > 0.0);
        Ok(Reading::new(busy.collect()))
    }
}
