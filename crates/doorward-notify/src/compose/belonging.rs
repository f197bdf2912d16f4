//! Which audience a load balancer belongs to, and the key figures of audiences.

use std::collections::BTreeMap;

use doorward_model::{Arn, HistoryContext, LoadBalancer, PostureFigure, Severity, Verdict, kpi_figures};

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

/// What may belong to any risk profile: its load balancer was not seen, or the value that decides could not be read.
#[derive(Default)]
pub(super) struct Unassigned {
    pub(super) load_balancers: usize,
    /// Findings that failed when they were last seen, for more than information.
    pub(super) failing: usize,
    /// Those under an exception.
    pub(super) excepted: usize,
}

impl Composer<'_> {
    /// Counts what has no known risk profile.
    pub(super) fn of_no_known_profile(&self) -> Unassigned {
        let is_unread = |arn: &Arn| {
            self.load_balancers
                .get(arn)
                .is_none_or(|lb| lb.policy.as_ref().is_some_and(|applied| applied.profile.gap().is_some()))
        };
        let report = self.report;
        let lost = report.unseen.iter().flat_map(|unseen| &unseen.load_balancers);
        let arns = report.load_balancers.iter().map(|lb| &lb.arn).chain(lost.map(|lb| &lb.arn));
        let mut unassigned =
            Unassigned { load_balancers: arns.filter(|arn| is_unread(arn)).count(), ..Unassigned::default() };
        for finding in report.findings.iter().filter(|finding| is_unread(&finding.load_balancer)) {
            match &*finding.verdict {
                Verdict::Fail { severity, .. } if *severity > Severity::Informational => unassigned.failing += 1,
                Verdict::Excepted { .. } => unassigned.excepted += 1,
                _ => {}
            }
        }
        let unseen = report.unseen.iter().flat_map(|unseen| &unseen.findings);
        for finding in unseen.filter(|finding| is_unread(&finding.load_balancer)) {
            *if finding.excepted { &mut unassigned.excepted } else { &mut unassigned.failing } += 1;
        }
        unassigned
    }

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
