//! Compares the mode of each load balancer with the result of Security Hub's own control. Pure.
//!
//! The controls ask for defensive or strictest (documentation of ELB.12 and ELB.14), so the mode that was seen decides what they
//! would say had they looked. Whether policy asks for more or for less than they do is said apart: that is no contradiction.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use doorward_model::{
    AccountId, AccountRegion, Arn, Finding, Gap, GapReason, Kind, LoadBalancer, Mode, Observed, Region, ScanReport,
    VerdictKind,
};

use crate::config_rule::{ConfigRuleOffer, config_rule_offer};
use crate::deliver::Closed;
use crate::native::{APPLICATION, CLASSIC, CONFIG, NATIVE_ACTION, NativeFinding};

mod ask;
mod comparison_table;

pub use ask::ask_native;
pub use comparison_table::comparison_table;

/// The rule that asks what the controls ask.
const RULE: &str = "desync-mode-below-required";

/// What one Security Hub answered for one account-Region: findings, or why there are none.
pub type NativeFindings = Result<Vec<NativeFinding>, Closed>;

/// Load balancers beside Security Hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Account-Regions for which Security Hub answered: elsewhere its findings are unknown.
    pub answered: usize,
    /// Every load balancer that can carry a mode, by account, Region and ARN.
    pub lines: Vec<ComparisonLine>,
    /// What the controls name and the scan did not find, in the same order.
    pub strays: Vec<Stray>,
}

/// One load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComparisonLine {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The load balancer.
    pub load_balancer: Arn,
    /// Its name.
    pub name: String,
    /// The control that is about it.
    pub control: &'static str,
    /// The mode that was seen; absent where it could not be read.
    pub mode: Option<Mode>,
    /// How the two stand to each other.
    #[serde(flatten)]
    pub standing: Standing,
    /// What the control says: status and since when, once for each standard.
    pub says: Vec<Says>,
}

/// A status, and since when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Says {
    /// `PASSED`, `FAILED`, `WARNING` or `NOT_AVAILABLE`, verbatim.
    pub status: String,
    /// When the finding was last changed, verbatim.
    pub updated_at: String,
}

/// How what was seen and what Security Hub says stand to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", content = "why", rename_all = "kebab-case")]
pub enum Standing {
    /// The control says what the mode should make it say.
    Agrees,
    /// It says something else.
    Contradicts,
    /// Security Hub has no eyes for it.
    Blind(Blind),
    /// It fails rightly, and the finding is suppressed.
    Suppressed,
    /// It passes rightly, and policy demands more.
    AsksLess,
    /// It fails rightly, and policy is content.
    AsksMore,
    /// One side could not be read, so the comparison is unknown.
    Unknown(UnseenSide),
}

/// Why Security Hub says nothing of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "cause", content = "reasons", rename_all = "kebab-case")]
pub enum Blind {
    /// AWS has no such Config rule in this Region.
    NoConfigRule,
    /// Whether AWS has the Config rule in this Region is not known.
    ConfigRuleUnknown,
    /// Security Hub is not enabled in this account-Region.
    NotEnabled,
    /// Config.1 fails there: AWS Config is off, or does not record everything.
    NotRecorded,
    /// There is a finding, and it says that nothing was evaluated, by these reason codes.
    NotEvaluated(Vec<String>),
    /// Other load balancers there have a finding of the control, and this one has none.
    Overlooked,
    /// Nothing there has a finding of the control: it is off, or its findings do not arrive in the Security Hub that was asked.
    ControlOff,
}

/// What could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "side", content = "gap", rename_all = "kebab-case")]
pub enum UnseenSide {
    /// The mode, by the scan.
    Ours(Gap),
    /// The Security Hub.
    Theirs(Gap),
}

/// A load balancer that a control names and the scan did not find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stray {
    /// The account-Region.
    #[serde(flatten)]
    pub place: AccountRegion,
    /// What the control names, verbatim.
    pub resource: String,
    /// The control.
    pub control: String,
    /// What it says.
    pub status: String,
    /// Whether the scan listed everything there, so that it is gone; otherwise unknown.
    pub gone: bool,
}

/// Compares. `answers` are by the account-Region that the findings are about.
pub fn compare(report: &ScanReport, answers: &BTreeMap<AccountRegion, NativeFindings>) -> Comparison {
    let verdicts: BTreeMap<&Arn, &Finding> =
        report.findings.iter().filter(|f| f.rule == RULE).map(|f| (&f.load_balancer, f)).collect();
    let responses: BTreeMap<&AccountRegion, ControlFindings<'_>> = answers
        .iter()
        .filter_map(|(place, answer)| Some((place, ControlFindings::of(answer.as_ref().ok()?))))
        .collect();
    let none = ControlFindings::default();
    let mut lines: Vec<ComparisonLine> = Vec::new();
    for lb in report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()) {
        let control = if lb.kind == Kind::Classic { CLASSIC } else { APPLICATION };
        let place = lb.place();
        let responses = responses.get(&place).unwrap_or(&none);
        let said = responses.of.get(&(control, lb.arn.as_str())).map_or(&[][..], Vec::as_slice);
        let standing = match answers.get(&place) {
            Some(Err(Closed::NotEnabled(_))) => Standing::Blind(Blind::NotEnabled),
            Some(Err(Closed::Unreachable(gap))) => Standing::Unknown(UnseenSide::Theirs(gap.clone())),
            None => Standing::Unknown(UnseenSide::Theirs(Gap::new(GapReason::NotAsked, NATIVE_ACTION))),
            Some(Ok(_)) => {
                judge(lb, control, said, responses, verdicts.get(&lb.arn).map(|finding| finding.verdict.kind()))
            }
        };
        let mut says: Vec<Says> = said
            .iter()
            .map(|finding| Says { status: finding.status.clone(), updated_at: finding.updated_at.clone() })
            .collect();
        says.sort();
        says.dedup();
        lines.push(ComparisonLine {
            account: lb.account.clone(),
            region: lb.region.clone(),
            load_balancer: lb.arn.clone(),
            name: lb.name.clone(),
            control,
            mode: lb.mode.known().copied(),
            standing,
            says,
        });
    }
    lines.sort_by(|a, b| (&a.account, &a.region, &a.load_balancer).cmp(&(&b.account, &b.region, &b.load_balancer)));
    Comparison {
        answered: answers.values().filter(|answer| answer.is_ok()).count(),
        lines,
        strays: strays(report, answers),
    }
}

