//! Evaluation of modules: variables, locals, and the modules that are called, down to their outputs.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::configuration::{Installed, MAX_CALL_DEPTH, is_values, target};
use super::evaluation::{Evaluated, Scope, Surroundings};
use super::providers::Providers;
use super::public_module::{is_public_alb, is_public_elb};
use super::section::Section;
use super::syntax::Expression;
use super::types::as_number;
use super::value::ConfigValue;
use super::variables::{self, GivenValues};
use super::{expression, locals};
use crate::indirect::FoundObjects;
use crate::source_text::SourceText;
use crate::{Deployment, ParseOutput};

/// The maximum number of instances of a resource or module that are evaluated one by one.
const MAX_INSTANCES: usize = 64;

/// The maximum number of module calls per root folder. Nested calls with `count` multiply.
pub(super) const MAX_CALLS: usize = 10_000;

/// The maximum number of load balancers per root folder that are created by modules, `count` and `for_each`: a few lines can
/// declare millions.
pub(super) const MAX_COPIES: usize = 20_000;

/// A file of configuration.
pub(super) struct File<'a> {
    pub(super) text: SourceText<'a>,
    pub(super) section: &'a Section,
}

impl File<'_> {
    /// Whether it contains values of variables instead of configuration.
    pub(super) fn is_values(&self) -> bool {
        is_values(self.text.path)
    }
}

/// One instance of a resource or module, by `count` or `for_each`.
pub(super) struct Instance<'a> {
    /// `[0]`, `["a"]`, or empty.
    pub(super) suffix: String,
    pub(super) scope: Scope<'a>,
}

/// The instances of a resource or module.
pub(super) struct Instances<'a> {
    pub(super) list: Vec<Instance<'a>>,
    /// Whether there are none by a value that is not a literal.
    pub(super) is_none_by_value: bool,
}

/// The evaluation of one root folder.
pub(super) struct RootEvaluation<'a> {
    pub(super) folders: &'a BTreeMap<&'a str, Vec<File<'a>>>,
    pub(super) installed: &'a Installed,
    pub(super) deployment: &'a Deployment,
    /// The paths of the checked files. Other files of the root folder only supply values.
    pub(super) checked: &'a BTreeSet<&'a str>,
    pub(super) given: &'a GivenValues<'a>,
    pub(super) surroundings: Surroundings<'a>,
    /// Kubernetes objects within the configuration.
    pub(super) objects: &'a RefCell<FoundObjects>,
    /// The number of module calls left.
    calls_left: Cell<usize>,
    /// The number of copies left.
    copies_left: Cell<usize>,
}

/// A call of a module, or the root.
#[derive(Clone)]
pub(super) struct Call<'a> {
    folder: &'a str,
    /// `module.edge.`, empty for the root.
    pub(super) prefix: String,
    /// `edge.`, the prefix of keys in the manifest of installed modules.
    key: String,
    /// The arguments of the call; `None` for the root.
    pub(super) inputs: Option<BTreeMap<String, Evaluated<'a>>>,
    depth: usize,
}

/// An evaluated module.
pub(super) struct Module<'a> {
    pub(super) call: Call<'a>,
    pub(super) files: &'a [File<'a>],
    pub(super) scope: Scope<'a>,
    /// The default tags of its own provider, and its own providers.
    pub(super) tags: Option<Evaluated<'a>>,
    pub(super) providers: Providers,
    pub(super) called: Vec<CalledModule<'a>>,
}

/// A call within a module, with its modules.
pub(super) struct CalledModule<'a> {
    pub(super) file: &'a File<'a>,
    pub(super) section: &'a Section,
    /// The block of the call, and those of override files.
    pub(super) parts: Vec<(&'a File<'a>, &'a Section)>,
    /// Its source, if it is known. OpenTofu evaluates sources: <https://opentofu.org/docs/language/modules/sources/>
    pub(super) source: Option<String>,
    pub(super) content: CalledContent<'a>,
}

