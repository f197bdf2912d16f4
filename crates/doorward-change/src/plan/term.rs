//! What bounds a plan: whose it is, and for how long what it was made from counts.

use doorward_model::{AccountId, LoadBalancer, Organization, ScanReport};
use jiff::{SignedDuration, Timestamp};

use super::{Plan, Step};
use crate::{ChangeSettings, calendar};

/// Where the base identity belongs, as a scan learns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its partition.
    pub partition: String,
    /// Its account.
    pub account: AccountId,
    /// Its organization; none where the settings limit everything to its account.
    pub organization: Option<Organization>,
}

/// When the mode of a load balancer was read.
pub(super) fn observed(report: &ScanReport, lb: &LoadBalancer) -> Timestamp {
    lb.evidence.as_ref().map_or(report.run.started, |evidence| evidence.at)
}

/// Why a reading is too old to plan from; none where it is not, or where there is none.
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
        format!("Its mode was read {days} days ago, on {at:.0}; a plan is made from readings of the last {most} days (change.scan_days). Scan again.")
    })
}

impl Plan {
    /// Why the plan may not be applied by a base identity, or anything of it be looked at or rolled back: it is about another organization.
    /// A plan of an earlier version names none.
    pub fn foreign(&self, home: &Home) -> Option<String> {
        let run = &self.run;
        let (Some(partition), Some(account)) = (&run.partition, &run.account) else { return None };
        if *partition != home.partition {
            return Some(format!(
                "the plan is of partition {partition}, and these credentials are of {}",
                home.partition
            ));
        }
        let name = |organization: &Organization| {
            format!("organization {} (management account {})", organization.id, organization.management_account)
        };
        match (&run.organization, &home.organization) {
            (Some(planned), Some(own)) if planned == own => None,
            (Some(planned), Some(own)) => {
                Some(format!("the plan is of {}, and these credentials are of {}", name(planned), name(own)))
            }
            (Some(planned), None) => Some(format!(
                "the plan is of {}, and `scope.single_account` keeps this command from reading which organization account {} is in",
                name(planned),
                home.account
            )),
            (None, _) if *account != home.account => Some(format!(
                "the plan is of account {account} alone, and these credentials are of account {}",
                home.account
            )),
            (None, _) => {
                let other = self.steps.iter().find(|step| step.target.account != *account)?;
                Some(format!("the plan is of account {account} alone, and changes {}", other.target.arn))
            }
        }
    }

    /// When the modes were read, step by step.
    pub fn observed(&self) -> impl Iterator<Item = Timestamp> {
        self.steps.iter().filter_map(|step| step.observed)
    }

    /// Why a step may not be sent any more: its mode was read too long ago.
    pub(crate) fn expired(&self, step: &Step, now: Timestamp, settings: &ChangeSettings) -> Option<String> {
        let at = step.observed.unwrap_or(self.run.started).min(self.made);
        let until = after(at, settings.valid_days);
        (now >= until).then(|| {
            let days = settings.valid_days;
            format!(
                "its mode was read on {at:.0}, and can be changed by this plan until {until:.0}, {days} days later \
                 (change.valid_days); scan and make the plan again"
            )
        })
    }

    /// Why nothing may be sent for a step at a time: its reading has expired, or its owner admits no change now.
    pub(crate) fn closed(&self, step: &Step, now: Timestamp, settings: &ChangeSettings) -> Option<String> {
        let admits = || calendar::closed(step.owner.as_deref(), now, &settings.windows, &settings.freezes);
        self.expired(step, now, settings).or_else(admits)
    }
}

fn after(at: Timestamp, days: u32) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}
