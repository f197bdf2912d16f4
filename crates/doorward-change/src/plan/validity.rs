//! Where and how long a plan is valid: its organization, and the age of the readings it was made from.

use doorward_model::{AccountId, LoadBalancer, Organization, ScanReport};
use jiff::{SignedDuration, Timestamp};

use super::{Plan, Step};
use crate::{ChangeSettings, calendar};

/// The partition, account and organization of the base identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeOrganization {
    /// Its partition.
    pub partition: String,
    /// Its account.
    pub account: AccountId,
    /// Its organization; none if the settings limit everything to its account.
    pub organization: Option<Organization>,
}

/// When the mode of a load balancer was read.
pub(super) fn observed(report: &ScanReport, lb: &LoadBalancer) -> Timestamp {
    lb.evidence.as_ref().map_or(report.run.started, |evidence| evidence.at)
}

/// Why a reading is too old to plan from; none if it is not, or if there is none.
pub(super) fn outdated(
    report: &ScanReport,
    lb: &LoadBalancer,
    made: Timestamp,
    settings: &ChangeSettings,
) -> Option<String> {
    lb.mode.known()?;
    let (at, most) = (observed(report, lb), settings.scan_days);
    (made > after(at, most)).then(|| {
        let days = made.duration_since(at).as_hours() / 24;
        format!(
            "Its mode was read {days} days ago, on {at:.0}; a plan can use readings of the last {most} days \
             (change.scan_days). Scan again."
        )
    })
}

impl Plan {
    /// Why a base identity may not apply, verify or roll back the plan: it is about another organization. None if it may, and for plans
    /// of an earlier version, which do not name their organization.
    pub fn foreign(&self, home: &HomeOrganization) -> Option<String> {
        let run = &self.run;
        let (Some(partition), Some(account)) = (&run.partition, &run.account) else { return None };
        if *partition != home.partition {
            return Some(format!(
                "the plan is for partition {partition}, but these credentials are for {}",
                home.partition
            ));
        }
        let name = |organization: &Organization| {
            format!("organization {} (management account {})", organization.id, organization.management_account)
        };
        match (&run.organization, &home.organization) {
            (Some(planned), Some(own)) if planned == own => None,
            (Some(planned), Some(own)) => {
                Some(format!("the plan is for {}, but these credentials are for {}", name(planned), name(own)))
            }
            (Some(planned), None) => Some(format!(
                "the plan is for {}, but `scope.single_account` is set, so the organization of account {} is not read",
                name(planned),
                home.account
            )),
            (None, _) if *account != home.account => Some(format!(
                "the plan is for account {account} alone, but these credentials are for account {}",
                home.account
            )),
            (None, _) => {
                let other = self.steps.iter().find(|step| step.target.account != *account)?;
                Some(format!("the plan is for account {account} alone, but changes {}", other.target.arn))
            }
        }
    }

    /// The times at which the modes were read.
    pub fn observed(&self) -> impl Iterator<Item = Timestamp> {
        self.steps.iter().filter_map(|step| step.observed)
    }

    /// Why no request may be sent for a step any more: its mode was read too long ago.
    pub(crate) fn expired(&self, step: &Step, now: Timestamp, settings: &ChangeSettings) -> Option<String> {
        let at = step.observed.unwrap_or(self.run.started).min(self.made);
        let until = after(at, settings.valid_days);
        (now >= until).then(|| {
            let days = settings.valid_days;
            format!(
                "its mode was read on {at:.0}, and this plan can change it until {until:.0}, {days} days later \
                 (change.valid_days); scan again and make a new plan"
            )
        })
    }

    /// Why no request may be sent for a step at a time: its reading has expired, or its owner allows no change then.
    pub(crate) fn closed(&self, step: &Step, now: Timestamp, settings: &ChangeSettings) -> Option<String> {
        let calendar = || calendar::closed(step.owner.as_deref(), now, &settings.windows, &settings.freezes);
        self.expired(step, now, settings).or_else(calendar)
    }
}

fn after(at: Timestamp, days: u32) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}