/// What a call leads to.
pub(super) enum CalledContent<'a> {
    /// A public module for load balancers, by instance.
    Public(Instances<'a>),
    /// Modules that were evaluated, and whether further instances were not, with the reason.
    Modules(Vec<Module<'a>>, Option<String>),
    /// A module outside the files, or without configuration in its folder.
    Outside { empty: Option<&'a str> },
    /// No instance, by a value that is not a literal.
    None { has_load_balancers: bool },
}

impl<'a> RootEvaluation<'a> {
    /// An evaluation from the root folder of `surroundings`. `checked` are the paths of the checked files.
    pub(super) fn new(
        folders: &'a BTreeMap<&'a str, Vec<File<'a>>>,
        installed: &'a Installed,
        deployment: &'a Deployment,
        checked: &'a BTreeSet<&'a str>,
        given: &'a GivenValues<'a>,
        surroundings: Surroundings<'a>,
        objects: &'a RefCell<FoundObjects>,
    ) -> Self {
        let (calls_left, copies_left) = (Cell::new(MAX_CALLS), Cell::new(MAX_COPIES));
        Self { folders, installed, deployment, checked, given, surroundings, objects, calls_left, copies_left }
    }

    /// Evaluates the root folder and all modules below it, and declares their load balancers.
    pub(super) fn run(&self, output: &mut ParseOutput) {
        if let Some(module) = self.root_module() {
            self.declare(&module, output);
        }
    }

    /// Evaluates the root folder as a module that is called with the given inputs, and declares its load balancers.
    pub(super) fn run_called(&self, prefix: String, inputs: BTreeMap<String, Evaluated<'a>>, output: &mut ParseOutput) {
        let call = Call { folder: self.surroundings.root, prefix, key: String::new(), inputs: Some(inputs), depth: 0 };
        if let Some(module) = self.module(call) {
            self.declare(&module, output);
        }
    }

    /// Evaluates the root folder and all modules below it.
    pub(super) fn root_module(&self) -> Option<Module<'a>> {
        let folder = self.surroundings.root;
        self.module(Call { folder, prefix: String::new(), key: String::new(), inputs: None, depth: 0 })
    }

    /// Evaluates a module.
    fn module(&self, call: Call<'a>) -> Option<Module<'a>> {
        let (folder, files) = self.folders.get_key_value(call.folder)?;
        let surroundings = Surroundings { folder, ..self.surroundings.clone() };
        // A folder may be called many times, and each call scans its blocks.
        let _ = surroundings.work.spend(files.iter().map(|file| file.section.sections.len()).sum());
        let scope = Scope::new(surroundings.clone());
        variables::define(files, call.inputs.as_ref(), self.given, &surroundings, &scope);
        let mut called = Vec::new();
        locals::define(files, &scope, &mut |file, section| {
            let mut parts = vec![(file, section)];
            parts.extend(locals::overrides(files, section));
            let given = parts.iter().rev().find_map(|(file, section)| Some((file, section.argument("source")?)));
            let source = given.and_then(|(file, source)| scope.evaluate(&file.text, source).value.scalar_text());
            let content = self.content(&call, &parts, source.as_deref(), &scope);
            if let Some(name) = section.labels.first()
                && let Some(outputs) = outputs(section, &content)
            {
                scope.define("module", name, Evaluated::known(outputs));
            }
            called.push(CalledModule { file, section, parts, source, content });
        });
        let tags = files.iter().find_map(|file| default_tags(file, &scope));
        let providers = Providers::of(files, &scope);
        Some(Module { call, files, scope, tags, providers, called })
    }

    /// Takes a number of copies. Returns whether as many were left.
    pub(super) fn take_copies(&self, copies: usize) -> bool {
        let left = self.copies_left.get().checked_sub(copies);
        self.copies_left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The instances by `count` and `for_each`: a single one, `[*]`, if their number is unknown or too large.
    pub(super) fn instances(&self, file: &'a File<'a>, section: &'a Section, scope: &Scope<'a>) -> Instances<'a> {
        let some = |list| Instances { list, is_none_by_value: false };
        let plain = |suffix: &str| some(vec![Instance { suffix: suffix.to_owned(), scope: scope.clone() }]);
        if let Some(count) = section.argument("count") {
            let value = scope.evaluate(&file.text, count).value;
            let Ok(number) = as_number(&value) else { return plain("[*]") };
            let is_literal = matches!(count.value, Expression::Number(_));
            return match number.as_index() {
                Some(0) => Instances { list: Vec::new(), is_none_by_value: !is_literal },
                Some(number) if number <= MAX_INSTANCES && self.take_copies(number) => {
                    let instance = |index: usize| Instance {
                        suffix: format!("[{index}]"),
                        scope: scope.with_instance("count", [("index", ConfigValue::from(index))]),
                    };
                    some((0..number).map(instance).collect())
                }
                _ => plain("[*]"),
            };
        }
        let Some(each) = section.argument("for_each") else { return plain("") };
        let is_literal = matches!(&each.value, Expression::Object(items) if items.is_empty());
        let collection = scope.evaluate(&file.text, each).value;
        let mut is_open = false;
        let entries: Vec<(String, &ConfigValue)> = match &collection {
            ConfigValue::Map(map) => {
                is_open = map.rest.is_some();
                map.entries.iter().map(|(key, value)| (key.to_string(), value)).collect()
            }
            ConfigValue::List(list) => {
                list.items.iter().filter_map(|value| Some((value.scalar_text()?, value))).collect()
            }
            _ => return plain("[*]"),
        };
        if entries.len() > MAX_INSTANCES || !self.take_copies(entries.len()) {
            return plain("[*]");
        }
        let is_none_by_value = entries.is_empty() && !is_open && !is_literal;
        let instance = |(key, value): (String, &ConfigValue)| Instance {
            suffix: format!("[{key:?}]"),
            scope: scope.with_instance("each", [("key", ConfigValue::from(key)), ("value", value.clone())]),
        };
        let mut list: Vec<Instance<'a>> = entries.into_iter().map(instance).collect();
        if is_open {
            list.push(Instance { suffix: "[*]".to_owned(), scope: scope.clone() });
        }
        Instances { list, is_none_by_value }
    }

    /// Evaluates the modules of a call.
    fn content(
        &self,
        call: &Call<'a>,
        parts: &[(&'a File<'a>, &'a Section)],
        source: Option<&str>,
        scope: &Scope<'a>,
    ) -> CalledContent<'a> {
        // The last block that has an argument decides it.
        let last = |names: &[&str]| {
            let has =
                |(_, section): &&(&'a File<'a>, &'a Section)| names.iter().any(|name| section.argument(name).is_some());
            parts.iter().rev().find(has).or(parts.first()).copied()
        };
        let (Some((_, section)), Some((counted_file, counted))) = (last(&["source"]), last(&["count", "for_each"]))
        else {
            return CalledContent::Outside { empty: None };
        };
        let name = section.labels.first().map(String::as_str).unwrap_or_default();
        let instances = self.instances(counted_file, counted, scope);
        if source.is_some_and(|source| is_public_alb(source) || is_public_elb(source)) {
            return CalledContent::Public(instances);
        }
        let key = format!("{}{name}", call.key);
        let folder = target(section, self.surroundings.root, call.folder, &key, self.installed);
        let folder = folder.and_then(|folder| self.folders.get_key_value(folder.as_str()));
        // A folder without configuration is not a module.
        let has_configuration = |files: &Vec<File<'_>>| files.iter().any(|file| !file.is_values());
        let empty = folder.filter(|(_, files)| !has_configuration(files)).map(|(folder, _)| *folder);
        let found = folder.filter(|(_, files)| has_configuration(files));
        if instances.is_none_by_value {
            let has_load_balancers = found.is_some_and(|(_, files)| declares(files));
            return CalledContent::None { has_load_balancers };
        }
        let is_too_deep = call.depth >= MAX_CALL_DEPTH || found.is_some_and(|(folder, _)| *folder == call.folder);
        let (Some((folder, _)), false) = (found, is_too_deep) else {
            return if instances.list.is_empty() {
                CalledContent::Modules(Vec::new(), None)
            } else {
                CalledContent::Outside { empty }
            };
        };
        let mut modules = Vec::new();
        for instance in instances.list {
            let left = self.calls_left.get();
            if left == 0 {
                let because = format!("More than {MAX_CALLS} module calls are not evaluated; check the plan.");
                return CalledContent::Modules(modules, Some(because));
            }
            if self.surroundings.work.is_spent() {
                let because = "The configuration exceeds the limit of evaluation steps; check the plan.";
                return CalledContent::Modules(modules, Some(because.to_owned()));
            }
            self.calls_left.set(left - 1);
            let own = ["source", "version", "count", "for_each", "providers", "depends_on"];
            let arguments =
                parts.iter().flat_map(|(file, section)| section.arguments.iter().map(move |one| (*file, one)));
            let inputs = arguments.filter(|(_, argument)| !own.contains(&argument.name.as_str()));
            let inputs =
                inputs.map(|(file, argument)| (argument.name.clone(), instance.scope.evaluate(&file.text, argument)));
            modules.extend(self.module(Call {
                folder,
                prefix: format!("{}module.{name}{}.", call.prefix, instance.suffix),
                key: format!("{key}."),
                inputs: Some(inputs.collect()),
                depth: call.depth + 1,
            }));
        }
        CalledContent::Modules(modules, None)
    }
}

/// Whether files declare a load balancer.
fn declares(files: &[File<'_>]) -> bool {
    let is_one = |section: &Section| {
        section.labels.first().is_some_and(|kind| super::TYPES.contains(&kind.as_str()) || kind == super::CLOUD_CONTROL)
    };
    files.iter().flat_map(|file| &file.section.sections).any(|section| section.name == "resource" && is_one(section))
}

/// The outputs of a call: an object, or a list or map of objects by instance. `None` if they are not known.
fn outputs(section: &Section, content: &CalledContent<'_>) -> Option<ConfigValue> {
    let CalledContent::Modules(modules, None) = content else { return None };
    let of_module = |module: &Module<'_>| {
        let mut entries = BTreeMap::new();
        for (_, output) in blocks(module.files, "output") {
            if let (Some(name), Some(argument)) = (output.labels.first(), output.argument("value")) {
                let value = expression::evaluate(&argument.value, &module.scope, None);
                let value = value.unwrap_or_else(|failure| ConfigValue::unknown(failure.message));
                entries.insert(Rc::from(name.as_str()), value);
            }
        }
        ConfigValue::object(entries)
    };
    if modules.iter().any(|module| module.call.prefix.ends_with("[*].")) {
        return None;
    }
    if section.argument("count").is_some() {
        return Some(ConfigValue::tuple(modules.iter().map(of_module).collect()));
    }
    if section.argument("for_each").is_some() {
        let key = |module: &Module<'_>| {
            let inside = module.call.prefix.trim_end_matches("].").rsplit_once("[\"").map(|(_, key)| key)?;
            Some(Rc::from(inside.trim_end_matches('"')))
        };
        let entries = modules.iter().map(|module| Some((key(module)?, of_module(module))));
        return Some(ConfigValue::object(entries.collect::<Option<_>>()?));
    }
    modules.first().map(of_module)
}

/// All blocks of a name, with their files.
pub(super) fn blocks<'a>(
    files: &'a [File<'a>],
    name: &'static str,
) -> impl Iterator<Item = (&'a File<'a>, &'a Section)> {
    files
        .iter()
        .flat_map(move |file| file.section.sections.iter().filter(move |s| s.name == name).map(move |s| (file, s)))
}

/// The default tags of the default provider for AWS; `None` if the file does not configure it.
fn default_tags<'a>(file: &'a File<'a>, scope: &Scope<'a>) -> Option<Evaluated<'a>> {
    let mut providers = file.section.sections.iter().filter(|section| section.name == "provider");
    let provider = providers.find(|s| s.labels.first().is_some_and(|l| l == "aws") && s.argument("alias").is_none())?;
    match provider.section("default_tags").and_then(|section| section.argument("tags")) {
        Some(tags) => Some(scope.evaluate(&file.text, tags)),
        None => Some(Evaluated::absent()),
    }
}
