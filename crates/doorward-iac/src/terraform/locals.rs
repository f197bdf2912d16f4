//! The locals of a module and the modules that it calls, which may refer to each other in any order.

use std::collections::{BTreeMap, BTreeSet};

use super::configuration::is_override;
use super::dependencies::{Dependency, of_expression};
use super::evaluation::{Evaluated, Scope};
use super::module::{File, blocks};
use super::section::{Argument, Section};

/// One local or module call.
struct Named<'a> {
    file: &'a File<'a>,
    what: What<'a>,
    /// The number of names that it refers to and that are not evaluated yet.
    pending: usize,
    /// The names that refer to it.
    used_by: Vec<Dependency>,
}

#[derive(Clone, Copy)]
enum What<'a> {
    Local(&'a Argument),
    Call(&'a Section),
}

/// The blocks of override files for a module call.
pub(super) fn overrides<'a>(
    files: &'a [File<'a>],
    call: &'a Section,
) -> impl Iterator<Item = (&'a File<'a>, &'a Section)> {
    let overriding = files.iter().filter(|file| is_override(file.text.path));
    let blocks = overriding.flat_map(|file| file.section.sections.iter().map(move |section| (file, section)));
    blocks.filter(move |(_, section)| {
        section.name == "module" && section.labels == call.labels && !std::ptr::eq(*section, call)
    })
}

/// Evaluates every local and every module call once, after the names that it refers to. `call` evaluates a module call.
pub(super) fn define<'a>(files: &'a [File<'a>], scope: &Scope<'a>, call: &mut dyn FnMut(&'a File<'a>, &'a Section)) {
    // A local in an override file replaces the one of its name. Override files are last.
    let mut names: BTreeMap<Dependency, Named<'a>> = BTreeMap::new();
    for (file, section) in blocks(files, "locals") {
        for argument in &section.arguments {
            let named = Named { file, what: What::Local(argument), pending: 0, used_by: Vec::new() };
            names.insert(Dependency::Local(argument.name.clone()), named);
        }
    }
    for (file, section) in blocks(files, "module") {
        if let Some(label) = section.labels.first() {
            let named = Named { file, what: What::Call(section), pending: 0, used_by: Vec::new() };
            names.entry(Dependency::Module(label.clone())).or_insert(named);
        }
    }
    let mut ready: Vec<Dependency> = Vec::new();
    let keys: Vec<Dependency> = names.keys().cloned().collect();
    for key in keys.into_iter().rev() {
        let mut needed = BTreeSet::new();
        match names.get(&key).map(|named| named.what) {
            Some(What::Local(argument)) => of_expression(&argument.value, &mut needed),
            Some(What::Call(section)) => {
                let overrides = overrides(files, section).map(|(_, section)| section);
                let arguments = std::iter::once(section).chain(overrides).flat_map(|section| &section.arguments);
                arguments.for_each(|argument| of_expression(&argument.value, &mut needed));
            }
            None => {}
        }
        let mut pending = 0;
        for needed in &needed {
            if let Some(needed) = names.get_mut(needed) {
                needed.used_by.push(key.clone());
                pending += 1;
            }
        }
        match names.get_mut(&key) {
            Some(named) if pending > 0 => named.pending = pending,
            _ => ready.push(key),
        }
    }
    while let Some(key) = ready.pop() {
        let Some(named) = names.remove(&key) else { continue };
        match named.what {
            What::Local(argument) => {
                scope.define("local", &argument.name, scope.evaluate(&named.file.text, argument));
            }
            What::Call(section) => call(named.file, section),
        }
        for user in named.used_by {
            if let Some(waiting) = names.get_mut(&user) {
                waiting.pending = waiting.pending.saturating_sub(1);
                if waiting.pending == 0 {
                    ready.push(user);
                }
            }
        }
    }
    // The remaining names refer to each other in a circle. Terraform refuses that among locals.
    for named in names.values() {
        if let What::Local(argument) = named.what {
            let cause = format!("local.{} depends on names that refer to each other", argument.name);
            let evaluated = Evaluated::unresolved(&named.file.text, argument.span.clone(), cause);
            scope.define("local", &argument.name, evaluated);
        }
    }
    for named in names.values() {
        if let What::Call(section) = named.what {
            call(named.file, section);
        }
    }
}
