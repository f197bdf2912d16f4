//! Deploy-time gates from the policy: rules in the languages of other tools, which deny a mode that `doorward check` fails.
//!
//! A gate denies a mode that is written in a declaration and is weaker than every mode that the policy may require there. A mode
//! that is not written, or that a function, a parameter or another object determines, is unknown to a gate, and is accepted.
//! Of the criteria of policy rules, a gate knows the kind and the scheme; [`DeploymentGate::notes`] lists what it does not know.

use doorward_model::{Kind, Mode, Policy, PolicyRule, RiskProfile, Scheme};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::{GeneratedFile, SetupError};

mod admission;
mod cfn_guard;
mod rego;
mod sentinel;

/// The attribute of application load balancers.
const ATTRIBUTE: &str = "routing.http.desync_mitigation_mode";
/// What no annotation with attributes may contain: a part that is not `key=value`, spaces beside `=`, or a part without a key. The controller
/// or AWS refuses it as a whole, so that its mode is unknown.
const REFUSED: &str = "(^|,)[ ]*[^=, ][^=,]*(,|$)|[ ]=|=[ ]|(^|,)[ ]*=";
/// The rule whose verdicts a gate anticipates.
const RULE: &str = "desync-mode-below-required";

/// The language of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum GateLanguage {
    /// AWS CloudFormation Guard.
    CfnGuard,
    /// Kubernetes ValidatingAdmissionPolicy, with expressions in CEL.
    ValidatingAdmissionPolicy,
    /// Rego of the Open Policy Agent, for conftest.
    Opa,
    /// Sentinel of HCP Terraform.
    Sentinel,
}

impl GateLanguage {
    /// Every language, in the order of the help text.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// One line for the help text.
    pub const fn help(self) -> &'static str {
        match self {
            Self::CfnGuard => "CloudFormation Guard: templates of CloudFormation",
            Self::ValidatingAdmissionPolicy => "Kubernetes: Ingresses, class parameters and gateways in the cluster",
            Self::Opa => "Rego for conftest: Terraform plans and Kubernetes manifests",
            Self::Sentinel => "Sentinel: runs of HCP Terraform",
        }
    }
}

/// A generated gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentGate {
    /// The file.
    pub file: GeneratedFile,
    /// Cases that the gate cannot know and therefore accepts, one sentence each. The file lists them as comments.
    pub notes: Vec<String>,
}

/// The gate of a policy.
///
/// # Errors
/// The policy turns the rule off, or requires no mode that a declaration could miss.
pub fn deployment_gate(language: GateLanguage, policy: &Policy) -> Result<DeploymentGate, SetupError> {
    if policy.disabled.iter().any(|disabled| disabled == RULE) {
        return Err(SetupError::RuleIsOff(RULE));
    }
    let requirements = Requirements::of(policy);
    if requirements
        .of_application
        .all()
        .into_iter()
        .chain(requirements.of_classic.all())
        .all(|mode| mode == Mode::Monitor)
    {
        return Err(SetupError::NothingToGate);
    }
    let mut notes = requirements.notes.clone();
    let (name, text) = match language {
        GateLanguage::CfnGuard => {
            notes.push("CloudFormation has no property for the mode of a classic load balancer.".to_owned());
            notes.push("A value of a parameter or function, and one within Fn::If, is accepted.".to_owned());
            ("doorward.guard", cfn_guard::text(&requirements.of_application, &notes))
        }
        GateLanguage::ValidatingAdmissionPolicy => {
            notes.push("An Ingress whose class is not named alb is accepted.".to_owned());
            notes.push(
                "Class parameters may replace the mode of an Ingress, but each object is judged by itself.".to_owned(),
            );
            ("doorward-desync-mode.yaml", admission::text(&requirements.of_application, &notes))
        }
        GateLanguage::Opa => {
            notes.push(
                "Templates of CloudFormation are not judged: conftest reads `!Ref Mode` as the text \"Mode\". Use cfn-guard."
                    .to_owned(),
            );
            notes.push("A value that is known only after apply is accepted.".to_owned());
            ("doorward.rego", rego::text(&requirements, &notes))
        }
        GateLanguage::Sentinel => {
            notes.push("A value that is known only after apply is accepted.".to_owned());
            ("doorward.sentinel", sentinel::text(&requirements, &notes))
        }
    };
    Ok(DeploymentGate { file: GeneratedFile { name: name.to_owned(), text }, notes })
}

