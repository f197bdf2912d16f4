//! Kustomizations: which of the manifests that were read they change.
//!
//! A kustomization whose patches, annotations or components may change the load balancers of its manifests is built, and its
//! result is judged besides the manifests. One that cannot be built is listed as not read, because what is deployed is its result: <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::{ManifestOrigin, Manifests};
use crate::source_text::{SourceFile, SourceText};
use crate::synthetic::document;
use crate::tree::{Data, Node, yaml};
use crate::{Action, Dialect, ParseOutput, ReadFolder, UnreadPart, signs};

mod built_objects;
mod by_controllers;
mod resources;

pub(super) use by_controllers::mark as mark_by_controllers;
pub(crate) use resources::{mark_missing, resource_sources};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Fields that name manifests and other kustomizations.
const RESOURCES: [&str; 3] = ["resources", "bases", "components"];
/// Fields that change manifests by a text or a file.
const PATCHES: [&str; 5] = ["patches", "patchesStrategicMerge", "patchesJson6902", "transformers", "replacements"];
/// Fields that create manifests by another program.
const CREATORS: [&str; 2] = ["generators", "helmCharts"];
/// Words of a change that may concern a load balancer, besides those of the controllers.
const WORDS: [&str; 6] =
    ["annotations", "ingressClassName", "loadBalancerAttributes", "mergingMode", "parametersRef", "gatewayClassName"];

/// The maximum number of kustomizations above each other.
const MAX_COLLECTED_DEPTH: usize = 256;

/// The maximum number of kustomizations and files that are built in one run. One that several others use is built for each of them.
const MAX_BUILT: usize = 50_000;

/// The maximum number of files of patches that are read besides the sources.
const MAX_PATCH_FILES: usize = 1_000;

struct Kustomization {
    root: Node,
    folder: String,
    path: String,
    text_at: usize,
}

/// Whether a file is a kustomization.
pub(crate) fn is_kustomization(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The kustomizations among the files, by folder.
fn all_of(sources: &[SourceFile]) -> BTreeMap<String, Kustomization> {
    let mut all: BTreeMap<String, Kustomization> = BTreeMap::new();
    for source in sources.iter().filter(|source| is_kustomization(source.name())) {
        let Ok(documents) = yaml::parse(&SourceText::new(source)) else { continue };
        if let Some(document) = documents.into_iter().next() {
            let (folder, path) = (source.folder().to_owned(), source.path.clone());
            let text_at = document.root.span.start;
            all.insert(folder.clone(), Kustomization { root: document.root, folder, path, text_at });
        }
    }
    all
}

/// Adds the objects that kustomizations change to the manifests. Returns the paths of the kustomizations that were built.
pub(crate) fn build<'a>(
    sources: &[SourceFile],
    texts: impl Iterator<Item = &'a SourceText<'a>>,
    manifests: &mut Manifests<'a>,
) -> BTreeSet<String> {
    let all = all_of(sources);
    let sources = by_path(sources);
    let texts: BTreeMap<&str, &SourceText<'_>> = texts.map(|text| (text.path, text)).collect();
    let input = built_objects::BuildInput { all: &all, texts: &texts, left: Cell::new(MAX_BUILT) };
    let mut built = BTreeSet::new();
    for one in all.values() {
        let changes = Collected::of(one, &all, &sources).changes;
        if !changes.iter().any(|(path, _)| *path == one.path) {
            continue;
        }
        // A component changes what the kustomization around it contains.
        if one.root.text_at(&["kind"]) == Some("Component") {
            continue;
        }
        let Some(objects) = input.build(one, 0) else { continue };
        built.insert(one.path.clone());
        for object in objects.into_iter().filter(|object| object.is_changed) {
            let name = object.node.text_at(&["metadata", "name"]).unwrap_or("(unnamed)");
            let name = match object.node.text_at(&["metadata", "namespace"]) {
                Some(namespace) => format!("{namespace}/{name}"),
                None => name.to_owned(),
            };
            let kind = object.node.text_at(&["kind"]).unwrap_or_default();
            let origin = ManifestOrigin {
                address: format!("{}: {kind} {name}", one.path),
                action: Action::Unspecified,
                scope: one.path.clone(),
                unfixable: "a kustomization changes it; change the patch",
                note: Some(format!("as {} changes it", one.path)),
            };
            manifests.add_from(object.text, document(object.node), origin);
        }
    }
    manifests.leave_out(&patch_files(&all, &built));
    built
}

/// The files that fields of a kustomization name.
fn named_files(one: &Kustomization, fields: &[&str]) -> Vec<String> {
    let lists = fields.iter().filter_map(|field| one.root.get(field)).filter_map(Node::as_seq).flatten();
    let names = lists.filter_map(|entry| entry.text_at(&["path"]).or_else(|| entry.as_str()));
    names.filter(|name| !name.contains('\n')).map(|name| below(&one.folder, name)).collect()
}

