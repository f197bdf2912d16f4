//! Gateways with their classes and LoadBalancerConfigurations.
//!
//! The configuration of the class and that of the Gateway are merged by key. The class wins unless its `mergingMode` is
//! `prefer-gateway`: <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/loadbalancerconfig/>

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{GapReason, Kind, Manager, Observed};

use super::ingress::{edit_list, scheme_of};
use super::nearest::{Nearest, nearest};
use super::{MODE, Object, literal};
use crate::attributes::Attributes;
use crate::builder::{LoadBalancerBuilder, gap};
use crate::incapable::incapable;
use crate::{Deployment, Dialect, ParseOutput, UnreadPart};

const ALB: &str = "gateway.k8s.aws/alb";
const NLB: &str = "gateway.k8s.aws/nlb";
const LIST: [&str; 2] = ["spec", "loadBalancerAttributes"];

/// Parses Gateways, and the configurations that none of them uses.
pub(super) fn parse(objects: &[Object<'_>], deployment: &Deployment, output: &mut ParseOutput) {
    let configurations: Vec<_> =
        objects.iter().copied().filter(|o| o.is("LoadBalancerConfiguration", "gateway.k8s.aws")).collect();
    let mut by_name: BTreeMap<_, Vec<Object<'_>>> = BTreeMap::new();
    for configuration in &configurations {
        by_name.entry((configuration.namespace(), configuration.name())).or_default().push(*configuration);
    }
    let mut classes: BTreeMap<_, Vec<Object<'_>>> = BTreeMap::new();
    for class in objects.iter().copied().filter(|o| o.is("GatewayClass", "gateway.networking.k8s.io")) {
        classes.entry(class.name()).or_default().push(class);
    }
    let mut used: BTreeSet<*const crate::tree::Node> = BTreeSet::new();
    for gateway in objects.iter().copied().filter(|object| object.is("Gateway", "gateway.networking.k8s.io")) {
        if output.is_full(|| gateway.text.place(gateway.head())) {
            break;
        }
        let class_name = gateway.node.text_at(&["spec", "gatewayClassName"]).unwrap_or_default();
        let of_name = classes.get(class_name).map(Vec::as_slice).unwrap_or_default();
        let nearest_class = nearest(of_name, gateway, properties_of_class);
        let class = nearest_class.one();
        let configured = |object: Object<'_>, path: &[&str], namespace: &str| {
            let reference = object.node.at(path)?;
            let wanted = (reference.text_at(&["kind"])?, reference.text_at(&["name"])?);
            let namespace = reference.text_at(&["namespace"]).unwrap_or(namespace);
            let of_name = by_name.get(&(namespace, wanted.1)).map(Vec::as_slice).unwrap_or_default();
            let found = nearest(of_name, gateway, properties_of_configuration);
            let missing = match found {
                Nearest::Several => {
                    format!("several LoadBalancerConfigurations {:?} are among the files, and differ", wanted.1)
                }
                _ => format!("the LoadBalancerConfiguration {:?} is not among the files", wanted.1),
            };
            (wanted.0 == "LoadBalancerConfiguration").then_some((found.one(), missing))
        };
        let own = configured(gateway, &["spec", "infrastructure", "parametersRef"], gateway.namespace());
        let of_class = class.and_then(|class| configured(class, &["spec", "parametersRef"], ""));
        let controller = class.and_then(|class| class.node.text_at(&["spec", "controllerName"]));
        for (found, _) in [&own, &of_class].into_iter().flatten() {
            used.extend(found.map(|found| std::ptr::from_ref(found.node)));
        }
        match (class, controller) {
            (None, _) if matches!(nearest_class, Nearest::Several) => {
                let message = format!("several GatewayClasses {class_name:?} are among the files, and differ");
                let gap = gap(gateway.text, GapReason::Unresolved, gateway.head(), message);
                let mut builder = of_gateway(gateway, own, None, Some(gap.clone()));
                builder.attributes.clear();
                builder.incomplete = Some(gap);
                output.declared.push(builder.finish(deployment));
            }
            (_, Some(ALB)) => {
                output.declared.push(of_gateway(gateway, own, of_class, None).finish(deployment));
            }
            (_, Some(NLB)) => {
                let because = "A Gateway of this class creates a network load balancer, which does not parse HTTP.";
                let (text, address, head) = (gateway.text, gateway.address(), gateway.head());
                output.declared.push(incapable(text, Dialect::Kubernetes, address, head, because.to_owned()));
            }
            (None, _) if own.is_some() => {
                let message =
                    format!("its GatewayClass {class_name:?} is not among the files, so its kind is not known");
                let gap = gap(gateway.text, GapReason::Unresolved, gateway.head(), message);
                output.declared.push(of_gateway(gateway, own, None, Some(gap)).finish(deployment));
            }
            // GKE installs its own classes under these names:
            // <https://cloud.google.com/kubernetes-engine/docs/concepts/gateway-api#gatewayclass>
            (None, _) if class_name.starts_with("gke-l7-") => {}
            (None, _) => output.unread.push(UnreadPart {
                address: gateway.address(),
                place: gateway.text.place(gateway.head()),
                because: format!(
                    "Its GatewayClass {class_name:?} is not among the files, so that it is unknown whether it creates \
                     an application load balancer; check the class together with it."
                ),
            }),
            // The class of another controller.
            (Some(_), _) => {}
        }
    }
    for configuration in configurations {
        let attributes = configuration.listed(&LIST);
        let is_used = used.contains(&std::ptr::from_ref(configuration.node));
        if !is_used && (attributes.named.contains_key(MODE) || attributes.incomplete.is_some()) {
            let mut builder = of_configuration(configuration, configuration.address(), attributes);
            builder.note = Some("for every Gateway that uses it".to_owned());
            output.declared.push(builder.finish(deployment));
        }
    }
}

