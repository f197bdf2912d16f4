//! Values of Helm charts that ask for an application load balancer: values files, Flux HelmReleases, Argo CD Applications.
//!
//! The chart is not rendered. Values that annotate an Ingress for the AWS Load Balancer Controller, or that name its class, are
//! judged as that Ingress.

use std::collections::BTreeMap;

use super::{ManifestOrigin, Object};
use crate::indirect::is_without_ingress;
use crate::source_text::SourceText;
use crate::synthetic::{at_path, document, map, merge, parse_yaml, respan, scalar};
use crate::terraform::module_sources::words;
use crate::tree::{Data, Document, Node};
use crate::{Action, ParseOutput, Unexamined, UnexaminedReason, UnreadPart};

const PREFIX: &str = "alb.ingress.kubernetes.io/";
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const UNFIXABLE: &str = "the chart decides how its values are used; change the values";

/// Annotations that only an Ingress has. Others, such as those for health checks, also stand on Services.
const OF_INGRESSES: [&str; 14] = [
    "certificate-arn",
    "group.name",
    "inbound-cidrs",
    "ip-address-type",
    "listen-ports",
    "load-balancer-attributes",
    "load-balancer-name",
    "scheme",
    "security-groups",
    "ssl-policy",
    "ssl-redirect",
    "subnets",
    "tags",
    "wafv2-acl-arn",
];
/// Keys under which charts take the class of an Ingress.
const CLASS_KEYS: [&str; 4] = ["ingressClassName", "className", "ingressClass", "class"];

/// An Ingress that values describe.
pub(super) type RenderedIngress<'a> = (&'a SourceText<'a>, Document, ManifestOrigin);

/// A part of values that describes an Ingress.
struct ValuesIngress {
    path: String,
    settings: Node,
    annotations: Option<Node>,
}

/// Whether a document without a dialect is a values file that may ask for an application load balancer.
pub(crate) fn is_values(name: &str, root: &Node) -> bool {
    root.as_map().is_some_and(|pairs| !pairs.is_empty())
        && (name.to_ascii_lowercase().contains("values") || !ingresses_of(root).is_empty())
        && root.get("apiVersion").is_none()
        && !super::is_kustomization(name)
}

/// The Ingresses that values files and objects with values describe.
pub(super) fn ingresses<'a>(
    objects: &[Object<'a>],
    files: &'a [(&'a SourceText<'a>, Document)],
    output: &mut ParseOutput,
) -> Vec<RenderedIngress<'a>> {
    let mut rendered = Vec::new();
    for object in objects {
        let values = match object.node.text_at(&["kind"]) {
            Some("HelmRelease") => object.node.at(&["spec", "values"]).cloned(),
            Some("Application" | "ApplicationSet") => of_application(object.node),
            _ => continue,
        };
        // A patch over the rendered chart counts last.
        let patches = object.node.at(&["spec", "postRenderers"]).filter(|patches| super::kustomize::mentions(patches));
        if let Some(patches) = patches {
            output.unread.push(UnreadPart {
                address: object.address(),
                place: object.text.place(patches.span.start..patches.span.start),
                because: "Its postRenderers change the rendered chart; check the manifests that are deployed."
                    .to_owned(),
            });
            continue;
        }
        if let Some(values) = values {
            let action = object.origin.map_or(Action::Unspecified, |origin| origin.action);
            let of_values = of_values(&values, &object.address(), action);
            rendered.extend(of_values.into_iter().map(|(document, origin)| (object.text, document, origin)));
        }
        if object.node.at(&["spec", "valuesFrom"]).is_some() {
            unknown_values(object, output);
        }
    }
    let mut folders: BTreeMap<&str, Vec<&(&SourceText<'_>, Document)>> = BTreeMap::new();
    let folder = |text: &SourceText<'a>| text.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for file in files {
        folders.entry(folder(file.0)).or_default().push(file);
    }
    for (text, values) in files {
        let beside = folders.get(folder(text)).map(Vec::as_slice).unwrap_or_default();
        let beside: Vec<_> = beside.iter().filter(|(other, _)| other.path != text.path).collect();
        let base = beside.iter().find(|(other, _)| is_base(other.path)).filter(|_| !is_base(text.path));
        output.files.push((text.path.to_owned(), crate::Dialect::Kubernetes));
        // Helm puts the values of a deployment over the chart's own.
        let merged =
            base.map_or_else(|| values.root.clone(), |(_, base)| merge(&respan(&base.root, &(0..0)), &values.root));
        for mut one in ingresses_of(&merged) {
            let is_enabled_elsewhere =
                || beside.iter().any(|(_, other)| is_enabled(&other.root, &one.path) == Some(true));
            let own = is_enabled(&merged, &one.path);
            let is_of_base = one.settings.span == (0..0);
            if is_of_base || (own == Some(false) && !(is_base(text.path) && is_enabled_elsewhere())) {
                continue;
            }
            one.annotations = one.annotations.map(|node| placed(&node, &one.settings));
            let (values, origin) =
                one.rendered(&format!("values {}", one.path), text.path.to_owned(), Action::Unspecified);
            rendered.push((*text, values, origin));
        }
    }
    rendered
}