/// The weakest modes that the policy may require of one kind of load balancer, by scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SchemeModes {
    internal: Mode,
    internet_facing: Mode,
}

impl SchemeModes {
    fn all(&self) -> [Mode; 2] {
        [self.internal, self.internet_facing]
    }

    /// The modes that are denied whatever the scheme is.
    fn denied(&self) -> Vec<&'static str> {
        weaker_than(self.internal.min(self.internet_facing))
    }

    /// The scheme with the stronger requirement and the modes that are denied there besides, if the schemes differ.
    fn denied_in_one_scheme(&self) -> Option<(&'static str, Vec<&'static str>)> {
        match self.internal.cmp(&self.internet_facing) {
            std::cmp::Ordering::Less => Some(("internet-facing", weaker_than(self.internet_facing))),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(("internal", weaker_than(self.internal))),
        }
    }
}

/// The requirements of the policy that a gate can know.
struct Requirements {
    of_application: SchemeModes,
    of_classic: SchemeModes,
    notes: Vec<String>,
}

impl Requirements {
    fn of(policy: &Policy) -> Self {
        let modes = |kind: Kind| SchemeModes {
            internal: lowest(policy, kind, Scheme::Internal),
            internet_facing: lowest(policy, kind, Scheme::InternetFacing),
        };
        let each = policy.rules.iter().map(GateRule::of_rule);
        let each = each.chain(policy.profiles.iter().map(GateRule::of_profile));
        let each = each.chain(policy.preset_rules().iter().map(GateRule::of_rule));
        let mut notes: Vec<String> = each.filter_map(|rule| rule.note()).collect();
        notes.push("Exceptions are not part of the gate.".to_owned());
        notes.push("A mode that is not set is accepted: an existing load balancer keeps its own.".to_owned());
        Self { of_application: modes(Kind::Application), of_classic: modes(Kind::Classic), notes }
    }
}

/// A rule or a risk profile of the policy, as far as a gate knows its criteria.
struct GateRule<'a> {
    name: &'a str,
    noun: &'static str,
    /// The mode that it requires; none for a risk profile that leaves the decision to the preset and the default.
    mode: Option<Mode>,
    kinds: &'a [Kind],
    scheme: Option<Scheme>,
    reachable: Option<bool>,
    /// The criteria that a gate does not know.
    unknown: Vec<&'static str>,
}

impl<'a> GateRule<'a> {
    fn of_rule(rule: &'a PolicyRule) -> Self {
        let given = [
            ("accounts", !rule.accounts.is_empty()),
            ("OUs", !rule.ous.is_empty()),
            ("names", !rule.names.is_empty()),
            ("tags", !rule.tags.is_empty()),
            ("environments", !rule.environments.is_empty()),
            ("applications", !rule.applications.is_empty()),
        ];
        Self {
            name: &rule.name,
            noun: "rule",
            mode: Some(rule.required_mode),
            kinds: &rule.kinds,
            scheme: rule.scheme,
            reachable: rule.reachable,
            unknown: named(&given),
        }
    }

    fn of_profile(profile: &'a RiskProfile) -> Self {
        let given = [
            ("accounts", !profile.accounts.is_empty()),
            ("OUs", !profile.ous.is_empty()),
            ("names", !profile.names.is_empty()),
            ("tags", !profile.tags.is_empty()),
            ("environments", !profile.environments.is_empty()),
            ("applications", !profile.applications.is_empty()),
        ];
        Self {
            name: &profile.name,
            noun: "risk profile",
            mode: profile.required_mode,
            kinds: &profile.kinds,
            scheme: profile.scheme,
            reachable: profile.reachable,
            unknown: named(&given),
        }
    }

