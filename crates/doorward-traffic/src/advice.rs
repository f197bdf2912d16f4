//! The recommended mode of a load balancer, with the reason and the evidence.
//!
//! No mode is recommended without evidence: too few days, too few requests, unread objects or a metric that contradicts the logs
//! result in "not enough evidence", with the missing evidence.

use doorward_model::{Mode, Observed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::forecast::{Basis, CrossCheck, Forecast, ModeForecast, Share};
use crate::reasons;
use crate::tally::{Cause, Client, LoadBalancerTally, Treatment};
use crate::top::Weight;

mod protected_clients;
mod thresholds;

use protected_clients::covers;
pub use thresholds::Thresholds;

/// A source to fix before raising the mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceToFix {
    /// The client and the cause.
    pub client: Client,
    /// Requests of it that would be blocked, at least.
    pub requests: u64,
    /// Those of them that a target served, at least.
    pub served: u64,
    /// Typical clients; none for a reason code that this version does not know.
    pub likely: Option<String>,
    /// The fix.
    pub fix: Option<String>,
    /// Whether it is one of the protected clients in the thresholds.
    pub protected: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Step {
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
        /// What to provide or wait for, one sentence each.
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
    pub step: Step,
    /// The reasons, in sentences, the most important first.
    pub because: Vec<String>,
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
    let judge = Judge { forecast: &forecast, tally, thresholds };
    let mut missing = judge.missing();
    let blocks_some = judge.forecast.mode(Mode::Strictest).is_some_and(|mode| mode.blocked.count > 0);
    if judge.forecast.evidence.basis == Basis::MetricOnly && blocks_some && current.known() != Some(&Mode::Strictest) {
        // Keeping a mode is a recommendation too, and the metric does not show whose requests it counts.
        missing.push(
            "Switch on access logs, or allow Doorward to read them, to see whose requests would be blocked.".to_owned(),
        );
    }
    let (recommended, step, because) = match current.known() {
        _ if !missing.is_empty() => (None, Step::NotEnoughEvidence { missing }, vec![judge.evidence()]),
        None => {
            let missing =
                vec!["Read the load balancer's mode first; without it no change can be recommended.".to_owned()];
            (None, Step::NotEnoughEvidence { missing }, vec!["The current mode is unknown.".to_owned()])
        }
        Some(Mode::Strictest) => judge.watch(),
        Some(Mode::Defensive) => {
            judge.raise(Mode::Strictest).unwrap_or_else(|why| (Some(Mode::Defensive), Step::Keep, why))
        }
        Some(Mode::Monitor) => match judge.raise(Mode::Strictest) {
            Ok(found @ (_, Step::Raise { .. }, _)) => found,
            // Half of the way now is better than all of it after some fixing.
            Ok(later) => match judge.raise(Mode::Defensive) {
                Ok((mode, raise @ Step::Raise { .. }, mut because)) => {
                    because.push(
                        "Strictest would block more requests; run `doorward advise` again after this change."
                            .to_owned(),
                    );
                    (mode, raise, because)
                }
                _ => later,
            },
            Err(why) => judge.raise(Mode::Defensive).unwrap_or((Some(Mode::Monitor), Step::Keep, why)),
        },
    };
    Advice { current, recommended, step, because, forecast }
}

type Recommendation = (Option<Mode>, Step, Vec<String>);

struct Judge<'a> {
    forecast: &'a Forecast,
    tally: Option<&'a LoadBalancerTally>,
    thresholds: &'a Thresholds,
}

