//! Sources of non-compliant requests as items to finish: who sends them, until when they are due, and whether they are gone.
//!
//! Only conclusive evidence changes an item: a source that was not observed because nothing was read is neither gone nor back.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Mode, Traffic, TrafficSource, TrafficStep, counted};

/// A source of requests that a stronger mode would block, followed from scan to scan. Its texts are external text from logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrackedSource {
    /// Its address, or its network.
    pub address: String,
    /// Its user agent.
    pub agent: String,
    /// AWS's classification and reason code.
    pub reason: String,
    /// The fix; none for a reason code that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The owner of the load balancer when it was last observed.
    pub owner: String,
    /// The end of the first evidence that contains it.
    pub first: Timestamp,
    /// The end of the last evidence that contains it.
    pub last: Timestamp,
    /// When it is due to be fixed.
    pub due: Timestamp,
    /// The end of the first evidence that does not contain it any more; absent while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Timestamp>,
    /// How often it came back after it was gone.
    #[serde(default)]
    pub returned: u32,
}

/// The state of a tracked source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// It is there, and was gone before.
    Back,
    /// It is there.
    Open,
    /// It is not there any more.
    Gone,
}

impl TrackedSource {
    /// Its state.
    pub const fn state(&self) -> SourceState {
        match (&self.gone, self.returned) {
            (Some(_), _) => SourceState::Gone,
            (None, 0) => SourceState::Open,
            (None, _) => SourceState::Back,
        }
    }

    /// Whether it is there and its due date has passed.
    pub fn is_overdue(&self, at: Timestamp) -> bool {
        self.gone.is_none() && at > self.due
    }

    /// The state in words, at a time: `open, due 2027-02-28`, `gone for 12 days`, `back, overdue since 2026-11-01`.
    pub fn state_text(&self, at: Timestamp) -> String {
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let word = match self.state() {
            SourceState::Gone => {
                let since = self.gone.unwrap_or(self.last);
                let days = at.duration_since(since).as_hours().max(0) / 24;
                return format!("gone for {}", counted(days, "day"));
            }
            SourceState::Open => "open",
            SourceState::Back => "back",
        };
        if self.is_overdue(at) {
            format!("{word}, overdue since {}", day(self.due))
        } else {
            format!("{word}, due {}", day(self.due))
        }
    }

    fn is(&self, source: &TrafficSource) -> bool {
        (self.address.as_str(), self.agent.as_str(), self.reason.as_str())
            == (source.address.as_str(), source.agent.as_str(), reason(source).as_str())
    }
}

/// The tracked sources of a load balancer after further evidence, ordered by their first observation, address and user agent. Evidence
/// that is not conclusive, or not later than what was observed already, changes nothing.
pub fn track(known: Vec<TrackedSource>, traffic: &Traffic, owner: &str, due_days: u32) -> Vec<TrackedSource> {
    let (step, _) = traffic.advised();
    let conclusive = matches!(step, TrafficStep::Raise | TrafficStep::FixAndRaise);
    let newest = known.iter().map(|one| one.gone.map_or(one.last, |gone| gone.max(one.last))).max();
    let Some(until) = traffic.until.filter(|until| conclusive && newest.is_none_or(|newest| *until > newest)) else {
        return known;
    };
    // On the way to defensive only Severe requests are looked at, so that sources of others may still be there.
    let all_tiers = traffic.recommended != Some(Mode::Defensive);
    let mut sources = known;
    for one in &mut sources {
        match traffic.sources.iter().find(|source| one.is(source)) {
            Some(source) => {
                one.returned += u32::from(one.gone.take().is_some());
                one.last = until;
                one.fix.clone_from(&source.fix);
                owner.clone_into(&mut one.owner);
            }
            None if all_tiers => {
                one.gone.get_or_insert(until);
            }
            None => {}
        }
    }
    let due = SignedDuration::from_hours(24 * i64::from(due_days));
    let added: Vec<TrackedSource> = traffic
        .sources
        .iter()
        // The sources of a raise are within the tolerated share: one that is tracked is still there, and no further one is due.
        .filter(|_| step == TrafficStep::FixAndRaise)
        .filter(|source| !sources.iter().any(|one| one.is(source)))
        .map(|source| TrackedSource {
            address: source.address.clone(),
            agent: source.agent.clone(),
            reason: reason(source),
            fix: source.fix.clone(),
            owner: owner.to_owned(),
            first: until,
            last: until,
            due: until.saturating_add(due).unwrap_or(until),
            gone: None,
            returned: 0,
        })
        .collect();
    sources.extend(added);
    sources.sort_by(|a, b| (a.first, &a.address, &a.agent, &a.reason).cmp(&(b.first, &b.address, &b.agent, &b.reason)));
    sources
}

