//! What a role is for: the things Doorward does that need permissions of their own.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A part of Doorward that needs permissions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum RolePurpose {
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
    /// A ledger in S3.
    Ledger,
    /// `doorward apply`.
    Change,
}

impl RolePurpose {
    /// Every purpose, in the order of the help text.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its name on the command line and in file names.
    pub fn name(self) -> &'static str {
        self.into()
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
            Self::Ledger => "Read and write a ledger in S3 (`ledger.path`); the base identity does this itself",
            Self::Change => "Change modes: `doorward apply`",
        }
    }

    /// Ends the sentence "The role by which Doorward ...", for descriptions in templates.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Scan => "reads load balancers and changes nothing",
            Self::Traffic => "reads access logs and metrics and changes nothing",
            Self::Athena => "reads metrics and counts access logs with Athena, which keeps a table and writes results",
            Self::Metrics => "reads metrics and changes nothing",
            Self::Publish => "sends findings to Security Hub and reads them there",
            Self::Notify => "publishes to SNS topics",
            Self::Ledger => "reads and writes the ledger in S3",
            Self::Change => "changes attributes of application and classic load balancers",
        }
    }

    /// The settings key of the role's name; none if the base identity does this itself.
    pub(crate) const fn role_setting(self) -> Option<&'static str> {
        match self {
            Self::Scan => Some("access.role_name"),
            Self::Traffic | Self::Athena | Self::Metrics => Some("traffic.role_name"),
            Self::Publish => Some("publish.role_name"),
            Self::Change => Some("change.role_name"),
            Self::Notify | Self::Ledger => None,
        }
    }
}
