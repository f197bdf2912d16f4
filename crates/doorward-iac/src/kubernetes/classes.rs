//! The class of an Ingress: whether it creates an application load balancer, and which parameters the class adds.
//!
//! The AWS Load Balancer Controller decides in this order (`pkg/ingress/group_loader.go`, `classifyIngress`):
//! 1. the annotation `kubernetes.io/ingress.class`, which takes no parameters, whatever the field says;
//! 2. the field `spec.ingressClassName`, or without it the default IngressClass, with the parameters of the IngressClass;
//! 3. without any class, a flag of the controller.

use std::collections::BTreeMap;

use super::ingress::Ingress;
use super::nearest::{Nearest, nearest};
use super::{Object, literal};
use crate::tree::Node;

const PREFIX: &str = "alb.ingress.kubernetes.io/";
const ANNOTATION: &str = "kubernetes.io/ingress.class";
/// The controllers that create application load balancers.
const CONTROLLERS: [&str; 2] = ["ingress.k8s.aws/alb", "eks.amazonaws.com/alb"];
/// Parts of the usual names of classes of other controllers.
const OTHERS: [&str; 18] = [
    "ambassador",
    "apisix",
    "azure",
    "caddy",
    "cilium",
    "cloudflare",
    "contour",
    "gce",
    "haproxy",
    "higress",
    "istio",
    "kong",
    "nginx",
    "openshift",
    "skipper",
    "tailscale",
    "traefik",
    "tyk",
];

/// The classes of Ingresses and their parameters, by name.
pub(super) struct Classes<'a> {
    classes: BTreeMap<&'a str, Vec<Object<'a>>>,
    pub(super) params: BTreeMap<&'a str, Vec<Object<'a>>>,
}

const PARAMS_MISSING: &str = "the IngressClassParams of its class are not among the files, and override the annotation";
const PARAMS_DIFFER: &str = "several IngressClassParams with the name of its class's are among the files, and differ";
const CLASSES_DIFFER: &str = "several IngressClasses with the name of its class are among the files, and differ";

impl<'a> Classes<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let named = |kind: &str| {
            let mut by_name: BTreeMap<&str, Vec<Object<'a>>> = BTreeMap::new();
            for object in objects.iter().filter(|object| object.is(kind, "")) {
                by_name.entry(object.name()).or_default().push(*object);
            }
            by_name
        };
        Self { classes: named("IngressClass"), params: named("IngressClassParams") }
    }

    /// The Ingress, if it creates an application load balancer.
    pub(super) fn ingress(&self, object: Object<'a>) -> Option<Ingress<'a>> {
        let annotated = object.node.at(&["metadata", "annotations"]).and_then(Node::as_map).unwrap_or_default();
        let is_annotated = annotated.iter().any(|(key, _)| key.as_str().is_some_and(|key| key.starts_with(PREFIX)));
        let group = object.annotation("alb.ingress.kubernetes.io/group.name").and_then(Node::as_str);
        if let Some(class) = object.annotation(ANNOTATION).and_then(Node::as_str) {
            let ours = class == "alb" || (is_annotated && may_be_ours(class));
            return ours.then_some(Ingress { object, params: None, group, unseen: None, undecided: None });
        }
        let is_default = |class: &&Object<'a>| {
            let default = class.annotation("ingressclass.kubernetes.io/is-default-class");
            default.and_then(Node::as_str) == Some("true")
        };
        let named = object.node.text_at(&["spec", "ingressClassName"]);
        let candidates: Vec<Object<'a>> = match named {
            Some(name) => self.classes.get(name).cloned().unwrap_or_default(),
            None => self.classes.values().flatten().filter(is_default).copied().collect(),
        };
        let is_ours = |class: &Object<'_>| {
            let controller = class.node.text_at(&["spec", "controller"]);
            controller.is_some_and(|controller| CONTROLLERS.contains(&controller))
        };
        let class = match nearest(&candidates, object, properties_of_class) {
            Nearest::Several if candidates.iter().any(is_ours) => {
                let undecided = Some(CLASSES_DIFFER);
                return Some(Ingress { object, params: None, group, unseen: None, undecided });
            }
            class => class.one(),
        };
        let ours = match class {
            Some(class) => is_ours(&class),
            None => named == Some("alb") || (is_annotated && named.is_none_or(may_be_ours)),
        };
        if !ours {
            return None;
        }
        let reference = class.and_then(|class| class.node.at(&["spec", "parameters"]));
        // The controller refuses a class with parameters of another kind.
        let of_kind = |reference: &&Node| reference.text_at(&["kind"]).is_none_or(|kind| kind == "IngressClassParams");
        let params = reference.filter(of_kind).and_then(|reference| reference.text_at(&["name"]));
        let params = params.and_then(|name| self.params.get(name)).map_or(Nearest::None, |all| {
            let properties = |params: Object<'a>| {
                let attributes = params.listed(&["spec", "loadBalancerAttributes"]);
                let value = |path: &[&str]| params.node.at(path).map(|node| literal(params.text, node));
                let others =
                    [&["spec", "group", "name"][..], &["spec", "scheme"], &["spec", "loadBalancerName"]].map(value);
                (attributes.named, attributes.incomplete.is_some(), others)
            };
            nearest(all, object, properties)
        });
        let undecided = match &params {
            Nearest::Several => Some(PARAMS_DIFFER),
            Nearest::None if reference.is_some() => Some(PARAMS_MISSING),
            _ => None,
        };
        let params = params.one();
        let unseen = named
            .filter(|_| class.is_none())
            .map(|name| format!("the IngressClass {name:?} is not among the files; its parameters may override this"));
        // The group of the parameters has precedence over that of the annotation.
        let group = params.and_then(|params| params.node.text_at(&["spec", "group", "name"])).or(group);
        Some(Ingress { object, params, group, unseen, undecided })
    }
}

/// What matters of a class: its controller and its parameters.
fn properties_of_class<'a>(class: Object<'a>) -> [Option<&'a str>; 3] {
    let text = |path: &[&str]| class.node.text_at(path);
    [text(&["spec", "controller"]), text(&["spec", "parameters", "kind"]), text(&["spec", "parameters", "name"])]
}

/// Whether a class that is not among the files may be one of the AWS Load Balancer Controller. Its annotations may be left
/// over from an earlier class.
fn may_be_ours(class: &str) -> bool {
    let class = class.to_lowercase();
    !class.is_empty() && !OTHERS.iter().any(|other| class.contains(other))
}
