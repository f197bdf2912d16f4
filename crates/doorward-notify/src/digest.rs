//! A digest: what changed for an audience since its last digest, and what is due. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use doorward_model::{Edit, ObservationPeriod, PostureFigure, counted};
use jiff::Timestamp;

use crate::audience::Audience;
use crate::notified_state::{DigestStanding, Due};

/// The version of the document.
pub const FORMAT: &str = "doorward-digest-v1";

/// How a finding differs from the last digest, in the order of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DigestChange {
    /// Fails and did not before.
    New,
    /// Fails again after it had been resolved.
    Reopened,
    /// Was under an exception and fails without one now.
    ExceptionEnded,
    /// Still fails, and matters more or less than before.
    Severity,
    /// Could be seen again, and fails as it did.
    SeenAgain,
    /// Was observed before, and could not be read this time.
    Unseen,
    /// The rule was not asked this time, or without the evidence that its answer rests on: it stands as it stood.
    NotAsked,
    /// Could not be read, and was not observed before.
    Unknown,
    /// Under an exception now.
    Excepted,
    /// Under another exception, or for another time.
    ExceptionChanged,
    /// Repeated, because an earlier digest may not have arrived.
    Restated,
    /// Failed, and was seen to be fine.
    Fixed,
    /// Could not be read before; observed now, and passes.
    Cleared,
    /// Does not apply any more.
    NotApplicable,
    /// Its load balancer is gone, or its account is closed.
    Gone,
    /// Now belongs to another owner.
    Moved,
}

impl DigestChange {
    /// In words, as a heading.
    pub const fn says(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Reopened => "Failing again",
            Self::ExceptionEnded => "Exception ended",
            Self::Severity => "Severity changed",
            Self::SeenAgain => "Seen again, still failing",
            Self::Unseen => "Could not be read this time",
            Self::NotAsked => "Not asked this time, still open",
            Self::Unknown => "Could not be read",
            Self::Excepted => "Now under an exception",
            Self::ExceptionChanged => "Exception changed",
            Self::Restated => "Current state",
            Self::Fixed => "Fixed",
            Self::Cleared => "Now read, and passes",
            Self::NotApplicable => "No longer applies",
            Self::Gone => "Gone",
            Self::Moved => "Now belongs to another owner",
        }
    }
}

/// One finding in a digest. Outside text is in it as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DigestLine {
    /// The finding's stable id.
    pub finding: String,
    /// The rule's id.
    pub rule: String,
    /// The rule's title, or its id.
    pub title: String,
    /// The load balancer's ARN.
    pub load_balancer: String,
    /// Its name.
    pub name: String,
    /// Its account, from the ARN.
    pub account: String,
    /// Its Region, from the ARN.
    pub region: String,
    /// The owner, as in the report.
    pub owner: String,
    /// Its state as last seen; absent when it passes, does not apply, or was never seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<DigestStanding>,
    /// Whether it could not be read this time.
    pub unseen: bool,
    /// What was seen, or could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The next step, where it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// File and line of its declaration, where one was chosen and it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_at: Option<String>,
    /// The address of that line in its repository, where the settings name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_link: Option<String>,
    /// When a scan first saw it fail: it may have been fixed since, and fail again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// Whole days since a scan first saw the current failure; absent where that was not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_days: Option<i64>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Changed {
    /// In what way.
    pub change: DigestChange,
    /// What.
    #[serde(flatten)]
    pub line: DigestLine,
}

/// One thing that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DueLine {
    /// Why.
    #[serde(flatten)]
    pub due: Due,
    /// Whether no digest named it to the audience before.
    pub new: bool,
    /// Whole days until the last day of the exception, negative after it; absent for everything else and for a date that
    /// cannot be parsed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// What.
    #[serde(flatten)]
    pub line: DigestLine,
}

