//! Builds kustomizations as far as they change Ingresses and Services: patches of both kinds, annotations, namespaces,
//! components. `None` stands for a kustomization that is not built, because a part of it is not among the files or not supported.
//!
//! The order is that of kustomize: the resources, the components, strategic merges, patches, the namespace, annotations, and
//! patches of `patchesJson6902`. Names are matched as they are now and as they were before a prefix or suffix.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Kustomization, below, mentions};
use crate::kubernetes::KINDS;
use crate::source_text::SourceText;
use crate::synthetic::{map, parse_yaml, respan, scalar};
use crate::tree::{Data, Node, yaml};

/// The maximum number of kustomizations above each other.
const MAX_DEPTH: usize = 16;
/// Fields that may add or change any object, and are not built.
const NOT_BUILT: [&str; 7] = [
    "configurations",
    "generators",
    "helmChartInflationGenerator",
    "helmCharts",
    "replacements",
    "transformers",
    "vars",
];

/// An object of a kustomization.
#[derive(Clone)]
pub(super) struct BuiltObject<'a> {
    /// The file of the object. Values of a patch have the place of the object.
    pub(super) text: &'a SourceText<'a>,
    pub(super) node: Node,
    /// The names and namespaces that it has and had: a patch may select it by each of them.
    names: Vec<String>,
    namespaces: Vec<Option<String>>,
    /// Whether a kustomization changes more than its namespace.
    pub(super) is_changed: bool,
}

/// What kustomizations are built from.
pub(super) struct BuildInput<'s, 'a> {
    pub(super) all: &'s BTreeMap<String, Kustomization>,
    pub(super) texts: &'s BTreeMap<&'a str, &'a SourceText<'a>>,
    /// How many kustomizations and files may still be built.
    pub(super) left: Cell<usize>,
}

impl<'a> BuiltObject<'a> {
    fn new(text: &'a SourceText<'a>, node: Node) -> Self {
        let at = |key: &str| node.text_at(&["metadata", key]).map(str::to_owned);
        let (names, namespaces) = (vec![at("name").unwrap_or_default()], vec![at("namespace")]);
        Self { text, node, names, namespaces, is_changed: false }
    }
}

