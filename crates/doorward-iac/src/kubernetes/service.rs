//! Services of the type LoadBalancer: a network load balancer, or a classic one of the cloud provider, whose mode no annotation
//! sets: <https://cloud-provider-aws.sigs.k8s.io/service_controller/>

use doorward_model::{GapReason, Kind, Listener, Manager, Observed, Scheme};

use super::{Object, literal};
use crate::draft::{Draft, LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, gap, incapable};
use crate::tree::Node;
use crate::{Dialect, Options, Reading};

const PREFIX: &str = "service.beta.kubernetes.io/aws-load-balancer-";

/// Reads Services.
pub(super) fn read(objects: &[Object<'_>], options: &Options, reading: &mut Reading) {
    for service in objects.iter().filter(|object| object.is("Service", "")) {
        if service.node.text_at(&["spec", "type"]) != Some("LoadBalancer") {
            continue;
        }
        let class = service.node.text_at(&["spec", "loadBalancerClass"]);
        let annotations = service.node.at(&["metadata", "annotations"]).and_then(Node::as_map).unwrap_or_default();
        let speaks = annotations.iter().any(|(key, _)| key.as_str().is_some_and(|key| key.starts_with(PREFIX)));
        if !speaks && !class.is_some_and(|class| class.ends_with("/nlb")) {
            continue;
        }
        let kind = service.annotation("service.beta.kubernetes.io/aws-load-balancer-type").and_then(Node::as_str);
        if reading.is_full(|| service.text.place(service.head())) {
            break;
        }
        let declared = if class.is_some() || kind.is_some() {
            let because = "A Service makes a network load balancer, which does not parse HTTP.";
            incapable(service.text, Dialect::Kubernetes, service.address(), service.head(), because.to_owned())
        } else {
            classic(*service).finish(options)
        };
        reading.declared.push(declared);
    }
}

fn classic<'a>(service: Object<'a>) -> Draft<'a> {
    let mut draft = Draft::new(service.text, Dialect::Kubernetes, service.address(), service.head());
    let undeclared = |what: &str| gap(service.text, GapReason::Undeclared, service.head(), what);
    let annotation = |key: &str| match service.annotation(&format!("{PREFIX}{key}")) {
        Some(node) => literal(service.text, node),
        None => Observed::Absent,
    };
    draft.kind = Kind::Classic;
    draft.name = Observed::Unread(undeclared("the controller makes up the name"));
    // Any value but these two counts as yes, as it always has.
    draft.scheme = match annotation("internal") {
        Observed::Absent => Observed::Known(Scheme::InternetFacing),
        Observed::Known(word) if word.is_empty() || word == "false" => Observed::Known(Scheme::InternetFacing),
        Observed::Known(_) => Observed::Known(Scheme::Internal),
        Observed::Unread(gap) => Observed::Unread(gap),
    };
    for (key, name) in [
        (LOGS_ENABLED, "access-log-enabled"),
        (LOGS_BUCKET, "access-log-s3-bucket-name"),
        (LOGS_PREFIX, "access-log-s3-bucket-prefix"),
    ] {
        draft.attributes.insert(key.to_owned(), annotation(name));
    }
    draft.listeners = listeners(service, &annotation);
    draft.managed_by = Observed::Known(Manager::Kubernetes(service.full_name()));
    draft.marks.tag = Some(service.full_name());
    draft.more_tags = Some(undeclared("tags of the controller may be added"));
    if let Observed::Known(tags) = annotation("additional-resource-tags") {
        let pairs = tags.split(',').filter_map(|pair| pair.split_once('='));
        draft.tags.extend(pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())));
    }
    draft.way = format!(
        "A Service has no annotation for it: once {} is deployed, set {} by elasticloadbalancing:ModifyLoadBalancerAttributes to",
        draft.address,
        Kind::Classic.mode_attribute()
    );
    draft.logs_way =
        format!("Annotate {} with {PREFIX}access-log-enabled and {PREFIX}access-log-s3-bucket-name.", draft.address);
    draft.fix = Err("a Service has no annotation for the mode of a classic load balancer".to_owned());
    draft
}

/// One listener for each port: TCP unless the protocol behind it is HTTP, or a certificate stands before it.
fn listeners(service: Object<'_>, annotation: &dyn Fn(&str) -> Observed<String>) -> Observed<Vec<Listener>> {
    let words = |key: &str| annotation(key).map(|text| text.to_lowercase());
    let (behind, certificate, ports) = (words("backend-protocol"), words("ssl-cert"), words("ssl-ports"));
    for value in [&behind, &certificate, &ports] {
        if let Observed::Unread(gap) = value {
            return Observed::Unread(gap.clone());
        }
    }
    let behind = behind.known().map_or("", String::as_str);
    let Some(list) = service.node.at(&["spec", "ports"]).and_then(Node::as_seq) else { return Observed::Absent };
    let listener = |port: &Node| {
        let (number, name) = (port.text_at(&["port"]), port.text_at(&["name"]));
        let is_named = |word: &str| word == "*" || Some(word) == number || Some(word) == name;
        let secure = certificate.known().is_some_and(|arn| !arn.is_empty())
            && ports.known().is_none_or(|ports| ports.split(',').any(|word| is_named(word.trim())));
        let protocol = match (secure, behind) {
            (true, "http" | "https") => "HTTPS",
            (true, _) => "SSL",
            (false, "http") => "HTTP",
            (false, _) => "TCP",
        };
        Listener { protocol: protocol.to_owned(), port: number.and_then(|number| number.parse().ok()) }
    };
    Observed::Known(list.iter().map(listener).collect())
}
