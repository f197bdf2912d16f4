//! Terms: literals, names, calls, collections, `for` expressions, and the steps behind them.

use super::cursor::Cursor;
use super::{Expression, ForExpression, ForNames, FunctionCall, PathStep, SyntaxError, literal_text, precedence};
use crate::terraform::number::Number;

/// Parses a term with the steps behind it.
pub(super) fn term(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    let base = simple(cursor)?;
    let steps = steps(cursor)?;
    Ok(if steps.is_empty() { base } else { Expression::Path(Box::new(base), steps) })
}

fn simple(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    match cursor.peek() {
        Some('"') => literal_text::quoted(cursor),
        Some('<') if cursor.starts("<<") => literal_text::heredoc(cursor),
        Some('(') => {
            cursor.at += 1;
            let inner = cursor.nested(false, |cursor| {
                let inner = precedence::expression(cursor)?;
                cursor.skip_space();
                cursor.expect(")")?;
                Ok(inner)
            })?;
            Ok(Expression::Parenthesis(Box::new(inner)))
        }
        Some('[') => {
            cursor.at += 1;
            cursor.nested(false, tuple)
        }
        Some('{') => {
            cursor.at += 1;
            cursor.nested(true, object)
        }
        Some(digit) if digit.is_ascii_digit() => Ok(number(cursor)),
        _ => named(cursor),
    }
}

fn named(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    let Some(name) = cursor.name() else { return Err(cursor.unexpected("an expression")) };
    let mut name = name.to_owned();
    // Functions of providers: provider::aws::arn_parse(…).
    while cursor.starts("::") {
        cursor.at += 2;
        let Some(part) = cursor.name() else { return Err(cursor.unexpected("the name of a function")) };
        name = format!("{name}::{part}");
    }
    if cursor.take("(") {
        return cursor.nested(false, |cursor| arguments(cursor, name));
    }
    Ok(match name.as_str() {
        "null" => Expression::Null,
        "true" => Expression::Bool(true),
        "false" => Expression::Bool(false),
        _ => Expression::Name(name),
    })
}

fn arguments(cursor: &mut Cursor<'_>, name: String) -> Result<Expression, SyntaxError> {
    let mut call = FunctionCall { name, arguments: Vec::new(), expands: false };
    loop {
        cursor.skip_space();
        if cursor.take(")") {
            return Ok(Expression::Call(Box::new(call)));
        }
        call.arguments.push(precedence::expression(cursor)?);
        cursor.skip_space();
        if cursor.take("...") {
            call.expands = true;
            cursor.skip_space();
            cursor.take(",");
            cursor.skip_space();
            cursor.expect(")")?;
            return Ok(Expression::Call(Box::new(call)));
        }
        if !cursor.take(",") && !cursor.starts(")") {
            return Err(cursor.unexpected("`,` or `)`"));
        }
    }
}

fn number(cursor: &mut Cursor<'_>) -> Expression {
    let rest = cursor.rest();
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut end = digits(rest);
    let fraction = rest[end..].strip_prefix('.').map_or(0, digits);
    if fraction > 0 {
        end += 1 + fraction;
    }
    if let Some(exponent) = rest[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let count = digits(&exponent[sign..]);
        if count > 0 {
            end += 1 + sign + count;
        }
    }
    cursor.at += end;
    Expression::Number(Number::parse(&rest[..end]))
}

fn tuple(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    cursor.skip_space();
    if cursor.keyword("for") {
        return loop_over(cursor, "]");
    }
    let mut elements = Vec::new();
    loop {
        cursor.skip_space();
        if cursor.take("]") {
            return Ok(Expression::Tuple(elements));
        }
        elements.push(precedence::expression(cursor)?);
        cursor.skip_space();
        if !cursor.take(",") && !cursor.starts("]") {
            return Err(cursor.unexpected("`,` or `]`"));
        }
    }
}

