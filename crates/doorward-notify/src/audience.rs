//! The audience of a digest.

use schemars::JsonSchema;
use serde::Serialize;

/// A line of the settings. There are never more digests than lines, whatever tags say: owners without a line of their own
/// share one digest, and so do load balancers without a named owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
pub enum Audience {
    /// An owner with a line in `notify.owners`, spelled as it is there.
    Owner(String),
    /// All owners without one: `notify.fallback`.
    Unlisted,
    /// Load balancers without a named owner, or whose owner could not be read: `notify.unowned`.
    Unowned,
    /// Load balancers of a risk profile that names channels, of every owner: `notify` of the profile.
    Profile(String),
    /// Leadership: the posture of the whole organization.
    Organization,
    /// FinOps: waste and risk in money.
    Finops,
}

impl Audience {
    /// The stable key under which it is remembered.
    pub fn key(&self) -> String {
        match self {
            Self::Owner(name) => format!("owner:{name}"),
            Self::Unlisted => "unlisted".to_owned(),
            Self::Unowned => "unowned".to_owned(),
            Self::Profile(name) => format!("profile:{name}"),
            Self::Organization => "organization".to_owned(),
            Self::Finops => "finops".to_owned(),
        }
    }

    /// The audience as people should read it.
    pub fn label(&self) -> &str {
        match self {
            Self::Owner(name) | Self::Profile(name) => name,
            Self::Unlisted => "owners without their own channel",
            Self::Unowned => "load balancers without a known owner",
            Self::Organization => "leadership",
            Self::Finops => "FinOps",
        }
    }

    /// Whether its lines have to say whose they are.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self, Self::Owner(_))
    }
}
