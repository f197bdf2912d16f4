//! Operators: the conditional, then binary operators by precedence, then unary ones.

use super::BinaryOperator as Binary;
use super::cursor::Cursor;
use super::{Expression, SyntaxError, UnaryOperator, primary};

/// The binary operators with their precedence. Those that begin with another one come first.
const OPERATORS: [(&str, Binary, u8); 13] = [
    ("||", Binary::Or, 1),
    ("&&", Binary::And, 2),
    ("==", Binary::Equal, 3),
    ("!=", Binary::NotEqual, 3),
    (">=", Binary::GreaterOrEqual, 4),
    ("<=", Binary::LessOrEqual, 4),
    (">", Binary::Greater, 4),
    ("<", Binary::Less, 4),
    ("+", Binary::Add, 5),
    ("-", Binary::Subtract, 5),
    ("*", Binary::Multiply, 6),
    ("/", Binary::Divide, 6),
    ("%", Binary::Modulo, 6),
];

/// Parses an expression.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    let condition = binary(cursor, 1)?;
    let end = cursor.at;
    cursor.skip_space();
    if !cursor.take("?") {
        // The space behind an expression, and a comment there, is no part of it.
        cursor.at = end;
        return Ok(condition);
    }
    // A line break is free behind `?` and around `:`.
    let lines_end = cursor.lines_end;
    cursor.nested(lines_end, |cursor| {
        cursor.skip_lines();
        let then = expression(cursor)?;
        cursor.skip_lines();
        cursor.expect(":")?;
        cursor.skip_lines();
        let otherwise = expression(cursor)?;
        Ok(Expression::Conditional(Box::new([condition, then, otherwise])))
    })
}

fn operator(cursor: &Cursor<'_>, least: u8) -> Option<(&'static str, Binary, u8)> {
    let found = OPERATORS.into_iter().find(|(word, ..)| cursor.starts(word))?;
    // A comment is no division, and a bare `%{` is no operator of a template.
    let is_comment = cursor.starts("//") || cursor.starts("/*");
    (found.2 >= least && !is_comment).then_some(found)
}

/// Parses operators of a precedence of at least `least`.
fn binary(cursor: &mut Cursor<'_>, least: u8) -> Result<Expression, SyntaxError> {
    let before = std::mem::take(&mut cursor.operators);
    let mut left = unary(cursor)?;
    loop {
        let end = cursor.at;
        cursor.skip_space();
        let Some((word, operator, precedence)) = operator(cursor, least) else {
            cursor.at = end;
            cursor.operators = cursor.operators.max(before);
            return Ok(left);
        };
        cursor.at += word.len();
        cursor.count_operator()?;
        cursor.skip_lines();
        let lines_end = cursor.lines_end;
        let right = cursor.nested(lines_end, |cursor| binary(cursor, precedence + 1))?;
        left = Expression::Binary(operator, Box::new([left, right]));
    }
}

fn unary(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    cursor.skip_space();
    let operator = match cursor.peek() {
        Some('!') if !cursor.starts("!=") => UnaryOperator::Not,
        Some('-') => UnaryOperator::Negative,
        _ => return primary::term(cursor),
    };
    cursor.at += 1;
    let lines_end = cursor.lines_end;
    let operand = cursor.nested(lines_end, unary)?;
    Ok(Expression::Unary(operator, Box::new(operand)))
}
