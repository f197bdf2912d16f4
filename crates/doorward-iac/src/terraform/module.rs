//! One module of configuration: what its variables and locals come to, then its load balancers and the modules it calls.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use doorward_model::Observed;
use hcl::{Expression, Value};

use super::configuration::{DEEPEST, Installed, target};
use super::evaluate::{Meaning, Scope, Work, text_of};
use super::providers::Providers;
use super::public::is_public;
use super::resource::{Instance, Resource};
use super::section::Section;
use super::{CLOUD_CONTROL, TYPES, locals};
use crate::text::Text;
use crate::{Options, Reading, Unread};

/// The most instances of a resource or module that are looked at one by one.
const MOST: usize = 64;

/// The most calls of modules that are followed from one root folder: calls of calls multiply.
const CALLS: usize = 10_000;

/// The most load balancers of called modules, and of `count` and `for_each`, that are listed one by one from one root folder: a few
/// lines can ask for millions.
const COPIES: usize = 20_000;

/// A file of configuration.
pub(super) struct File<'a> {
    pub(super) text: Text<'a>,
    pub(super) section: &'a Section,
}

impl File<'_> {
    /// Whether it holds values of variables, no configuration.
    fn is_values(&self) -> bool {
        self.text.path.ends_with(".tfvars") || self.text.path.ends_with(".tfvars.json")
    }
}

/// The reading of one root folder.
pub(super) struct Evaluation<'a> {
    folders: &'a BTreeMap<&'a str, Vec<File<'a>>>,
    installed: &'a Installed,
    options: &'a Options,
    /// The files that somebody named; others of the root folder only help to understand them.
    wanted: &'a BTreeSet<&'a str>,
    root: &'a str,
    work: Rc<Work>,
    /// How many more calls are followed.
    left: Cell<usize>,
    /// How many more copies are listed.
    copies: Cell<usize>,
}

/// A call of a module: from where, with what.
struct Call<'a> {
    folder: &'a str,
    /// `module.edge.`, empty for the root.
    prefix: String,
    /// `edge.`, as the manifest of installed modules has it.
    key: String,
    inputs: Option<BTreeMap<String, Meaning<'a>>>,
    /// The provider's default tags, which modules inherit.
    default_tags: Option<Meaning<'a>>,
    /// The providers of whoever calls; nothing where they are handed over by name.
    providers: Option<Providers>,
    depth: usize,
}

/// What a module has for the modules that it calls.
struct Around<'s, 'a> {
    scope: &'s Scope<'a>,
    tags: Option<&'s Meaning<'a>>,
    providers: &'s Providers,
}

impl<'a> Evaluation<'a> {
    /// A reading of the folders that are there; `wanted` are the files that somebody named.
    pub(super) fn new(
        folders: &'a BTreeMap<&'a str, Vec<File<'a>>>,
        installed: &'a Installed,
        options: &'a Options,
        wanted: &'a BTreeSet<&'a str>,
        root: &'a str,
        work: &Rc<Work>,
    ) -> Self {
        let (work, left, copies) = (work.clone(), Cell::new(CALLS), Cell::new(COPIES));
        Self { folders, installed, options, wanted, root, work, left, copies }
    }

    /// Reads the root folder and everything below it.
    pub(super) fn run(&self, reading: &mut Reading) {
        let call = Call {
            folder: self.root,
            prefix: String::new(),
            key: String::new(),
            inputs: None,
            default_tags: None,
            providers: None,
            depth: 0,
        };
        self.module(&call, reading);
    }

    fn module(&self, call: &Call<'a>, reading: &mut Reading) {
        let Some(files) = self.folders.get(call.folder) else { return };
        // A folder may be called many times.
        let _ = self.work.spend(files.iter().map(|file| file.section.sections.len()).sum());
        let mut scope = Scope::new(&self.work);
        scope.declare("var", self.variables(files, call));
        locals::declare(files, &mut scope);
        let tags = files.iter().find_map(|file| default_tags(file, &scope)).or_else(|| call.default_tags.clone());
        let providers = Providers::of(files, &scope, call.providers.as_ref());

        let is_root = call.inputs.is_none();
        let seen = |file: &File<'_>| !is_root || self.wanted.contains(file.text.path);
        for resource in Resource::all(files, &TYPES) {
            if !seen(resource.file()) {
                continue;
            }
            if reading.is_full(|| resource.file().text.place(resource.meta().head.clone())) {
                break;
            }
            let instances = self.instances(resource.file(), resource.meta(), &scope);
            if !is_root && !self.copy(instances.len()) {
                reading.unread.push(unread(
                    format!("{}{}", call.prefix, resource.meta().labels.join(".")),
                    resource.file(),
                    resource.meta(),
                    format!("More than {COPIES} load balancers of modules are not listed; check the plan."),
                ));
                continue;
            }
            for instance in instances {
                reading.declared.extend(resource.declare(
                    &call.prefix,
                    instance,
                    tags.as_ref(),
                    &providers,
                    self.options,
                ));
            }
        }
        for (file, section) in blocks(files, "resource").filter(|(file, _)| seen(file)) {
            if let [kind, name] = section.labels.as_slice()
                && kind == CLOUD_CONTROL
            {
                let because = "Load balancers of the provider awscc are read from the plan only; check the plan.";
                let address = format!("{}{kind}.{name}", call.prefix);
                reading.unread.push(unread(address, file, section, because.to_owned()));
            }
        }
        for file in files.iter().filter(|file| seen(file)) {
            for section in file.section.sections.iter().filter(|section| section.name == "module") {
                let around = Around { scope: &scope, tags: tags.as_ref(), providers: &providers };
                self.called(call, file, section, &around, reading);
            }
        }
    }