/// Reads the files of patches that are not among the sources, because they give no sign of a load balancer: that they do not
/// concern one has to be seen.
pub(crate) fn patch_sources(sources: &[SourceFile], folder: ReadFolder<'_>) -> Vec<SourceFile> {
    let known: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let all = all_of(sources);
    let named: BTreeSet<String> = all.values().flat_map(|one| named_files(one, &PATCHES)).collect();
    let roots = resources::SourceRoots::of(sources);
    let is_wanted = |path: &&String| !roots.is_outside(path) && !known.contains(path.as_str());
    let read = |path: &String| folder(path).unwrap_or_default().into_iter().find(|file| file.path == *path);
    named.iter().filter(is_wanted).take(MAX_PATCH_FILES).filter_map(read).collect()
}

/// The files of patches of the kustomizations that were built. Their objects are parts of others.
fn patch_files(all: &BTreeMap<String, Kustomization>, built: &BTreeSet<String>) -> BTreeSet<String> {
    let is_built = |one: &&Kustomization| built.contains(&one.path) || one.root.text_at(&["kind"]) == Some("Component");
    let patches = all.values().filter(is_built).flat_map(|one| named_files(one, &PATCHES[..3]));
    let resources: BTreeSet<String> = all.values().flat_map(|one| named_files(one, &RESOURCES)).collect();
    patches.filter(|path| !resources.contains(path)).collect()
}

/// Lists the kustomizations that may change declared load balancers and were not built.
pub(crate) fn mark(sources: &[SourceFile], built: &BTreeSet<String>, output: &mut ParseOutput) {
    let all = all_of(sources);
    let declared: BTreeSet<&str> = output
        .declared
        .iter()
        .filter(|declared| declared.dialect == Dialect::Kubernetes)
        .filter(|declared| declared.load_balancer().is_some_and(|lb| lb.kind.can_parse_http()))
        .map(|declared| declared.place.file.as_str())
        .collect();
    let paths = by_path(sources);
    let mut unread = Vec::new();
    for kustomization in all.values().filter(|one| !built.contains(&one.path)) {
        let Collected { files, changes, .. } = Collected::of(kustomization, &all, &paths);
        // The change of a kustomization below is listed there.
        let own = changes.iter().filter(|(path, _)| *path == kustomization.path);
        let parts: Vec<&str> = own.map(|(_, field)| field.as_str()).collect();
        let changes_declared = files.iter().any(|file| declared.contains(file.as_str()));
        // What is patched may lie elsewhere: in another repository, or outside of what was given.
        let changes_others = !changes_declared
            && files.iter().any(|file| !paths.contains_key(file.as_str()))
            && patches_speak_of_controllers(kustomization, sources);
        // Manifests that no file contains.
        let creates = parts.iter().any(|part| CREATORS.contains(part));
        if parts.is_empty() || !(changes_declared || changes_others || creates) {
            continue;
        }
        let Some(source) = paths.get(kustomization.path.as_str()) else { continue };
        let folder = if kustomization.folder.is_empty() { "." } else { &kustomization.folder };
        unread.push(UnreadPart {
            address: kustomization.path.clone(),
            place: SourceText::new(source).place(kustomization.text_at..kustomization.text_at),
            because: format!(
                "The kustomization {} ({}); check its result: `kubectl kustomize {folder} | doorward \
                 check -`.",
                match (changes_declared, creates) {
                    (true, _) => "changes manifests that declare load balancers",
                    (false, true) => "creates manifests that may declare load balancers",
                    (false, false) => "changes manifests that are not among the files",
                },
                parts.join(", ")
            ),
        });
    }
    output.unread.extend(unread);
}

/// Whether the kustomization, or a file of its patches, names annotations of the controllers.
fn patches_speak_of_controllers(one: &Kustomization, sources: &[SourceFile]) -> bool {
    let mut texts = named_files(one, &PATCHES);
    texts.push(one.path.clone());
    sources.iter().any(|source| texts.contains(&source.path) && signs::of_controller(&source.text))
}

/// The manifests of a kustomization, and the changes that it and those below it make: path of the kustomization and field.
#[derive(Default)]
struct Collected {
    files: BTreeSet<String>,
    changes: BTreeSet<(String, String)>,
    /// The kustomizations that were visited, and whether they or those below them change something. Each is visited once, because
    /// kustomizations that share others have more paths between them than can be followed.
    seen: BTreeMap<String, bool>,
}

