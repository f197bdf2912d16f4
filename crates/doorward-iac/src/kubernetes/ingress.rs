//! Ingresses, their classes and their groups.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{GapReason, Manager, Observed, Scheme};

use super::{MODE, NAMES, Object, filled, literal};
use crate::attributes::Attributes;
use crate::draft::{Draft, gap};
use crate::text::Text;
use crate::tree::Node;
use crate::{Action, Dialect, Edit, Options, Reading, splice};

const PREFIX: &str = "alb.ingress.kubernetes.io/";
const ATTRIBUTES: &str = "alb.ingress.kubernetes.io/load-balancer-attributes";
/// The most Ingresses of one group that are compared to each other.
const LARGEST_GROUP: usize = 500;
/// The controllers that make application load balancers.
const CONTROLLERS: [&str; 2] = ["ingress.k8s.aws/alb", "eks.amazonaws.com/alb"];

/// Reads Ingresses, and the class parameters that no Ingress here uses.
pub(super) fn read(objects: &[Object<'_>], options: &Options, reading: &mut Reading) {
    let classes = Classes::of(objects);
    let ingresses: Vec<Ingress<'_>> = objects
        .iter()
        .filter(|object| object.is("Ingress", ""))
        .filter_map(|object| classes.ingress(*object))
        .collect();
    let mut groups: BTreeMap<&str, Vec<&Ingress<'_>>> = BTreeMap::new();
    let mut used: BTreeSet<*const Node> = BTreeSet::new();
    for ingress in &ingresses {
        if let Some(group) = ingress.group {
            groups.entry(group).or_default().push(ingress);
        }
        used.extend(ingress.params.map(|params| std::ptr::from_ref(params.node)));
    }
    for ingress in &ingresses {
        if reading.is_full(|| ingress.object.text.place(ingress.object.head())) {
            break;
        }
        let group = ingress.group.and_then(|group| groups.get(group)).map(Vec::as_slice).unwrap_or_default();
        reading.declared.push(ingress.draft(group).finish(options));
    }
    for params in classes.params.values() {
        let used = used.contains(&std::ptr::from_ref(params.node));
        let attributes = params.listed(&["spec", "loadBalancerAttributes"]);
        if !used && (attributes.named.contains_key(MODE) || attributes.rest.is_some()) {
            reading.declared.push(of_params(*params, attributes).finish(options));
        }
    }
}

/// The classes of Ingresses and what they demand.
struct Classes<'a> {
    classes: BTreeMap<&'a str, Object<'a>>,
    params: BTreeMap<&'a str, Object<'a>>,
}

impl<'a> Classes<'a> {
    fn of(objects: &[Object<'a>]) -> Self {
        let named = |kind: &str| objects.iter().filter(|object| object.is(kind, "")).map(|o| (o.name(), *o)).collect();
        Self { classes: named("IngressClass"), params: named("IngressClassParams") }
    }

    /// The Ingress, if it makes an application load balancer.
    fn ingress(&self, object: Object<'a>) -> Option<Ingress<'a>> {
        let annotated = object.node.at(&["metadata", "annotations"]).and_then(Node::as_map).unwrap_or_default();
        let speaks = annotated.iter().any(|(key, _)| key.as_str().is_some_and(|key| key.starts_with(PREFIX)));
        let is_default = |class: &&Object<'a>| {
            let default = class.annotation("ingressclass.kubernetes.io/is-default-class");
            default.and_then(Node::as_str) == Some("true")
        };
        let named = object.node.text_at(&["spec", "ingressClassName"]);
        let named = named.or_else(|| object.annotation("kubernetes.io/ingress.class").and_then(Node::as_str));
        let class = match named {
            Some(name) => self.classes.get(name),
            None => self.classes.values().find(is_default),
        };
        let ours = match class {
            Some(class) => {
                let controller = class.node.text_at(&["spec", "controller"]);
                controller.is_some_and(|controller| CONTROLLERS.contains(&controller))
            }
            None => named == Some("alb") || speaks,
        };
        if !ours {
            return None;
        }
        let params = class.and_then(|class| class.node.text_at(&["spec", "parameters", "name"]));
        let params = params.and_then(|name| self.params.get(name)).copied();
        let unseen = named
            .filter(|_| class.is_none())
            .map(|name| format!("the IngressClass {name:?} is not among the files; its parameters may override this"));
        let refers = class.is_some_and(|class| class.node.at(&["spec", "parameters"]).is_some());
        let lacks_params = refers && params.is_none();
        let group = params.and_then(|params| params.node.text_at(&["spec", "group", "name"]));
        let group = group.or_else(|| object.annotation("alb.ingress.kubernetes.io/group.name").and_then(Node::as_str));
        Some(Ingress { object, params, group, unseen, lacks_params })
    }
}

struct Ingress<'a> {
    object: Object<'a>,
    params: Option<Object<'a>>,
    group: Option<&'a str>,
    /// What is not among the files and could change the answer.
    unseen: Option<String>,
    /// Its class refers to parameters that are not among the files, and they decide.
    lacks_params: bool,
}

