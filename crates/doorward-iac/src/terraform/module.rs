//! Evaluation of one module: its variables and locals, then its load balancers and the modules that it calls.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use doorward_model::Observed;
use hcl::{Expression, Value};

use super::configuration::{Installed, MAX_CALL_DEPTH, target};
use super::evaluate::{Evaluated, Scope, WorkBudget, text_of};
use super::providers::Providers;
use super::public_module::is_public_alb;
use super::resource::{Instance, Resource};
use super::section::Section;
use super::{CLOUD_CONTROL, TYPES, indirect_blocks, locals, module_sources};
use crate::indirect::FoundObjects;
use crate::source_text::SourceText;
use crate::{Deployment, ParseOutput, UnreadPart};

/// The maximum number of instances of a resource or module that are evaluated one by one.
const MAX_INSTANCES: usize = 64;

/// The maximum number of module calls per root folder. Nested calls with `count` multiply.
const MAX_CALLS: usize = 10_000;

/// The maximum number of load balancers per root folder that are created by modules, `count` and `for_each`: a few lines can
/// declare millions.
const MAX_COPIES: usize = 20_000;

/// A file of configuration.
pub(super) struct File<'a> {
    pub(super) text: SourceText<'a>,
    pub(super) section: &'a Section,
}

impl File<'_> {
    /// Whether it contains values of variables instead of configuration.
    fn is_values(&self) -> bool {
        self.text.path.ends_with(".tfvars") || self.text.path.ends_with(".tfvars.json")
    }
}

/// The evaluation of one root folder.
pub(super) struct RootEvaluation<'a> {
    folders: &'a BTreeMap<&'a str, Vec<File<'a>>>,
    installed: &'a Installed,
    deployment: &'a Deployment,
    /// The paths of the checked files. Other files of the root folder only supply values.
    checked: &'a BTreeSet<&'a str>,
    root: &'a str,
    work: Rc<WorkBudget>,
    /// Kubernetes objects within the configuration.
    objects: &'a RefCell<FoundObjects>,
    /// The number of module calls left.
    calls_left: Cell<usize>,
    /// The number of copies left.
    copies_left: Cell<usize>,
}

/// A call of a module, or the root.
struct Call<'a> {
    folder: &'a str,
    /// `module.edge.`, empty for the root.
    prefix: String,
    /// `edge.`, the prefix of keys in the manifest of installed modules.
    key: String,
    /// The arguments of the call; `None` for the root.
    inputs: Option<BTreeMap<String, Evaluated<'a>>>,
    /// The default tags of the provider, which modules inherit.
    default_tags: Option<Evaluated<'a>>,
    /// The providers that the module inherits; `None` if the call passes them by name.
    providers: Option<Providers>,
    depth: usize,
}

/// The context that a module passes to the modules that it calls.
struct CallContext<'s, 'a> {
    scope: &'s Scope<'a>,
    tags: Option<&'s Evaluated<'a>>,
    providers: &'s Providers,
}

impl<'a> RootEvaluation<'a> {
    /// An evaluation from `root`. `checked` are the paths of the checked files.
    pub(super) fn new(
        folders: &'a BTreeMap<&'a str, Vec<File<'a>>>,
        installed: &'a Installed,
        deployment: &'a Deployment,
        checked: &'a BTreeSet<&'a str>,
        root: &'a str,
        work: &Rc<WorkBudget>,
        objects: &'a RefCell<FoundObjects>,
    ) -> Self {
        let (work, calls_left, copies_left) = (work.clone(), Cell::new(MAX_CALLS), Cell::new(MAX_COPIES));
        Self { folders, installed, deployment, checked, root, work, objects, calls_left, copies_left }
    }

    /// Evaluates the root folder and all modules below it.
    pub(super) fn run(&self, output: &mut ParseOutput) {
        let call = Call {
            folder: self.root,
            prefix: String::new(),
            key: String::new(),
            inputs: None,
            default_tags: None,
            providers: None,
            depth: 0,
        };
        self.module(&call, output);
    }

