//! The way to one account-Region, for whoever heard that something changed there.

use doorward_aws::{Access, Operation, Stop};
use doorward_model::{Account, AccountRegion, Gap, GapReason, Listing, Observed, Organization};

use super::regions::RegionState;
use super::scope::Decision;
use super::{DiscoverError, DiscoverSettings, Target, organization};
use crate::actions::scan_role_grants;

/// What is known of the account, and whether it can be entered.
pub struct Single {
    /// The organization, absent in single-account mode.
    pub organization: Observed<Organization>,
    /// The account; none where nobody knows anything of it.
    pub account: Option<Account>,
    /// The way in.
    pub door: Door,
}

/// The way into an account-Region.
pub enum Door {
    /// Open.
    Open(Target),
    /// The settings or the account's state leave it out, and that is why.
    Out(Gap),
    /// It could not be entered, or what decides whether it should be could not be read.
    Closed(Gap),
}

/// Enters one account-Region by the settings of a scan. `known` is what an earlier scan read of the organization and the
/// account; without it the organization is read as a scan reads it. Whether the Region is enabled is not asked: the next call
/// there says so.
pub async fn enter_one(
    access: &Access,
    settings: &DiscoverSettings,
    known: Option<(Observed<Organization>, Account)>,
    place: &AccountRegion,
    stop: &Stop,
) -> Result<Single, DiscoverError> {
    if let Decision::Out(why) = settings.regions.decide(&place.region, RegionState::Untold) {
        return Ok(Single { organization: Observed::Absent, account: None, door: Door::Out(why) });
    }
    let (organization, account) = tokio::select! {
        found = find(access, settings, known, place) => found?,
        gap = stop.stopped(Operation::ListAccounts.action()) => return Err(DiscoverError::Stopped(gap.reason)),
    };
    let (account, door) = match account {
        Ok(account) => {
            let door = tokio::select! {
                door = enter(access, settings, &account, place) => door,
                gap = stop.stopped(Operation::AssumeRole.action()) => Door::Closed(gap),
            };
            (Some(account), door)
        }
        Err(door) => (None, door),
    };
    Ok(Single { organization, account, door })
}

/// What is known of the organization, and the account, or why there is no way to it.
type Found = (Observed<Organization>, Result<Account, Door>);

async fn find(
    access: &Access,
    settings: &DiscoverSettings,
    known: Option<(Observed<Organization>, Account)>,
    place: &AccountRegion,
) -> Result<Found, DiscoverError> {
    let out = |why: String| Door::Out(Gap::new(GapReason::Excluded, "settings").with_message(why));
    if settings.scope.single_account {
        let alone = organization::alone(access);
        let account = alone.accounts.into_iter().find(|account| account.id == place.account);
        let why = || out(format!("`scope.single_account` leaves every account but {} out", access.account()));
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
        Listing::Unread(gap) => Door::Closed(gap.as_ref().clone()),
    };
    Ok((found.organization, account.ok_or_else(why)))
}

async fn enter(access: &Access, settings: &DiscoverSettings, account: &Account, place: &AccountRegion) -> Door {
    if account.state.is_inactive() {
        let why = Gap::new(GapReason::AccountInactive, Operation::ListAccounts.action());
        return Door::Out(why.with_message(format!("the account is {}", account.state)));
    }
    match settings.scope.decide(account) {
        Decision::In => {}
        Decision::Out(why) => return Door::Out(why),
        Decision::Unclear(gap) => return Door::Closed(gap),
    }
    let session = match access.session(&account.id, &account.ou, &scan_role_grants()) {
        Ok(session) => session,
        Err(gap) => return Door::Closed(gap),
    };
    match session.credentials(&access.caller).await {
        Ok(_) => Door::Open(Target { place: place.clone(), region_enabled: false, session }),
        Err(gap) => Door::Closed(gap),
    }
}
