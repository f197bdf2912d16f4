//! How the load balancers that a control is about stand with the rules that support it, and what is not known of it.

use std::collections::BTreeMap;

use crate::{Arn, Control, Finding, ScanReport, Scheme, VerdictKind, not_seen_in_words};

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

    /// The gravest result of any load balancer; none where no rule judged one. It knows nothing of what was not read:
    /// [`RequirementResult::kind`] does.
    const fn gravest(&self) -> Option<VerdictKind> {
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
}

/// What is known of a requirement, and what is not. Every output that shows the result of a requirement takes it from here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequirementResult {
    /// The load balancers that were judged.
    pub load_balancers: ControlResult,
    /// Why a load balancer that was not judged may fail, each reason as a clause without a full stop. Empty where everything that the
    /// requirement is about was read and judged.
    pub unknown: Vec<String>,
}

impl RequirementResult {
    /// Fail as soon as a failure was seen; otherwise unknown as long as anything is; none where everything was read and no rule judged
    /// a load balancer.
    pub const fn kind(&self) -> Option<VerdictKind> {
        match self.load_balancers.gravest() {
            Some(VerdictKind::Fail) => Some(VerdictKind::Fail),
            _ if !self.unknown.is_empty() => Some(VerdictKind::Unknown),
            gravest => gravest,
        }
    }

    /// The result as outputs show it.
    pub fn outcome(&self) -> String {
        self.kind().map_or_else(|| "not judged".to_owned(), |kind| kind.to_string())
    }

    /// What is not known, in one line; empty where nothing is.
    pub fn unknown_in_words(&self) -> String {
        self.unknown.join("; ")
    }
}

/// The findings of a report by rule, each with the scheme of its load balancer.
pub struct FindingsOfControls<'a> {
    report: &'a ScanReport,
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
        Self { report, by_rule }
    }

    /// The findings of the rules that support a control, of the load balancers that it is about.
    pub fn of(&self, control: &Control) -> impl Iterator<Item = &'a Finding> {
        let rules = control.rules.iter().filter_map(|rule| self.by_rule.get(rule.as_str()));
        let findings = rules.flatten().filter(|(finding, scheme)| control.is_about(finding.kind, *scheme));
        findings.map(|(finding, _)| *finding)
    }

    /// The result of a requirement. What was not read, not asked or not seen keeps it from passing.
    pub fn requirement(&self, control: &Control) -> RequirementResult {
        let load_balancers = self.result(control);
        let mut unknown = self.report.unread_in_words();
        unknown.extend(self.without_verdict(control, load_balancers.judged()));
        unknown.extend(self.not_seen(control));
        RequirementResult { load_balancers, unknown }
    }

    /// The rules of a control that did not run, and those that were not asked for every load balancer. Where no load balancer was
    /// judged, the result says so already.
    fn without_verdict(&self, control: &Control, judged: usize) -> Option<String> {
        let is_lacking = |rule: &&String| {
            let about = self.of(control).filter(|finding| finding.rule == **rule);
            let mut kinds = about.map(|finding| finding.verdict.kind()).peekable();
            kinds.peek().is_none() || kinds.any(|kind| kind == VerdictKind::NotAsked)
        };
        let lacking: Vec<&str> = control.rules.iter().filter(is_lacking).map(String::as_str).collect();
        (judged > 0 && !lacking.is_empty())
            .then(|| format!("without a verdict, or not for every load balancer: {}", lacking.join(", ")))
    }

    /// Load balancers and findings of earlier scans that the control is about and that this scan did not see.
    fn not_seen(&self, control: &Control) -> Option<String> {
        let unseen = self.report.unseen.as_ref()?;
        // The scheme of a load balancer that was not seen is not known, so that it may be one that the control is about.
        let load_balancers = unseen.load_balancers.iter().filter(|lb| control.is_about(lb.kind, None)).count();
        let findings = unseen.findings.iter();
        let findings = findings.filter(|f| control.rules.contains(&f.rule) && control.is_about(f.kind, None)).count();
        not_seen_in_words(load_balancers, findings).map(|what| format!("not seen now: {what}"))
    }

    /// The load balancers that were judged.
    fn result(&self, control: &Control) -> ControlResult {
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
