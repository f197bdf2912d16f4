//! The age of an observation, and what a finding may say about an old one. Pure.

use doorward_model::{ScanReport, is_ahead};
use jiff::{SignedDuration, Timestamp};

use crate::asff::{Asff, StatusReason};
use crate::limits::Cuts;
use crate::render::plain_title;

/// The reason code of a finding whose observation is not current any more.
const CODE: &str = "NOT_LOOKED_AT";
/// The same where the load balancer was read and the rule was not asked.
const NOT_ASKED: &str = "NOT_ASKED";

/// What an observation is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// It is current.
    Current,
    /// It is older than the settings allow.
    Old,
    /// It is dated in the future, by a clock that was ahead: when it was made is not known.
    Ahead,
    /// A later scan that was not published observed a failure.
    Contradicted,
}

impl Age {
    /// Weighs an observation at a time.
    pub(crate) fn of(observed: Timestamp, now: Timestamp, most: SignedDuration) -> Self {
        if is_ahead(observed, now) {
            Self::Ahead
        } else if now.duration_since(observed) > most {
            Self::Old
        } else {
            Self::Current
        }
    }
}

/// A warning about when a report was read; none if all of it is current. `most` is the age from which an observation is too old.
pub fn age_sentence(report: &ScanReport, most: SignedDuration, now: Timestamp) -> Option<String> {
    let period = report.observed()?;
    if is_ahead(period.to, now) {
        return Some(format!("it was read {period}, which is in the future by this machine's clock"));
    }
    let days = now.duration_since(period.from).as_hours() / 24;
    (now.duration_since(period.from) > most)
        .then(|| format!("its values are up to {days} days old (read {period}); scan again for the current state"))
}

/// Makes a finding say that its state today is unknown, and which state was last observed. It stays active, with the
/// severity that it had: neither passed nor closed. `read` says that the load balancer was read and the rule was not asked.
/// Doing it twice changes nothing.
pub(crate) fn outlive(finding: &mut Asff, age: Age, read: bool) {
    let reasons = &mut finding.compliance.status_reasons;
    let known = |reason: &StatusReason| [CODE, NOT_ASKED].contains(&reason.reason_code.as_str());
    if age == Age::Current || reasons.first().is_some_and(known) {
        return;
    }
    let (last, status) = (&finding.last_observed_at, &finding.compliance.status);
    let since = match age {
        Age::Ahead => format!(
            "The reading is dated {last}, which was in the future when it was published, so its real time is not known"
        ),
        Age::Contradicted => format!("A scan that was not published observed a failure after {last}"),
        Age::Current | Age::Old if read => format!("The rule was not asked since {last}"),
        Age::Current | Age::Old => format!("Not read since {last}"),
    };
    let description = format!("{since}. The check was {status} then; its current result is not known.");
    reasons.insert(0, StatusReason { reason_code: if read { NOT_ASKED } else { CODE }.to_owned(), description });
    reasons.truncate(20);
    let mut cuts = Cuts::default();
    finding.title = cuts.text("Title", &format!("Not read recently: {}", plain_title(&finding.title)), 256);
    finding.description = cuts.text("Description", &format!("{since}. At that time: {}", finding.description), 1024);
    let next = match age {
        Age::Contradicted => "Scan all accounts and Regions again, and publish the result.",
        _ => "Scan again; if the scan cannot read this load balancer, its coverage says why.",
    };
    next.clone_into(&mut finding.remediation.recommendation.text);
    finding.product_fields.insert("doorward/verdict".to_owned(), "unknown".to_owned());
    let reason = doorward_model::VerdictReason::ObservationOutdated.code().to_owned();
    finding.product_fields.insert("doorward/reason".to_owned(), reason);
    "NOT_AVAILABLE".clone_into(&mut finding.compliance.status);
}
