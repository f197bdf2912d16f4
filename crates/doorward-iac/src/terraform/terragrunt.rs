//! Terragrunt: a file with the source of one module and its inputs.
//!
//! <https://docs.terragrunt.com/reference/hcl/blocks#terraform> The public module for load balancers, and modules of the same
//! project, are judged by the inputs. Files that are included may add inputs: <https://docs.terragrunt.com/reference/hcl/blocks#include>

use std::collections::BTreeSet;
use std::rc::Rc;

use super::configuration::within;
use super::evaluation::{Scope, Surroundings};
use super::module::File;
use super::public_module::is_public_alb;
use super::resource::Resource;
use super::section::{self, Argument, Section};
use super::syntax::Expression;
use super::work::WorkBudget;
use super::{locals, module_sources};
use crate::source_text::{SourceFile, SourceText};
use crate::{Deployment, Dialect, FileError, ParseOutput, UnreadPart, signs};

mod components;
mod unit;

pub(crate) use unit::TerragruntUnit;
use unit::given_by_arguments;

const MODE: &str = "desync_mitigation_mode";

/// Whether a file is Terragrunt's, by its name and content.
pub(crate) fn is_terragrunt(source: &SourceFile) -> bool {
    let name = source.name().to_ascii_lowercase();
    let is_another = [".pkr.hcl", ".nomad.hcl", ".lock.hcl"].iter().any(|ending| name.ends_with(ending));
    name.ends_with(".hcl") && !is_another
}

/// Parses a file. `all` are the checked files, among which are those that it includes. Returns the calls of modules of the same
/// project, which are evaluated with the other configuration.
pub(crate) fn parse<'s>(
    source: &'s SourceFile,
    all: &'s [SourceFile],
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Result<Vec<TerragruntUnit<'s>>, FileError> {
    let top = Rc::new(section::parse(&SourceText::new(source))?);
    if components::is_stack(source) {
        return Ok(components::parse(source, &top, all, deployment, output));
    }
    Ok(unit_of(source, top, all, deployment, output).into_iter().collect())
}

/// The call in a file of Terragrunt.
fn unit_of<'s>(
    source: &'s SourceFile,
    top: Rc<Section>,
    all: &'s [SourceFile],
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Option<TerragruntUnit<'s>> {
    let text = SourceText::new(source);
    generated(&text, &top, output);
    units(source, &top, all, deployment, output);
    let terraform = top.section("terraform")?;
    let argument = terraform.argument("source")?;
    output.files.push((source.path.clone(), Dialect::Hcl));
    let includes = top.sections.iter().any(|section| section.name == "include");
    let given = given_by_arguments(source, terraform);
    let name = source.folder().rsplit('/').next().unwrap_or_default().to_owned();
    let mut call = call_of(top.argument("inputs"), terraform, ("module", name.clone()));
    let unknown_mode = || Argument {
        name: MODE.to_owned(),
        value: Expression::Name("include".to_owned()),
        span: top.section("include").unwrap_or(terraform).head.clone(),
    };
    // Of repeated arguments the last counts: the file's own inputs replace included ones, and arguments of the command replace both.
    if includes && may_include_mode(source, all) {
        call.arguments.insert(0, unknown_mode());
    }
    if given.is_some_and(|given| unit::may_give(given, MODE)) {
        call.arguments.push(unknown_mode());
    }
    let files = [File { text: SourceText::new(source), section: &top }];
    let [file] = &files;
    let work = WorkBudget::of(source.text.len());
    // The paths of files are often composed of values of other files, so that no file is read.
    let read = |_: &str| Ok(Vec::new());
    let folder = source.folder();
    let scope = Scope::new(Surroundings { work, read: &read, root: folder, folder });
    locals::define(&files, &scope, &mut |_, _| {});
    let known = scope.evaluate(&file.text, argument).value.scalar_text();
    let raw = text.text.get(argument.span.clone()).unwrap_or_default().trim_matches('"').to_owned();
    let module = known.unwrap_or(raw);
    let module = match module.strip_prefix("tfr://") {
        // Without a host, the public registry.
        Some(registry) => {
            registry.strip_prefix('/').unwrap_or(registry).split('?').next().unwrap_or_default().to_owned()
        }
        None => module,
    };
    if is_public_alb(&module) {
        let resource = Resource::of_call(vec![(file, &call)]);
        let prefix = format!("module.{name}.");
        output.declared.extend(resource.declare_public(&prefix, &scope, None, None, deployment));
        return None;
    }
    // The source is composed of values of other files: the name of the folder decides.
    let is_composed = module.starts_with("${") && !module.contains('/');
    let module = if is_composed { name.clone() } else { module };
    let is_local = module.starts_with('.') || module.starts_with("${");
    let folder =
        module.rsplit_once("..").map_or(module.as_str(), |(_, rest)| rest).rsplit('}').next().unwrap_or_default();
    let folder = folder.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let is_module = |other: &SourceFile| {
        let above = other.folder().strip_suffix(folder.as_str());
        other.name().ends_with(".tf") && above.is_some_and(|above| above.is_empty() || above.ends_with('/'))
    };
    let by_path = within(source.folder(), &module.replace("//", "/")).filter(|_| module.starts_with('.'));
    let has_configuration =
        |folder: &str| all.iter().any(|other| other.name().ends_with(".tf") && other.folder() == folder);
    // `source = "."` is the folder of the file itself.
    let is_itself = folder.split('/').all(|part| part.is_empty() || part == ".")
        && by_path.as_deref().is_some_and(|path| path == source.folder() && has_configuration(path));
    if is_itself || (is_local && !folder.is_empty() && all.iter().any(is_module)) {
        let by_ending: BTreeSet<&str> = all.iter().filter(|other| is_module(other)).map(SourceFile::folder).collect();
        let only = by_path.filter(|path| has_configuration(path)).or_else(|| match by_ending.len() {
            1 => by_ending.first().map(|folder| (*folder).to_owned()),
            // Each of them is judged in its own folder.
            _ => None,
        });
        drop(scope);
        drop(files);
        let others = others(source, all);
        let is_plain = top.argument("inputs").is_none_or(|inputs| matches!(inputs.value, Expression::Object(_)));
        return only.map(|module| TerragruntUnit { source, top, call, module, others, is_plain });
    }
    // A source that is composed: `"${prod ? "git::…" : "../modules/app"}"`.
    let literals = text.text.get(argument.span.clone()).unwrap_or_default().split('"');
    let mut relative = literals.filter(|literal| literal.starts_with("../") || literal.starts_with("./"));
    let is_below = |path: &str| {
        let below = within(source.folder(), &path.replace("//", "/"));
        below.is_some_and(|below| all.iter().any(|other| other.name().ends_with(".tf") && other.folder() == below))
    };
    if relative.any(is_below) {
        return None;
    }
    let module = if is_local { module.rsplit(['/', '}']).next().unwrap_or_default().to_owned() } else { module };
    module_sources::record(format!("module.{name}"), (file, &call), Some(&module), None, deployment, output);
    None
}

