//! Verdicts on declarations, from the rules, the policy and the exceptions of a scan.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use doorward_core::normalize::label;
use doorward_iac::{
    Declared, Dialect, FileError, ParseOutput, Subject, Unexamined, UnexaminedReason, UnreadPart, VariableOption,
};
use doorward_model::{LoadBalancer, Mode, Observed, Policy, ReportSettings, Rule, Verdict, VerdictKind, VerdictReason};
use doorward_rules::Requirement;
use doorward_rules::exceptions::Register;
use jiff::Timestamp;

use crate::judged::{JudgedDeclaration, KeptDeclaration};
use crate::{Baseline, CheckError, CheckSettings, Gathered, LiveScan, UnknownModules, read_folder};

/// The rule whose remedy becomes the setting of the declaration's dialect.
pub(crate) use doorward_model::MODE_RULE;
const LOGS_RULE: &str = "access-logs-disabled";
const HEADERS_RULE: &str = "invalid-headers-forwarded";

/// After how many judged declarations the memory of the list of those that are left is returned.
const SHRUNK_AT: usize = 4096;

/// Judges declarations.
pub struct Checker<'a> {
    settings: &'a CheckSettings<'a>,
    rules: Vec<Box<dyn Rule>>,
    /// The tag keys that policy and exceptions read.
    tag_keys: BTreeSet<String>,
    live: Option<&'a LiveScan>,
}

/// The result of a check.
pub struct CheckReport {
    pub(crate) judged: Vec<JudgedDeclaration>,
    pub(crate) errors: Vec<FileError>,
    pub(crate) unread: Vec<UnreadPart>,
    pub(crate) unexamined: Vec<Unexamined>,
    /// The ids of findings and the addresses of parts that a baseline accepts.
    pub(crate) accepted: BTreeSet<String>,
    /// Files and folders that the search left out because git ignores them.
    pub(crate) ignored: usize,
    pub(crate) files: Vec<(String, Dialect)>,
    /// The folders and files that Terraform configuration reads, whether they exist or not, and the files of `--var-file`.
    pub(crate) requested: BTreeSet<String>,
}

/// What the exit code of a check follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// A named file could not be read.
    pub unreadable: bool,
    /// A failure reaches the threshold `report.fail_on`.
    pub failed: bool,
    /// The shares of declarations read and verdicts known both reach `report.minimum_coverage`.
    pub covered: bool,
}

impl Outcome {
    /// What the outcome means where a check means something else than a scan.
    pub const fn meaning(self) -> Option<&'static str> {
        match self {
            Self { unreadable: true, .. } => Some("a named file cannot be read; the message names it with the line"),
            Self { covered: true, .. } => None,
            Self { failed: false, .. } => Some(
                "not everything could be decided: a verdict is unknown, or a part that may declare load balancers was not read",
            ),
            Self { failed: true, .. } => Some(
                "at least one load balancer fails, and not everything could be decided: a verdict is unknown, or a part was not read",
            ),
        }
    }
}

/// The tag keys that policy and exceptions read.
fn tag_keys(policy: &Policy, register: &Register) -> BTreeSet<String> {
    let of_policy = policy.rules.iter().flat_map(|rule| rule.tags.keys().cloned());
    // An exception's scope does not depend on the time; the time only decides whether it has expired.
    let entries = register.entries(Timestamp::UNIX_EPOCH);
    let of_exceptions = entries.iter().flat_map(|entry| entry.exception.scope.tags.keys().cloned());
    of_policy.chain(of_exceptions).collect()
}

impl<'a> Checker<'a> {
    /// A checker with the exceptions as they stand at `now`; `live` supplies the values that a declaration leaves
    /// unchanged.
    ///
    /// # Errors
    ///
    /// Settings by which no rule, or not every chosen rule, would judge: such a check would pass any declaration.
    pub fn new(
        settings: &'a CheckSettings<'a>,
        register: &Register,
        live: Option<&'a LiveScan>,
        now: Timestamp,
    ) -> Result<Self, CheckError> {
        let rules = register.wrap(&doorward_rules::asked(&[], false), now);
        let is_off = |id: &str| settings.policy.disabled.iter().any(|disabled| disabled == id);
        for id in &settings.rules {
            let rule = (*id).to_owned();
            if is_off(id) {
                return Err(CheckError::RuleDisabled { rule });
            }
            if !rules.iter().any(|rule| rule.meta().id == *id) {
                return Err(CheckError::RuleNeedsScan { rule });
            }
        }
        if rules.iter().all(|rule| is_off(rule.meta().id)) {
            return Err(CheckError::AllRulesDisabled);
        }
        Ok(Self { settings, rules, tag_keys: tag_keys(settings.policy, register), live })
    }

