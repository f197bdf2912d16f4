//! One account-Region: whether a scan's settings include it, and a session in it. For a command that reacts to an event there.

use doorward_aws::{Access, Operation, Stop};
use doorward_model::{Account, AccountRegion, Gap, GapReason, Listing, Observed, Organization};

use super::regions::RegionState;
use super::scope::Decision;
use super::{DiscoverError, DiscoverSettings, Target, organization};
use crate::actions::scan_role_grants;

/// The account of one account-Region, and whether it can be read.
pub struct Single {
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// The account; absent if it is not known.
    pub account: Option<Account>,
    /// Whether it can be read.
    pub decision: ScopeDecision,
}

/// Whether one account-Region is in the scope of the settings and can be read.
pub enum ScopeDecision {
    /// It is in scope, and a session is open.
    In(Target),
    /// The settings or the account's state exclude it, for this reason.
    Excluded(Gap),
    /// No session could be opened, or a value that decides about the scope could not be read.
    Unread(Gap),
}

/// Opens a session in one account-Region if the settings of a scan include it. `known` is the organization and the account as an
/// earlier scan read them; without it they are read as by a scan. Whether the Region is enabled is not read: the next call
/// there fails if it is not.
pub async fn enter_one(
    access: &Access,
    settings: &DiscoverSettings,
    known: Option<(Observed<Organization>, Account)>,
    place: &AccountRegion,
    stop: &Stop,
) -> Result<Single, DiscoverError> {
    if let Decision::Out(why) = settings.regions.decide(&place.region, RegionState::Unknown) {
        return Ok(Single { organization: Observed::Absent, account: None, decision: ScopeDecision::Excluded(why) });
    }
    let (organization, account) = tokio::select! {
        found = find(access, settings, known, place) => found?,
        gap = stop.stopped(Operation::ListAccounts.action()) => return Err(DiscoverError::Stopped(gap.reason)),
    };
    let (account, decision) = match account {
        Ok(account) => {
            let decision = tokio::select! {
                decision = enter(access, settings, &account, place) => decision,
                gap = stop.stopped(Operation::AssumeRole.action()) => ScopeDecision::Unread(gap),
            };
            (Some(account), decision)
        }
        Err(decision) => (None, decision),
    };
    Ok(Single { organization, account, decision })
}

/// The organization, and the account or why it cannot be read.
type FoundAccounts = (Observed<Organization>, Result<Account, ScopeDecision>);

async fn find(
    access: &Access,
    settings: &DiscoverSettings,
    known: Option<(Observed<Organization>, Account)>,
    place: &AccountRegion,
) -> Result<FoundAccounts, DiscoverError> {
    let out = |why: String| ScopeDecision::Excluded(Gap::new(GapReason::Excluded, "settings").with_message(why));
    if settings.scope.single_account {
        let alone = organization::alone(access);
        let account = alone.accounts.into_iter().find(|account| account.id == place.account);
        let why = || out(format!("`scope.single_account` excludes every account but {}", access.account()));
        return Ok((Observed::Absent, account.ok_or_else(why)));
    }
    if let Some((organization, account)) = known {
        return Ok((organization, Ok(account)));
    }
    let found = organization::read(access, settings, &[])
        .await
        .map_err(|gap| DiscoverError::Organization { caller: access.identity().to_string(), gap: Box::new(gap) })?;
    let account = found.accounts.into_iter().find(|account| account.id == place.account);
    let why = || match found.listing {
        Listing::Full => out("the account is not in the organization".to_owned()),
        Listing::Unread(gap) => ScopeDecision::Unread(gap.as_ref().clone()),
    };
    Ok((found.organization, account.ok_or_else(why)))
}

async fn enter(
    access: &Access,
    settings: &DiscoverSettings,
    account: &Account,
    place: &AccountRegion,
) -> ScopeDecision {
    if let Some(why) = super::inactive(account) {
        return ScopeDecision::Excluded(why);
    }
    match settings.scope.decide(account) {
        Decision::In => {}
        Decision::Out(why) => return ScopeDecision::Excluded(why),
        Decision::Unclear(gap) => return ScopeDecision::Unread(gap),
    }
    let session = match access.session(&account.id, &account.ou, &scan_role_grants()) {
        Ok(session) => session,
        Err(gap) => return ScopeDecision::Unread(gap),
    };
    match session.credentials(&access.caller).await {
        Ok(_) => ScopeDecision::In(Target { place: place.clone(), region_enabled: false, session }),
        Err(gap) => ScopeDecision::Unread(gap),
    }
}
