//! Clients of a change: modes by sessions of the change role, metrics by sessions of the traffic role.
//!
//! No role is assumed in an account outside the organization of the base identity: the external id is a secret between the accounts of
//! one organization.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_assemble::{Criteria, GivenEvidence, judge};
use doorward_aws::{Access, ClientProvider, Clock, Session};
use doorward_change::{
    BlockedByLogs, ChangeTarget, Current, Inspection, MetricSample, MetricSamples, MetricSource, ModeClient,
    ModeReading, PERIOD, SetFailure, SetResponse, SettingValue,
};
use doorward_core::discover::Members;
use doorward_core::mode::{self, ModeSubject, ReadAttributes};
use doorward_core::run_of;
use doorward_model::{AccountRegion, Gap, GapReason, Inputs, Inventory, LoadBalancer, RegionInventory, ScanHistory};
use doorward_rules::Requirement;
use doorward_traffic::{Answer, LoadBalancerKey, Metered, Metric, Source, Window, id};
use jiff::Timestamp;

use crate::blocked_logs::BlockedLogs;

/// The settings, exceptions and clock by which a load balancer is judged before it is changed.
pub(crate) struct Judgement<'a> {
    pub(crate) by: Criteria<'a>,
    pub(crate) clock: Clock,
}

/// Reads load balancers, and reads and sets modes, by the change role.
pub(crate) struct ChangeRoleClient<'a> {
    pub(crate) access: Arc<Access>,
    pub(crate) members: Arc<Members>,
    /// Sessions of the change role.
    pub(crate) aws: ClientProvider,
    pub(crate) judgement: Judgement<'a>,
}

impl ChangeRoleClient<'_> {
    fn session(&self, target: &ChangeTarget) -> Result<Arc<Session>, Gap> {
        self.members.account(&target.account)?;
        Ok(self.aws.session(&target.account))
    }

    /// The load balancer of a cell, judged by the current settings, policy and exceptions.
    fn current(&self, target: &ChangeTarget, of: SettingValue, cell: RegionInventory) -> Result<Inspection, Gap> {
        let malformed = |problem: String| {
            Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeLoadBalancers").with_message(problem)
        };
        let Some(raw) = cell.load_balancers.first() else {
            let gone = cell.gone.contains(&target.arn);
            let gap = cell.gaps.into_iter().next();
            return match gap {
                Some(gap) => Err(gap),
                None if gone => Ok(Inspection::Gone),
                None => Err(malformed("the response does not contain the load balancer".to_owned())),
            };
        };
        if let Some(gap) = raw.attributes.gap() {
            return Err(gap.as_ref().clone());
        }
        let Judgement { by, clock } = &self.judgement;
        let now = clock();
        let run = run_of(&self.access, now);
        let inventory = Inventory {
            run,
            organization: self.members.organization.clone(),
            accounts: vec![self.members.account(&target.account)?.clone()],
            accounts_listing: self.members.listing.clone(),
            cells: vec![cell],
        };
        inventory.check().map_err(malformed)?;
        let judged = judge(inventory, Inputs::default(), *by, GivenEvidence::default());
        let judged = judged.map_err(|error| malformed(error.to_string()))?;
        let mut report = judged.with_history(ScanHistory::default());
        let rule = of.rule();
        let lb = report.load_balancers.iter().position(|lb| lb.arn == target.arn);
        let load_balancer = match lb {
            Some(at) => report.load_balancers.swap_remove(at),
            None => return Err(malformed("the response is about another load balancer".to_owned())),
        };
        let verdict = report.findings.into_iter().find(|f| f.rule == rule && f.load_balancer == target.arn);
        let plain = doorward_rules::all().iter().copied().find(|one| one.meta().id == rule);
        let may_be_excepted = plain.and_then(|rule| by.register.undecided(rule, &load_balancer, now));
        let required = Requirement::of(&load_balancer, by.policy).certain();
        let verdict = verdict.map(|finding| finding.verdict.as_ref().clone());
        Ok(Inspection::Found(Box::new(Current { load_balancer, verdict, required, may_be_excepted })))
    }
}

fn subject(target: &ChangeTarget) -> ModeSubject {
    ModeSubject { arn: target.arn.clone(), kind: target.kind }
}

/// The attribute that a value is of, verbatim.
fn taken(target: &ChangeTarget, of: SettingValue, attributes: &ReadAttributes) -> Option<String> {
    attributes.values.get(of.attribute(target.kind)).map(str::to_owned)
}

