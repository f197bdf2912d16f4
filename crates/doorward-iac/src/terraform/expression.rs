//! Evaluation of expressions. Each part is visited once and named values are shared, so that the work is proportional to the
//! size of the expression and of the values that it creates.

use std::rc::Rc;

use hcl::eval::{Context, Evaluate as _};
use hcl::expr::{BinaryOp, Expression, ObjectKey, Operation, TemplateExpr, Traversal, TraversalOperator, UnaryOp};
use hcl::template::{Directive, Element, Template};
use hcl::{Map, Value};

use super::evaluate::{Scope, text_of};
use super::functions;

/// The value of an expression; `None` if the files do not determine it or a loop creates it.
pub(super) fn evaluate(expression: &Expression, scope: &Scope<'_>) -> Option<Rc<Value>> {
    scope.work().spend(1)?;
    let value = match expression {
        Expression::Null | Expression::Bool(_) | Expression::Number(_) | Expression::String(_) => {
            Value::from(expression.clone())
        }
        Expression::Parenthesis(inner) => return evaluate(inner, scope),
        Expression::Conditional(either) => {
            let branch = if truth(&either.cond_expr, scope)? { &either.true_expr } else { &either.false_expr };
            return evaluate(branch, scope);
        }
        Expression::Traversal(traversal) => return traversed(traversal, scope),
        Expression::Array(elements) => {
            Value::Array(elements.iter().map(|element| owned(element, scope)).collect::<Option<_>>()?)
        }
        Expression::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Some((key_of(key, scope)?, owned(value, scope)?)));
            Value::Object(entries.collect::<Option<Map<_, _>>>()?)
        }
        Expression::FuncCall(call) => {
            let mut arguments: Vec<Value> =
                call.args.iter().map(|argument| owned(argument, scope)).collect::<Option<_>>()?;
            if call.expand_final {
                let Some(Value::Array(rest)) = arguments.pop() else { return None };
                arguments.extend(rest);
            }
            functions::call(&call.name, arguments)?
        }
        Expression::Operation(operation) => {
            let literal = |expression: &Expression| owned(expression, scope).map(Expression::from);
            let operation = match &**operation {
                Operation::Unary(unary) => Operation::Unary(UnaryOp::new(unary.operator, literal(&unary.expr)?)),
                Operation::Binary(binary) => Operation::Binary(BinaryOp::new(
                    literal(&binary.lhs_expr)?,
                    binary.operator,
                    literal(&binary.rhs_expr)?,
                )),
            };
            operation.evaluate(&Context::new()).ok()?
        }
        Expression::TemplateExpr(template) => rendered(template, scope)?,
        // A bare name is not a value, and loops are not run.
        _ => return None,
    };
    Some(Rc::new(value))
}

/// The value as an owned copy. Copying a shared value takes steps.
fn owned(expression: &Expression, scope: &Scope<'_>) -> Option<Value> {
    let value = evaluate(expression, scope)?;
    match Rc::try_unwrap(value) {
        Ok(value) => Some(value),
        Err(shared) => {
            scope.work().copy(&shared)?;
            Some((*shared).clone())
        }
    }
}

fn truth(expression: &Expression, scope: &Scope<'_>) -> Option<bool> {
    match *evaluate(expression, scope)? {
        Value::Bool(truth) => Some(truth),
        _ => None,
    }
}

fn key_of(key: &ObjectKey, scope: &Scope<'_>) -> Option<String> {
    match key {
        ObjectKey::Expression(expression) => text_of(&*evaluate(expression, scope)?),
        name => Some(name.to_string()),
    }
}

