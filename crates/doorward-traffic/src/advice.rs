//! The recommended mode of a load balancer, with the reason and the evidence.
//!
//! No mode is recommended without evidence: too few days, too few requests, unread objects or a metric that contradicts the logs
//! result in "not enough evidence", with the missing evidence.

use std::collections::BTreeMap;

use doorward_model::{Mode, Observed};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::affected::{AffectedRequests, KnownClient, affected, known_clients};
use crate::forecast::{Basis, Forecast, RequestShare};
use crate::tally::{ClientTable, LoadBalancerTally, Tier, Treatment};

mod advice_thresholds;
mod evidence;
mod sentences;
mod sources;

pub use advice_thresholds::Thresholds;
use sentences::requests;
pub(crate) use sentences::{bound_text, counted, kind_label, percent};
pub use sources::SourceToFix;
pub(crate) use sources::{is_scanner, network, product, program};

/// Scanners that are listed with advice: they are counted exactly, and only the most active are of interest.
const SCANNERS: usize = 5;

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum AdviceStep {
    /// Raise the mode now.
    Raise {
        /// To this one.
        to: Mode,
    },
    /// Fix these sources, then raise the mode.
    FixAndRaise {
        /// To this one.
        to: Mode,
        /// The sources, those with the most served requests first.
        sources: Vec<SourceToFix>,
    },
    /// Leave it.
    Keep,
    /// It is strictest already, and clients are blocked: check whether these are legitimate.
    Watch {
        /// The clients that are blocked most.
        sources: Vec<SourceToFix>,
    },
    /// The evidence does not suffice; provide what is missing.
    NotEnoughEvidence {
        /// The missing evidence, one sentence each: what to provide or wait for.
        missing: Vec<String>,
    },
}

/// Advice for one load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// The mode it is in.
    pub current: Observed<Mode>,
    /// The mode after the step; none if there is not enough evidence.
    pub recommended: Option<Mode>,
    /// What to do.
    pub step: AdviceStep,
    /// A sentence that no reader may miss: Severe requests that targets answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// The reasons, in sentences, the most important first.
    pub because: Vec<String>,
    /// The requests that the next mode up would block, by what is known of their clients; none where no log names clients, and
    /// in strictest mode.
    pub affected: Option<AffectedRequests>,
    /// The sources of these requests: every one that was served, or may have been, and the most active scanners.
    pub blocks: Vec<SourceToFix>,
    /// Requests that are not compliant, by day.
    pub by_day: BTreeMap<Date, u64>,
    /// The forecast that it is based on.
    pub forecast: Forecast,
}

/// Advises for one load balancer. `tally` is the tally of the forecast, if it was made from logs.
pub fn advise(
    current: Observed<Mode>,
    forecast: Forecast,
    tally: Option<&LoadBalancerTally>,
    thresholds: &Thresholds,
) -> Advice {
    let clients = tally.map(known_clients).unwrap_or_default();
    let judge = Judge { forecast: &forecast, tally, clients, thresholds, current: current.known().copied() };
    let mut missing = judge.missing();
    let blocks_some = judge.forecast.mode(Mode::Strictest).is_some_and(|mode| mode.blocked.count > 0);
    if judge.forecast.evidence.basis == Basis::MetricOnly && blocks_some && current.known() != Some(&Mode::Strictest) {
        // Keeping a mode is a recommendation too, and the metric does not show whose requests it counts.
        missing.push(
            "Turn on access logs, or allow Doorward to read them, to see whose requests would be blocked.".to_owned(),
        );
    }
    let alarm = judge.alarm();
    let (recommended, step, because) = match current.known() {
        _ if !missing.is_empty() => (None, AdviceStep::NotEnoughEvidence { missing }, vec![judge.evidence()]),
        None => {
            let missing =
                vec!["Read the mode of the load balancer first; without it, no change can be recommended.".to_owned()];
            (None, AdviceStep::NotEnoughEvidence { missing }, vec!["The current mode is unknown.".to_owned()])
        }
        Some(Mode::Strictest) => judge.watch(),
        Some(Mode::Defensive) => {
            judge.raise(Mode::Strictest).unwrap_or_else(|why| (Some(Mode::Defensive), AdviceStep::Keep, why))
        }
        Some(Mode::Monitor) => judge.raise_monitor(alarm.is_some()),
    };
    let to = match &step {
        AdviceStep::Raise { to } | AdviceStep::FixAndRaise { to, .. } => Some(*to),
        AdviceStep::Keep | AdviceStep::NotEnoughEvidence { .. } | AdviceStep::Watch { .. } => {
            current.known().copied().and_then(next)
        }
    };
    let affected = to.filter(|_| forecast.evidence.basis.names_some_clients()).and_then(|to| judge.affected(to));
    let blocks = to.map(|to| judge.blocks(to)).unwrap_or_default();
    let mut by_day: BTreeMap<Date, u64> = BTreeMap::new();
    for (hour, counts) in tally.iter().flat_map(|tally| &tally.hours) {
        *by_day.entry(hour.day()).or_default() += counts.non_compliant();
    }
    drop(judge);
    Advice { current, recommended, step, alarm, because, affected, blocks, by_day, forecast }
}

