//! Functions of files and paths. Only files in the folders of the configuration are read.

use super::{ConfigValue, missing, only, text};
use crate::terraform::evaluation::Scope;
use crate::terraform::expression::{self, Bound};
use crate::terraform::operators::lift;
use crate::terraform::syntax;
use crate::terraform::value::{Evaluation, EvaluationFailure, MapValue};

/// The value of a call; `None` if the function is not one of these.
pub(super) fn call(name: &str, arguments: &[ConfigValue], scope: &Scope<'_>) -> Option<Evaluation> {
    let unread = |path: &str| EvaluationFailure::unsure(format!("the file {path:?} is not among the files"));
    Some(match name {
        "file" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            scope.file(&path).map(|text| ConfigValue::text(text.as_str())).ok_or_else(|| unread(&path))
        }),
        // A file that is not found may be outside the folders that are read.
        "fileexists" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            scope.file(&path).map(|_| ConfigValue::Bool(true)).ok_or_else(|| unread(&path))
        }),
        "templatefile" => {
            let [path, names] = arguments else { return Some(Err(missing())) };
            lift(&[path.clone(), names.clone()], |known| {
                let [path, ConfigValue::Map(names)] = known else {
                    return Err(EvaluationFailure::refused("templatefile takes a path and a map"));
                };
                let path = text(path)?;
                let source = scope.file(&path).ok_or_else(|| unread(&path))?;
                rendered(&source, names, scope)
            })
        }
        "templatestring" => {
            let [template, names] = arguments else { return Some(Err(missing())) };
            lift(&[template.clone(), names.clone()], |known| {
                let [template, ConfigValue::Map(names)] = known else {
                    return Err(EvaluationFailure::refused("templatestring takes a text and a map"));
                };
                rendered(&text(template)?, names, scope)
            })
        }
        // The working folder belongs to the machine that runs Terraform.
        "abspath" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            let is_plain =
                path.starts_with('/') && path.split('/').skip(1).all(|part| !["", ".", ".."].contains(&part));
            is_plain
                .then_some(ConfigValue::Text(path))
                .ok_or_else(|| EvaluationFailure::unsure("the working folder is not known"))
        }),
        "fileset" => {
            let [folder, pattern] = arguments else { return Some(Err(missing())) };
            lift(&[folder.clone(), pattern.clone()], |known| {
                let [folder, pattern] = known else { return Err(missing()) };
                file_set(&text(folder)?, &text(pattern)?, scope)
            })
        }
        // The home folder belongs to the machine that runs Terraform.
        "pathexpand" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            if path.starts_with('~') {
                return Err(EvaluationFailure::unsure("the path is below the home folder"));
            }
            Ok(ConfigValue::Text(path))
        }),
        _ if name.strip_prefix("file").is_some_and(|hash| super::hashes::of_bytes(hash, b"").is_some()) => {
            lift(arguments, |known| {
                let path = text(only(known)?)?;
                let file = scope.file(&path).ok_or_else(|| unread(&path))?;
                let hash = super::hashes::of_bytes(name.trim_start_matches("file"), file.as_bytes());
                hash.map(ConfigValue::text).ok_or_else(missing)
            })
        }
        "basename" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            match path.trim_end_matches('/').rsplit('/').next() {
                Some(name) if !name.is_empty() => Ok(ConfigValue::text(name)),
                _ => Err(EvaluationFailure::unsure("the path has no last part")),
            }
        }),
        "dirname" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            let plain = !path.contains("//") && !path.contains("./") && !path.ends_with('/');
            match path.rsplit_once('/').filter(|_| plain) {
                Some(("", _)) => Ok(ConfigValue::text("/")),
                Some((folder, _)) => Ok(ConfigValue::text(folder)),
                None if plain && !path.is_empty() => Ok(ConfigValue::text(".")),
                None => Err(EvaluationFailure::unsure("the path is not in its shortest form")),
            }
        }),
        _ => return None,
    })
}

/// The files below a folder whose paths match a pattern.
fn file_set(folder: &str, pattern: &str, scope: &Scope<'_>) -> Evaluation {
    let pattern =
        glob(pattern).ok_or_else(|| EvaluationFailure::unsure("the pattern of files is not evaluated here"))?;
    let names =
        scope.files_below(folder).ok_or_else(|| EvaluationFailure::unsure("the folder is not among the files"))?;
    let found = names.into_iter().filter(|name| pattern.is_match(name)).map(ConfigValue::text);
    super::set(found.collect())
}

/// A pattern of paths as a regular expression: `*` and `?` within a name, `**` over folders, `{a,b}` for one of several. `None`
/// for one with other signs.
fn glob(pattern: &str) -> Option<regex_lite::Regex> {
    let mut expression = String::from("^");
    let mut depth = 0_usize;
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let at_start = rest.len() == pattern.len() || pattern[..pattern.len() - rest.len()].ends_with('/');
        if let Some(below) = rest.strip_prefix("**/").filter(|_| at_start) {
            expression.push_str("(?:.*/)?");
            rest = below;
            continue;
        }
        if rest == "**" && at_start {
            expression.push_str(".*");
            break;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '{' => {
                depth += 1;
                expression.push_str("(?:");
            }
            ',' if depth > 0 => expression.push('|'),
            '}' => {
                depth = depth.checked_sub(1)?;
                expression.push(')');
            }
            '[' | ']' | '\\' | '!' | '^' => return None,
            other => expression.push_str(&regex_lite::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    if depth > 0 { None } else { regex_lite::Regex::new(&expression).ok() }
}

/// A template with its names.
fn rendered(template: &str, names: &MapValue, scope: &Scope<'_>) -> Evaluation {
    let parsed = syntax::parse_template(template).map_err(|error| EvaluationFailure::refused(error.message))?;
    if let Some(cause) = &names.rest {
        return Err(EvaluationFailure::unsure(cause.clone()));
    }
    let names = names.entries.iter().map(|(name, value)| (&**name, value.clone())).collect();
    expression::evaluate(&parsed, scope, Some(&Bound::of_template(names)))
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns_of_paths() {
        for (pattern, path, expected) in [
            ("*.json", "a.json", Some(true)),
            ("*.json", "b/a.json", Some(false)),
            ("**/*.json", "a.json", Some(true)),
            ("**/*.json", "b/c/a.json", Some(true)),
            ("**", "b/c/a.json", Some(true)),
            ("b/**", "b/c/a.json", Some(true)),
            ("b/**", "c/a.json", Some(false)),
            ("?.{json,yaml}", "a.yaml", Some(true)),
            ("?.{json,yaml}", "ab.yaml", Some(false)),
            ("a.json", "axjson", Some(false)),
            ("a**", "a/b", Some(false)),
            ("[ab].json", "a.json", None),
            ("{a", "a", None),
            ("a}", "a", None),
        ] {
            assert_eq!(glob(pattern).map(|glob| glob.is_match(path)), expected, "{pattern} {path}");
        }
    }
}
