//! Resources of a Terraform plan that create load balancers without being one.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Indirect, is_evaluated, is_unevaluated_manifest, of_resource, record};
use crate::kubernetes::{Manifests, unknown};
use crate::source_text::SourceText;
use crate::synthetic::{map, merge};
use crate::tree::json::{self, Pairs, span_in};
use crate::tree::{Data, Node};
use crate::{Action, FileError, ParseOutput, signs};

/// Words of which a plan with such a resource contains one.
const WORDS: [&str; 12] = [
    "alb.ingress.kubernetes.io/",
    "aws_cloudcontrolapi_resource",
    "aws_cloudformation_stack",
    "aws_ecs_express",
    "aws_elastic_beanstalk",
    "aws_serverlessapplicationrepository",
    "aws_servicecatalog_provisioned_product",
    "helm_release",
    "k8s_manifest",
    "kubectl_manifest",
    "kubernetes_",
    "kustomization_resource",
];

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    address: &'a RawValue,
    #[serde(borrow, default)]
    mode: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    change: &'a RawValue,
}

/// A change that Terraform defers to a later plan.
#[derive(Deserialize)]
struct Deferred<'a> {
    #[serde(borrow)]
    resource_change: Resource<'a>,
}

/// Parses the changes of a plan.
pub(crate) fn parse<'a>(
    text: &'a SourceText<'a>,
    pairs: &Pairs<'_>,
    manifests: &mut Manifests<'a>,
    output: &mut ParseOutput,
) -> Result<(), FileError> {
    if !WORDS.iter().any(|word| text.text.contains(word)) {
        return Ok(());
    }
    let find = |key: &str| pairs.0.iter().find(|(name, _)| name == key).map_or("[]", |(_, raw)| raw.get());
    // A plan that is not well-formed is an error of the plan's own parser.
    let keep = |resource: &Resource<'_>| {
        let is_one = is_evaluated(&resource.kind) || is_unevaluated_manifest(&resource.kind, resource.change.get());
        resource.mode.as_deref().is_none_or(|mode| mode == "managed") && is_one
    };
    let (Ok(changes), Ok(deferred)) = (
        json::elements_where(find("resource_changes"), keep),
        json::elements_where(find("deferred_changes"), |deferred: &Deferred<'_>| keep(&deferred.resource_change)),
    ) else {
        return Ok(());
    };
    let deferred: Vec<Resource<'_>> = deferred.into_iter().map(|deferred| deferred.resource_change).collect();
    let changes = changes.iter().map(|change| (change, false)).chain(deferred.iter().map(|change| (change, true)));
    for (resource, is_deferred) in changes {
        let change = json::part(text, resource.change)?;
        let actions = change.get("actions").and_then(Node::as_seq).unwrap_or_default();
        let actions: Vec<&str> = actions.iter().filter_map(Node::as_str).collect();
        let action = match actions.as_slice() {
            ["no-op"] => Action::Keep,
            ["update"] => Action::Update,
            ["delete" | "read" | "forget"] | ["delete", "forget"] => continue,
            actions if actions.contains(&"create") => Action::Create,
            _ => Action::Unspecified,
        };
        let Some(after) = change.get("after").filter(|after| !after.is_null()) else { continue };
        let node = match change.get("after_unknown").and_then(of_unknown) {
            Some(open) => merge(after, &listed(&open, after)),
            None => after.clone(),
        };
        let at = span_in(text.text, resource.address.get());
        let address: String = serde_json::from_str(resource.address.get()).unwrap_or_default();
        let mut found = of_resource(&resource.kind, &node, &address, action, resource.change.get());
        if is_deferred {
            found = not_planned(found, resource.change.get());
        }
        record(found, (text, &at, &address), output, &mut |document, origin| {
            manifests.add_from(text, document, origin);
        });
    }
    Ok(())
}

/// What a deferred resource contains: its values may be others in the later plan.
fn not_planned(found: Vec<Indirect>, raw: &str) -> Vec<Indirect> {
    let concerns = |one: &Indirect| match one {
        Indirect::Object(..) => signs::of_controller(raw),
        Indirect::Unread(_) => true,
        Indirect::Unexamined(..) => false,
    };
    let because = "Terraform defers the change to a later plan, and it may create a load balancer; check that plan.";
    found.iter().find(|one| concerns(one)).map(|_| Indirect::Unread(because.to_owned())).into_iter().collect()
}

/// The unknown values of `after_unknown`, as scalars that stand for them.
fn of_unknown(node: &Node) -> Option<Node> {
    match &*node.data {
        Data::Scalar { text, .. } => (text == "true").then(|| unknown("known after apply", node.span.clone())),
        Data::Seq(nodes) => {
            let found: Vec<Node> = nodes.iter().filter_map(of_unknown).collect();
            // An element is only known by its place, so that a list is taken as a whole if each element is open.
            (!found.is_empty() && found.len() == nodes.len()).then(|| crate::synthetic::list(found, node.span.clone()))
        }
        Data::Map(pairs) => {
            let open = pairs.iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), of_unknown(value)?)));
            let open: Vec<_> = open.collect();
            (!open.is_empty()).then(|| map(open, node.span.clone()))
        }
    }
}

/// The unknown values of single blocks, which are lists of one, merged into the known ones.
fn listed(open: &Node, after: &Node) -> Node {
    let Some(pairs) = open.as_map() else { return open.clone() };
    let merged = pairs.iter().map(|(key, value)| {
        let name = key.as_str().unwrap_or_default().to_owned();
        let known = after.get(&name);
        let value = match (value.as_seq(), known.and_then(Node::as_seq)) {
            (Some([open]), Some([known])) => {
                crate::synthetic::list(vec![merge(&listed(open, known), known)], value.span.clone())
            }
            _ => value.clone(),
        };
        (name, value)
    });
    map(merged.collect::<Vec<_>>(), open.span.clone())
}
