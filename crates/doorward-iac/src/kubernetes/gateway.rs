//! Gateways with their classes and LoadBalancerConfigurations.
//!
//! A configuration of the class and one of the Gateway are merged by key; the class wins unless its `mergingMode` says
//! otherwise: <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/loadbalancerconfig/>

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{GapReason, Kind, Manager, Observed};

use super::ingress::{in_list, scheme_of};
use super::{MODE, Object, literal};
use crate::attributes::Attributes;
use crate::draft::{Draft, gap, incapable};
use crate::{Dialect, Options, Reading, Unread};

const ALB: &str = "gateway.k8s.aws/alb";
const NLB: &str = "gateway.k8s.aws/nlb";
const LIST: [&str; 2] = ["spec", "loadBalancerAttributes"];

/// Reads Gateways, and the configurations that no Gateway here uses.
pub(super) fn read(objects: &[Object<'_>], options: &Options, reading: &mut Reading) {
    let configurations: Vec<_> =
        objects.iter().copied().filter(|o| o.is("LoadBalancerConfiguration", "gateway.k8s.aws")).collect();
    // Of several of one name the first counts.
    let mut by_name = BTreeMap::new();
    for configuration in &configurations {
        by_name.entry((configuration.namespace(), configuration.name())).or_insert(*configuration);
    }
    let mut classes = BTreeMap::new();
    for class in objects.iter().copied().filter(|o| o.is("GatewayClass", "gateway.networking.k8s.io")) {
        classes.entry(class.name()).or_insert(class);
    }
    let mut used: BTreeSet<*const crate::tree::Node> = BTreeSet::new();
    for gateway in objects.iter().copied().filter(|object| object.is("Gateway", "gateway.networking.k8s.io")) {
        if reading.is_full(|| gateway.text.place(gateway.head())) {
            break;
        }
        let class_name = gateway.node.text_at(&["spec", "gatewayClassName"]).unwrap_or_default();
        let class = classes.get(class_name).copied();
        let configured = |object: Object<'_>, path: &[&str], namespace: &str| {
            let reference = object.node.at(path)?;
            let wanted = (reference.text_at(&["kind"])?, reference.text_at(&["name"])?);
            let namespace = reference.text_at(&["namespace"]).unwrap_or(namespace);
            let found = by_name.get(&(namespace, wanted.1)).copied();
            (wanted.0 == "LoadBalancerConfiguration").then_some((found, wanted.1.to_owned()))
        };
        let own = configured(gateway, &["spec", "infrastructure", "parametersRef"], gateway.namespace());
        let of_class = class.and_then(|class| configured(class, &["spec", "parametersRef"], ""));
        let controller = class.and_then(|class| class.node.text_at(&["spec", "controllerName"]));
        for (found, _) in [&own, &of_class].into_iter().flatten() {
            used.extend(found.map(|found| std::ptr::from_ref(found.node)));
        }
        match (class, controller) {
            (_, Some(ALB)) => {
                reading.declared.push(of_gateway(gateway, own, of_class, None).finish(options));
            }
            (_, Some(NLB)) => {
                let because = "A Gateway of this class makes a network load balancer, which does not parse HTTP.";
                let (text, address, head) = (gateway.text, gateway.address(), gateway.head());
                reading.declared.push(incapable(text, Dialect::Kubernetes, address, head, because.to_owned()));
            }
            (None, _) if own.is_some() => {
                let message = format!("its GatewayClass {class_name:?} is not among the files, so its kind is not known");
                let gap = gap(gateway.text, GapReason::Unresolved, gateway.head(), message);
                reading.declared.push(of_gateway(gateway, own, None, Some(gap)).finish(options));
            }
            (None, _) => reading.unread.push(Unread {
                address: gateway.address(),
                place: gateway.text.place(gateway.head()),
                because: format!(
                    "Its GatewayClass {class_name:?} is not among the files, so that nobody can say whether it makes an \
                     application load balancer; check the class with it."
                ),
            }),
            // Another controller's.
            (Some(_), _) => {}
        }
    }
    for configuration in configurations {
        let attributes = configuration.listed(&LIST);
        let is_used = used.contains(&std::ptr::from_ref(configuration.node));
        if !is_used && (attributes.named.contains_key(MODE) || attributes.rest.is_some()) {
            let mut draft = of_configuration(configuration, configuration.address(), attributes);
            draft.note = Some("for every Gateway that it is attached to".to_owned());
            reading.declared.push(draft.finish(options));
        }
    }
}