/// The next mode up.
const fn next(mode: Mode) -> Option<Mode> {
    match mode {
        Mode::Monitor | Mode::Defensive => Some(Mode::Strictest),
        Mode::Strictest => None,
    }
}

type Recommendation = (Option<Mode>, AdviceStep, Vec<String>);

struct Judge<'a> {
    forecast: &'a Forecast,
    tally: Option<&'a LoadBalancerTally>,
    clients: Vec<KnownClient<'a>>,
    thresholds: &'a Thresholds,
    current: Option<Mode>,
}

impl Judge<'_> {
    /// Whether a mode blocks a tier that the current mode does not block. Of a tier that this version does not know, that is assumed of
    /// every stricter mode.
    fn newly(&self, to: Mode, tier: &Tier) -> bool {
        let passes = |current: Mode| match tier {
            Tier::Other(_) => current < to,
            known => known.in_mode(current) != Treatment::Blocked,
        };
        tier.in_mode(to) == Treatment::Blocked && self.current.is_none_or(passes)
    }

    /// The requests that a mode would block and the current one does not; none without logs.
    fn affected(&self, to: Mode) -> Option<AffectedRequests> {
        let tally = self.tally.filter(|tally| tally.classified() > 0)?;
        let mut requests = affected(tally, &self.clients, |tier| self.newly(to, tier));
        let all = affected(tally, &self.clients, |tier| tier.in_mode(to) == Treatment::Blocked);
        requests.already = all.newly() + all.already - requests.newly();
        Some(requests)
    }

    /// Whether so many requests may be blocked although their clients were served.
    fn tolerates(&self, hurt: u64, of: u64) -> bool {
        hurt as f64 <= self.thresholds.tolerated_share * of as f64
    }

    /// From monitor: as far up as no user is hurt. Severe requests that targets answer are no reason to stay.
    fn raise_monitor(&self, severe_answered: bool) -> Recommendation {
        let strictest = self.raise(Mode::Strictest);
        if let Ok(found @ (_, AdviceStep::Raise { .. }, _)) = strictest {
            return found;
        }
        match self.raise(Mode::Defensive) {
            Ok((mode, raise @ AdviceStep::Raise { .. }, mut because)) => {
                // Half of the way now is better than all of it after some fixing.
                because.push(
                    "Strictest would block more requests; run `doorward advise` again after this change.".to_owned(),
                );
                (mode, raise, because)
            }
            Ok(fix) if severe_answered => fix,
            Err(because) if severe_answered => {
                let mut sources = self.sources(Mode::Defensive, |source| source.hurt() > 0 || source.protected);
                let (all, listed) = (sources.len(), self.thresholds.maximum_sources.max(1));
                sources.truncate(listed);
                let mut because = because;
                because.push(format!(
                    "Only the first {} of {all} are listed; find the owners of all of them.",
                    sources.len()
                ));
                (Some(Mode::Defensive), AdviceStep::FixAndRaise { to: Mode::Defensive, sources }, because)
            }
            other => match (strictest, other) {
                (Ok(later), _) | (Err(_), Ok(later)) => later,
                (Err(why), Err(_)) => (Some(Mode::Monitor), AdviceStep::Keep, why),
            },
        }
    }

    /// The step to a mode, now or after fixing sources; or why the mode is not recommended.
    fn raise(&self, to: Mode) -> Result<Recommendation, Vec<String>> {
        let Some(mode) = self.forecast.mode(to) else {
            return Err(vec![format!(
                "CloudWatch counts non-compliant requests, but does not show which ones; turn on access logs to see \
                 what {to} would block."
            )]);
        };
        if mode.hurt.is_none() {
            return Err(vec![
                format!("{to} would block {}; only access logs show who sent them.", requests(mode.blocked.count)),
                self.evidence(),
            ]);
        }
        // Without logs and without a hurt request there is nothing to block.
        let newly = self.affected(to).unwrap_or_default();
        let mut because = vec![self.blocked(mode, &newly)];
        because.extend(self.clients_of(mode, &newly));
        because.push(self.evidence());
        let sources = self.sources(to, |source| source.hurt() > 0 || source.protected);
        let protected = sources.iter().any(|source| source.protected);
        // One share covers both: requests that are counted and not logged may be of users too.
        let unaccounted = self.unaccounted();
        let hurt = newly.hurt() + unaccounted;
        if self.tolerates(hurt, mode.blocked.of) && !protected {
            if mode.closed.count > 0 {
                because.push(format!(
                    "The connections of {} Ambiguous {} ({:.1} a day) would be closed after the response, so clients \
                     would have to open new ones.",
                    mode.closed.count,
                    if mode.closed.count == 1 { "request" } else { "requests" },
                    mode.closed.per_day
                ));
            }
            because.extend(self.beyond(mode));
            return Ok((Some(to), AdviceStep::Raise { to }, because));
        }
        let most = self.thresholds.maximum_sources;
        // Fixing the named sources has to bring the rest below the tolerated share.
        let mut left = hurt;
        let mut named = Vec::new();
        for source in sources {
            if self.tolerates(left, mode.blocked.of) && !source.protected {
                continue;
            }
            left = left.saturating_sub(source.hurt());
            named.push(source);
        }
        if unaccounted > 0 && self.tolerates(newly.hurt(), mode.blocked.of) {
            because.push(format!(
                "With {} that CloudWatch counts and no log holds, more than the tolerated share may be of users.",
                requests(unaccounted)
            ));
        }
        let exact = self.tally.is_none_or(|tally| tally.sources.clients.unkept() == 0);
        let count = SourceToFix::count(&named);
        if exact && self.tolerates(left, mode.blocked.of) && count <= most && !named.is_empty() {
            let are = if count == 1 { "accounts" } else { "account" };
            because.insert(1, format!("{} {are} for these.", counted(count as u64, "source")));
            return Ok((Some(to), AdviceStep::FixAndRaise { to, sources: named }, because));
        }
        let more = if exact { String::new() } else { format!(", more than the {} that are stored", ClientTable::KEPT) };
        because.insert(1, format!("They came from more than {}{more}.", counted(most as u64, "source")));
        if newly.logins > 0 {
            because.insert(1, format!("{to} would lock out users at the login: {} of these are logins.", newly.logins));
        }
        Err(because)
    }

    /// For a load balancer in strictest: whether legitimate clients may be blocked.
    fn watch(&self) -> Recommendation {
        let keep = Some(Mode::Strictest);
        let Some(mode) = self.forecast.mode(Mode::Strictest).filter(|mode| mode.blocked.count > 0) else {
            return (
                keep,
                AdviceStep::Keep,
                vec!["It is already in strictest, and no request was blocked.".to_owned(), self.evidence()],
            );
        };
        let RequestShare { count, of, denominator, per_day } = mode.blocked;
        let share = mode.blocked.fraction().map_or(String::new(), |share| format!(", {}", percent(share)));
        let mut because = vec![
            format!(
                "It is already in strictest, which blocks {count} of {of} {}{share}, {per_day:.1} a day.",
                denominator.label()
            ),
            self.evidence(),
        ];
        let sources = self.grouped(&self.clients);
        let sources: Vec<SourceToFix> = sources
            .into_iter()
            .filter(|source| source.protected || source.client.cause.tier.as_str() != "Severe")
            .collect();
        if sources.is_empty() {
            because.push("All blocked requests were Severe; legitimate clients do not send such requests.".to_owned());
            return (keep, AdviceStep::Keep, because);
        }
        because
            .push("Blocked requests do not reach a target, so it is unknown whether they were legitimate.".to_owned());
        let most = self.thresholds.maximum_sources;
        (keep, AdviceStep::Watch { sources: sources.into_iter().take(most).collect() }, because)
    }

    fn grouped(&self, clients: &[KnownClient<'_>]) -> Vec<SourceToFix> {
        sources::sources(clients, &self.thresholds.protected_clients, &self.forecast.evidence.protected)
    }

    /// Sources that a mode would block newly, and protected ones that it would block at all.
    fn sources(&self, to: Mode, wanted: impl Fn(&SourceToFix) -> bool) -> Vec<SourceToFix> {
        let blocked = |known: &&KnownClient<'_>| known.client.cause.tier.in_mode(to) == Treatment::Blocked;
        let clients: Vec<KnownClient<'_>> = self.clients.iter().filter(blocked).cloned().collect();
        let sources = self.grouped(&clients).into_iter();
        sources.filter(|source| source.protected || self.newly(to, &source.client.cause.tier)).filter(wanted).collect()
    }

    /// Every source that a mode would block and that may be a user, and the most active scanners.
    fn blocks(&self, to: Mode) -> Vec<SourceToFix> {
        let (mut users, scanners): (Vec<_>, Vec<_>) =
            self.sources(to, |_| true).into_iter().partition(|source| source.hurt() > 0 || source.protected);
        users.extend(scanners.into_iter().take(SCANNERS));
        users
    }
}

#[cfg(test)]
mod tests;