/// Records that a release of Flux has values that are not in it: as not read if the file or the name of the chart speaks of a load
/// balancer.
fn unknown_values(object: &Object<'_>, output: &mut ParseOutput) {
    let chart = object.node.text_at(&["spec", "chart", "spec", "chart"]).unwrap_or_default();
    let speaks_of_one = words::names_one(chart) || words::names_application(chart);
    let (address, place) = (object.address(), object.text.place(object.head()));
    if is_without_ingress(chart) {
        return;
    }
    if speaks_of_one || crate::signs::of_controller(object.text.text) {
        let because =
            "Its values come from outside the file and may ask for a load balancer; check the rendered chart \
                       (`helm template`)."
                .to_owned();
        output.unread.push(UnreadPart { address, place, because });
    } else {
        let (reason, detail) = (UnexaminedReason::UnknownValues, chart.to_owned());
        output.unexamined.push(Unexamined { address, place, reason, detail });
    }
}

/// The Ingresses that the values of one release describe.
pub(crate) fn of_values(values: &Node, address: &str, action: Action) -> Vec<(Document, ManifestOrigin)> {
    let enabled = ingresses_of(values).into_iter().filter(|one| is_enabled(values, &one.path) != Some(false));
    enabled.map(|one| one.rendered(&format!("{address}: {}", one.path), address.to_owned(), action)).collect()
}

/// Whether values describe Ingresses, all of which they disable.
pub(crate) fn is_disabled(values: &Node) -> bool {
    let found = ingresses_of(values);
    !found.is_empty() && found.iter().all(|one| is_enabled(values, &one.path) == Some(false))
}

/// Nodes of the base file have no place in this file: they get that of the settings.
fn placed(node: &Node, settings: &Node) -> Node {
    match &*node.data {
        Data::Map(pairs) => {
            let placed = |node: &Node| if node.span == (0..0) { respan(node, &settings.span) } else { node.clone() };
            let pairs = pairs.iter().map(|(key, value)| (placed(key), placed(value))).collect();
            Node { span: settings.span.clone(), tag: None, data: std::rc::Rc::new(Data::Map(pairs)) }
        }
        _ => node.clone(),
    }
}

/// Whether a file is that of a chart's own values.
fn is_base(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("values.yaml" | "values.yml"))
}

/// Whether values enable or disable the Ingress at a path; `None` if they do neither.
fn is_enabled(values: &Node, path: &str) -> Option<bool> {
    let settings = path.split('.').filter(|key| !key.is_empty()).try_fold(values, |node, key| node.get(key))?;
    let enabled = settings.text_at(&["enabled"]).or_else(|| settings.text_at(&["create"]))?;
    enabled.parse().ok()
}

/// The merged values of an Argo CD Application: the string, then the object, then the parameters.
fn of_application(node: &Node) -> Option<Node> {
    let mut values: Option<Node> = None;
    let mut add = |node: Node| values = Some(values.as_ref().map_or_else(|| node.clone(), |base| merge(base, &node)));
    let mut pending = vec![node];
    while let Some(node) = pending.pop() {
        match &*node.data {
            Data::Scalar { .. } => {}
            Data::Seq(nodes) => pending.extend(nodes),
            Data::Map(pairs) => {
                for (key, value) in pairs {
                    if key.as_str() != Some("helm") || value.as_map().is_none() {
                        pending.push(value);
                        continue;
                    }
                    let string = value.get("values").and_then(|text| parse_yaml(text.as_str()?, &text.span));
                    string.into_iter().flatten().for_each(&mut add);
                    value.get("valuesObject").cloned().into_iter().for_each(&mut add);
                    for parameter in value.get("parameters").and_then(Node::as_seq).unwrap_or_default() {
                        if let (Some(name), Some(value)) = (parameter.text_at(&["name"]), parameter.get("value")) {
                            add(at_path(name, value.clone()));
                        }
                    }
                }
            }
        }
    }
    values
}

