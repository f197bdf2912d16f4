//! Settings of sessions: the role in each account, the session name, the duration.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{AccountId, Grant, Region};

use crate::settings::Span;

/// How sessions are opened (`access`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessSettings {
    /// The role to assume in every account; a path is allowed, and `{account}` stands for the account's id.
    pub role_name: RoleName,
    /// The external id that the role's trust policy asks for.
    #[serde(default, skip_serializing)]
    pub external_id: Option<ExternalId>,
    /// The session name, as CloudTrail will show it.
    pub session_name: String,
    /// The source identity; the trust policy must allow `sts:SetSourceIdentity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// How long a session lasts; capped at one hour when the base identity is itself a role session.
    pub session_duration: Span,
    /// The Region whose STS endpoint issues the sessions; by default the one of the environment or profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_region: Option<Region>,
    /// The profile of the shared AWS configuration to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the role is assumed in the base identity's own account too, instead of using the base identity there.
    pub assume_in_own_account: bool,
    /// Accounts that use another role; the first match decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<RoleOverride>,
    /// The origins of these settings, for messages.
    #[serde(skip)]
    pub origins: SettingOrigins,
}

impl AccessSettings {
    /// The key and the problem of a value that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let name = &self.session_name;
        let is_in_sts = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        let problem = || format!("{name:?} is not 2 to 64 letters, digits or _+=,.@-");
        (!(2..=64).contains(&name.len()) || !is_in_sts).then(|| ("access.session_name", problem()))
    }
}

/// The origins of settings by dotted key: a flag, a variable, or a file and line. Two origins of the same value are
/// equal.
#[derive(Debug, Clone, Default)]
pub struct SettingOrigins(BTreeMap<String, String>);

impl SettingOrigins {
    /// From pairs of a key and what sets it.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub(crate) fn of(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }
}

impl PartialEq for SettingOrigins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SettingOrigins {}

/// A role for some accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleOverride {
    /// Accounts it applies to.
    #[serde(default)]
    pub accounts: Vec<AccountId>,
    /// Organizational units it applies to, by path of names or id, with everything below them.
    #[serde(default)]
    pub ous: Vec<String>,
    /// The role to assume there.
    pub role_name: RoleName,
    /// The external id to send there.
    #[serde(default, skip_serializing)]
    pub external_id: Option<ExternalId>,
}

/// The role that is assumed in an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssumedRole {
    /// The ARN of the role that is assumed.
    pub role_arn: String,
    /// Whether an external id is sent.
    pub with_external_id: bool,
}

/// The purpose of sessions other than the scan's: publishing, traffic, changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// The role to assume in every account.
    pub role_name: RoleName,
    /// The external id to send; by default the scan's.
    pub external_id: Option<ExternalId>,
    /// The session policy, which limits the session whatever the role allows. STS takes 2,048 characters.
    pub grants: Vec<Grant>,
}

/// The external id of a role's trust policy, which a caller must know to assume the role. It is neither printed nor serialized: a
/// struct that holds one omits it (`skip_serializing`), or does not compile.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct ExternalId(String);

impl ExternalId {
    /// The text, for STS and for the trust policies that admit it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ExternalId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let good = (2..=1224).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-:/".contains(&b));
        // The error does not contain the text.
        good.then_some(()).ok_or_else(|| {
            format!("an external id of {} characters is not 2 to 1224 letters, digits or _+=,.@:/-", text.len())
        })?;
        Ok(Self(text))
    }
}

impl std::fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExternalId(not shown)")
    }
}

/// The name of an IAM role, with its path if it has one, and `{account}` where the account's id belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RoleName(String);

impl TryFrom<String> for RoleName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let plain = text.replace("{account}", "000000000000");
        let good = !plain.is_empty()
            && plain.len() <= 576
            && !plain.starts_with('/')
            && !plain.ends_with('/')
            && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&b));
        if good {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is not an IAM role name (letters, digits, _+=,.@- and / between path parts; not an ARN)"
            ))
        }
    }
}

impl From<RoleName> for String {
    fn from(name: RoleName) -> Self {
        name.0
    }
}

impl RoleName {
    pub(super) fn arn(&self, partition: &str, account: &AccountId) -> String {
        format!("arn:{partition}:iam::{account}:role/{}", self.0.replace("{account}", account.as_str()))
    }
}
