//! The variables of a module: their values in Terraform's order, converted to their types.
//!
//! <https://developer.hashicorp.com/terraform/language/values/variables#variable-definition-precedence>

use std::collections::BTreeMap;

use super::evaluation::{Evaluated, Scope, Surroundings};
use super::expression;
use super::module::{File, blocks};
use super::section::Section;
use super::syntax::{self, Expression};
use super::types::{Type, convert};
use super::value::{ConfigValue, Evaluation, EvaluationFailure};
use crate::{VariableOption, VariableValues};

/// The values that are given to the root module, besides those in its folder.
pub(super) struct GivenValues<'a> {
    pub(super) values: &'a VariableValues,
    /// The parsed files of variables, in the order of the options.
    pub(super) files: &'a [File<'a>],
}

/// One value that is given to a variable.
enum Given<'a> {
    Evaluated(Evaluated<'a>),
    /// Text, which is an expression if the type of the variable is no primitive one, with the name of its origin.
    Text {
        text: &'a str,
        origin: &'static str,
    },
}

/// The declaration of a variable: its block, and the blocks of override files.
struct Declaration<'a> {
    parts: Vec<(&'a File<'a>, &'a Section)>,
}

/// The value of each variable: the argument of the call, or for the root the last value given, or the default.
pub(super) fn define<'a>(
    files: &'a [File<'a>],
    inputs: Option<&BTreeMap<String, Evaluated<'a>>>,
    given: &GivenValues<'a>,
    surroundings: &Surroundings<'a>,
    scope: &Scope<'a>,
) {
    let constants = Scope::new(surroundings.clone());
    let mut given = match inputs {
        Some(_) => BTreeMap::new(),
        None => of_root(files, given, &constants),
    };
    // An override file, which is last, replaces arguments of the block that it overrides.
    let mut declared: BTreeMap<&'a str, Declaration<'a>> = BTreeMap::new();
    for (file, section) in blocks(files, "variable") {
        if let Some(name) = section.labels.first() {
            declared.entry(name).or_insert_with(|| Declaration { parts: Vec::new() }).parts.push((file, section));
        }
    }
    for (name, declaration) in declared {
        let from = match inputs {
            Some(inputs) => inputs.get(name).cloned().map(Given::Evaluated),
            None => given.remove(name),
        };
        scope.define("var", name, declaration.value(name, from, inputs.is_some(), &constants));
    }
}

impl<'a> Declaration<'a> {
    fn argument(&self, name: &str) -> Option<(&'a File<'a>, &'a super::section::Argument)> {
        self.parts.iter().rev().find_map(|(file, section)| Some((*file, section.argument(name)?)))
    }

    /// The type; `None` if the variable has none.
    fn kind(&self, constants: &Scope<'a>) -> Option<Type> {
        let constraint = &self.argument("type")?.1.value;
        // In JSON the constraint is text.
        let parsed = match constraint {
            Expression::Text(text) => syntax::parse_expression(text).ok(),
            _ => None,
        };
        let constant = |expression: &Expression| expression::evaluate(expression, constants, None);
        Some(Type::of_constraint(parsed.as_ref().unwrap_or(constraint), &constant).unwrap_or(Type::Any))
    }