impl ModeClient for ChangeRoleClient<'_> {
    async fn inspect(&self, target: &ChangeTarget, of: SettingValue) -> Result<Inspection, Gap> {
        let cell = mode::look(&self.access, self.session(target)?, &subject(target)).await?;
        self.current(target, of, cell)
    }

    async fn read(&self, target: &ChangeTarget, of: SettingValue) -> Result<ModeReading, Gap> {
        let read = mode::read(&self.access, self.session(target)?, &subject(target)).await?;
        Ok(read
            .map_or(ModeReading::Gone, |read| taken(target, of, &read).map_or(ModeReading::Absent, ModeReading::Value)))
    }

    async fn set(&self, target: &ChangeTarget, wanted: SettingValue) -> Result<SetResponse, SetFailure> {
        let session = self.session(target).map_err(|gap| SetFailure { gap, refused: true })?;
        let set =
            mode::set(&self.access, session, &subject(target), wanted.attribute(target.kind), wanted.as_str()).await;
        let set = set.map_err(|failed| SetFailure { gap: failed.gap, refused: failed.refused })?;
        Ok(SetResponse { value: taken(target, wanted, &set), request_id: set.evidence.request_id })
    }
}

/// Reads CloudWatch's metrics, by the traffic role.
pub(crate) struct CloudWatchMetrics<'a> {
    pub(crate) source: Source,
    pub(crate) members: Arc<Members>,
    pub(crate) clock: Clock,
    pub(crate) logs: BlockedLogs<'a>,
}

/// The metrics that are requested.
const ASKED: [Metric; 6] = [
    Metric::NonCompliant,
    Metric::Requests,
    Metric::LoadBalancer4xx,
    Metric::Target4xx,
    Metric::Target5xx,
    Metric::NewConnections,
];

impl CloudWatchMetrics<'_> {
    /// Sums of periods of some seconds.
    async fn sums(
        &self,
        target: &ChangeTarget,
        (from, until): (Timestamp, Timestamp),
        period: i64,
    ) -> Result<MetricSamples, Gap> {
        let malformed =
            |problem: String| Gap::new(GapReason::Malformed, "cloudwatch:GetMetricData").with_message(problem);
        self.members.account(&target.account)?;
        let window = Window::covering(from, until).map_err(|e| malformed(e.to_string()))?;
        let (account, region) = (target.account.clone(), target.region.clone());
        let key = LoadBalancerKey { account: Some(account.clone()), region: Some(region.clone()), id: id(&target.arn) };
        let metered = Metered { load_balancer: key.clone(), place: AccountRegion { account, region } };
        let period = u32::try_from(period).unwrap_or(60);
        let mut series = self.source.metrics(&[metered], &ASKED, window, period, (self.clock)()).await;
        let series =
            series.remove(&key).ok_or_else(|| malformed("the response does not contain the load balancer".into()))?;
        if series.period_seconds != period {
            return Err(malformed(format!("CloudWatch keeps only periods of {} s of {from}", series.period_seconds)));
        }
        let mut samples: BTreeMap<Timestamp, MetricSample> = BTreeMap::new();
        for (metric, answer) in series.answers {
            let points = match answer {
                Answer::Points(points) => points,
                Answer::Unread(gap) => return Err(gap.as_ref().clone()),
            };
            for (at, count) in points.into_iter().filter(|(at, _)| (from..until).contains(at)) {
                let sample = samples.entry(at).or_insert(MetricSample::empty(at));
                let figure = match metric {
                    Metric::Requests => &mut sample.requests,
                    Metric::LoadBalancer4xx => &mut sample.elb_4xx,
                    Metric::Target5xx => &mut sample.target_5xx,
                    Metric::NewConnections => &mut sample.connections,
                    Metric::NonCompliant => &mut sample.non_compliant,
                    Metric::Target4xx => &mut sample.target_4xx,
                    Metric::LoadBalancer3xx | Metric::LoadBalancer5xx => continue,
                };
                *figure = count as f64;
            }
        }
        // Connections without a request are not traffic.
        let busy = samples.into_values().filter(|sample| sample.requests + sample.elb_4xx > 0.0);
        Ok(MetricSamples::new(busy.collect()))
    }
}

impl MetricSource for CloudWatchMetrics<'_> {
    async fn read(&self, target: &ChangeTarget, from: Timestamp, until: Timestamp) -> Result<MetricSamples, Gap> {
        self.sums(target, (from, until), PERIOD.as_secs()).await
    }

    async fn read_hours(&self, target: &ChangeTarget, from: Timestamp, until: Timestamp) -> Result<MetricSamples, Gap> {
        self.sums(target, (from, until), 3600).await
    }

    async fn blocked(&self, lb: &LoadBalancer, changed: Timestamp, until: Timestamp) -> Result<BlockedByLogs, String> {
        self.members.account(&lb.account).map_err(|gap| gap.to_string())?;
        self.logs.read(lb, changed, until, (self.clock)()).await
    }
}
