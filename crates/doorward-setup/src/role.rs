//! What each capability may do: its role, and the statements of its policy.

use doorward_core::access::RoleName;
use doorward_core::actions::{base_identity_grants, change_role_grants, organization_grants, scan_role_grants};
use doorward_model::{ACCOUNT, CALLERS_ORGANIZATION, Condition, Grant, PARTITION};
use doorward_notify::ChannelSettings;
use doorward_traffic::{AthenaReach, Capability as Reading, Reach};

use super::{Ask, checks, everything, label, usage};
use crate::cli::Capability;
use crate::exit::Failure;
use crate::settings::Settings;

/// A role to deploy to every account.
pub(super) struct Role {
    pub(super) capability: Capability,
    /// In one sentence, for descriptions.
    pub(super) purpose: &'static str,
    /// Its name, with a path if it has one; none where the base identity does it itself.
    pub(super) name: Option<String>,
    /// What it may do.
    pub(super) grants: Vec<Grant>,
    /// What the base identity needs for it.
    pub(super) base: Vec<Grant>,
}

impl Role {
    /// The role of a capability, by the settings and what was asked.
    pub(super) fn of(capability: Capability, ask: &Ask, settings: &Settings) -> Result<Self, Failure> {
        let chosen =
            |of_settings: &RoleName| Some(String::from(ask.role_name.clone().unwrap_or_else(|| of_settings.clone())));
        let name = match capability {
            Capability::Scan => chosen(&settings.access.role_name),
            Capability::Traffic | Capability::Athena | Capability::Metrics => chosen(&settings.traffic.role_name),
            Capability::Publish => chosen(&settings.publish.role_name),
            Capability::Change => chosen(&settings.change.role_name),
            Capability::Notify => None,
        };
        let enter = name.as_deref().map(|name| enter(name, ask));
        let metrics = || Reading::Metrics.grants(&Reach::default());
        let (grants, base) = match capability {
            Capability::Scan => (scan_role_grants(), enter.map(|enter| scanner(enter, ask)).unwrap_or_default()),
            Capability::Traffic => {
                let reach = Reach { buckets: ask.logs(capability)?, athena: None };
                (Reading::Logs.grants(&reach).into_iter().chain(metrics()).collect(), enter.into_iter().collect())
            }
            Capability::Athena => {
                let athena = counting(ask, settings)?;
                let buckets = if athena.vended.is_some() { ask.buckets.clone() } else { ask.logs(capability)? };
                let reach = Reach { buckets, athena: Some(athena) };
                (Reading::Athena.grants(&reach).into_iter().chain(metrics()).collect(), enter.into_iter().collect())
            }
            Capability::Metrics => (metrics(), enter.into_iter().collect()),
            Capability::Publish => (doorward_sink_securityhub::grants(), enter.into_iter().collect()),
            Capability::Notify => (Vec::new(), topics(ask, settings)?),
            Capability::Change => {
                let organization = organization_grants(ask.organization_id.as_deref().unwrap_or("o-*"));
                (change_role_grants(), organization.into_iter().chain(enter).collect())
            }
        };
        everything::check(&grants)?;
        everything::check(&base)?;
        Ok(Self { capability, purpose: purpose(capability), name, grants, base })
    }

    /// The name of one of its files.
    pub(super) fn file(&self, end: &str) -> String {
        format!("{}-role.{end}", label(self.capability))
    }
}

const fn purpose(capability: Capability) -> &'static str {
    match capability {
        Capability::Scan => "reads load balancers and changes nothing",
        Capability::Traffic => "reads access logs and metrics and changes nothing",
        Capability::Athena => "reads metrics and has Athena count access logs, which keeps a table and writes results",
        Capability::Metrics => "reads metrics and changes nothing",
        Capability::Publish => "tells Security Hub and reads there what it told",
        Capability::Notify => "publishes to SNS topics",
        Capability::Change => "changes attributes of application and classic load balancers",
    }
}

/// The base identity assumes the role, of this name, in every account of its organization.
fn enter(name: &str, ask: &Ask) -> Grant {
    let name = name.replace(ACCOUNT, "*");
    let enter = Grant::on("EnterAccounts", &["sts:AssumeRole"], &[format!("arn:{PARTITION}:iam::*:role/{name}")]);
    match within(ask) {
        Some(organization) => enter.when(organization),
        None => enter,
    }
}

/// The condition that something belongs to the caller's organization.
fn within(ask: &Ask) -> Option<Condition> {
    let organization = ask.organization_id.as_deref().unwrap_or(CALLERS_ORGANIZATION);
    (!ask.without_organization).then(|| Condition::resource_in(organization))
}

/// The base identity reads the organization, assumes the scan role elsewhere, and scans its own account by itself.
fn scanner(enter: Grant, ask: &Ask) -> Vec<Grant> {
    base_identity_grants(ask.organization_id.as_deref().unwrap_or("o-*"), enter)
}

/// Where Athena works, by the settings.
fn counting(ask: &Ask, settings: &Settings) -> Result<AthenaReach, Failure> {
    let reach = settings.traffic.athena.reach(!ask.without_organization);
    reach.map_err(|problem| usage(&format!("--for athena: {problem}")))
}

/// The topics that were named, or that the settings name. One that is no topic's ARN was refused when they were read.
fn topics(ask: &Ask, settings: &Settings) -> Result<Vec<Grant>, Failure> {
    let channels = settings.notify.channels.values();
    let of_settings = channels.filter_map(|channel| match channel {
        ChannelSettings::Sns { topic, .. } => Some(topic.as_str()),
        _ => None,
    });
    let mut topics: Vec<&str> = ask.topics.iter().map(String::as_str).collect();
    if topics.is_empty() {
        topics.extend(of_settings.filter(|topic| checks::is_topic(topic)));
    }
    topics.sort_unstable();
    topics.dedup();
    if topics.is_empty() {
        return Err(usage(
            "--for notify: no topic is named: give --topic ARN, or set a channel of kind \"sns\" in notify.channels",
        ));
    }
    Ok(vec![Grant::on("TellOwners", &[doorward_notify::ACTION], &topics)])
}