impl<'a> BuildInput<'_, 'a> {
    /// The objects of a kustomization.
    pub(super) fn build(&self, one: &Kustomization, depth: usize) -> Option<Vec<BuiltObject<'a>>> {
        let mut objects = Vec::new();
        self.add(one, &mut objects, depth)?;
        Some(objects)
    }

    /// Adds the objects of a kustomization to those of the one around it, and changes all of them.
    fn add(&self, one: &Kustomization, objects: &mut Vec<BuiltObject<'a>>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH || self.is_beyond(one) {
            return None;
        }
        self.spend()?;
        for field in ["resources", "bases"] {
            for name in names(&one.root, field) {
                let path = below(&one.folder, name);
                if let Some(inner) = self.all.get(&path) {
                    objects.extend(self.build(inner, depth + 1)?);
                } else if let Some(text) = self.texts.get(path.as_str()) {
                    self.spend()?;
                    for document in yaml::parse(text).ok()? {
                        // A list has objects of its own.
                        if document.root.get("items").is_some() {
                            return None;
                        }
                        objects.push(BuiltObject::new(text, document.root));
                    }
                } else if super::resources::is_remote(name)
                    || ![".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
                {
                    // A folder without a kustomization among the files, or another repository: what it has is not known.
                    return None;
                }
                // Any other file is outside the search, or declares no load balancer.
            }
        }
        for name in names(&one.root, "components") {
            let component = self.all.get(&below(&one.folder, name))?;
            self.add(component, objects, depth + 1)?;
        }
        self.change(one, objects)
    }

    /// Whether a kustomization has a field that is not built and may concern a load balancer. What transformers change stands in
    /// other files.
    fn is_beyond(&self, one: &Kustomization) -> bool {
        let in_files = |replacements: &Node| {
            let mut paths =
                replacements.as_seq().unwrap_or_default().iter().filter_map(|entry| entry.text_at(&["path"]));
            let text = |path: &str| self.texts.get(below(&one.folder, path).as_str());
            paths.any(|path| text(path).is_none_or(|text| super::speaks(text.text)))
        };
        let is = |field: &str, node: &Node| match field {
            "transformers" => true,
            "replacements" => mentions(node) || in_files(node),
            "generators" => {
                mentions(node) || super::has_generator_of_one(one, |path| self.texts.get(path).map(|text| text.text))
            }
            _ => mentions(node),
        };
        NOT_BUILT.iter().any(|field| one.root.get(field).is_some_and(|node| is(field, node)))
    }

    /// Takes one step; `None` if none is left.
    fn spend(&self) -> Option<()> {
        self.left.set(self.left.get().checked_sub(1)?);
        Some(())
    }

    fn change(&self, one: &Kustomization, objects: &mut Vec<BuiltObject<'a>>) -> Option<()> {
        for field in ["patchesStrategicMerge", "patches"] {
            self.patch(one, field, objects)?;
        }
        if let Some(namespace) = one.root.text_at(&["namespace"]) {
            for object in objects.iter_mut().filter(|object| is_built(&object.node)) {
                let metadata = at_place([("namespace", scalar(namespace, 0..0))], &object.node);
                object.node = merged(&object.node, &at_place([("metadata", metadata)], &object.node))?;
                object.namespaces.push(Some(namespace.to_owned()));
            }
        }
        let [prefix, suffix] = ["namePrefix", "nameSuffix"].map(|key| one.root.text_at(&[key]).unwrap_or_default());
        if !(prefix.is_empty() && suffix.is_empty()) {
            for object in objects.iter_mut() {
                let name = object.names.last().map(|name| format!("{prefix}{name}{suffix}"));
                object.names.extend(name);
            }
        }
        let annotations = one.root.get("commonAnnotations").filter(|annotations| mentions(annotations));
        if let Some(annotations) = annotations {
            for object in objects.iter_mut().filter(|object| kind_of(&object.node).is_some()) {
                if !is_built(&object.node) {
                    return None;
                }
                let metadata = at_place([("annotations", annotations.clone())], &object.node);
                object.node = merged(&object.node, &at_place([("metadata", metadata)], &object.node))?;
                object.is_changed = true;
            }
        }
        self.patch(one, "patchesJson6902", objects)
    }

    /// Applies the patches of a field.
    fn patch(&self, one: &Kustomization, field: &str, objects: &mut Vec<BuiltObject<'a>>) -> Option<()> {
        for entry in one.root.get(field).and_then(Node::as_seq).unwrap_or_default() {
            let inline =
                entry.get("patch").and_then(Node::as_str).or_else(|| entry.as_str().filter(|t| t.contains('\n')));
            let path = entry.text_at(&["path"]).or_else(|| entry.as_str().filter(|text| !text.contains('\n')));
            let target = entry.get("target");
            let bodies: Vec<Node> = match (inline, path) {
                (Some(text), _) => parse_yaml(text, &entry.span)?,
                // Of a file that is not read, only the target is known.
                (None, Some(path)) => match self.texts.get(below(&one.folder, path).as_str()) {
                    Some(text) => yaml::parse(text).ok()?.into_iter().map(|document| document.root).collect(),
                    None if target.and_then(|t| t.text_at(&["kind"])).is_some_and(super::is_of_another_kind) => {
                        continue;
                    }
                    None => return None,
                },
                (None, None) => return None,
            };
            for body in bodies.iter().filter(|body| !body.is_null()) {
                apply(body, target, objects)?;
            }
        }
        Some(())
    }
}

fn names<'n>(root: &'n Node, field: &str) -> impl Iterator<Item = &'n str> {
    root.get(field).and_then(Node::as_seq).unwrap_or_default().iter().filter_map(Node::as_str)
}

