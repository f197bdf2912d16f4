//! Load balancers and findings of earlier scans that this scan did not observe. Every figure includes them, so that a scan that
//! reads less never looks like progress.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Arn, Kind, Mode, Region, ScanReport, Severity, counted};

/// Known from earlier scans, and not observed by this one. Both lists are ordered by account, Region and ARN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unseen {
    /// Load balancers that no later scan observed as deleted.
    pub load_balancers: Vec<UnseenLoadBalancer>,
    /// Findings that failed when they were last seen, with or without an exception. Their load balancers may have been seen.
    pub findings: Vec<UnseenFinding>,
    /// Account-Regions that an earlier scan listed, at least in part, and this one did not.
    pub account_regions: usize,
    /// Account-Regions that failed or were excluded by the settings, and that no scan of the ledger ever listed: how many load
    /// balancers are there is unknown.
    pub never_read: usize,
}

/// A load balancer as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnseenLoadBalancer {
    /// The load balancer.
    pub arn: Arn,
    /// Its account.
    pub account: AccountId,
    /// Its Region.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its owner as displayed, as last read.
    pub owner: String,
    /// Its organizational unit as a path of names, as last read.
    pub unit: String,
    /// Its mode when it was last seen; absent if its kind has no mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<LastMode>,
    /// When it was last seen, UTC.
    pub last_seen: Timestamp,
}

/// The mode of a load balancer when it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LastMode {
    /// It was in monitor.
    Monitor,
    /// It was in defensive.
    Defensive,
    /// It was in strictest.
    Strictest,
    /// Its mode could not be read.
    Unknown,
    /// It was a classic load balancer without an HTTP listener, whose mode has no effect.
    NotApplicable,
}

impl LastMode {
    /// The mode, where one was read.
    pub const fn mode(self) -> Option<Mode> {
        match self {
            Self::Monitor => Some(Mode::Monitor),
            Self::Defensive => Some(Mode::Defensive),
            Self::Strictest => Some(Mode::Strictest),
            Self::Unknown | Self::NotApplicable => None,
        }
    }
}

/// A finding as it was last seen: it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnseenFinding {
    /// Its stable id.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The load balancer.
    pub load_balancer: Arn,
    /// The load balancer's name.
    pub name: String,
    /// The load balancer's kind.
    pub kind: Kind,
    /// Its owner as displayed, as last read.
    pub owner: String,
    /// Its organizational unit as a path of names, as last read.
    pub unit: String,
    /// Whether an exception permitted the failure when it was last seen.
    pub excepted: bool,
    /// Its severity; absent if an old ledger did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// When a scan first saw it fail, UTC.
    pub first_seen: Timestamp,
    /// When a scan last saw it, UTC.
    pub last_seen: Timestamp,
    /// Why this scan did not see it.
    pub because: WhyUnseen,
}

/// A part of the load balancers that are known, where some of them were not seen: they may all be of the part, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// How many certainly belong to it.
    pub least: usize,
    /// How many are if everything is that was not seen or could not be read.
    pub most: usize,
    /// How many load balancers are known.
    pub of: usize,
}

impl Bounds {
    /// Of `seen` load balancers `part` are and `undecided` could not be read; `unseen` more are known.
    pub const fn new(part: usize, undecided: usize, seen: usize, unseen: usize) -> Self {
        Self { least: part, most: part + undecided + unseen, of: seen + unseen }
    }

    /// Both ends in hundredths of a percent, the lower one rounded down and the upper one up; none of nothing.
    pub fn basis_points(self) -> Option<(u32, u32)> {
        let down = (self.least * 10_000).checked_div(self.of)?;
        let up = (self.most * 10_000).div_ceil(self.of);
        Some((u32::try_from(down).unwrap_or(u32::MAX), u32::try_from(up).unwrap_or(u32::MAX)))
    }
}

impl std::fmt::Display for Bounds {
    /// `18.8% to 84.9% of 106`; `none known` where nothing is known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some((low, high)) = self.basis_points() else { return f.write_str("none known") };
        let high = high.div_ceil(10);
        write!(f, "{}.{}% to {}.{}% of {}", low / 100, low % 100 / 10, high / 10, high % 10, self.of)
    }
}