impl<'a> Ingress<'a> {
    /// The load balancer, by all Ingresses of the group that it is in.
    fn draft(&self, group: &[&Self]) -> Draft<'a> {
        let object = self.object;
        let address = object.address();
        let from_params =
            self.params.map(|params| params.listed(&["spec", "loadBalancerAttributes"])).unwrap_or_default();
        let own = annotated(object);
        // Whoever names the mode is where it is looked at: the class, this Ingress, or another one of the group.
        let in_params = self.params.filter(|_| from_params.named.contains_key(MODE));
        // No load balancer has so many rules, and every Ingress is compared to every other one.
        let too_many = group.len() > LARGEST_GROUP;
        let mates = group.iter().take(if too_many { 0 } else { LARGEST_GROUP });
        let mates: Vec<_> = mates.filter(|mate| !std::ptr::eq(mate.object.node, object.node)).collect();
        let mate =
            mates.iter().find(|mate| !own.named.contains_key(MODE) && annotated(mate.object).named.contains_key(MODE));
        let namer = in_params.or_else(|| mate.map(|mate| mate.object)).unwrap_or(object);

        let mut draft = Draft::new(namer.text, Dialect::Kubernetes, address, namer.head());
        let mut attributes = own;
        for mate in &mates {
            let theirs = annotated(mate.object);
            for (key, value) in theirs.named {
                let span = theirs.spans.get(&key).cloned().unwrap_or_else(|| mate.object.head());
                attributes.name(mate.object.text, &key, value, span);
            }
            attributes.rest = attributes.rest.or(theirs.rest);
        }
        for (key, value) in from_params.named {
            attributes.spans.insert(key.clone(), from_params.spans.get(&key).cloned().unwrap_or(0..0));
            attributes.named.insert(key, value);
        }
        draft.value = attributes.spans.get(MODE).cloned();
        draft.attributes = attributes.named;
        draft.rest = from_params.rest.or(attributes.rest.filter(|_| in_params.is_none()));
        if too_many {
            let message = format!("more than {LARGEST_GROUP} Ingresses share its group, and are not compared");
            draft.rest = Some(gap(object.text, GapReason::Unresolved, object.head(), message));
            draft.attributes.clear();
        }
        if self.lacks_params {
            let message = "the IngressClassParams of its class are not among the files, and override the annotation";
            draft.rest = Some(gap(object.text, GapReason::Unresolved, object.head(), message));
            draft.attributes.clear();
        }
        draft.note = match (in_params, mate) {
            (Some(params), _) => Some(format!("{} overrides the annotation", params.address())),
            (None, Some(mate)) => Some(format!("{} of the same group names it", mate.object.address())),
            (None, None) => self.unseen.clone(),
        };
        self.identity(&mut draft);
        // A group is called by its name alone, anything else by namespace and name.
        draft.marks.tag = Some(self.group.map_or_else(|| object.full_name(), str::to_owned));
        let place = match in_params {
            Some(params) => format!("In spec.loadBalancerAttributes of {}, set {MODE} to", params.address()),
            None => format!("In the annotation {ATTRIBUTES} of {}, set {MODE} to", namer.address()),
        };
        draft.way = place;
        draft.logs_way = format!(
            "Add access_logs.s3.enabled=true,access_logs.s3.bucket=BUCKET to the annotation {ATTRIBUTES} of {}, or to \
             spec.loadBalancerAttributes of its IngressClassParams.",
            draft.address
        );
        draft.fix = match in_params {
            Some(params) => in_list(params, &["spec", "loadBalancerAttributes"]),
            None => in_annotation(namer),
        };
        draft
    }

    fn identity(&self, draft: &mut Draft<'_>) {
        let object = self.object;
        let value = |key: &str| match object.annotation(key) {
            Some(node) => literal(object.text, node),
            None => Observed::Absent,
        };
        draft.name = value("alb.ingress.kubernetes.io/load-balancer-name");
        let from_params = self.params.and_then(|params| params.node.text_at(&["spec", "scheme"]));
        let scheme =
            from_params.map(str::to_owned).map_or_else(|| value("alb.ingress.kubernetes.io/scheme"), Observed::Known);
        draft.scheme = scheme_of(object, scheme);
        draft.managed_by = Observed::Known(Manager::Kubernetes(object.full_name()));
        draft.more_tags = Some(gap(
            object.text,
            GapReason::Undeclared,
            object.head(),
            "tags of the controller and of the class may be added",
        ));
        if let Observed::Known(tags) = value("alb.ingress.kubernetes.io/tags") {
            let pairs = tags.split(',').filter_map(|pair| pair.split_once('='));
            draft.tags.extend(pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())));
        }
        if let Some(params) = self.params {
            for (key, value) in params.listed(&["spec", "tags"]).named {
                if let Observed::Known(value) = value {
                    draft.tags.insert(key, value);
                }
            }
        }
    }
}

