//! Which audience a load balancer belongs to, and the key figures of audiences.

use std::collections::BTreeMap;

use doorward_model::{HistoryContext, LoadBalancer, PostureFigure, kpi_figures};

use super::Composer;
use crate::audience::Audience;
use crate::channels_config::ChannelsConfig;

/// The key figures of each owner with a line of its own, over everything that the ledger recorded.
pub(super) fn kpis<'a>(
    directory: &'a ChannelsConfig,
    history: &HistoryContext,
) -> BTreeMap<&'a Audience, Vec<PostureFigure>> {
    let of = |audience: &'a Audience| match audience {
        Audience::Owner(name) => Some((audience, kpi_figures(history.kpi_of_owner(name)?))),
        _ => None,
    };
    directory.lines().filter_map(|(audience, _)| of(audience)).collect()
}

impl Composer<'_> {
    /// The audience of its risk profile, where that names channels.
    pub(super) fn profile_of(&self, lb: &LoadBalancer) -> Option<Audience> {
        let audience = Audience::Profile(lb.policy.as_ref()?.profile.known()?.clone());
        self.shares.contains_key(&audience).then_some(audience)
    }

    /// Whether a load balancer belongs to an audience; none where the value that decides could not be read: that does not prove that
    /// it belongs to another one.
    pub(super) fn belongs(&self, lb: &LoadBalancer, audience: &Audience) -> Option<bool> {
        let (own, unread) = match audience {
            Audience::Profile(_) => {
                let unread = lb.policy.as_ref().is_some_and(|applied| applied.profile.gap().is_some());
                (self.profile_of(lb).as_ref() == Some(audience), unread)
            }
            _ => (self.audience_of(lb) == *audience, lb.owner.gap().is_some()),
        };
        if own { Some(true) } else { (!unread).then_some(false) }
    }
}
