//! The load balancers of an evaluated module and of the modules below it.

use super::evaluation::Evaluated;
use super::module::{CalledContent, CalledModule, File, Instances, MAX_COPIES, Module, RootEvaluation};
use super::providers::Providers;
use super::public_module::is_public_elb;
use super::resource::Resource;
use super::section::Section;
use super::{CLOUD_CONTROL, TYPES, indirect_blocks, listener_groups, module_sources};
use crate::incapable::incapable;
use crate::{Dialect, ParseOutput, UnreadPart};

/// What a module passes to the modules that it calls.
#[derive(Clone, Copy)]
struct Inherited<'s, 'a> {
    tags: Option<&'s Evaluated<'a>>,
    /// `None` if the call passes providers by name.
    providers: Option<&'s Providers>,
}

impl<'a> RootEvaluation<'a> {
    /// Declares the load balancers of the root module and of all modules below it.
    pub(super) fn declare(&self, root: &Module<'a>, output: &mut ParseOutput) {
        self.declare_module(root, Inherited { tags: None, providers: None }, output);
    }

    fn declare_module(&self, module: &Module<'a>, inherited: Inherited<'_, 'a>, output: &mut ParseOutput) {
        let Module { call, files, scope, .. } = module;
        let tags = module.tags.as_ref().or(inherited.tags);
        let providers = module.providers.with_default_of(inherited.providers);
        let is_root = call.inputs.is_none();
        let is_checked = |file: &File<'_>| !is_root || self.checked.contains(file.text.path);
        let groups = listener_groups::of_module(module);
        for resource in Resource::all(files, &[&TYPES[..], &[CLOUD_CONTROL]].concat()) {
            let (file, meta) = (resource.file(), resource.meta());
            if !is_checked(file) {
                continue;
            }
            if output.is_full(|| file.text.place(meta.head.clone())) {
                break;
            }
            let address = format!("{}{}", call.prefix, meta.labels.join("."));
            let (counted_file, counted) = resource.counted();
            let Instances { list, is_none_by_value } = self.instances(counted_file, counted, scope);
            if is_none_by_value {
                output.declared.push(absent(address, file, meta));
                continue;
            }
            if !is_root && !self.take_copies(list.len()) {
                let because =
                    format!("More than {MAX_COPIES} load balancers of modules are not listed; check the plan.");
                output.unread.push(unread(address, file, meta, because));
                continue;
            }
            let is_cloud_control = meta.labels.first().is_some_and(|kind| kind == CLOUD_CONTROL);
            for instance in list {
                let own = if instance.suffix.is_empty() { groups.of(&meta.labels.join(".")) } else { Vec::new() };
                let declared = if is_cloud_control {
                    resource.declare_cloud_control(&call.prefix, instance, self.deployment)
                } else {
                    resource.declare(&call.prefix, instance, tags, &providers, self.deployment)
                };
                output.declared.extend(declared.map(|mut declared| {
                    declared.set_target_groups(own);
                    declared
                }));
            }
        }
        indirect_blocks::declare(self, (files, scope), &is_checked, &call.prefix, output);
        for called in module.called.iter().filter(|called| is_checked(called.file)) {
            let providers = Some(&providers).filter(|_| called.section.argument("providers").is_none());
            self.declare_called(&call.prefix, called, Inherited { tags, providers }, output);
        }
    }

    fn declare_called(
        &self,
        prefix: &str,
        called: &CalledModule<'a>,
        inherited: Inherited<'_, 'a>,
        output: &mut ParseOutput,
    ) {
        let CalledModule { file, section, parts, source, content } = called;
        let name = section.labels.first().map(String::as_str).unwrap_or_default();
        let address = format!("{prefix}module.{name}");
        match content {
            CalledContent::None { has_load_balancers: true } => output.declared.push(absent(address, file, section)),
            CalledContent::None { .. } => {}
            CalledContent::Public(Instances { is_none_by_value: true, .. }) => {
                output.declared.push(absent(address, file, section));
            }
            CalledContent::Public(instances) => {
                let resource = Resource::of_call(parts.clone());
                for instance in &instances.list {
                    let prefix = format!("{address}{}.", instance.suffix);
                    let Inherited { tags, providers } = inherited;
                    let is_classic = source.as_deref().is_some_and(is_public_elb);
                    output.declared.extend(if is_classic {
                        resource.declare_classic(&prefix, &instance.scope, tags, providers, self.deployment)
                    } else {
                        resource.declare_public(&prefix, &instance.scope, tags, providers, self.deployment)
                    });
                }
            }
            CalledContent::Modules(modules, rest) => {
                for module in modules {
                    self.declare_module(module, inherited, output);
                }
                if let Some(because) = rest {
                    output.unread.push(unread(address, file, section, because.clone()));
                }
            }
            CalledContent::Outside { empty } => {
                module_sources::record(address, (file, section), source.as_deref(), *empty, self.deployment, output);
            }
        }
    }
}

/// A load balancer or module of which there is no instance.
fn absent(address: String, file: &File<'_>, section: &Section) -> crate::Declared {
    let because = "It is not created: its count or for_each is 0 or empty by the values of these files.";
    incapable(&file.text, Dialect::Hcl, address, section.head.clone(), because.to_owned())
}

/// A block that was not evaluated.
pub(super) fn unread(address: String, file: &File<'_>, section: &Section, because: String) -> UnreadPart {
    UnreadPart { address, place: file.text.place(section.head.clone()), because }
}
