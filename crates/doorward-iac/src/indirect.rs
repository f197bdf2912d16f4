//! Resources of Terraform and Pulumi that are no load balancers and create one: manifests, Helm releases, environments of
//! Elastic Beanstalk, stacks of CloudFormation.
//!
//! A resource is a tree of its arguments, whether it stands in configuration, in a plan or in a preview; a value that is not
//! known is a scalar `${...}`. A manifest in it is judged with all other manifests. What creates a load balancer and does not
//! show its mode is a part that was not read.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::kubernetes::{ManifestOrigin, Manifests, is_disabled, of_values};
use crate::signs;
use crate::source_text::{SourceFile, SourceText};
use crate::synthetic::{at_path, document, map, merge, parse_yaml, scalar};
use crate::terraform::camel;
use crate::terraform::module_sources::words;
use crate::tree::{Data, Document, Node};
use crate::{Action, ParseOutput, Unexamined, UnexaminedReason, UnreadPart};

mod charts;
mod other_kinds;
pub(crate) mod plan;
pub(crate) mod preview;

pub(crate) use charts::is_without_ingress;
pub(crate) use other_kinds::is_named_after_other_kinds;

/// The beginning of a text that stands for one of several, and contains all of them.
pub(crate) const ONE_OF_SEVERAL: &str = "${one of several}\n";

/// The key that stands for the keys of a loop, whose values have the form of [`OF_LOOP`]. Of any other key that is not known, the
/// form of the value is not known either.
pub(crate) const KEYS_OF_LOOP: &str = "${keys of a loop}";
/// The key of the value that a loop gives to each of its keys.
pub(crate) const OF_LOOP: &str = "${each}";

const UNFIXABLE: &str = "the manifest stands in another declaration; change it there";

/// Types of resources that contain a Kubernetes object as blocks, with the kind and version of the object.
const OBJECTS: [(&str, &str, &str); 7] = [
    ("kubernetes_ingress", "Ingress", "networking.k8s.io/v1"),
    ("kubernetes_ingress_v1", "Ingress", "networking.k8s.io/v1"),
    ("kubernetes_ingress_class", "IngressClass", "networking.k8s.io/v1"),
    ("kubernetes_ingress_class_v1", "IngressClass", "networking.k8s.io/v1"),
    ("kubernetes_service", "Service", "v1"),
    ("kubernetes_service_v1", "Service", "v1"),
    ("kubernetes_stateful_service", "Service", "v1"),
];
/// Types of resources with a manifest, and the argument that contains it.
const MANIFESTS: [(&str, &str); 4] = [
    ("kubernetes_manifest", "manifest"),
    ("kubectl_manifest", "yaml_body"),
    ("k8s_manifest", "content"),
    ("kustomization_resource", "manifest"),
];
/// Types of resources that create a load balancer in other ways.
const OTHERS: [&str; 8] = [
    "helm_release",
    "aws_cloudcontrolapi_resource",
    "aws_cloudformation_stack",
    "aws_cloudformation_stack_set",
    "aws_ecs_express_gateway_service",
    "aws_elastic_beanstalk_environment",
    "aws_serverlessapplicationrepository_cloudformation_stack",
    "aws_servicecatalog_provisioned_product",
];

/// What a resource contains.
pub(crate) enum Indirect {
    /// A Kubernetes object.
    Object(Document, ManifestOrigin),
    /// Something that creates a load balancer, or may, with the reason why it is not judged.
    Unread(String),
    /// Something that is not known and gives no sign of a load balancer, with what it is.
    Unexamined(UnexaminedReason, String),
}

/// Objects that were found in files which the caller does not hold.
#[derive(Default)]
pub(crate) struct FoundObjects {
    files: BTreeMap<String, SourceFile>,
    objects: Vec<(String, Document, ManifestOrigin)>,
}

impl FoundObjects {
    /// Adds an object of a file.
    pub(crate) fn add(&mut self, text: &SourceText<'_>, document: Document, origin: ManifestOrigin) {
        if !self.files.contains_key(text.path)
            && let Ok(file) = SourceFile::new(text.path, text.text.as_bytes().to_vec(), false)
        {
            self.files.insert(text.path.to_owned(), file);
        }
        self.objects.push((text.path.to_owned(), document, origin));
    }

