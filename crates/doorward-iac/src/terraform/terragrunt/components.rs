//! Terraform Stacks: components, which call modules with inputs.
//!
//! <https://developer.hashicorp.com/terraform/language/stacks/component/config> A component of a local module, or of the public module for load
//! balancers, is judged by its inputs. Variables of the stack get their values from deployments, so that they are unknown.

use std::rc::Rc;

use super::{TerragruntUnit, call_of, within};
use crate::source_text::{SourceFile, SourceText};
use crate::terraform::evaluation::{Scope, Surroundings};
use crate::terraform::module::File;
use crate::terraform::module_sources;
use crate::terraform::public_module::is_public_alb;
use crate::terraform::resource::Resource;
use crate::terraform::section::Section;
use crate::terraform::syntax::Expression;
use crate::terraform::work::WorkBudget;
use crate::{Deployment, Dialect, ParseOutput};

/// Whether a file declares the components of a stack.
pub(super) fn is_stack(source: &SourceFile) -> bool {
    [".tfstack.hcl", ".tfcomponent.hcl"].iter().any(|ending| source.name().ends_with(ending))
}

/// Parses the components. Returns the calls of modules of the same project.
pub(super) fn parse<'s>(
    source: &'s SourceFile,
    top: &Rc<Section>,
    all: &[SourceFile],
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Vec<TerragruntUnit<'s>> {
    output.files.push((source.path.clone(), Dialect::Hcl));
    let file = File { text: SourceText::new(source), section: top };
    let (folder, work) = (source.folder(), WorkBudget::of(source.text.len()));
    let read = |_: &str| Ok(Vec::new());
    let mut units = Vec::new();
    for section in top.sections.iter().filter(|section| section.name == "component") {
        let Some(name) = section.labels.first() else { continue };
        let inputs = section.argument("inputs");
        let call = call_of(inputs, section, ("component", name.clone()));
        let module = section.argument("source").and_then(|source| match &source.value {
            Expression::Text(text) => Some(text.clone()),
            _ => None,
        });
        let local = module.as_deref().filter(|module| module.starts_with('.'));
        let local = local.and_then(|module| within(folder, &module.replace("//", "/")));
        let has_configuration =
            |folder: &String| all.iter().any(|other| other.name().ends_with(".tf") && other.folder() == folder);
        if let Some(module) = local.filter(has_configuration) {
            let is_plain = inputs.is_none_or(|inputs| matches!(inputs.value, Expression::Object(_)));
            units.push(TerragruntUnit { source, top: top.clone(), call, module, others: None, is_plain });
        } else if module.as_deref().is_some_and(is_public_alb) {
            let file = File { text: SourceText::new(source), section: top };
            let scope = Scope::new(Surroundings { work: work.clone(), read: &read, root: folder, folder });
            let resource = Resource::of_call(vec![(&file, &call)]);
            let prefix = format!("component.{name}.");
            output.declared.extend(resource.declare_public(&prefix, &scope, None, None, deployment));
        } else {
            let address = format!("component.{name}");
            module_sources::record(address, (&file, &call), module.as_deref(), None, deployment, output);
        }
    }
    units
}
