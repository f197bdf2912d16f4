//! What is missing: one gap in one place, with whoever was refused.

use doorward_core::access::{Access, Entry};
use doorward_core::discover::Target;
use doorward_core::normalize::Normalized;
use doorward_model::{Account, AccountId, CoverageStatus, Gap, GapReason, Listing, Observed};

use super::place;

/// What something is missing for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// A scan would leave it unread.
    Scan,
    /// A scan needs it as soon as there is a load balancer to ask about.
    Spare,
    /// Traffic would stay unread.
    Traffic,
    /// Findings would not be accepted.
    Publish,
}

impl Stage {
    /// As programs read it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Spare => "spare",
            Self::Traffic => "traffic",
            Self::Publish => "publish",
        }
    }
}

/// One thing that cannot be read.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    pub(super) stage: Stage,
    /// The account it is in, where it is in one.
    pub(super) account: Option<AccountId>,
    /// Where, as people read it.
    pub(super) place: String,
    /// The role whose session was refused, or could not be opened; none where the base identity itself asked.
    pub(super) role: Option<Entry>,
    /// The resource that the action is needed on, as in a policy.
    pub(super) resource: String,
    pub(super) gap: Gap,
}

impl Missing {
    /// Whether a policy says no, so that allowing the action once more would change nothing.
    pub(super) fn is_explicit(&self) -> bool {
        let said = |gap: &Gap| gap.message.as_deref().is_some_and(|message| message.contains("explicit deny"));
        self.gap.reason == GapReason::AccessDenied && said(&self.gap)
    }
}

/// Everything that keeps a scan from being complete.
pub(super) fn of_scan(scan: &Normalized, access: &Access) -> Vec<Missing> {
    let mut all = Vec::new();
    let base = |account: Option<&AccountId>, place: String, gap: &Gap| Missing {
        stage: Stage::Scan,
        account: account.cloned(),
        place,
        role: None,
        resource: "*".to_owned(),
        gap: gap.clone(),
    };
    if let Listing::Unread(gap) = &scan.coverage.accounts_listing {
        all.push(base(None, "the list of accounts".to_owned(), gap));
    }
    for account in &scan.accounts {
        let asked = |gap: &&std::sync::Arc<Gap>| gap.reason != GapReason::NotAsked;
        for (gap, what) in [(account.ou.gap(), "its unit"), (account.tags.gap(), "its tags")] {
            all.extend(gap.filter(asked).map(|gap| base(Some(&account.id), format!("{} ({what})", account.id), gap)));
        }
        if let Some(gap) = account.regions.gap().filter(asked) {
            let place = format!("{} (its list of Regions)", account.id);
            all.push(Missing { role: entry(access, account), ..base(Some(&account.id), place, gap) });
        }
    }
    let unread = |line: &&doorward_model::CoverageLine| line.status != CoverageStatus::Skipped && !line.gaps.is_empty();
    for line in scan.coverage.lines.iter().filter(unread) {
        let account = scan.accounts.iter().find(|account| account.id == line.account);
        let role = account.and_then(|account| entry(access, account));
        for gap in &line.gaps {
            let place = place(&line.account, line.region.as_ref());
            all.push(Missing { role: role.clone(), ..base(Some(&line.account), place, gap) });
        }
    }
    all
}

/// A permission that nothing needs today.
pub(super) fn spare(access: &Access, account: &Account, target: &Target, gap: Gap) -> Missing {
    Missing {
        stage: Stage::Spare,
        account: Some(account.id.clone()),
        place: place(&account.id, Some(&target.place.region)),
        role: entry(access, account),
        resource: "*".to_owned(),
        gap,
    }
}

/// How a scan enters an account. Where that depends on a unit that nobody could read, the unit is what is missing.
fn entry(access: &Access, account: &Account) -> Option<Entry> {
    let ou = match &account.ou {
        // Without an organization there is no unit to tell roles apart by.
        Observed::Unread(gap) if gap.reason == GapReason::NotAsked => &Observed::Absent,
        ou => ou,
    };
    access.entry(&account.id, ou).ok().flatten()
}