fn reason(source: &TrafficSource) -> String {
    format!("{}, {}", source.tier, source.reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{ObservedTime, TrafficBasis};

    fn at(day: u8) -> Timestamp {
        format!("2026-11-{day:02}T00:00:00Z").parse().expect("a time")
    }

    fn traffic(day: u8, step: TrafficStep, agents: &[&str]) -> Traffic {
        let source = |agent: &&str| TrafficSource {
            address: "192.0.2.7".to_owned(),
            agent: (*agent).to_owned(),
            tier: "Ambiguous".to_owned(),
            reason: "BothTeClPresent".to_owned(),
            requests: 5,
            served: 5,
            fix: Some("Update it.".to_owned()),
            protected: false,
        };
        Traffic {
            basis: TrafficBasis::FullLogs,
            from: None,
            until: Some(at(day)),
            observed: Some(ObservedTime::default()),
            requests: 100,
            denominator: "requests".to_owned(),
            tiers: BTreeMap::new(),
            modes: Vec::new(),
            cross_check: String::new(),
            recommended: None,
            step,
            because: Vec::new(),
            sources: agents.iter().map(source).collect(),
        }
    }

    fn states(sources: &[TrackedSource], day: u8) -> Vec<String> {
        sources.iter().map(|one| format!("{} {}", one.agent, one.state_text(at(day)))).collect()
    }

    #[test]
    fn sources_are_open_gone_and_back() {
        use TrafficStep::{FixAndRaise, Keep, NotEnoughEvidence, Raise};
        let sources = track(Vec::new(), &traffic(1, FixAndRaise, &["pos", "cron"]), "shop", 10);
        assert_eq!(states(&sources, 2), ["cron open, due 2026-11-11", "pos open, due 2026-11-11"]);
        assert_eq!(states(&sources, 12), ["cron open, overdue since 2026-11-11", "pos open, overdue since 2026-11-11"]);
        // What proves nothing changes nothing.
        for step in [NotEnoughEvidence, Keep, TrafficStep::Watch] {
            assert_eq!(track(sources.clone(), &traffic(3, step, &[]), "shop", 10), sources, "{step:?}");
        }
        assert_eq!(track(sources.clone(), &traffic(1, Raise, &[]), "shop", 10), sources, "the same evidence again");
        let unknown_days = Traffic { observed: None, ..traffic(3, Raise, &[]) };
        assert_eq!(track(sources.clone(), &unknown_days, "shop", 10), sources);

        let sources = track(sources, &traffic(5, FixAndRaise, &["pos"]), "shop", 10);
        assert_eq!(states(&sources, 6), ["cron gone for 1 day", "pos open, due 2026-11-11"]);
        let sources = track(sources, &traffic(8, Raise, &[]), "shop", 10);
        assert_eq!(states(&sources, 20), ["cron gone for 15 days", "pos gone for 12 days"]);
        let sources = track(sources, &traffic(9, FixAndRaise, &["cron", "new"]), "team", 10);
        assert_eq!(
            states(&sources, 9),
            ["cron back, due 2026-11-11", "pos gone for 1 day", "new open, due 2026-11-19"]
        );
        assert_eq!((sources[0].returned, sources[0].owner.as_str()), (1, "team"));
        // A raise within the tolerated share: a source that is still there is not gone, and no further one is due.
        let tolerated = track(sources.clone(), &traffic(10, Raise, &["cron", "other"]), "team", 10);
        assert_eq!(states(&tolerated, 10), ["cron back, due 2026-11-11", "pos gone for 2 days", "new gone for 0 days"]);
        // On the way to defensive, sources of other tiers are not looked at.
        for step in [Raise, FixAndRaise] {
            let half = Traffic { recommended: Some(Mode::Defensive), ..traffic(10, step, &[]) };
            assert_eq!(track(sources.clone(), &half, "team", 10), sources);
        }
        // Late evidence of an earlier time does not turn the states back.
        assert_eq!(track(sources.clone(), &traffic(7, Raise, &[]), "team", 10), sources);
    }
}
