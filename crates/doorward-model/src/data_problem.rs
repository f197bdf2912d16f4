//! Why a text does not hold the data that is expected, in words for people. Parsers name types of this program, which mean nothing to
//! those who wrote the text.

/// The message of a parser of JSON or TOML in plain words. A message that is not of a parser stays as it is.
///
/// ```
/// # use doorward_model::data_problem;
/// assert_eq!(
///     data_problem("invalid type: string \"x\", expected usize at line 1 column 506"),
///     "the text \"x\" is where a whole number of 0 or more is expected, at line 1 column 506"
/// );
/// assert_eq!(data_problem("EOF while parsing a value at line 1 column 0"), "it is empty");
/// ```
pub fn data_problem(message: &str) -> String {
    let (message, place) = match message.rsplit_once(" at line ") {
        Some((before, at)) if at.chars().all(|c| c.is_ascii_digit() || c == ' ' || "column".contains(c)) => {
            (before, format!(", at line {at}"))
        }
        _ => (message, String::new()),
    };
    let words = if message.starts_with("EOF while parsing") {
        if place.ends_with("line 1 column 0") {
            return "it is empty".to_owned();
        }
        "it ends early".to_owned()
    } else if let Some((found, expected)) =
        message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: ")).and_then(split)
    {
        format!("{} is where {} is expected", found_words(found, "an object"), expected_words(expected, "an object"))
    } else if let Some((length, expected)) = message.strip_prefix("invalid length ").and_then(split) {
        format!("a list of {length} entries is where {} is expected", expected_words(expected, "an object"))
    } else if message.starts_with("data did not match any variant") {
        "it has none of the forms that are possible there".to_owned()
    } else if !place.is_empty() && SYNTAX.iter().any(|begin| message.starts_with(begin)) {
        "unexpected text".to_owned()
    } else {
        message.to_owned()
    };
    words + &place
}

/// How the messages of the JSON parser about syntax begin.
const SYNTAX: [&str; 9] = [
    "expected ",
    "trailing ",
    "key must be",
    "invalid escape",
    "invalid number",
    "invalid unicode",
    "control character",
    "lone leading surrogate",
    "unexpected ",
];

fn split(rest: &str) -> Option<(&str, &str)> {
    rest.split_once(", expected ")
}

/// A value that a parser found, in words. `table` is the name of keys with values: an object, or a table.
pub fn found_words(found: &str, table: &str) -> String {
    let number = ["integer ", "floating point ", "signed int ", "unsigned int ", "float ", "boolean ", "bool "];
    if let Some(value) = number.iter().find_map(|kind| found.strip_prefix(kind)) {
        return value.trim_matches('`').to_owned();
    }
    match found {
        "sequence" => "a list".to_owned(),
        "map" => table.to_owned(),
        "unit" | "unit value" | "null" => "null".to_owned(),
        found => match found.strip_prefix("string ").or_else(|| found.strip_prefix("character ")) {
            Some(text) => format!("the text {}", text.trim_matches('`')),
            None => found.to_owned(),
        },
    }
}

/// What a parser expected, in words: types of this program become what a person writes.
pub fn expected_words(expected: &str, table: &str) -> String {
    let type_name = |kind: &str| expected.starts_with(kind) && expected.as_bytes().get(kind.len()) == Some(&b' ');
    match expected {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "u64" | "usize" | "u128" => "a whole number of 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "path string" | "a borrowed string" | "a character" | "str" | "string" => "text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => table.to_owned(),
        "unit" => "null".to_owned(),
        "string or map" | "enum" => format!("text or {table}"),
        _ if type_name("struct") || type_name("internally tagged enum") => table.to_owned(),
        _ if type_name("enum") || type_name("variant") => "the name of a value".to_owned(),
        _ if type_name("tuple struct") || type_name("a tuple") || type_name("tuple") => {
            let count = expected.split(' ').find(|word| word.parse::<usize>().is_ok());
            count.map_or_else(|| "a list".to_owned(), |count| format!("a list of {count} entries"))
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the errors of reading it are of interest")]
    struct Sample {
        name: String,
        count: u32,
        share: Option<f64>,
        kind: Option<SampleKind>,
        pair: Option<(u8, u8)>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum SampleKind {
        First,
        Second,
    }

    #[test]
    fn messages_of_parsers_name_no_type_of_this_program() {
        for (text, words) in [
            ("", "it is empty"),
            ("{", "it ends early"),
            ("not json", "unexpected text"),
            ("{\"name\":\"a\" 1}", "unexpected text"),
            ("[]", "a list of 0 entries is where an object is expected"),
            ("7", "7 is where an object is expected"),
            ("{\"count\":1}", "missing field `name`"),
            ("{\"name\":1,\"count\":1}", "1 is where text is expected"),
            ("{\"name\":\"a\",\"count\":-1}", "-1 is where a whole number from 0 to 4294967295 is expected"),
            (
                "{\"name\":\"a\",\"count\":\"b\"}",
                "the text \"b\" is where a whole number from 0 to 4294967295 is expected",
            ),
            ("{\"name\":\"a\",\"count\":1,\"share\":[]}", "a list is where a number is expected"),
            (
                "{\"name\":\"a\",\"count\":1,\"nam\":1}",
                "unknown field `nam`, expected one of `name`, `count`, `share`, `kind`, `pair`",
            ),
            (
                "{\"name\":\"a\",\"count\":1,\"kind\":\"third\"}",
                "unknown variant `third`, expected `first` or `second`",
            ),
            ("{\"name\":\"a\",\"name\":\"b\"}", "duplicate field `name`"),
        ] {
            let error = serde_json::from_str::<Sample>(text).expect_err(text).to_string();
            let found = data_problem(&error);
            assert!(found.starts_with(words), "{found}: {error}");
            assert!(text.is_empty() || found.contains(", at line 1 column "), "{found}: {error}");
        }
        for text in
            ["{\"pair\":[1]}", "{\"pair\":{}}", "{\"kind\":1}", "{\"kind\":{}}", "{\"count\":1e99}", "{\"name\":null}"]
        {
            let words = data_problem(&serde_json::from_str::<Sample>(text).expect_err(text).to_string());
            for name in ["SampleKind", "Sample", "u8", "u32", "enum", "struct", "tuple", "variant", "sequence"] {
                assert!(!words.contains(name), "{text}: {words}");
            }
        }
        assert_eq!(data_problem("the disk is full"), "the disk is full");
    }
}
