//! Groups findings by owner: every finding is in exactly one group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doorward_model::{
    Arn, COST_CENTRE_NOT_SEEN, CostCentres, Finding, Gap, GapReason, LoadBalancer, Observed, OwnerNames, ScanReport,
    UnseenFinding, UnseenLoadBalancer, owner_key,
};

use crate::escape;
use crate::owner_figures::OwnerFigures;

/// The owner of a finding. The order is that of the pages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PartitionKey {
    /// A named owner.
    Named(String),
    /// No owner is named.
    Unowned,
    /// The owner could not be read.
    Unread,
    /// Owners were not read: no rule needs them.
    NotAsked,
}

impl PartitionKey {
    fn of(lb: &LoadBalancer, names: &OwnerNames) -> Self {
        match &lb.owner {
            Observed::Known(owner) => Self::Named(names.shown(&owner.name).to_owned()),
            Observed::Absent => Self::Unowned,
            Observed::Unread(gap) if gap.reason == GapReason::NotAsked => Self::NotAsked,
            Observed::Unread(_) => Self::Unread,
        }
    }

    /// Whose something was when it was last seen, by the label that the ledger keeps.
    fn last(label: &str, names: &OwnerNames) -> Self {
        match label {
            "unowned" => Self::Unowned,
            "(owner unread)" => Self::Unread,
            "(not asked)" => Self::NotAsked,
            name => Self::Named(names.shown(name).to_owned()),
        }
    }

    /// The stable word for the kind of owner, as in the CSV.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Named(_) => "named",
            Self::Unowned => "unowned",
            Self::Unread => "unread",
            Self::NotAsked => "not-asked",
        }
    }

    /// The owner as people should read it.
    pub(crate) fn label(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Unowned => "unowned",
            Self::Unread => "(owner unread)",
            Self::NotAsked => "(owner not asked)",
        }
    }

    /// The file name without its ending: a readable slug and a hash that distinguishes owners. A named owner's always
    /// ends in a hash, so that no owner can take the name of another page.
    fn file(&self, hash_length: usize) -> String {
        match self {
            Self::Named(name) => {
                // The file stays when the spelling of the name changes.
                let name = owner_key(name);
                let hash = doorward_model::sha256_hex(name.as_bytes());
                format!("{}-{}", escape::slug(&name), hash.get(..hash_length).unwrap_or(&hash))
            }
            Self::Unowned => "unowned".to_owned(),
            Self::Unread => "owner-unread".to_owned(),
            Self::NotAsked => "owner-not-asked".to_owned(),
        }
    }
}

/// One load balancer with its findings, which are in the report's order.
pub(crate) struct OwnedLoadBalancer<'a> {
    pub(crate) lb: &'a LoadBalancer,
    pub(crate) findings: Vec<&'a Finding>,
}

/// The load balancers and findings of one owner.
pub(crate) struct OwnerGroup<'a> {
    pub(crate) key: PartitionKey,
    /// The name of its page, without the ending.
    pub(crate) file: String,
    /// In the report's order.
    pub(crate) load_balancers: Vec<OwnedLoadBalancer<'a>>,
    /// Findings whose load balancer the report does not hold: no scan makes these, but none is dropped.
    pub(crate) stray: Vec<&'a Finding>,
    /// Why owners could not be read, each gap once.
    pub(crate) gaps: Vec<&'a Arc<Gap>>,
    /// Load balancers that earlier scans saw and this one did not.
    pub(crate) lost: Vec<&'a UnseenLoadBalancer>,
    /// Findings that failed when they were last seen, and that this scan did not see.
    pub(crate) unseen: Vec<&'a UnseenFinding>,
}

impl OwnerGroup<'_> {
    pub(crate) fn label(&self) -> &str {
        self.key.label()
    }

    /// Why owners could not be read, each cause with its remedy once: gaps that differ only in their request ids have one cause.
    pub(crate) fn causes(&self) -> Vec<(String, &'static str)> {
        let mut causes = Vec::new();
        for gap in &self.gaps {
            let cause = (gap.to_string(), gap.remedy());
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        causes
    }

    /// Counts what was not seen.
    pub(crate) fn miss(&self, figures: &mut OwnerFigures) {
        self.lost.iter().for_each(|_| figures.miss_load_balancer());
        self.unseen.iter().for_each(|finding| figures.miss(finding));
    }

    /// Names the cost centre of everything, and counts it by `add` in the figures that the caller chooses. A finding that was not seen
    /// belongs to the cost centre of its load balancer, where that was seen; of the rest none is known.
    pub(crate) fn by_cost_centre(
        &self,
        centres: &CostCentres<'_>,
        mut add: impl FnMut(&str, &dyn Fn(&mut OwnerFigures)),
    ) {
        let mut seen: BTreeMap<&Arn, String> = BTreeMap::new();
        for held in &self.load_balancers {
            let centre = centres.of(held.lb);
            add(&centre, &|figures| figures.add(held));
            seen.insert(&held.lb.arn, centre);
        }
        let of = |arn: &Arn| seen.get(arn).map_or(COST_CENTRE_NOT_SEEN, String::as_str);
        for finding in &self.stray {
            add(of(&finding.load_balancer), &|figures| figures.count(&finding.verdict));
        }
        for finding in &self.unseen {
            add(of(&finding.load_balancer), &|figures| figures.miss(finding));
        }
        for lb in &self.lost {
            add(of(&lb.arn), &OwnerFigures::miss_load_balancer);
        }
    }
}