    /// The texts of the files.
    pub(crate) fn texts(&self) -> BTreeMap<&str, SourceText<'_>> {
        self.files.iter().map(|(path, file)| (path.as_str(), SourceText::new(file))).collect()
    }

    /// Adds the objects to the manifests. `texts` are those of [`FoundObjects::texts`].
    pub(crate) fn add_to<'a>(&self, texts: &'a BTreeMap<&str, SourceText<'a>>, manifests: &mut Manifests<'a>) {
        for (path, found, origin) in &self.objects {
            if let Some(text) = texts.get(path.as_str()) {
                manifests.add_from(text, document(found.root.clone()), origin.clone());
            }
        }
    }
}

/// Whether a type of resource is evaluated here.
pub(crate) fn is_evaluated(kind: &str) -> bool {
    OBJECTS.iter().any(|(known, ..)| *known == kind)
        || MANIFESTS.iter().any(|(known, _)| *known == kind)
        || OTHERS.contains(&kind)
}

/// Whether a resource of another provider contains a manifest for the AWS Load Balancer Controller.
pub(crate) fn is_unevaluated_manifest(kind: &str, raw: &str) -> bool {
    !is_evaluated(kind) && !kind.starts_with("aws_") && raw.contains("alb.ingress.kubernetes.io/")
}

/// What a resource of one of these types contains. `raw` is its text.
pub(crate) fn of_resource(kind: &str, node: &Node, address: &str, action: Action, raw: &str) -> Vec<Indirect> {
    let origin = || ManifestOrigin {
        address: address.to_owned(),
        action,
        scope: String::new(),
        unfixable: UNFIXABLE,
        note: None,
    };
    if let Some((_, name, version)) = OBJECTS.iter().find(|(known, ..)| *known == kind) {
        return vec![Indirect::Object(document(object(node, name, version)), origin())];
    }
    if let Some((_, argument)) = MANIFESTS.iter().find(|(known, _)| *known == kind) {
        return match node.get(argument).map(manifests_of) {
            Some(Some(objects)) => {
                objects.into_iter().map(|object| Indirect::Object(document(object), origin())).collect()
            }
            _ if is_named_after_other_kinds(address) && !signs::of_controller(raw) => {
                let detail = "its manifest is not known here".to_owned();
                vec![Indirect::Unexamined(UnexaminedReason::ManifestOfOtherKinds, detail)]
            }
            _ => vec![Indirect::Unread(
                "Its manifest is not known here, and may create a load balancer; check the manifest, or the plan."
                    .to_owned(),
            )],
        };
    }
    if is_unevaluated_manifest(kind, raw) {
        let because = "The resource speaks of the AWS Load Balancer Controller and is not evaluated; check the manifest that it \
                       deploys.";
        return vec![Indirect::Unread(because.to_owned())];
    }
    match kind {
        "helm_release" => helm(node, address, action, raw),
        "aws_elastic_beanstalk_environment" => beanstalk(node).into_iter().map(Indirect::Unread).collect(),
        "aws_ecs_express_gateway_service" => vec![Indirect::Unread(
            "Amazon ECS creates an application load balancer for it, which the declaration does not configure; check the load \
             balancer after deployment."
                .to_owned(),
        )],
        "aws_cloudcontrolapi_resource" => other_kinds::of_cloud_control(node).into_iter().collect(),
        "aws_serverlessapplicationrepository_cloudformation_stack" => {
            vec![other_kinds::of_catalogue(node, &["application_id"], address)]
        }
        "aws_servicecatalog_provisioned_product" => {
            vec![other_kinds::of_catalogue(node, &["product_name", "path_name", "name"], address)]
        }
        _ => stack(node, address).into_iter().collect(),
    }
}

