//! The locals of a module, which may refer to each other in any order.

use std::collections::BTreeMap;

use super::evaluate::{Meaning, Scope};
use super::module::{File, blocks};
use super::section::Argument;
use super::value::locals_in;

/// One local.
struct Local<'a> {
    file: &'a File<'a>,
    argument: &'a Argument,
    /// How many of the locals that it refers to are not evaluated yet.
    waits: usize,
    /// The locals that refer to it, once for each reference.
    used_by: Vec<&'a str>,
}

/// Evaluates every local once, after those that it refers to.
pub(super) fn declare<'a>(files: &'a [File<'a>], scope: &mut Scope<'a>) {
    // A local in an override file replaces the one of its name, and override files come last.
    let mut locals: BTreeMap<&'a str, Local<'a>> = BTreeMap::new();
    for (file, section) in blocks(files, "locals") {
        for argument in &section.arguments {
            locals.insert(&argument.name, Local { file, argument, waits: 0, used_by: Vec::new() });
        }
    }
    let mut open: Vec<&'a str> = Vec::new();
    let names: Vec<&'a str> = locals.keys().copied().collect();
    for name in names {
        let mut needed = Vec::new();
        if let Some(local) = locals.get(name) {
            locals_in(&local.argument.value, &mut needed);
        }
        let mut waits = 0;
        for needed in needed {
            if let Some(needed) = locals.get_mut(needed.as_str()) {
                needed.used_by.push(name);
                waits += 1;
            }
        }
        match locals.get_mut(name) {
            Some(local) if waits > 0 => local.waits = waits,
            _ => open.push(name),
        }
    }
    while let Some(name) = open.pop() {
        let Some(local) = locals.remove(name) else { continue };
        scope.settle("local", name, scope.evaluate(&local.file.text, local.argument));
        for user in local.used_by {
            if let Some(user) = locals.get_mut(user) {
                user.waits = user.waits.saturating_sub(1);
                if user.waits == 0 {
                    open.push(&user.argument.name);
                }
            }
        }
    }
    // Those that are left cannot be evaluated, and Terraform refuses them.
    for (name, local) in locals {
        let span = local.argument.span.clone();
        let cause = format!("local.{name} depends on locals that refer to each other in a circle");
        scope.settle("local", name, Meaning::unresolved(&local.file.text, span, cause));
    }
}
