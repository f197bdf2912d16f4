//! Ingresses, their classes and their groups.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{GapReason, Manager, Observed, Scheme, TargetGroup};

use super::backend_groups::Services;
use super::classes::Classes;
use super::{MODE, NAMES, Object, literal, rendered};
use crate::attributes::Attributes;
use crate::builder::{LoadBalancerBuilder, gap};
use crate::source_text::SourceText;
use crate::tree::Node;
use crate::{Deployment, ModeEdit, ParseOutput, mode_edit};

const ATTRIBUTES: &str = "alb.ingress.kubernetes.io/load-balancer-attributes";
/// The maximum number of Ingresses in a group that are compared, which takes quadratic time. A load balancer has at most 100
/// rules by default.
const MAX_GROUP: usize = 500;
/// The maximum number of attributes that are compared in a group, for all of its Ingresses together.
const MAX_COMPARED: usize = 200_000;

/// Parses Ingresses, and the class parameters that none of them uses.
pub(super) fn parse(objects: &[Object<'_>], deployment: &Deployment, output: &mut ParseOutput) {
    let classes = Classes::of(objects);
    let ingresses: Vec<Ingress<'_>> = objects
        .iter()
        .filter(|object| object.is("Ingress", ""))
        .filter_map(|object| classes.ingress(*object))
        .collect();
    let mut groups: BTreeMap<(&str, &str), Group<'_, '_>> = BTreeMap::new();
    let mut used: BTreeSet<*const Node> = BTreeSet::new();
    for ingress in &ingresses {
        if let Some(group) = ingress.group {
            groups.entry((ingress.object.scope(), group)).or_default().mates.push(ingress);
        }
        used.extend(ingress.params.map(|params| std::ptr::from_ref(params.node)));
    }
    let services = Services::of(objects);
    for group in groups.values_mut() {
        group.first = group.mates.iter().copied().min_by_key(|mate| mate.order());
        let attributes: usize = group.mates.iter().map(|mate| annotated(mate.object).named.len()).sum();
        group.is_too_large = group.mates.len() > MAX_GROUP || group.mates.len() * attributes > MAX_COMPARED;
        let compared = group.mates.iter().take(MAX_GROUP);
        group.target_groups = compared.flat_map(|mate| services.groups(mate.object)).collect();
    }
    let alone = Group::default();
    for ingress in &ingresses {
        if output.is_full(|| ingress.object.text.place(ingress.object.head())) {
            break;
        }
        let group = ingress.group.and_then(|group| groups.get(&(ingress.object.scope(), group)));
        let group = group.unwrap_or(&alone);
        let mut declared = ingress.builder(group).finish(deployment);
        let mut target_groups = services.groups(ingress.object);
        target_groups.extend(group.target_groups.iter().cloned());
        declared.set_target_groups(target_groups);
        output.declared.push(declared);
    }
    for params in classes.params.values().flatten() {
        let used = used.contains(&std::ptr::from_ref(params.node));
        let attributes = params.listed(&["spec", "loadBalancerAttributes"]);
        if !used && (attributes.named.contains_key(MODE) || attributes.incomplete.is_some()) {
            output.declared.push(of_params(*params, attributes).finish(deployment));
        }
    }
}

/// An Ingress that creates an application load balancer.
pub(super) struct Ingress<'a> {
    pub(super) object: Object<'a>,
    pub(super) params: Option<Object<'a>>,
    pub(super) group: Option<&'a str>,
    /// A message about the IngressClass, if it is not among the files and could change the mode.
    pub(super) unseen: Option<String>,
    /// Why the parameters of its class, which override the annotations, are not known.
    pub(super) undecided: Option<&'static str>,
}

/// The Ingresses that share a load balancer.
#[derive(Default)]
struct Group<'i, 'a> {
    mates: Vec<&'i Ingress<'a>>,
    /// The first one by the controller's order.
    first: Option<&'i Ingress<'a>>,
    /// The target groups of those that are compared.
    target_groups: Vec<TargetGroup>,
    /// Whether there are too many of them, or of their attributes, to compare each with each.
    is_too_large: bool,
}

impl<'a> Ingress<'a> {
    /// The order within a group: by the annotation, then by namespace and name.
    fn order(&self) -> (i32, String) {
        let order = self.object.annotation("alb.ingress.kubernetes.io/group.order").and_then(Node::as_str);
        (order.and_then(|order| order.parse().ok()).unwrap_or_default(), self.object.full_name())
    }

