//! Terraform configuration: folders, the modules that they call, and the folder of each module.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::evaluation::Surroundings;
use super::module::{File, RootEvaluation};
use super::section::{self, Section};
use super::syntax::Expression;
use super::terragrunt::TerragruntUnit;
use super::variables::{self, GivenValues};
use super::work::WorkBudget;
use crate::indirect::FoundObjects;
use crate::source_text::{SourceFile, SourceText};
use crate::{Deployment, Dialect, FileError, ParseOutput, PartlyRead, ReadFolder, UnreadPart, VariableOption};

/// The maximum depth of module calls. Terraform refuses modules that call each other, which the files may nevertheless contain.
pub(super) const MAX_CALL_DEPTH: usize = 16;

/// The parsed files of a folder.
type ParsedFolder = Vec<(SourceFile, Section)>;

/// The folders as one program reads them, with its name if the programs differ.
type ProgramReading<'p> = (Option<&'static str>, BTreeMap<&'p str, Vec<File<'p>>>);

/// The folders of modules that `terraform init` installed, by root folder and key: the names of the calls, joined by dots.
pub(super) type Installed = BTreeMap<(String, String), String>;

/// Parses the folders of the named files with all modules that they call and that exist, and the modules that Terragrunt calls.
/// Returns the work that it took.
pub(crate) fn parse(
    (named, units): (&[&SourceFile], &[TerragruntUnit<'_>]),
    deployment: &Deployment,
    folder: ReadFolder<'_>,
    objects: &RefCell<FoundObjects>,
    output: &mut ParseOutput,
) -> Rc<WorkBudget> {
    evaluate_roots((named, units), deployment, folder, objects, output, &mut |root, output| root.run(output))
}

/// Evaluates the root folder of the named files, and calls `with` with the names that it defines.
#[cfg(test)]
pub(super) fn with_root_scope(
    named: &[SourceFile],
    deployment: &Deployment,
    folder: ReadFolder<'_>,
    with: &mut dyn FnMut(&super::evaluation::Scope<'_>),
) {
    let named: Vec<&SourceFile> = named.iter().collect();
    let mut output = ParseOutput::default();
    evaluate_roots((&named, &[]), deployment, folder, &RefCell::default(), &mut output, &mut |root, _| {
        if let Some(module) = root.root_module() {
            with(&module.scope);
        }
    });
    assert_eq!(output.errors, []);
}

fn evaluate_roots(
    (named, units): (&[&SourceFile], &[TerragruntUnit<'_>]),
    deployment: &Deployment,
    folder: ReadFolder<'_>,
    objects: &RefCell<FoundObjects>,
    output: &mut ParseOutput,
    with: &mut dyn FnMut(&RootEvaluation<'_>, &mut ParseOutput),
) -> Rc<WorkBudget> {
    let mut by_folder: BTreeMap<&str, Vec<&SourceFile>> = BTreeMap::new();
    for source in named {
        by_folder.entry(source.folder()).or_default().push(source);
    }
    let roots: Vec<&str> = by_folder.keys().copied().collect();
    let mut loader = Loader { folder, named: by_folder, folders: BTreeMap::new(), installed: Installed::new() };
    let mut called = BTreeSet::new();
    for root in &roots {
        loader.load(root, output);
        loader.install(root, output);
        called.extend(loader.follow(root, output));
    }
    // A module that Terragrunt calls is no root, even if all folders are called.
    let of_units: BTreeSet<&str> = units.iter().map(TerragruntUnit::module).collect();
    for folder in &of_units {
        loader.load(folder, output);
        called.extend(loader.follow(folder, output));
    }
    let roots: Vec<&str> = roots.into_iter().filter(|root| !of_units.contains(root)).collect();
    let unit_files: Vec<[File<'_>; 1]> = units.iter().map(|unit| [unit.file()]).collect();
    let readings = readings(&loader.folders);
    let wanted: BTreeSet<&str> = named.iter().map(|source| source.path.as_str()).collect();
    output.files.extend(wanted.iter().map(|path| ((*path).to_owned(), Dialect::Hcl)));
    let all = readings.iter().flat_map(|(_, folders)| folders.values().flatten());
    let mut bytes: usize = all.map(|file| file.text.text.len()).sum();
    // Files of variables that the user names, in their order.
    let mut given_sections = Vec::new();
    for option in &deployment.variables.options {
        if let VariableOption::File(source) = option {
            bytes += source.text.len();
            match section::parse_values(&SourceText::new(source)) {
                Ok(section) => given_sections.push((source, section)),
                Err(error) => output.errors.push(error),
            }
        }
    }
    let given_files: Vec<File<'_>> =
        given_sections.iter().map(|(source, section)| File { text: SourceText::new(source), section }).collect();
    let given = GivenValues { values: &deployment.variables, files: &given_files };
    let work = WorkBudget::of(bytes);
    // If all folders call each other, none of them is a root, and each is evaluated as one.
    let are_all_called = roots.iter().all(|root| called.contains(*root));
    for (number, (reading, folders)) in readings.iter().enumerate() {
        let mut found = ParseOutput::default();
        for root in roots.iter().copied().filter(|root| are_all_called || !called.contains(*root)) {
            let surroundings = Surroundings { work: work.clone(), read: folder, root, folder: root };
            let installed = &loader.installed;
            let evaluation =
                RootEvaluation::new(folders, installed, deployment, &wanted, &given, surroundings, objects);
            let before = found.declared.len();
            with(&evaluation, &mut found);
            found.declared[before..].iter_mut().for_each(|declared| declared.set_root(root));
        }
        for (unit, files) in units.iter().zip(&unit_files) {
            let Some((root, module)) = folders.get_key_value(unit.module()) else { continue };
            let surroundings = Surroundings { work: work.clone(), read: folder, root, folder: root };
            let evaluation =
                RootEvaluation::new(folders, &loader.installed, deployment, &wanted, &given, surroundings, objects);
            let before = found.declared.len();
            let inputs = unit.inputs(files, module, (&work, folder));
            evaluation.run_called(unit.prefix(), inputs, &mut found);
            found.declared[before..].iter_mut().for_each(|declared| declared.set_root(unit.folder()));
        }
        if number > 0 {
            // What both programs read alike is stated once.
            found.declared.retain(|declared| !output.declared.contains(declared));
            found.unexamined.retain(|unexamined| !output.unexamined.contains(unexamined));
        }
        if let Some(program) = reading {
            let note = |note: Option<String>| note.map_or_else(String::new, |note| format!("; {note}"));
            let declared = found.declared.iter_mut().filter(|_| number > 0);
            declared.for_each(|declared| {
                declared.note = Some(format!("as {program} reads the files{}", note(declared.note.take())))
            });
        }
        output.declared.append(&mut found.declared);
        output.unread.append(&mut found.unread);
        output.unexamined.append(&mut found.unexamined);
        output.errors.append(&mut found.errors);
        output.files.append(&mut found.files);
    }
    work
}

/// The folders as each program reads them, with the name of the program if they differ. Terraform does not read `.tofu` files;
/// OpenTofu reads `a.tofu` instead of `a.tf`: <https://opentofu.org/docs/language/files/>
fn readings(parsed: &BTreeMap<String, ParsedFolder>) -> Vec<ProgramReading<'_>> {
    let twin = |path: &str, from: &str, to: &str| path.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    let is_replaced = |files: &ParsedFolder, path: &str| {
        let twins = [twin(path, ".tf", ".tofu"), twin(path, ".tf.json", ".tofu.json")];
        twins.iter().flatten().any(|twin| files.iter().any(|(source, _)| source.path == *twin))
    };
    let is_tofu = |path: &str| path.ends_with(".tofu") || path.ends_with(".tofu.json");
    let differ = parsed.values().any(|files| files.iter().any(|(source, _)| is_replaced(files, &source.path)));
    if !differ {
        return vec![(None, files_of(parsed, &|_, _| true))];
    }
    vec![
        (Some("Terraform"), files_of(parsed, &|_, path| !is_tofu(path))),
        (Some("OpenTofu"), files_of(parsed, &|files, path| !is_replaced(files, path))),
    ]
}

/// The folders with the files that a program reads.
fn files_of<'p>(
    parsed: &'p BTreeMap<String, ParsedFolder>,
    is_read: &dyn Fn(&ParsedFolder, &str) -> bool,
) -> BTreeMap<&'p str, Vec<File<'p>>> {
    let of_folder = |(folder, files): (&'p String, &'p ParsedFolder)| {
        let read = files.iter().filter(|(source, _)| is_read(files, &source.path));
        let read = read.map(|(source, section)| File { text: SourceText::new(source), section });
        (folder.as_str(), read.collect())
    };
    parsed.iter().map(of_folder).collect()
}

struct Loader<'a> {
    folder: ReadFolder<'a>,
    /// The checked files by folder.
    named: BTreeMap<&'a str, Vec<&'a SourceFile>>,
    folders: BTreeMap<String, ParsedFolder>,
    installed: Installed,
}

impl Loader<'_> {
    /// Parses the files of a folder once.
    fn load(&mut self, folder: &str, output: &mut ParseOutput) {
        if self.folders.contains_key(folder) {
            return;
        }
        let (mut sources, unreadable) = match (self.folder)(folder) {
            Ok(sources) => (sources, Vec::new()),
            // The checked files of the folder are evaluated without it: what it decides is unknown.
            Err(PartlyRead { sources, errors }) => (sources, errors),
        };
        let known: BTreeSet<String> = sources.iter().map(|source| source.path.clone()).collect();
        let named = self.named.get(folder).into_iter().flatten().filter(|source| !known.contains(&source.path));
        sources.extend(named.map(|source| (*source).clone()));
        // Terraform merges override files after all others.
        sources.sort_by(|a, b| (is_override(&a.path), &a.path).cmp(&(is_override(&b.path), &b.path)));
        let mut parsed = ParsedFolder::new();
        let overrides = |path: &str| is_override(path) && !is_values(path);
        let mut lost: Option<String> = None;
        // A file of values that Terraform does not read by itself belongs to another stage.
        let is_read = |source: &SourceFile| !is_values(&source.path) || variables::rank(&source.path).is_some();
        for source in sources.into_iter().filter(is_read) {
            match section::parse(&SourceText::new(&source)) {
                Ok(section) => parsed.push((source, section)),
                Err(error) => {
                    if overrides(&error.file) {
                        lost.get_or_insert_with(|| error.file.clone());
                    }
                    output.errors.push(error);
                    // The values of variables are then unknown, and not their defaults.
                    if is_values(&source.path) {
                        parsed.push((source, Section::of_unreadable()));
                    }
                }
            }
        }
        for error in unreadable {
            if overrides(&error.file) {
                lost.get_or_insert_with(|| error.file.clone());
                output.errors.push(error);
                continue;
            }
            if is_values(&error.file) {
                // No bytes are valid text.
                let Ok(source) = SourceFile::new(error.file.as_str(), Vec::new(), false) else { continue };
                if !is_read(&source) {
                    continue;
                }
                parsed.push((source, Section::of_unreadable()));
            }
            output.unread.push(UnreadPart::of_file(error));
        }
        if let Some(lost) = lost {
            // It may replace any value of the folder.
            for (source, _) in parsed.drain(..).filter(|(source, _)| !is_values(&source.path)) {
                let message = format!("may be overridden by {lost}, which cannot be read");
                output.unread.push(UnreadPart::of_file(FileError::at_start(source.path.as_str(), message)));
            }
        }
        self.folders.insert(folder.to_owned(), parsed);
    }

    /// Parses the modules that `terraform init` installed for a root folder.
    fn install(&mut self, root: &str, output: &mut ParseOutput) {
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
        // Without a valid manifest, the module calls are listed as not read.
        let Ok(manifest) = serde_json::from_str::<Manifest>(&manifest.text) else { return };
        for module in manifest.modules {
            if let Some(folder) = within(root, &module.dir) {
                self.load(&folder, output);
                self.installed.insert((root.to_owned(), module.key), folder);
            }
        }
    }

    /// Loads the modules that are called by path, from a root folder on, and returns their folders.
    fn follow(&mut self, root: &str, output: &mut ParseOutput) -> BTreeSet<String> {
        let mut called = BTreeSet::new();
        let mut pending: Vec<String> = vec![root.to_owned()];
        pending.extend(self.installed.iter().filter(|((own, _), _)| own == root).map(|(_, folder)| folder.clone()));
        let mut seen: BTreeSet<String> = pending.iter().cloned().collect();
        while let Some(folder) = pending.pop() {
            let parsed = self.folders.get(&folder).map(Vec::as_slice).unwrap_or_default();
            let sections = parsed.iter().flat_map(|(_, section)| &section.sections);
            let calls = sections.filter(|section| section.name == "module");
            let targets: Vec<String> = calls.filter_map(|call| local(call, &folder)).collect();
            for target in targets.into_iter().filter(|target| *target != folder) {
                called.insert(target.clone());
                if seen.insert(target.clone()) {
                    self.load(&target, output);
                    pending.push(target);
                }
            }
        }
        called
    }
}

/// Whether a file contains values of variables.
pub(super) fn is_values(path: &str) -> bool {
    path.ends_with(".tfvars") || path.ends_with(".tfvars.json")
}

/// Whether a file overrides others: <https://developer.hashicorp.com/terraform/language/files/override>
pub(super) fn is_override(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    stem == "override" || stem.ends_with("_override")
}

/// The folder of a called module: installed, or given by path. `None` for any other source.
pub(super) fn target(call: &Section, root: &str, folder: &str, key: &str, installed: &Installed) -> Option<String> {
    installed.get(&(root.to_owned(), key.to_owned())).cloned().or_else(|| local(call, folder))
}

/// The folder of a module whose source is a path.
fn local(call: &Section, folder: &str) -> Option<String> {
    match call.argument("source").map(|argument| &argument.value) {
        Some(Expression::Text(source)) if is_path(source) => within(folder, source),
        _ => None,
    }
}

/// Whether a source is a path. Terraform before 0.12 takes `modules/web` for one as well, and later versions refuse it: three or
/// four names are an address in a registry, and other sources have a `.` or `:`.
/// <https://developer.hashicorp.com/terraform/language/v1.1.x/upgrade-guides/0-12>
fn is_path(source: &str) -> bool {
    let is_name =
        |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) && !part.is_empty();
    let is_old = || source.split('/').all(is_name) && !matches!(source.split('/').count(), 3 | 4);
    source.starts_with("./") || source.starts_with("../") || is_old()
}

fn join(folder: &str, below: &str) -> String {
    if folder.is_empty() { below.to_owned() } else { format!("{folder}/{below}") }
}

/// A path relative to a folder, with `.` and `..` resolved as far as possible. `None` for an absolute path, which no module
/// source may be.
pub(super) fn within(folder: &str, path: &str) -> Option<String> {
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