fn object(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    cursor.skip_lines();
    let start = cursor.at;
    if cursor.keyword("for") {
        // `for` may also be the key of an item: { for = 1 }.
        cursor.skip_lines();
        if !(cursor.starts("=") || cursor.starts(":")) {
            cursor.lines_end = false;
            return loop_over(cursor, "}");
        }
        cursor.at = start;
    }
    let mut items = Vec::new();
    loop {
        cursor.skip_lines();
        if cursor.take("}") {
            return Ok(Expression::Object(items));
        }
        let key = match precedence::expression(cursor)? {
            // A bare name is the key itself.
            Expression::Name(name) => Expression::Text(name),
            Expression::Null => Expression::Text("null".to_owned()),
            key => key,
        };
        cursor.skip_space();
        if !cursor.take("=") && !cursor.take(":") {
            return Err(cursor.unexpected("`=` or `:`"));
        }
        cursor.skip_lines();
        items.push((key, precedence::expression(cursor)?));
        cursor.skip_space();
        if !cursor.take(",") && !cursor.is_line_end() && !cursor.starts("}") {
            return Err(cursor.unexpected("`,`, `}` or the end of the line"));
        }
    }
}

/// The names of a loop, up to and with `in`.
pub(super) fn loop_names(cursor: &mut Cursor<'_>) -> Result<ForNames, SyntaxError> {
    let name = |cursor: &mut Cursor<'_>| {
        cursor.skip_space();
        cursor.name().map(str::to_owned).ok_or_else(|| cursor.unexpected("the name of a loop variable"))
    };
    let first = name(cursor)?;
    cursor.skip_space();
    let names = if cursor.take(",") {
        ForNames { key: Some(first), value: name(cursor)? }
    } else {
        ForNames { key: None, value: first }
    };
    cursor.skip_space();
    if cursor.keyword("in") { Ok(names) } else { Err(cursor.unexpected("`in`")) }
}

/// The rest of a `for` expression, behind `for`.
fn loop_over(cursor: &mut Cursor<'_>, close: &str) -> Result<Expression, SyntaxError> {
    let names = loop_names(cursor)?;
    let collection = precedence::expression(cursor)?;
    cursor.skip_space();
    cursor.expect(":")?;
    let mut key = None;
    let mut value = precedence::expression(cursor)?;
    cursor.skip_space();
    if close == "}" {
        cursor.expect("=>")?;
        key = Some(std::mem::replace(&mut value, precedence::expression(cursor)?));
        cursor.skip_space();
    }
    let groups = cursor.take("...");
    cursor.skip_space();
    let condition = if cursor.keyword("if") { Some(precedence::expression(cursor)?) } else { None };
    cursor.skip_space();
    cursor.expect(close)?;
    Ok(Expression::For(Box::new(ForExpression { names, collection, key, value, groups, condition })))
}

/// The steps behind a term.
fn steps(cursor: &mut Cursor<'_>) -> Result<Vec<PathStep>, SyntaxError> {
    let mut steps = Vec::new();
    loop {
        let before = cursor.at;
        // Within brackets, a step may stand on its own line.
        if !cursor.lines_end {
            cursor.skip_space();
        }
        if cursor.starts("...") {
            cursor.at = before;
            return Ok(steps);
        }
        if cursor.take(".") {
            if cursor.take("*") {
                steps.push(PathStep::AttributeSplat);
            } else if let Some(name) = cursor.name() {
                steps.push(PathStep::Attribute(name.to_owned()));
            } else {
                // The old form of an index, which may be followed by another one: a.0.1.
                let rest = cursor.rest();
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                if end == 0 {
                    return Err(cursor.unexpected("the name of an attribute"));
                }
                cursor.at += end;
                steps.push(PathStep::Index(Expression::Number(Number::parse(&rest[..end]))));
            }
        } else if cursor.take("[") {
            let step = cursor.nested(false, |cursor| {
                cursor.skip_space();
                let splat = cursor.starts("*");
                if splat {
                    cursor.at += 1;
                }
                let step = if splat { PathStep::FullSplat } else { PathStep::Index(precedence::expression(cursor)?) };
                cursor.skip_space();
                cursor.expect("]")?;
                Ok(step)
            })?;
            steps.push(step);
        } else {
            cursor.at = before;
            return Ok(steps);
        }
    }
}