/// Splits the report among its owners, ordered by name; groups without a named owner come last.
pub(crate) fn split(report: &ScanReport) -> Vec<OwnerGroup<'_>> {
    let names = OwnerNames::of(&report.load_balancers);
    let mut by_arn: BTreeMap<&Arn, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_arn.entry(&finding.load_balancer).or_default().push(finding);
    }
    let mut shares: BTreeMap<PartitionKey, OwnerGroup<'_>> = BTreeMap::new();
    for lb in &report.load_balancers {
        let share = share(&mut shares, PartitionKey::of(lb, &names));
        if let Some(gap) = lb.owner.gap().filter(|gap| !share.gaps.contains(gap)) {
            share.gaps.push(gap);
        }
        let findings = by_arn.remove(&lb.arn).unwrap_or_default();
        share.load_balancers.push(OwnedLoadBalancer { lb, findings });
    }
    let keys: BTreeMap<&Arn, PartitionKey> =
        report.load_balancers.iter().map(|lb| (&lb.arn, PartitionKey::of(lb, &names))).collect();
    for lb in report.unseen.iter().flat_map(|unseen| &unseen.load_balancers) {
        share(&mut shares, PartitionKey::last(&lb.owner, &names)).lost.push(lb);
    }
    for finding in report.unseen.iter().flat_map(|unseen| &unseen.findings) {
        let key =
            keys.get(&finding.load_balancer).cloned().unwrap_or_else(|| PartitionKey::last(&finding.owner, &names));
        share(&mut shares, key).unseen.push(finding);
    }
    for finding in by_arn.into_values().flatten() {
        share(&mut shares, PartitionKey::Named(names.shown(&finding.owner).to_owned())).stray.push(finding);
    }
    let mut shares: Vec<OwnerGroup<'_>> = shares.into_values().collect();
    name_files(&mut shares);
    shares
}

fn share<'s, 'a>(shares: &'s mut BTreeMap<PartitionKey, OwnerGroup<'a>>, key: PartitionKey) -> &'s mut OwnerGroup<'a> {
    shares.entry(key).or_insert_with_key(|key| OwnerGroup {
        key: key.clone(),
        file: String::new(),
        load_balancers: Vec::new(),
        stray: Vec::new(),
        gaps: Vec::new(),
        lost: Vec::new(),
        unseen: Vec::new(),
    })
}

/// Names the pages. A short hash suffices unless two owners share one: then both have the full hash.
fn name_files(shares: &mut [OwnerGroup<'_>]) {
    const SHORT: usize = 8;
    let mut taken = BTreeSet::new();
    let mut shared = BTreeSet::new();
    for share in shares.iter() {
        let file = share.key.file(SHORT);
        if !taken.insert(file.clone()) {
            shared.insert(file);
        }
    }
    for share in shares {
        let short = share.key.file(SHORT);
        share.file = if shared.contains(&short) { share.key.file(64) } else { short };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        let share = |name: &&str| OwnerGroup {
            key: PartitionKey::Named((*name).to_owned()),
            file: String::new(),
            load_balancers: Vec::new(),
            stray: Vec::new(),
            gaps: Vec::new(),
            lost: Vec::new(),
            unseen: Vec::new(),
        };
        let mut shares: Vec<_> = names.iter().map(share).collect();
        name_files(&mut shares);
        shares.into_iter().map(|share| share.file).collect()
    }

    #[test]
    fn owners_that_share_a_short_hash_have_a_page_each() {
        // Found by trying: both begin with b855d730.
        let files = named(&["team \u{4e9f}\u{308c}", "team \u{5605}\u{308e}", "payments"]);
        assert_ne!(files[0], files[1]);
        assert!(files[0].starts_with("team-b855d730") && files[1].starts_with("team-b855d730"), "{files:?}");
        assert_eq!(files[0].len(), "team-".len() + 64, "spelled out");
        assert_eq!(files[2].len(), "payments-".len() + 8, "and no other owner's is");
    }

    #[test]
    fn no_owner_takes_the_name_of_another_page() {
        for name in ["unowned", "owner-unread", "index", "../index", "owner not asked"] {
            let file = &named(&[name])[0];
            assert!(!["unowned", "owner-unread", "owner-not-asked", "index"].contains(&file.as_str()), "{file}");
        }
    }
}
