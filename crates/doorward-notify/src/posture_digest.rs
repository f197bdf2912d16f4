//! The digest of leadership and FinOps: the posture on one page, once in a period.

use doorward_model::{PostureSummary, counted, sha256_hex};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::digest::Scan;
use crate::settings::{DigestSchedule, DigestSection, PostureAudience};

/// The version of the document.
pub const POSTURE_FORMAT: &str = "doorward-posture-v1";

/// One message about the posture to one audience at one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostureDigest {
    /// [`POSTURE_FORMAT`].
    pub format: &'static str,
    /// The same for everything that is sent to the audience at the channel in the period; with the schedule `on-change`, for the same
    /// figures after the same digest.
    pub id: String,
    /// The audience.
    pub audience: Audience,
    /// Whether an earlier attempt to send this may have arrived.
    pub may_repeat: bool,
    /// The period that it is about: `2026-W45`, `2026-11`; the day of the scan with the schedule `on-change`.
    pub period: String,
    /// The sections, in order.
    pub sections: Vec<DigestSection>,
    /// When its last digest arrived, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The scan.
    pub scan: Scan,
    /// The figures: those of the posture sheet (`--format posture`).
    pub posture: PostureSummary,
    /// The page with all of it, where the settings name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl PostureDigest {
    /// One line for subjects and previews.
    pub fn headline(&self) -> String {
        let subject = &self.posture.subject;
        if !self.posture.read {
            return format!("Doorward {}: posture unknown, nothing was read, {subject}", self.period);
        }
        let short = if self.posture.warning.is_some() { ", not everything was read" } else { "" };
        if self.audience == Audience::Finops {
            let idle = match (&self.posture.costs, &self.posture.idle) {
                (Some(costs), Some(_)) => format!("idle load balancers {}", costs.idle),
                (None, Some(idle)) => {
                    format!("{}, no price known", counted(idle.len() + self.posture.more_idle, "idle load balancer"))
                }
                (_, None) => "idle load balancers unknown".to_owned(),
            };
            return format!("Doorward {}: {idle}{short}, {subject}", self.period);
        }
        let figure = |id: &str| self.posture.figures.iter().find(|figure| figure.id == id);
        let open = figure("open-findings-known").map_or_else(String::new, |open| match open.figure.as_str() {
            "1" => "1 open finding".to_owned(),
            many => format!("{many} open findings"),
        });
        let overdue = figure("overdue-findings")
            .filter(|overdue| overdue.figure.parse::<usize>().is_ok())
            .map_or_else(String::new, |overdue| format!(", {} overdue", overdue.figure));
        format!("Doorward {}: {open}{overdue}{short}, {subject}", self.period)
    }
}

/// What is remembered of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PostureState {
    /// When the scan that it was about ended, UTC.
    pub(crate) finished: Timestamp,
    /// The figures that it had, hashed.
    pub(crate) figures: String,
}

impl PostureState {
    /// The state after a digest of this summary.
    ///
    /// # Errors
    /// None that a summary could cause; serialization may fail in principle.
    pub(crate) fn of(posture: &PostureSummary, finished: Timestamp) -> Result<Self, serde_json::Error> {
        // What differs between any two scans is no change: the times, the trend, and what changed since the scan before.
        let figures = PostureSummary {
            at: String::new(),
            trend: Vec::new(),
            changes: None,
            since: String::new(),
            ..posture.clone()
        };
        Ok(Self { finished, figures: sha256_hex(&serde_json::to_vec(&figures)?) })
    }

    /// Whether a digest of another scan is due after this one arrived.
    pub(crate) fn is_due(&self, next: &Self, schedule: DigestSchedule) -> bool {
        match schedule {
            DigestSchedule::OnChange => self.figures != next.figures && self.finished < next.finished,
            _ => period(schedule, self.finished) < period(schedule, next.finished),
        }
    }
}

/// The period of a scan. Periods of one schedule are ordered as texts.
pub(crate) fn period(schedule: DigestSchedule, finished: Timestamp) -> String {
    let day = finished.to_zoned(TimeZone::UTC).date();
    match schedule {
        DigestSchedule::Weekly => {
            let week = day.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        DigestSchedule::Monthly => format!("{:04}-{:02}", day.year(), day.month()),
        DigestSchedule::OnChange => day.to_string(),
    }
}

/// The sections of an audience.
pub(crate) fn sections(audience: &Audience, settings: &PostureAudience) -> Vec<DigestSection> {
    use DigestSection::{Changes, Costs, Exceptions, Figures, Idle, Owners, Trend};
    match (&settings.sections, audience) {
        (Some(sections), _) => sections.clone(),
        (None, Audience::Finops) => vec![Idle, Costs, Figures],
        (None, _) => vec![Figures, Trend, Owners, Exceptions, Idle, Costs, Changes],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_of_utc_and_weeks_are_iso_weeks() {
        for (at, week, month) in [
            ("2026-11-02T00:00:00Z", "2026-W45", "2026-11"),
            ("2026-11-01T23:59:59Z", "2026-W44", "2026-11"),
            ("2027-01-01T00:00:00Z", "2026-W53", "2027-01"),
            ("2026-11-30T23:30:00-02:00", "2026-W49", "2026-12"),
        ] {
            let at: Timestamp = at.parse().expect("a time");
            assert_eq!(period(DigestSchedule::Weekly, at), week);
            assert_eq!(period(DigestSchedule::Monthly, at), month);
        }
    }
}