    fn module(&self, call: &Call<'a>, output: &mut ParseOutput) {
        let Some(files) = self.folders.get(call.folder) else { return };
        // A folder may be called many times, and each call scans its blocks.
        let _ = self.work.spend(files.iter().map(|file| file.section.sections.len()).sum());
        let mut scope = Scope::new(&self.work);
        scope.define_all("var", self.variables(files, call));
        locals::define(files, &mut scope);
        let tags = files.iter().find_map(|file| default_tags(file, &scope)).or_else(|| call.default_tags.clone());
        let providers = Providers::of(files, &scope, call.providers.as_ref());

        let is_root = call.inputs.is_none();
        let is_checked = |file: &File<'_>| !is_root || self.checked.contains(file.text.path);
        for resource in Resource::all(files, &TYPES) {
            if !is_checked(resource.file()) {
                continue;
            }
            if output.is_full(|| resource.file().text.place(resource.meta().head.clone())) {
                break;
            }
            let instances = self.instances(resource.file(), resource.meta(), &scope);
            if !is_root && !self.take_copies(instances.len()) {
                output.unread.push(unread(
                    format!("{}{}", call.prefix, resource.meta().labels.join(".")),
                    resource.file(),
                    resource.meta(),
                    format!("More than {MAX_COPIES} load balancers of modules are not listed; check the plan."),
                ));
                continue;
            }
            for instance in instances {
                output.declared.extend(resource.declare(
                    &call.prefix,
                    instance,
                    tags.as_ref(),
                    &providers,
                    self.deployment,
                ));
            }
        }
        for (file, section) in blocks(files, "resource").filter(|(file, _)| is_checked(file)) {
            if let [kind, name] = section.labels.as_slice()
                && kind == CLOUD_CONTROL
            {
                let because = "Load balancers of the provider awscc are checked in plans only; check the plan.";
                let address = format!("{}{kind}.{name}", call.prefix);
                output.unread.push(unread(address, file, section, because.to_owned()));
            }
        }
        indirect_blocks::declare(files, &is_checked, &call.prefix, &scope, self.objects, output);
        for file in files.iter().filter(|file| is_checked(file)) {
            for section in file.section.sections.iter().filter(|section| section.name == "module") {
                let context = CallContext { scope: &scope, tags: tags.as_ref(), providers: &providers };
                self.evaluate_call(call, file, section, &context, output);
            }
        }
    }

