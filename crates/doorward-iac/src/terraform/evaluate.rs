//! What an argument comes to, as far as the files say: literals, variables, locals, conditions and a few functions.
//!
//! Everything else (resources, data, the workspace, loops) is unresolved. Loops would be easy to run and could be made to
//! run for ever, so none is.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use doorward_model::{GapReason, Observed};
use hcl::Value;
use hcl::expr::{Expression, TraversalOperator};

use super::section::Argument;
use super::value;
use crate::draft::gap;
use crate::text::Text;

/// The largest value that is kept, in characters and elements: values of values grow without bound.
const LARGEST: usize = 16_384;

/// The steps that evaluating the configuration of one run may take, and how many more each byte of it adds. One step is a part of
/// an expression or a tenth of an element of a value: the largest configuration known in public takes two million.
const STEPS: u64 = 40_000_000;
const STEPS_PER_BYTE: u64 = 40;
/// A copied element in steps.
const COPY: usize = 10;

/// The work that evaluating takes, counted so that it ends in proportion to what is read.
#[derive(Debug)]
pub(crate) struct Work {
    left: Cell<u64>,
    /// The steps that were taken.
    spent: Cell<u64>,
    /// The arguments that were evaluated.
    evaluated: Cell<u64>,
}

impl Work {
    /// Work for a configuration of so many bytes.
    pub(super) fn of(bytes: usize) -> Rc<Self> {
        let left = STEPS.saturating_add(STEPS_PER_BYTE.saturating_mul(bytes as u64));
        Rc::new(Self { left: Cell::new(left), spent: Cell::new(0), evaluated: Cell::new(0) })
    }

    /// Takes steps; nothing where there are not so many left.
    pub(super) fn spend(&self, steps: usize) -> Option<()> {
        let left = self.left.get().checked_sub(steps as u64);
        self.left.set(left.unwrap_or(0));
        self.spent.set(self.spent.get() + steps as u64);
        left.map(|_| ())
    }

    /// Takes the steps of copying a value.
    pub(super) fn copy(&self, value: &Value) -> Option<()> {
        self.spend(size(value).saturating_mul(COPY))
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.get() == 0
    }

    /// The arguments that were evaluated, and the steps that this took.
    #[cfg(test)]
    pub(super) fn done(&self) -> (u64, u64) {
        (self.evaluated.get(), self.spent.get())
    }
}

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
    pub(super) value: Observed<Rc<Value>>,
    pub(super) spot: Option<Spot<'a>>,
    /// How it got here.
    pub(super) note: Option<String>,
    /// Why there is no value, without the names that lead there.
    cause: Option<Rc<str>>,
}

impl<'a> Meaning<'a> {
    pub(super) fn nothing() -> Self {
        Self { value: Observed::Absent, spot: None, note: None, cause: None }
    }

    pub(super) fn known(value: Value) -> Self {
        Self { value: Observed::Known(Rc::new(value)), ..Self::nothing() }
    }

    /// No value, for a reason that shows at a stretch of a file.
    pub(super) fn unresolved(text: &'a Text<'a>, span: Range<usize>, cause: impl Into<Rc<str>>) -> Self {
        let cause = cause.into();
        let value = Observed::Unread(gap(text, GapReason::Unresolved, span.clone(), &*cause));
        let spot = Some(Spot { text, span, literal: false });
        Self { value, spot, note: None, cause: Some(cause) }
    }
}

type Names<'a> = BTreeMap<&'static str, BTreeMap<String, Meaning<'a>>>;

/// What names stand for within a module. A clone shares them.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    /// By kind (`var`, `local`) and name.
    module: Rc<Names<'a>>,
    /// Those of one instance: `each`, `count`.
    instance: Rc<Names<'a>>,
    work: Rc<Work>,
}

impl<'a> Scope<'a> {
    /// An empty scope.
    pub(super) fn new(work: &Rc<Work>) -> Self {
        Self { module: Rc::default(), instance: Rc::default(), work: work.clone() }
    }

    /// Gives the names of one kind their meaning within the module.
    pub(super) fn declare(&mut self, kind: &'static str, meanings: BTreeMap<String, Meaning<'a>>) {
        Rc::make_mut(&mut self.module).insert(kind, meanings);
    }

    /// Gives one more name its meaning within the module.
    pub(super) fn settle(&mut self, kind: &'static str, name: &str, meaning: Meaning<'a>) {
        Rc::make_mut(&mut self.module).entry(kind).or_default().insert(name.to_owned(), meaning);
    }

    /// The same scope with the names of one instance.
    pub(super) fn within(&self, kind: &'static str, names: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let names = names.into_iter().map(|(name, value)| (name.to_owned(), Meaning::known(value)));
        Self { instance: Rc::new(Names::from([(kind, names.collect())])), ..self.clone() }
    }

    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    fn find(&self, kind: &str, name: &str) -> Option<&Meaning<'a>> {
        self.instance.get(kind).or_else(|| self.module.get(kind))?.get(name)
    }

    /// The value of a name.
    pub(super) fn value(&self, kind: &str, name: &str) -> Option<Rc<Value>> {
        match &self.find(kind, name)?.value {
            Observed::Known(value) => Some(value.clone()),
            Observed::Absent => Some(Rc::new(Value::Null)),
            Observed::Unread(_) => None,
        }
    }

    /// What an argument comes to.
    pub(super) fn evaluate(&self, text: &'a Text<'a>, argument: &Argument) -> Meaning<'a> {
        let Argument { value, span, .. } = argument;
        self.work.evaluated.set(self.work.evaluated.get() + 1);
        if let Some((kind, name)) = reference(value)
            && ["var", "local", "each", "count"].contains(&kind)
        {
            return self.lookup(text, kind, name, span);
        }
        let literal = matches!(value, Expression::String(_));
        let spot = Some(Spot { text, span: span.clone(), literal });
        let found = value::of(value, self);
        match found.filter(|value| size(value) <= LARGEST) {
            Some(value) if value.is_null() => Meaning { spot, ..Meaning::nothing() },
            Some(value) => Meaning { value: Observed::Known(value), spot, ..Meaning::nothing() },
            None if self.work.is_done() => {
                let cause = "evaluating the configuration takes more steps than are allowed; check the plan";
                Meaning::unresolved(text, span.clone(), cause)
            }
            None => {
                let snippet: String =
                    text.text[span.clone()].lines().next().unwrap_or_default().chars().take(60).collect();
                let cause = format!("`{snippet}` depends on what these files do not say");
                Meaning { spot, ..Meaning::unresolved(text, span.clone(), cause) }
            }
        }
    }

    fn lookup(&self, text: &'a Text<'a>, kind: &str, name: &str, span: &Range<usize>) -> Meaning<'a> {
        match self.find(kind, name) {
            None => Meaning::unresolved(text, span.clone(), format!("{kind}.{name} is not declared in these files")),
            Some(Meaning { value: Observed::Unread(gap), cause, .. }) => {
                // A chain of names is as long as the file; what matters is its end.
                let cause: Rc<str> = cause.clone().unwrap_or_else(|| gap.message.as_deref().unwrap_or_default().into());
                let message = format!("{kind}.{name}: {cause}");
                Meaning { cause: Some(cause), ..Meaning::unresolved(text, span.clone(), message) }
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
