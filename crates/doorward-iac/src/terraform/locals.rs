//! The locals of a module, which may refer to each other in any order.

use std::collections::BTreeMap;

use super::evaluate::{Evaluated, Scope};
use super::expression::locals_in;
use super::module::{File, blocks};
use super::section::Argument;

/// One local.
struct Local<'a> {
    file: &'a File<'a>,
    argument: &'a Argument,
    /// The number of locals that it refers to and that are not evaluated yet.
    pending: usize,
    /// The locals that refer to it, one entry per reference.
    used_by: Vec<&'a str>,
}

/// Evaluates every local once, after the locals that it refers to.
pub(super) fn define<'a>(files: &'a [File<'a>], scope: &mut Scope<'a>) {
    // A local in an override file replaces the one of its name. Override files are last.
    let mut locals: BTreeMap<&'a str, Local<'a>> = BTreeMap::new();
    for (file, section) in blocks(files, "locals") {
        for argument in &section.arguments {
            locals.insert(&argument.name, Local { file, argument, pending: 0, used_by: Vec::new() });
        }
    }
    let mut ready: Vec<&'a str> = Vec::new();
    let names: Vec<&'a str> = locals.keys().copied().collect();
    for name in names {
        let mut needed = Vec::new();
        if let Some(local) = locals.get(name) {
            locals_in(&local.argument.value, &mut needed);
        }
        let mut pending = 0;
        for needed in needed {
            if let Some(needed) = locals.get_mut(needed.as_str()) {
                needed.used_by.push(name);
                pending += 1;
            }
        }
        match locals.get_mut(name) {
            Some(local) if pending > 0 => local.pending = pending,
            _ => ready.push(name),
        }
    }
    while let Some(name) = ready.pop() {
        let Some(local) = locals.remove(name) else { continue };
        scope.define("local", name, scope.evaluate(&local.file.text, local.argument));
        for user in local.used_by {
            if let Some(user) = locals.get_mut(user) {
                user.pending = user.pending.saturating_sub(1);
                if user.pending == 0 {
                    ready.push(&user.argument.name);
                }
            }
        }
    }
    // The remaining locals refer to each other in a circle, which Terraform refuses.
    for (name, local) in locals {
        let span = local.argument.span.clone();
        let cause = format!("local.{name} depends on locals that refer to each other");
        scope.define("local", name, Evaluated::unresolved(&local.file.text, span, cause));
    }
}