    /// The load balancer, which all Ingresses of a group configure.
    fn builder(&self, group: &Group<'_, 'a>) -> LoadBalancerBuilder<'a> {
        let object = self.object;
        // Of a group, the class parameters of the first Ingress count.
        let first = group.first.unwrap_or(self);
        let params = first.params;
        let from_params = params.map(|params| params.listed(&["spec", "loadBalancerAttributes"])).unwrap_or_default();
        let own = annotated(object);
        // The place is that of the object that sets the mode: the class, this Ingress, or another one of the group.
        let in_params = params.filter(|_| from_params.named.contains_key(MODE));
        let mates = group.mates.iter().take(if group.is_too_large { 0 } else { MAX_GROUP });
        let mates: Vec<_> = mates.filter(|mate| !std::ptr::eq(mate.object.node, object.node)).collect();
        let mate =
            mates.iter().find(|mate| !own.named.contains_key(MODE) && annotated(mate.object).named.contains_key(MODE));
        let setter = in_params.or_else(|| mate.map(|mate| mate.object)).unwrap_or(object);

        let mut builder = object.builder(setter);
        let mut attributes = own;
        for mate in &mates {
            let theirs = annotated(mate.object);
            for (key, value) in theirs.named {
                let span = theirs.spans.get(&key).cloned().unwrap_or_else(|| mate.object.head());
                attributes.set(mate.object.text, &key, value, span);
            }
            attributes.incomplete = attributes.incomplete.or(theirs.incomplete);
        }
        for (key, value) in from_params.named {
            attributes.spans.insert(key.clone(), from_params.spans.get(&key).cloned().unwrap_or(0..0));
            attributes.named.insert(key, value);
        }
        builder.value = attributes.spans.get(MODE).cloned();
        builder.attributes = attributes.named;
        builder.incomplete = from_params.incomplete.or(attributes.incomplete.filter(|_| in_params.is_none()));
        if group.is_too_large {
            let message = "too many Ingresses, or attributes of them, share its group and are not compared";
            builder.incomplete = Some(gap(object.text, GapReason::Unresolved, object.head(), message));
            builder.attributes.clear();
        }
        if let Some(message) = first.undecided {
            builder.incomplete = Some(gap(object.text, GapReason::Unresolved, object.head(), message));
            builder.attributes.clear();
        }
        builder.note = match (in_params, mate) {
            (Some(params), _) => Some(format!("{} overrides the annotation", params.address())),
            (None, Some(mate)) => Some(format!("{} of the same group sets it", mate.object.address())),
            (None, None) => builder.note.take().or_else(|| self.unseen.clone()),
        };
        self.identity(&mut builder);
        // The stack of a group is its name; that of a single Ingress is its namespace and name.
        builder.match_hints.tag = Some(self.group.map_or_else(|| object.full_name(), str::to_owned));
        builder.mode_instruction = match in_params {
            Some(params) => format!("In spec.loadBalancerAttributes of {}, set {MODE} to", params.address()),
            None => format!("In the annotation {ATTRIBUTES} of {}, set {MODE} to", setter.address()),
        };
        builder.logs_instruction = format!(
            "Add access_logs.s3.enabled=true,access_logs.s3.bucket=BUCKET to the annotation {ATTRIBUTES} of {}, or to \
             spec.loadBalancerAttributes of its IngressClassParams.",
            builder.address
        );
        builder.fix = match in_params {
            Some(params) => edit_list(params, &["spec", "loadBalancerAttributes"]),
            None => setter.fix(|| edit_annotation(setter)),
        };
        builder
    }

    fn identity(&self, builder: &mut LoadBalancerBuilder<'_>) {
        let object = self.object;
        let value = |key: &str| object.annotated(key);
        let first = |name: &str, key: &str| {
            let from_params = self.params.and_then(|params| params.node.text_at(&["spec", name]));
            from_params.map(str::to_owned).map_or_else(|| value(key), Observed::Known)
        };
        builder.name = first("loadBalancerName", "alb.ingress.kubernetes.io/load-balancer-name");
        let scheme = first("scheme", "alb.ingress.kubernetes.io/scheme");
        builder.scheme = scheme_of(object, scheme);
        builder.managed_by = Observed::Known(Manager::Kubernetes(object.full_name()));
        builder.more_tags =
            Some(gap(object.text, GapReason::Undeclared, object.head(), "the controller and the class may add tags"));
        if let Observed::Known(tags) = value("alb.ingress.kubernetes.io/tags") {
            builder.add_tags(&tags);
        }
        if let Some(params) = self.params {
            for (key, value) in params.listed(&["spec", "tags"]).named {
                if let Observed::Known(value) = value {
                    builder.tags.insert(key, value);
                }
            }
        }
    }
}

