//! The plan as a document: what a file holds, how it is sealed, read back and checked.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use doorward_model::{AccountId, Arn, Kind, ObservedTime, Organization, Region, data_problem};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::canonical::{self, PlanDifference};
use super::goal::{Goal, Insistence};
use super::plan_digest::{DIGESTED, Digesting};
use super::wave;
use crate::SettingValue;

/// The name of the format.
pub(super) const FORMAT: &str = "change-plan-v2";
/// The previous format, which has no organization and no times of readings. A ledger may hold plans of it: their changes can be
/// verified and rolled back, but not applied.
const BEFORE: &str = "change-plan-v1";

/// The scan that a plan is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRun {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// The partition of the load balancers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The account of the base identity that scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The organization that was scanned; none if the scan was limited to one account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Organization>,
}

/// A load balancer to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeTarget {
    /// Its ARN; composed for classic load balancers.
    pub arn: Arn,
    /// Its kind.
    pub kind: Kind,
    /// The account it is in.
    pub account: AccountId,
    /// The Region it is in.
    pub region: Region,
    /// Its name.
    pub name: String,
}

/// The effect of the target mode, by traffic evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The start of the window of the evidence.
    pub from: Option<Timestamp>,
    /// The end of the window.
    pub until: Option<Timestamp>,
    /// The days and hours of the window in which traffic was observed; absent in plans of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedTime>,
    /// The denominator of the counts.
    pub requests: u64,
    /// The unit of the denominator.
    pub denominator: String,
    /// Requests that would be answered with 400.
    pub blocked: u64,
    /// Requests that would be forwarded, and their connections closed.
    pub closed: u64,
    /// Of the blocked, those that a target answered with a status below 400; none if unknown.
    pub hurt: Option<u64>,
    /// The upper bound, at 95% confidence, of users who would be blocked, per million requests.
    pub hurt_per_million: Option<u64>,
}

/// The risk of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Its traffic shows that no user would be blocked.
    Low,
    /// The effect on its traffic is unknown; AWS documents what the mode blocks.
    Medium,
    /// A guard is overridden, or protection is lowered.
    High,
}

/// One load balancer to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The wave it belongs to, from 1.
    pub wave: usize,
    /// The load balancer.
    #[serde(flatten)]
    pub target: ChangeTarget,
    /// Its owner, `unowned` if it has none; none if that could not be read.
    pub owner: Option<String>,
    /// Its environment, if known.
    pub environment: Option<String>,
    /// The value that the scan read.
    pub from: SettingValue,
    /// When that value was read. The validity of the step begins then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Timestamp>,
    /// When a classic load balancer was created: one that was created later under its name is another load balancer. None for other kinds,
    /// whose ARNs are never used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The target value.
    pub to: SettingValue,
    /// Why.
    pub reason: String,
    /// The effect of the target mode on its traffic; none if unknown.
    pub effect: Option<Effect>,
    /// The evidence, in a sentence.
    pub evidence: String,
    /// The risk of a step.
    pub risk: Risk,
    /// The overridden guards.
    #[serde(default, skip_serializing_if = "Insistence::is_empty")]
    pub insisted: Insistence,
}

/// A text to paste into the code that manages a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanSnippet {
    /// The dialect, as a heading.
    pub dialect: String,
    /// The language of the code; empty for plain steps.
    pub language: String,
    /// The text.
    pub code: String,
}

/// A change to make in the code or stack that manages a load balancer, because that would undo a direct change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Patch {
    /// The load balancer.
    #[serde(flatten)]
    pub target: ChangeTarget,
    /// Its owner; none if that could not be read.
    pub owner: Option<String>,
    /// The tool that manages it.
    pub manager: String,
    /// The value that the scan read.
    pub from: SettingValue,
    /// The target value.
    pub to: SettingValue,
    /// Why.
    pub reason: String,
    /// How to set the mode, in a sentence.
    pub remedy: String,
    /// The same as text to paste.
    pub snippets: Vec<PlanSnippet>,
}

/// A load balancer that the plan does not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skip {
    /// The load balancer.
    #[serde(flatten)]
    pub target: ChangeTarget,
    /// Its owner; none if that could not be read.
    pub owner: Option<String>,
    /// The reason, as a code.
    pub reason: SkipReason,
    /// The reason, in a sentence.
    pub because: String,
}

/// Why a plan does not change a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Its mode was not read.
    ModeUnknown,
    /// The required mode depends on something that was not read.
    DemandUnknown,
    /// An exception covers it.
    Excepted,
    /// It is in a stronger mode, and lowering was not requested.
    Stronger,
    /// The target mode needs traffic evidence, and there is not enough.
    NoEvidence,
    /// Its traffic advises against the target mode.
    AgainstAdvice,
    /// Whether it is managed by code or a stack could not be read.
    ManagerUnknown,
    /// Its mode has no effect, because no listener uses HTTP or HTTPS.
    NotApplicable,
    /// Its mode was read too long ago to plan from.
    Outdated,
    /// Whether it removes invalid header fields was not read.
    HeadersUnknown,
    /// Its owner could not be read, and load balancers of certain owners were requested.
    OwnerUnknown,
}

