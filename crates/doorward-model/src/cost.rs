//! What load balancers cost: amounts with currency, source and period, and their sums. Without a price there is no amount, which is not
//! zero.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Account, AccountId, CostCentres, Decimal, Finding, IDLE_RULE, LoadBalancer, MODE_RULE, Money, OwnerNames, Verdict,
    counted,
};

/// The source of a load balancer's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CostBasis {
    /// The prices for everybody, without any discount: of the built-in table or a price file.
    ListPrice,
    /// An export of what was charged.
    Export,
}

/// The cost of a load balancer in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancerCost {
    /// The amounts, one for each currency, ordered by currency. Credits and refunds are subtracted.
    pub amounts: Vec<Money>,
    /// The source of the amounts.
    pub basis: CostBasis,
    /// The same by name and date: `list price of us-east-1 of 2026-09-20`.
    pub source: String,
    /// The first day, UTC; absent for list prices, which are of a month of 730 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The last day, UTC; included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Whether it costs more: the use of capacity is known in part or not at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// The most that clients' new connections cost in a month after defensive closed theirs; absent where the traffic is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_connections: Option<Money>,
}

impl LoadBalancerCost {
    /// The period in words.
    pub fn period(&self) -> String {
        match (self.from, self.until) {
            (Some(from), Some(until)) => format!("{from} to {until}"),
            _ => "a month of 730 hours".to_owned(),
        }
    }

    /// The amounts in words: `USD 16.43`, `at least USD 16.43`, `EUR 1.00 and USD 2.00`.
    pub fn amounts_in_words(&self) -> String {
        let at_least = if self.at_least { "at least " } else { "" };
        let amounts: Vec<String> = self.amounts.iter().map(ToString::to_string).collect();
        format!("{at_least}{}", amounts.join(" and "))
    }
}

impl fmt::Display for LoadBalancerCost {
    /// `at least USD 16.43 (a month of 730 hours, list price of us-east-1 of 2026-09-20)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.amounts_in_words(), self.period(), self.source)
    }
}

/// The cost of several load balancers. Those without a price are counted beside the amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostSum {
    /// The sums, by currency.
    pub amounts: BTreeMap<String, Decimal>,
    /// Load balancers whose cost is in the sums.
    pub priced: usize,
    /// Load balancers whose cost is not known.
    pub unpriced: usize,
    /// Load balancers of which it is not known whether they belong to the sum; their cost is not in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub undecided: usize,
    /// Whether they cost more, because capacity is known in part or not at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// The sources of the amounts.
    pub sources: BTreeSet<String>,
    /// The periods of the amounts.
    pub periods: BTreeSet<String>,
}

impl CostSum {
    /// The sum over some load balancers.
    pub fn of<'a>(load_balancers: impl IntoIterator<Item = &'a LoadBalancer>) -> Self {
        let mut sum = Self::default();
        load_balancers.into_iter().for_each(|lb| sum.add(lb));
        sum
    }

    /// Adds one more.
    pub fn add(&mut self, lb: &LoadBalancer) {
        let Some(cost) = lb.cost.as_deref() else {
            self.unpriced += 1;
            return;
        };
        self.priced += 1;
        self.at_least |= cost.at_least;
        self.sources.insert(cost.source.clone());
        self.periods.insert(cost.period());
        for money in &cost.amounts {
            let sum = self.amounts.entry(money.currency.clone()).or_default();
            *sum = sum.plus(money.amount);
        }
    }

    /// How many load balancers it is about.
    pub const fn load_balancers(&self) -> usize {
        self.priced + self.unpriced
    }

    /// The sums in words: `USD 32.85`, `at least USD 16.43`, `no price known`. None of no load balancer; `unknown` where it is not known
    /// whether any load balancer belongs to the sum.
    pub fn amounts_in_words(&self) -> String {
        if self.load_balancers() == 0 {
            return if self.undecided == 0 { "none".to_owned() } else { "unknown".to_owned() };
        }
        if self.priced == 0 {
            return "no price known".to_owned();
        }
        let money = |(currency, amount): (&String, &Decimal)| format!("{currency} {}", amount.cents());
        let amounts: Vec<String> = self.amounts.iter().map(money).collect();
        let at_least = if self.at_least || self.unpriced + self.undecided > 0 { "at least " } else { "" };
        format!("{at_least}{}", amounts.join(" and "))
    }

    /// The same with the number of load balancers: `USD 32.85 (2 load balancers)`, `at least USD 16.43 (1 of 2 load balancers has a
    /// price)`.
    pub fn sentence(&self) -> String {
        let all = self.load_balancers();
        let sentence = match (all, self.priced, self.unpriced) {
            (0, ..) => self.amounts_in_words(),
            (_, _, 0) => format!("{} ({})", self.amounts_in_words(), counted(all, "load balancer")),
            (_, 0, _) => format!("{}, no price known", counted(all, "load balancer")),
            (_, priced, _) => format!(
                "{} ({priced} of {all} load balancers {} a price)",
                self.amounts_in_words(),
                if priced == 1 { "has" } else { "have" }
            ),
        };
        match (self.undecided, all) {
            (0, _) => sentence,
            (undecided, 0) => format!("unknown for {}", counted(undecided, "load balancer")),
            (undecided, _) => format!("{sentence}; unknown for {}", counted(undecided, "more load balancer")),
        }
    }

    /// Period and source: `for a month of 730 hours, list price of us-east-1 of 2026-09-20`; none where nothing has a price.
    pub fn basis(&self) -> Option<String> {
        let joined = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join("; ");
        (self.priced > 0).then(|| format!("for {}, {}", joined(&self.periods), joined(&self.sources)))
    }
}