    fn value(&self, name: &str, from: Option<Given<'a>>, is_called: bool, constants: &Scope<'a>) -> Evaluated<'a> {
        let kind = self.kind(constants);
        let from = from.map(|given| match given {
            Given::Evaluated(evaluated) => evaluated,
            Given::Text { text, origin } => {
                let value = of_text(text, kind.as_ref(), constants);
                let value =
                    value.unwrap_or_else(|failure| ConfigValue::unknown(format!("{origin}: {}", failure.message)));
                let mut evaluated = Evaluated::known(value);
                evaluated.note = Some(format!("by {origin} of var.{name}"));
                evaluated
            }
        });
        let default = || {
            self.argument("default").map(|(file, argument)| {
                let mut evaluated = constants.evaluate(&file.text, argument);
                // A call that does not set the variable is in the files, so that the default is certain.
                evaluated.note = Some(match is_called {
                    true => format!("by the default of var.{name}"),
                    false => format!("by the default of var.{name}, which may be overridden when Terraform runs"),
                });
                evaluated
            })
        };
        let nullable = !matches!(self.argument("nullable").map(|(_, a)| &a.value), Some(Expression::Bool(false)));
        let chosen = match from {
            Some(given) if given.value == ConfigValue::Null && !nullable => default(),
            Some(given) => Some(given),
            None => default(),
        };
        let Some((file, section)) = self.parts.first().copied() else { return Evaluated::absent() };
        let Some(mut evaluated) = chosen else {
            let cause = "the variable has no default and these files do not set it";
            let mut evaluated = Evaluated::unresolved(&file.text, section.head.clone(), cause);
            evaluated.value = self.allowed(name, evaluated.value, kind.unwrap_or(Type::Any), constants);
            return evaluated;
        };
        if let Some(kind) = kind {
            evaluated.value = convert(&evaluated.value, &kind).unwrap_or_else(|failure| {
                ConfigValue::unknown(format!("var.{name} has another type: {}", failure.message))
            });
        }
        evaluated
    }

    /// The values that a validation `contains([…], var.name)` allows, for a variable without a value.
    fn allowed(&self, name: &str, unknown: ConfigValue, kind: Type, constants: &Scope<'a>) -> ConfigValue {
        let Some(cause) = unknown.cause().cloned() else { return unknown };
        let validations = self.parts.iter().flat_map(|(_, section)| &section.sections);
        for validation in validations.filter(|section| section.name == "validation") {
            let Some(Expression::Call(call)) = validation.argument("condition").map(|argument| &argument.value) else {
                continue;
            };
            let (true, [list, wanted]) = (call.name == "contains", call.arguments.as_slice()) else { continue };
            if super::evaluation::reference(wanted) != Some(("var", name)) {
                continue;
            }
            if let Ok(ConfigValue::List(list)) = expression::evaluate(list, constants, None) {
                let converted = list.items.iter().map(|item| convert(item, &kind)).collect::<Result<Vec<_>, _>>();
                return converted.map_or(unknown, |values| ConfigValue::one_of(&cause, values));
            }
        }
        ConfigValue::unknown_of(cause, kind)
    }
}

/// The value of text that is given to a variable of a type.
fn of_text(text: &str, kind: Option<&Type>, constants: &Scope<'_>) -> Evaluation {
    if kind.is_none_or(Type::is_primitive) {
        return Ok(ConfigValue::text(text));
    }
    let parsed = syntax::parse_expression(text).map_err(|error| EvaluationFailure::refused(error.message))?;
    expression::evaluate(&parsed, constants, None)
}

/// The values for the root module: of the environment, of the files that Terraform always reads, of the options. The last
/// value of a variable counts.
fn of_root<'a>(files: &'a [File<'a>], given: &GivenValues<'a>, constants: &Scope<'a>) -> BTreeMap<String, Given<'a>> {
    let mut values: BTreeMap<String, Given<'a>> = BTreeMap::new();
    for (name, text) in &given.values.environment {
        values.insert(name.clone(), Given::Text { text, origin: "the environment variable" });
    }
    let mut ranked: Vec<_> = files.iter().filter_map(|file| Some((rank(file.text.path)?, file))).collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0));
    for (_, file) in ranked {
        if file.section.is_unreadable {
            // It may set any variable, also one that was set before.
            for name in blocks(files, "variable").filter_map(|(_, section)| section.labels.first()) {
                let cause = format!("{} cannot be read, and may set var.{name}", file.text.path);
                values.insert(name.clone(), Given::Evaluated(Evaluated::unresolved(&file.text, 0..0, cause)));
            }
            continue;
        }
        of_file(file, constants, &mut values, &|name| {
            format!("by var.{name}, which may be overridden when Terraform runs")
        });
    }
    for option in &given.values.options {
        match option {
            VariableOption::Value { name, text } => {
                values.insert(name.clone(), Given::Text { text, origin: "the option --var" });
            }
            VariableOption::File(source) => {
                if let Some(file) = given.files.iter().find(|file| file.text.path == source.path) {
                    of_file(file, constants, &mut values, &|name| format!("by var.{name} in {}", source.path));
                }
            }
        }
    }
    values
}

fn of_file<'a>(
    file: &'a File<'a>,
    constants: &Scope<'a>,
    values: &mut BTreeMap<String, Given<'a>>,
    note: &dyn Fn(&str) -> String,
) {
    for argument in &file.section.arguments {
        let mut evaluated = constants.evaluate(&file.text, argument);
        evaluated.note = Some(note(&argument.name));
        values.insert(argument.name.clone(), Given::Evaluated(evaluated));
    }
}

/// The rank of a file of values that Terraform reads by itself: terraform.tfvars, then *.auto.tfvars by name.
pub(super) fn rank(path: &str) -> Option<(u8, &str)> {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "terraform.tfvars" => Some((0, name)),
        "terraform.tfvars.json" => Some((1, name)),
        _ if name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json") => Some((2, name)),
        _ => None,
    }
}
