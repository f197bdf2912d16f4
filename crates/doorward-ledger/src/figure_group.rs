//! The grouping of figures.

use std::str::FromStr;

use crate::record::{fixed_dimension, tag_dimension};

/// The grouping of figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum By {
    /// Not at all: one figure for everything.
    #[default]
    All,
    /// By owner; `unowned` is one of them.
    Owner,
    /// By organizational unit, as a path of names. Units do not include what is below them.
    Ou,
    /// By the severity of a finding, as last observed. Only key figures are grouped by it: a scan has no counts of load balancers by
    /// severity.
    Severity,
    /// By the rule of a finding. Only key figures are grouped by it.
    Rule,
    /// By the value of a load balancer tag, one of those that were given to [`Ledger::record`]. Keys separated by `|` are alternatives.
    Tag(String),
}

impl By {
    /// The dimension, as the file names it.
    pub(crate) fn dimension(&self) -> String {
        match self {
            Self::All | Self::Severity | Self::Rule => String::new(),
            Self::Owner => fixed_dimension(true).to_owned(),
            Self::Ou => fixed_dimension(false).to_owned(),
            Self::Tag(key) => tag_dimension(key),
        }
    }
}

impl FromStr for By {
    type Err = String;

    /// Reads `owner`, `ou`, `severity`, `rule` or `tag:KEY`. The error is a sentence.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "ou" => Ok(Self::Ou),
            "severity" => Ok(Self::Severity),
            "rule" => Ok(Self::Rule),
            other => match other.strip_prefix("tag:").filter(|key| !key.is_empty()) {
                Some(key) => Ok(Self::Tag(key.to_owned())),
                None => Err(format!("{other}: write owner, ou, cost-centre, severity, rule or tag:KEY")),
            },
        }
    }
}