    /// Whether it may match a kind in a scheme: none if not, else whether it certainly does. What is internal may be reached from the
    /// internet through a network load balancer, which a gate does not see.
    fn matches(&self, kind: Kind, scheme: Scheme) -> Option<bool> {
        let fits = (self.kinds.is_empty() || self.kinds.contains(&kind)) && self.scheme.is_none_or(|own| own == scheme);
        let is_open = match (self.reachable, scheme) {
            (Some(false), Scheme::InternetFacing) => return None,
            (Some(_), Scheme::Internal) => true,
            _ => false,
        };
        fits.then_some(self.unknown.is_empty() && !is_open)
    }

    /// The criteria that the gate does not know, as a sentence.
    fn note(&self) -> Option<String> {
        let mut unknown = self.unknown.clone();
        if self.reachable.is_some() && self.scheme != Some(Scheme::InternetFacing) {
            unknown.push("reachability of what is internal");
        }
        let (name, noun, mode) = (plain(self.name), self.noun, self.mode?);
        (!unknown.is_empty()).then(|| {
            format!(
                "The {noun} {name:?} of the policy requires {mode} depending on {}, which the gate does not know; \
                 `doorward check` judges it.",
                unknown.join(", ")
            )
        })
    }
}

fn named(given: &[(&'static str, bool)]) -> Vec<&'static str> {
    given.iter().filter_map(|(name, is_given)| is_given.then_some(*name)).collect()
}

/// The weakest mode that may be required of a kind in a scheme: the rules in their order, then the risk profiles, then the preset.
fn lowest(policy: &Policy, kind: Kind, scheme: Scheme) -> Mode {
    let mut candidates: Vec<Mode> = Vec::new();
    let mut settled = false;
    for rule in policy.rules.iter().map(GateRule::of_rule) {
        let Some(certain) = rule.matches(kind, scheme) else { continue };
        candidates.extend(rule.mode);
        settled = certain;
        if settled {
            break;
        }
    }
    // A profile without a mode ends the profiles and leaves the decision to what follows; one that may match makes that possible.
    let mut may_follow = false;
    for profile in policy.profiles.iter().map(GateRule::of_profile).filter(|_| !settled) {
        let Some(certain) = profile.matches(kind, scheme) else { continue };
        candidates.extend(profile.mode);
        may_follow |= profile.mode.is_none();
        if certain {
            settled = profile.mode.is_some() && !may_follow;
            break;
        }
    }
    for rule in policy.preset_rules().iter().map(GateRule::of_rule).filter(|_| !settled) {
        let Some(certain) = rule.matches(kind, scheme) else { continue };
        candidates.extend(rule.mode);
        if certain {
            settled = true;
            break;
        }
    }
    if !settled {
        candidates.push(policy.required_mode);
    }
    candidates.into_iter().min().unwrap_or(policy.required_mode)
}

fn weaker_than(mode: Mode) -> Vec<&'static str> {
    [Mode::Monitor, Mode::Defensive, Mode::Strictest].into_iter().filter(|one| *one < mode).map(Mode::as_str).collect()
}

/// A name within a comment: on one line.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// `'monitor', 'defensive'`
fn quoted(modes: &[&str], quote: char) -> String {
    modes.iter().map(|mode| format!("{quote}{mode}{quote}")).collect::<Vec<_>>().join(", ")
}

/// The weak modes by scheme, as an object of Rego and a map of Sentinel.
fn table(modes: &SchemeModes) -> String {
    let of = |modes: &[&str]| format!("[{}]", quoted(modes, '"'));
    format!(
        r#"{{"internal": {}, "internet-facing": {}, "unknown": {}}}"#,
        of(&weaker_than(modes.internal)),
        of(&weaker_than(modes.internet_facing)),
        of(&modes.denied())
    )
}

/// The comments at the head of a file.
fn head(comment: &str, notes: &[String]) -> String {
    let first = "Generated by `doorward setup gate` from the policy in the settings. Not known to this gate:";
    let lines = std::iter::once(first.to_owned()).chain(notes.iter().map(|note| format!("- {note}")));
    lines.map(|line| format!("{comment} {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use doorward_model::PolicyPreset;

    use super::*;

    fn rule(mode: Mode) -> PolicyRule {
        serde_json::from_value(serde_json::json!({"name": "r\n1", "required_mode": mode})).unwrap()
    }

    fn policy(required_mode: Mode, rules: Vec<PolicyRule>) -> Policy {
        Policy { required_mode, rules, ..Policy::default() }
    }

    #[test]
    fn the_weakest_mode_that_may_be_required() {
        let by_tag = |mode| PolicyRule { tags: [("pci".to_owned(), "yes".into())].into(), ..rule(mode) };
        let internal = |mode| PolicyRule { scheme: Some(Scheme::Internal), ..rule(mode) };
        let classic = |mode| PolicyRule { kinds: vec![Kind::Classic], ..rule(mode) };
        let (m, d, s) = (Mode::Monitor, Mode::Defensive, Mode::Strictest);
        for (policy, application, of_classic) in [
            (policy(d, vec![]), (d, d), (d, d)),
            (policy(s, vec![]), (s, s), (s, s)),
            (policy(s, vec![by_tag(d)]), (d, d), (d, d)),
            (policy(d, vec![by_tag(s)]), (d, d), (d, d)),
            (policy(d, vec![internal(m)]), (m, d), (m, d)),
            (policy(d, vec![internal(s), rule(d)]), (s, d), (s, d)),
            (policy(m, vec![rule(s), by_tag(m)]), (s, s), (s, s)),
            (policy(m, vec![by_tag(s), rule(d)]), (d, d), (d, d)),
            (policy(s, vec![classic(d)]), (s, s), (d, d)),
        ] {
            let found = Requirements::of(&policy);
            let modes = |modes: SchemeModes| (modes.internal, modes.internet_facing);
            assert_eq!((modes(found.of_application), modes(found.of_classic)), (application, of_classic), "{policy:?}");
        }
        let preset = Policy { preset: Some(PolicyPreset::Research2026), ..policy(d, vec![]) };
        let found = Requirements::of(&preset).of_application;
        assert_eq!(found.denied(), ["monitor"]);
        assert_eq!(found.denied_in_one_scheme(), Some(("internet-facing", vec!["monitor", "defensive"])));
    }

    /// The samples were run by cfn-guard, cel-python and regopy (`cargo xtask setup`).
    #[test]
    fn samples() {
        let preset = Policy { preset: Some(PolicyPreset::Research2026), ..policy(Mode::Defensive, vec![]) };
        for language in GateLanguage::ALL {
            let gate = deployment_gate(*language, &preset).unwrap();
            let path = format!("{}/tests/gates/{}", env!("CARGO_MANIFEST_DIR"), gate.file.name);
            let sample = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(gate.file.text, sample, "{path}");
        }
    }

    #[test]
    fn what_cannot_be_gated_is_an_error_or_a_note() {
        let off = Policy { disabled: vec![RULE.to_owned()], ..policy(Mode::Defensive, vec![]) };
        assert!(matches!(deployment_gate(GateLanguage::Opa, &off), Err(SetupError::RuleIsOff(_))));
        let weak = policy(Mode::Monitor, vec![]);
        assert!(matches!(deployment_gate(GateLanguage::Opa, &weak), Err(SetupError::NothingToGate)));
        let accounts = vec![doorward_model::AccountId::new("111122223333").unwrap()];
        let by_account = policy(Mode::Defensive, vec![PolicyRule { accounts, ..rule(Mode::Strictest) }]);
        for language in GateLanguage::ALL {
            let gate = deployment_gate(*language, &by_account).unwrap();
            assert!(gate.notes[0].contains("\"r1\"") && gate.notes[0].contains("accounts"), "{:?}", gate.notes);
            for note in &gate.notes {
                assert!(gate.file.text.contains(note), "{language}: {note}");
            }
            assert!(gate.file.text.contains("monitor") && gate.file.text.ends_with('\n'));
        }
    }
}
