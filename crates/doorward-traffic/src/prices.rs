//! What reading logs costs, in US dollars. AWS changes prices, and they differ between Regions; these are settings, not facts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// US dollars for a million LIST requests. It is the same in most Regions, and a window takes few of them.
const MILLION_LISTS: f64 = 5.0;

/// Prices in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// A million GET requests.
    pub million_gets: f64,
    /// A gigabyte (10^9 bytes) that leaves the Region; 0 if Doorward runs in it.
    pub gigabyte_out: f64,
    /// A terabyte (10^12 bytes) that Athena scans.
    pub terabyte_scanned: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { million_gets: 0.40, gigabyte_out: 0.0, terabyte_scanned: 5.0 }
    }
}

impl Prices {
    /// Of LIST and GET requests.
    pub fn requests(&self, lists: u64, gets: u64) -> f64 {
        (lists as f64 * MILLION_LISTS + gets as f64 * self.million_gets) / 1e6
    }

    /// Of bytes that leave their Region.
    pub fn bytes_out(&self, bytes: u64) -> f64 {
        bytes as f64 / 1e9 * self.gigabyte_out
    }

    /// Of bytes that Athena scans.
    pub fn bytes_scanned(&self, bytes: u64) -> f64 {
        bytes as f64 / 1e12 * self.terabyte_scanned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_of_the_units_that_they_name() {
        let prices = Prices { million_gets: 0.4, gigabyte_out: 0.09, terabyte_scanned: 5.0 };
        let near = |dollars: f64, expected: f64| assert!((dollars - expected).abs() < 1e-12, "{dollars} {expected}");
        near(prices.requests(0, 3) + prices.bytes_out(3_000), 3.0 * 0.4e-6 + 3e-6 * 0.09);
        near(prices.requests(1_000, 0), 0.005);
        near(prices.bytes_scanned(2_000_000_000_000), 10.0);
    }
}