/// Records what a resource contains: objects by `add`, the rest as parts that were not read.
pub(crate) fn record(
    found: Vec<Indirect>,
    (text, at, address): (&SourceText<'_>, &Range<usize>, &str),
    output: &mut ParseOutput,
    add: &mut dyn FnMut(Document, ManifestOrigin),
) {
    for one in found {
        match one {
            Indirect::Object(document, origin) => add(document, origin),
            Indirect::Unexamined(reason, detail) => {
                let place = text.place(at.clone());
                output.unexamined.push(Unexamined { address: address.to_owned(), place, reason, detail });
            }
            Indirect::Unread(because) => {
                output.unread.push(UnreadPart { address: address.to_owned(), place: text.place(at.clone()), because });
            }
        }
    }
}

/// A Kubernetes object from the blocks of a resource.
fn object(node: &Node, kind: &str, version: &str) -> Node {
    let at = node.span.start..node.span.start;
    let mut pairs = vec![("apiVersion", scalar(version, at.clone())), ("kind", scalar(kind, at.clone()))];
    for part in ["metadata", "spec"] {
        if let Some(block) = node.get(part).and_then(block) {
            pairs.push((part, camel_keys(block)));
        }
    }
    map(pairs, at)
}

/// A block: the first of a list.
fn block(node: &Node) -> Option<&Node> {
    match node.as_seq() {
        Some(blocks) => blocks.first(),
        None => Some(node),
    }
}

/// The keys in camel case, except those of labels and annotations. Single blocks stand for themselves.
fn camel_keys(node: &Node) -> Node {
    let Some(pairs) = node.as_map() else { return node.clone() };
    let converted = pairs.iter().map(|(key, value)| {
        let name = key.as_str().unwrap_or_default();
        let value = match name {
            "annotations" | "labels" => value.clone(),
            "parameters" => block(value).map_or_else(|| value.clone(), camel_keys),
            _ => camel_keys(value),
        };
        (scalar(camel(name), key.span.clone()), value)
    });
    Node { span: node.span.clone(), tag: None, data: std::rc::Rc::new(Data::Map(converted.collect())) }
}

/// The objects of a manifest: a tree, or a text in YAML. `None` if it is not known.
fn manifests_of(node: &Node) -> Option<Vec<Node>> {
    match node.as_str() {
        None => Some(vec![node.clone()]).filter(|_| node.as_map().is_some()),
        Some(text) if text.starts_with(ONE_OF_SEVERAL) => None,
        Some(text) if text.starts_with("${") && text.ends_with('}') && !text.contains('\n') => None,
        Some(text) => {
            let objects = parse_yaml(text, &node.span)?;
            objects.iter().all(|object| object.as_map().is_some() || object.is_null()).then_some(objects)
        }
    }
}

/// The values of a Helm release.
fn helm(node: &Node, address: &str, action: Action, raw: &str) -> Vec<Indirect> {
    let mut values = map(Vec::<(String, Node)>::new(), node.span.clone());
    let mut is_complete = true;
    let given = node.get("values").map(|given| given.as_seq().unwrap_or(std::slice::from_ref(given)));
    for part in given.unwrap_or_default() {
        match manifests_of(part) {
            Some(parts) => parts.iter().filter(|part| !part.is_null()).for_each(|part| values = merge(&values, part)),
            // A text of which parts are left out or repeated: its words decide.
            None if part.as_str().is_some_and(|text| text.starts_with(ONE_OF_SEVERAL)) => {
                is_complete &= !part.as_str().is_some_and(signs::of_ingress);
            }
            None => is_complete &= part.is_null(),
        }
    }
    let sets = node.get("set").map(|set| set.as_seq().unwrap_or(std::slice::from_ref(set))).unwrap_or_default();
    for set in sets {
        match (set.text_at(&["name"]), set.get("value")) {
            (Some(name), Some(value)) if !name.starts_with("${") => {
                values = merge(&values, &at_path(name, value.clone()))
            }
            _ => is_complete = false,
        }
    }
    is_complete &= !has_unknown_ingress(&values, false);
    let is_off = is_disabled(&values);
    let found = of_values(&values, address, action);
    let chart = node.text_at(&["chart"]).unwrap_or_default();
    let may_be = signs::of_controller(raw) || !charts::is_without_ingress(chart);
    let mut contained: Vec<Indirect> =
        found.into_iter().map(|(document, origin)| Indirect::Object(document, origin)).collect();
    if !is_complete && (may_be || !contained.is_empty()) {
        contained.push(Indirect::Unread(format!(
            "The values of the chart {chart:?} are not all known here, and may ask for a load balancer; check the rendered \
             chart (`helm template`)."
        )));
    } else if contained.is_empty() && !is_off && signs::of_controller(raw) && !charts::is_without_ingress(chart) {
        contained.push(Indirect::Unread(format!(
            "The values of the chart {chart:?} speak of the AWS Load Balancer Controller, and no Ingress is found in them; \
             check the rendered chart (`helm template`)."
        )));
    }
    contained
}

/// Whether the values leave open if a chart gets an Ingress, or which class and annotations it has. `inside` is whether a key
/// around them speaks of an Ingress.
fn has_unknown_ingress(values: &Node, inside: bool) -> bool {
    let is_open = |node: &Node| node.as_str().is_some_and(|text| text.contains("${"));
    match &*values.data {
        Data::Scalar { .. } => false,
        Data::Seq(nodes) => nodes.iter().any(|node| has_unknown_ingress(node, inside)),
        Data::Map(pairs) => {
            let off = |name: &str| values.text_at(&[name]) == Some("false");
            if inside && (off("enabled") || off("create")) {
                return false;
            }
            pairs.iter().any(|(key, value)| {
                let key = key.as_str().unwrap_or_default();
                let lower = key.to_lowercase();
                // An entry whose key is not known may be any.
                let is_any = key.starts_with("${");
                // The names of annotations contain the word.
                let speaks = !key.contains('/') && (lower.contains("ingress") || lower.contains("gateway"));
                let is_decisive = is_any || speaks || (inside && (lower == "annotations" || lower.contains("class")));
                (is_decisive && is_open(value)) || has_unknown_ingress(value, inside || speaks)
            })
        }
    }
}

/// Whether the types of all resources of a template are known, none of them creates a load balancer, and no macro adds any.
fn has_other_resources_only(template: &Node) -> bool {
    let resources = template.get("Resources").and_then(Node::as_map).unwrap_or_default();
    let has_loop = resources.iter().any(|(key, _)| key.as_str() == Some(OF_LOOP));
    let is_other = |(key, resource): &(Node, Node)| {
        if has_loop && key.as_str() == Some(KEYS_OF_LOOP) && resource.as_map().is_none() {
            return true;
        }
        resource.text_at(&["Type"]).is_some_and(|kind| !kind.contains("${") && !signs::of_any(kind))
    };
    !resources.is_empty() && template.get("Transform").is_none() && resources.iter().all(is_other)
}

/// Why the load balancer of an environment of Elastic Beanstalk is not judged; `None` if the environment creates none that has
/// a mode. <https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html>
pub(crate) fn beanstalk(node: &Node) -> Option<String> {
    let settings = ["setting", "settings", "OptionSettings"].iter().find_map(|key| node.get(key));
    let settings = settings.and_then(Node::as_seq).unwrap_or_default();
    let value = |wanted: &str| {
        settings.iter().find_map(|setting| {
            let of = |keys: [&str; 2]| keys.iter().find_map(|key| setting.text_at(&[key]));
            let name = of(["name", "OptionName"]).filter(|name| *name == wanted);
            name.and_then(|_| of(["value", "Value"]))
        })
    };
    let tier = node.text_at(&["tier"]).or_else(|| node.text_at(&["Tier", "Name"]));
    if tier == Some("Worker") || value("EnvironmentType") == Some("SingleInstance") {
        return None;
    }
    let kind = match value("LoadBalancerType") {
        Some("network") => return None,
        Some("application") => "an application load balancer",
        Some("classic") => "a classic load balancer",
        _ => "a load balancer",
    };
    if value("LoadBalancerIsShared") == Some("true") {
        return None;
    }
    Some(format!(
        "Elastic Beanstalk creates {kind} for the environment. Its mode is set by the resource AWSEBV2LoadBalancer in \
         .ebextensions of the application; check that file."
    ))
}

/// What a stack of CloudFormation contains; `None` if its template is known and has no sign of a load balancer.
fn stack(node: &Node, address: &str) -> Option<Indirect> {
    // A text of which parts are left out or repeated contains all of them.
    let body = node.text_at(&["template_body"]).map(|body| body.strip_prefix(ONE_OF_SEVERAL).unwrap_or(body));
    let body = body.filter(|body| !body.starts_with("${"));
    // Of a template that is rendered here, a type may be one of the unknown parts.
    let has_open_type = |line: &str| line.contains("Type") && line.contains("${");
    if body.is_some_and(|body| !signs::of_any(body) && !body.lines().any(has_open_type)) {
        return None;
    }
    // A template that is composed in place.
    let composed = node.get("template_body").filter(|body| body.as_map().is_some());
    if composed.is_some_and(has_other_resources_only) {
        return None;
    }
    // A template from elsewhere is judged by its name, as a nested one.
    let place = node.text_at(&["template_url"]).filter(|place| !place.starts_with("${")).unwrap_or_default();
    let file = place.rsplit('/').next().unwrap_or_default();
    let parameters = node.get("parameters").and_then(Node::as_map).unwrap_or_default().iter();
    let mut names = parameters.map(|(key, _)| key.as_str().unwrap_or("alb")).chain([address, file]);
    let is_elsewhere = node.get("template_body").is_none();
    if is_elsewhere && words::speaks_of_another(file) && !file.contains("${") && !names.any(words::names_one) {
        return Some(Indirect::Unexamined(UnexaminedReason::TemplateOfOtherResources, place.to_owned()));
    }
    let because = "The template of the stack may declare load balancers; check the template as a file.";
    Some(Indirect::Unread(because.to_owned()))
}
