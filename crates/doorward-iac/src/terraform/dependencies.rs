//! The locals and module calls that an expression refers to, which are evaluated before it.

use std::collections::BTreeSet;

use super::syntax::{Expression, Part, PathStep};

/// A local or a module call by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dependency {
    Local(String),
    Module(String),
}

/// Adds what an expression refers to.
pub(super) fn of_expression(expression: &Expression, found: &mut BTreeSet<Dependency>) {
    match expression {
        Expression::Null | Expression::Bool(_) | Expression::Number(_) | Expression::Text(_) | Expression::Name(_) => {}
        Expression::Template(parts) => of_parts(parts, found),
        Expression::Tuple(items) => items.iter().for_each(|item| of_expression(item, found)),
        Expression::Object(items) => {
            for (key, value) in items {
                of_expression(key, found);
                of_expression(value, found);
            }
        }
        Expression::Parenthesis(inner) | Expression::Unary(_, inner) => of_expression(inner, found),
        Expression::Conditional(parts) => parts.iter().for_each(|part| of_expression(part, found)),
        Expression::Binary(_, operands) => operands.iter().for_each(|operand| of_expression(operand, found)),
        Expression::Call(call) => call.arguments.iter().for_each(|argument| of_expression(argument, found)),
        Expression::For(repeated) => {
            let parts = [Some(&repeated.collection), repeated.key.as_ref(), Some(&repeated.value)];
            for part in parts.into_iter().flatten().chain(&repeated.condition) {
                of_expression(part, found);
            }
        }
        Expression::Path(base, steps) => {
            match (&**base, steps.first()) {
                (Expression::Name(root), Some(PathStep::Attribute(name))) => match root.as_str() {
                    "local" => drop(found.insert(Dependency::Local(name.clone()))),
                    "module" => drop(found.insert(Dependency::Module(name.clone()))),
                    _ => {}
                },
                (base, _) => of_expression(base, found),
            }
            for step in steps {
                if let PathStep::Index(index) = step {
                    of_expression(index, found);
                }
            }
        }
    }
}

fn of_parts(parts: &[Part], found: &mut BTreeSet<Dependency>) {
    for part in parts {
        match part {
            Part::Literal(_) => {}
            Part::Interpolation(expression) => of_expression(expression, found),
            Part::If { condition, then, otherwise } => {
                of_expression(condition, found);
                of_parts(then, found);
                of_parts(otherwise, found);
            }
            Part::For { collection, body, .. } => {
                of_expression(collection, found);
                of_parts(body, found);
            }
        }
    }
}
