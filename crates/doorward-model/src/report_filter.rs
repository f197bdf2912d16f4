//! A part of a report: the load balancers and findings that some criteria select. Coverage stays that of the whole scan.
//!
//! A load balancer of which it could not be read whether a criterion selects it is selected: it may be meant.

use std::collections::BTreeSet;

use crate::{
    Arn, DeadlineTally, Finding, GapReason, Listing, LoadBalancer, Observed, ReportTally, ScanReport, Severity,
    UnseenFinding, VerdictKind, owner_key,
};

/// The criteria; one without a value selects everything. Values of one criterion are alternatives, criteria hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFilter {
    /// Owners as reports show them, compared without case.
    pub owners: Vec<String>,
    /// Account ids.
    pub accounts: Vec<String>,
    /// Organizational units as paths of names or ids, with those below them.
    pub ous: Vec<String>,
    /// Risk profiles by name.
    pub profiles: Vec<String>,
    /// Rule ids.
    pub rules: Vec<String>,
    /// Severities of failures.
    pub severities: Vec<Severity>,
    /// Verdicts.
    pub verdicts: Vec<VerdictKind>,
}

impl ReportFilter {
    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it leaves out findings of load balancers that stay.
    pub fn selects_findings(&self) -> bool {
        !self.rules.is_empty() || !self.severities.is_empty() || !self.verdicts.is_empty()
    }