    /// Parses the files and judges their declarations.
    pub fn check(&self, gathered: &Gathered) -> CheckReport {
        let deployment = &self.settings.deployment;
        let given = deployment.variables.options.iter().filter_map(|option| match option {
            VariableOption::File(source) => Some(source.path.clone()),
            VariableOption::Value { .. } => None,
        });
        let requested: RefCell<BTreeSet<String>> = RefCell::new(given.collect());
        let read = |path: &str| {
            requested.borrow_mut().insert(path.to_owned());
            read_folder(path)
        };
        let mut output = doorward_iac::parse(&gathered.sources, deployment, &read);
        output.add_unread(gathered.unread.clone());
        output.add_errors(gathered.errors.clone());
        output.add_unread(output.broken.iter().cloned().map(UnreadPart::of_file).collect());
        output.unexamined.extend(gathered.unexamined.iter().cloned());
        // A check that judged nothing has nothing else for its exit code to follow from.
        if self.settings.unknown_modules == UnknownModules::NotRead || output.declared.is_empty() {
            let (unknown, rest) =
                std::mem::take(&mut output.unexamined).into_iter().partition(|one| one.reason.is_unknown());
            output.unexamined = rest;
            output.add_unread(Vec::<Unexamined>::into_iter(unknown).map(unread_module).collect());
        }
        let order = |one: &Unexamined| (one.place.file.clone(), one.place.line, one.address.clone());
        output.unexamined.sort_by_cached_key(order);
        let ParseOutput { declared, errors, unread, files, unexamined, .. } = output;
        let mut judged = self.judge_all(declared);
        let twins_before: Vec<usize> = {
            let mut twins: BTreeMap<(&str, &str, Option<&str>), usize> = BTreeMap::new();
            judged
                .iter()
                .map(|one| {
                    let KeptDeclaration { place, address, root, .. } = &one.declared;
                    let twins = twins.entry((&place.file, address, root.as_deref())).or_default();
                    *twins += 1;
                    *twins - 1
                })
                .collect()
        };
        for (one, before) in judged.iter_mut().zip(twins_before) {
            one.twins_before = before;
        }
        let ignored = gathered.ignored;
        let (accepted, requested) = (BTreeSet::new(), requested.into_inner());
        CheckReport { judged, errors, unread, unexamined, accepted, ignored, files, requested }
    }

    /// Judges all declarations. Each is dropped as far as outputs do not need it, before the next one is judged.
    fn judge_all(&self, mut declared: Vec<Declared>) -> Vec<JudgedDeclaration> {
        let mut judged = Vec::with_capacity(declared.len());
        declared.reverse();
        while let Some(one) = declared.pop() {
            judged.push(self.judge(one));
            if declared.len().is_multiple_of(SHRUNK_AT) {
                declared.shrink_to_fit();
            }
        }
        judged
    }

    fn judge(&self, mut declared: Declared) -> JudgedDeclaration {
        let policy = self.settings.policy;
        let rules = self.rules.iter().filter(|rule| {
            let id = rule.meta().id;
            let is_chosen = self.settings.rules.is_empty() || self.settings.rules.contains(id);
            is_chosen && !policy.disabled.iter().any(|disabled| disabled == id)
        });
        let account = self.live.and_then(|live| live.complete(&mut declared));
        let headers_instruction = drop_invalid_headers(&declared);
        let (mode_instruction, logs_instruction) = match &declared.subject {
            Subject::LoadBalancer(_) => {
                (declared.mode_instruction().into_owned(), declared.logs_instruction().into_owned())
            }
            Subject::Incapable(_) => Default::default(),
        };
        let Declared { subject, outcomes, tags, more_tags, .. } = &mut declared;
        let (verdicts, required) = match subject {
            Subject::Incapable(because) => {
                let verdict = || Verdict::NotApplicable {
                    reason: VerdictReason::NotApplicableDeclaration,
                    because: because.clone(),
                };
                (rules.map(|rule| (rule.meta(), verdict())).collect(), None)
            }
            Subject::LoadBalancer(lb) => {
                // Policy and exceptions must not conclude from an absent tag that deployment may still add.
                let open = more_tags.as_ref().filter(|_| !self.tag_keys.iter().all(|key| tags.contains_key(key)));
                let tags = std::mem::take(tags);
                let set_tags = |lb: &mut LoadBalancer, tags: BTreeMap<_, _>| {
                    lb.tags = Observed::Known(tags.into());
                    label(lb, account.as_ref(), more_tags.as_ref(), self.settings.normalize);
                    if let Some(gap) = open {
                        lb.tags = Observed::Unread(gap.clone());
                    }
                };
                outcomes.iter_mut().for_each(|lb| set_tags(lb, tags.clone()));
                set_tags(lb, tags);
                let required = Requirement::of(lb, policy);
                let verdict = |rule: &dyn Rule| {
                    let mut verdict = judge_outcomes(rule, lb, outcomes, policy);
                    // The rules' own remedies are for load balancers that exist: commands and consoles.
                    if let Verdict::Fail { remedy, .. } = &mut verdict {
                        match rule.meta().id {
                            MODE_RULE => *remedy = set_mode(&mode_instruction, required.lowest()),
                            LOGS_RULE => *remedy = format!("{logs_instruction} {}", doorward_rules::LOG_BUCKET),
                            HEADERS_RULE => *remedy = headers_instruction.clone(),
                            _ => {}
                        }
                    }
                    verdict
                };
                let mut verdicts: Vec<_> = rules.map(|rule| (rule.meta(), verdict(&**rule))).collect();
                verdicts.shrink_to_fit();
                (verdicts, required.certain())
            }
        };
        JudgedDeclaration { declared: declared.into(), verdicts, required, twins_before: 0 }
    }
}