    /// Takes a number of copies, if there are so many left.
    fn copy(&self, copies: usize) -> bool {
        let left = self.copies.get().checked_sub(copies);
        self.copies.set(left.unwrap_or(0));
        left.is_some()
    }

    /// What each variable is: what the caller gives, else what the files that are always read give, else its default.
    fn variables(&self, files: &'a [File<'a>], call: &Call<'a>) -> BTreeMap<String, Meaning<'a>> {
        let given = if call.inputs.is_none() { values(files, &self.work) } else { BTreeMap::new() };
        // An override file, which comes last, replaces arguments of the block that it overrides.
        let mut declared: BTreeMap<&'a str, Vec<(&'a File<'a>, &'a Section)>> = BTreeMap::new();
        for (file, section) in blocks(files, "variable") {
            if let Some(name) = section.labels.first() {
                declared.entry(name).or_default().push((file, section));
            }
        }
        let mut variables = BTreeMap::new();
        for (name, parts) in declared {
            let argument =
                |name: &str| parts.iter().rev().find_map(|(file, section)| Some((*file, section.argument(name)?)));
            let default = || {
                argument("default").map(|(file, argument)| {
                    let mut meaning = Scope::new(&self.work).evaluate(&file.text, argument);
                    meaning.note =
                        Some(format!("by the default of var.{name}, which whoever runs Terraform may override"));
                    meaning
                })
            };
            let from = match &call.inputs {
                Some(inputs) => inputs.get(name).cloned(),
                None => given.get(name).cloned(),
            };
            let nullable = !matches!(argument("nullable").map(|(_, a)| &a.value), Some(Expression::Bool(false)));
            let meaning = match from {
                Some(Meaning { value: Observed::Absent, .. }) if !nullable => default(),
                Some(meaning) => Some(meaning),
                None => default().map(|mut meaning| {
                    // Who calls a module is seen, so that its default holds.
                    if call.inputs.is_some() {
                        meaning.note = Some(format!("by the default of var.{name}"));
                    }
                    meaning
                }),
            };
            let Some((file, section)) = parts.first().copied() else { continue };
            let meaning = meaning.unwrap_or_else(|| {
                let cause = "the variable has no default and these files give it no value";
                Meaning::unresolved(&file.text, section.head.clone(), cause)
            });
            variables.insert(name.to_owned(), meaning);
        }
        variables
    }

    /// The scopes of each instance by count and for_each; one where that cannot be told, none where there is none.
    fn instances(&self, file: &'a File<'a>, section: &'a Section, scope: &Scope<'a>) -> Vec<Instance<'a>> {
        let plain = |suffix: &str| vec![Instance { suffix: suffix.to_owned(), scope: scope.clone() }];
        if let Some(count) = section.argument("count") {
            let Observed::Known(value) = scope.evaluate(&file.text, count).value else { return plain("[*]") };
            let number = text_of(&value).and_then(|text| text.parse::<f64>().ok());
            return match number {
                Some(number) if number < 1.0 => Vec::new(),
                Some(number) if number <= MOST as f64 && self.copy(number as usize) => (0..number as usize)
                    .map(|index| Instance {
                        suffix: format!("[{index}]"),
                        scope: scope.within("count", [("index", Value::from(index as u64))]),
                    })
                    .collect(),
                _ => plain("[*]"),
            };
        }
        let Some(each) = section.argument("for_each") else { return plain("") };
        let Observed::Known(collection) = scope.evaluate(&file.text, each).value else { return plain("[*]") };
        let entries: Vec<(String, &Value)> = match &*collection {
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(values) => values.iter().filter_map(|value| Some((text_of(value)?, value))).collect(),
            _ => return plain("[*]"),
        };
        if entries.len() > MOST || !self.copy(entries.len()) {
            return plain("[*]");
        }
        let instance = |(key, value): (String, &Value)| Instance {
            suffix: format!("[{key:?}]"),
            scope: scope.within("each", [("key", Value::from(key)), ("value", value.clone())]),
        };
        entries.into_iter().map(instance).collect()
    }

    fn called(
        &self,
        call: &Call<'a>,
        file: &'a File<'a>,
        section: &'a Section,
        around: &Around<'_, 'a>,
        reading: &mut Reading,
    ) {
        let Around { scope, tags, providers } = *around;
        let providers = Some(providers).filter(|_| section.argument("providers").is_none());
        let name = section.labels.first().map(String::as_str).unwrap_or_default();
        let source = section.argument("source").and_then(|argument| match &argument.value {
            Expression::String(source) => Some(source.as_str()),
            _ => None,
        });
        let key = format!("{}{name}", call.key);
        let public = source.is_some_and(is_public);
        let folder = target(section, self.root, call.folder, &key, self.installed);
        let folder = folder.and_then(|folder| self.folders.get_key_value(folder.as_str()));
        // A folder without configuration cannot be called.
        let is_there = |files: &Vec<File<'_>>| files.iter().any(|file| !file.is_values());
        let empty = folder.filter(|(_, files)| !is_there(files)).map(|(folder, _)| *folder);
        let folder = folder.filter(|(_, files)| is_there(files)).map(|(folder, _)| *folder);
        let deep = call.depth >= DEEPEST || folder == Some(call.folder);
        for instance in self.instances(file, section, scope) {
            let prefix = format!("{}module.{name}{}.", call.prefix, instance.suffix);
            if public {
                let resource = Resource::of_call(file, section);
                reading.declared.extend(resource.declare_public(&prefix, instance, tags, providers, self.options));
                continue;
            }
            let left = self.left.get();
            let because = if left == 0 {
                Some(format!("More than {CALLS} calls of modules are not followed; check the plan."))
            } else if self.work.is_done() {
                Some("Evaluating the configuration takes more steps than are allowed; check the plan.".to_owned())
            } else {
                None
            };
            if let Some(because) = because {
                reading.unread.push(unread(format!("{}module.{name}", call.prefix), file, section, because));
                return;
            }
            self.left.set(left - 1);
            let (Some(folder), false) = (folder, deep) else {
                let source = source.unwrap_or("a source that is not written out");
                let because = match empty {
                    Some(empty) => format!("The module's folder {empty:?} holds no configuration that could be read."),
                    None => format!(
                        "The module comes from {source:?}, which is not among the files; run `terraform init` first, or check \
                         the plan."
                    ),
                };
                reading.unread.push(unread(format!("{}module.{name}", call.prefix), file, section, because));
                return;
            };
            let own = ["source", "version", "count", "for_each", "providers", "depends_on"];
            let inputs = section.arguments.iter().filter(|argument| !own.contains(&argument.name.as_str()));
            let inputs = inputs.map(|argument| (argument.name.clone(), instance.scope.evaluate(&file.text, argument)));
            let inner = Call {
                folder,
                prefix,
                key: format!("{key}."),
                inputs: Some(inputs.collect()),
                default_tags: tags.cloned(),
                providers: providers.cloned(),
                depth: call.depth + 1,
            };
            self.module(&inner, reading);
        }
    }
}