    /// Takes a number of copies. Returns whether as many were left.
    fn take_copies(&self, copies: usize) -> bool {
        let left = self.copies_left.get().checked_sub(copies);
        self.copies_left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The value of each variable: the argument of the call, or for the root the value in the files that Terraform always
    /// reads, or the default.
    fn variables(&self, files: &'a [File<'a>], call: &Call<'a>) -> BTreeMap<String, Evaluated<'a>> {
        let given = if call.inputs.is_none() { values(files, &self.work) } else { BTreeMap::new() };
        // An override file, which is last, replaces arguments of the block that it overrides.
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
                    let mut evaluated = Scope::new(&self.work).evaluate(&file.text, argument);
                    evaluated.note =
                        Some(format!("by the default of var.{name}, which may be overridden when Terraform runs"));
                    evaluated
                })
            };
            let from = match &call.inputs {
                Some(inputs) => inputs.get(name).cloned(),
                None => given.get(name).cloned(),
            };
            let nullable = !matches!(argument("nullable").map(|(_, a)| &a.value), Some(Expression::Bool(false)));
            let evaluated = match from {
                Some(Evaluated { value: Observed::Absent, .. }) if !nullable => default(),
                Some(evaluated) => Some(evaluated),
                None => default().map(|mut evaluated| {
                    // The call is in the files and does not set the variable, so that the default is certain.
                    if call.inputs.is_some() {
                        evaluated.note = Some(format!("by the default of var.{name}"));
                    }
                    evaluated
                }),
            };
            let Some((file, section)) = parts.first().copied() else { continue };
            let evaluated = evaluated.unwrap_or_else(|| {
                let cause = "the variable has no default and these files do not set it";
                Evaluated::unresolved(&file.text, section.head.clone(), cause)
            });
            variables.insert(name.to_owned(), evaluated);
        }
        variables
    }

    /// The instances by `count` and `for_each`: a single one, `[*]`, if their number is unknown or too large.
    fn instances(&self, file: &'a File<'a>, section: &'a Section, scope: &Scope<'a>) -> Vec<Instance<'a>> {
        let plain = |suffix: &str| vec![Instance { suffix: suffix.to_owned(), scope: scope.clone() }];
        if let Some(count) = section.argument("count") {
            let Observed::Known(value) = scope.evaluate(&file.text, count).value else { return plain("[*]") };
            let number = text_of(&value).and_then(|text| text.parse::<f64>().ok());
            return match number {
                Some(number) if number < 1.0 => Vec::new(),
                Some(number) if number <= MAX_INSTANCES as f64 && self.take_copies(number as usize) => (0..number
                    as usize)
                    .map(|index| Instance {
                        suffix: format!("[{index}]"),
                        scope: scope.with_instance("count", [("index", Value::from(index as u64))]),
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
        if entries.len() > MAX_INSTANCES || !self.take_copies(entries.len()) {
            return plain("[*]");
        }
        let instance = |(key, value): (String, &Value)| Instance {
            suffix: format!("[{key:?}]"),
            scope: scope.with_instance("each", [("key", Value::from(key)), ("value", value.clone())]),
        };
        entries.into_iter().map(instance).collect()
    }

    /// Evaluates a call of a module.
    fn evaluate_call(
        &self,
        call: &Call<'a>,
        file: &'a File<'a>,
        section: &'a Section,
        context: &CallContext<'_, 'a>,
        output: &mut ParseOutput,
    ) {
        let CallContext { scope, tags, providers } = *context;
        let providers = Some(providers).filter(|_| section.argument("providers").is_none());
        let name = section.labels.first().map(String::as_str).unwrap_or_default();
        let source = section.argument("source").and_then(|argument| match &argument.value {
            Expression::String(source) => Some(source.as_str()),
            _ => None,
        });
        let key = format!("{}{name}", call.key);
        let public = source.is_some_and(is_public_alb);
        let folder = target(section, self.root, call.folder, &key, self.installed);
        let folder = folder.and_then(|folder| self.folders.get_key_value(folder.as_str()));
        // A folder without configuration is not a module.
        let has_configuration = |files: &Vec<File<'_>>| files.iter().any(|file| !file.is_values());
        let empty = folder.filter(|(_, files)| !has_configuration(files)).map(|(folder, _)| *folder);
        let folder = folder.filter(|(_, files)| has_configuration(files)).map(|(folder, _)| *folder);
        let is_too_deep = call.depth >= MAX_CALL_DEPTH || folder == Some(call.folder);
        for instance in self.instances(file, section, scope) {
            let prefix = format!("{}module.{name}{}.", call.prefix, instance.suffix);
            if public {
                let resource = Resource::of_call(file, section);
                output.declared.extend(resource.declare_public(&prefix, instance, tags, providers, self.deployment));
                continue;
            }
            let left = self.calls_left.get();
            let because = if left == 0 {
                Some(format!("More than {MAX_CALLS} module calls are not evaluated; check the plan."))
            } else if self.work.is_spent() {
                Some("The configuration exceeds the limit of evaluation steps; check the plan.".to_owned())
            } else {
                None
            };
            if let Some(because) = because {
                output.unread.push(unread(format!("{}module.{name}", call.prefix), file, section, because));
                return;
            }
            self.calls_left.set(left - 1);
            let (Some(folder), false) = (folder, is_too_deep) else {
                let address = format!("{}module.{name}", call.prefix);
                module_sources::record(address, (file, section), source, empty, self.deployment, output);
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
            self.module(&inner, output);
        }
    }
}

/// A block that was not evaluated.
fn unread(address: String, file: &File<'_>, section: &Section, because: String) -> UnreadPart {
    UnreadPart { address, place: file.text.place(section.head.clone()), because }
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

/// The values that Terraform always reads: terraform.tfvars, then *.auto.tfvars by name. The last value of a variable counts.
fn values<'a>(files: &'a [File<'a>], work: &Rc<WorkBudget>) -> BTreeMap<String, Evaluated<'a>> {
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
            let mut evaluated = Scope::new(work).evaluate(&file.text, argument);
            evaluated.note = Some(format!("by var.{}, which may be overridden when Terraform runs", argument.name));
            values.insert(argument.name.clone(), evaluated);
        }
    }
    values
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
