//! The result of a scan. Sinks only read it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Account, AppliedChange, Arn, CostTally, Coverage, DeadlineTally, EffectiveMode, Finding, Gap, GapReason, Kind,
    LoadBalancer, Mode, Observed, Organization, PolicyTally, Run, Severity, Unseen, Verdict, VerdictKind,
};

/// The result of a scan after evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanReport {
    /// The run that produced it.
    pub run: Run,
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// Every account-Region with its outcome.
    pub coverage: Coverage,
    /// The counts over the report.
    pub tally: ReportTally,
    /// Every account, ordered by id.
    pub accounts: Vec<Account>,
    /// Every load balancer, ordered by account, Region and ARN.
    pub load_balancers: Vec<LoadBalancer>,
    /// Every verdict, ordered by account, Region, load balancer and rule.
    pub findings: Vec<Finding>,
    /// Doorward's changes of load balancers that the scan did not find, the oldest change of each first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes_unfound: BTreeMap<Arn, Vec<AppliedChange>>,
    /// Load balancers and findings of earlier scans that this scan did not observe. Absent without a ledger: then they are
    /// unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
}

impl ScanReport {
    /// Whether everything in scope was read completely: every account-Region, of a full list of accounts, and everything that the
    /// settings ask for.
    pub fn is_whole(&self) -> bool {
        let counts = self.coverage.counts;
        counts.complete == counts.in_scope() && self.coverage.accounts_listing.is_full() && !self.lacks_what_was_asked()
    }

    /// Why not everything in scope was read, each reason as a clause without a full stop. Empty exactly where the report is whole and
    /// is that of a whole scan which was not stopped.
    pub fn unread_in_words(&self) -> Vec<String> {
        let counts = self.coverage.counts;
        let unread = counts.in_scope() - counts.complete;
        let reasons = [
            self.run.only.as_ref().map(|only| format!("only {only} was read")),
            (unread > 0).then(|| format!("{unread} of {} account-Regions were not read completely", counts.in_scope())),
            (!self.coverage.accounts_listing.is_full()).then(|| "the list of accounts is not complete".to_owned()),
            self.lacks_what_was_asked()
                .then(|| "the scan did not find everything that the settings ask for".to_owned()),
            self.run.interrupted.then(|| "the scan was stopped before its end".to_owned()),
        ];
        reasons.into_iter().flatten().collect()
    }

    /// Whether everything in scope was read, and everything that earlier scans saw.
    pub fn saw_everything(&self) -> bool {
        let lacks = |unseen: &Unseen| unseen.load_balancers.len() + unseen.findings.len() > 0;
        self.unread_in_words().is_empty() && !self.unseen.as_ref().is_some_and(lacks)
    }

    /// What could not be read about accounts: the account, what it is, and why. What was not asked for is left out.
    pub fn account_gaps(&self) -> impl Iterator<Item = (&Account, &'static str, &Gap)> {
        self.accounts.iter().flat_map(|account| {
            // Destructured in full: a new field does not compile until it is decided whether it can be unread.
            let Account { id: _, state: _, name, ou, tags, regions } = account;
            let gaps = [
                ("account name", name.gap()),
                ("organizational unit", ou.gap()),
                ("account tags", tags.gap()),
                ("enabled Regions", regions.gap()),
            ];
            let unread = gaps.into_iter().filter_map(|(what, gap)| Some((what, gap?)));
            let unread = unread.filter(|(_, gap)| gap.reason != GapReason::NotAsked);
            unread.map(move |(what, gap)| (account, what, &**gap))
        })
    }

    /// Whether the settings ask for something that the scan did not find.
    pub fn lacks_what_was_asked(&self) -> bool {
        self.run.unmatched.iter().any(|one| one.asked)
    }
}

/// Counts over a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportTally {
    /// Load balancers by kind.
    pub kinds: BTreeMap<Kind, usize>,
    /// Application and classic load balancers by mode.
    pub modes: BTreeMap<Mode, usize>,
    /// Application and classic load balancers whose mode could not be read or was missing in AWS's response.
    pub mode_unknown: usize,
    /// Classic load balancers without an HTTP listener: their mode has no effect.
    pub mode_not_applicable: usize,
    /// Failures by severity.
    pub failures: BTreeMap<Severity, usize>,
    /// Verdicts by rule and kind.
    pub verdicts: BTreeMap<String, BTreeMap<VerdictKind, usize>>,
    /// Open failures by their deadlines; absent where the policy has no deadlines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<DeadlineTally>,
    /// Load balancers by risk profile and by how the policy decides on them; absent in scans of versions that did not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyTally>,
    /// The costs of load balancers; absent if none has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<CostTally>,
}

impl ReportTally {
    /// Counts load balancers and verdicts. Deadlines are not among them: whether the policy has any, only the policy says, and
    /// [`DeadlineTally::of`] counts them once the history is known.
    pub fn of(load_balancers: &[LoadBalancer], findings: &[Finding]) -> ReportTally {
        let (policy, costs) = (PolicyTally::of(load_balancers), CostTally::of(load_balancers, findings));
        let mut tally = ReportTally { policy, costs, ..ReportTally::default() };
        for lb in load_balancers {
            *tally.kinds.entry(lb.kind).or_default() += 1;
            match lb.effective_mode() {
                EffectiveMode::Known(mode) => *tally.modes.entry(mode).or_default() += 1,
                EffectiveMode::Unknown => tally.mode_unknown += 1,
                EffectiveMode::NoHttpListener => tally.mode_not_applicable += 1,
                EffectiveMode::NotHttp => {}
            }
        }
        for finding in findings {
            *tally
                .verdicts
                .entry(finding.rule.as_str().to_owned())
                .or_default()
                .entry(finding.verdict.kind())
                .or_default() += 1;
            if let Verdict::Fail { severity, .. } = *finding.verdict {
                *tally.failures.entry(severity).or_default() += 1;
            }
        }
        tally
    }

    /// The number of load balancers whose mode has an effect: the denominator of a share of modes.
    pub fn mode_population(&self) -> usize {
        self.modes.values().sum::<usize>() + self.mode_unknown
    }

    /// The number of open findings: failures from critical to low. Informational failures and findings under an exception are none.
    /// Every output that counts open findings of a scan uses this definition.
    pub fn open_findings(&self) -> usize {
        Severity::OPEN.iter().filter_map(|severity| self.failures.get(severity)).sum()
    }
}
