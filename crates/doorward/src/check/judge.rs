//! Verdicts on what is declared: the rules, the policy and the exceptions of a scan.

use std::collections::{BTreeMap, BTreeSet};

use doorward_core::normalize::{NormalizeSettings, label};
use doorward_iac::{Declared, Dialect, Options, Problem, Reading, Subject, Unread};
use doorward_model::{Mode, Observed, Policy, Rule, RuleMeta, Verdict, VerdictKind};
use doorward_rules::Requirement;
use doorward_rules::exceptions::Register;
use jiff::Timestamp;

use super::gather::{self, Gathered};
use super::live::Live;
use crate::exit::{Exit, Failure};
use crate::settings::ReportSettings;

/// The rule whose remedy is written where the mode is.
pub(super) const MODE_RULE: &str = "desync-mode-below-required";
const LOGS_RULE: &str = "access-logs-disabled";

/// What declarations are judged by.
pub(super) struct Judge<'a> {
    pub(super) rules: Vec<Box<dyn Rule>>,
    /// The rules that were named; none means all.
    pub(super) chosen: &'a BTreeSet<&'static str>,
    /// The tag keys that policy and exceptions ask for.
    pub(super) asked: BTreeSet<String>,
    pub(super) policy: &'a Policy,
    pub(super) normalize: &'a NormalizeSettings,
    pub(super) live: Option<&'a Live>,
}

/// One declaration with its verdicts.
pub(super) struct Judged {
    pub(super) declared: Declared,
    pub(super) verdicts: Vec<(&'static RuleMeta, Verdict)>,
    /// The mode that is required, where that is certain.
    pub(super) required: Option<Mode>,
}

/// Everything that was checked.
pub(super) struct Checked {
    pub(super) judged: Vec<Judged>,
    pub(super) problems: Vec<Problem>,
    pub(super) unread: Vec<Unread>,
    pub(super) files: Vec<(String, Dialect)>,
}

/// The tag keys that policy and exceptions ask for.
pub(super) fn asked(policy: &Policy, register: &Register) -> BTreeSet<String> {
    let of_policy = policy.rules.iter().flat_map(|rule| rule.tags.keys().cloned());
    let entries = register.entries(Timestamp::UNIX_EPOCH);
    let of_exceptions = entries.iter().flat_map(|entry| entry.exception.scope.tags.keys().cloned());
    of_policy.chain(of_exceptions).collect()
}

impl Judge<'_> {
    /// Refuses a check that no rule would judge: it would pass whatever is declared.
    pub(super) fn asks_something(&self) -> Result<(), Failure> {
        let is_off = |id: &str| self.policy.disabled.iter().any(|disabled| disabled == id);
        let usage = |said: String| Err(Failure::new(Exit::Usage, said));
        for id in self.chosen {
            if is_off(id) {
                return usage(format!(
                    "--rule {id}: policy.disabled turns this rule off; remove it from policy.disabled, or choose another rule"
                ));
            }
            if !self.rules.iter().any(|rule| rule.meta().id == *id) {
                return usage(format!("--rule {id}: this rule judges what a scan sees, and no declaration"));
            }
        }
        if self.rules.iter().all(|rule| is_off(rule.meta().id)) {
            return usage(
                "policy.disabled turns every rule off, so that nothing would be checked; remove a rule from policy.disabled"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Reads the files and judges what they declare.
    pub(super) fn check(&self, gathered: &mut Gathered, options: &Options) -> Checked {
        let mut reading = doorward_iac::read(&gathered.sources, options, &gather::folder);
        reading.add_unread(gathered.unread.clone());
        let Reading { declared, problems, unread, files } = reading;
        let mut all: Vec<Problem> = gathered.problems.iter().cloned().chain(problems).collect();
        all.sort();
        all.dedup();
        let judged = declared.into_iter().map(|declared| self.judge(declared)).collect();
        Checked { judged, problems: all, unread, files }
    }

    fn judge(&self, mut declared: Declared) -> Judged {
        let rules = self.rules.iter().filter(|rule| {
            let id = rule.meta().id;
            !self.policy.disabled.iter().any(|disabled| disabled == id)
                && (self.chosen.is_empty() || self.chosen.contains(id))
        });
        let account = self.live.and_then(|live| live.join(&mut declared));
        let (way, logs_way, more) = (declared.way.clone(), declared.logs_way.clone(), declared.more_tags.clone());
        let tags = declared.tags.clone();
        let (verdicts, required) = match &mut declared.subject {
            Subject::Incapable(because) => {
                let verdict = || Verdict::NotApplicable { because: because.clone() };
                (rules.map(|rule| (rule.meta(), verdict())).collect(), None)
            }
            Subject::LoadBalancer(lb) => {
                lb.tags = Observed::Known(tags);
                label(lb, account.as_ref(), more.as_ref(), self.normalize);
                if let (Some(gap), Some(known)) = (more, lb.tags.known())
                    && !self.asked.iter().all(|key| known.contains_key(key))
                {
                    lb.tags = Observed::Unread(gap);
                }
                let required = Requirement::of(lb, self.policy);
                let ways = [
                    (MODE_RULE, set_mode(&way, required.lowest())),
                    (
                        LOGS_RULE,
                        format!(
                            "{logs_way} BUCKET is a bucket in the same Region that admits logdelivery.elasticloadbalancing.amazonaws.com."
                        ),
                    ),
                ];
                let verdict = |rule: &dyn Rule| {
                    let mut verdict = rule.judge(lb, self.policy);
                    if let Verdict::Fail { remedy, .. } = &mut verdict
                        && let Some((_, way)) = ways.iter().find(|(id, _)| *id == rule.meta().id)
                    {
                        remedy.clone_from(way);
                    }
                    verdict
                };
                (rules.map(|rule| (rule.meta(), verdict(&**rule))).collect(), required.certain())
            }
        };
        Judged { declared, verdicts, required }
    }
}

/// The remedy in the words of the dialect.
fn set_mode(way: &str, mode: Mode) -> String {
    let caution = match mode {
        Mode::Strictest => {
            " First check its traffic: strictest also blocks requests classified as Acceptable or Ambiguous."
        }
        Mode::Monitor | Mode::Defensive => "",
    };
    format!("{way} {mode}.{caution}")
}

impl Checked {
    /// How it ended: a file that could not be read is an error of usage, and everything else is as in a scan.
    pub(super) fn exit(&self, settings: &ReportSettings) -> Exit {
        if !self.problems.is_empty() {
            return Exit::Usage;
        }
        let verdicts = || self.judged.iter().flat_map(|judged| judged.verdicts.iter().map(|(_, verdict)| verdict));
        let failed = verdicts()
            .any(|verdict| matches!(verdict, Verdict::Fail { severity, .. } if settings.fail_on.covers(*severity)));
        let (read, all) = (self.judged.len(), self.judged.len() + self.unread.len());
        let seen = settings.is_enough(read, all) && settings.is_enough_known(verdicts().map(Verdict::kind));
        Exit::of(failed, seen)
    }

    /// Verdicts by rule and kind.
    pub(super) fn tally(&self) -> BTreeMap<&'static str, BTreeMap<VerdictKind, usize>> {
        let mut tally: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
        for (meta, verdict) in self.judged.iter().flat_map(|judged| &judged.verdicts) {
            *tally.entry(meta.id).or_default().entry(verdict.kind()).or_default() += 1;
        }
        tally
    }
}
