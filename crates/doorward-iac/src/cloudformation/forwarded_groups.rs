//! The target groups of a template, and the listeners that forward to them.

use doorward_model::Observed;

use super::Template;
use super::intrinsic::{call, is_intrinsic};
use crate::declared_groups::{DeclaredGroups, group};
use crate::tree::Node;

const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

/// The logical id of the resource that a value refers to: `Ref` gives the ARN of all three, and so do their attributes.
fn referred(node: &Node) -> Option<String> {
    let (name, argument) = call(node)?;
    match name.as_str() {
        "Ref" => argument.as_str().map(str::to_owned),
        "GetAtt" => match argument.as_seq() {
            Some(parts) => parts.first()?.as_str().map(str::to_owned),
            None => argument.as_str()?.split('.').next().map(str::to_owned),
        },
        _ => None,
    }
}

/// The groups that actions forward to, as far as they are literal.
fn forwarded(actions: Option<&Node>) -> Vec<String> {
    let mut found = Vec::new();
    for action in actions.and_then(Node::as_seq).unwrap_or_default().iter().filter(|action| !is_intrinsic(action)) {
        let weighted = action.at(&["ForwardConfig", "TargetGroups"]).and_then(Node::as_seq).unwrap_or_default();
        let weighted = weighted.iter().filter_map(|one| one.get("TargetGroupArn"));
        found.extend(action.get("TargetGroupArn").into_iter().chain(weighted).filter_map(referred));
    }
    found
}

impl Template<'_> {
    /// The target groups and listeners that the template certainly creates. A macro of the whole template may change them, so that none
    /// is known.
    pub(super) fn target_groups(&self, resources: &Node) -> DeclaredGroups {
        let mut groups = DeclaredGroups::default();
        let pairs = resources.as_map().filter(|_| self.macro_gap.is_none() && !is_intrinsic(resources));
        for (name, resource) in pairs.unwrap_or_default() {
            let (Some(id), Some(kind)) = (name.as_str(), resource.text_at(&["Type"])) else { continue };
            if !matches!(kind, LISTENER | RULE | GROUP) || !self.is_certain(resource) {
                continue;
            }
            let target = |key: &str| self.node(resource, key).and_then(referred);
            match kind {
                GROUP => {
                    let property = |key: &str| self.property(resource, &[key]);
                    let name = property("Name").known().cloned().unwrap_or_else(|| id.to_owned());
                    let (target_type, version) = (property("TargetType"), property("ProtocolVersion"));
                    if let Some(group) = group(&name, target_type, &property("Protocol"), version) {
                        groups.add_group(id.to_owned(), group);
                    }
                }
                LISTENER => {
                    if let Some(load_balancer) = target("LoadBalancerArn") {
                        groups.add_listener(id.to_owned(), load_balancer);
                        let forwards = forwarded(self.node(resource, "DefaultActions"));
                        forwards.into_iter().for_each(|group| groups.add_forward(id, group));
                    }
                }
                _ => {
                    if let Some(listener) = target("ListenerArn") {
                        let forwards = forwarded(self.node(resource, "Actions"));
                        forwards.into_iter().for_each(|group| groups.add_forward(&listener, group));
                    }
                }
            }
        }
        groups
    }

    /// Whether a resource is created in every deployment, with these properties.
    fn is_certain(&self, resource: &Node) -> bool {
        let is_made = match resource.get("Condition") {
            None => true,
            Some(condition) => condition.as_str().and_then(|name| self.intrinsics().condition(name)) == Some(true),
        };
        is_made
            && resource.check_unique_keys(self.text).is_ok()
            && self.resource_gap(resource).is_none()
            && !matches!(self.property(resource, &["TargetType"]), Observed::Unread(_))
    }
}