/// What matters of a class: its controller and its configuration.
fn properties_of_class<'a>(class: Object<'a>) -> [Option<&'a str>; 3] {
    let text = |path: &[&str]| class.node.text_at(path);
    [
        text(&["spec", "controllerName"]),
        text(&["spec", "parametersRef", "name"]),
        text(&["spec", "parametersRef", "namespace"]),
    ]
}

/// What matters of a configuration: its attributes and what they are merged with.
fn properties_of_configuration(
    configuration: Object<'_>,
) -> (BTreeMap<String, Observed<String>>, bool, [Observed<String>; 3]) {
    let attributes = configuration.listed(&LIST);
    let value = |key: &str| {
        configuration.node.at(&["spec", key]).map_or(Observed::Absent, |node| literal(configuration.text, node))
    };
    let others = ["mergingMode", "scheme", "loadBalancerName"].map(value);
    (attributes.named, attributes.incomplete.is_some(), others)
}

/// The configuration that is referred to, and the message if it is not known.
type Configured<'a> = Option<(Option<Object<'a>>, String)>;

fn of_gateway<'a>(
    gateway: Object<'a>,
    own: Configured<'a>,
    of_class: Configured<'a>,
    kind_gap: Option<std::sync::Arc<doorward_model::Gap>>,
) -> LoadBalancerBuilder<'a> {
    let prefers_gateway = |class: Object<'_>| class.node.text_at(&["spec", "mergingMode"]) == Some("prefer-gateway");
    let class_first = !of_class.as_ref().and_then(|(found, _)| *found).is_some_and(prefers_gateway);
    let mut ordered: Vec<_> = [of_class, own].into_iter().flatten().collect();
    if !class_first {
        ordered.reverse();
    }
    let sets_mode = |found: &Option<Object<'_>>| found.is_some_and(|o| o.listed(&LIST).named.contains_key(MODE));
    // A configuration that is not among the files decides, unless one of higher precedence sets the mode.
    let before = ordered.iter().take_while(|(found, _)| !sets_mode(found));
    let missing = before.filter(|(found, _)| found.is_none()).map(|(_, name)| name.clone()).next();
    let found: Vec<_> = ordered.into_iter().filter_map(|(found, _)| found).collect();
    let setter = found.iter().copied().find(|object| object.listed(&LIST).named.contains_key(MODE));
    let at = setter.or_else(|| found.last().copied()).unwrap_or(gateway);
    let mut attributes = Attributes::default();
    for object in &found {
        let listed = object.listed(&LIST);
        for (key, value) in listed.named {
            attributes.named.entry(key).or_insert(value);
        }
        attributes.incomplete = attributes.incomplete.or(listed.incomplete);
    }
    attributes.spans = at.listed(&LIST).spans;
    let undecided = missing.is_some();
    if let Some(message) = missing {
        attributes.incomplete = Some(gap(gateway.text, GapReason::Unresolved, gateway.head(), message));
    }
    let mut builder = of_configuration(at, gateway.address(), attributes);
    if undecided {
        builder.attributes.remove(MODE);
    }
    builder.kind = Kind::Application;
    builder.kind_gap = kind_gap;
    builder.managed_by = Observed::Known(Manager::Kubernetes(gateway.full_name()));
    builder.match_hints.tag = Some(gateway.full_name());
    if let Some(setter) = setter.filter(|_| found.len() > 1) {
        builder.note = Some(format!("set by {}", setter.address()));
    }
    builder
}

fn of_configuration(object: Object<'_>, address: String, attributes: Attributes) -> LoadBalancerBuilder<'_> {
    let mut builder = LoadBalancerBuilder::new(object.text, Dialect::Kubernetes, address, object.head());
    builder.action = object.origin.map_or(builder.action, |origin| origin.action);
    builder.set_attributes(attributes);
    let value = |key: &str| object.node.at(&["spec", key]).map_or(Observed::Absent, |node| literal(object.text, node));
    builder.name = value("loadBalancerName");
    builder.scheme = scheme_of(object, value("scheme"));
    builder.managed_by = Observed::Known(Manager::Kubernetes(format!("{}/{}", object.namespace(), object.name())));
    builder.more_tags = Some(builder.gap(GapReason::Undeclared, builder.head.clone(), "the controller may add tags"));
    let holder = object.address();
    let holder = if object.is("LoadBalancerConfiguration", "") {
        holder
    } else {
        format!("a LoadBalancerConfiguration of {holder}")
    };
    builder.mode_instruction = format!("In spec.loadBalancerAttributes of {holder}, set {MODE} to");
    builder.logs_instruction =
        format!("Add access_logs.s3.enabled and access_logs.s3.bucket to spec.loadBalancerAttributes of {holder}.");
    builder.fix = if object.is("LoadBalancerConfiguration", "") {
        edit_list(object, &LIST)
    } else {
        Err("the Gateway has no LoadBalancerConfiguration yet".to_owned())
    };
    builder
}