/// The kind of an object, if it may concern a load balancer.
fn kind_of(node: &Node) -> Option<&'static str> {
    let kind = node.text_at(&["kind"])?;
    KINDS.into_iter().find(|known| *known == kind)
}

/// Whether changes of an object are built.
fn is_built(node: &Node) -> bool {
    matches!(kind_of(node), Some("Ingress" | "Service"))
}

/// A map at the place of an object, with all values at that place.
fn at_place<const N: usize>(pairs: [(&str, Node); N], object: &Node) -> Node {
    let place = object.at(&["metadata", "name"]).map_or(object.span.start..object.span.start, |name| name.span.clone());
    respan(&map(pairs, place.clone()), &place)
}

/// Applies a patch to the objects that it selects.
fn apply(body: &Node, target: Option<&Node>, objects: &mut Vec<BuiltObject<'_>>) -> Option<()> {
    let mut deleted = Vec::new();
    for (at, object) in objects.iter_mut().enumerate() {
        if kind_of(&object.node).is_none() || !is_selected(body, target, object)? {
            continue;
        }
        if !is_built(&object.node) {
            return None;
        }
        let place = object.node.at(&["metadata", "name"]).map_or(0..0, |name| name.span.clone());
        let body = respan(body, &place);
        if body.text_at(&["$patch"]) == Some("delete") {
            deleted.push(at);
            continue;
        }
        object.node = match body.as_seq() {
            Some(operations) => operations.iter().try_fold(object.node.clone(), |node, one| operate(&node, one))?,
            None => {
                // The name and the kind of the patch select the object.
                let merged = merged(&object.node, &body)?;
                let kept =
                    ["apiVersion", "kind"].into_iter().filter_map(|key| Some((key, object.node.get(key)?.clone())));
                let named = merged_name(&merged, &object.node);
                crate::synthetic::merge(&named, &map(kept.collect::<Vec<_>>(), place))
            }
        };
        object.is_changed = true;
    }
    for at in deleted.into_iter().rev() {
        objects.remove(at);
    }
    Some(())
}

/// The merged object with the name that it had.
fn merged_name(merged: &Node, before: &Node) -> Node {
    match before.at(&["metadata", "name"]) {
        Some(name) => {
            let metadata = map([("name", name.clone())], name.span.clone());
            crate::synthetic::merge(merged, &map([("metadata", metadata)], name.span.clone()))
        }
        None => merged.clone(),
    }
}

/// Whether a patch selects an object; `None` if that is not known.
fn is_selected(body: &Node, target: Option<&Node>, object: &BuiltObject<'_>) -> Option<bool> {
    let kind = object.node.text_at(&["kind"]).unwrap_or_default();
    let selector = match target {
        Some(target) => target,
        None if body.as_map().is_some() => {
            let name = body.text_at(&["metadata", "name"]).unwrap_or_default();
            return Some(body.text_at(&["kind"]) == Some(kind) && object.names.iter().any(|own| own == name));
        }
        // A list of operations needs a target.
        None => return None,
    };
    let mut is_open = false;
    for field in ["kind", "name", "namespace"] {
        let Some(wanted) = selector.text_at(&[field]).filter(|wanted| !wanted.is_empty()) else { continue };
        // The fields are patterns of the whole text.
        let pattern = regex_lite::Regex::new(&format!("^(?:{wanted})$")).ok()?;
        let is_one = match field {
            "kind" => pattern.is_match(kind),
            "name" => object.names.iter().any(|name| pattern.is_match(name)),
            _ => object.namespaces.iter().flatten().any(|namespace| pattern.is_match(namespace)),
        };
        if !is_one {
            // A namespace may be set later.
            if field != "namespace" || object.namespaces.last().is_some_and(Option::is_some) {
                return Some(false);
            }
            is_open = true;
        }
    }
    let has = |field: &str| selector.get(field).is_some();
    (!is_open && !has("labelSelector") && !has("annotationSelector")).then_some(true)
}

