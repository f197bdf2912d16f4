//! The one attribute that a step changes, and its value.

use std::fmt;

use doorward_model::{Kind, Mode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value of the attribute that a step sets: a desync mitigation mode, or the treatment of invalid header fields. Serialized in one word,
/// for a mode in AWS's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettingValue {
    /// The mode monitor.
    Monitor,
    /// The mode defensive.
    Defensive,
    /// The mode strictest.
    Strictest,
    /// Header fields with invalid names are forwarded.
    KeepInvalidHeaders,
    /// Header fields with invalid names are removed.
    DropInvalidHeaders,
}

impl From<Mode> for SettingValue {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Monitor => Self::Monitor,
            Mode::Defensive => Self::Defensive,
            Mode::Strictest => Self::Strictest,
        }
    }
}

impl PartialEq<Mode> for SettingValue {
    fn eq(&self, mode: &Mode) -> bool {
        *self == Self::from(*mode)
    }
}

impl SettingValue {
    /// The mode; none for the treatment of header fields.
    pub const fn mode(self) -> Option<Mode> {
        match self {
            Self::Monitor => Some(Mode::Monitor),
            Self::Defensive => Some(Mode::Defensive),
            Self::Strictest => Some(Mode::Strictest),
            Self::KeepInvalidHeaders | Self::DropInvalidHeaders => None,
        }
    }

    /// The value of the attribute in AWS's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Defensive => "defensive",
            Self::Strictest => "strictest",
            Self::KeepInvalidHeaders => "false",
            Self::DropInvalidHeaders => "true",
        }
    }

    /// The key of the attribute that a load balancer of a kind holds it in.
    pub const fn attribute(self, kind: Kind) -> &'static str {
        match self.mode() {
            Some(_) => kind.mode_attribute(),
            None => doorward_model::DROP_INVALID,
        }
    }

    /// The rule that judges the attribute.
    pub const fn rule(self) -> &'static str {
        match self.mode() {
            Some(_) => crate::RULE,
            None => crate::HEADERS_RULE,
        }
    }

    /// Another value of the same attribute, as it was read, in words.
    pub(crate) fn found(self, value: &str) -> String {
        match self.mode() {
            Some(_) => format!("it is in {value:?}"),
            None => format!("{} is {value:?}", doorward_model::DROP_INVALID),
        }
    }

    /// The noun for the attribute.
    pub(crate) const fn noun(self) -> &'static str {
        match self.mode() {
            Some(_) => "mode",
            None => "treatment of invalid header fields",
        }
    }
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KeepInvalidHeaders => "keep-invalid-headers",
            Self::DropInvalidHeaders => "drop-invalid-headers",
            Self::Monitor | Self::Defensive | Self::Strictest => self.as_str(),
        })
    }
}