/// The findings of one account-Region.
#[derive(Default)]
struct ControlFindings<'a> {
    /// By control and resource.
    of: BTreeMap<(&'a str, &'a str), Vec<&'a NativeFinding>>,
    /// Config.1 fails.
    unrecorded: bool,
}

impl<'a> ControlFindings<'a> {
    fn of(findings: &'a [NativeFinding]) -> Self {
        let mut responses = Self::default();
        for finding in findings {
            responses.unrecorded |= finding.control == CONFIG && finding.status == "FAILED";
            responses.of.entry((&finding.control, &finding.resource)).or_default().push(finding);
        }
        responses
    }

    /// Findings of a control that are not about one load balancer but about the account: nothing was evaluated.
    fn at_large(&self, control: &str) -> Vec<&NativeFinding> {
        let of_it = self.of.iter().filter(|((of, resource), _)| *of == control && !is_load_balancer(resource));
        of_it.flat_map(|(_, findings)| findings.iter().copied()).collect()
    }
}

fn judge(
    lb: &LoadBalancer,
    control: &str,
    said: &[&NativeFinding],
    responses: &ControlFindings<'_>,
    ours: Option<VerdictKind>,
) -> Standing {
    let judged: Vec<&&NativeFinding> =
        said.iter().filter(|f| matches!(f.status.as_str(), "PASSED" | "FAILED")).collect();
    if judged.is_empty() {
        return Standing::Blind(blind(lb, control, said, responses));
    }
    let mode = match &lb.mode {
        Observed::Known(mode) => *mode,
        Observed::Unread(gap) => return Standing::Unknown(UnseenSide::Ours(Gap::clone(gap))),
        // A load balancer that can have a mode and has none was not read.
        Observed::Absent => {
            let gap = Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeLoadBalancerAttributes");
            return Standing::Unknown(UnseenSide::Ours(gap));
        }
    };
    let protected = mode != Mode::Monitor;
    if judged.iter().any(|finding| (finding.status == "PASSED") != protected) {
        return Standing::Contradicts;
    }
    match (protected, ours) {
        (true, Some(VerdictKind::Fail | VerdictKind::Excepted)) => Standing::AsksLess,
        (false, Some(VerdictKind::Pass)) => Standing::AsksMore,
        (false, _) if judged.iter().all(|finding| finding.suppressed) => Standing::Suppressed,
        _ => Standing::Agrees,
    }
}

fn blind(lb: &LoadBalancer, control: &str, said: &[&NativeFinding], responses: &ControlFindings<'_>) -> Blind {
    let at_large = responses.at_large(control);
    let unevaluated = if said.is_empty() { &at_large[..] } else { said };
    let offer = if control == APPLICATION { config_rule_offer(&lb.region) } else { ConfigRuleOffer::Offered };
    if offer == ConfigRuleOffer::NotOffered {
        Blind::NoConfigRule
    } else if responses.unrecorded {
        Blind::NotRecorded
    } else if !unevaluated.is_empty() {
        let reasons: BTreeSet<&String> = unevaluated.iter().flat_map(|finding| &finding.reasons).collect();
        Blind::NotEvaluated(reasons.into_iter().cloned().collect())
    } else if responses.of.keys().any(|(of, resource)| *of == control && is_load_balancer(resource)) {
        Blind::Overlooked
    } else if offer == ConfigRuleOffer::Unknown {
        Blind::ConfigRuleUnknown
    } else {
        Blind::ControlOff
    }
}

fn is_load_balancer(resource: &str) -> bool {
    resource.contains(":loadbalancer/")
}

fn strays(report: &ScanReport, answers: &BTreeMap<AccountRegion, NativeFindings>) -> Vec<Stray> {
    let known: BTreeSet<&str> = report.load_balancers.iter().map(|lb| lb.arn.as_str()).collect();
    let listed: BTreeSet<(&AccountId, &Region)> = report
        .coverage
        .lines
        .iter()
        .filter(|line| line.fully_listed)
        .filter_map(|line| Some((&line.account, line.region.as_ref()?)))
        .collect();
    let mut strays: BTreeSet<Stray> = BTreeSet::new();
    for (place, answer) in answers {
        let findings = answer.iter().flatten().filter(|finding| finding.control != CONFIG);
        for finding in findings.filter(|f| is_load_balancer(&f.resource) && !known.contains(f.resource.as_str())) {
            strays.insert(Stray {
                place: place.clone(),
                resource: finding.resource.clone(),
                control: finding.control.clone(),
                status: finding.status.clone(),
                gone: listed.contains(&(&place.account, &place.region)),
            });
        }
    }
    strays.into_iter().collect()
}
