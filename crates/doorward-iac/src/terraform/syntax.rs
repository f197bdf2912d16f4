//! The syntax of HCL: a body of arguments and blocks, and expressions.
//!
//! The grammar is that of Terraform 1.11: a repeated key in an object is valid and the last one counts, line breaks are free
//! within parentheses, brackets and `for` expressions, and a heredoc ends at a line of its delimiter alone.
//! <https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md>

use std::ops::Range;

use super::number::Number;

mod body;
mod cursor;
mod literal_text;
mod precedence;
mod primary;

pub(super) use body::{RawBlock, RawBody, parse_body};

/// A template as the text of a JSON string: `${` and `%{` have their meaning, quotes and backslashes have none.
pub(super) fn parse_template(text: &str) -> Result<Expression, SyntaxError> {
    literal_text::whole(text)
}

/// An expression as a whole text, such as the value of a command-line option.
pub(super) fn parse_expression(text: &str) -> Result<Expression, SyntaxError> {
    let mut cursor = cursor::Cursor::new(text);
    cursor.lines_end = false;
    let expression = precedence::expression(&mut cursor)?;
    cursor.skip_space();
    if cursor.rest().is_empty() { Ok(expression) } else { Err(cursor.unexpected("the end of the expression")) }
}

/// A place that does not follow the grammar.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// The byte offset.
    pub(super) at: usize,
    pub(super) message: String,
}

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Null,
    Bool(bool),
    /// A number; `None` if it has more digits than are calculated with.
    Number(Option<Number>),
    /// Text without interpolations.
    Text(String),
    Template(Vec<Part>),
    /// A bare name.
    Name(String),
    Tuple(Vec<Expression>),
    Object(Vec<(Expression, Expression)>),
    Parenthesis(Box<Expression>),
    Conditional(Box<[Expression; 3]>),
    Unary(UnaryOperator, Box<Expression>),
    Binary(BinaryOperator, Box<[Expression; 2]>),
    Call(Box<FunctionCall>),
    For(Box<ForExpression>),
    /// A value and the steps into it.
    Path(Box<Expression>, Vec<PathStep>),
}

/// A call of a function.
#[derive(Debug, Clone)]
pub(super) struct FunctionCall {
    pub(super) name: String,
    pub(super) arguments: Vec<Expression>,
    /// Whether the last argument is a list of arguments, marked by `...`.
    pub(super) expands: bool,
}

/// A `for` expression.
#[derive(Debug, Clone)]
pub(super) struct ForExpression {
    pub(super) names: ForNames,
    pub(super) collection: Expression,
    /// The key, in a `for` that creates an object.
    pub(super) key: Option<Expression>,
    pub(super) value: Expression,
    /// Whether values of the same key are collected, marked by `...`.
    pub(super) groups: bool,
    pub(super) condition: Option<Expression>,
}

/// The names that a loop defines.
#[derive(Debug, Clone)]
pub(super) struct ForNames {
    pub(super) key: Option<String>,
    pub(super) value: String,
}

/// One step into a value.
#[derive(Debug, Clone)]
pub(super) enum PathStep {
    Attribute(String),
    Index(Expression),
    /// `[*]`: the following steps apply to every element.
    FullSplat,
    /// `.*`: the following attribute steps apply to every element.
    AttributeSplat,
}

/// A part of a template.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Literal(String),
    Interpolation(Expression),
    If { condition: Expression, then: Vec<Part>, otherwise: Vec<Part> },
    For { names: ForNames, collection: Expression, body: Vec<Part> },
}

/// An operator with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnaryOperator {
    Not,
    Negative,
}

/// An operator with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// An argument as it stands in a file: its name, expression and the place of the expression.
#[derive(Debug)]
pub(super) struct RawArgument {
    pub(super) name: String,
    pub(super) value: Expression,
    pub(super) span: Range<usize>,
}
