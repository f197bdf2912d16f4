//! The Regions to account for where an account's own list of Regions cannot be read.

use std::collections::BTreeSet;

use doorward_aws::Access;
use doorward_model::{Account, AccountId, Gap, Region, RegionInventory};

use super::regions::{self, RegionState};
use super::scope::Decision;
use super::{DiscoverError, Outcome, RegionSettings, Rest};

/// The Regions of an account whose own list cannot be read: those of the base identity's account, which lists every Region of
/// the partition, or else those in the settings.
pub(super) struct Reference {
    pub(super) regions: Option<Vec<Region>>,
    pub(super) from_settings: bool,
}

impl Reference {
    pub(super) async fn read(access: &Access, settings: &RegionSettings) -> Self {
        if let Ok(listed) = regions::list(access, access.base()).await {
            return Self {
                regions: Some(listed.into_iter().map(|(region, _)| region).collect()),
                from_settings: false,
            };
        }
        let named: BTreeSet<Region> = settings.include.iter().chain(&settings.fallback).cloned().collect();
        Self { regions: (!named.is_empty()).then(|| named.into_iter().collect()), from_settings: true }
    }

    pub(super) fn check(&self, access: &Access, settings: &RegionSettings) -> Result<(), DiscoverError> {
        let Some(known) = self.regions.as_deref().filter(|_| !self.from_settings) else { return Ok(()) };
        match settings.include.iter().find(|region| !known.contains(region)) {
            Some(region) => Err(DiscoverError::UnknownRegion {
                region: region.clone(),
                known: known.to_vec(),
                partition: access.partition().to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Every Region that a source names: the reference list if it is from AWS, the settings, an account's own list, and the
    /// enabled Regions of an earlier scan. Regions that are only tried are not included.
    pub(super) fn all<'a>(
        &self,
        settings: &RegionSettings,
        outcomes: &[Outcome],
        remembered: impl Iterator<Item = &'a Region>,
    ) -> BTreeSet<Region> {
        let listed = outcomes.iter().filter(|outcome| matches!(outcome.rest, Rest::Lacks)).flat_map(Outcome::regions);
        let reference = self.regions.iter().flatten().filter(|_| !self.from_settings);
        reference.cloned().chain(settings.include.iter().cloned()).chain(remembered.cloned()).chain(listed).collect()
    }

    /// Whether there may be more Regions than in the list: it is the fallback of the settings, and they include no Regions.
    pub(super) fn is_open(&self, settings: &RegionSettings) -> bool {
        self.from_settings && settings.include.is_empty()
    }

    pub(super) fn skip(&self, settings: &RegionSettings, account: Account, why: &Gap) -> Outcome {
        self.spread(settings, account, Rest::Skip(why.clone()), |id, region| {
            RegionInventory::skipped(id, region, why.clone())
        })
    }

    pub(super) fn fail(&self, settings: &RegionSettings, account: Account, why: &Gap) -> Outcome {
        self.spread(settings, account, Rest::Fail(why.clone()), |id, region| {
            RegionInventory::failed(id, region, why.clone())
        })
    }

    fn spread(
        &self,
        settings: &RegionSettings,
        account: Account,
        rest: Rest,
        cell: impl Fn(AccountId, Option<Region>) -> RegionInventory,
    ) -> Outcome {
        let id = account.id.clone();
        let known = self.regions.iter().flatten().map(|region| match settings.decide(region, RegionState::Enabled) {
            Decision::Out(why) => RegionInventory::skipped(id.clone(), Some(region.clone()), why),
            _ => cell(id.clone(), Some(region.clone())),
        });
        // The fallback of the settings may lack Regions, so one entry without a Region represents them.
        let unnamed = self.is_open(settings).then(|| cell(id.clone(), None));
        let settled = known.chain(unnamed).collect();
        let rest = if self.is_open(settings) { Rest::Unnamed } else { rest };
        Outcome { account, targets: Vec::new(), settled, rest }
    }
}