/// A strategic merge: maps by key, null removes, anything else replaces. `None` for directives.
fn merged(base: &Node, patch: &Node) -> Option<Node> {
    let (Some(below), Some(above)) = (base.as_map(), patch.as_map()) else { return Some(patch.clone()) };
    let mut pairs: Vec<(Node, Node)> = below.to_vec();
    for (key, value) in above {
        let name = key.as_str()?;
        if name.starts_with('$') {
            return None;
        }
        let at = pairs.iter().position(|(known, _)| known.as_str() == Some(name));
        match at {
            Some(at) if value.is_null() => drop(pairs.remove(at)),
            Some(at) => {
                let (_, known) = pairs.get_mut(at)?;
                *known = merged(known, value)?;
            }
            None if value.is_null() => {}
            None => pairs.push((key.clone(), merged(&empty(value), value)?)),
        }
    }
    Some(with(base, Data::Map(pairs)))
}

/// What a value is merged into where there is none: removals within it have no effect.
fn empty(value: &Node) -> Node {
    match value.as_map() {
        Some(_) => with(value, Data::Map(Vec::new())),
        None => value.clone(),
    }
}

fn with(node: &Node, data: Data) -> Node {
    Node { span: node.span.clone(), tag: node.tag.clone(), data: Rc::new(data) }
}

/// Applies one operation of a JSON patch: <https://www.rfc-editor.org/rfc/rfc6902>. `None` for one that is not built, or that
/// kustomize refuses.
fn operate(node: &Node, operation: &Node) -> Option<Node> {
    let path = operation.text_at(&["path"])?.strip_prefix('/')?;
    let keys: Vec<String> = path.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
    match operation.text_at(&["op"])? {
        "add" => set(node, &keys, operation.get("value")?, true),
        "replace" => set(node, &keys, operation.get("value")?, false),
        "remove" => remove(node, &keys),
        _ => None,
    }
}

fn set(node: &Node, keys: &[String], value: &Node, may_add: bool) -> Option<Node> {
    let Some((key, rest)) = keys.split_first() else { return Some(value.clone()) };
    match &*node.data {
        Data::Map(pairs) => {
            let mut pairs = pairs.clone();
            match pairs.iter_mut().find(|(known, _)| known.as_str() == Some(key)) {
                Some((_, inner)) => *inner = set(inner, rest, value, may_add)?,
                None if may_add && rest.is_empty() => {
                    pairs.push((scalar(key.clone(), value.span.clone()), value.clone()))
                }
                None => return None,
            }
            Some(with(node, Data::Map(pairs)))
        }
        Data::Seq(items) => {
            let mut items = items.clone();
            match key.parse::<usize>() {
                Ok(at) if may_add && rest.is_empty() && at <= items.len() => items.insert(at, value.clone()),
                Ok(at) => {
                    let inner = items.get_mut(at)?;
                    *inner = set(inner, rest, value, may_add)?;
                }
                Err(_) if key == "-" && may_add && rest.is_empty() => items.push(value.clone()),
                Err(_) => return None,
            }
            Some(with(node, Data::Seq(items)))
        }
        Data::Scalar { .. } => None,
    }
}

fn remove(node: &Node, keys: &[String]) -> Option<Node> {
    let (key, rest) = keys.split_first()?;
    match &*node.data {
        Data::Map(pairs) => {
            let mut pairs = pairs.clone();
            let at = pairs.iter().position(|(known, _)| known.as_str() == Some(key))?;
            if rest.is_empty() {
                pairs.remove(at);
            } else {
                let (_, inner) = pairs.get_mut(at)?;
                *inner = remove(inner, rest)?;
            }
            Some(with(node, Data::Map(pairs)))
        }
        Data::Seq(items) => {
            let mut items = items.clone();
            let at = key.parse::<usize>().ok().filter(|at| *at < items.len())?;
            if rest.is_empty() {
                items.remove(at);
            } else {
                let inner = items.get_mut(at)?;
                *inner = remove(inner, rest)?;
            }
            Some(with(node, Data::Seq(items)))
        }
        Data::Scalar { .. } => None,
    }
}