/// The value of a path such as `var.albs["edge"].mode`. Only the value at its end is copied.
fn traversed(traversal: &Traversal, scope: &Scope<'_>) -> Option<Rc<Value>> {
    let (base, steps) = match (&traversal.expr, traversal.operators.as_slice()) {
        (Expression::Variable(kind), [TraversalOperator::GetAttr(name), steps @ ..]) => {
            (scope.value(kind.as_str(), name.as_str())?, steps)
        }
        (expression, steps) => (evaluate(expression, scope)?, steps),
    };
    let mut value: &Value = &base;
    for step in steps {
        value = match step {
            TraversalOperator::GetAttr(name) => value.as_object()?.get(name.as_str())?,
            TraversalOperator::LegacyIndex(index) => value.as_array()?.get(usize::try_from(*index).ok()?)?,
            TraversalOperator::Index(index) => match &*evaluate(index, scope)? {
                Value::String(key) => value.as_object()?.get(key.as_str())?,
                Value::Number(number) => value.as_array()?.get(usize::try_from(number.as_u64()?).ok()?)?,
                _ => return None,
            },
            TraversalOperator::AttrSplat | TraversalOperator::FullSplat => return None,
        };
    }
    if steps.is_empty() {
        return Some(base);
    }
    scope.work().copy(value)?;
    Some(Rc::new(value.clone()))
}

/// The value of a template. A template of a single interpolation keeps the type of its value.
fn rendered(template: &TemplateExpr, scope: &Scope<'_>) -> Option<Value> {
    scope.work().spend(template.to_string().len())?;
    let mut template = Template::from_expr(template).ok()?;
    if let [Element::Interpolation(only)] = template.elements() {
        return owned(&only.expr, scope);
    }
    interpolate(&mut template, scope)?;
    template.evaluate(&Context::new()).ok().map(Value::String)
}

/// Replaces the expressions of a template by their values.
fn interpolate(template: &mut Template, scope: &Scope<'_>) -> Option<()> {
    for element in template.elements_mut() {
        match element {
            Element::Literal(_) => {}
            Element::Interpolation(part) => part.expr = owned(&part.expr, scope)?.into(),
            Element::Directive(directive) => match &mut **directive {
                Directive::If(either) => {
                    let holds = truth(&either.cond_expr, scope)?;
                    either.cond_expr = holds.into();
                    match (holds, &mut either.false_template) {
                        (true, _) => interpolate(&mut either.true_template, scope)?,
                        (false, Some(other)) => interpolate(other, scope)?,
                        (false, None) => {}
                    }
                }
                Directive::For(_) => return None,
            },
        }
    }
    Some(())
}

/// Adds the locals that an expression refers to, except those in loops, which are not evaluated.
pub(super) fn locals_in(expression: &Expression, found: &mut Vec<String>) {
    match expression {
        Expression::Parenthesis(inner) => locals_in(inner, found),
        Expression::Conditional(either) => {
            for part in [&either.cond_expr, &either.true_expr, &either.false_expr] {
                locals_in(part, found);
            }
        }
        Expression::Traversal(traversal) => {
            match (&traversal.expr, traversal.operators.first()) {
                (Expression::Variable(kind), Some(TraversalOperator::GetAttr(name))) if kind.as_str() == "local" => {
                    found.push(name.as_str().to_owned());
                }
                (base, _) => locals_in(base, found),
            }
            for step in &traversal.operators {
                if let TraversalOperator::Index(index) = step {
                    locals_in(index, found);
                }
            }
        }
        Expression::Array(elements) => elements.iter().for_each(|element| locals_in(element, found)),
        Expression::Object(entries) => {
            for (key, value) in entries {
                if let ObjectKey::Expression(key) = key {
                    locals_in(key, found);
                }
                locals_in(value, found);
            }
        }
        Expression::FuncCall(call) => call.args.iter().for_each(|argument| locals_in(argument, found)),
        Expression::Operation(operation) => match &**operation {
            Operation::Unary(unary) => locals_in(&unary.expr, found),
            Operation::Binary(binary) => {
                locals_in(&binary.lhs_expr, found);
                locals_in(&binary.rhs_expr, found);
            }
        },
        Expression::TemplateExpr(template) => {
            if let Ok(template) = Template::from_expr(template) {
                locals_in_template(&template, found);
            }
        }
        _ => {}
    }
}

fn locals_in_template(template: &Template, found: &mut Vec<String>) {
    for element in template.elements() {
        match element {
            Element::Literal(_) => {}
            Element::Interpolation(part) => locals_in(&part.expr, found),
            Element::Directive(directive) => {
                if let Directive::If(either) = &**directive {
                    locals_in(&either.cond_expr, found);
                    locals_in_template(&either.true_template, found);
                    if let Some(other) = &either.false_template {
                        locals_in_template(other, found);
                    }
                }
            }
        }
    }
}