    /// What figures of the selected part are of, in sentences; they name no criterion.
    pub fn part_sentence(&self) -> &'static str {
        if self.selects_findings() {
            "Other findings are left out, and load balancers without a selected finding, so that no share is one of all load balancers; the \
             coverage is that of the whole scan."
        } else {
            "Other findings are left out; the coverage is that of the whole scan."
        }
    }

    fn has_owner(&self, owner: &str) -> bool {
        self.owners.is_empty() || self.owners.iter().any(|wanted| owner_key(wanted) == owner_key(owner))
    }

    fn has_account(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|wanted| wanted == account)
    }

    fn has_unit(&self, unit: Option<&str>) -> bool {
        let below = |wanted: &String, unit: &str| {
            let wanted = wanted.trim_end_matches('/');
            unit.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.ous.is_empty() || unit.is_some_and(|unit| self.ous.iter().any(|wanted| below(wanted, unit)))
    }

    /// The same for a unit of which only the path is known: an id may be meant.
    fn may_have_unit(&self, unit: &str) -> bool {
        self.has_unit(Some(unit)) || self.ous.iter().any(|wanted| !wanted.starts_with('/'))
    }

    fn has_profile(&self, lb: &LoadBalancer) -> bool {
        let is_it = |name: &str| self.profiles.iter().any(|wanted| owner_key(wanted) == owner_key(name));
        if self.profiles.is_empty() {
            return true;
        }
        // The policy is about modes, so that a load balancer without one has no profile.
        if !lb.effective_mode().applies() {
            return is_it("none");
        }
        match lb.policy.as_ref().map(|policy| &policy.profile) {
            Some(Observed::Known(name)) => is_it(name),
            Some(Observed::Absent) => is_it("none"),
            Some(Observed::Unread(_)) | None => true,
        }
    }

    fn has_load_balancer(&self, lb: &LoadBalancer) -> bool {
        let in_unit = match &lb.ou {
            Observed::Known(ou) => self.has_unit(Some(&ou.names)) || ou.ids.iter().any(|id| self.ous.contains(id)),
            Observed::Absent => self.has_unit(None),
            Observed::Unread(_) => true,
        };
        // Owners that no verdict asks for are a group of their own.
        let is_owner_unread = lb.owner.gap().is_some_and(|gap| gap.reason != GapReason::NotAsked);
        (is_owner_unread || self.has_owner(lb.owner_label()))
            && self.has_account(lb.account.as_str())
            && in_unit
            && self.has_profile(lb)
    }

    /// A criterion that selects nothing that the report knows, as the name of its flag, the value and the known values: a value that
    /// is misspelt would read as if nothing failed. None where what is known is incomplete, because the value may then be right.
    pub fn unmatched<'a>(&'a self, report: &ScanReport) -> Option<(&'static str, &'a str, Vec<String>)> {
        let sorted = |values: BTreeSet<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let (unseen_lbs, unseen_findings) = report
            .unseen
            .as_ref()
            .map_or((&[][..], &[][..]), |unseen| (unseen.load_balancers.as_slice(), unseen.findings.as_slice()));
        if matches!(report.coverage.accounts_listing, Listing::Full) {
            let seen = report.accounts.iter().map(|account| account.id.as_str());
            let known: BTreeSet<&str> = seen.chain(unseen_lbs.iter().map(|lb| lb.account.as_str())).collect();
            if let Some(account) = self.accounts.iter().find(|account| !known.contains(account.as_str())) {
                return Some(("--account", account, sorted(known)));
            }
        }
        let all_units_read = report.accounts.iter().all(|account| account.ou.gap().is_none());
        if all_units_read {
            let seen = report.accounts.iter().filter_map(|account| account.ou.known()).map(|ou| ou.names.as_str());
            let known: BTreeSet<&str> = seen.chain(unseen_lbs.iter().map(|lb| lb.unit.as_str())).collect();
            let ids: BTreeSet<&str> = (report.accounts.iter().filter_map(|account| account.ou.known()))
                .flat_map(|ou| ou.ids.iter().map(String::as_str))
                .collect();
            let is_known = |ou: &String| {
                let one = Self { ous: vec![ou.clone()], ..Self::default() };
                ids.contains(ou.as_str()) || known.iter().any(|unit| one.has_unit(Some(unit)))
            };
            if let Some(ou) = self.ous.iter().find(|ou| !is_known(ou)) {
                return Some(("--ou", ou, sorted(known)));
            }
        }
        let all_owners_read = report.is_whole()
            && report
                .load_balancers
                .iter()
                .all(|lb| lb.owner.gap().is_none_or(|gap| gap.reason == GapReason::NotAsked));
        if all_owners_read {
            let unseen =
                unseen_lbs.iter().map(|lb| lb.owner.as_str()).chain(unseen_findings.iter().map(|f| f.owner.as_str()));
            let known: BTreeSet<&str> =
                report.load_balancers.iter().map(LoadBalancer::owner_label).chain(unseen).collect();
            let is_known = |owner: &String| known.iter().any(|name| owner_key(name) == owner_key(owner));
            if let Some(owner) = self.owners.iter().find(|owner| !is_known(owner)) {
                return Some(("--owner", owner, sorted(known)));
            }
        }
        None
    }

    fn has_rule(&self, rule: &str) -> bool {
        self.rules.is_empty() || self.rules.iter().any(|wanted| wanted == rule)
    }

    fn has_finding(&self, finding: &Finding) -> bool {
        let kind = finding.verdict.kind();
        let severity = finding.verdict.severity();
        self.has_rule(&finding.rule)
            && (self.verdicts.is_empty() || self.verdicts.contains(&kind))
            && (self.severities.is_empty() || severity.is_some_and(|severity| self.severities.contains(&severity)))
    }

    /// What was not seen is selected by what is known of it: it failed when it was last seen.
    fn has_unseen(&self, finding: &UnseenFinding) -> bool {
        let kind = if finding.excepted { VerdictKind::Excepted } else { VerdictKind::Fail };
        self.has_owner(&finding.owner)
            && self.has_account(finding.account.as_str())
            && self.may_have_unit(&finding.unit)
            && self.has_rule(&finding.rule)
            && (self.verdicts.is_empty()
                || self.verdicts.contains(&kind)
                || self.verdicts.contains(&VerdictKind::Unknown))
            && (self.severities.is_empty()
                || finding.severity.is_none_or(|severity| self.severities.contains(&severity)))
    }

    /// The selected part. A load balancer stays where its owner, account and unit are selected and, with criteria for findings, where at
    /// least one of its findings is.
    #[must_use]
    pub fn apply(&self, mut report: ScanReport) -> ScanReport {
        if self.is_empty() {
            return report;
        }
        report.load_balancers.retain(|lb| self.has_load_balancer(lb));
        let kept: BTreeSet<Arn> = report.load_balancers.iter().map(|lb| lb.arn.clone()).collect();
        report.findings.retain(|finding| kept.contains(&finding.load_balancer) && self.has_finding(finding));
        if self.selects_findings() {
            let found: BTreeSet<&Arn> = report.findings.iter().map(|finding| &finding.load_balancer).collect();
            report.load_balancers.retain(|lb| found.contains(&lb.arn));
        }
        if let Some(unseen) = &mut report.unseen {
            unseen.findings.retain(|finding| self.has_unseen(finding));
            unseen.load_balancers.retain(|lb| {
                self.has_owner(&lb.owner) && self.has_account(lb.account.as_str()) && self.may_have_unit(&lb.unit)
            });
        }
        let deadlines = report.tally.deadlines.map(|_| DeadlineTally::of(&report.findings));
        report.tally = ReportTally { deadlines, ..ReportTally::of(&report.load_balancers, &report.findings) };
        report
    }
}

impl std::fmt::Display for ReportFilter {
    /// `owner payments; severity high or critical`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severities: Vec<String> = self.severities.iter().map(ToString::to_string).collect();
        let verdicts: Vec<String> = self.verdicts.iter().map(ToString::to_string).collect();
        let parts = [
            ("owner", &self.owners),
            ("account", &self.accounts),
            ("OU", &self.ous),
            ("profile", &self.profiles),
            ("rule", &self.rules),
            ("severity", &severities),
            ("verdict", &verdicts),
        ];
        let parts = parts.iter().filter(|(_, values)| !values.is_empty());
        let parts: Vec<String> = parts.map(|(name, values)| format!("{name} {}", values.join(" or "))).collect();
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_selects_what_is_below_it_and_not_what_begins_alike() {
        let filter = ReportFilter { ous: vec!["/Prod/".to_owned()], ..ReportFilter::default() };
        for (unit, expected) in [("/Prod", true), ("/Prod/Shop", true), ("/Production", false)] {
            assert_eq!(filter.has_unit(Some(unit)), expected, "{unit}");
        }
        assert!(!filter.has_unit(None), "what is in no organizational unit is not selected");
        assert_eq!(filter.to_string(), "OU /Prod/");
        assert!(ReportFilter::default().has_unit(None) && ReportFilter::default().is_empty());
    }
}
