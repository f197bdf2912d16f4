//! The resources that kustomizations name: those of a kustomization that the user named are read, and those that are missing or come
//! from elsewhere are listed.
//!
//! A kustomization cannot be built without its resources, so that a missing one may be any object.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::{Collected, Kustomization, NAMES, RESOURCES, all_of, below, by_path, is_kustomization};
use doorward_model::Pattern;

use crate::indirect::is_named_after_other_kinds;
use crate::kubernetes::remote;
use crate::source_text::{SourceFile, SourceText};
use crate::terraform::module_sources::words;
use crate::tree::{Node, yaml};
use crate::{
    ENCRYPTED, FileError, ParseOutput, PartlyRead, ReadFolder, Unexamined, UnexaminedReason, UnreadPart, signs,
};

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

/// The folders whose files may be read because a kustomization names them.
pub(super) struct SourceRoots(BTreeSet<String>);

impl SourceRoots {
    /// The folders around the sources with absolute paths: one for each first part of their paths, because folders that share none
    /// have nothing in common.
    pub(super) fn of(sources: &[SourceFile]) -> Self {
        let mut common: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for source in sources {
            let Some(folder) = source.path.strip_prefix('/').map(|_| source.folder()) else { continue };
            let parts: Vec<&str> = folder.split('/').skip(1).collect();
            let Some(first) = parts.first().copied() else { continue };
            let shared = common.entry(first).or_insert_with(|| parts.clone());
            let length = shared.iter().zip(&parts).take_while(|(one, other)| one == other).count();
            shared.truncate(length);
        }
        Self(common.into_values().map(|parts| format!("/{}", parts.join("/"))).collect())
    }

    /// Whether a file is outside the working folder and the folders of the sources. A hostile kustomization may name any file.
    pub(super) fn is_outside(&self, path: &str) -> bool {
        let is_below = |root: &String| path.strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with('/'));
        path.starts_with("..") || (path.starts_with('/') && !self.0.iter().any(is_below))
    }
}

/// Reads one file; `None` if there is none.
fn read(path: &str, folder: ReadFolder<'_>) -> Result<Option<SourceFile>, FileError> {
    match folder(path) {
        Ok(files) => Ok(files.into_iter().find(|file| file.path == path)),
        // A folder may have other files that cannot be read.
        Err(PartlyRead { errors, .. }) => match errors.into_iter().find(|error| error.file == path) {
            Some(error) => Err(error),
            None => Ok(None),
        },
    }
}

/// What is known of a resource that a kustomization names.
#[derive(Clone)]
enum Resource {
    /// It is among the sources, gives no sign of a load balancer, or is excluded by the user.
    Seen,
    Missing,
    Unreadable(FileError),
}

/// The resources that were looked for. Several kustomizations name the same ones, and each takes up to four reads.
struct Resources<'a> {
    all: &'a BTreeMap<String, Kustomization>,
    paths: BTreeSet<&'a str>,
    roots: SourceRoots,
    folder: ReadFolder<'a>,
    found: RefCell<BTreeMap<String, Resource>>,
}

impl Resources<'_> {
    fn of(&self, path: &str) -> Resource {
        if let Some(found) = self.found.borrow().get(path) {
            return found.clone();
        }
        let resource = self.look_for(path);
        self.found.borrow_mut().insert(path.to_owned(), resource.clone());
        resource
    }

    fn look_for(&self, path: &str) -> Resource {
        let candidates = || std::iter::once(path.to_owned()).chain(NAMES.iter().map(|name| below(path, name)));
        if self.all.contains_key(path) || candidates().any(|path| self.paths.contains(path.as_str())) {
            return Resource::Seen;
        }
        if self.roots.is_outside(path) {
            return Resource::Missing;
        }
        for candidate in candidates() {
            match read(&candidate, self.folder) {
                Ok(Some(_)) => return Resource::Seen,
                Ok(None) => {}
                Err(error) => return Resource::Unreadable(error),
            }
        }
        Resource::Missing
    }
}

