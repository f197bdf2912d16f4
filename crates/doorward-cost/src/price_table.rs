//! List prices by Region and kind of load balancer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use doorward_model::{CostBasis, Decimal, Kind, LoadBalancer, LoadBalancerCost, Mode, Money, Region, data_problem};
use jiff::civil::Date;
use serde::Deserialize;

use crate::error::CostError;

/// The table that is used where the settings name no price file.
const BUILT_IN: &str = include_str!("prices.toml");

/// Hours of a month, as AWS's calculator counts them.
const MONTH: u64 = 730;

/// New connections of an hour that one capacity unit of an application load balancer includes: 25 in a second.
const CONNECTIONS_OF_UNIT: u64 = 25 * 3_600;

/// Prices of one kind of load balancer in a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindPrice {
    /// One load balancer for an hour; a gateway load balancer for an hour and Availability Zone.
    pub hour: Decimal,
    /// One load balancer capacity unit (LCU) for an hour.
    pub capacity_unit_hour: Option<Decimal>,
}

/// List prices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// The day on which the prices were read.
    pub as_of: Date,
    /// The currency of all of them, as ISO 4217 names it.
    pub currency: String,
    /// Where they were read.
    pub source: String,
    /// By Region and kind.
    pub regions: BTreeMap<Region, BTreeMap<Kind, KindPrice>>,
}

impl PriceTable {
    /// The built-in table.
    ///
    /// # Errors
    /// When the built-in table is invalid, which would be a fault of this crate.
    pub fn built_in() -> Result<Self, CostError> {
        Self::parse(BUILT_IN, Path::new("the built-in price table"))
    }

    /// Reads a price file.
    ///
    /// # Errors
    /// When it cannot be read or is not a price table; with the line.
    pub fn read(path: &Path) -> Result<Self, CostError> {
        let text = doorward_file::input::text(path);
        let unread = |source| CostError::Unread { path: path.to_owned(), what: "price file", source };
        Self::parse(&text.map_err(unread)?, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, CostError> {
        let invalid = |problem: String| CostError::Invalid { path: path.to_owned(), problem };
        let table: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| {
                text.get(..span.start).map_or(0, |before| before.bytes().filter(|byte| *byte == b'\n').count()) + 1
            });
            invalid(format!(
                "line {line}: {}; `doorward guide costs` shows the form of a price file",
                data_problem(error.message())
            ))
        })?;
        let is_currency = table.currency.len() == 3 && table.currency.bytes().all(|letter| letter.is_ascii_uppercase());
        if !is_currency {
            return Err(invalid(format!("currency: {:?} is not a currency of ISO 4217; write USD", table.currency)));
        }
        for (region, kinds) in &table.regions {
            let negative = kinds.iter().find(|(_, price)| {
                price.hour.is_negative() || price.capacity_unit_hour.is_some_and(Decimal::is_negative)
            });
            if let Some((kind, _)) = negative {
                return Err(invalid(format!(
                    "regions.{region}.{kind}: a price is less than 0; write it without a sign"
                )));
            }
        }
        Ok(table)
    }

    /// The list price of a load balancer for a month; none where the table does not have its Region and kind, or where the number of
    /// Availability Zones decides and is not known.
    pub fn cost(&self, lb: &LoadBalancer) -> Option<Arc<LoadBalancerCost>> {
        let price = self.regions.get(&lb.region)?.get(&lb.kind)?;
        let zones = match lb.kind {
            Kind::Gateway => u64::try_from(lb.zones.len()).ok().filter(|zones| *zones > 0)?,
            _ => 1,
        };
        let amount = price.hour.times(MONTH * zones, 1)?;
        // Of what has no flow and no byte, no capacity is used. Connections of scanners use some of an application load balancer.
        let uses_nothing = lb.usage.as_deref().is_some_and(|usage| usage.is_complete() && usage.count == 0);
        Some(Arc::new(LoadBalancerCost {
            amounts: vec![self.money(amount)],
            basis: CostBasis::ListPrice,
            source: format!("list price of {} of {}", lb.region, self.as_of),
            from: None,
            until: None,
            at_least: lb.kind == Kind::Application || !uses_nothing,
            closed_connections: price.capacity_unit_hour.and_then(|unit| self.closed_connections(lb, unit)),
        }))
    }

    /// The most that the connections cost in a month which defensive closes and clients open again: each is one more new connection. None
    /// where the traffic is not known.
    fn closed_connections(&self, lb: &LoadBalancer, unit: Decimal) -> Option<Money> {
        let traffic = lb.traffic.as_deref().filter(|_| lb.kind == Kind::Application)?;
        let observed = traffic.observed.as_ref()?;
        let closed = traffic.effect(Mode::Defensive)?.closed;
        let hours = u64::from(observed.hours_with_traffic + observed.hours_quiet);
        let in_month = unit.times(closed, CONNECTIONS_OF_UNIT)?.times(MONTH, hours)?;
        Some(self.money(in_month))
    }

    fn money(&self, amount: Decimal) -> Money {
        Money { currency: self.currency.clone(), amount }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_valid_and_dated() {
        let table = PriceTable::built_in().expect("valid");
        assert_eq!((table.as_of.to_string().as_str(), table.currency.as_str()), ("2026-09-20", "USD"));
        let region = Region::new("us-east-1").expect("valid");
        let price = table.regions[&region][&Kind::Application];
        assert_eq!(price.hour.times(MONTH, 1).expect("small").to_string(), "16.425");
    }

    #[test]
    fn a_wrong_price_file_is_named_with_its_line() {
        let head = "as_of = \"2026-09-20\"\ncurrency = \"USD\"\nsource = \"x\"\n";
        for (text, expected) in [
            (format!("{head}[regions.us-east-1]\napplication = {{ hour = 0.02 }}\n"), "line 5: "),
            (format!("{head}[regions.us-east-1]\napplication = {{ hour = \"2 cents\" }}\n"), "line 5: "),
            (format!("{head}[regions.us-east-1]\napplication = {{ hour = \"-1\" }}\n"), "less than 0"),
            (format!("{head}[regions.us-east-1]\nalb = {{ hour = \"1\" }}\n"), "line 5: "),
            (format!("{}[regions]\n", head.replace("USD", "$")), "currency: \"$\""),
            (head.replace("2026-09-20", "yesterday"), "line 1: "),
            (String::new(), "as_of"),
        ] {
            let error = PriceTable::parse(&text, Path::new("prices.toml")).expect_err("wrong").to_string();
            assert!(error.starts_with("prices.toml: ") && error.contains(expected), "{error}");
        }
    }
}
