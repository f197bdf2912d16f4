//! Applies a plan: wave after wave, the canary first, each watched if that is requested; stops if one fails.

use std::collections::BTreeMap;
use std::time::Duration;

use doorward_aws::Time;
use doorward_model::{Arn, counted};
use jiff::{SignedDuration, Timestamp};

use crate::executor::{Executor, changed_at};
use crate::watch::{
    BlockedForecast, LAG, PERIOD, SmallestLoss, UNKNOWN_LOSS, UsualMetrics, WatchVerdict, judge, periods, reported,
    since, usual, with_logs,
};
use crate::{
    ChangeSettings, ChangeState, Event, ExplainedRise, Journal, JournalError, MetricSource, ModeClient, Plan, Step,
    StepState,
};

/// The run that applies a plan.
pub struct ApplyRun<'a, F, J, G> {
    /// Reads and sets modes.
    pub client: &'a F,
    /// Records every event.
    pub journal: &'a J,
    /// Reads the metrics of the changed load balancers.
    pub metrics: &'a G,
    /// The settings.
    pub settings: &'a ChangeSettings,
    /// The time.
    pub time: &'a Time,
    /// The person or identity that approved it.
    pub by: String,
    /// How long each wave is watched; none to watch no wave.
    pub watch: Option<Duration>,
    /// Called after every step whose state changed.
    pub progress: &'a (dyn Fn(&Step, &ChangeState) + Sync),
}

/// The state in which applying ended.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The state of every step.
    pub state: ChangeState,
    /// Why it ended before the last wave; none if it did not.
    pub stopped: Option<StopReason>,
}

/// Why applying ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The plan may not be applied; nothing was sent.
    NotApplicable(String),
    /// No load balancer of the first wave could be changed, so that the effect on the next waves is unknown.
    NoCanary,
    /// Changes of a wave failed, or their result is unknown.
    Failures {
        /// The wave.
        wave: usize,
        /// How many.
        count: usize,
    },
    /// The metrics of a wave got worse, and it was rolled back.
    Regressed {
        /// The wave.
        wave: usize,
        /// The metrics that got worse.
        seen: String,
    },
    /// The effect of a wave could not be read.
    Unobserved {
        /// The wave.
        wave: usize,
        /// Why not.
        why: String,
    },
}

impl std::fmt::Display for StopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotApplicable(because) => write!(f, "nothing was sent: {because}"),
            Self::NoCanary => {
                write!(f, "stopped: no load balancer of the first wave could be changed; later waves were not started")
            }
            Self::Failures { wave, count } => {
                write!(
                    f,
                    "stopped after wave {wave}: changes that failed or are unknown: {count}; later waves were not \
                     started"
                )
            }
            Self::Regressed { wave, seen } => {
                write!(f, "wave {wave} was rolled back, because its metrics got worse: {seen}")
            }
            Self::Unobserved { wave, why } => {
                write!(f, "stopped after wave {wave}, because its effect is unknown: {why}; it was not rolled back")
            }
        }
    }
}

