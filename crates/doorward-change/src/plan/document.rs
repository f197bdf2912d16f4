//! The plan as a document: what a file holds, how it is sealed, read back and checked.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use doorward_model::{AccountId, Arn, Kind, Mode, ObservedTime, Organization, Region};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::canonical::{self, Difference};
use super::digest::{DIGESTED, Digesting};

/// The name of the format, so that a stranger knows what the file is.
pub(super) const FORMAT: &str = "change-plan-v2";
/// The format before it, which names no organization and no time of a reading: a ledger may hold plans of it, whose changes can be looked
/// at and rolled back. None is applied any more.
const BEFORE: &str = "change-plan-v1";

/// Which mode load balancers are to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The mode that policy requires of each.
    Required,
    /// One mode for all.
    Mode(Mode),
    /// The mode that each one's traffic advises to raise to now.
    Advice,
}

/// What people decided about one load balancer against a guard. Each is a reason, and goes into the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Insistence {
    /// Why it is changed without the evidence that a change asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_evidence: Option<String>,
    /// Why it is changed directly although something manages it, which may change it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_manager: Option<String>,
}

impl Insistence {
    pub(super) fn is_empty(&self) -> bool {
        self.without_evidence.is_none() && self.over_manager.is_none()
    }
}

/// The scan that a plan stands on.
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
    /// The organization that was scanned; none where one account was scanned alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Organization>,
}

/// A load balancer to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
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

/// What its traffic says that the intended mode would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The first instant of the window that was looked at.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub until: Option<Timestamp>,
    /// The days and hours of the window in which traffic was observed; absent in plans of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedTime>,
    /// The denominator of the counts.
    pub requests: u64,
    /// What the denominator counts.
    pub denominator: String,
    /// Requests that would be answered with 400.
    pub blocked: u64,
    /// Requests that would be forwarded, and their connections closed.
    pub closed: u64,
    /// Of the blocked, those that a target answered with a status below 400; none where nobody can tell.
    pub hurt: Option<u64>,
    /// At 95 % confidence, at most so many of a million requests would be users who are blocked.
    pub hurt_per_million: Option<u64>,
}

/// How much can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Its own traffic says that nobody is hurt.
    Low,
    /// Nobody knows what its traffic would lose; AWS documents what the mode blocks.
    Medium,
    /// People insisted on it against a guard, or protection is taken away.
    High,
}

/// One load balancer to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The wave it belongs to, from 1.
    pub wave: usize,
    /// The load balancer.
    #[serde(flatten)]
    pub target: Target,
    /// Its owner, `unowned` where nobody claims it; none where that could not be read.
    pub owner: Option<String>,
    /// Its environment, where known.
    pub environment: Option<String>,
    /// The mode that the scan saw.
    pub from: Mode,
    /// When that mode was read. What it may be changed by counts from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Timestamp>,
    /// The mode it is to be in.
    pub to: Mode,
    /// Why.
    pub reason: String,
    /// What its traffic says of the intended mode; none where nobody looked or can say.
    pub effect: Option<Effect>,
    /// What the evidence stands on.
    pub evidence: String,
    /// How much can go wrong.
    pub risk: Risk,
    /// What people insisted on.
    #[serde(default, skip_serializing_if = "Insistence::is_empty")]
    pub insisted: Insistence,
}

/// A text to paste where the setting is managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snippet {
    /// The dialect, as a heading.
    pub dialect: String,
    /// The language of the code; empty for plain steps.
    pub language: String,
    /// The text.
    pub code: String,
}

/// What has to be changed where a load balancer is managed, because a change from outside would be changed back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Patch {
    /// The load balancer.
    #[serde(flatten)]
    pub target: Target,
    /// Its owner; none where that could not be read.
    pub owner: Option<String>,
    /// What manages it.
    pub manager: String,
    /// The mode that the scan saw.
    pub from: Mode,
    /// The mode it is to be in.
    pub to: Mode,
    /// Why.
    pub reason: String,
    /// What to do, in a sentence.
    pub remedy: String,
    /// The same as texts to paste.
    pub snippets: Vec<Snippet>,
}

/// A load balancer that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skip {
    /// The load balancer.
    #[serde(flatten)]
    pub target: Target,
    /// Its owner; none where that could not be read.
    pub owner: Option<String>,
    /// Why, as a code.
    pub reason: SkipReason,
    /// Why, in a sentence.
    pub because: String,
}

/// Why a load balancer is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Its mode was not observed.
    ModeUnknown,
    /// The policy's demand depends on something that was not observed.
    DemandUnknown,
    /// An exception allows it to stay as it is.
    Excepted,
    /// It is in a stronger mode, and nobody asked for lowering.
    Stronger,
    /// The intended mode needs traffic evidence that is not there.
    NoEvidence,
    /// Its traffic advises against the intended mode.
    AgainstAdvice,
    /// Whether something manages it could not be read.
    ManagerUnknown,
    /// Its mode does nothing, because no listener speaks HTTP.
    NotApplicable,
    /// Its mode was read too long ago to plan from.
    Outdated,
}

