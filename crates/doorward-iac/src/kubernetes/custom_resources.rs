//! Load balancers that operators in a cluster create through AWS's API: Crossplane and the AWS Controllers for Kubernetes (ACK).
//!
//! Crossplane's provider is generated from the Terraform provider, with its argument names in camel case:
//! <https://marketplace.upbound.io/providers/upbound/provider-aws-elbv2>. ACK takes the API's list of attributes:
//! <https://aws-controllers-k8s.github.io/community/reference/elbv2/v1alpha1/loadbalancer/>

use doorward_model::{GapReason, Kind, Observed};

use super::{MODE, Object, literal};
use crate::builder::{LoadBalancerBuilder, scheme};
use crate::terraform::{camel, set_arguments};
use crate::tree::Node;
use crate::{Deployment, ParseOutput, mode_edit};

/// Parses the load balancers of operators.
pub(super) fn parse(objects: &[Object<'_>], deployment: &Deployment, output: &mut ParseOutput) {
    for object in objects {
        let group = object.node.text_at(&["apiVersion"]).unwrap_or_default().split('/').next().unwrap_or_default();
        let kind = object.node.text_at(&["kind"]).unwrap_or_default();
        let of_crossplane = |service: &str| {
            let rest = group.strip_prefix(service).and_then(|rest| rest.strip_prefix(".aws."));
            rest.is_some_and(|rest| rest.ends_with("upbound.io") || rest.ends_with("crossplane.io"))
        };
        let builder = match kind {
            "LB" | "LoadBalancer" if of_crossplane("elbv2") => crossplane(*object, false),
            "ELB" if of_crossplane("elb") || of_crossplane("elasticloadbalancing") => crossplane(*object, true),
            "LoadBalancer" if group == "elbv2.services.k8s.aws" => ack(*object),
            _ => continue,
        };
        if output.is_full(|| object.text.place(object.head())) {
            break;
        }
        output.declared.push(builder.finish(deployment));
    }
}

fn crossplane(object: Object<'_>, classic: bool) -> LoadBalancerBuilder<'_> {
    let mut builder = object.builder(object);
    let parameters = ["forProvider", "initProvider"].map(|part| object.node.at(&["spec", part]));
    let find = |path: &[&str]| {
        parameters.iter().flatten().find_map(|root| {
            path.iter().try_fold(*root, |node, name| {
                // A list of blocks stands for its first block.
                let node = node.as_seq().map_or(Some(node), <[Node]>::first)?;
                node.get(&camel(name))
            })
        })
    };
    let value = |path: &[&str]| find(path).map_or(Observed::Absent, |node| literal(object.text, node));
    set_arguments(&mut builder, classic, &value);
    let mode = find(&["desync_mitigation_mode"]);
    builder.value = mode.map(|node| node.span.clone());
    let key = builder.kind.mode_attribute().to_owned();
    // A composition may set any field of its resources by a patch.
    if object.document.root.text_at(&["kind"]) == Some("Composition")
        && object.text.text.contains("forProvider.desyncMitigationMode")
    {
        let gap = builder.gap(GapReason::Unresolved, builder.head.clone(), "a patch of the composition sets the mode");
        builder.attributes.insert(key, Observed::Unread(gap));
    }
    identity(object, &mut builder, "Crossplane");
    let tags = parameters.iter().flatten().filter_map(|root| root.get("tags")).filter_map(Node::as_map).flatten();
    for (key, value) in tags {
        if let (Some(key), Observed::Known(value)) = (key.as_str(), literal(object.text, value)) {
            builder.tags.insert(key.to_owned(), value);
        }
    }
    builder.mode_instruction = format!("In {}, set spec.forProvider.desyncMitigationMode to", builder.address);
    builder.logs_instruction =
        format!("In {}, set spec.forProvider.accessLogs with bucket and enabled.", builder.address);
    builder.fix = match mode {
        Some(mode) => object.fix(|| mode_edit::replace_scalar(object.text, object.document, mode)),
        None => Err("the mode is not set".to_owned()),
    };
    builder
}

fn ack(object: Object<'_>) -> LoadBalancerBuilder<'_> {
    let mut builder = object.builder(object);
    let value = |key: &str| object.node.at(&["spec", key]).map_or(Observed::Absent, |node| literal(object.text, node));
    builder.set_kind(value("type"));
    builder.name = value("name");
    builder.scheme = scheme(value("scheme"));
    builder.set_attributes(object.listed(&["spec", "attributes"]));
    identity(object, &mut builder, "ACK");
    for (key, value) in object.listed(&["spec", "tags"]).named {
        if let Observed::Known(value) = value {
            builder.tags.insert(key, value);
        }
    }
    if builder.kind != Kind::Application {
        builder.value = None;
    }
    builder.mode_instruction = format!("In spec.attributes of {}, set {MODE} to", builder.address);
    builder.logs_instruction = format!("In spec.attributes of {}, enable access_logs.s3.enabled.", builder.address);
    builder.fix = Err("change spec.attributes".to_owned());
    builder
}

fn identity(object: Object<'_>, builder: &mut LoadBalancerBuilder<'_>, operator: &str) {
    let message = format!("{operator} manages it");
    builder.managed_by = Observed::Unread(builder.gap(GapReason::Undeclared, object.head(), message));
    let message = "the operator may add tags";
    builder.more_tags = Some(builder.gap(GapReason::Undeclared, object.head(), message));
}
