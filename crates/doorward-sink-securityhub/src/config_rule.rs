//! In which Regions AWS Config offers the rule on which control ELB.12 stands, as far as it is known: a dated list, because AWS has no
//! API for it.

use std::sync::LazyLock;

use doorward_model::Region;
use serde::Deserialize;

/// Whether AWS Config offers the rule in a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigRuleOffer {
    /// It does, as of the list's date.
    Offered,
    /// It does not, as of the list's date.
    NotOffered,
    /// AWS's documentation differs between its editions, or the Region is not in the list.
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Regions {
    as_of: String,
    not_offered: Vec<String>,
    disputed: Vec<String>,
    offered: Vec<String>,
}

static REGIONS: LazyLock<Regions> =
    LazyLock::new(|| toml::from_str(include_str!("config_rule.toml")).unwrap_or_default());

/// Whether AWS Config offers `ALB_DESYNC_MODE_CHECK` in a Region.
pub fn config_rule_offer(region: &Region) -> ConfigRuleOffer {
    let is_in = |list: &[String]| list.iter().any(|one| one == region.as_str());
    match (is_in(&REGIONS.offered), is_in(&REGIONS.not_offered)) {
        (true, false) => ConfigRuleOffer::Offered,
        (false, true) => ConfigRuleOffer::NotOffered,
        _ => ConfigRuleOffer::Unknown,
    }
}

/// The Regions in which the rule is not offered, ordered by name.
pub fn regions_without_config_rule() -> &'static [String] {
    &REGIONS.not_offered
}

/// The Regions of which AWS's documentation says different things, ordered by name.
pub fn regions_with_disputed_config_rule() -> &'static [String] {
    &REGIONS.disputed
}

/// The day of the list, as `2026-11-30`.
pub fn config_rule_list_date() -> &'static str {
    &REGIONS.as_of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_dated_and_has_each_region_once() {
        assert_eq!(config_rule_list_date(), "2026-11-30");
        let Regions { not_offered, disputed, offered, .. } = &*REGIONS;
        let mut all: Vec<&String> = not_offered.iter().chain(disputed).chain(offered).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert!(count == all.len() && count > 35, "{all:?}");
        for (name, offer) in [
            ("eu-west-1", ConfigRuleOffer::Offered),
            ("mx-central-1", ConfigRuleOffer::NotOffered),
            ("ca-west-1", ConfigRuleOffer::Unknown),
            ("eu-east-9", ConfigRuleOffer::Unknown),
        ] {
            assert_eq!(config_rule_offer(&Region::new(name).expect("a Region")), offer, "{name}");
        }
    }
}
