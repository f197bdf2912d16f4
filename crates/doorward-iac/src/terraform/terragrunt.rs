//! Terragrunt: a file with the source of one module and its inputs.
//!
//! <https://docs.terragrunt.com/reference/hcl/blocks#terraform> The public module for load balancers is judged by its inputs. Files
//! that are included may add inputs: <https://docs.terragrunt.com/reference/hcl/blocks#include>

use hcl::expr::Variable;
use hcl::{Expression, ObjectKey};

use super::evaluate::{Scope, WorkBudget, text_of};
use super::module::File;
use super::public_module::is_public_alb;
use super::resource::{Instance, Resource};
use super::section::{self, Argument, Section};
use super::{locals, module_sources};
use crate::source_text::{SourceFile, SourceText};
use crate::{Deployment, Dialect, FileError, ParseOutput};

const MODE: &str = "desync_mitigation_mode";

/// Whether a file is Terragrunt's, by its name and content.
pub(crate) fn is_terragrunt(source: &SourceFile) -> bool {
    let name = source.name().to_ascii_lowercase();
    let is_another = [".pkr.hcl", ".nomad.hcl", ".lock.hcl"].iter().any(|ending| name.ends_with(ending));
    name.ends_with(".hcl") && !is_another
}

/// Parses a file. `all` are the checked files, among which are those that it includes.
pub(crate) fn parse(
    source: &SourceFile,
    all: &[SourceFile],
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Result<(), FileError> {
    let text = SourceText::new(source);
    let top = section::parse(&text)?;
    let Some(terraform) = top.section("terraform") else { return Ok(()) };
    let Some(argument) = terraform.argument("source") else { return Ok(()) };
    output.files.push((source.path.clone(), Dialect::Hcl));
    let includes = top.sections.iter().any(|section| section.name == "include");
    let call = call_of(&top, terraform, source, includes && may_include_mode(source, all));
    let files = [File { text: SourceText::new(source), section: &top }];
    let [file] = &files;
    let work = WorkBudget::of(source.text.len());
    let mut scope = Scope::new(&work);
    locals::define(&files, &mut scope);
    let evaluated = scope.evaluate(&file.text, argument).value;
    let known = evaluated.known().and_then(|value| text_of(value));
    let raw = text.text.get(argument.span.clone()).unwrap_or_default().trim_matches('"').to_owned();
    let module = known.unwrap_or(raw);
    let module = match module.strip_prefix("tfr://") {
        // Without a host, the public registry.
        Some(registry) => {
            registry.strip_prefix('/').unwrap_or(registry).split('?').next().unwrap_or_default().to_owned()
        }
        None => module,
    };
    let name = source.folder().rsplit('/').next().unwrap_or_default().to_owned();
    if is_public_alb(&module) {
        let resource = Resource::of_call(file, &call);
        let instance = Instance { suffix: String::new(), scope };
        let prefix = format!("module.{name}.");
        output.declared.extend(resource.declare_public(&prefix, instance, None, None, deployment));
        return Ok(());
    }
    // A module of the same project is judged in its own folder; here its name decides.
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
    if is_local && !folder.is_empty() && all.iter().any(is_module) {
        return Ok(());
    }
    let module = if is_local { module.rsplit(['/', '}']).next().unwrap_or_default().to_owned() } else { module };
    module_sources::record(format!("module.{name}"), (file, &call), Some(&module), None, deployment, output);
    Ok(())
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

/// The inputs as a call of the module.
fn call_of(top: &Section, terraform: &Section, source: &SourceFile, is_open: bool) -> Section {
    let mut arguments = Vec::new();
    let mut is_open = is_open;
    if let Some(inputs) = top.argument("inputs") {
        let mut pending = vec![&inputs.value];
        while let Some(expression) = pending.pop() {
            match expression {
                Expression::Object(pairs) => arguments.extend(pairs.iter().map(|(key, value)| {
                    let name = match key {
                        ObjectKey::Identifier(name) => name.as_str().to_owned(),
                        ObjectKey::Expression(Expression::String(name)) => name.clone(),
                        _ => String::new(),
                    };
                    Argument { name, value: value.clone(), span: inputs.span.clone() }
                })),
                Expression::FuncCall(call) if call.name.name.as_str() == "merge" => pending.extend(&call.args),
                _ => is_open = true,
            }
        }
    }
    if is_open
        && !arguments.iter().any(|argument| argument.name == MODE)
        && let Ok(unknown) = Variable::new("include")
    {
        let include = top.section("include").unwrap_or(terraform);
        let span = include.head.clone();
        arguments.push(Argument { name: MODE.to_owned(), value: Expression::Variable(unknown), span });
    }
    let name = source.folder().rsplit('/').next().unwrap_or_default().to_owned();
    Section {
        name: "module".to_owned(),
        labels: vec![name],
        head: terraform.head.clone(),
        inside: None,
        arguments,
        sections: Vec::new(),
    }
}
