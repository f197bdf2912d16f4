//! The grouping of figures.

use std::str::FromStr;

use crate::record::{fixed_dimension, tag_dimension};

/// The grouping of figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FigureGroup {
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
    /// By cost centre: [`FigureGroup::resolved`] puts the tags of the settings in its place.
    CostCentre,
    /// By the value of a load balancer tag, one of those that were given to [`Ledger::record`]. Keys separated by `|` are alternatives.
    Tag(String),
}

impl FigureGroup {
    /// The dimension, as the file names it.
    pub(crate) fn dimension(&self) -> String {
        match self {
            Self::All | Self::Severity | Self::Rule | Self::CostCentre => String::new(),
            Self::Owner => fixed_dimension(true).to_owned(),
            Self::Ou => fixed_dimension(false).to_owned(),
            Self::Tag(key) => tag_dimension(key),
        }
    }

    /// The same with the tags that name a cost centre, as scans were counted by them.
    ///
    /// # Errors
    /// A sentence where it is by cost centre and no tag names one.
    pub fn resolved(self, cost_centre: Option<String>) -> Result<Self, String> {
        match self {
            Self::CostCentre => cost_centre
                .map(Self::Tag)
                .ok_or_else(|| "--by cost-centre: owners.cost_centre_tags names no tag".to_owned()),
            other => Ok(other),
        }
    }
}

impl FromStr for FigureGroup {
    type Err = String;

    /// Reads `owner`, `ou`, `cost-centre`, `severity`, `rule` or `tag:KEY`. The error is a sentence.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "ou" => Ok(Self::Ou),
            "severity" => Ok(Self::Severity),
            "rule" => Ok(Self::Rule),
            "cost-centre" => Ok(Self::CostCentre),
            other => match other.strip_prefix("tag:").filter(|key| !key.is_empty()) {
                Some(key) => Ok(Self::Tag(key.to_owned())),
                None => Err(format!("{other}: write owner, ou, cost-centre, severity, rule or tag:KEY")),
            },
        }
    }
}