/// The scheme. The controller's default depends on its flags, so that an unset scheme is unknown.
pub(super) fn scheme_of(object: Object<'_>, scheme: Observed<String>) -> Observed<Scheme> {
    match scheme {
        Observed::Known(scheme) if scheme == "internal" => Observed::Known(Scheme::Internal),
        Observed::Known(scheme) if scheme == "internet-facing" => Observed::Known(Scheme::InternetFacing),
        Observed::Known(_) | Observed::Absent => {
            let message = "the scheme is not set, so that the controller's default applies";
            Observed::Unread(gap(object.text, GapReason::Undeclared, object.head(), message))
        }
        Observed::Unread(gap) => Observed::Unread(gap),
    }
}

/// The attributes in the annotation: `key=value,key=value`.
fn annotated(object: Object<'_>) -> Attributes {
    let mut attributes = Attributes::default();
    let node = object.annotation(ATTRIBUTES);
    if let Some(node) = node.filter(|_| may_be_replaced(object)) {
        let message = "annotations that are not known here are merged over it";
        attributes.incomplete = Some(gap(object.text, GapReason::Unresolved, node.span.clone(), message));
        return attributes;
    }
    let Some(node) = node else {
        // Annotations that are not a literal map, or to which unknown ones are added.
        let annotations = object.node.at(&["metadata", "annotations"]).filter(|node| !node.is_null());
        let open = annotations.filter(|node| match node.as_map() {
            Some(pairs) => pairs.iter().any(|(key, _)| key.as_str().is_some_and(|key| key.starts_with("${"))),
            None => true,
        });
        attributes.incomplete = open.map(|node| {
            gap(object.text, GapReason::Unresolved, node.span.clone(), "the annotations are not all known here")
        });
        return attributes;
    };
    match literal(object.text, node) {
        Observed::Absent => {}
        Observed::Unread(gap) if node.as_str().is_none() => attributes.incomplete = Some(gap),
        Observed::Known(_) | Observed::Unread(_) => {
            let list = node.as_str().unwrap_or_default();
            for pair in list.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
                match pair.split_once('=') {
                    // The controller trims whole pairs only, and AWS refuses a name or a value with a space: nothing is set.
                    Some((key, value)) if key.is_empty() || key.trim() != key || value.trim() != value => {
                        return refused(object.text, node, &format!("{pair:?} has a space beside =, or no name"));
                    }
                    Some((key, value)) => {
                        let span = within(object.text, node, pair, value);
                        attributes.set(object.text, key, rendered(object.text, value, &span), span);
                    }
                    None => {
                        let message = format!("{pair:?} is not key=value");
                        if !(pair.contains("{{") || pair.contains("${")) {
                            return refused(object.text, node, &message);
                        }
                        attributes.incomplete =
                            Some(gap(object.text, GapReason::Unresolved, node.span.clone(), message));
                    }
                }
            }
        }
    }
    attributes
}

/// What an annotation sets that the controller refuses as a whole: nothing is known.
/// <https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/main/pkg/annotations/parser.go>
fn refused(text: &SourceText<'_>, node: &Node, why: &str) -> Attributes {
    let incomplete = Some(gap(text, GapReason::Malformed, node.span.clone(), why));
    Attributes { incomplete, ..Attributes::default() }
}

/// Whether unknown annotations follow the one with the attributes, as `merge` adds them in Terraform: the last one counts.
fn may_be_replaced(object: Object<'_>) -> bool {
    let pairs = object.node.at(&["metadata", "annotations"]).and_then(Node::as_map).unwrap_or_default();
    let mut after = pairs.iter().skip_while(|(key, _)| key.as_str() != Some(ATTRIBUTES));
    after.any(|(key, _)| key.as_str().is_some_and(|key| key.starts_with("${")))
}