/// A plan of mode changes. `considered` = `steps` + `patches` + `skipped` + `already`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `change-plan-v2`.
    pub format: String,
    /// The id of the change, derived from the digest.
    pub id: String,
    /// SHA-256 of the plan as JSON with this and the id empty, in hexadecimal.
    pub digest: String,
    /// When it was made.
    pub made: Timestamp,
    /// The version of Doorward that made it.
    pub tool_version: String,
    /// The scan it is made from.
    pub run: PlanRun,
    /// The target mode.
    pub goal: Goal,
    /// The number of load balancers in the first wave.
    pub canary: usize,
    /// The most load balancers of a wave.
    pub cap: usize,
    /// The criteria of the load balancers that were considered; absent if all were. No others are in any count or list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// The number of load balancers that were considered.
    pub considered: usize,
    /// The number of those that are in the target mode already.
    pub already: usize,
    /// The load balancers to change, in order.
    pub steps: Vec<Step>,
    /// The load balancers to change in the code or stack that manages them.
    pub patches: Vec<Patch>,
    /// The load balancers that are not changed.
    pub skipped: Vec<Skip>,
}

/// A file that is not a plan, or that was edited.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It cannot be read as a plan.
    #[error("this version cannot read it as a plan: {}", data_problem(&.0.to_string()))]
    NotAPlan(#[from] serde_json::Error),
    /// It is a plan of another version.
    #[error("its format is {0:?}, but this version reads {FORMAT}")]
    Format(String),
    /// It contains something that the digest does not cover: an unknown key, a key that occurs twice, a value in another notation.
    #[error("{0}; a plan is used exactly as it was written, because its digest covers nothing else")]
    NotAsWritten(#[from] PlanDifference),
    /// It was edited.
    #[error("the plan was changed after it was made: its digest should be {made}, but it is {found}; make a new plan")]
    Edited {
        /// The digest in the file.
        made: String,
        /// The digest of its contents.
        found: String,
    },
    /// It contradicts itself.
    #[error("the plan contradicts itself: {0}")]
    Inconsistent(String),
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn read(text: &str) -> Result<Self, PlanError> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            format: String,
        }
        let Named { format } = serde_json::from_str(text)?;
        if format != FORMAT && format != BEFORE {
            return Err(PlanError::Format(format));
        }
        let mut plan: Self = serde_json::from_str(text)?;
        canonical::compare(text, &plan)?;
        // Sealed again rather than copied and compared: a plan may hold hundreds of thousands of load balancers.
        let (made, id) = (std::mem::take(&mut plan.digest), std::mem::take(&mut plan.id));
        let plan = plan.sealed();
        if (&plan.digest, &plan.id) != (&made, &id) {
            return Err(PlanError::Edited { made, found: plan.digest });
        }
        plan.check().map(|()| plan).map_err(PlanError::Inconsistent)
    }

    /// As JSON. The same plan is always the same bytes.
    ///
    /// # Errors
    /// It cannot be serialized.
    pub fn text(&self) -> Result<String, PlanError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// How many waves there are.
    pub fn waves(&self) -> usize {
        self.steps.last().map_or(0, |step| step.wave)
    }

    /// The steps of a wave.
    pub fn wave(&self, number: usize) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.wave == number)
    }

    /// Whether a text is a plan of any version, edited or not: a new plan may replace such a file.
    pub fn is_one(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            format: String,
            id: String,
        }
        let named = serde_json::from_str::<Named>(text);
        named.is_ok_and(|named| named.format.starts_with("change-plan-v") && named.id.starts_with("change-"))
    }

    /// Whether it names its organization; plans of earlier versions do not.
    pub fn names_its_organization(&self) -> bool {
        self.format == FORMAT
    }

    pub(super) fn sealed(mut self) -> Self {
        self.digest.clear();
        self.id.clear();
        let mut digest = Digesting(Sha256::new());
        let mut written = BufWriter::with_capacity(DIGESTED, &mut digest);
        // A plan consists of texts, numbers and lists, which always serialize, and a digest accepts every byte.
        let _ = serde_json::to_writer(&mut written, &self).map_err(io::Error::from).and_then(|()| written.flush());
        drop(written);
        self.digest = digest.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.id = format!("change-{}", self.digest.get(..12).unwrap_or_default());
        self
    }

    fn check(&self) -> Result<(), String> {
        let listed = self.steps.len() + self.patches.len() + self.skipped.len() + self.already;
        if listed != self.considered {
            return Err(format!("{} load balancers were considered, but {listed} are listed", self.considered));
        }
        let run = &self.run;
        let named = self.names_its_organization();
        if named != (run.partition.is_some() && run.account.is_some()) || (!named && run.organization.is_some()) {
            return Err("it does not name the partition and the account, but its format requires them".to_owned());
        }
        let mut seen = BTreeSet::new();
        for (number, step) in self.steps.iter().enumerate() {
            let arn = &step.target.arn;
            if !seen.insert(arn) {
                return Err(format!("{arn} is changed twice"));
            }
            let (from, to) = (step.from, step.to);
            if from.mode().is_some() != to.mode().is_some() {
                return Err(format!(
                    "{arn} is changed from {from} to {to}, which are values of two different \
                     attributes"
                ));
            }
            if from == to {
                return Err(format!("the {} of {arn} is already {to}", to.noun()));
            }
            if arn.account() != step.target.account.as_str() || arn.region() != step.target.region.as_str() {
                return Err(format!("{arn} is not in {} {}", step.target.account, step.target.region));
            }
            if named != step.observed.is_some() {
                return Err(format!(
                    "the time at which the mode of {arn} was read is missing, or is not part of its format"
                ));
            }
            if run.partition.as_ref().is_some_and(|partition| arn.partition() != partition) {
                return Err(format!("{arn} is not in partition {}", run.partition.as_deref().unwrap_or_default()));
            }
            if self.cap == 0 || step.wave != wave(number, self.canary, self.cap) {
                return Err(format!(
                    "{arn} is in wave {}, which contradicts the cap of {} a wave",
                    step.wave, self.cap
                ));
            }
        }
        Ok(())
    }
}
