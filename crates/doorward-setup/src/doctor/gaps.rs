//! Gaps with their place: what could not be read, where, and by which role.

use doorward_aws::access::{Access, AssumedRole};
use doorward_core::discover::Target;
use doorward_core::normalize::Normalized;
use doorward_model::{Account, AccountId, CoverageStatus, Gap, GapReason, Listing, Observed};

use super::place_name;

/// The part of Doorward that needs the missing permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Stage {
    /// A scan of today.
    Scan,
    /// A scan, as soon as there is a load balancer or a log delivery to ask about.
    Optional,
    /// Traffic analysis.
    Traffic,
    /// Publishing to Security Hub.
    Publish,
}

impl Stage {
    /// Its name in JSON.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// One thing that cannot be read.
#[derive(Debug, Clone)]
pub struct PlacedGap {
    /// The part of Doorward that needs it.
    pub stage: Stage,
    /// The account it is in; none for the organization itself.
    pub account: Option<AccountId>,
    /// Where it is, for display.
    pub place: String,
    /// The role whose session was refused, or that could not be assumed; none if the base identity made the call.
    pub role: Option<AssumedRole>,
    /// The resource that the action is needed on, as in a policy.
    pub resource: String,
    /// Why it could not be read.
    pub gap: Gap,
}

impl PlacedGap {
    /// Whether a policy denies the action explicitly, so that another statement that allows it would change nothing.
    pub(super) fn is_explicit_deny(&self) -> bool {
        let message = self.gap.message.as_deref().unwrap_or_default();
        self.gap.reason == GapReason::AccessDenied && message.contains("explicit deny")
    }
}

/// Everything that would keep a scan from being complete: the organization, then accounts, then account-Regions.
pub fn of_scan(scan: &Normalized, access: &Access) -> Vec<PlacedGap> {
    let mut all = Vec::new();
    let placed = |account: Option<&AccountId>, place: String, gap: &Gap| PlacedGap {
        stage: Stage::Scan,
        account: account.cloned(),
        place,
        role: None,
        resource: "*".to_owned(),
        gap: gap.clone(),
    };
    if let Listing::Unread(gap) = &scan.coverage.accounts_listing {
        all.push(placed(None, "the list of accounts".to_owned(), gap));
    }
    for account in &scan.accounts {
        let was_asked = |gap: &&std::sync::Arc<Gap>| gap.reason != GapReason::NotAsked;
        for (gap, what) in [(account.ou.gap(), "its organizational unit (OU)"), (account.tags.gap(), "its tags")] {
            let place = || format!("{} ({what})", account.id);
            all.extend(gap.filter(was_asked).map(|gap| placed(Some(&account.id), place(), gap)));
        }
        if let Some(gap) = account.regions.gap().filter(was_asked) {
            let place = format!("{} (its list of Regions)", account.id);
            all.push(PlacedGap { role: scan_role(access, account), ..placed(Some(&account.id), place, gap) });
        }
    }
    let in_scope = scan.coverage.lines.iter().filter(|line| line.status != CoverageStatus::Skipped);
    for line in in_scope {
        let account = scan.accounts.iter().find(|account| account.id == line.account);
        let role = account.and_then(|account| scan_role(access, account));
        for gap in &line.gaps {
            let place = place_name(&line.account, line.region.as_ref());
            all.push(PlacedGap { role: role.clone(), ..placed(Some(&line.account), place, gap) });
        }
    }
    all
}

/// A permission that no call of today needs.
pub(super) fn optional(access: &Access, account: &Account, target: &Target, gap: Gap) -> PlacedGap {
    PlacedGap {
        stage: Stage::Optional,
        account: Some(account.id.clone()),
        place: place_name(&account.id, Some(&target.place.region)),
        role: scan_role(access, account),
        resource: "*".to_owned(),
        gap,
    }
}

/// The role that a scan assumes in an account. None for the base identity's own account, and where the role depends on an
/// organizational unit that could not be read: then the gap of the organizational unit is the one to fix.
fn scan_role(access: &Access, account: &Account) -> Option<AssumedRole> {
    let ou = match &account.ou {
        // Without an organization there are no organizational units, and one role serves all accounts.
        Observed::Unread(gap) if gap.reason == GapReason::NotAsked => &Observed::Absent,
        ou => ou,
    };
    access.entry(&account.id, ou).ok().flatten()
}