type Configured<'a> = Option<(Option<Object<'a>>, String)>;

fn of_gateway<'a>(
    gateway: Object<'a>,
    own: Configured<'a>,
    of_class: Configured<'a>,
    kind_gap: Option<std::sync::Arc<doorward_model::Gap>>,
) -> Draft<'a> {
    let prefers_gateway = |class: Object<'_>| class.node.text_at(&["spec", "mergingMode"]) == Some("prefer-gateway");
    let class_first = !of_class.as_ref().and_then(|(found, _)| *found).is_some_and(prefers_gateway);
    let mut ordered: Vec<_> = [of_class, own].into_iter().flatten().collect();
    if !class_first {
        ordered.reverse();
    }
    let names = |found: &Option<Object<'_>>| found.is_some_and(|o| o.listed(&LIST).named.contains_key(MODE));
    // One that is not seen decides unless one before it does.
    let before = ordered.iter().take_while(|(found, _)| !names(found));
    let missing = before.filter(|(found, _)| found.is_none()).map(|(_, name)| name.clone()).next();
    let found: Vec<_> = ordered.into_iter().filter_map(|(found, _)| found).collect();
    let namer = found.iter().copied().find(|object| object.listed(&LIST).named.contains_key(MODE));
    let at = namer.or_else(|| found.last().copied()).unwrap_or(gateway);
    let mut attributes = Attributes::default();
    for object in &found {
        let listed = object.listed(&LIST);
        for (key, value) in listed.named {
            attributes.named.entry(key).or_insert(value);
        }
        attributes.rest = attributes.rest.or(listed.rest);
    }
    attributes.spans = at.listed(&LIST).spans;
    let undecided = missing.is_some();
    if let Some(name) = missing {
        let message = format!("the LoadBalancerConfiguration {name:?} is not among the files");
        attributes.rest = Some(gap(gateway.text, GapReason::Unresolved, gateway.head(), message));
    }
    let mut draft = of_configuration(at, gateway.address(), attributes);
    if undecided {
        draft.attributes.remove(MODE);
    }
    draft.kind = Kind::Application;
    draft.kind_gap = kind_gap;
    draft.managed_by = Observed::Known(Manager::Kubernetes(gateway.full_name()));
    draft.marks.tag = Some(gateway.full_name());
    if let Some(namer) = namer.filter(|_| found.len() > 1) {
        draft.note = Some(format!("{} decides", namer.address()));
    }
    draft
}

fn of_configuration(object: Object<'_>, address: String, attributes: Attributes) -> Draft<'_> {
    let mut draft = Draft::new(object.text, Dialect::Kubernetes, address, object.head());
    draft.value = attributes.spans.get(MODE).cloned();
    draft.attributes = attributes.named;
    draft.rest = attributes.rest;
    let value = |key: &str| object.node.at(&["spec", key]).map_or(Observed::Absent, |node| literal(object.text, node));
    draft.name = value("loadBalancerName");
    draft.scheme = scheme_of(object, value("scheme"));
    draft.managed_by = Observed::Known(Manager::Kubernetes(format!("{}/{}", object.namespace(), object.name())));
    draft.more_tags = Some(draft.gap(GapReason::Undeclared, draft.head.clone(), "tags of the controller may be added"));
    let holder = object.address();
    let holder = if object.is("LoadBalancerConfiguration", "") {
        holder
    } else {
        format!("a LoadBalancerConfiguration of {holder}")
    };
    draft.way = format!("In spec.loadBalancerAttributes of {holder}, set {MODE} to");
    draft.logs_way =
        format!("Add access_logs.s3.enabled and access_logs.s3.bucket to spec.loadBalancerAttributes of {holder}.");
    draft.fix = if object.is("LoadBalancerConfiguration", "") {
        in_list(object, &LIST)
    } else {
        Err("the Gateway has no LoadBalancerConfiguration yet".to_owned())
    };
    draft
}
