//! Capabilities: the things Doorward does that need permissions of their own.

use std::fmt;
use std::str::FromStr;

/// Something Doorward does that needs permissions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// `doorward scan`.
    Scan,
    /// `doorward traffic` with the embedded engine.
    Traffic,
    /// `doorward traffic --engine athena`.
    Athena,
    /// `doorward traffic` without access logs.
    Metrics,
    /// `doorward publish`.
    Publish,
    /// `doorward notify` to SNS topics.
    Notify,
    /// `doorward apply`.
    Change,
}

impl Capability {
    /// Every capability, in the order of the help text.
    pub const ALL: [Self; 7] =
        [Self::Scan, Self::Traffic, Self::Athena, Self::Metrics, Self::Publish, Self::Notify, Self::Change];

    /// Its name on the command line and in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Traffic => "traffic",
            Self::Athena => "athena",
            Self::Metrics => "metrics",
            Self::Publish => "publish",
            Self::Notify => "notify",
            Self::Change => "change",
        }
    }

    /// One line for the help text.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Scan => "Read load balancers: `doorward scan`",
            Self::Traffic => "Read access logs and metrics: `doorward traffic`",
            Self::Athena => {
                "Read metrics, and access logs through Athena: `doorward traffic --engine athena`, with the role of `traffic`"
            }
            Self::Metrics => "Read metrics only, with the role of `traffic`",
            Self::Publish => "Send findings to Security Hub: `doorward publish`",
            Self::Notify => "Publish to SNS topics: `doorward notify`; the base identity does this itself",
            Self::Change => "Change modes: `doorward apply`",
        }
    }

    /// Ends the sentence "The role by which Doorward ...", for descriptions in templates.
    pub(crate) const fn purpose(self) -> &'static str {
        match self {
            Self::Scan => "reads load balancers and changes nothing",
            Self::Traffic => "reads access logs and metrics and changes nothing",
            Self::Athena => "reads metrics and counts access logs with Athena, which keeps a table and writes results",
            Self::Metrics => "reads metrics and changes nothing",
            Self::Publish => "sends findings to Security Hub and reads them there",
            Self::Notify => "publishes to SNS topics",
            Self::Change => "changes attributes of application and classic load balancers",
        }
    }

    /// The settings key of the role's name; none where the base identity acts itself.
    pub(crate) const fn role_setting(self) -> Option<&'static str> {
        match self {
            Self::Scan => Some("access.role_name"),
            Self::Traffic | Self::Athena | Self::Metrics => Some("traffic.role_name"),
            Self::Publish => Some("publish.role_name"),
            Self::Change => Some("change.role_name"),
            Self::Notify => None,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Capability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| format!("{text:?} is not a capability"))
    }
}
