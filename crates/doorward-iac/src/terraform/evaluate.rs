//! Evaluation of arguments: literals, variables, locals, conditions and a few functions.
//!
//! Everything else (resources, data, the workspace, loops) is unresolved. Loops are not run, because hostile ones would not
//! end in reasonable time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use doorward_model::{GapReason, Observed};
use hcl::Value;
use hcl::expr::{Expression, TraversalOperator};

use super::expression;
use super::section::Argument;
use crate::builder::gap;
use crate::source_text::SourceText;

/// The maximum size of a value, in characters and elements. Values that contain other values several times grow exponentially.
const MAX_VALUE_SIZE: usize = 16_384;

/// The limit of evaluation steps in one run, and the steps that each byte of configuration adds. A step is a part of an
/// expression or a tenth of a copied element. The largest known public configuration takes two million steps.
const STEPS: u64 = 40_000_000;
const STEPS_PER_BYTE: u64 = 40;
/// The steps of copying one element.
const COPY_STEPS: usize = 10;

/// The budget of evaluation steps, so that evaluation ends in time proportional to its input.
#[derive(Debug)]
pub(crate) struct WorkBudget {
    left: Cell<u64>,
    /// The steps taken.
    spent: Cell<u64>,
    /// The number of evaluated arguments.
    evaluated: Cell<u64>,
}

impl WorkBudget {
    /// The budget for a configuration of `bytes` bytes.
    pub(super) fn of(bytes: usize) -> Rc<Self> {
        let left = STEPS.saturating_add(STEPS_PER_BYTE.saturating_mul(bytes as u64));
        Rc::new(Self { left: Cell::new(left), spent: Cell::new(0), evaluated: Cell::new(0) })
    }

    /// Takes steps; `None` if fewer are left.
    pub(super) fn spend(&self, steps: usize) -> Option<()> {
        let left = self.left.get().checked_sub(steps as u64);
        self.left.set(left.unwrap_or(0));
        self.spent.set(self.spent.get() + steps as u64);
        left.map(|_| ())
    }

    /// Takes the steps of copying a value.
    pub(super) fn copy(&self, value: &Value) -> Option<()> {
        self.spend(size(value).saturating_mul(COPY_STEPS))
    }

    /// Whether no steps are left.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// The numbers of evaluated arguments and of steps taken.
    #[cfg(test)]
    pub(super) fn done(&self) -> (u64, u64) {
        (self.evaluated.get(), self.spent.get())
    }
}

/// The place of a value.
#[derive(Clone)]
pub(super) struct ValueSource<'a> {
    pub(super) text: &'a SourceText<'a>,
    pub(super) span: Range<usize>,
    /// Whether the place contains a string literal for this argument alone, so that it may be edited.
    pub(super) literal: bool,
}

/// A value with its origin.
#[derive(Clone)]
pub(super) struct Evaluated<'a> {
    pub(super) value: Observed<Rc<Value>>,
    pub(super) source: Option<ValueSource<'a>>,
    /// How the value is passed to the argument: "by var.mode".
    pub(super) note: Option<String>,
    /// Why there is no value, without the chain of names that leads there.
    cause: Option<Rc<str>>,
}

impl<'a> Evaluated<'a> {
    /// An unset argument.
    pub(super) fn absent() -> Self {
        Self { value: Observed::Absent, source: None, note: None, cause: None }
    }

    /// A value without a place.
    pub(super) fn known(value: Value) -> Self {
        Self { value: Observed::Known(Rc::new(value)), ..Self::absent() }
    }

    /// An unresolved value, with its cause and place.
    pub(super) fn unresolved(text: &'a SourceText<'a>, span: Range<usize>, cause: impl Into<Rc<str>>) -> Self {
        let cause = cause.into();
        let value = Observed::Unread(gap(text, GapReason::Unresolved, span.clone(), &*cause));
        let source = Some(ValueSource { text, span, literal: false });
        Self { value, source, note: None, cause: Some(cause) }
    }
}

type Names<'a> = BTreeMap<&'static str, BTreeMap<String, Evaluated<'a>>>;

/// The named values of a module. A clone shares them.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    /// By kind (`var`, `local`) and name.
    module: Rc<Names<'a>>,
    /// The values of one instance: `each`, `count`.
    instance: Rc<Names<'a>>,
    work: Rc<WorkBudget>,
}

