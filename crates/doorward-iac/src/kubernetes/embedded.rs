//! Templates and policies in objects of the cluster that create or change load balancers there: they are not evaluated.

use super::KINDS;
use crate::source_text::SourceText;
use crate::tree::{Data, Node};
use crate::{ParseOutput, UnreadPart, signs};

/// Lists the parts of an object that may create a load balancer in the cluster.
pub(super) fn mark(text: &SourceText<'_>, root: &Node, output: &mut ParseOutput) {
    let version = root.text_at(&["apiVersion"]).unwrap_or_default();
    let kind = root.text_at(&["kind"]).unwrap_or_default();
    let (found, because) = match kind {
        // A function of Crossplane renders a template.
        "Composition" => (
            texts(root).into_iter().find(|node| node.as_str().is_some_and(is_template_of_one)),
            "A template of the composition may declare a load balancer, and templates are not rendered; check its result \
             (`crossplane render`).",
        ),
        // https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Template/#template-patch
        "ApplicationSet" => (
            root.at(&["spec", "templatePatch"]).filter(|patch| patch.as_str().is_some_and(signs::of_controller)),
            "The template patch may ask for a load balancer, and templates are not rendered; check the manifests that are \
             deployed.",
        ),
        "ClusterPolicy" | "Policy" if version.starts_with("kyverno.io/") => (
            root.at(&["spec", "rules"]).and_then(Node::as_seq).unwrap_or_default().iter().find_map(of_rule),
            "The policy creates or changes Ingresses in the cluster; check the manifests as the cluster has them.",
        ),
        _ => return,
    };
    let Some(found) = found else { return };
    output.unread.push(UnreadPart {
        address: format!("{kind} {}", root.text_at(&["metadata", "name"]).unwrap_or("(unnamed)")),
        place: text.place(found.span.start..found.span.start),
        because: because.to_owned(),
    });
}

/// The part of a rule of Kyverno that creates an Ingress, or changes its annotations.
/// <https://kyverno.io/docs/policy-types/cluster-policy/generate/>
fn of_rule(rule: &Node) -> Option<&Node> {
    let created = rule.get("generate").filter(|part| part.text_at(&["kind"]).is_none_or(|kind| KINDS.contains(&kind)));
    let changed = rule.get("mutate");
    created.into_iter().chain(changed).find(|part| super::kustomize::mentions(part))
}

/// Whether a text of several lines has an object that creates a load balancer.
fn is_template_of_one(text: &str) -> bool {
    let is_one = |line: &str| {
        let kind = line.trim().trim_start_matches("- ").strip_prefix("kind:").map(str::trim);
        kind.is_some_and(|kind| ["LB", "ELB", "LoadBalancer"].contains(&kind.trim_matches(['"', '\''])))
    };
    text.contains('\n') && (signs::of_controller(text) || text.lines().any(is_one))
}

/// The texts in a tree.
fn texts(node: &Node) -> Vec<&Node> {
    match &*node.data {
        Data::Scalar { .. } => vec![node],
        Data::Seq(nodes) => nodes.iter().flat_map(texts).collect(),
        Data::Map(pairs) => pairs.iter().flat_map(|(_, value)| texts(value)).collect(),
    }
}
