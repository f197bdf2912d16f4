//! How severe a failure is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The severity of a failure, in Security Hub's five steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// An improvement is possible; nothing is wrong.
    Informational,
    /// Fix when convenient.
    Low,
    /// Fix.
    Medium,
    /// Fix soon.
    High,
    /// Fix now.
    Critical,
}

impl Severity {
    /// Every severity, highest first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Informational];

    /// The severities of a failure that counts as open, highest first: all but informational.
    pub const OPEN: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// The severity's name, lower case: `high`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity's name as Security Hub's label: `HIGH`.
    pub fn label(self) -> String {
        self.as_str().to_ascii_uppercase()
    }

    /// The severity this many steps up, or down where negative; it ends at the highest and the lowest.
    #[must_use]
    pub fn raised(self, steps: i8) -> Self {
        let position = Self::ALL.iter().position(|severity| *severity == self).unwrap_or(0);
        let wanted = position.saturating_add_signed(-isize::from(steps));
        Self::ALL.get(wanted).copied().unwrap_or(Self::Informational)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_in_order_and_raising_stops_at_both_ends() {
        assert!(Severity::ALL.iter().rev().is_sorted());
        assert_eq!(Severity::ALL.split_last(), Some((&Severity::Informational, &Severity::OPEN[..])));
        assert_eq!(Severity::Medium.raised(1), Severity::High);
        assert_eq!(Severity::Medium.raised(-1), Severity::Low);
        assert_eq!(Severity::Critical.raised(1), Severity::Critical);
        assert_eq!(Severity::Informational.raised(-2), Severity::Informational);
    }
}
