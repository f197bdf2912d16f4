//! The resources that kustomizations name: those of a kustomization that the user named are read, and those that are missing or come
//! from elsewhere are listed.
//!
//! A kustomization cannot be built without its resources, so that a missing one may be any object.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kustomization, NAMES, RESOURCES, all_of, below, collect, is_kustomization};
use crate::indirect::is_named_after_other_kinds;
use crate::source_text::{SourceFile, SourceText};
use crate::terraform::module_sources::words;
use crate::tree::{Node, yaml};
use crate::{ParseOutput, ReadFolder, Unexamined, UnexaminedReason, UnreadPart, signs};

/// The maximum number of files that are read for kustomizations besides the sources.
const MAX_FILES: usize = 1_000;

/// Whether a name is the address of another repository or host: <https://github.com/kubernetes-sigs/kustomize/blob/master/examples/remoteBuild.md>
pub(super) fn is_remote(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or_default();
    // A name of a host ends in letters; a folder may be named after a version.
    let is_domain = |end: &str| end.len() > 1 && end.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_host = name.contains('/') && host.rsplit_once('.').is_some_and(|(_, end)| is_domain(end));
    name.contains("://") || name.contains("?ref=") || name.starts_with("git@") || name.starts_with("git::") || is_host
}

fn names(root: &Node) -> impl Iterator<Item = &Node> {
    RESOURCES.iter().flat_map(|field| root.get(field).and_then(Node::as_seq).unwrap_or_default())
}

/// The folder that contains all sources; empty for the working folder.
fn common_folder(sources: &[SourceFile]) -> String {
    let parts = |source: &SourceFile| source.folder().split('/').map(str::to_owned).collect::<Vec<_>>();
    let shared = |one: Vec<String>, other: Vec<String>| {
        one.into_iter().zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one).collect()
    };
    sources.iter().map(parts).reduce(shared).unwrap_or_default().join("/")
}

/// Whether a file is outside the working folder and the folders of the sources. A hostile kustomization may name any file.
pub(super) fn is_outside(path: &str, sources: &[SourceFile]) -> bool {
    path.starts_with("..") || (path.starts_with('/') && !path.starts_with(&format!("{}/", common_folder(sources))))
}

fn read(path: &str, folder: ReadFolder<'_>) -> Option<SourceFile> {
    folder(path).unwrap_or_default().into_iter().find(|file| file.path == path)
}

/// Reads the resources of kustomizations that the user named, and of the kustomizations among those.
pub(crate) fn resource_sources(sources: &[SourceFile], folder: ReadFolder<'_>) -> Vec<SourceFile> {
    let mut known: BTreeSet<String> = sources.iter().map(|source| source.path.clone()).collect();
    let mut found = Vec::new();
    let of_user = |source: &&SourceFile| source.named && is_kustomization(source.name());
    let mut pending: Vec<SourceFile> = sources.iter().filter(of_user).cloned().collect();
    while let Some(one) = pending.pop() {
        let Ok(documents) = yaml::parse(&SourceText::new(&one)) else { continue };
        let roots = documents.iter().map(|document| &document.root).take(1);
        for name in roots.flat_map(names).filter_map(Node::as_str) {
            let path = below(one.folder(), name);
            if is_outside(&path, sources) || found.len() >= MAX_FILES {
                continue;
            }
            let within = NAMES.iter().map(|name| below(&path, name));
            let candidates = std::iter::once(path.clone()).chain(within);
            let read = candidates.filter(|path| !known.contains(path)).find_map(|path| read(&path, folder));
            if let Some(file) = read {
                known.insert(file.path.clone());
                if is_kustomization(file.name()) {
                    pending.push(file.clone());
                }
                found.push(file);
            }
        }
    }
    found
}

/// Lists the resources that are not among the files: as not read if they may concern a load balancer, otherwise, and if they come
/// from other repositories, as not examined.
pub(crate) fn mark_missing(sources: &[SourceFile], folder: ReadFolder<'_>, output: &mut ParseOutput) {
    let known: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let all = all_of(sources);
    let is_known = |path: &str| {
        all.contains_key(path)
            || known.contains(path)
            || NAMES.iter().any(|name| known.contains(below(path, name).as_str()))
            // A file that gives no sign of a load balancer, or that the user excludes.
            || (!is_outside(path, sources)
                && (read(path, folder).is_some()
                    || NAMES.iter().any(|name| read(&below(path, name), folder).is_some())))
    };
    for one in all.values() {
        let Some(source) = sources.iter().find(|source| source.path == one.path) else { continue };
        let text = SourceText::new(source);
        for node in names(&one.root) {
            let Some(name) = node.as_str().filter(|name| !name.contains('\n')) else { continue };
            let place = text.place(node.span.clone());
            let path = below(&one.folder, name);
            if is_known(&path) {
                continue;
            }
            if is_remote(name) {
                let (address, detail) = (one.path.clone(), name.to_owned());
                output.unexamined.push(Unexamined {
                    address,
                    place,
                    reason: UnexaminedReason::RemoteManifests,
                    detail,
                });
                continue;
            }
            if may_matter(one, &path, &all, sources, &is_known, output) {
                output.unread.push(missing(one, &path, place));
            } else {
                let (address, reason) = (path, UnexaminedReason::MissingManifest);
                let detail = format!("is a resource of {}, and is not among the files", one.path);
                output.unexamined.push(Unexamined { address, place, reason, detail });
            }
        }
    }
}

/// Whether a missing resource may concern a load balancer: its name speaks of one, the kustomization does or declares one, or
/// nothing else is known of the kustomization.
fn may_matter(
    one: &Kustomization,
    path: &str,
    all: &BTreeMap<String, Kustomization>,
    sources: &[SourceFile],
    is_known: &dyn Fn(&str) -> bool,
    output: &ParseOutput,
) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    if words::names_one(file) {
        return true;
    }
    if is_named_after_other_kinds(file.split('.').next().unwrap_or_default()) {
        return false;
    }
    let text = sources.iter().find(|source| source.path == one.path).map_or("", |source| source.text.as_str());
    let mut files = BTreeSet::new();
    collect(one, all, sources, &mut files, &mut BTreeSet::new(), 0);
    let declares = output.declared.iter().any(|declared| files.contains(&declared.place.file));
    declares || signs::of_controller(text) || !files.iter().any(|file| is_known(file))
}

fn missing(one: &Kustomization, path: &str, place: crate::SourceRange) -> UnreadPart {
    let folder = if one.folder.is_empty() { "." } else { &one.folder };
    UnreadPart {
        address: path.to_owned(),
        place,
        because: format!(
            "The kustomization {} names it as a resource, and it is not among the files; check its folder as well, or the result: \
             `kubectl kustomize {folder} | doorward check -`.",
            one.path
        ),
    }
}
