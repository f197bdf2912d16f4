//! A settings file to edit: every setting with its explanation, and its default commented out.

/// The text with every value commented out: a later version's defaults are then in effect.
///
/// `text` is TOML in which comments begin a line, and a table begins with its name in brackets in the first column.
pub fn commented(text: &str) -> String {
    let line = |line: &str| match line.trim_start() {
        "" => String::new(),
        start if start.starts_with('#') || (start.starts_with('[') && !line.starts_with(' ')) => line.to_owned(),
        _ => format!("# {line}"),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tables_stay_and_values_do_not() {
        let text = "# Explained.\n[table]\nkey = 1\nlist = [\n  \"a\",\n]\n\n[table.inner]\nkey = 2\n";
        let wanted = "# Explained.\n[table]\n# key = 1\n# list = [\n#   \"a\",\n# ]\n\n[table.inner]\n# key = 2\n";
        assert_eq!(commented(text), wanted);
    }
}