impl<F: ModeClient, J: Journal, G: MetricSource> ApplyRun<'_, F, J, G> {
    /// Applies a plan from the state of its change: steps that are done are not repeated.
    ///
    /// # Errors
    /// The journal could not be written. No request is sent after that.
    pub async fn run(self, state: ChangeState) -> Result<Applied, JournalError> {
        if let Some(because) = self.obstacle(&state) {
            return Ok(Applied { state, stopped: Some(StopReason::NotApplicable(because)) });
        }
        let plan = state.plan().clone();
        let mut executor = Executor { client: self.client, journal: self.journal, time: self.time, state };
        let open = plan.steps.iter().any(|step| executor.state.step_state(&step.target.arn).is_open());
        if open {
            executor.write(None, Event::Approved { by: self.by.clone(), digest: plan.digest.clone() })?;
        }
        for wave in 1..=plan.waves() {
            if let Some(stopped) = self.wave(&mut executor, &plan, wave).await? {
                return Ok(Applied { state: executor.state, stopped: Some(stopped) });
            }
        }
        Ok(Applied { state: executor.state, stopped: None })
    }

    /// Why the plan may not be applied; none if it may.
    fn obstacle(&self, state: &ChangeState) -> Option<String> {
        let plan = state.plan();
        if let Some((at, by, because)) = state.rollback() {
            let left = counted(state.unrestored(), "load balancer");
            if state.unrestored() > 0 {
                return Some(format!(
                    "its roll-back by {by} at {at} ({because}) is unfinished: {left} may still have the new mode; run `doorward rollback {}`",
                    plan.id
                ));
            }
            return Some(format!("the change was rolled back by {by} at {at} ({because}); make a new plan"));
        }
        if !plan.names_its_organization() {
            return Some(
                "the plan was made by an earlier version and does not name its organization; scan again and make a new plan"
                    .to_owned(),
            );
        }
        let soon = self.time.now().saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
        if let Some(late) = std::iter::once(plan.made).chain(plan.observed()).find(|at| *at > soon) {
            return Some(format!("the plan names {late}, which is in the future; check this machine's clock"));
        }
        // If a request was sent before the expiry, its result is still read after the expiry.
        let mut open = plan
            .steps
            .iter()
            .map(|step| (step, state.step_state(&step.target.arn)))
            .filter(|(_, state)| state.is_open());
        let expired = |(step, state): (&Step, StepState)| {
            let sent = matches!(state, StepState::InFlight | StepState::Unsure);
            plan.expired(step, self.time.now(), self.settings).filter(|_| !sent)
        };
        let first = open.next().and_then(expired)?;
        open.all(|one| expired(one).is_some()).then_some(first)
    }

    async fn wave(
        &self,
        executor: &mut Executor<'_, F, J>,
        plan: &Plan,
        wave: usize,
    ) -> Result<Option<StopReason>, JournalError> {
        for step in plan.wave(wave) {
            let before = executor.state.record(&step.target.arn).cloned();
            let closed = |now| plan.closed(step, now, self.settings);
            executor.change(step, plan.goal, &closed).await?;
            if executor.state.record(&step.target.arn) != before.as_ref() {
                (self.progress)(step, &executor.state);
            }
        }
        let bad = |step: &&Step| {
            matches!(
                executor.state.step_state(&step.target.arn),
                StepState::Failed | StepState::Unsure | StepState::InFlight
            )
        };
        let count = plan.wave(wave).filter(bad).count();
        if count > 0 {
            return Ok(Some(StopReason::Failures { wave, count }));
        }
        let went = |step: &Step| {
            matches!(executor.state.step_state(&step.target.arn), StepState::Changed | StepState::Already)
        };
        if wave == 1 && plan.canary > 0 && plan.waves() > 1 && !plan.wave(wave).any(went) {
            return Ok(Some(StopReason::NoCanary));
        }
        match self.watch {
            Some(length) => self.watch(executor, plan, wave, length).await,
            None => Ok(None),
        }
    }

    /// Watches a wave for a time; rolls it back if its metrics get worse.
    async fn watch(
        &self,
        executor: &mut Executor<'_, F, J>,
        plan: &Plan,
        wave: usize,
        length: Duration,
    ) -> Result<Option<StopReason>, JournalError> {
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        let long_enough = |(since, until): (Timestamp, Timestamp)| until.duration_since(since) >= length;
        if executor.state.quiet_watch(wave).and_then(|watch| watch.span).is_some_and(long_enough) {
            return Ok(None);
        }
        let changed: Vec<&Step> =
            plan.wave(wave).filter(|s| executor.state.step_state(&s.target.arn) == StepState::Changed).collect();
        let Some(since) = changed_at(&executor.state, changed.iter().copied()) else { return Ok(None) };
        let end = shift(since, length);
        let last = shift(end, LAG);
        let mut before: BTreeMap<Arn, Result<UsualMetrics, String>> = BTreeMap::new();
        for step in &changed {
            // The load balancer may have been changed long before the last one of the wave, whose change begins the watch.
            let sent = executor.state.record(&step.target.arn).and_then(|record| record.sent).unwrap_or(since);
            let read = usual(self.metrics, &step.target, sent.min(since), end, self.settings.watch.weeks).await;
            before.insert(step.target.arn.clone(), read);
        }
        let watched = |seen, quiet| Event::Watched { wave, seen, quiet, since: Some(since), until: Some(end) };
        loop {
            let now = self.time.now();
            let input = WatchInput { since, at: now.min(last), usual: &before };
            let observed = self.observe(&changed, &input).await;
            if let Some(seen) = observed.regressed {
                executor.write(None, watched(seen.clone(), false))?;
                self.roll_back(executor, plan, wave, &seen).await?;
                return Ok(Some(StopReason::Regressed { wave, seen }));
            }
            if now >= last {
                let unknown = observed.unknown;
                let seen = unknown.clone().unwrap_or(observed.quiet);
                executor.write(None, watched(seen, unknown.is_none()))?;
                return Ok(unknown.map(|why| StopReason::Unobserved { wave, why }));
            }
            self.time.pause(PERIOD.unsigned_abs()).await;
        }
    }

    async fn roll_back(
        &self,
        executor: &mut Executor<'_, F, J>,
        plan: &Plan,
        wave: usize,
        seen: &str,
    ) -> Result<(), JournalError> {
        let event = Event::RollbackBegan { by: "the watch".to_owned(), because: seen.to_owned(), wave: Some(wave) };
        executor.write(None, event)?;
        let steps: Vec<&Step> = plan.wave(wave).collect();
        for step in steps.into_iter().rev() {
            executor.restore(step).await?;
            (self.progress)(step, &executor.state);
        }
        Ok(())
    }

    /// Judges the metrics of every load balancer of a wave once.
    async fn observe(&self, changed: &[&Step], input: &WatchInput<'_>) -> WaveObservation {
        let mut seen = WaveObservation::default();
        let (mut judged, mut silent) = (0, 0);
        let mut notable = String::new();
        for step in changed {
            let name = &step.target.name;
            match self.verdict(step, input).await {
                WatchVerdict::Regressed(findings) => {
                    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
                    seen.regressed = Some(format!("{name} in {}: {}", step.target.region, findings.join("; ")));
                    return seen;
                }
                WatchVerdict::Unknown(because) => {
                    seen.unknown.get_or_insert(format!("{name} in {}: {because}", step.target.region));
                }
                WatchVerdict::Quiet { explained, scanners, smallest, .. } => {
                    judged += 1;
                    if let Some(smallest) = smallest {
                        let smallest =
                            smallest.map_or_else(|why| format!("{UNKNOWN_LOSS}: {why}"), |loss| loss.to_string());
                        notable.push_str(&format!("; {name} in {}: {smallest}", step.target.region));
                    }
                    if let Some(scanners) = scanners {
                        notable.push_str(&format!(
                            "; {name} in {}: the rise comes from scanners alone: {scanners}",
                            step.target.region
                        ));
                    }
                    if let Some(rise) = explained.filter(ExplainedRise::is_notable) {
                        notable.push_str(&format!("; {name} in {}: {rise}", step.target.region));
                    }
                }
                WatchVerdict::NoTraffic => silent += 1,
            }
        }
        seen.quiet =
            format!("{judged} of {} within the usual variation, {silent} without traffic{notable}", changed.len());
        seen
    }

    async fn verdict(&self, step: &Step, input: &WatchInput<'_>) -> WatchVerdict {
        let usual = match input.usual.get(&step.target.arn) {
            Some(Ok(usual)) => usual,
            Some(Err(because)) => return WatchVerdict::Unknown(because.clone()),
            None => return WatchVerdict::Unknown("the metrics before the change were not read".to_owned()),
        };
        match since(self.metrics, &step.target, input.since, input.at).await {
            Ok(seen) => {
                let forecast = step.effect.as_ref().and_then(BlockedForecast::of);
                let verdict = judge(usual, &seen, reported(input.at), forecast.as_ref(), &self.settings.watch);
                let length = periods(input.since, input.at);
                let smallest = SmallestLoss::or_unread(usual, length, forecast.as_ref(), &self.settings.watch);
                with_logs(verdict, (self.client, self.metrics), step, (&seen, smallest), (input.since, input.at)).await
            }
            Err(because) => WatchVerdict::Unknown(because),
        }
    }
}

/// When a wave was changed, the current time, and the usual metrics of its load balancers.
struct WatchInput<'a> {
    since: Timestamp,
    at: Timestamp,
    usual: &'a BTreeMap<Arn, Result<UsualMetrics, String>>,
}

#[derive(Default)]
struct WaveObservation {
    regressed: Option<String>,
    unknown: Option<String>,
    quiet: String,
}

fn shift(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}