/// Reads the resources of kustomizations that the user named, and of the kustomizations among those.
pub(crate) fn resource_sources(sources: &[SourceFile], folder: ReadFolder<'_>) -> Vec<SourceFile> {
    let mut known: BTreeSet<String> = sources.iter().map(|source| source.path.clone()).collect();
    let mut found = Vec::new();
    let roots = SourceRoots::of(sources);
    let of_user = |source: &&SourceFile| source.named && is_kustomization(source.name());
    let mut pending: Vec<SourceFile> = sources.iter().filter(of_user).cloned().collect();
    while let Some(one) = pending.pop() {
        let Ok(documents) = yaml::parse(&SourceText::new(&one)) else { continue };
        let first = documents.iter().map(|document| &document.root).take(1);
        for name in first.flat_map(names).filter_map(Node::as_str) {
            let path = below(one.folder(), name);
            if roots.is_outside(&path) || found.len() >= MAX_FILES {
                continue;
            }
            let within = NAMES.iter().map(|name| below(&path, name));
            let candidates = std::iter::once(path.clone()).chain(within);
            // What cannot be read is listed by `mark_missing`.
            let mut unknown = candidates.filter(|path| !known.contains(path));
            let read = unknown.find_map(|path| read(&path, folder).ok().flatten());
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

/// Lists the resources that are not among the files: as not read if they cannot be, or may concern a load balancer, otherwise as not
/// examined. `without` are sources that the settings name as ones without load balancers.
pub(crate) fn mark_missing(
    sources: &[SourceFile],
    without: &[Pattern],
    folder: ReadFolder<'_>,
    output: &mut ParseOutput,
) {
    let all = all_of(sources);
    if all.is_empty() {
        return;
    }
    let by_path = by_path(sources);
    let paths: BTreeSet<&str> = by_path.keys().copied().collect();
    let (roots, found) = (SourceRoots::of(sources), RefCell::default());
    let resources = Resources { all: &all, paths, roots, folder, found };
    let declaring: BTreeSet<String> = output.declared.iter().map(|declared| declared.place.file.clone()).collect();
    for one in all.values() {
        let Some(source) = by_path.get(one.path.as_str()) else { continue };
        let text = SourceText::new(source);
        let is_open = OnceCell::new();
        for node in names(&one.root) {
            let Some(name) = node.as_str().filter(|name| !name.contains('\n')) else { continue };
            let place = text.place(node.span.clone());
            let path = below(&one.folder, name);
            match resources.of(&path) {
                Resource::Seen => continue,
                Resource::Unreadable(error) if error.message == ENCRYPTED => {
                    let (place, address) = (crate::SourceRange::at_start(error.file.clone()), error.file);
                    let (reason, detail) = (UnexaminedReason::EncryptedFile, error.message);
                    output.unexamined.push(Unexamined { address, place, reason, detail });
                    continue;
                }
                Resource::Unreadable(error) => {
                    output.unread.push(UnreadPart::of_file(error));
                    continue;
                }
                Resource::Missing => {}
            }
            if is_remote(name) {
                remote::record((one.path.clone(), place), name, without, output);
                continue;
            }
            let is_open = || *is_open.get_or_init(|| may_miss_one(one, source, &by_path, &resources, &declaring));
            if may_matter(&path, &is_open) {
                output.unread.push(missing(one, &path, place));
            } else {
                let (address, reason) = (path, UnexaminedReason::MissingManifest);
                let detail = format!("is a resource of {}, and is not among the files", one.path);
                output.unexamined.push(Unexamined { address, place, reason, detail });
            }
        }
    }
}

/// Whether a missing resource may concern a load balancer: its name speaks of one, or the kustomization leaves it open.
fn may_matter(path: &str, is_open: &dyn Fn() -> bool) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    words::names_one(file) || (!is_named_after_other_kinds(file.split('.').next().unwrap_or_default()) && is_open())
}

/// Whether a kustomization of which resources are missing leaves open if they concern a load balancer: it does or declares one, or
/// nothing else is known of it.
fn may_miss_one(
    one: &Kustomization,
    source: &SourceFile,
    sources: &BTreeMap<&str, &SourceFile>,
    resources: &Resources<'_>,
    declaring: &BTreeSet<String>,
) -> bool {
    if signs::of_controller(&source.text) {
        return true;
    }
    let files = Collected::of(one, resources.all, sources).files;
    let is_seen = |file: &String| matches!(resources.of(file), Resource::Seen);
    files.iter().any(|file| declaring.contains(file)) || !files.iter().any(is_seen)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_a_folder_of_the_sources_are_inside() {
        let roots = |paths: &[&str]| {
            let sources: Vec<SourceFile> =
                paths.iter().map(|path| SourceFile::new(*path, Vec::new(), true).unwrap()).collect();
            SourceRoots::of(&sources)
        };
        let apart = ["/srv/a/base/k.yaml", "/srv/a/prod/k.yaml", "/opt/b/k.yaml", "c/k.yaml"];
        for (sources, path, expected) in [
            (&apart[..], "/srv/a/other/i.yaml", false),
            (&apart[..], "/opt/b/i.yaml", false),
            (&apart[..], "/opt/bb/i.yaml", true),
            (&apart[..], "/opt/i.yaml", true),
            (&apart[..], "/etc/passwd", true),
            (&apart[..], "/i.yaml", true),
            (&apart[..], "d/i.yaml", false),
            (&apart[..], "../i.yaml", true),
            (&["/k.yaml"][..], "/etc/passwd", true),
            (&["/k.yaml", "/srv/k.yaml"][..], "/srv/i.yaml", false),
            (&["k.yaml"][..], "/etc/passwd", true),
            (&[][..], "/etc/passwd", true),
        ] {
            assert_eq!(roots(sources).is_outside(path), expected, "{sources:?} {path}");
        }
    }

    #[test]
    fn each_resource_is_looked_for_once() {
        let kustomization = |number: usize| {
            let names: Vec<String> = (0..20).map(|name| format!("../gone{name}.yaml")).collect();
            let text = format!("resources: [{}]\n", names.join(", "));
            SourceFile::new(format!("k{number}/kustomization.yaml"), text.into_bytes(), false).unwrap()
        };
        let sources: Vec<SourceFile> = (0..50).map(kustomization).collect();
        let reads = std::cell::Cell::new(0);
        let folder = |_: &str| {
            reads.set(reads.get() + 1);
            Ok(Vec::new())
        };
        let mut output = ParseOutput::default();
        mark_missing(&sources, &[], &folder, &mut output);
        assert_eq!((output.unread.len(), reads.get()), (50 * 20, 20 * (1 + NAMES.len())));
    }
}
