//! Terraform configuration: folders, the modules they call, and from where each module is read.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hcl::Expression;

use super::evaluate::Work;
use super::module::{Evaluation, File};
use super::section::{self, Section};
use crate::text::{Source, Text};
use crate::{Dialect, Folder, Options, Reading};

/// The deepest chain of module calls that is followed.
pub(super) const DEEPEST: usize = 16;

/// The files of a folder, parsed.
type Parsed = Vec<(Source, Section)>;

/// Where `terraform init` put modules: by root folder and the path of names from there, the folder.
pub(super) type Installed = BTreeMap<(String, String), String>;

/// Reads the folders of the named configuration files with every module that they call and that is there. The answer is the work
/// that it took.
pub(crate) fn read(named: &[&Source], options: &Options, folder: Folder<'_>, reading: &mut Reading) -> Rc<Work> {
    let mut by_folder: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in named {
        by_folder.entry(source.folder()).or_default().push(source);
    }
    let roots: Vec<&str> = by_folder.keys().copied().collect();
    let mut loader = Loader { folder, named: by_folder, folders: BTreeMap::new(), installed: Installed::new() };
    let mut called = BTreeSet::new();
    for root in &roots {
        loader.load(root, reading);
        loader.install(root, reading);
        called.extend(loader.follow(root, reading));
    }
    let folders: BTreeMap<&str, Vec<File<'_>>> = loader
        .folders
        .iter()
        .map(|(folder, parsed)| {
            let files = parsed.iter().map(|(source, section)| File { text: Text::new(source), section });
            (folder.as_str(), files.collect())
        })
        .collect();
    let wanted: BTreeSet<&str> = named.iter().map(|source| source.path.as_str()).collect();
    reading.files.extend(wanted.iter().map(|path| ((*path).to_owned(), Dialect::Hcl)));
    let work = Work::of(folders.values().flatten().map(|file| file.text.text.len()).sum());
    let evaluate = |root: &str, reading: &mut Reading| {
        Evaluation::new(&folders, &loader.installed, options, &wanted, root, &work).run(reading);
    };
    for root in roots.iter().filter(|root| !called.contains(**root)) {
        evaluate(root, reading);
    }
    // Modules that only call each other have no beginning to be read from.
    if roots.iter().all(|root| called.contains(*root)) {
        roots.iter().for_each(|root| evaluate(root, reading));
    }
    work
}

struct Loader<'a> {
    folder: Folder<'a>,
    /// The files that are checked, by folder.
    named: BTreeMap<&'a str, Vec<&'a Source>>,
    folders: BTreeMap<String, Parsed>,
    installed: Installed,
}

impl Loader<'_> {
    /// Parses the files of a folder. Each problem is told once.
    fn load(&mut self, folder: &str, reading: &mut Reading) {
        if self.folders.contains_key(folder) {
            return;
        }
        let mut sources = match (self.folder)(folder) {
            Ok(sources) => sources,
            Err(problem) => {
                reading.problems.push(problem);
                Vec::new()
            }
        };
        let there: BTreeSet<String> = sources.iter().map(|source| source.path.clone()).collect();
        let named = self.named.get(folder).into_iter().flatten().filter(|source| !there.contains(&source.path));
        sources.extend(named.map(|source| (*source).clone()));
        // Terraform reads override files after all others.
        sources.sort_by(|a, b| (is_override(&a.path), &a.path).cmp(&(is_override(&b.path), &b.path)));
        let mut parsed = Parsed::new();
        for source in sources {
            match section::parse(&Text::new(&source)) {
                Ok(section) => parsed.push((source, section)),
                Err(problem) => reading.problems.push(problem),
            }
        }
        self.folders.insert(folder.to_owned(), parsed);
    }

    /// What `terraform init` installed for a root folder, parsed.
    fn install(&mut self, root: &str, reading: &mut Reading) {
        #[derive(serde::Deserialize)]
        struct Manifest {
            #[serde(rename = "Modules", default)]
            modules: Vec<Module>,
        }
        #[derive(serde::Deserialize)]
        struct Module {
            #[serde(rename = "Key")]
            key: String,
            #[serde(rename = "Dir")]
            dir: String,
        }
        let Ok(sources) = (self.folder)(&join(root, ".terraform/modules")) else { return };
        let Some(manifest) = sources.iter().find(|source| source.name() == "modules.json") else { return };
        // A manifest that cannot be read installs nothing, so that its modules are told as not read.
        let Ok(manifest) = serde_json::from_str::<Manifest>(&manifest.text) else { return };
        for module in manifest.modules {
            if let Some(folder) = within(root, &module.dir) {
                self.load(&folder, reading);
                self.installed.insert((root.to_owned(), module.key), folder);
            }
        }
    }

    /// Loads what the modules of a root folder call by a path, folder by folder, and says which those are.
    fn follow(&mut self, root: &str, reading: &mut Reading) -> BTreeSet<String> {
        let mut called = BTreeSet::new();
        let mut open: Vec<String> = vec![root.to_owned()];
        open.extend(self.installed.iter().filter(|((own, _), _)| own == root).map(|(_, folder)| folder.clone()));
        let mut seen: BTreeSet<String> = open.iter().cloned().collect();
        while let Some(folder) = open.pop() {
            let parsed = self.folders.get(&folder).map(Vec::as_slice).unwrap_or_default();
            let sections = parsed.iter().flat_map(|(_, section)| &section.sections);
            let calls = sections.filter(|section| section.name == "module");
            let targets: Vec<String> = calls.filter_map(|call| local(call, &folder)).collect();
            for target in targets.into_iter().filter(|target| *target != folder) {
                called.insert(target.clone());
                if seen.insert(target.clone()) {
                    self.load(&target, reading);
                    open.push(target);
                }
            }
        }
        called
    }
}

/// Whether a file overrides others: <https://developer.hashicorp.com/terraform/language/files/override>
pub(super) fn is_override(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    stem == "override" || stem.ends_with("_override")
}

/// The folder of a called module, where it is to be had: installed, or named by its path.
pub(super) fn target(call: &Section, root: &str, folder: &str, key: &str, installed: &Installed) -> Option<String> {
    installed.get(&(root.to_owned(), key.to_owned())).cloned().or_else(|| local(call, folder))
}

/// The folder that a call names by its path.
fn local(call: &Section, folder: &str) -> Option<String> {
    match call.argument("source").map(|argument| &argument.value) {
        Some(Expression::String(source)) if source.starts_with("./") || source.starts_with("../") => {
            within(folder, source)
        }
        _ => None,
    }
}

fn join(folder: &str, below: &str) -> String {
    if folder.is_empty() { below.to_owned() } else { format!("{folder}/{below}") }
}

/// A path seen from a folder, without `.` and `..` where that can be. No absolute path leads anywhere.
fn within(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\0') {
        return None;
    }
    let absolute = folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split(['/', '\\'])) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if absolute => return None,
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Some(if absolute { format!("/{joined}") } else { joined })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_their_folder() {
        for (folder, path, expected) in [
            ("", "./modules/alb", Some("modules/alb")),
            ("envs/prod", "../../modules/alb", Some("modules/alb")),
            ("envs", "../../elsewhere", Some("../elsewhere")),
            ("../a", "../b", Some("../b")),
            ("/srv/tf", "../x", Some("/srv/x")),
            ("/", "../x", None),
            ("a", "/etc", None),
            ("a", ".", Some("a")),
        ] {
            assert_eq!(within(folder, path).as_deref(), expected, "{folder} {path}");
        }
    }
}
