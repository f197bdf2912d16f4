//! What was looked at: the tool, the account-Regions and the load balancers.

use std::collections::BTreeSet;

use doorward_model::{CoverageLine, LoadBalancer, ScanReport, UnseenLoadBalancer, shown};
use serde_json::{Value, json};

use crate::identifier::{property, text, uuid};

/// The UUID of Doorward as a tool.
pub(crate) fn tool_uuid() -> String {
    uuid(&["tool"])
}

/// The UUID of a load balancer.
pub(crate) fn item_uuid(arn: &str) -> String {
    uuid(&["load balancer", arn])
}

/// The UUID of an account-Region.
pub(crate) fn place_uuid(line: &CoverageLine) -> String {
    uuid(&["account-Region", line.account.as_str(), line.region.as_ref().map_or("*", |region| region.as_str())])
}

/// The name of an account-Region.
pub(crate) fn place_title(line: &CoverageLine) -> String {
    match &line.region {
        Some(region) => format!("Account {}, {region}", line.account),
        None => format!("Account {}, Regions that could not be listed", line.account),
    }
}

/// The tool and the account-Regions.
pub(crate) fn components(report: &ScanReport) -> impl Iterator<Item = Value> {
    let tool = json!({
        "uuid": tool_uuid(),
        "type": "software",
        "title": "Doorward",
        "description": "Reads the desync mitigation mode of load balancers and judges it by rules.",
        "props": [{ "name": "version", "value": text(&report.run.tool_version) }],
        "status": { "state": "operational" },
    });
    std::iter::once(tool).chain(report.coverage.lines.iter().map(|line| {
        json!({
            "uuid": place_uuid(line),
            "type": "service",
            "title": text(&place_title(line)),
            "description": "Elastic Load Balancing in one account and Region.",
            "status": { "state": "operational" },
        })
    }))
}

/// The load balancers that were read, and those that earlier scans observed and this one did not.
pub(crate) fn items(report: &ScanReport) -> impl Iterator<Item = Value> {
    let read = report.load_balancers.iter().map(item);
    let unseen = report.unseen.iter().flat_map(|unseen| &unseen.load_balancers);
    let known: BTreeSet<&str> = report.load_balancers.iter().map(|lb| lb.arn.as_str()).collect();
    read.chain(unseen.filter(move |lb| !known.contains(lb.arn.as_str())).map(unseen_item))
}

fn item(lb: &LoadBalancer) -> Value {
    let ou = lb.ou.known().map_or_else(|| "unknown", |ou| ou.names.as_str());
    json!({
        "uuid": item_uuid(lb.arn.as_str()),
        "description": text(&format!("{} load balancer {}", lb.kind, lb.name)),
        "props": [
            { "name": "asset-id", "value": text(lb.arn.as_str()) },
            property("account", lb.account.as_str()),
            property("account-name", &shown(&lb.account_name)),
            property("organizational-unit", ou),
            property("region", lb.region.as_str()),
            property("name", &lb.name),
            property("kind", &lb.kind.to_string()),
            property("scheme", &shown(&lb.scheme)),
            property("mode", &shown(&lb.mode)),
            property("owner", lb.owner_label()),
        ],
    })
}

fn unseen_item(lb: &UnseenLoadBalancer) -> Value {
    json!({
        "uuid": item_uuid(lb.arn.as_str()),
        "description": text(&format!("{} load balancer {}, not observed by this scan", lb.kind, lb.name)),
        "props": [
            { "name": "asset-id", "value": text(lb.arn.as_str()) },
            property("account", lb.account.as_str()),
            property("region", lb.region.as_str()),
            property("name", &lb.name),
            property("kind", &lb.kind.to_string()),
            property("mode", "unknown"),
            property("owner", &lb.owner),
            property("last-seen", &lb.last_seen.to_string()),
        ],
    })
}
