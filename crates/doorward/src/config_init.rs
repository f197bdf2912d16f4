//! `doorward config init`: a settings file to edit, with every setting and its default commented out.

use std::path::Path;

use crate::exit::{Exit, Failure};
use crate::io::log;
use crate::settings::DEFAULT;
use doorward_file::{Readers, write_file};

/// Writes the file. One that exists is never replaced.
pub(crate) fn write(path: &Path) -> Result<Exit, Failure> {
    if path.exists() {
        let problem = format!("{}: the file exists and is not replaced; name another one with --out", path.display());
        return Err(Failure::new(Exit::Usage, problem));
    }
    let text = commented(DEFAULT);
    write_file(path, Readers::Umask, |out| std::io::Write::write_all(out, text.as_bytes()))
        .map_err(|e| Failure::writing(&path.display().to_string(), &e))?;
    log(&format!("{}: every setting with its default; remove the # of those to change", path.display()));
    Ok(Exit::Clean)
}

/// The text with every value commented out: a later version's defaults are then in effect.
fn commented(text: &str) -> String {
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
    fn the_file_sets_nothing() {
        let text = commented(DEFAULT);
        let table: toml::Table = toml::from_str(&text).unwrap();
        fn is_empty(value: &toml::Value) -> bool {
            value.as_table().is_some_and(|table| table.values().all(is_empty))
        }
        assert!(table.values().all(is_empty), "{text}");
        assert!(text.contains("# minimum_coverage = 100.0"), "{text}");
    }
}