/// Costs of a set of load balancers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostTally {
    /// Of all load balancers.
    pub total: CostSum,
    /// Of those without traffic, as the rule load-balancer-idle finds them, without those under an exception.
    pub idle: CostSum,
    /// Of those that are weaker than the policy requires, without those under an exception.
    pub at_risk: CostSum,
}

/// The costs of an owner or cost centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CostLine {
    /// The owner or cost centre.
    pub group: String,
    /// Its costs.
    pub costs: CostTally,
}

/// Load balancers that findings mark as waste (idle) or as risk (weaker than required).
#[derive(Debug, Default)]
pub struct CostStanding<'a> {
    idle: BTreeMap<&'a str, Option<bool>>,
    weaker: BTreeMap<&'a str, Option<bool>>,
}

impl<'a> CostStanding<'a> {
    /// The standing of the load balancers of these findings.
    pub fn of(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut standing = Self::default();
        for finding in findings {
            let answers = match finding.rule.as_str() {
                MODE_RULE => &mut standing.weaker,
                IDLE_RULE => &mut standing.idle,
                _ => continue,
            };
            let answer = match *finding.verdict {
                Verdict::Fail { .. } => Some(true),
                Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::Excepted { .. } => Some(false),
                Verdict::Unknown { .. } | Verdict::NotAsked { .. } => None,
            };
            answers.insert(finding.load_balancer.as_str(), answer);
        }
        standing
    }

    /// Whether no traffic was found, without an exception; none where that is not known.
    pub fn is_idle(&self, lb: &LoadBalancer) -> Option<bool> {
        self.idle.get(lb.arn.as_str()).copied().flatten()
    }

    /// Whether it is weaker than the policy requires, without an exception; none where that is not known.
    pub fn is_weaker(&self, lb: &LoadBalancer) -> Option<bool> {
        self.weaker.get(lb.arn.as_str()).copied().flatten()
    }
}

/// Whether a count is left out of a document.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl CostTally {
    /// The costs of some load balancers, by their findings; none where no load balancer has a price.
    pub fn of<'a, 'b>(
        load_balancers: impl IntoIterator<Item = &'a LoadBalancer>,
        findings: impl IntoIterator<Item = &'b Finding>,
    ) -> Option<Self> {
        let standing = CostStanding::of(findings);
        let mut tally = Self::default();
        load_balancers.into_iter().for_each(|lb| tally.add(lb, &standing));
        (tally.total.priced > 0).then_some(tally)
    }

    fn add(&mut self, lb: &LoadBalancer, standing: &CostStanding<'_>) {
        self.total.add(lb);
        for (sum, belongs) in [(&mut self.idle, standing.is_idle(lb)), (&mut self.at_risk, standing.is_weaker(lb))] {
            match belongs {
                Some(true) => sum.add(lb),
                Some(false) => {}
                None => sum.undecided += 1,
            }
        }
    }

    /// The costs by owner, ordered by name.
    pub fn by_owner(load_balancers: &[LoadBalancer], findings: &[Finding]) -> Vec<CostLine> {
        let names = OwnerNames::of(load_balancers);
        Self::by(load_balancers, findings, |lb| names.shown(lb.owner_label()).to_owned())
    }

    /// The costs by cost centre, ordered by name; empty where no tag keys name one.
    pub fn by_cost_centre(
        load_balancers: &[LoadBalancer],
        findings: &[Finding],
        accounts: &[Account],
        keys: &[String],
    ) -> Vec<CostLine> {
        if keys.is_empty() {
            return Vec::new();
        }
        let centres = CostCentres::new(accounts, keys);
        Self::by(load_balancers, findings, |lb| centres.of(lb))
    }

    fn by(
        load_balancers: &[LoadBalancer],
        findings: &[Finding],
        group: impl Fn(&LoadBalancer) -> String,
    ) -> Vec<CostLine> {
        let standing = CostStanding::of(findings);
        let mut groups: BTreeMap<String, Self> = BTreeMap::new();
        for lb in load_balancers {
            groups.entry(group(lb)).or_default().add(lb, &standing);
        }
        groups.into_iter().map(|(group, costs)| CostLine { group, costs }).collect()
    }
}

/// The accounts of a report by id.
pub(crate) fn accounts_by_id(accounts: &[Account]) -> BTreeMap<&AccountId, &Account> {
    accounts.iter().map(|account| (&account.id, account)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_which_nothing_is_known_is_not_none() {
        let undecided = |undecided| CostSum { undecided, ..CostSum::default() };
        assert_eq!((undecided(0).amounts_in_words(), undecided(0).sentence()), ("none".to_owned(), "none".to_owned()));
        assert_eq!(undecided(1).amounts_in_words(), "unknown");
        assert_eq!(undecided(1).sentence(), "unknown for 1 load balancer");
        let known = CostSum { priced: 1, amounts: [("USD".to_owned(), Decimal::default())].into(), ..undecided(2) };
        assert_eq!(known.amounts_in_words(), "at least USD 0.00");
        assert_eq!(known.sentence(), "at least USD 0.00 (1 load balancer); unknown for 2 more load balancers");
    }
}
