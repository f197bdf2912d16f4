//! Text: quoted strings, heredocs and the templates within them.

use super::cursor::Cursor;
use super::{Expression, ForNames, Part, SyntaxError, precedence, primary};

/// A piece of a template, before `if` and `for` are nested.
enum Piece {
    Literal(String),
    Interpolation(Expression),
    If(Expression),
    Else,
    EndIf,
    For(ForNames, Expression),
    EndFor,
}

/// The end of a template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// A quote, before which backslashes are escapes.
    Quote,
    /// The end of the text.
    Text,
}

/// Parses a quoted string.
pub(super) fn quoted(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    cursor.expect("\"")?;
    let pieces = cursor.nested(false, |cursor| pieces(cursor, End::Quote))?;
    finished(cursor, pieces)
}

/// Parses a whole text as a template.
pub(super) fn whole(text: &str) -> Result<Expression, SyntaxError> {
    let mut cursor = Cursor::new(text);
    let pieces = cursor.nested(false, |cursor| pieces(cursor, End::Text))?;
    finished(&cursor, pieces)
}

/// Parses a heredoc. It ends at the first line that contains the delimiter alone.
pub(super) fn heredoc(cursor: &mut Cursor<'_>) -> Result<Expression, SyntaxError> {
    cursor.expect("<<")?;
    let flush = cursor.take("-");
    let Some(delimiter) = cursor.name() else { return Err(cursor.unexpected("the delimiter of a heredoc")) };
    if !cursor.take("\n") && !cursor.take("\r\n") {
        return Err(cursor.unexpected("the end of the line"));
    }
    let start = cursor.at;
    let mut end = start;
    for line in cursor.rest().split_inclusive('\n') {
        if line.trim() == delimiter {
            let mut inner = Cursor::new(&cursor.text[..end]);
            inner.at = start;
            let mut pieces = cursor.nested(false, |_| pieces(&mut inner, End::Text))?;
            if flush {
                unindent(&mut pieces);
            }
            // The line break behind the delimiter ends the argument.
            cursor.at = end + line.trim_end_matches(['\n', '\r']).len();
            return finished(cursor, pieces);
        }
        end += line.len();
    }
    Err(cursor.error(format!("the heredoc has no line {delimiter:?} that ends it")))
}

fn finished(cursor: &Cursor<'_>, pieces: Vec<Piece>) -> Result<Expression, SyntaxError> {
    let mut pieces = pieces.into_iter().peekable();
    let parts = nested(cursor, &mut pieces, 0)?;
    if pieces.peek().is_some() {
        return Err(cursor.error("the template contains an end or `else` without its beginning"));
    }
    if parts.iter().all(|part| matches!(part, Part::Literal(_))) {
        let texts = parts.into_iter().map(|part| match part {
            Part::Literal(text) => text,
            _ => String::new(),
        });
        return Ok(Expression::Text(texts.collect()));
    }
    Ok(Expression::Template(parts))
}

/// The maximum nesting of `if` and `for` within one template.
const MAX_NESTING: usize = 50;

fn nested(
    cursor: &Cursor<'_>,
    pieces: &mut std::iter::Peekable<std::vec::IntoIter<Piece>>,
    depth: usize,
) -> Result<Vec<Part>, SyntaxError> {
    let unclosed = || cursor.error("the template contains an `if` or `for` that does not end");
    if depth > MAX_NESTING {
        return Err(cursor.error(format!("a template is nested deeper than {MAX_NESTING} levels")));
    }
    let mut parts = Vec::new();
    while !matches!(pieces.peek(), None | Some(Piece::Else | Piece::EndIf | Piece::EndFor)) {
        match pieces.next() {
            Some(Piece::Literal(text)) => {
                if !text.is_empty() {
                    parts.push(Part::Literal(text));
                }
            }
            Some(Piece::Interpolation(expression)) => parts.push(Part::Interpolation(expression)),
            Some(Piece::If(condition)) => {
                let then = nested(cursor, pieces, depth + 1)?;
                let mut end = pieces.next();
                let mut otherwise = Vec::new();
                if matches!(end, Some(Piece::Else)) {
                    otherwise = nested(cursor, pieces, depth + 1)?;
                    end = pieces.next();
                }
                if !matches!(end, Some(Piece::EndIf)) {
                    return Err(unclosed());
                }
                parts.push(Part::If { condition, then, otherwise });
            }
            Some(Piece::For(names, collection)) => {
                let body = nested(cursor, pieces, depth + 1)?;
                if !matches!(pieces.next(), Some(Piece::EndFor)) {
                    return Err(unclosed());
                }
                parts.push(Part::For { names, collection, body });
            }
            _ => break,
        }
    }
    Ok(parts)
}

