//! What each capability may do: its role, and the statements of its policy.

use doorward_core::access::RoleName;
use doorward_core::actions::{base_identity_actions, change_role_actions, organization_actions, scan_role_actions};
use doorward_notify::ChannelSettings;
use doorward_sink_securityhub::RESOURCES;
use doorward_traffic::Capability as Reading;

use super::{Ask, checks, label};
use crate::cli::Capability;
use crate::settings::Settings;

/// The partition, as it stands in the ARNs of a statement until a language puts in its own.
pub(super) const PARTITION: &str = "{partition}";
/// The account that a role is in.
pub(super) const ACCOUNT: &str = "{account}";

/// A statement of a policy.
pub(super) struct Statement {
    pub(super) sid: &'static str,
    /// `Allow` or `Deny`.
    pub(super) effect: &'static str,
    /// Sorted, each once.
    pub(super) actions: Vec<String>,
    /// ARNs with [`PARTITION`] and [`ACCOUNT`] in them, or `*`.
    pub(super) resources: Vec<String>,
}

/// A role to deploy to every account.
pub(super) struct Role {
    pub(super) capability: Capability,
    /// In one sentence, for descriptions.
    pub(super) purpose: &'static str,
    /// Its name, with a path if it has one; none where the base identity does it itself.
    pub(super) name: Option<String>,
    /// What it may do.
    pub(super) statements: Vec<Statement>,
    /// What the base identity needs for it.
    pub(super) base: Vec<Statement>,
}

