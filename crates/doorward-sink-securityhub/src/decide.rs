//! One decision per finding of a Security Hub, made one after the other so that only a few findings are in memory at a time.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{AccountRegion, Finding, Verdict};

use crate::asff::Asff;
use crate::outbox::{Outbox, OutboxError, SentFinding};
use crate::plan::{Planner, SendDecision};
use crate::render::{FindingRenderer, ReportIndex, id};

/// Why a finding of the report makes no finding in Security Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Omitted {
    /// The rule does not apply to the load balancer.
    NotApplicable,
    /// The scan did not collect the evidence that the rule's answer rests on; what was sent before is left as it is.
    NotAsked,
    /// This version does not know the rule.
    UnknownRule,
    /// The report does not describe the load balancer.
    UnknownLoadBalancer,
}

impl Omitted {
    /// One clause for a receipt.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotApplicable => "the rule does not apply to the load balancer",
            Self::NotAsked => "the rule was not asked: the scan did not collect the evidence it needs",
            Self::UnknownRule => "this version does not know the rule",
            Self::UnknownLoadBalancer => "the report does not describe the load balancer",
        }
    }
}

/// One step of a Security Hub's delivery.
pub(crate) enum DecidedStep {
    /// A finding of the report that makes no finding in Security Hub.
    Omitted(Omitted),
    /// A finding of the report.
    Present(String, SendDecision),
    /// A finding that is only remembered.
    Absent(String, SendDecision),
}

/// What is decided about one Security Hub.
pub(crate) struct Hearing<'a, O> {
    pub(crate) renderer: &'a FindingRenderer,
    pub(crate) index: &'a ReportIndex<'a>,
    pub(crate) planner: &'a Planner,
    pub(crate) outbox: &'a O,
    pub(crate) security_hub: &'a AccountRegion,
}

impl<'a, O: Outbox> Hearing<'a, O> {
    /// Decides, lazily, about the Security Hub's findings in the report and then about those that are only remembered.
    pub(crate) fn steps(
        &'a self,
        findings: &'a [&'a Finding],
        remembered: &'a BTreeMap<String, SentFinding>,
    ) -> impl Iterator<Item = Result<DecidedStep, OutboxError>> + 'a {
        // What was not asked says nothing: whatever is remembered of it is decided as if it were not in the report.
        let asked = findings.iter().filter(|finding| !matches!(*finding.verdict, Verdict::NotAsked { .. }));
        let inapplicable = |finding: &Finding| matches!(*finding.verdict, Verdict::NotApplicable { .. });
        let (asked, said): (Vec<&&Finding>, Vec<&&Finding>) = asked.partition(|finding| inapplicable(finding));
        let asked: BTreeSet<String> = asked.into_iter().map(|finding| id(&finding.id)).collect();
        let said: BTreeSet<String> = said.into_iter().map(|finding| id(&finding.id)).collect();
        let present = findings.iter().map(|finding| Ok(self.present(finding, remembered)));
        let absent = remembered
            .iter()
            .filter(move |(id, row)| !said.contains(*id) && self.planner.concerns(&row.load_balancer))
            .map(move |(id, row)| self.absent(id, row, asked.contains(id)));
        present.chain(absent)
    }

    fn present(&self, finding: &Finding, remembered: &BTreeMap<String, SentFinding>) -> DecidedStep {
        let Some(rendered) = self.renderer.render(self.index, finding) else {
            return DecidedStep::Omitted(if matches!(*finding.verdict, Verdict::NotApplicable { .. }) {
                Omitted::NotApplicable
            } else if matches!(*finding.verdict, Verdict::NotAsked { .. }) {
                Omitted::NotAsked
            } else if self.renderer.rule(&finding.rule).is_none() {
                Omitted::UnknownRule
            } else {
                Omitted::UnknownLoadBalancer
            });
        };
        let id = rendered.finding.id.clone();
        let before = remembered.get(&id);
        let decision = self.planner.present(rendered, &finding.rule, &finding.load_balancer, before);
        DecidedStep::Present(id, decision)
    }

    fn absent(&self, id: &str, row: &SentFinding, asked: bool) -> Result<DecidedStep, OutboxError> {
        let listed = self.index.observed(row.load_balancer.as_str());
        let decision = self.planner.absent(id, row, listed, asked, || {
            let Some(text) = self.outbox.document(self.security_hub, id)? else { return Ok(None) };
            serde_json::from_str::<Asff>(&text).map(Some).map_err(|error| OutboxError {
                verb: "read",
                problem: format!("the document of {id} is damaged: {error}"),
            })
        })?;
        Ok(DecidedStep::Absent(id.to_owned(), decision))
    }
}
