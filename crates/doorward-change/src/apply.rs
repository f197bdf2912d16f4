//! Applying a plan: wave after wave, the canary first, each watched where that was asked for; stopped where one goes wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use doorward_model::{Arn, Gap};
use jiff::{SignedDuration, Timestamp};

use crate::step::{Hand, changed_at};
use crate::watch::{LAG, PERIOD, Reading, WatchVerdict, judge};
use crate::{
    ChangeSettings, ChangeState, Event, Front, Gauge, Journal, JournalError, Plan, Standing, Step, Target, Time,
};

/// A plan being applied.
pub struct Applying<'a, F, J, G> {
    /// Reads and sets modes.
    pub front: &'a F,
    /// Remembers.
    pub journal: &'a J,
    /// Measures what the changed load balancers do.
    pub gauge: &'a G,
    /// The settings.
    pub settings: &'a ChangeSettings,
    /// The time.
    pub time: &'a Time,
    /// Who approved it.
    pub by: String,
    /// How long each wave is watched; none means not at all.
    pub watch: Option<Duration>,
    /// Told of every step that came to stand somewhere new.
    pub progress: &'a (dyn Fn(&Step, &ChangeState) + Sync),
}

/// Where applying ended.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Where everything stands.
    pub state: ChangeState,
    /// Why it ended before the last wave; none where it did not.
    pub stopped: Option<Stopped>,
}

/// Why applying ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The plan may not be applied; nothing was sent.
    NotApplicable(String),
    /// Nothing of the first wave could be changed, so that nobody knows what the next ones would do.
    NoCanary,
    /// Load balancers of a wave failed, or nobody knows what became of them.
    Failures {
        /// The wave.
        wave: usize,
        /// How many.
        count: usize,
    },
    /// A wave made things worse, and was rolled back.
    Regressed {
        /// The wave.
        wave: usize,
        /// What was seen.
        told: String,
    },
    /// Nobody could see what a wave did.
    Blind {
        /// The wave.
        wave: usize,
        /// Why not.
        told: String,
    },
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotApplicable(because) => write!(f, "nothing was sent: {because}"),
            Self::NoCanary => {
                write!(f, "stopped: nothing of the first wave could be changed; nothing after it was begun")
            }
            Self::Failures { wave, count } => {
                write!(f, "stopped after wave {wave}: {count} of it failed or are unknown; nothing after it was begun")
            }
            Self::Regressed { wave, told } => write!(f, "wave {wave} made things worse and was rolled back: {told}"),
            Self::Blind { wave, told } => {
                write!(f, "stopped after wave {wave}, whose effect nobody could see: {told}; it was not rolled back")
            }
        }
    }
}

