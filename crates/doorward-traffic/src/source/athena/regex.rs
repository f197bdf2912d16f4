//! The regular expression that takes a line apart, in Java's dialect: what [`crate::line`] does, once more.
//!
//! A line without a backslash, or one whose backslashes make sense as escapes, is read by the first alternative; one whose
//! backslashes are bytes like any other by the second; everything else is one last group, so that no line disappears. All
//! repetitions are possessive: neither time nor stack grows with what clients write.

/// The fields that are captured from a line, in order.
pub(super) const FIELDS: [&str; 14] = [
    "type",
    "time",
    "elb",
    "client",
    "status",
    "target_status",
    "request",
    "agent",
    "target_group",
    "domain",
    "rule",
    "actions",
    "class",
    "reason",
];

/// The names of all groups, which are the columns of the table.
pub(super) fn columns() -> Vec<String> {
    let flags = ["older", "unescaped"].map(str::to_owned);
    let first = flags.into_iter().chain(FIELDS.iter().map(|name| format!("a_{name}")));
    first.chain(FIELDS.iter().map(|name| format!("b_{name}"))).chain(std::iter::once("odd".to_owned())).collect()
}

/// A text in quotes in which a backslash and the character after it are one.
const ESCAPED: &str = r#""[^"\\]*+(?:\\.[^"\\]*+)*+""#;
/// A text in quotes in which a backslash is nothing special.
const PLAIN: &str = r#""[^"]*+""#;

/// A time that can be: the days of a month are not counted here.
pub(super) const TIME: &str = "(?:201[6-9]|20[2-9][0-9]|21[0-9]{2})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])\
                    T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}[.][0-9]{6}Z";
/// A time by its shape alone.
const STAMP: &str = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z";

/// The whole expression.
pub(super) fn regex() -> String {
    // The first two groups are empty, and set only where the time is before 2020, and where there is no backslash; a reference to a
    // group fails where it is not set.
    let older = "(?:(?=[A-Za-z0-9]{1,7}+ 201)()|(?![A-Za-z0-9]{1,7}+ 201))";
    let unescaped = r"(?:(?=[^\\]*+\z)()|(?=.*\\))";
    let first = line(ESCAPED, &format!(r#"(?:(?:-|{STAMP})(?= |\r?+\z)|\2(?:{ESCAPED}|[^ "]*+))"#));
    let second = line(PLAIN, &format!(r"(?:-|{STAMP})(?= |\r?+\z)"));
    format!("(?s){older}(?:{unescaped}{first}|{second}|(.*))")
}

/// One way to read a line, from its first field to its end.
fn line(text: &str, created: &str) -> String {
    let any = format!(r#"(?:{text}|[^ "]*+)"#);
    let kept = format!("({any})");
    let bare = r#"([^ "]++)"#;
    let status = "(-|[1-9][0-9]{2})";
    let word = "-|[A-Za-z][A-Za-z0-9]{0,63}+";
    // A reason without a classification is ignored, unless it is the reason why there is none.
    let class = format!(r#""(?!-" "(?!(?:-|Compliant)"))({word})" "({word})""#);
    let begin =
        format!("([A-Za-z0-9]{{1,7}}+) ({TIME}) {bare} {bare} {any} {any} {any} {any} {status} {status} {any} {any} ");
    let middle = format!("{kept} {kept} {any} {any} {bare} {any}");
    // 18, 25 and 27 fields had no classification, nor had 20, 21 and 24 before 2020; a bare hyphen stood where one was to come.
    let late = format!("(?: -| - -(?: .*+)?+| {class}(?: .*+)?+)");
    let tail = format!(
        "(?: {kept} {any}(?: {kept} {created} {kept} {any} {any}(?: {any} {any}(?:{late}|(?=\\r?+\\z))|(?=\\r?+\\z))\
         |\\1(?: {any}(?: {created} {any} {any})?+)?+(?=\\r?+\\z))|(?=\\r?+\\z))"
    );
    format!("{begin}{middle}{tail}\\r?+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_for_every_group() {
        let regex = regex();
        let bytes = regex.as_bytes();
        let escaped = |at: usize| bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
        let mut class = false;
        let mut groups = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'[' if !class && !escaped(at) => class = true,
                b']' if class && !escaped(at) => class = false,
                b'(' if !class && !escaped(at) && bytes.get(at + 1) != Some(&b'?') => groups += 1,
                _ => {}
            }
        }
        assert_eq!(groups, columns().len());
        assert!(!regex.contains('\''), "it stands in single quotes");
    }
}
