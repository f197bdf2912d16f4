//! How the load balancers that a control is about stand with the rules that support it.

use std::collections::BTreeMap;

use crate::{Arn, Control, Finding, ScanReport, Scheme, VerdictKind};

/// Load balancers by the gravest verdict of the rules that support a control; each counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ControlResult {
    /// Load balancers for which at least one rule fails.
    pub fail: usize,
    /// Load balancers with at least one unknown verdict and no failure.
    pub unknown: usize,
    /// Those with an exception whose other verdicts pass.
    pub excepted: usize,
    /// Load balancers for which every rule passes.
    pub pass: usize,
}

impl ControlResult {
    /// Those that a supporting rule judged.
    pub const fn judged(&self) -> usize {
        self.fail + self.unknown + self.excepted + self.pass
    }

    /// The gravest result of any load balancer; none where no rule judged one.
    pub const fn gravest(&self) -> Option<VerdictKind> {
        if self.fail > 0 {
            Some(VerdictKind::Fail)
        } else if self.unknown > 0 {
            Some(VerdictKind::Unknown)
        } else if self.excepted > 0 {
            Some(VerdictKind::Excepted)
        } else if self.pass > 0 {
            Some(VerdictKind::Pass)
        } else {
            None
        }
    }

    /// The gravest result as outputs show it.
    pub fn outcome(&self) -> String {
        self.gravest().map_or_else(|| "not judged".to_owned(), |kind| kind.to_string())
    }
}

/// The findings of a report by rule, each with the scheme of its load balancer.
pub struct FindingsOfControls<'a> {
    by_rule: BTreeMap<&'a str, Vec<(&'a Finding, Option<Scheme>)>>,
}

impl<'a> FindingsOfControls<'a> {
    /// The findings of a report.
    pub fn new(report: &'a ScanReport) -> Self {
        let schemes: BTreeMap<&Arn, Option<Scheme>> =
            report.load_balancers.iter().map(|lb| (&lb.arn, lb.scheme.known().copied())).collect();
        let mut by_rule: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for finding in &report.findings {
            let scheme = schemes.get(&finding.load_balancer).copied().flatten();
            by_rule.entry(&finding.rule).or_default().push((finding, scheme));
        }
        Self { by_rule }
    }

    /// The findings of the rules that support a control, of the load balancers that it is about.
    pub fn of(&self, control: &Control) -> impl Iterator<Item = &'a Finding> {
        let rules = control.rules.iter().filter_map(|rule| self.by_rule.get(rule.as_str()));
        let findings = rules.flatten().filter(|(finding, scheme)| control.is_about(finding.kind, *scheme));
        findings.map(|(finding, _)| *finding)
    }

    /// The result of a control.
    pub fn result(&self, control: &Control) -> ControlResult {
        // `VerdictKind` is ordered from the gravest; the last two judge nothing.
        let mut gravest: BTreeMap<&Arn, VerdictKind> = BTreeMap::new();
        for finding in self.of(control) {
            let kind = finding.verdict.kind();
            if !matches!(kind, VerdictKind::NotApplicable | VerdictKind::NotAsked) {
                let known = gravest.entry(&finding.load_balancer).or_insert(kind);
                *known = kind.min(*known);
            }
        }
        let mut result = ControlResult::default();
        for kind in gravest.into_values() {
            match kind {
                VerdictKind::Fail => result.fail += 1,
                VerdictKind::Unknown => result.unknown += 1,
                VerdictKind::Excepted => result.excepted += 1,
                VerdictKind::Pass => result.pass += 1,
                VerdictKind::NotApplicable | VerdictKind::NotAsked => {}
            }
        }
        result
    }
}
