//! Coverage: every account-Region exactly once, with its outcome.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Gap, GapReason, Listing, RawLoadBalancer, Region, RegionInventory};

/// The outcome of one account-Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CoverageStatus {
    /// Everything was read.
    Complete,
    /// At least one list arrived, and at least one value was not read.
    Partial,
    /// Excluded by the settings, or known to be closed.
    Skipped,
    /// No list arrived.
    Failed,
}

impl std::fmt::Display for CoverageStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        })
    }
}

/// One account-Region of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageLine {
    /// The account.
    pub account: AccountId,
    /// The Region; absent on the one line that stands for Regions that could not be listed.
    pub region: Option<Region>,
    /// The outcome.
    pub status: CoverageStatus,
    /// When the first list was requested, UTC: every value was read then or later. Absent if nothing was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Whether every list of load balancers arrived in full. Only then can a missing load balancer be called deleted.
    pub fully_listed: bool,
    /// How many were found: all if `fully_listed`, otherwise at least so many. Null if none was found and a list was not read in full.
    pub load_balancers: Option<usize>,
    /// How many were deleted during the scan.
    pub gone: usize,
    /// The gaps, each distinct one once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

impl CoverageLine {
    /// The coverage of one account-Region.
    pub fn of(inventory: &RegionInventory) -> Self {
        // Destructured in full: a new field does not compile until it is decided whether it can lower coverage.
        let RegionInventory {
            account,
            region,
            read_at,
            skipped,
            listing,
            classic_listing,
            load_balancers,
            gone,
            gaps: whole_region,
        } = inventory;
        let unlisted = [listing, classic_listing].into_iter().filter_map(Listing::gap);
        // A read that was not asked for is no gap in coverage; a verdict that needs it is unknown and names it.
        let unread = load_balancers.iter().flat_map(RawLoadBalancer::unread);
        let unread = unread.filter(|gap| gap.reason != GapReason::NotAsked);
        let mut gaps: Vec<Gap> = Vec::new();
        for gap in unlisted.chain(whole_region).chain(unread) {
            if !gaps.iter().any(|known| known.has_same_fix(gap)) {
                gaps.push(gap.clone());
            }
        }
        let fully_listed = listing.is_full() && classic_listing.is_full();
        let status = if skipped.is_some() {
            CoverageStatus::Skipped
        } else if fully_listed && gaps.is_empty() {
            CoverageStatus::Complete
        } else if listing.is_full() || classic_listing.is_full() || !load_balancers.is_empty() {
            CoverageStatus::Partial
        } else {
            CoverageStatus::Failed
        };
        Self {
            account: account.clone(),
            region: region.clone(),
            status,
            read_at: *read_at,
            fully_listed,
            load_balancers: (fully_listed || !load_balancers.is_empty()).then_some(load_balancers.len()),
            gone: gone.len(),
            gaps,
        }
    }
}

/// The number of account-Regions by outcome: `complete + partial + skipped + failed = all`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageCounts {
    /// All account-Regions.
    pub all: usize,
    /// Read completely.
    pub complete: usize,
    /// Read in part.
    pub partial: usize,
    /// Excluded by the settings, or known to be closed.
    pub skipped: usize,
    /// Not read at all.
    pub failed: usize,
}

impl CoverageCounts {
    /// The account-Regions to read: all but the skipped ones. The denominator of every coverage percentage.
    pub fn in_scope(&self) -> usize {
        self.all - self.skipped
    }
}

/// The coverage of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// The counts.
    pub counts: CoverageCounts,
    /// Every account-Region exactly once, ordered by account and Region.
    pub lines: Vec<CoverageLine>,
    /// Whether the list of accounts arrived in full. If not, it is unknown which accounts are missing here.
    pub accounts_listing: Listing,
}

impl Coverage {
    /// Counts lines that are already ordered.
    pub fn new(lines: Vec<CoverageLine>, accounts_listing: Listing) -> Self {
        let mut counts = CoverageCounts { all: lines.len(), ..CoverageCounts::default() };
        for line in &lines {
            match line.status {
                CoverageStatus::Complete => counts.complete += 1,
                CoverageStatus::Partial => counts.partial += 1,
                CoverageStatus::Skipped => counts.skipped += 1,
                CoverageStatus::Failed => counts.failed += 1,
            }
        }
        Self { counts, lines, accounts_listing }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Every property that the schema makes an observation, by name, so that no list has to be maintained.
    fn observations() -> Vec<String> {
        let schema = schemars::schema_for!(RawLoadBalancer);
        let properties = schema.get("properties").and_then(Value::as_object).expect("an object").iter();
        let observed = |schema: &Value| schema["$ref"].as_str().is_some_and(|of| of.contains("/Observed"));
        properties.filter(|(_, schema)| observed(schema)).map(|(name, _)| name.clone()).collect()
    }

    fn raw() -> Value {
        let mut raw = json!({
            "arn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188",
            "name": "web",
            "kind": "application",
        });
        for name in observations() {
            raw[name] = json!("absent");
        }
        raw
    }

    fn line(load_balancer: Value) -> CoverageLine {
        let inventory = json!({
            "account": "111122223333",
            "region": "eu-west-1",
            "listing": "full",
            "classic_listing": "full",
            "load_balancers": [load_balancer],
        });
        CoverageLine::of(&serde_json::from_value(inventory).expect("an inventory"))
    }

    #[test]
    fn a_number_of_load_balancers_that_was_not_read_is_not_zero() {
        let denied =
            json!({"unread": {"reason": "access-denied", "operation": "elasticloadbalancing:DescribeLoadBalancers"}});
        let full = json!("full");
        let cases = [
            (&full, &full, vec![], Some(0)),
            (&full, &full, vec![raw()], Some(1)),
            (&full, &denied, vec![raw()], Some(1)),
            (&full, &denied, vec![], None),
            (&denied, &full, vec![], None),
            (&denied, &denied, vec![], None),
        ];
        for (listing, classic_listing, load_balancers, number) in cases {
            let inventory = json!({
                "account": "111122223333",
                "region": "eu-west-1",
                "listing": listing,
                "classic_listing": classic_listing,
                "load_balancers": load_balancers,
            });
            let line = CoverageLine::of(&serde_json::from_value(inventory).expect("an inventory"));
            assert_eq!(line.load_balancers, number, "{line:?}");
        }
    }

    #[test]
    fn every_observation_of_a_load_balancer_that_was_not_read_lowers_coverage() {
        let observations = observations();
        assert!(observations.len() >= 4, "{observations:?}");
        assert_eq!(line(raw()).status, CoverageStatus::Complete);
        for name in observations {
            for (reason, status) in
                [("access-denied", CoverageStatus::Partial), ("not-asked", CoverageStatus::Complete)]
            {
                let mut raw = raw();
                raw[&name] = json!({"unread": {"reason": reason, "operation": "elasticloadbalancing:Describe"}});
                let line = line(raw);
                assert_eq!(line.status, status, "{name} {reason}: {line:?}");
                assert_eq!(line.gaps.len(), usize::from(status == CoverageStatus::Partial), "{name}");
            }
        }
    }
}
