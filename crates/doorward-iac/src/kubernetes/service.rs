//! Services of the type LoadBalancer. They create a network load balancer, or a classic one of the in-tree cloud provider, which
//! has no annotation for the mode: <https://cloud-provider-aws.sigs.k8s.io/service_controller/>

use doorward_model::{GapReason, Kind, Listener, Manager, Observed, Scheme};

use super::{Object, literal};
use crate::builder::{LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, LoadBalancerBuilder, gap, listener};
use crate::incapable::incapable;
use crate::tree::Node;
use crate::{Deployment, Dialect, ParseOutput};

const PREFIX: &str = "service.beta.kubernetes.io/aws-load-balancer-";

/// Parses Services.
pub(super) fn parse(objects: &[Object<'_>], deployment: &Deployment, output: &mut ParseOutput) {
    for service in objects.iter().filter(|object| object.is("Service", "")) {
        if service.node.text_at(&["spec", "type"]) != Some("LoadBalancer") {
            continue;
        }
        let class = service.node.text_at(&["spec", "loadBalancerClass"]);
        let annotations = service.node.at(&["metadata", "annotations"]).and_then(Node::as_map).unwrap_or_default();
        let is_annotated = annotations.iter().any(|(key, _)| key.as_str().is_some_and(|key| key.starts_with(PREFIX)));
        if !is_annotated && !class.is_some_and(|class| class.ends_with("/nlb")) {
            continue;
        }
        let kind = service.annotation("service.beta.kubernetes.io/aws-load-balancer-type").and_then(Node::as_str);
        if output.is_full(|| service.text.place(service.head())) {
            break;
        }
        let declared = if class.is_some() || kind.is_some() {
            let because = "A Service creates a network load balancer, which does not parse HTTP.";
            incapable(service.text, Dialect::Kubernetes, service.address(), service.head(), because.to_owned())
        } else {
            classic(*service).finish(deployment)
        };
        output.declared.push(declared);
    }
}

fn classic<'a>(service: Object<'a>) -> LoadBalancerBuilder<'a> {
    let mut builder = service.builder(service);
    let undeclared = |what: &str| gap(service.text, GapReason::Undeclared, service.head(), what);
    let annotation = |key: &str| match service.annotation(&format!("{PREFIX}{key}")) {
        Some(node) => literal(service.text, node),
        None => Observed::Absent,
    };
    builder.kind = Kind::Classic;
    builder.name = Observed::Unread(undeclared("the controller generates the name"));
    // The cloud provider treats any other value as true.
    builder.scheme = match annotation("internal") {
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
        builder.attributes.insert(key.to_owned(), annotation(name));
    }
    builder.listeners = listeners(service, &annotation);
    builder.managed_by = Observed::Known(Manager::Kubernetes(service.full_name()));
    builder.match_hints.tag = Some(service.full_name());
    builder.more_tags = Some(undeclared("tags of the controller may be added"));
    if let Observed::Known(tags) = annotation("additional-resource-tags") {
        builder.add_tags(&tags);
    }
    builder.without_setting("A Service has no annotation for it");
    builder.logs_instruction =
        format!("Annotate {} with {PREFIX}access-log-enabled and {PREFIX}access-log-s3-bucket-name.", builder.address);
    builder.fix = Err("a Service has no annotation for the mode of a classic load balancer".to_owned());
    builder
}

/// One listener per port: TCP, unless the backend protocol is HTTP or a certificate is configured.
fn listeners(service: Object<'_>, annotation: &dyn Fn(&str) -> Observed<String>) -> Observed<Vec<Listener>> {
    let words = |key: &str| annotation(key).map(|text| text.to_lowercase());
    let (backend, certificate, ports) = (words("backend-protocol"), words("ssl-cert"), words("ssl-ports"));
    for value in [&backend, &certificate, &ports] {
        if let Observed::Unread(gap) = value {
            return Observed::Unread(gap.clone());
        }
    }
    let backend = backend.known().map_or("", String::as_str);
    let Some(list) = service.node.at(&["spec", "ports"]).and_then(Node::as_seq) else { return Observed::Absent };
    let of_port = |port: &Node| {
        let (number, name) = (port.text_at(&["port"]), port.text_at(&["name"]));
        let is_named = |word: &str| word == "*" || Some(word) == number || Some(word) == name;
        let secure = certificate.known().is_some_and(|arn| !arn.is_empty())
            && ports.known().is_none_or(|ports| ports.split(',').any(|word| is_named(word.trim())));
        let protocol = match (secure, backend) {
            (true, "http" | "https") => "HTTPS",
            (true, _) => "SSL",
            (false, "http") => "HTTP",
            (false, _) => "TCP",
        };
        listener(protocol, number)
    };
    Observed::Known(list.iter().map(of_port).collect())
}