/// Without a scheme the controller takes its own default, which is internal unless a flag of it says otherwise.
pub(super) fn scheme_of(object: Object<'_>, scheme: Observed<String>) -> Observed<Scheme> {
    match scheme {
        Observed::Known(scheme) if scheme == "internal" => Observed::Known(Scheme::Internal),
        Observed::Known(scheme) if scheme == "internet-facing" => Observed::Known(Scheme::InternetFacing),
        Observed::Known(_) | Observed::Absent => {
            let message = "the scheme is not named, so the controller's default decides";
            Observed::Unread(gap(object.text, GapReason::Undeclared, object.head(), message))
        }
        Observed::Unread(gap) => Observed::Unread(gap),
    }
}

/// The attributes in the annotation: `key=value,key=value`.
fn annotated(object: Object<'_>) -> Attributes {
    let mut attributes = Attributes::default();
    let Some(node) = object.annotation(ATTRIBUTES) else { return attributes };
    match literal(object.text, node) {
        Observed::Absent => {}
        Observed::Unread(gap) if node.as_str().is_none() => attributes.rest = Some(gap),
        Observed::Known(_) | Observed::Unread(_) => {
            let said = node.as_str().unwrap_or_default();
            for pair in said.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
                match pair.split_once('=') {
                    Some((key, value)) => {
                        let (key, value) = (key.trim(), value.trim());
                        let span = within(object.text, node, pair, value);
                        attributes.name(object.text, key, filled(object.text, value, &span), span);
                    }
                    None => {
                        let message = format!("{pair:?} is no key=value");
                        let reason = if pair.contains("{{") { GapReason::Unresolved } else { GapReason::Malformed };
                        attributes.rest = Some(gap(object.text, reason, node.span.clone(), message));
                    }
                }
            }
        }
    }
    attributes
}

/// Where the value of a pair stands in the text of the annotation; the annotation where that is not written plainly.
fn within(text: &Text<'_>, node: &Node, pair: &str, value: &str) -> std::ops::Range<usize> {
    let raw = &text.text[node.span.clone()];
    let found = raw.find(pair).filter(|at| !raw[at + 1..].contains(pair) && pair.ends_with(value));
    match found {
        Some(at) => {
            let end = node.span.start + at + pair.len();
            end - value.len()..end
        }
        None => node.span.clone(),
    }
}