/// The Ingresses that values describe.
fn ingresses_of(values: &Node) -> Vec<ValuesIngress> {
    let mut found = Vec::new();
    visit(values, &mut Vec::new(), &mut found);
    found
}

fn visit(node: &Node, path: &mut Vec<String>, found: &mut Vec<ValuesIngress>) {
    match &*node.data {
        Data::Scalar { .. } => {}
        Data::Seq(nodes) => nodes.iter().enumerate().for_each(|(index, node)| {
            path.push(index.to_string());
            visit(node, path, found);
            path.pop();
        }),
        Data::Map(pairs) => {
            let before = found.len();
            for (key, value) in pairs {
                let Some(key) = key.as_str() else { continue };
                // Some charts take annotations as a text in YAML.
                let text = value.as_str().filter(|text| text.contains(PREFIX));
                let parsed = text.and_then(|text| parse_yaml(text, &value.span)).and_then(|mut nodes| nodes.pop());
                let value = parsed.as_ref().unwrap_or(value);
                let is_of_ingress = key.to_lowercase().contains("ingress")
                    || path.iter().any(|key| key.to_lowercase().contains("ingress"));
                if is_annotated(value, is_of_ingress) {
                    let annotations = Some(value.clone());
                    found.push(ValuesIngress { path: path.join("."), settings: node.clone(), annotations });
                } else {
                    path.push(key.to_owned());
                    visit(value, path, found);
                    path.pop();
                }
            }
            if found.len() == before && class_of(node).is_some_and(|class| class.as_str() == Some("alb")) {
                let annotations = node.get("annotations").filter(|node| node.as_map().is_some()).cloned();
                found.push(ValuesIngress { path: path.join("."), settings: node.clone(), annotations });
            }
        }
    }
}

/// Whether a map contains annotations of an Ingress for the controller.
fn is_annotated(node: &Node, is_of_ingress: bool) -> bool {
    node.as_map().unwrap_or_default().iter().any(|(key, value)| match key.as_str() {
        Some(CLASS_ANNOTATION) => value.as_str() == Some("alb"),
        Some(key) => key
            .strip_prefix(PREFIX)
            .is_some_and(|name| is_of_ingress || OF_INGRESSES.contains(&name) || name.starts_with("actions.")),
        None => false,
    })
}

fn class_of(settings: &Node) -> Option<&Node> {
    let found = CLASS_KEYS.iter().find_map(|key| settings.get(key));
    found.filter(|class| class.as_str().is_some_and(|class| !class.is_empty() && !class.contains("{{")))
}

impl ValuesIngress {
    fn rendered(&self, address: &str, scope: String, action: Action) -> (Document, ManifestOrigin) {
        let at = self.settings.span.clone();
        let at = at.start..at.start;
        let mut metadata = vec![("name", scalar(self.path.clone(), at.clone()))];
        metadata.extend(self.annotations.clone().map(|annotations| ("annotations", annotations)));
        let class = class_of(&self.settings).cloned();
        let spec = map(class.map(|class| ("ingressClassName", class)), at.clone());
        let ingress = map(
            [
                ("apiVersion", scalar("networking.k8s.io/v1", at.clone())),
                ("kind", scalar("Ingress", at.clone())),
                ("metadata", map(metadata, at.clone())),
                ("spec", spec),
            ],
            at,
        );
        let origin = ManifestOrigin {
            address: address.trim_end_matches([' ', ':']).to_owned(),
            action,
            scope,
            unfixable: UNFIXABLE,
            note: Some("in the values of a Helm chart".to_owned()),
        };
        (document(ingress), origin)
    }
}

/// The scalar that stands for a value which is not known.
pub(crate) fn unknown(what: &str, span: std::ops::Range<usize>) -> Node {
    scalar(format!("${{{what}}}"), span)
}
