//! Functions of files and paths. Only files in the folders of the configuration are read.

use super::{ConfigValue, missing, only, text};
use crate::terraform::evaluate::Scope;
use crate::terraform::expression::{self, Bound};
use crate::terraform::operators::lift;
use crate::terraform::syntax;
use crate::terraform::value::{Evaluation, Failure, MapValue};

/// The value of a call; `None` if the function is not one of these.
pub(super) fn call(name: &str, arguments: &[ConfigValue], scope: &Scope<'_>) -> Option<Evaluation> {
    let unread = |path: &str| Failure::unsure(format!("the file {path:?} is not among the files"));
    Some(match name {
        "file" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            scope.file(&path).map(|text| ConfigValue::text(&*text)).ok_or_else(|| unread(&path))
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
                    return Err(Failure::refused("templatefile takes a path and a map"));
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
                    return Err(Failure::refused("templatestring takes a text and a map"));
                };
                rendered(&text(template)?, names, scope)
            })
        }
        // The home folder belongs to the machine that runs Terraform.
        "pathexpand" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            if path.starts_with('~') {
                return Err(Failure::unsure("the path is below the home folder"));
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
                _ => Err(Failure::unsure("the path has no last part")),
            }
        }),
        "dirname" => lift(arguments, |known| {
            let path = text(only(known)?)?;
            let plain = !path.contains("//") && !path.contains("./") && !path.ends_with('/');
            match path.rsplit_once('/').filter(|_| plain) {
                Some(("", _)) => Ok(ConfigValue::text("/")),
                Some((folder, _)) => Ok(ConfigValue::text(folder)),
                None if plain && !path.is_empty() => Ok(ConfigValue::text(".")),
                None => Err(Failure::unsure("the path is not in its shortest form")),
            }
        }),
        _ => return None,
    })
}

/// A template with its names.
fn rendered(template: &str, names: &MapValue, scope: &Scope<'_>) -> Evaluation {
    let parsed = syntax::parse_template(template).map_err(|error| Failure::refused(error.message))?;
    if let Some(cause) = &names.rest {
        return Err(Failure::unsure(cause.clone()));
    }
    let names = names.entries.iter().map(|(name, value)| (&**name, value.clone())).collect();
    expression::evaluate(&parsed, scope, Some(&Bound::of_template(names)))
}