impl<'a> Scope<'a> {
    /// An empty scope.
    pub(super) fn new(work: &Rc<WorkBudget>) -> Self {
        Self { module: Rc::default(), instance: Rc::default(), work: work.clone() }
    }

    /// Defines all names of one kind.
    pub(super) fn define_all(&mut self, kind: &'static str, values: BTreeMap<String, Evaluated<'a>>) {
        Rc::make_mut(&mut self.module).insert(kind, values);
    }

    /// Defines one name.
    pub(super) fn define(&mut self, kind: &'static str, name: &str, evaluated: Evaluated<'a>) {
        Rc::make_mut(&mut self.module).entry(kind).or_default().insert(name.to_owned(), evaluated);
    }

    /// The same scope with the names of one instance.
    pub(super) fn with_instance(
        &self,
        kind: &'static str,
        names: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Self {
        let names = names.into_iter().map(|(name, value)| (name.to_owned(), Evaluated::known(value)));
        Self { instance: Rc::new(Names::from([(kind, names.collect())])), ..self.clone() }
    }

    pub(super) fn work(&self) -> &WorkBudget {
        &self.work
    }

    fn find(&self, kind: &str, name: &str) -> Option<&Evaluated<'a>> {
        self.instance.get(kind).or_else(|| self.module.get(kind))?.get(name)
    }

    /// The value of a name; `None` if it is unknown.
    pub(super) fn value(&self, kind: &str, name: &str) -> Option<Rc<Value>> {
        match &self.find(kind, name)?.value {
            Observed::Known(value) => Some(value.clone()),
            Observed::Absent => Some(Rc::new(Value::Null)),
            Observed::Unread(_) => None,
        }
    }

    /// Evaluates an argument.
    pub(super) fn evaluate(&self, text: &'a SourceText<'a>, argument: &Argument) -> Evaluated<'a> {
        let Argument { value, span, .. } = argument;
        self.work.evaluated.set(self.work.evaluated.get() + 1);
        if let Some((kind, name)) = reference(value)
            && ["var", "local", "each", "count"].contains(&kind)
        {
            return self.lookup(text, kind, name, span);
        }
        let literal = matches!(value, Expression::String(_));
        let source = Some(ValueSource { text, span: span.clone(), literal });
        let found = expression::evaluate(value, self);
        match found.filter(|value| size(value) <= MAX_VALUE_SIZE) {
            Some(value) if value.is_null() => Evaluated { source, ..Evaluated::absent() },
            Some(value) => Evaluated { value: Observed::Known(value), source, ..Evaluated::absent() },
            None if self.work.is_spent() => {
                let cause = "the configuration exceeds the limit of evaluation steps; check the plan";
                Evaluated::unresolved(text, span.clone(), cause)
            }
            None => {
                let snippet: String =
                    text.text[span.clone()].lines().next().unwrap_or_default().chars().take(60).collect();
                let cause = format!("`{snippet}` depends on values outside these files");
                Evaluated { source, ..Evaluated::unresolved(text, span.clone(), cause) }
            }
        }
    }

    fn lookup(&self, text: &'a SourceText<'a>, kind: &str, name: &str, span: &Range<usize>) -> Evaluated<'a> {
        match self.find(kind, name) {
            None => Evaluated::unresolved(text, span.clone(), format!("{kind}.{name} is not declared in these files")),
            Some(Evaluated { value: Observed::Unread(gap), cause, .. }) => {
                // Only the end of a chain of names is reported: the chain may be as long as the file.
                let cause: Rc<str> = cause.clone().unwrap_or_else(|| gap.message.as_deref().unwrap_or_default().into());
                let message = format!("{kind}.{name}: {cause}");
                Evaluated { cause: Some(cause), ..Evaluated::unresolved(text, span.clone(), message) }
            }
            Some(evaluated) => {
                let mut evaluated = evaluated.clone();
                // The literal may supply other arguments as well, so that it is not edited.
                let mut source =
                    evaluated.source.unwrap_or_else(|| ValueSource { text, span: span.clone(), literal: false });
                source.literal = false;
                evaluated.source = Some(source);
                evaluated.note = evaluated.note.or_else(|| Some(format!("by {kind}.{name}")));
                evaluated
            }
        }
    }
}

/// The two parts of a reference such as `var.mode`.
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

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len(),
        Value::Array(values) => values.iter().map(size).sum::<usize>() + 1,
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>() + 1,
        _ => 1,
    }
}

/// The text of a scalar, as the provider converts it.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
