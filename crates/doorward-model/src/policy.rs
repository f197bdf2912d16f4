//! The policy: the required mode of each load balancer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, DeadlineDays, Kind, Mode, RiskProfile, Scheme};

/// A glob over text: `*` is any run of characters, `?` any single one.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Pattern {
    text: String,
    matcher: wildmatch::WildMatch,
}

impl Pattern {
    /// Whether the text matches. Case and surrounding white space are ignored, because people type tags.
    pub fn matches(&self, text: &str) -> bool {
        self.matcher.matches(&text.trim().to_lowercase())
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        let matcher = wildmatch::WildMatch::new(&text.trim().to_lowercase());
        Self { text, matcher }
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// The policy: the first rule that matches a load balancer sets its required mode; otherwise the default applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The mode that is required if no rule matches.
    pub required_mode: Mode,
    /// Ordered rules; the first match applies.
    #[serde(default)]
    pub rules: Vec<PolicyRule>,
    /// Ids of rules that are turned off.
    #[serde(default)]
    pub disabled: Vec<String>,
    /// Rules that apply after `rules`, before the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<PolicyPreset>,
    /// Ordered risk profiles; the first match applies. Their modes apply after `rules`, before the preset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<RiskProfile>,
    /// How long failures may be open.
    #[serde(default)]
    pub deadlines: DeadlineDays,
}

impl Default for Policy {
    /// The mode that AWS's own control requires, of every load balancer.
    fn default() -> Self {
        Self {
            required_mode: Mode::Defensive,
            rules: Vec::new(),
            disabled: Vec::new(),
            preset: None,
            profiles: Vec::new(),
            deadlines: DeadlineDays::default(),
        }
    }
}

/// A ready-made set of policy rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyPreset {
    /// Strictest for everything that the internet reaches, together with the removal of invalid header fields, as the research of 2025 and
    /// 2026 recommends: the rule `invalid-headers-forwarded` is not milder in strictest.
    #[serde(rename = "research-2026")]
    Research2026,
}

impl PolicyPreset {
    fn rules(self) -> &'static [PolicyRule] {
        static RESEARCH_2026: LazyLock<[PolicyRule; 1]> = LazyLock::new(|| {
            [PolicyRule {
                name: "research-2026: reachable from the internet".to_owned(),
                required_mode: Mode::Strictest,
                accounts: Vec::new(),
                ous: Vec::new(),
                kinds: Vec::new(),
                scheme: None,
                reachable: Some(true),
                names: Vec::new(),
                tags: BTreeMap::new(),
                environments: Vec::new(),
                applications: Vec::new(),
            }]
        });
        match self {
            Self::Research2026 => &*RESEARCH_2026,
        }
    }
}

impl Policy {
    /// Whether a preset requires that invalid header fields are removed where the internet reaches a load balancer.
    pub fn requires_dropped_headers(&self) -> bool {
        matches!(self.preset, Some(PolicyPreset::Research2026))
    }

    /// The rules of the preset.
    pub fn preset_rules(&self) -> &[PolicyRule] {
        self.preset.map_or(&[], PolicyPreset::rules)
    }
}

/// One rule of the policy. All given criteria must match; a criterion matches if any of its entries matches. A rule without
/// criteria matches every load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// The name of the rule in reports.
    pub name: String,
    /// The mode it requires.
    pub required_mode: Mode,
    /// Account ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountId>,
    /// Organizational units (OUs), by path of names (`/Workloads/Prod`) or by id; OUs below them are included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ous: Vec<String>,
    /// Kinds of load balancers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// The scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Whether the internet reaches it: by its own addresses, or through an internet-facing network load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// Globs over the load balancer's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Pattern>,
    /// Tags that must all match: the key exactly as written, the value as a glob without regard to case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Pattern>,
    /// Globs over the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<Pattern>,
    /// Globs over the application type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Pattern>,
}