impl<F: Front, J: Journal, G: Gauge> Applying<'_, F, J, G> {
    /// Applies a plan from where its change stands. What is done is not done again. An error means that the journal could not
    /// be written; nothing was sent after that.
    pub async fn run(self, state: ChangeState) -> Result<Applied, JournalError> {
        if let Some(because) = self.obstacle(&state) {
            return Ok(Applied { state, stopped: Some(Stopped::NotApplicable(because)) });
        }
        let plan = state.plan().clone();
        let mut hand = Hand { front: self.front, journal: self.journal, time: self.time, state };
        let open = plan.steps.iter().any(|step| hand.state.standing(&step.target.arn).is_open());
        if open {
            hand.write(None, Event::Approved { by: self.by.clone(), digest: plan.digest.clone() })?;
        }
        for wave in 1..=plan.waves() {
            if let Some(stopped) = self.wave(&mut hand, &plan, wave).await? {
                return Ok(Applied { state: hand.state, stopped: Some(stopped) });
            }
        }
        Ok(Applied { state: hand.state, stopped: None })
    }

    /// Why the plan may not be applied; none where it may.
    fn obstacle(&self, state: &ChangeState) -> Option<String> {
        let plan = state.plan();
        if let Some((at, by, because)) = state.rollback() {
            return Some(format!("the change was rolled back by {by} at {at} ({because}); make a new plan"));
        }
        if !plan.names_its_organization() {
            return Some(
                "the plan is of an earlier version, which does not name its organization; scan and make it again"
                    .to_owned(),
            );
        }
        let soon = self.time.now().saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX);
        if let Some(late) = std::iter::once(plan.made).chain(plan.observed()).find(|at| *at > soon) {
            return Some(format!("the plan names {late}, which is in the future; check this machine's clock"));
        }
        // Where a request was sent before the expiry and is open, what became of it is still found out.
        let mut open =
            plan.steps.iter().map(|step| (step, state.standing(&step.target.arn))).filter(|(_, s)| s.is_open());
        let over = |(step, standing): (&Step, Standing)| {
            let sent = matches!(standing, Standing::InFlight | Standing::Unsure);
            plan.expired(step, self.time.now(), self.settings).filter(|_| !sent)
        };
        let first = open.next().and_then(over)?;
        open.all(|one| over(one).is_some()).then_some(first)
    }

    async fn wave(&self, hand: &mut Hand<'_, F, J>, plan: &Plan, wave: usize) -> Result<Option<Stopped>, JournalError> {
        for step in plan.wave(wave) {
            let before = hand.state.balancer(&step.target.arn).cloned();
            let closed = |now| plan.closed(step, now, self.settings);
            hand.change(step, plan.goal, &closed).await?;
            if hand.state.balancer(&step.target.arn) != before.as_ref() {
                (self.progress)(step, &hand.state);
            }
        }
        let bad = |step: &&Step| {
            matches!(hand.state.standing(&step.target.arn), Standing::Failed | Standing::Unsure | Standing::InFlight)
        };
        let count = plan.wave(wave).filter(bad).count();
        if count > 0 {
            return Ok(Some(Stopped::Failures { wave, count }));
        }
        let went = |step: &Step| matches!(hand.state.standing(&step.target.arn), Standing::Changed | Standing::Already);
        if wave == 1 && plan.canary > 0 && plan.waves() > 1 && !plan.wave(wave).any(went) {
            return Ok(Some(Stopped::NoCanary));
        }
        match self.watch {
            Some(length) => self.watch(hand, plan, wave, length).await,
            None => Ok(None),
        }
    }

    /// Watches a wave for a time; rolls it back where it made things worse.
    async fn watch(
        &self,
        hand: &mut Hand<'_, F, J>,
        plan: &Plan,
        wave: usize,
        length: Duration,
    ) -> Result<Option<Stopped>, JournalError> {
        if hand.state.watched(wave).is_some_and(|(_, quiet)| *quiet) {
            return Ok(None);
        }
        let changed: Vec<&Step> =
            plan.wave(wave).filter(|s| hand.state.standing(&s.target.arn) == Standing::Changed).collect();
        let Some(since) = changed_at(&hand.state, changed.iter().copied()) else { return Ok(None) };
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        let end = shift(since, length);
        let last = shift(end, LAG);
        let mut before: BTreeMap<Arn, Result<Reading, String>> = BTreeMap::new();
        for step in &changed {
            let read = usual(self.gauge, &step.target, since, end, self.settings.watch.weeks).await;
            before.insert(step.target.arn.clone(), read);
        }
        loop {
            let now = self.time.now();
            let look = Look { since, at: now.min(last), usual: &before };
            let seen = self.look(&changed, &look).await;
            if let Some(told) = seen.regressed {
                hand.write(None, Event::Watched { wave, told: told.clone(), quiet: false })?;
                self.roll_back(hand, plan, wave, &told).await?;
                return Ok(Some(Stopped::Regressed { wave, told }));
            }
            if now >= last {
                let blind = seen.unknown;
                let told = blind.clone().unwrap_or(seen.quiet);
                hand.write(None, Event::Watched { wave, told: told.clone(), quiet: blind.is_none() })?;
                return Ok(blind.map(|told| Stopped::Blind { wave, told }));
            }
            self.time.pause(PERIOD.unsigned_abs()).await;
        }
    }

    async fn roll_back(
        &self,
        hand: &mut Hand<'_, F, J>,
        plan: &Plan,
        wave: usize,
        told: &str,
    ) -> Result<(), JournalError> {
        let event = Event::RollbackBegan { by: "the watch".to_owned(), because: told.to_owned(), wave: Some(wave) };
        hand.write(None, event)?;
        let steps: Vec<&Step> = plan.wave(wave).collect();
        for step in steps.into_iter().rev() {
            hand.restore(step).await?;
            (self.progress)(step, &hand.state);
        }
        Ok(())
    }

    /// Looks at every load balancer of a wave once.
    async fn look(&self, changed: &[&Step], look: &Look<'_>) -> Seen {
        let mut seen = Seen::default();
        let (mut judged, mut silent) = (0, 0);
        for step in changed {
            let name = &step.target.name;
            match self.verdict(step, look).await {
                WatchVerdict::Regressed(findings) => {
                    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
                    seen.regressed = Some(format!("{name} in {}: {}", step.target.region, findings.join("; ")));
                    return seen;
                }
                WatchVerdict::Unknown(because) => {
                    seen.unknown.get_or_insert(format!("{name} in {}: {because}", step.target.region));
                }
                WatchVerdict::Quiet { .. } => judged += 1,
                WatchVerdict::NoTraffic => silent += 1,
            }
        }
        seen.quiet = format!("{judged} of {} within the noise, {silent} without traffic", changed.len());
        seen
    }

    async fn verdict(&self, step: &Step, look: &Look<'_>) -> WatchVerdict {
        let usual = match look.usual.get(&step.target.arn) {
            Some(Ok(usual)) => usual,
            Some(Err(because)) => return WatchVerdict::Unknown(because.clone()),
            None => return WatchVerdict::Unknown("nobody asked what is usual".to_owned()),
        };
        match since(self.gauge, &step.target, look.since, look.at).await {
            Ok(seen) => judge(usual, &seen, reported(look.at), &self.settings.watch),
            Err(because) => WatchVerdict::Unknown(because),
        }
    }
}