fn in_annotation(object: Object<'_>) -> Result<Edit, String> {
    let Object { text, document, node } = object;
    let path = text.path.to_owned();
    let edit = |span: std::ops::Range<usize>, before: String, after: String| Edit { file: path, span, before, after };
    if let Some(annotation) = object.annotation(ATTRIBUTES).filter(|node| !node.is_null()) {
        if !document.is_own(&annotation.span) {
            return Err("the annotation is shared by an anchor, so that a change would reach other places".to_owned());
        }
        let raw = &text.text[annotation.span.clone()];
        let plainly = annotation.as_str().is_some() && !raw.contains('\n') && !raw.contains('\\');
        let own = annotated(object);
        let span = own.spans.get(MODE).filter(|span| **span != annotation.span);
        return match (plainly, span, own.named.get(MODE)) {
            (true, Some(span), Some(Observed::Known(_))) => Ok(edit(span.clone(), String::new(), String::new())),
            (true, None, None) if own.rest.is_none() => {
                let quote = usize::from(raw.starts_with(['"', '\'']));
                let at = annotation.span.start + quote;
                let comma = if own.named.is_empty() { "" } else { "," };
                Ok(edit(at..at, format!("{MODE}="), comma.to_owned()))
            }
            _ => Err("the annotation is not written plainly on one line".to_owned()),
        };
    }
    match node.at(&["metadata", "annotations"]).filter(|node| !node.is_null()) {
        Some(annotations) => {
            let (block, flow) = (format!("{ATTRIBUTES}: {MODE}="), format!("\"{ATTRIBUTES}\": \"{MODE}="));
            splice::into_map(text, document, annotations, &[&block], (&flow, "\""))
        }
        None => {
            let metadata = node.get("metadata").ok_or("the object has no metadata")?;
            let (block, flow) =
                (format!("  {ATTRIBUTES}: {MODE}="), format!("\"annotations\": {{ \"{ATTRIBUTES}\": \"{MODE}="));
            splice::into_map(text, document, metadata, &["annotations:", &block], (&flow, "\" }"))
        }
    }
}

/// Sets the mode in a list of the controller's own kinds.
pub(super) fn in_list(object: Object<'_>, path: &[&str]) -> Result<Edit, String> {
    let Object { text, document, node } = object;
    match node.at(path).filter(|list| !list.is_null()) {
        Some(list) => {
            let named = list.as_seq().unwrap_or_default().iter().rev().find(|e| e.text_at(&[NAMES.0]) == Some(MODE));
            match named.and_then(|entry| entry.get(NAMES.1)) {
                Some(value) => splice::replace(text, document, value),
                None => splice::into_list(text, document, list, NAMES, MODE),
            }
        }
        None => {
            let spec = node.get("spec").ok_or("the object has no spec")?;
            let key = format!("- key: {MODE}");
            let flow = format!("\"loadBalancerAttributes\": [{{ \"key\": \"{MODE}\", \"value\": \"");
            splice::into_map(text, document, spec, &["loadBalancerAttributes:", &key, "  value: "], (&flow, "\" }]"))
        }
    }
}

/// Class parameters that name the mode for Ingresses which are not among the files.
fn of_params(params: Object<'_>, attributes: Attributes) -> Draft<'_> {
    let mut draft = Draft::new(params.text, Dialect::Kubernetes, params.address(), params.head());
    draft.action = Action::Unsaid;
    draft.value = attributes.spans.get(MODE).cloned();
    draft.attributes = attributes.named;
    draft.rest = attributes.rest;
    draft.scheme = scheme_of(
        params,
        params.node.at(&["spec", "scheme"]).map_or(Observed::Absent, |node| literal(params.text, node)),
    );
    draft.managed_by = Observed::Known(Manager::Kubernetes(params.name().to_owned()));
    draft.more_tags =
        Some(gap(params.text, GapReason::Undeclared, params.head(), "each Ingress of the class has its own tags"));
    draft.note = Some("for every Ingress of the class".to_owned());
    draft.way = format!("In spec.loadBalancerAttributes of {}, set {MODE} to", params.address());
    draft.logs_way = format!(
        "Add access_logs.s3.enabled and access_logs.s3.bucket to spec.loadBalancerAttributes of {}.",
        params.address()
    );
    draft.fix = in_list(params, &["spec", "loadBalancerAttributes"]);
    draft
}