/// A plan. `considered` = steps + patches + skipped + already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `change-plan-v2`.
    pub format: String,
    /// The change that applying it makes, from its digest.
    pub id: String,
    /// SHA-256 of the plan as JSON with this and the id empty, in hexadecimal.
    pub digest: String,
    /// When it was made.
    pub made: Timestamp,
    /// The version of Doorward that made it.
    pub tool_version: String,
    /// The scan it stands on.
    pub run: PlanRun,
    /// What was asked for.
    pub goal: Goal,
    /// Load balancers of the first wave.
    pub canary: usize,
    /// The most load balancers of a wave.
    pub cap: usize,
    /// Load balancers that were looked at for this plan.
    pub considered: usize,
    /// Those that are as wanted already.
    pub already: usize,
    /// What will be changed, in order.
    pub steps: Vec<Step>,
    /// What has to be changed where it is managed.
    pub patches: Vec<Patch>,
    /// What is left as it is.
    pub skipped: Vec<Skip>,
}

/// A file that is no plan, or not the one that was made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It cannot be read as a plan.
    #[error("not a plan of this version: {0}")]
    NotAPlan(#[from] serde_json::Error),
    /// It is a plan of another version.
    #[error("its format is {0:?}, this version reads {FORMAT}")]
    Format(String),
    /// It holds what the plan does not, so that the digest does not cover it: an unknown key, a key given twice, another spelling of a
    /// value.
    #[error("{0}; a plan is used exactly as it was written, because its digest covers nothing else")]
    NotAsWritten(#[from] Difference),
    /// It was edited.
    #[error("the plan was changed after it was made: its digest should be {made}, and it is {found}; make it again")]
    Edited {
        /// The digest it names.
        made: String,
        /// The digest it has.
        found: String,
    },
    /// It contradicts itself.
    #[error("the plan contradicts itself: {0}")]
    Inconsistent(String),
}

/// The wave of the load balancer at a place, from 0, in the order of the plan.
pub(super) fn wave(number: usize, canary: usize, cap: usize) -> usize {
    if canary == 0 {
        1 + number / cap
    } else if number < canary {
        1
    } else {
        2 + (number - canary) / cap
    }
}

impl Plan {
    /// Reads a plan, and refuses one that was edited or contradicts itself.
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

    /// As text, one for all time: the same plan is the same bytes.
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

    /// Whether a text is a plan of this program, of whatever version and however it was edited since: then a new plan may take its place.
    pub fn is_one(text: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            format: String,
            id: String,
        }
        let named = serde_json::from_str::<Named>(text);
        named.is_ok_and(|named| named.format.starts_with("change-plan-v") && named.id.starts_with("change-"))
    }

    /// Whether it says which organization's load balancers it changes; plans of earlier versions do not.
    pub fn names_its_organization(&self) -> bool {
        self.format == FORMAT
    }

    pub(super) fn sealed(mut self) -> Self {
        self.digest.clear();
        self.id.clear();
        let mut digest = Digesting(Sha256::new());
        let mut written = BufWriter::with_capacity(DIGESTED, &mut digest);
        // A plan is made of texts, numbers and lists: it always has a form in JSON, and a digest takes every byte.
        let _ = serde_json::to_writer(&mut written, &self).map_err(io::Error::from).and_then(|()| written.flush());
        drop(written);
        self.digest = digest.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.id = format!("change-{}", self.digest.get(..12).unwrap_or_default());
        self
    }

    fn check(&self) -> Result<(), String> {
        let listed = self.steps.len() + self.patches.len() + self.skipped.len() + self.already;
        if listed != self.considered {
            return Err(format!("{} load balancers were considered, and {listed} are listed", self.considered));
        }
        let run = &self.run;
        let named = self.names_its_organization();
        if named != (run.partition.is_some() && run.account.is_some()) || (!named && run.organization.is_some()) {
            return Err("it does not name the partition and the account that its format asks for".to_owned());
        }
        let mut seen = BTreeSet::new();
        for (number, step) in self.steps.iter().enumerate() {
            let arn = &step.target.arn;
            if !seen.insert(arn) {
                return Err(format!("{arn} is changed twice"));
            }
            if step.from == step.to {
                return Err(format!("{arn} is to stay in {}", step.to));
            }
            if arn.account() != step.target.account.as_str() || arn.region() != step.target.region.as_str() {
                return Err(format!("{arn} is not in {} {}", step.target.account, step.target.region));
            }
            if named != step.observed.is_some() {
                return Err(format!("when the mode of {arn} was read is not as its format asks for"));
            }
            if run.partition.as_ref().is_some_and(|partition| arn.partition() != partition) {
                return Err(format!("{arn} is not in partition {}", run.partition.as_deref().unwrap_or_default()));
            }
            if self.cap == 0 || step.wave != wave(number, self.canary, self.cap) {
                return Err(format!("{arn} is in wave {}, against the cap of {} a wave", step.wave, self.cap));
            }
        }
        Ok(())
    }
}
