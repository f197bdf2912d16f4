//! The functions that occur in modes and counts. A call of any other function is unresolved.

use std::sync::LazyLock;

use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use hcl::expr::{Expression, FuncCall, FuncName};
use hcl::{Identifier, Map, Value};

use super::evaluate::text_of;

static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut context = Context::new();
    functions(&mut context);
    context
});

/// The result of a call; `None` for another function or for arguments that it does not accept.
pub(super) fn call(name: &FuncName, arguments: Vec<Value>) -> Option<Value> {
    let mut call = FuncCall::new(name.clone());
    call.args = arguments.into_iter().map(Expression::from).collect();
    call.evaluate(&FUNCTIONS).ok()
}

type Function = fn(FuncArgs) -> Result<Value, String>;

fn functions(context: &mut Context<'static>) {
    let any = |function: Function| FuncDef::builder().variadic_param(ParamType::Any).build(function);
    let list: [(&str, Function); 12] = [
        ("coalesce", |args| {
            let given = args.iter().find(|value| !value.is_null() && value.as_str() != Some(""));
            given.cloned().ok_or_else(|| "an argument is missing".to_owned())
        }),
        ("lower", |args| text(&args).map(|text| text.to_lowercase().into())),
        ("upper", |args| text(&args).map(|text| text.to_uppercase().into())),
        ("trimspace", |args| text(&args).map(|text| text.trim().to_owned().into())),
        ("tostring", |args| {
            first(&args).and_then(|v| text_of(v).map(Value::from).ok_or_else(|| "not a string".to_owned()))
        }),
        ("tobool", |args| match first(&args)? {
            Value::Bool(truth) => Ok(Value::Bool(*truth)),
            Value::String(text) => text.parse().map(Value::Bool).map_err(|_| "not a boolean".to_owned()),
            _ => Err("not a boolean".to_owned()),
        }),
        ("toset", |args| first(&args).cloned()),
        ("tomap", |args| first(&args).cloned()),
        ("length", |args| {
            let length = match first(&args)? {
                Value::Array(values) => values.len(),
                Value::Object(map) => map.len(),
                Value::String(text) => text.chars().count(),
                _ => return Err("the value has no length".to_owned()),
            };
            Ok(Value::from(length as u64))
        }),
        ("contains", |args| match (args.first(), args.get(1)) {
            (Some(Value::Array(values)), Some(wanted)) => Ok(Value::Bool(values.contains(wanted))),
            _ => Err("not a list".to_owned()),
        }),
        ("lookup", |args| match (args.first(), args.get(1), args.get(2)) {
            (Some(Value::Object(map)), Some(Value::String(key)), default) => {
                map.get(key.as_str()).or(default).cloned().ok_or_else(|| "no such key".to_owned())
            }
            _ => Err("not a map".to_owned()),
        }),
        ("merge", |args| {
            let mut merged = Map::new();
            for value in args.iter() {
                match value {
                    Value::Object(map) => merged.extend(map.clone()),
                    Value::Null => {}
                    _ => return Err("not a map".to_owned()),
                }
            }
            Ok(Value::Object(merged))
        }),
    ];
    for (name, function) in list {
        context.declare_func(FuncName::new(Identifier::sanitized(name)), any(function));
    }
}

fn first(args: &FuncArgs) -> Result<&Value, String> {
    args.first().ok_or_else(|| "an argument is missing".to_owned())
}

fn text(args: &FuncArgs) -> Result<String, String> {
    first(args).and_then(|value| value.as_str().map(str::to_owned).ok_or_else(|| "not a string".to_owned()))
}