fn pieces(cursor: &mut Cursor<'_>, end: End) -> Result<Vec<Piece>, SyntaxError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    // Whether the literal follows an interpolation that strips the space behind it.
    let mut strips_next = false;
    loop {
        if end == End::Quote && cursor.take("\"") || end == End::Text && cursor.rest().is_empty() {
            push_literal(&mut pieces, &mut literal, &mut strips_next);
            return Ok(pieces);
        }
        if cursor.take("$${") {
            literal.push_str("${");
        } else if cursor.take("%%{") {
            literal.push_str("%{");
        } else if cursor.starts("${") || cursor.starts("%{") {
            let is_directive = cursor.starts("%{");
            cursor.at += 2;
            if cursor.take("~") {
                literal.truncate(literal.trim_end().len());
                trim_lines(&mut pieces, literal.is_empty());
            }
            push_literal(&mut pieces, &mut literal, &mut strips_next);
            let piece = cursor.nested(false, |cursor| {
                if is_directive { directive(cursor) } else { precedence::expression(cursor).map(Piece::Interpolation) }
            })?;
            pieces.push(piece);
            cursor.skip_lines();
            strips_next = cursor.take("~");
            cursor.expect("}")?;
        } else if end == End::Quote && cursor.starts("\\") {
            literal.push(escape(cursor)?);
        } else {
            match cursor.peek() {
                None => return Err(cursor.unexpected("`\"`")),
                Some('\n' | '\r') if end == End::Quote => {
                    return Err(cursor.error("a quoted string continues on the next line; use a heredoc"));
                }
                Some(character) => {
                    literal.push(character);
                    cursor.at += character.len_utf8();
                    // One literal for each line, for the indentation of heredocs.
                    if character == '\n' && !strips_next {
                        push_literal(&mut pieces, &mut literal, &mut strips_next);
                    }
                }
            }
        }
    }
}

/// Removes the space at the end of the preceding lines, if the last one consists of space alone.
fn trim_lines(pieces: &mut [Piece], mut is_space: bool) {
    for piece in pieces.iter_mut().rev() {
        match piece {
            Piece::Literal(text) if is_space => {
                text.truncate(text.trim_end().len());
                is_space = text.is_empty();
            }
            _ => return,
        }
    }
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &mut String, strips_next: &mut bool) {
    let mut text = std::mem::take(literal);
    if std::mem::take(strips_next) {
        text = text.trim_start().to_owned();
    }
    if !text.is_empty() {
        pieces.push(Piece::Literal(text));
    }
}

fn directive(cursor: &mut Cursor<'_>) -> Result<Piece, SyntaxError> {
    cursor.skip_space();
    let at = cursor.at;
    match cursor.name() {
        Some("if") => precedence::expression(cursor).map(Piece::If),
        Some("else") => Ok(Piece::Else),
        Some("endif") => Ok(Piece::EndIf),
        Some("for") => {
            let names = primary::loop_names(cursor)?;
            Ok(Piece::For(names, precedence::expression(cursor)?))
        }
        Some("endfor") => Ok(Piece::EndFor),
        _ => {
            cursor.at = at;
            Err(cursor.unexpected("`if`, `else`, `endif`, `for` or `endfor`"))
        }
    }
}

fn escape(cursor: &mut Cursor<'_>) -> Result<char, SyntaxError> {
    let kind = cursor.rest().chars().nth(1);
    let digits = match kind {
        Some('n') => return Ok(simple(cursor, '\n')),
        Some('r') => return Ok(simple(cursor, '\r')),
        Some('t') => return Ok(simple(cursor, '\t')),
        Some(same @ ('"' | '\\')) => return Ok(simple(cursor, same)),
        Some('u') => 4,
        Some('U') => 8,
        _ => return Err(cursor.error("a backslash begins no valid escape")),
    };
    let code = cursor.rest().get(2..2 + digits).and_then(|code| u32::from_str_radix(code, 16).ok());
    match code.and_then(char::from_u32) {
        Some(character) => {
            cursor.at += 2 + digits;
            Ok(character)
        }
        None => Err(cursor.error("an escape has no valid character number")),
    }
}

fn simple(cursor: &mut Cursor<'_>, character: char) -> char {
    cursor.at += 2;
    character
}

/// Removes the indentation that all lines of a heredoc `<<-` have in common. Blank lines do not count.
fn unindent(pieces: &mut [Piece]) {
    let spaces = |text: &str| text.chars().take_while(|c| c.is_whitespace() && *c != '\n').count();
    let mut least = usize::MAX;
    let mut begins = true;
    let mut lines = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let literal = match piece {
            Piece::Literal(text) => Some(text),
            _ => None,
        };
        if begins {
            match literal {
                Some(text) if text.trim().is_empty() && text.ends_with('\n') => {}
                Some(text) => {
                    least = least.min(spaces(text));
                    lines.push(at);
                }
                None => least = 0,
            }
        }
        begins = literal.is_some_and(|text| text.ends_with('\n'));
    }
    for at in lines {
        if let Some(Piece::Literal(text)) = pieces.get_mut(at) {
            *text = text.chars().skip(least).collect();
        }
    }
}