/// A part of a file that was not read.
fn unread(address: String, file: &File<'_>, section: &Section, because: String) -> Unread {
    Unread { address, place: file.text.place(section.head.clone()), because }
}

/// Every block of a name, with its file.
pub(super) fn blocks<'a>(
    files: &'a [File<'a>],
    name: &'static str,
) -> impl Iterator<Item = (&'a File<'a>, &'a Section)> {
    files
        .iter()
        .flat_map(move |file| file.section.sections.iter().filter(move |s| s.name == name).map(move |s| (file, s)))
}

/// The values that are always read: terraform.tfvars, then *.auto.tfvars in the order of their names; the last counts.
fn values<'a>(files: &'a [File<'a>], work: &Rc<Work>) -> BTreeMap<String, Meaning<'a>> {
    let mut values = BTreeMap::new();
    let rank = |file: &File<'_>| {
        let name = file.text.path.rsplit('/').next().unwrap_or_default();
        match name {
            "terraform.tfvars" => Some((0, name.to_owned())),
            "terraform.tfvars.json" => Some((1, name.to_owned())),
            _ if name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json") => Some((2, name.to_owned())),
            _ => None,
        }
    };
    let mut ranked: Vec<_> = files.iter().filter_map(|file| Some((rank(file)?, file))).collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0));
    for (_, file) in ranked {
        for argument in &file.section.arguments {
            let mut meaning = Scope::new(work).evaluate(&file.text, argument);
            meaning.note = Some(format!("by var.{}, which whoever runs Terraform may override", argument.name));
            values.insert(argument.name.clone(), meaning);
        }
    }
    values
}

/// The default tags of the provider for AWS; nothing where the file configures none.
fn default_tags<'a>(file: &'a File<'a>, scope: &Scope<'a>) -> Option<Meaning<'a>> {
    let mut providers = file.section.sections.iter().filter(|section| section.name == "provider");
    let provider = providers.find(|s| s.labels.first().is_some_and(|l| l == "aws") && s.argument("alias").is_none())?;
    match provider.section("default_tags").and_then(|section| section.argument("tags")) {
        Some(tags) => Some(scope.evaluate(&file.text, tags)),
        None => Some(Meaning::nothing()),
    }
}
