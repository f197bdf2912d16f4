//! What an argument comes to, as far as the files say: literals, variables, locals, conditions and a few functions.
//!
//! Everything else (resources, data, the workspace, loops) is unresolved. Loops would be easy to run and could be made to
//! run for ever, so none is.

use std::collections::BTreeMap;
use std::ops::Range;

use doorward_model::{GapReason, Observed};
use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use hcl::expr::{Expression, Operation, TraversalOperator};
use hcl::{Map, Value};

use super::section::Argument;
use crate::draft::gap;
use crate::text::Text;

/// The largest value that is kept, in characters and elements: values of values grow without bound.
const LARGEST: usize = 16_384;

/// Where a value is written.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub(super) text: &'a Text<'a>,
    pub(super) span: Range<usize>,
    /// Whether a text stands there and nothing else.
    pub(super) literal: bool,
}

/// A value and where it comes from.
#[derive(Clone)]
pub(super) struct Meaning<'a> {
    pub(super) value: Observed<Value>,
    pub(super) spot: Option<Spot<'a>>,
    /// How it got here.
    pub(super) note: Option<String>,
}

impl Meaning<'_> {
    pub(super) fn nothing() -> Self {
        Self { value: Observed::Absent, spot: None, note: None }
    }
}

/// What names stand for within a module.
#[derive(Clone, Default)]
pub(super) struct Scope<'a> {
    names: BTreeMap<(&'static str, String), Meaning<'a>>,
    context: Context<'static>,
}

impl<'a> Scope<'a> {
    /// An empty scope that knows the functions.
    pub(super) fn new() -> Self {
        let mut scope = Self::default();
        functions(&mut scope.context);
        scope
    }

    /// Gives names of one kind their meaning: `var`, `local`, `each`, `count`.
    pub(super) fn declare(&mut self, kind: &'static str, meanings: BTreeMap<String, Meaning<'a>>) {
        for (name, meaning) in meanings {
            self.names.insert((kind, name), meaning);
        }
        let of_kind = self.names.iter().filter(|((own, _), _)| *own == kind);
        let known = of_kind.filter_map(|((_, name), meaning)| match &meaning.value {
            Observed::Known(value) => Some((name.clone(), value.clone())),
            Observed::Absent => Some((name.clone(), Value::Null)),
            Observed::Unread(_) => None,
        });
        let object: Map<String, Value> = known.collect();
        self.context.declare_var(hcl::Identifier::sanitized(kind), Value::Object(object));
    }

    /// What an argument comes to.
    pub(super) fn evaluate(&self, text: &'a Text<'a>, argument: &Argument) -> Meaning<'a> {
        let Argument { value, span, .. } = argument;
        if let Some((kind, name)) = reference(value)
            && ["var", "local", "each", "count"].contains(&kind)
        {
            return self.lookup(text, kind, name, span);
        }
        let literal = matches!(value, Expression::String(_));
        let spot = Some(Spot { text, span: span.clone(), literal });
        let value = match self.value(value) {
            Some(Value::Null) => Observed::Absent,
            Some(value) if size(&value) <= LARGEST => Observed::Known(value),
            _ => {
                let snippet: String =
                    text.text[span.clone()].lines().next().unwrap_or_default().chars().take(60).collect();
                let message = format!("`{snippet}` depends on what these files do not say");
                Observed::Unread(gap(text, GapReason::Unresolved, span.clone(), message))
            }
        };
        Meaning { value, spot, note: None }
    }

    fn lookup(&self, text: &'a Text<'a>, kind: &str, name: &str, span: &Range<usize>) -> Meaning<'a> {
        let here = |message: String| Meaning {
            value: Observed::Unread(gap(text, GapReason::Unresolved, span.clone(), message)),
            spot: Some(Spot { text, span: span.clone(), literal: false }),
            note: None,
        };
        let found = self.names.iter().find(|((own, called), _)| *own == kind && called == name).map(|(_, m)| m);
        match found {
            None => here(format!("{kind}.{name} is not declared in these files")),
            Some(Meaning { value: Observed::Unread(gap), .. }) => {
                let why = gap.message.as_deref().unwrap_or_default();
                here(format!("{kind}.{name}: {why}"))
            }
            Some(meaning) => {
                let mut meaning = meaning.clone();
                // What is written there may be meant for others as well.
                let mut spot = meaning.spot.unwrap_or_else(|| Spot { text, span: span.clone(), literal: false });
                spot.literal = false;
                meaning.spot = Some(spot);
                meaning.note = meaning.note.or_else(|| Some(format!("by {kind}.{name}")));
                meaning
            }
        }
    }

    /// The value of an expression; none where the files do not say it.
    fn value(&self, expression: &Expression) -> Option<Value> {
        if let Expression::Conditional(either) = expression {
            return match self.value(&either.cond_expr)? {
                Value::Bool(true) => self.value(&either.true_expr),
                Value::Bool(false) => self.value(&either.false_expr),
                _ => None,
            };
        }
        if loops(expression) {
            return None;
        }
        expression.evaluate(&self.context).ok()
    }
}

