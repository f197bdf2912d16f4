//! Target groups that the files declare, and the load balancers whose listeners forward to them.
//!
//! Other files may declare further listeners and groups, so that what is found here is a part: a group that is sent HTTP/1.1 and could be sent
//! HTTP/2 is a fact, and that there is no such group is not known. A group whose protocol, type or version the files do not
//! determine is left out, and so is a way to it that they do not determine.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{Kind, LoadBalancer, Observed, TargetGroup};

use crate::{Declared, Subject};

/// The target groups and listeners of one template, plan or module, by the addresses that it uses itself.
#[derive(Debug, Default)]
pub(crate) struct DeclaredGroups {
    groups: BTreeMap<String, TargetGroup>,
    /// The load balancer of each listener.
    listeners: BTreeMap<String, String>,
    /// The listeners of each load balancer.
    owned: BTreeMap<String, BTreeSet<String>>,
    /// The groups that each listener or its rules forward to.
    forwards: BTreeMap<String, BTreeSet<String>>,
}

/// A target group by its properties, if they are known: of HTTP, with targets that could be sent HTTP/2. AWS's defaults are targets by
/// instance, and HTTP/1.1:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
pub(crate) fn group(
    name: &str,
    target_type: Observed<String>,
    protocol: &Observed<String>,
    version: Observed<String>,
) -> Option<TargetGroup> {
    let value = |value: Observed<String>, default: &str| match value {
        Observed::Known(value) => Some(value),
        Observed::Absent => Some(default.to_owned()),
        Observed::Unread(_) => None,
    };
    let protocol = protocol.known()?.to_uppercase();
    let target_type = value(target_type, "instance")?.to_lowercase();
    let version = value(version, "HTTP1")?.to_uppercase();
    let is_http = matches!(protocol.as_str(), "HTTP" | "HTTPS");
    is_http.then(|| TargetGroup {
        name: name.to_owned(),
        target_type: target_type.into(),
        protocol_version: Some(version.into()),
    })
}

impl DeclaredGroups {
    /// Adds a target group.
    pub(crate) fn add_group(&mut self, address: String, group: TargetGroup) {
        self.groups.insert(address, group);
    }

    /// Adds a listener of a load balancer.
    pub(crate) fn add_listener(&mut self, listener: String, load_balancer: String) {
        if let Some(before) = self.listeners.insert(listener.clone(), load_balancer.clone())
            && let Some(owned) = self.owned.get_mut(&before)
        {
            owned.remove(&listener);
        }
        self.owned.entry(load_balancer).or_default().insert(listener);
    }

    /// Adds a way from a listener to a group.
    pub(crate) fn add_forward(&mut self, listener: &str, group: String) {
        self.forwards.entry(listener.to_owned()).or_default().insert(group);
    }

    /// The groups that are known to be behind a load balancer.
    pub(crate) fn of(&self, load_balancer: &str) -> Vec<TargetGroup> {
        let listeners = self.owned.get(load_balancer).into_iter().flatten();
        let names: BTreeSet<&String> = listeners.filter_map(|listener| self.forwards.get(listener)).flatten().collect();
        names.into_iter().filter_map(|name| self.groups.get(name)).cloned().collect()
    }
}

impl Declared {
    /// Records the target groups that are known to be behind the load balancer, if one of them could be sent HTTP/2. Otherwise they stay
    /// unread: there may be others.
    pub(crate) fn set_target_groups(&mut self, mut groups: Vec<TargetGroup>) {
        if !groups.iter().any(TargetGroup::could_be_http2) {
            return;
        }
        groups.sort();
        groups.dedup();
        let own: Option<&mut LoadBalancer> = match &mut self.subject {
            Subject::LoadBalancer(lb) => Some(lb),
            Subject::Incapable(_) => None,
        };
        for lb in own.into_iter().chain(&mut self.outcomes).filter(|lb| lb.kind == Kind::Application) {
            lb.target_groups = Observed::Known(groups.clone());
        }
    }
}