/// A module, manifests or a chart of which nothing is known, as a part that was not read.
fn unread_module(module: Unexamined) -> UnreadPart {
    let Unexamined { address, place, detail, reason } = module;
    let (subject, step) = match reason {
        UnexaminedReason::UnknownValues => {
            let because = format!(
                "The values of the chart {detail:?} are not among the files, and may ask for a load balancer; check the rendered chart \
                 (`helm template`)."
            );
            return UnreadPart { address, place, because };
        }
        UnexaminedReason::RemoteManifests => ("The manifests come", "check what is deployed (`kubectl kustomize`)"),
        _ => ("The module comes", "run `terraform init` first, or check the plan"),
    };
    let because = format!(
        "{subject} from {detail:?}, which is not among the files; {step}. If no load balancer is created there, name the source in \
         check.modules_without_load_balancers."
    );
    UnreadPart { address, place, because }
}

/// The verdict on a load balancer. If it is unknown, but the files allow few outcomes, the verdict that they agree on.
fn judge_outcomes(rule: &dyn Rule, lb: &LoadBalancer, outcomes: &[LoadBalancer], policy: &Policy) -> Verdict {
    match rule.judge(lb, policy) {
        unknown @ Verdict::Unknown { .. } => {
            doorward_iac::agreed(outcomes.iter().map(|outcome| rule.judge(outcome, policy))).unwrap_or(unknown)
        }
        verdict => verdict,
    }
}

/// The remedy in the terms of the declaration's dialect.
fn set_mode(instruction: &str, mode: Mode) -> String {
    format!("{instruction} {mode}.{}", doorward_rules::mode_caution(mode))
}

/// How to have the load balancer remove invalid header fields, in the terms of the declaration's dialect.
fn drop_invalid_headers(declared: &Declared) -> String {
    let Declared { address, dialect, .. } = declared;
    let step = match dialect {
        Dialect::TerraformPlan | Dialect::Hcl => format!("In {address}, set drop_invalid_header_fields to true."),
        Dialect::Pulumi => format!("In {address}, set dropInvalidHeaderFields to true."),
        Dialect::CloudFormation | Dialect::Kubernetes => {
            format!("In the load balancer attributes of {address}, set {} to true.", doorward_rules::DROP_INVALID)
        }
        Dialect::EcsGateway => format!(
            "An ECS gateway has no setting for it: set {} on the load balancer that {address} creates.",
            doorward_rules::DROP_INVALID
        ),
    };
    format!("{step} {}", doorward_rules::DROP_INVALID_CAUTION)
}

impl CheckReport {
    /// Whether there was nothing to check: no supported file, and none that could not be read.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.errors.is_empty() && self.unread.is_empty() && self.unexamined.is_empty()
    }

    /// The files that could not be parsed, ordered by file and place.
    pub fn errors(&self) -> &[FileError] {
        &self.errors
    }

    /// The facts that the exit code follows from.
    pub fn outcome(&self, thresholds: &ReportSettings) -> Outcome {
        let is_new = |judged: &JudgedDeclaration, rule: &str| !self.accepted.contains(&judged.id(rule));
        let verdicts = || {
            self.judged.iter().flat_map(move |judged| {
                let new = judged.verdicts.iter().filter(move |(meta, _)| is_new(judged, meta.id));
                new.map(|(_, verdict)| verdict)
            })
        };
        let failed = verdicts()
            .any(|verdict| matches!(verdict, Verdict::Fail { severity, .. } if thresholds.fail_on.for_declarations().covers(*severity)));
        let unread = self.unread.iter().filter(|unread| !self.accepted.contains(&Baseline::part(unread))).count();
        let (read, all) = (self.judged.len(), self.judged.len() + unread);
        // That only verdicts which were not asked are left does not mean that nothing is known, where the others are accepted.
        let mut all_verdicts =
            self.judged.iter().flat_map(|one| one.verdicts.iter().map(move |(meta, _)| (one, meta.id)));
        let has_accepted = all_verdicts.any(|(judged, rule)| !is_new(judged, rule));
        let counts = |kind: &VerdictKind| !has_accepted || *kind != VerdictKind::NotAsked;
        let kinds = verdicts().map(Verdict::kind).filter(counts);
        let covered = thresholds.is_enough(read, all) && thresholds.is_enough_known(kinds);
        Outcome { unreadable: !self.errors.is_empty(), failed, covered }
    }

    /// The number of verdicts by rule id and kind.
    pub(crate) fn tally(&self) -> BTreeMap<&'static str, BTreeMap<VerdictKind, usize>> {
        let mut tally: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
        for (meta, verdict) in self.judged.iter().flat_map(|judged| &judged.verdicts) {
            *tally.entry(meta.id).or_default().entry(verdict.kind()).or_default() += 1;
        }
        tally
    }
}
