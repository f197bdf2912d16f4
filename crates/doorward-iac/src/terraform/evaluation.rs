//! Evaluation of arguments: each argument becomes a value with its place.
//!
//! Resources, data and the workspace are unknown. Everything else follows from the files, up to a limit of work.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use doorward_model::{Gap, GapReason};

use super::configuration::within;
use super::expression;
use super::section::Argument;
use super::syntax::{Expression, PathStep};
use super::value::ConfigValue;
use super::work::WorkBudget;
use crate::builder::gap;
use crate::source_text::{SourceFile, SourceText};
use crate::{ALL_FILES, ReadFolder};

/// The place of a value.
#[derive(Clone)]
pub(super) struct ValueSource<'a> {
    pub(super) text: &'a SourceText<'a>,
    pub(super) span: Range<usize>,
    /// Whether the place contains a string literal for this argument alone, so that it may be edited.
    pub(super) literal: bool,
}

/// A value with its origin. Null stands for an argument that is not set.
#[derive(Clone)]
pub(super) struct Evaluated<'a> {
    pub(super) value: ConfigValue,
    pub(super) source: Option<ValueSource<'a>>,
    /// How the value is passed to the argument: "by var.mode".
    pub(super) note: Option<String>,
    /// The name that an unknown value is passed by.
    through: Option<String>,
}

impl<'a> Evaluated<'a> {
    /// An unset argument.
    pub(super) fn absent() -> Self {
        Self::known(ConfigValue::Null)
    }

    /// A value without a place.
    pub(super) fn known(value: ConfigValue) -> Self {
        Self { value, source: None, note: None, through: None }
    }

    /// An unknown value, with its cause and place.
    pub(super) fn unresolved(text: &'a SourceText<'a>, span: Range<usize>, cause: impl Into<Rc<str>>) -> Self {
        let source = Some(ValueSource { text, span, literal: false });
        Self { source, ..Self::known(ConfigValue::unknown(cause)) }
    }

    /// A part of the value, from the same place.
    pub(super) fn part(&self, value: ConfigValue) -> Self {
        Self { value, ..self.clone() }
    }

    /// The gap for a cause within the value. `text` and `span` are its place if the value has none.
    pub(super) fn gap(&self, cause: &str, text: &SourceText<'_>, span: &Range<usize>) -> Arc<Gap> {
        let message = match &self.through {
            Some(through) => format!("{through}: {cause}"),
            None => cause.to_owned(),
        };
        match &self.source {
            Some(source) => gap(source.text, GapReason::Unresolved, source.span.clone(), message),
            None => gap(text, GapReason::Unresolved, span.clone(), message),
        }
    }
}

type Names<'a> = BTreeMap<&'static str, BTreeMap<String, Evaluated<'a>>>;

/// What evaluation reads besides the configuration.
#[derive(Clone)]
pub(super) struct Surroundings<'a> {
    pub(super) work: Rc<WorkBudget>,
    pub(super) read: ReadFolder<'a>,
    /// The root folder.
    pub(super) root: &'a str,
    /// The folder of the module.
    pub(super) folder: &'a str,
}

/// The named values of a module. A clone shares them.
#[derive(Clone)]
pub(super) struct Scope<'a> {
    /// By kind (`var`, `local`, `module`) and name.
    module: Rc<RefCell<Names<'a>>>,
    /// The values of one instance: `each`, `count`, and the names of `dynamic` blocks.
    instance: Rc<BTreeMap<String, BTreeMap<String, ConfigValue>>>,
    surroundings: Rc<Surroundings<'a>>,
}

impl<'a> Scope<'a> {
    /// An empty scope.
    pub(super) fn new(surroundings: Surroundings<'a>) -> Self {
        Self { module: Rc::default(), instance: Rc::default(), surroundings: Rc::new(surroundings) }
    }

    /// Defines one name.
    pub(super) fn define(&self, kind: &'static str, name: &str, evaluated: Evaluated<'a>) {
        self.module.borrow_mut().entry(kind).or_default().insert(name.to_owned(), evaluated);
    }