impl Collected {
    fn of(one: &Kustomization, all: &BTreeMap<String, Kustomization>, sources: &BTreeMap<&str, &SourceFile>) -> Self {
        let mut collected = Self::default();
        collected.visit(one, all, sources, 0);
        collected
    }

    /// Visits a kustomization. Returns whether it or one below it changes something.
    fn visit(
        &mut self,
        one: &Kustomization,
        all: &BTreeMap<String, Kustomization>,
        sources: &BTreeMap<&str, &SourceFile>,
        depth: usize,
    ) -> bool {
        if let Some(changes) = self.seen.get(&one.path) {
            return *changes;
        }
        if depth > MAX_COLLECTED_DEPTH {
            return false;
        }
        self.seen.insert(one.path.clone(), false);
        let mut fields = BTreeSet::new();
        let mut changes_below = false;
        for field in RESOURCES {
            for name in one.root.get(field).and_then(Node::as_seq).unwrap_or_default().iter().filter_map(Node::as_str) {
                let path = below(&one.folder, name);
                match all.get(&path) {
                    Some(inner) => {
                        let changes = self.visit(inner, all, sources, depth + 1);
                        changes_below |= changes;
                        // A component changes the manifests of the kustomization that uses it.
                        if field == "components" && changes {
                            fields.insert(field);
                        }
                    }
                    None => drop(self.files.insert(path)),
                }
            }
        }
        for field in PATCHES {
            let Some(patches) = one.root.get(field) else { continue };
            // A transformer is an object of its own kind, whatever it changes.
            let speaks: fn(&str) -> bool = if field == "transformers" { has_word } else { speaks };
            let concerns = |patch: &Node| concerns(patch, one, sources, speaks);
            if patches.as_seq().is_some_and(|patches| patches.iter().any(concerns)) {
                fields.insert(field);
            }
        }
        fields.extend(
            ["commonAnnotations", "helmCharts"].iter().filter(|field| one.root.get(field).is_some_and(mentions)),
        );
        if has_generator_of_one(one, |path| sources.get(path).map(|source| source.text.as_str())) {
            fields.insert("generators");
        }
        let changes = changes_below || !fields.is_empty();
        self.changes.extend(fields.into_iter().map(|field| (one.path.clone(), field.to_owned())));
        self.seen.insert(one.path.clone(), changes);
        changes
    }
}

/// Whether a generator, in place or in a file, speaks of a controller that creates load balancers.
fn has_generator_of_one<'t>(one: &Kustomization, text: impl Fn(&str) -> Option<&'t str>) -> bool {
    named_files(one, &["generators"]).iter().any(|path| text(path).is_some_and(signs::of_controller))
        || one.root.get("generators").is_some_and(|node| any_text(node, signs::of_controller))
}

/// The files by their paths.
fn by_path(sources: &[SourceFile]) -> BTreeMap<&str, &SourceFile> {
    sources.iter().map(|source| (source.path.as_str(), source)).collect()
}

/// Whether a patch may change a load balancer: its text does, or its file is not among the files.
fn concerns(
    patch: &Node,
    one: &Kustomization,
    sources: &BTreeMap<&str, &SourceFile>,
    speaks: fn(&str) -> bool,
) -> bool {
    // A patch of another kind of objects.
    if patch.text_at(&["target", "kind"]).is_some_and(is_of_another_kind) {
        return false;
    }
    let path = patch.text_at(&["path"]).or_else(|| patch.as_str().filter(|text| !text.contains('\n')));
    match path {
        Some(path) => {
            let path = below(&one.folder, path);
            sources.get(path.as_str()).is_none_or(|source| speaks(&source.text))
        }
        None => any_text(patch, speaks),
    }
}

/// Whether a plain kind, or the kind of a manifest, is none that declares a load balancer.
fn is_of_another_kind(kind: &str) -> bool {
    kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !super::KINDS.contains(&kind)
}

pub(super) fn mentions(node: &Node) -> bool {
    any_text(node, speaks)
}

fn any_text(node: &Node, is_one: fn(&str) -> bool) -> bool {
    match &*node.data {
        Data::Scalar { text, .. } => is_one(text),
        Data::Seq(nodes) => nodes.iter().any(|node| any_text(node, is_one)),
        Data::Map(pairs) => pairs.iter().any(|(key, value)| any_text(key, is_one) || any_text(value, is_one)),
    }
}

fn speaks(text: &str) -> bool {
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("kind:")).map(str::trim).collect();
    if !kinds.is_empty() && kinds.iter().all(|kind| is_of_another_kind(kind)) {
        return false;
    }
    has_word(text)
}

fn has_word(text: &str) -> bool {
    signs::of_controller(text) || WORDS.iter().any(|word| text.contains(word))
}

/// A path relative to a folder.
fn below(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if folder.starts_with('/') { format!("/{joined}") } else { joined }
}