/// Since when a wave is watched, as of when, and what is usual for its load balancers.
struct Look<'a> {
    since: Timestamp,
    at: Timestamp,
    usual: &'a BTreeMap<Arn, Result<Reading, String>>,
}

#[derive(Default)]
struct Seen {
    regressed: Option<String>,
    unknown: Option<String>,
    quiet: String,
}

/// What is usual: the three hours before a change, and the same hours of the weeks before.
pub(crate) async fn usual<G: Gauge>(
    gauge: &G,
    target: &Target,
    since: Timestamp,
    end: Timestamp,
    weeks: u32,
) -> Result<Reading, String> {
    let hour = SignedDuration::from_hours(1);
    let mut usual = gauge.read(target, shift(floor(since), hour * -3), floor(since)).await.map_err(unread)?;
    for week in 1..=i32::try_from(weeks).unwrap_or(1) {
        let back = SignedDuration::from_hours(24 * 7) * -week;
        let (from, until) = (shift(floor(since), back - hour), shift(ceil(end), back + hour));
        usual.extend(gauge.read(target, from, until).await.map_err(unread)?);
    }
    Ok(usual)
}

/// What was seen since a change, as far as it is reported by a time, in whole periods: the one in which the change was made
/// is not among them.
pub(crate) async fn since<G: Gauge>(
    gauge: &G,
    target: &Target,
    changed: Timestamp,
    at: Timestamp,
) -> Result<Reading, String> {
    let (from, until) = (ceil(changed), reported(at));
    if until > from { gauge.read(target, from, until).await.map_err(unread) } else { Ok(Reading::default()) }
}

/// Until when CloudWatch has reported by a time.
pub(crate) fn reported(at: Timestamp) -> Timestamp {
    floor(shift(at, -LAG))
}

fn unread(gap: Gap) -> String {
    format!("its metrics could not be read: {gap}")
}

fn shift(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}

fn floor(at: Timestamp) -> Timestamp {
    let period = PERIOD.as_secs();
    Timestamp::from_second(at.as_second().div_euclid(period) * period).unwrap_or(at)
}

fn ceil(at: Timestamp) -> Timestamp {
    let below = floor(at);
    if below == at { at } else { below.saturating_add(PERIOD).unwrap_or(at) }
}
