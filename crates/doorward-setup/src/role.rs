//! The role of a purpose: its name, its statements, and those that the base identity needs for it.

use doorward_aws::access::RoleName;
use doorward_core::actions::{base_identity_grants, change_role_grants, organization_grants, scan_role_grants};
use doorward_model::{ACCOUNT, CALLERS_ORGANIZATION, Condition, Grant, PARTITION};
use doorward_remote_file::object_grants;
use doorward_traffic::{Capability as Reading, Reach};

use crate::{RolePurpose, RoleRequest, RoleSettings, SetupError, validate, wildcard_actions};

/// A role to deploy to every account.
#[derive(Debug, Clone)]
pub struct Role {
    pub(crate) purpose: RolePurpose,
    /// With a path if it has one; none if the base identity does this itself.
    pub(crate) name: Option<String>,
    /// The permissions of the role.
    pub(crate) grants: Vec<Grant>,
    /// The permissions of the base identity.
    pub(crate) base_identity_grants: Vec<Grant>,
}

impl Role {
    /// The role of a purpose. `request` has been validated.
    ///
    /// # Errors
    /// It needs a bucket, a topic or a setting that is missing.
    pub fn of(purpose: RolePurpose, request: &RoleRequest, settings: &RoleSettings) -> Result<Self, SetupError> {
        let named =
            |default: &RoleName| Some(String::from(request.role_name.clone().unwrap_or_else(|| default.clone())));
        let name = match purpose {
            RolePurpose::Scan => named(&settings.scan_role),
            RolePurpose::Traffic | RolePurpose::Athena | RolePurpose::Metrics => named(&settings.traffic_role),
            RolePurpose::Publish => named(&settings.publish_role),
            RolePurpose::Change => named(&settings.change_role),
            RolePurpose::Notify | RolePurpose::Ledger => None,
        };
        let assume = name.as_deref().map(|name| assume_role(name, request));
        let metrics = || Reading::Metrics.grants(&Reach::default());
        let (grants, base_identity_grants) = match purpose {
            RolePurpose::Scan => {
                // The base identity also reads the organization, and scans its own account without a role.
                let own = assume.map(|assume| base_identity_grants(request.organization_pattern(), assume));
                (scan_role_grants(), own.unwrap_or_default())
            }
            RolePurpose::Traffic => {
                let reach = Reach { buckets: request.log_buckets(purpose)?, athena: None };
                (Reading::Logs.grants(&reach).into_iter().chain(metrics()).collect(), assume.into_iter().collect())
            }
            RolePurpose::Athena => {
                let athena = settings.athena.clone().map_err(SetupError::AthenaSettings)?;
                // Logs as Parquet lie where the settings say; a bucket with other access logs is optional then.
                let buckets = match athena.vended {
                    Some(_) => request.buckets.clone(),
                    None => request.log_buckets(purpose)?,
                };
                let reach = Reach { buckets, athena: Some(athena) };
                (Reading::Athena.grants(&reach).into_iter().chain(metrics()).collect(), assume.into_iter().collect())
            }
            RolePurpose::Metrics => (metrics(), assume.into_iter().collect()),
            RolePurpose::Publish => (doorward_sink_securityhub::grants(), assume.into_iter().collect()),
            RolePurpose::Notify => (Vec::new(), vec![publish_to_topics(request, settings)?]),
            RolePurpose::Ledger => {
                let (url, files) = settings.ledger.as_ref().ok_or(SetupError::NoSharedLedger)?;
                (Vec::new(), object_grants(url, files))
            }
            RolePurpose::Change => {
                let organization = organization_grants(request.organization_pattern());
                (change_role_grants(), organization.into_iter().chain(assume).collect())
            }
        };
        wildcard_actions::check(&grants)?;
        wildcard_actions::check(&base_identity_grants)?;
        Ok(Self { purpose, name, grants, base_identity_grants })
    }

    /// The name of one of its files, such as `scan-role.tf`.
    pub(crate) fn file_name(&self, suffix: &str) -> String {
        format!("{}-role.{suffix}", self.purpose)
    }

    /// Path and name of the role, the path with slashes at both ends.
    pub(crate) fn path_and_name(&self) -> Result<(String, String), SetupError> {
        let name = self.name.as_ref().ok_or(SetupError::NoRole(self.purpose))?;
        if name.contains(ACCOUNT) {
            return Err(SetupError::AccountInRoleName(name.clone()));
        }
        let (path, name) =
            name.rsplit_once('/').map_or(("/".to_owned(), name.as_str()), |(path, name)| (format!("/{path}/"), name));
        Ok((path, name.to_owned()))
    }
}

/// Lets the base identity assume the role of this name in every account of its organization.
fn assume_role(name: &str, request: &RoleRequest) -> Grant {
    let name = name.replace(ACCOUNT, "*");
    let grant = Grant::on("EnterAccounts", &["sts:AssumeRole"], &[format!("arn:{PARTITION}:iam::*:role/{name}")]);
    if request.without_organization {
        return grant;
    }
    grant.when(Condition::resource_in(request.organization_id.as_deref().unwrap_or(CALLERS_ORGANIZATION)))
}

/// Lets the base identity publish to the topics of the request, else to those of the settings.
fn publish_to_topics(request: &RoleRequest, settings: &RoleSettings) -> Result<Grant, SetupError> {
    let mut topics: Vec<&str> = request.topics.iter().map(String::as_str).collect();
    if topics.is_empty() {
        topics.extend(settings.topics.iter().map(String::as_str).filter(|topic| validate::is_topic(topic)));
    }
    topics.sort_unstable();
    topics.dedup();
    if topics.is_empty() {
        return Err(SetupError::NoTopics);
    }
    Ok(Grant::on("NotifyOwners", &[doorward_notify::ACTION], &topics))
}
