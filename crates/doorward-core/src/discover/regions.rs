//! The Regions of one account, with their opt-in state.

use aws_sdk_account::types::RegionOptStatus;

use doorward_aws::{Access, CallRoute, Operation, Session, account_as};
use doorward_model::{Gap, GapReason, Region};

use crate::pages::{self, pages};

/// Whether a Region is enabled in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RegionState {
    /// It is enabled, or being enabled or disabled: calls may succeed.
    Enabled,
    /// It is not enabled.
    Disabled,
    /// The account's list could not be read; the Region is from another list.
    Unknown,
}

impl RegionState {
    pub(super) fn is_enabled(self) -> bool {
        self == Self::Enabled
    }
}

/// The account's own list of Regions, ordered by name.
pub(super) async fn list(access: &Access, session: &Session) -> Result<Vec<(Region, RegionState)>, Gap> {
    let operation = Operation::ListRegions;
    let client = access.clients.account(access.home_region());
    let send = |credentials, token| {
        let request = client.list_regions().max_results(50).set_next_token(token);
        request.customize().config_override(account_as(credentials)).send()
    };
    let route = CallRoute { session, ..pages::home(access, operation) };
    let (listed, gap) = pages(access, route, "Regions", send, |response| (response.regions, response.next_token)).await;
    if let Some(gap) = gap {
        return Err(gap);
    }
    let mut regions = Vec::with_capacity(listed.len());
    for entry in listed {
        let name = entry.region_name().and_then(|name| Region::new(name).ok());
        let state = match entry.region_opt_status() {
            Some(RegionOptStatus::Disabled) => RegionState::Disabled,
            // A Region in a state that is not known to this version is scanned, not skipped.
            Some(_) => RegionState::Enabled,
            None => return Err(unusable("a Region without an opt-in state")),
        };
        regions.push((name.ok_or_else(|| unusable("a Region without a usable name"))?, state));
    }
    if regions.is_empty() {
        return Err(unusable("no Region at all"));
    }
    regions.sort_by(|a, b| a.0.cmp(&b.0));
    // Which of two states is right is unknown, and the wrong one could exclude a Region in use.
    if let Some(twice) = regions.windows(2).find_map(|pair| match pair {
        [(one, _), (other, _)] if one == other => Some(one.clone()),
        _ => None,
    }) {
        return Err(unusable(&format!("the Region {twice} twice")));
    }
    Ok(regions)
}

fn unusable(what: &str) -> Gap {
    Gap::new(GapReason::Malformed, Operation::ListRegions.action())
        .with_message(format!("the response contains {what}"))
}