impl Judge<'_> {
    /// What stands in the way of any recommendation.
    fn missing(&self) -> Vec<String> {
        let evidence = &self.forecast.evidence;
        let mut missing = Vec::new();
        if evidence.basis == Basis::None {
            if evidence.lines > 0 && evidence.absent == evidence.lines {
                missing.push("The logs are older than AWS's classifications; read newer ones.".to_owned());
            } else {
                missing.push(format!(
                    "Switch on access logs and let them run for {} days, or allow cloudwatch:GetMetricData.",
                    self.thresholds.minimum_days
                ));
            }
            return missing;
        }
        if let Some(why) = &evidence.uncounted {
            missing.push(format!("Allow Doorward to read CloudWatch; the number of all requests is unknown: {why}."));
        }
        missing.extend(self.too_short());
        missing.extend(self.too_few_logs());
        let requests = self.forecast.modes.first().map_or(0, |mode| mode.blocked.of);
        if !self.forecast.modes.is_empty() && requests < self.thresholds.minimum_requests.max(1) {
            missing.push(format!(
                "Wait for at least {} requests; so far there are {requests}.",
                self.thresholds.minimum_requests
            ));
        }
        if evidence.basis == Basis::PartialLogs {
            missing.push(format!(
                "Read all logs of the window: objects are missing or damaged, or lines could not be parsed ({}) or have no \
                 classification ({}).",
                evidence.unparsed, evidence.absent
            ));
        }
        if evidence.unlogged > 0 {
            missing.push(format!(
                "Find the logs that are missing: CloudWatch counts {} non-compliant requests in hours without log lines, \
                 so that their clients are unknown.",
                evidence.unlogged
            ));
        }
        if let CrossCheck::Differs { logs, metric } = evidence.cross_check
            && metric > logs
        {
            missing.push(format!(
                "Find the logs that are missing: CloudWatch counts {metric} non-compliant requests, and the logs \
                 contain {logs}."
            ));
        }
        missing
    }

    /// Whether too few days were observed.
    fn too_short(&self) -> Option<String> {
        let observed = self.forecast.evidence.observed.clone().unwrap_or_default();
        let minimum = self.thresholds.minimum_days;
        let days = f64::from(observed.continuous_hours) / 24.0;
        (days < minimum).then(|| {
            let by_lines = matches!(self.forecast.evidence.basis, Basis::FullLogs | Basis::PartialLogs);
            let silent = observed.days > observed.days_with_traffic && observed.counted.is_none();
            let hint = if by_lines && silent {
                "; allow Doorward to read CloudWatch too, to distinguish quiet days from missing logs"
            } else {
                ""
            };
            format!(
                "Gather evidence of at least {minimum} days with traffic, without a gap between them; there are {days:.1}{hint}."
            )
        })
    }

    /// Whether the logs hold too few of the requests that CloudWatch counts.
    fn too_few_logs(&self) -> Option<String> {
        let observed = self.forecast.evidence.observed.as_ref()?;
        let (logged, counted) = (observed.logged?, observed.counted?);
        let few = (logged as f64) < self.thresholds.minimum_logged_share * counted as f64;
        few.then(|| {
            format!(
                "Find the logs that are missing: they contain {logged} of the {counted} requests that CloudWatch counts in the same \
                 time ({}).",
                observed.logged_share().unwrap_or_default()
            )
        })
    }

    /// The observed time, with its gaps.
    fn evidence(&self) -> String {
        let evidence = &self.forecast.evidence;
        let observed = evidence.observed.clone().unwrap_or_default();
        let (summary, lines) = (observed.summary(), evidence.lines);
        let hours = format!("traffic in {} of {} hours", observed.hours_with_traffic, observed.hours);
        let mut text = match evidence.basis {
            Basis::FullLogs => format!("Access logs were read: {summary}, {lines} lines; {hours}."),
            Basis::PeriodLogs => format!(
                "CloudWatch was read: {summary}; {hours}. Of the access logs, only those around the periods with non-compliant \
                 requests were read, {lines} lines."
            ),
            Basis::PartialLogs => format!("Access logs were partly read: {summary}, {lines} lines; {hours}."),
            Basis::MetricOnly => format!("Only CloudWatch's metrics were read: {summary}; {hours}."),
            Basis::None => "There is no evidence: neither logs nor metrics.".to_owned(),
        };
        for sentence in observed.missing().iter().chain(&observed.unknown) {
            text.push(' ');
            text.push_str(sentence);
        }
        text
    }

    /// The step to a mode, now or after fixing sources; or why the mode is not recommended.
    fn raise(&self, to: Mode) -> Result<Recommendation, Vec<String>> {
        let Some(mode) = self.forecast.mode(to) else {
            return Err(vec![format!(
                "CloudWatch counts non-compliant requests, but does not show which; switch on access logs to see what \
                 {to} would block."
            )]);
        };
        let mut because = vec![self.blocked(mode)];
        because.push(self.evidence());
        let protected = self.sources(to, |source| source.protected);
        let Some(hurt) = mode.hurt else {
            return Err(vec![
                format!("{to} would block {} requests, and only access logs show whose.", mode.blocked.count),
                self.evidence(),
            ]);
        };
        let tolerated = hurt.count as f64 <= self.thresholds.tolerated_share * mode.blocked.of as f64;
        if tolerated && protected.is_empty() {
            if mode.closed.count > 0 {
                because.push(format!(
                    "Connections of {} Ambiguous requests ({:.1} a day) would be closed after the response, which costs new connections.",
                    mode.closed.count, mode.closed.per_day
                ));
            }
            return Ok((Some(to), Step::Raise { to }, because));
        }
        let sources = self.sources(to, |source| source.served > 0 || source.protected);
        let bound = self.tally.map_or(0, |tally| tally.sources.clients.bound());
        let most = self.thresholds.maximum_sources;
        // Fixing the named sources has to bring the rest below the tolerated share.
        let mut left = hurt.count;
        let mut named = Vec::new();
        for source in sources {
            if left as f64 <= self.thresholds.tolerated_share * mode.blocked.of as f64 && !source.protected {
                continue;
            }
            left = left.saturating_sub(source.served);
            named.push(source);
        }
        let enough = left as f64 <= self.thresholds.tolerated_share * mode.blocked.of as f64;
        if enough && named.len() <= most && !named.is_empty() {
            because.push(format!(
                "{} of them were served by a target; {} sources account for these.",
                hurt.count,
                named.len()
            ));
            return Ok((Some(to), Step::FixAndRaise { to, sources: named }, because));
        }
        because.push(format!(
            "{} of them were served by a target, from more than {most} sources{}.",
            hurt.count,
            if bound > 0 { format!(" (each may have up to {bound} more requests)") } else { String::new() }
        ));
        Err(because)
    }

    /// For a load balancer in strictest: whether legitimate clients may be blocked.
    fn watch(&self) -> Recommendation {
        let keep = Some(Mode::Strictest);
        let Some(mode) = self.forecast.mode(Mode::Strictest).filter(|mode| mode.blocked.count > 0) else {
            return (
                keep,
                Step::Keep,
                vec!["It is in the strictest mode, and no request was blocked.".to_owned(), self.evidence()],
            );
        };
        let mut because = vec![format!("It is in the strictest mode. {}", self.blocked(mode)), self.evidence()];
        let sources =
            self.sources(Mode::Strictest, |source| source.protected || source.client.cause.tier.as_str() != "Severe");
        if sources.is_empty() {
            because.push("All blocked requests were Severe, which legitimate clients do not send.".to_owned());
            return (keep, Step::Keep, because);
        }
        because.push(
            "Blocked requests do not reach a target, so that it is unknown whether they were legitimate.".to_owned(),
        );
        let most = self.thresholds.maximum_sources;
        (keep, Step::Watch { sources: sources.into_iter().take(most).collect() }, because)
    }

    fn blocked(&self, mode: &ModeForecast) -> String {
        let Share { count, of, denominator, per_day } = mode.blocked;
        let verb = if mode.mode == Mode::Strictest { "Strictest" } else { "Defensive" };
        if count == 0 {
            let bound = mode
                .hurt_at_most
                .map_or(String::new(), |bound| format!("; at 95% confidence at most {} of all", percent(bound)));
            return format!("{verb} would have blocked none of {of} {}{bound}.", denominator.label());
        }
        let share = mode.blocked.fraction().map_or(String::new(), |share| format!(", {}", percent(share)));
        format!("{verb} would have blocked {count} of {of} {}{share}, {per_day:.1} a day.", denominator.label())
    }

    /// Clients that a mode would block, those with the most served requests first.
    fn sources(&self, mode: Mode, wanted: impl Fn(&SourceToFix) -> bool) -> Vec<SourceToFix> {
        let Some(tally) = self.tally else { return Vec::new() };
        let ranked = tally.sources.clients.ranked().into_iter();
        let blocked = ranked.filter(|(client, _)| client.cause.tier.in_mode(mode) == Treatment::Blocked);
        let mut sources: Vec<SourceToFix> =
            blocked.map(|(client, weight)| self.source(client, weight)).filter(wanted).collect();
        sources.sort_by(|a, b| {
            b.served.cmp(&a.served).then(b.requests.cmp(&a.requests)).then_with(|| a.client.cmp(&b.client))
        });
        sources
    }

    fn source(&self, client: &Client, weight: Weight) -> SourceToFix {
        let Cause { reason, .. } = &client.cause;
        let known = reasons::reason(reason);
        SourceToFix {
            client: client.clone(),
            requests: weight.requests,
            served: weight.served,
            likely: known.map(|known| known.clients.clone()),
            fix: known.map(|known| known.fix.clone()),
            protected: self.thresholds.protected_clients.iter().any(|wanted| covers(wanted, client)),
        }
    }
}

/// A fraction as a percentage, with enough digits to distinguish it from zero.
fn percent(fraction: f64) -> String {
    let percent = fraction * 100.0;
    let digits = if percent >= 1.0 { 1 } else { (1.0 - percent.max(1e-9).log10().floor()) as usize };
    format!("{percent:.digits$}%")
}

#[cfg(test)]
mod tests;