/// The totals of the audience. `findings = passing + failing + informational + excepted + unknown + not_applicable +
/// not_asked`. What was not seen is counted beside these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Load balancers.
    pub load_balancers: usize,
    /// Load balancers of which a rule fails for more than information.
    pub load_balancers_failing: usize,
    /// Load balancers of which a verdict is unknown.
    pub load_balancers_unknown: usize,
    /// Verdicts.
    pub findings: usize,
    /// Passing.
    pub passing: usize,
    /// Failing for more than information.
    pub failing: usize,
    /// Failing, for information only.
    pub informational: usize,
    /// Under an exception.
    pub excepted: usize,
    /// Unknown.
    pub unknown: usize,
    /// Not applicable.
    pub not_applicable: usize,
    /// Not asked.
    pub not_asked: usize,
    /// Known from before and not seen this time.
    pub unseen: usize,
    /// Findings that the ledger knows to have failed when they were last seen, and that this scan did not see.
    pub unseen_failing: usize,
    /// The same, under an exception.
    pub unseen_excepted: usize,
    /// Load balancers that the ledger knows and this scan did not see.
    pub load_balancers_unseen: usize,
    /// For a risk profile: findings that failed when they were last seen, of load balancers whose risk profile is unknown: they were not
    /// seen, or the value that decides could not be read. They are in no other total and may belong to any profile.
    pub unassigned_failing: usize,
    /// The same, under an exception.
    pub unassigned_excepted: usize,
    /// For a risk profile: load balancers whose risk profile is unknown.
    pub unassigned_load_balancers: usize,
    /// Tracked sources of non-compliant requests.
    pub sources: usize,
    /// Of these, gone.
    pub sources_gone: usize,
    /// Of these, there after their due date.
    pub sources_overdue: usize,
    /// Of these, there again after they were gone.
    pub sources_back: usize,
    /// Load balancers whose traffic supports a stronger mode now.
    pub raise_now: usize,
}

/// The scan behind a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scan {
    /// Its id.
    pub run: String,
    /// When it ended, UTC.
    pub finished: Timestamp,
    /// Its first and its last observation; absent where nothing was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservationPeriod>,
    /// Doorward's version.
    pub tool_version: String,
    /// The organization's id, or the account in single-account mode.
    pub organization: String,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Whether the list of accounts arrived in full.
    pub accounts_listed: bool,
    /// Account-Regions that should have been read.
    pub account_regions: usize,
    /// Of these, read completely.
    pub account_regions_complete: usize,
    /// The ARN of the one load balancer that was read, where an event asked for it: this is no scan then, and the digest says
    /// nothing of anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Who left it in its mode, in a sentence with words from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited: Option<String>,
}

/// One message to one audience at one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Digest {
    /// [`FORMAT`].
    pub format: &'static str,
    /// The same for the same content after the same digest; never the same for anything else.
    pub id: String,
    /// The audience.
    pub audience: Audience,
    /// Whether an earlier attempt to send this may have arrived.
    pub may_repeat: bool,
    /// Whether it is the first digest.
    pub first: bool,
    /// When its last digest arrived, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The scan.
    pub scan: Scan,
    /// The totals of the audience.
    pub totals: Totals,
    /// Key figures of the owner, over everything that the ledger recorded; empty where it is not known or the audience is no owner.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kpis: Vec<PostureFigure>,
    /// The changes, highest severity first.
    pub changes: Vec<Changed>,
    /// What is due, most urgent first.
    pub due: Vec<DueLine>,
    /// The page with all of it, where the settings name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The address of the page with an audience as its filter.
pub(crate) fn link(base: &str, audience: &Audience) -> String {
    let owner = match audience {
        Audience::Owner(name) => name.as_str(),
        Audience::Unowned => "unowned",
        Audience::Unlisted | Audience::Profile(_) | Audience::Organization | Audience::Finops => {
            return base.to_owned();
        }
    };
    let encoded: String = owner.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    });
    format!("{base}#?owner={encoded}")
}

impl Digest {
    /// One line for subjects and previews; the owner's name in it is as it came.
    pub fn headline(&self) -> String {
        let news = self.due.iter().filter(|due| due.new).count();
        let what = match (self.changes.len(), news) {
            (0, due) => format!("{due} due"),
            (changes, 0) => counted(changes, "change"),
            (changes, due) => format!("{}, {due} due", counted(changes, "change")),
        };
        match &self.scan.only {
            None => {
                let unseen = match self.totals.unseen_failing {
                    0 => String::new(),
                    n => format!(" and {n} not seen now"),
                };
                let unassigned = match self.totals.unassigned_failing {
                    0 => String::new(),
                    n => format!(" and up to {n} of an unknown profile"),
                };
                let failing = counted(self.totals.failing, "failing finding");
                format!("Doorward: {what}, {failing}{unseen}{unassigned} for {}", self.audience.label())
            }
            Some(_) => format!("Doorward: {what} on one load balancer of {}", self.audience.label()),
        }
    }
}

/// `It was set to monitor by ... at ..., from 203.0.113.9.`
pub(crate) fn edit_sentence(edit: &Edit) -> String {
    let from = edit.source.as_ref().map(|source| format!(", from {source}")).unwrap_or_default();
    format!("It was {edit}{from}.")
}