    /// The same scope with the names of one instance, besides those that it has.
    pub(super) fn with_instance(
        &self,
        kind: &str,
        names: impl IntoIterator<Item = (&'static str, ConfigValue)>,
    ) -> Self {
        let mut instance = (*self.instance).clone();
        instance.insert(kind.to_owned(), names.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        Self { instance: Rc::new(instance), ..self.clone() }
    }

    pub(super) fn work(&self) -> &WorkBudget {
        &self.surroundings.work
    }

    pub(super) fn surroundings(&self) -> &Surroundings<'a> {
        &self.surroundings
    }

    /// The value of a name; `None` if there is no such name.
    pub(super) fn value(&self, kind: &str, name: &str) -> Option<ConfigValue> {
        if let Some(names) = self.instance.get(kind) {
            return names.get(name).cloned();
        }
        Some(self.module.borrow().get(kind)?.get(name)?.value.clone())
    }

    /// The names of one instance of a kind.
    pub(super) fn instance_names(&self, kind: &str) -> Option<&BTreeMap<String, ConfigValue>> {
        self.instance.get(kind)
    }

    /// The text of a file that a function reads, if it is in the folder of the root or of the module.
    pub(super) fn file(&self, path: &str) -> Option<Arc<String>> {
        let Surroundings { read, root, folder, work } = &*self.surroundings;
        let below = |folder: &str, path: &str| folder.is_empty() || path.starts_with(&format!("{folder}/"));
        let path = within(root, path)?;
        if path.split('/').any(|part| part == "..") || !(below(root, &path) || below(folder, &path)) {
            return None;
        }
        let files = read(&path).ok()?;
        let file = files.into_iter().find(|file| file.path == path)?;
        work.spend(file.text.len()).ok()?;
        Some(file.text)
    }

    /// The paths of all files below a folder, relative to it, if the folder is within that of the root or of the module.
    pub(super) fn files_below(&self, path: &str) -> Option<Vec<String>> {
        let Surroundings { read, root, folder, work } = &*self.surroundings;
        let below =
            |folder: &str, path: &str| folder.is_empty() || path == folder || path.starts_with(&format!("{folder}/"));
        let path = within(root, path)?;
        if path.split('/').any(|part| part == "..") || !(below(root, &path) || below(folder, &path)) {
            return None;
        }
        let request = if path.is_empty() { ALL_FILES.to_owned() } else { format!("{path}/{ALL_FILES}") };
        let files = read(&request).ok()?;
        work.spend(files.len()).ok()?;
        let name = |file: &SourceFile| match path.as_str() {
            "" => Some(file.path.clone()),
            path => file.path.strip_prefix(path)?.strip_prefix('/').map(str::to_owned),
        };
        files.iter().map(name).collect()
    }

    /// Evaluates an argument.
    pub(super) fn evaluate(&self, text: &'a SourceText<'a>, argument: &Argument) -> Evaluated<'a> {
        let Argument { value, span, .. } = argument;
        self.work().count();
        if let Some((kind, name)) = reference(value)
            && ["var", "local"].contains(&kind)
            && let Some(evaluated) = self.lookup(text, kind, name, span)
        {
            return evaluated;
        }
        let literal = matches!(value, Expression::Text(_));
        let source = Some(ValueSource { text, span: span.clone(), literal });
        let through = reference(value).map(|(kind, name)| format!("{kind}.{name}"));
        let through = through.filter(|_| matches!(reference(value), Some(("each" | "count" | "module", _))));
        let value = expression::evaluate(value, self, None).unwrap_or_else(|failure| {
            let snippet: String = text.text[span.clone()].lines().next().unwrap_or_default().chars().take(60).collect();
            ConfigValue::unknown(format!("`{snippet}`: {}", failure.message))
        });
        Evaluated { value, source, note: None, through }
    }

    fn lookup(&self, text: &'a SourceText<'a>, kind: &str, name: &str, span: &Range<usize>) -> Option<Evaluated<'a>> {
        let names = self.module.borrow();
        let found = names.get(kind)?.get(name)?;
        let mut evaluated = found.clone();
        let here = ValueSource { text, span: span.clone(), literal: false };
        if let ConfigValue::Unknown(_) = evaluated.value {
            // Only the end of a chain of names is reported: the chain may be as long as the file.
            evaluated.source = Some(here);
            evaluated.through = Some(format!("{kind}.{name}"));
            return Some(evaluated);
        }
        // The literal may supply other arguments as well, so that it is not edited.
        let mut source = evaluated.source.unwrap_or(here);
        source.literal = false;
        evaluated.source = Some(source);
        evaluated.note = evaluated.note.or_else(|| Some(format!("by {kind}.{name}")));
        Some(evaluated)
    }
}

/// The two parts of a reference such as `var.mode`.
pub(super) fn reference(expression: &Expression) -> Option<(&str, &str)> {
    match expression {
        Expression::Path(base, steps) => match (&**base, steps.as_slice()) {
            (Expression::Name(root), [PathStep::Attribute(name)]) => Some((root, name)),
            _ => None,
        },
        Expression::Parenthesis(inner) => reference(inner),
        _ => None,
    }
}