/// Why a scan did not see what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhyUnseen {
    /// The scan did not see the load balancer.
    LoadBalancerNotSeen,
    /// The load balancer was seen, and what the verdict rests on could not be read.
    Unreadable,
    /// The load balancer was seen, and the rule was not asked, or without the evidence that its answer rests on.
    NotAsked,
}

impl WhyUnseen {
    /// The reason in words, without a full stop.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::LoadBalancerNotSeen => "the load balancer was not seen",
            Self::Unreadable => "a value that the rule needs could not be read",
            Self::NotAsked => "the rule was not asked, or the evidence that it needs was not collected",
        }
    }
}

/// What a scan did not see in words: `19 load balancers and 46 failures that earlier scans saw`; none where it saw everything.
pub fn not_seen_in_words(load_balancers: usize, failures: usize) -> Option<String> {
    let parts = [(load_balancers, "load balancer"), (failures, "failure")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| counted(*n, what)).collect();
    (!parts.is_empty()).then(|| format!("{} that earlier scans saw", parts.join(" and ")))
}

impl Unseen {
    /// Findings that were open when they were last seen, that is failing without an exception.
    pub fn open(&self) -> usize {
        self.findings.iter().filter(|finding| !finding.excepted).count()
    }

    /// Findings that were under an exception when they were last seen.
    pub fn excepted(&self) -> usize {
        self.findings.len() - self.open()
    }

    /// Findings of severity critical or high that were open when they were last seen, and those whose severity is not known, which may
    /// be.
    pub fn pressing(&self) -> usize {
        let may_press = |severity: Option<Severity>| severity.is_none_or(|severity| severity >= Severity::High);
        self.findings.iter().filter(|finding| !finding.excepted && may_press(finding.severity)).count()
    }

    /// Load balancers by where they last counted among the modes.
    pub fn modes(&self) -> BTreeMap<LastMode, usize> {
        let mut modes = BTreeMap::new();
        for mode in self.load_balancers.iter().filter_map(|lb| lb.mode) {
            *modes.entry(mode).or_default() += 1;
        }
        modes
    }

    /// The load balancers whose mode matters: what a share of modes does not know of.
    pub fn mode_population(&self) -> usize {
        self.modes().iter().filter(|(mode, _)| **mode != LastMode::NotApplicable).map(|(_, count)| count).sum()
    }

    /// Whether everything that is known was seen.
    pub fn is_empty(&self) -> bool {
        let Self { load_balancers, findings, account_regions, never_read } = self;
        load_balancers.is_empty() && findings.is_empty() && account_regions + never_read == 0
    }
}

impl ScanReport {
    /// Failures of earlier scans that this one did not observe, by the id of the finding. The report may have a verdict of them:
    /// unknown, or not asked.
    pub fn unseen_failures(&self) -> BTreeMap<&str, &UnseenFinding> {
        let unseen = self.unseen.iter().flat_map(|unseen| &unseen.findings);
        unseen.map(|finding| (finding.id.as_str(), finding)).collect()
    }

    /// Those of which the report has no verdict, in order. An output that lists both verdicts and unseen failures adds these alone:
    /// the others are among its verdicts.
    pub fn unseen_without_verdict(&self) -> Vec<&UnseenFinding> {
        let judged: BTreeSet<&str> = self.findings.iter().map(|finding| finding.id.as_str()).collect();
        let unseen = self.unseen.iter().flat_map(|unseen| &unseen.findings);
        unseen.filter(|finding| !judged.contains(finding.id.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_count_what_was_not_seen_both_ways() {
        for (bounds, expected) in [
            (Bounds::new(20, 1, 36, 70), "18.8% to 85.9% of 106"),
            (Bounds::new(36, 0, 36, 0), "100.0% to 100.0% of 36"),
            (Bounds::new(0, 0, 0, 5), "0.0% to 100.0% of 5"),
            (Bounds::new(1, 0, 3, 0), "33.3% to 33.4% of 3"),
            (Bounds::default(), "none known"),
        ] {
            assert_eq!(bounds.to_string(), expected);
        }
    }
}