/// Lists configuration that Terragrunt generates beside the module, if it may declare a load balancer.
fn generated(text: &SourceText<'_>, top: &Section, output: &mut ParseOutput) {
    for section in top.sections.iter().filter(|section| section.name == "generate") {
        let raw = section.inside.clone().and_then(|inside| text.text.get(inside)).unwrap_or_default();
        if raw.contains("resource") && signs::of_any(raw) {
            let because =
                "Terragrunt generates configuration that speaks of load balancers; check the plan.".to_owned();
            let address = format!("generate.{}", section.labels.join("."));
            output.unread.push(UnreadPart { address, place: text.place(section.head.clone()), because });
        }
    }
}

/// Records the units and stacks of a stack file: <https://docs.terragrunt.com/features/stacks/>
fn units(source: &SourceFile, top: &Section, all: &[SourceFile], deployment: &Deployment, output: &mut ParseOutput) {
    if !source.name().ends_with(".stack.hcl") {
        return;
    }
    for section in top.sections.iter().filter(|section| ["unit", "stack"].contains(&section.name.as_str())) {
        let Some(argument) = section.argument("source") else { continue };
        let text = SourceText::new(source);
        let raw = text.text.get(argument.span.clone()).unwrap_or_default().trim_matches('"').to_owned();
        let below = within(source.folder(), &raw.replace("//", "/")).filter(|_| raw.starts_with('.'));
        // The files of the unit are checked on their own.
        if below.is_some_and(|below| all.iter().any(|other| other.folder() == below && other.name().ends_with(".hcl")))
        {
            continue;
        }
        let module = raw.strip_prefix("tfr://").map(|rest| rest.strip_prefix('/').unwrap_or(rest)).unwrap_or(&raw);
        let file = File { text, section: top };
        let address = format!("{}.{}", section.name, section.labels.join("."));
        module_sources::record(address, (&file, section), Some(module), None, deployment, output);
    }
}

/// The texts of files above a file, which it may include; `None` if there are none although it includes one.
fn others<'s>(source: &SourceFile, all: &'s [SourceFile]) -> Option<Vec<&'s str>> {
    let others: Vec<&SourceFile> =
        all.iter().filter(|other| other.path != source.path && other.name().ends_with(".hcl")).collect();
    let is_above = |other: &&&SourceFile| {
        let folder = other.folder();
        folder.is_empty() || source.folder() == folder || source.folder().starts_with(&format!("{folder}/"))
    };
    let above: Vec<&str> = others.iter().filter(is_above).map(|other| other.text.as_str()).collect();
    (!above.is_empty()).then_some(above)
}

/// Whether an included file may set the mode: it is not among the files, or one of them sets it.
fn may_include_mode(source: &SourceFile, all: &[SourceFile]) -> bool {
    let others = || all.iter().filter(|other| other.path != source.path && other.name().ends_with(".hcl"));
    let is_above = |other: &SourceFile| {
        let folder = other.folder();
        folder.is_empty() || source.folder().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    !others().any(is_above) || others().any(|other| other.text.contains(MODE))
}

/// The inputs as a call of the module. `block` is the one with the source.
fn call_of(inputs: Option<&Argument>, block: &Section, (kind, name): (&str, String)) -> Section {
    let mut arguments = Vec::new();
    if let Some(inputs) = inputs {
        let mut pending = vec![&inputs.value];
        while let Some(expression) = pending.pop() {
            match expression {
                Expression::Object(pairs) => arguments.extend(pairs.iter().map(|(key, value)| {
                    let name = match key {
                        Expression::Name(name) | Expression::Text(name) => name.clone(),
                        _ => String::new(),
                    };
                    Argument { name, value: value.clone(), span: inputs.span.clone() }
                })),
                // `merge` takes the last.
                Expression::Call(call) if call.name == "merge" && !call.expands => {
                    pending.extend(call.arguments.iter().rev());
                }
                _ => arguments.push(Argument {
                    name: MODE.to_owned(),
                    value: Expression::Name("include".to_owned()),
                    span: block.head.clone(),
                }),
            }
        }
    }
    Section {
        name: kind.to_owned(),
        labels: vec![name],
        head: block.head.clone(),
        inside: None,
        arguments,
        sections: Vec::new(),
        is_unreadable: false,
    }
}