/// The place of the value of a pair in the annotation; the whole annotation if the pair occurs more than once or is escaped.
fn within(text: &SourceText<'_>, node: &Node, pair: &str, value: &str) -> std::ops::Range<usize> {
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

/// Refuses to edit a key that stands there without a value: the key inserted again would be in the map twice.
fn without_value(node: &Node, what: &str) -> Result<(), String> {
    if node.is_null() { Err(format!("{what} is there without a value; give it one, or remove it")) } else { Ok(()) }
}

/// The edit that sets the mode in the annotation.
fn edit_annotation(object: Object<'_>) -> Result<ModeEdit, String> {
    let Object { text, document, node, .. } = object;
    let path = text.path.to_owned();
    let edit =
        |span: std::ops::Range<usize>, before: String, after: String| ModeEdit { file: path, span, before, after };
    if let Some(annotation) = object.annotation(ATTRIBUTES) {
        without_value(annotation, "the annotation")?;
        if !document.is_own(&annotation.span) {
            return Err("the annotation is shared by an anchor, so that an edit would change other places".to_owned());
        }
        let raw = &text.text[annotation.span.clone()];
        let is_plain = annotation.as_str().is_some() && !raw.contains('\n') && !raw.contains('\\');
        let own = annotated(object);
        let span = own.spans.get(MODE).filter(|span| **span != annotation.span);
        return match (is_plain, span, own.named.get(MODE)) {
            (true, Some(span), Some(Observed::Known(_))) => Ok(edit(span.clone(), String::new(), String::new())),
            (true, None, None) if own.incomplete.is_none() => {
                let quote = usize::from(raw.starts_with(['"', '\'']));
                let at = annotation.span.start + quote;
                let comma = if own.named.is_empty() { "" } else { "," };
                Ok(edit(at..at, format!("{MODE}="), comma.to_owned()))
            }
            _ => Err("the annotation is not a plain literal on one line".to_owned()),
        };
    }
    match node.at(&["metadata", "annotations"]) {
        Some(annotations) => {
            without_value(annotations, "metadata.annotations")?;
            let (block, flow) = (format!("{ATTRIBUTES}: {MODE}="), format!("\"{ATTRIBUTES}\": \"{MODE}="));
            mode_edit::insert_into_map(text, document, annotations, &[&block], (&flow, "\""))
        }
        None => {
            let metadata = node.get("metadata").ok_or("the object has no metadata")?;
            let (block, flow) =
                (format!("  {ATTRIBUTES}: {MODE}="), format!("\"annotations\": {{ \"{ATTRIBUTES}\": \"{MODE}="));
            mode_edit::insert_into_map(text, document, metadata, &["annotations:", &block], (&flow, "\" }"))
        }
    }
}

/// The edit that sets the mode in a list of an object of the controller's own kinds.
pub(super) fn edit_list(object: Object<'_>, path: &[&str]) -> Result<ModeEdit, String> {
    let Object { text, document, node, .. } = object;
    if let Some(origin) = object.origin {
        return Err(origin.unfixable.to_owned());
    }
    match node.at(path) {
        Some(list) => {
            without_value(list, &path.join("."))?;
            mode_edit::set_in_list(text, document, list, NAMES, MODE)
        }
        None => {
            let spec = node.get("spec").ok_or("the object has no spec")?;
            let key = format!("- key: {MODE}");
            let flow = format!("\"loadBalancerAttributes\": [{{ \"key\": \"{MODE}\", \"value\": \"");
            mode_edit::insert_into_map(
                text,
                document,
                spec,
                &["loadBalancerAttributes:", &key, "  value: "],
                (&flow, "\" }]"),
            )
        }
    }
}

/// Class parameters that set the mode for Ingresses that are not among the files.
fn of_params(params: Object<'_>, attributes: Attributes) -> LoadBalancerBuilder<'_> {
    let mut builder = params.builder(params);
    builder.set_attributes(attributes);
    builder.scheme = scheme_of(
        params,
        params.node.at(&["spec", "scheme"]).map_or(Observed::Absent, |node| literal(params.text, node)),
    );
    builder.managed_by = Observed::Known(Manager::Kubernetes(params.name().to_owned()));
    builder.more_tags =
        Some(gap(params.text, GapReason::Undeclared, params.head(), "each Ingress of the class has its own tags"));
    builder.note = Some("for every Ingress of the class".to_owned());
    builder.mode_instruction = format!("In spec.loadBalancerAttributes of {}, set {MODE} to", params.address());
    builder.logs_instruction = format!(
        "Add access_logs.s3.enabled and access_logs.s3.bucket to spec.loadBalancerAttributes of {}.",
        params.address()
    );
    builder.fix = edit_list(params, &["spec", "loadBalancerAttributes"]);
    builder
}