/// `var.mode` as its two parts.
pub(super) fn reference(expression: &Expression) -> Option<(&str, &str)> {
    match expression {
        Expression::Traversal(traversal) => match (&traversal.expr, traversal.operators.as_slice()) {
            (Expression::Variable(root), [TraversalOperator::GetAttr(name)]) => Some((root.as_str(), name.as_str())),
            _ => None,
        },
        Expression::Parenthesis(inner) => reference(inner),
        _ => None,
    }
}

/// Whether anything in it is a loop.
fn loops(expression: &Expression) -> bool {
    match expression {
        Expression::ForExpr(_) => true,
        Expression::Array(elements) => elements.iter().any(loops),
        Expression::Object(entries) => entries
            .iter()
            .any(|(key, value)| loops(value) || matches!(key, hcl::ObjectKey::Expression(key) if loops(key))),
        Expression::TemplateExpr(template) => speaks_of_loops(&template.to_string()),
        Expression::Traversal(traversal) => {
            loops(&traversal.expr)
                || traversal.operators.iter().any(|operator| match operator {
                    TraversalOperator::Index(index) => loops(index),
                    TraversalOperator::AttrSplat | TraversalOperator::FullSplat => true,
                    _ => false,
                })
        }
        Expression::FuncCall(call) => call.args.iter().any(loops),
        Expression::Parenthesis(inner) => loops(inner),
        Expression::Conditional(either) => {
            loops(&either.cond_expr) || loops(&either.true_expr) || loops(&either.false_expr)
        }
        Expression::Operation(operation) => match &**operation {
            Operation::Unary(unary) => loops(&unary.expr),
            Operation::Binary(binary) => loops(&binary.lhs_expr) || loops(&binary.rhs_expr),
        },
        _ => false,
    }
}

/// Whether the word `for` stands by itself in the text of a template, which is taken apart only when it is evaluated.
fn speaks_of_loops(template: &str) -> bool {
    let mut words = template.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
    words.any(|word| word == "for")
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len(),
        Value::Array(values) => values.iter().map(size).sum::<usize>() + 1,
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>() + 1,
        _ => 1,
    }
}

/// A scalar as the provider takes it.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

type Function = fn(FuncArgs) -> Result<Value, String>;

/// The functions that stand in front of modes and counts.
fn functions(context: &mut Context<'static>) {
    let any = |function: Function| FuncDef::builder().variadic_param(ParamType::Any).build(function);
    let list: [(&str, Function); 11] = [
        ("coalesce", |args| {
            let given = args.iter().find(|value| !value.is_null() && value.as_str() != Some(""));
            given.cloned().ok_or_else(|| "nothing is given".to_owned())
        }),
        ("lower", |args| text(&args).map(|text| text.to_lowercase().into())),
        ("upper", |args| text(&args).map(|text| text.to_uppercase().into())),
        ("trimspace", |args| text(&args).map(|text| text.trim().to_owned().into())),
        ("tostring", |args| first(&args).and_then(|v| text_of(v).map(Value::from).ok_or_else(|| "no text".to_owned()))),
        ("tobool", |args| match first(&args)? {
            Value::Bool(truth) => Ok(Value::Bool(*truth)),
            Value::String(text) => text.parse().map(Value::Bool).map_err(|_| "no truth value".to_owned()),
            _ => Err("no truth value".to_owned()),
        }),
        ("toset", |args| first(&args).cloned()),
        ("tomap", |args| first(&args).cloned()),
        ("length", |args| {
            let length = match first(&args)? {
                Value::Array(values) => values.len(),
                Value::Object(map) => map.len(),
                Value::String(text) => text.chars().count(),
                _ => return Err("it has no length".to_owned()),
            };
            Ok(Value::from(length as u64))
        }),
        ("contains", |args| match (args.first(), args.get(1)) {
            (Some(Value::Array(values)), Some(wanted)) => Ok(Value::Bool(values.contains(wanted))),
            _ => Err("no list".to_owned()),
        }),
        ("lookup", |args| match (args.first(), args.get(1), args.get(2)) {
            (Some(Value::Object(map)), Some(Value::String(key)), default) => {
                map.get(key.as_str()).or(default).cloned().ok_or_else(|| "no such key".to_owned())
            }
            _ => Err("no map".to_owned()),
        }),
    ];
    for (name, function) in list {
        context.declare_func(hcl::expr::FuncName::new(hcl::Identifier::sanitized(name)), any(function));
    }
    let merge = any(|args| {
        let mut merged = Map::new();
        for value in args.iter() {
            match value {
                Value::Object(map) => merged.extend(map.clone()),
                Value::Null => {}
                _ => return Err("no map".to_owned()),
            }
        }
        Ok(Value::Object(merged))
    });
    context.declare_func(hcl::expr::FuncName::new(hcl::Identifier::sanitized("merge")), merge);
}

fn first(args: &FuncArgs) -> Result<&Value, String> {
    args.first().ok_or_else(|| "nothing is given".to_owned())
}

fn text(args: &FuncArgs) -> Result<String, String> {
    first(args).and_then(|value| value.as_str().map(str::to_owned).ok_or_else(|| "no text".to_owned()))
}
