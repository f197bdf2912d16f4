//! The part of the AWS Security Finding Format that Doorward writes, as plain data: what is remembered, hashed, measured
//! and written to files is this, and the SDK's types are made from it only to be sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The ProductFields that are dates or name the scan: they say nothing new.
pub(crate) const SCAN_ID: &str = "doorward/scan-id";
pub(crate) const FIRST_SEEN: &str = "doorward/first-seen";
pub(crate) const LAST_SEEN: &str = "doorward/last-seen";

/// One finding. Times are RFC 3339 in UTC with milliseconds. What is missing in one that was received is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Asff {
    /// Always `2018-10-08`.
    pub schema_version: String,
    /// At most 512 UTF-16 units; see `render`.
    pub id: String,
    /// `arn:{partition}:securityhub:{region}:{account}:product/{account}/default` of the Security Hub it is sent to.
    pub product_arn: String,
    /// `Doorward`.
    pub product_name: String,
    /// `Doorward`.
    pub company_name: String,
    /// `doorward/{rule}/v{version}`.
    pub generator_id: String,
    /// The account of the Security Hub.
    pub aws_account_id: String,
    /// The load balancer's account by name; absent where the Security Hub is another account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_account_name: Option<String>,
    /// Never changes once it was sent.
    pub first_observed_at: String,
    /// When a scan last saw it as it is described here.
    pub last_observed_at: String,
    /// Never changes once it was sent.
    pub created_at: String,
    /// Grows with every import; Security Hub ignores an import that is not later.
    pub updated_at: String,
    /// At most 256.
    pub title: String,
    /// At most 1,024.
    pub description: String,
    /// What to do.
    pub remediation: Remediation,
    /// At most 50 pairs.
    pub product_fields: BTreeMap<String, String>,
    /// Exactly one: the load balancer.
    pub resources: Vec<AsffResource>,
    /// What the rule answered.
    pub compliance: Compliance,
    /// `ACTIVE` or `ARCHIVED`.
    pub record_state: String,
    /// Severity and types, where a customer's own changes to them survive.
    pub finding_provider_fields: ProviderFields,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Remediation {
    /// Text and link.
    pub recommendation: Recommendation,
}

/// Text and link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Recommendation {
    /// At most 512.
    pub text: String,
    /// AWS's page on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What the rule answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Compliance {
    /// `PASSED`, `FAILED`, `WARNING` or `NOT_AVAILABLE`.
    pub status: String,
    /// From `reports/controls`; at most 32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_requirements: Vec<String>,
    /// Why; at most 20.
    pub status_reasons: Vec<StatusReason>,
}

/// Why the status is what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StatusReason {
    /// In capitals.
    pub reason_code: String,
    /// One sentence.
    pub description: String,
}

/// What a provider says and a customer may overrule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProviderFields {
    /// How much it matters.
    pub severity: AsffSeverity,
    /// `namespace/category/classifier`.
    pub types: Vec<String>,
}

/// How much it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AsffSeverity {
    /// `INFORMATIONAL`, `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
    pub label: String,
    /// The rule's own word, where the label is another: `high` for an excepted failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
}

/// The load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AsffResource {
    /// `AwsElbv2LoadBalancer` or `AwsElbLoadBalancer`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Its ARN.
    pub id: String,
    /// As ASFF spells it; absent where ASFF has no word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// At most 16 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// At most 50, none of them blank.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The values that were read.
    pub details: Details,
}

/// What was read of the load balancer; exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Application, network and gateway load balancers.
    #[serde(rename = "AwsElbv2LoadBalancer", skip_serializing_if = "Option::is_none")]
    pub v2: Option<V2Details>,
    /// Classic load balancers.
    #[serde(rename = "AwsElbLoadBalancer", skip_serializing_if = "Option::is_none")]
    pub classic: Option<ClassicDetails>,
}

/// An application, network or gateway load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct V2Details {
    /// Zones by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<Zone>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_time: Option<String>,
    /// DNS name.
    #[serde(rename = "DNSName", skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// `internet-facing` or `internal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Security groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// State.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<AsffState>,
    /// `application`, `network` or `gateway`.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Every attribute that was read and is not empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub load_balancer_attributes: Vec<Attribute>,
}

/// A zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Zone {
    /// `eu-west-1a`.
    pub zone_name: String,
}

/// A state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AsffState {
    /// `active`.
    pub code: String,
}

/// An attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Attribute {
    /// AWS's key.
    pub key: String,
    /// AWS's value.
    pub value: String,
}

/// A classic load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClassicDetails {
    /// Zones by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_time: Option<String>,
    /// DNS name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_name: Option<String>,
    /// `internet-facing` or `internal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Security groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_attributes: Option<ClassicAttributes>,
}

/// Attributes of a classic load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClassicAttributes {
    /// Every attribute that was read and is not empty.
    pub additional_attributes: Vec<Attribute>,
}

impl Asff {
    /// The finding as JSON, as it is stored and measured.
    ///
    /// # Errors
    /// Never in practice: everything in it is text.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// SHA-256, in hex, of everything that is worth an update: dates and the scan's id are left out.
    pub fn content(&self) -> String {
        let mut timeless = self.clone();
        for date in [
            &mut timeless.first_observed_at,
            &mut timeless.last_observed_at,
            &mut timeless.created_at,
            &mut timeless.updated_at,
        ] {
            date.clear();
        }
        for volatile in [SCAN_ID, FIRST_SEEN, LAST_SEEN] {
            timeless.product_fields.remove(volatile);
        }
        digest(&timeless.to_json().unwrap_or_default())
    }
}

/// SHA-256 of a text, in hex.
pub(crate) fn digest(text: &str) -> String {
    doorward_model::sha256_hex(text.as_bytes())
}
