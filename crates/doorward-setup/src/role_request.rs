//! The requested properties of a generated role: its name, the caller that it trusts, and the resources that it reaches.

use std::collections::BTreeSet;

use doorward_aws::access::{ExternalId, RoleName};
use doorward_remote_file::{ObjectUrl, RemoteFileSettings};
use doorward_traffic::AthenaReach;

use crate::{RolePurpose, SetupError, validate};

/// The properties of a generated role that flags set.
#[derive(Debug, Clone, Default)]
pub struct RoleRequest {
    /// The role's name, with its path if it has one; by default that of the settings.
    pub role_name: Option<RoleName>,
    /// The ARN of the role or user that runs Doorward.
    pub caller_arn: Option<String>,
    /// The external id that the caller has to pass.
    pub external_id: Option<ExternalId>,
    /// The organization that the caller has to belong to.
    pub organization_id: Option<String>,
    /// Buckets with access logs.
    pub buckets: BTreeSet<String>,
    /// ARNs of SNS topics.
    pub topics: Vec<String>,
    /// Whether no statement and no trust policy is limited to an organization.
    pub without_organization: bool,
    /// The partition of plain policies.
    pub partition: String,
}

/// The properties of a generated role that settings set.
#[derive(Debug, Clone)]
pub struct RoleSettings {
    /// `access.role_name`
    pub scan_role: RoleName,
    /// `traffic.role_name`
    pub traffic_role: RoleName,
    /// `publish.role_name`
    pub publish_role: RoleName,
    /// `change.role_name`
    pub change_role: RoleName,
    /// The resources that counting with Athena uses, or the setting that is missing.
    pub athena: Result<AthenaReach, String>,
    /// The topics of the channels in `notify.channels`.
    pub topics: Vec<String>,
    /// `ledger.path`, if it is an object in S3, and `s3`.
    pub ledger: Option<(ObjectUrl, RemoteFileSettings)>,
}

impl RoleRequest {
    /// Checks every text that is written to a template, so that none of them can change its structure.
    ///
    /// # Errors
    /// A value does not have the form of its flag.
    pub fn validate(&self) -> Result<(), SetupError> {
        let one = |flag, value: &Option<String>, is_valid: fn(&str) -> bool, expected| match value {
            Some(value) => validate::check(flag, value, is_valid, expected),
            None => Ok(()),
        };
        one(
            "--caller-arn",
            &self.caller_arn,
            validate::is_principal,
            "the ARN of an IAM role or user (arn:aws:iam::111122223333:role/NAME)",
        )?;
        one(
            "--organization-id",
            &self.organization_id,
            validate::is_organization,
            "the id of an organization (o-...)",
        )?;
        for bucket in &self.buckets {
            validate::check("--bucket", bucket, validate::is_bucket, "the name of a bucket")?;
        }
        for topic in &self.topics {
            validate::check("--topic", topic, validate::is_topic, "the ARN of an SNS topic")?;
        }
        validate::check(
            "--partition",
            &self.partition,
            validate::is_partition,
            "a partition (aws, aws-cn, aws-us-gov, aws-eusc, ...)",
        )
    }

    /// The external id as it is written to templates.
    pub(crate) fn external_id(&self) -> Option<&str> {
        self.external_id.as_ref().map(ExternalId::expose)
    }

    /// Refuses a trust policy without a condition unless the request asks for it.
    pub(crate) fn require_trust_condition(&self) -> Result<(), SetupError> {
        let has_condition = self.organization_id.is_some() || self.external_id.is_some();
        if has_condition || self.without_organization { Ok(()) } else { Err(SetupError::UnconditionalTrust) }
    }

    /// The buckets with access logs, at least one.
    pub(crate) fn log_buckets(&self, purpose: RolePurpose) -> Result<BTreeSet<String>, SetupError> {
        if self.buckets.is_empty() {
            return Err(SetupError::NoBuckets(purpose));
        }
        Ok(self.buckets.clone())
    }

    /// The pattern that the organization's id has to match: the id itself, else that of any organization.
    pub(crate) fn organization_pattern(&self) -> &str {
        self.organization_id.as_deref().unwrap_or("o-*")
    }
}