impl Role {
    /// The role of a capability, by the settings and what was asked.
    pub(super) fn of(capability: Capability, ask: &Ask, settings: &Settings) -> Self {
        let chosen =
            |of_settings: &RoleName| Some(String::from(ask.role_name.clone().unwrap_or_else(|| of_settings.clone())));
        let name = match capability {
            Capability::Scan => chosen(&settings.access.role_name),
            Capability::Traffic | Capability::Athena | Capability::Metrics => chosen(&settings.traffic.role_name),
            Capability::Publish => chosen(&settings.publish.role_name),
            Capability::Change => chosen(&settings.change.role_name),
            Capability::Notify => None,
        };
        let enter = name.as_deref().map(enter);
        let (statements, base) = match capability {
            Capability::Scan => {
                let statements = vec![allow("ReadLoadBalancers", &scan_role_actions(), &["*"])];
                (statements, scanner(enter))
            }
            Capability::Traffic => (logs(ask).into_iter().chain(metrics()).collect(), enter.into_iter().collect()),
            Capability::Athena => (athena().into_iter().chain(metrics()).collect(), enter.into_iter().collect()),
            Capability::Metrics => (metrics(), enter.into_iter().collect()),
            Capability::Publish => (hubs(), enter.into_iter().collect()),
            Capability::Notify => (Vec::new(), topics(settings)),
            Capability::Change => {
                // Whose account it is decides whether a role is assumed there at all.
                let organization = allow("ReadOrganization", &organization_actions(), &["*"]);
                (changes(), std::iter::once(organization).chain(enter).collect())
            }
        };
        Self { capability, purpose: purpose(capability), name, statements, base }
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

fn allow(sid: &'static str, actions: &[&str], resources: &[&str]) -> Statement {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Statement { sid, effect: "Allow", actions: owned(actions), resources: owned(resources) }
}

/// The base identity assumes the role, of this name, in every account.
fn enter(name: &str) -> Statement {
    let name = name.replace(ACCOUNT, "*");
    allow("EnterAccounts", &["sts:AssumeRole"], &[&format!("arn:{PARTITION}:iam::*:role/{name}")])
}

/// The base identity reads the organization, assumes the scan role elsewhere, and scans its own account by itself.
fn scanner(enter: Option<Statement>) -> Vec<Statement> {
    let own = scan_role_actions();
    let (own, others): (Vec<&str>, Vec<&str>) = base_identity_actions().into_iter().partition(|a| own.contains(a));
    let read: Vec<&str> = others.into_iter().filter(|action| !action.starts_with("sts:")).collect();
    let organization = allow("ReadOrganization", &read, &["*"]);
    std::iter::once(organization).chain(enter).chain([allow("ReadOwnAccount", &own, &["*"])]).collect()
}

/// Buckets are best named; nobody but the operator knows them.
fn logs(ask: &Ask) -> Vec<Statement> {
    let buckets: Vec<&str> = match &ask.buckets[..] {
        [] => vec!["*"],
        buckets => buckets.iter().map(String::as_str).collect(),
    };
    let (list, get): (Vec<&str>, Vec<&str>) =
        Reading::Logs.actions().into_iter().partition(|a| a.starts_with("s3:List"));
    let arns = |end: &str| -> Vec<String> {
        buckets.iter().map(|bucket| format!("arn:{PARTITION}:s3:::{bucket}{end}")).collect()
    };
    let on = |sid, actions: &[&str], resources: Vec<String>| Statement { resources, ..allow(sid, actions, &[]) };
    vec![on("ListAccessLogs", &list, arns("")), on("ReadAccessLogs", &get, arns("/*"))]
}

/// Athena reads logs and writes a table and results in its caller's name.
fn athena() -> Vec<Statement> {
    let actions = Reading::Athena.actions();
    let of = |service: &str| -> Vec<&str> {
        actions.iter().copied().filter(|action| action.split(':').next() == Some(service)).collect()
    };
    vec![
        allow("RunQueries", &of("athena"), &["*"]),
        allow("KeepTable", &of("glue"), &["*"]),
        allow("ReadAccessLogsAndWriteResults", &of("s3"), &["*"]),
    ]
}

fn metrics() -> Vec<Statement> {
    vec![allow("ReadMetrics", &Reading::Metrics.actions(), &["*"])]
}

fn hubs() -> Vec<Statement> {
    let sids = ["ImportFindings", "ReadFindings"];
    let statement = |(sid, (action, end)): (&'static str, (&'static str, Option<&str>))| {
        let arn = end.map_or_else(|| "*".to_owned(), |end| format!("arn:{PARTITION}:securityhub:*:{ACCOUNT}:{end}"));
        allow(sid, &[action], &[&arn])
    };
    sids.into_iter().zip(RESOURCES).map(statement).collect()
}

/// The topics that the settings name. One that is no topic's ARN was refused when they were read.
fn topics(settings: &Settings) -> Vec<Statement> {
    let channels = settings.notify.channels.values();
    let mut topics: Vec<&str> = channels
        .filter_map(|channel| match channel {
            ChannelSettings::Sns { topic, .. } => Some(topic.as_str()),
            _ => None,
        })
        .filter(|topic| checks::is_topic(topic))
        .collect();
    topics.sort_unstable();
    topics.dedup();
    let any = format!("arn:{PARTITION}:sns:*:*:*");
    if topics.is_empty() {
        topics.push(&any);
    }
    vec![allow("TellOwners", &[doorward_notify::ACTION], &topics)]
}

/// A pattern for classic load balancers, whose ARNs have no kind in them, fits every other load balancer too; so those that
/// have no mode are denied.
fn changes() -> Vec<Statement> {
    let (writes, reads): (Vec<&str>, Vec<&str>) =
        change_role_actions().into_iter().partition(|action| action.contains(":Modify"));
    let arn = |end: &str| format!("arn:{PARTITION}:elasticloadbalancing:*:{ACCOUNT}:loadbalancer/{end}");
    let others =
        Statement { effect: "Deny", ..allow("LeaveOthersAlone", &writes, &[&arn("net/*/*"), &arn("gwy/*/*")]) };
    vec![
        allow("ReadLoadBalancers", &reads, &["*"]),
        allow("ChangeLoadBalancers", &writes, &[&arn("app/*/*"), &arn("*")]),
        others,
    ]
}
