//! Expressions, compared with the answers of Terraform.

use std::collections::BTreeMap;

use super::configuration;
use super::evaluation::Scope;
use super::expression;
use super::functions;
use super::syntax;
use super::value::ConfigValue;
use crate::{Deployment, SourceFile};

#[derive(serde::Deserialize)]
struct Recorded {
    group: Vec<Group>,
}

#[derive(serde::Deserialize)]
struct Group {
    name: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The expressions with Terraform's answers.
    expressions: Vec<(String, String)>,
}

/// The value of an expression as JSON, or "error" or "unknown".
fn answer(expression: &str, scope: &Scope<'_>) -> String {
    let parsed = match syntax::parse_expression(expression) {
        Ok(parsed) => parsed,
        Err(error) => return format!("{expression}: {}", error.message),
    };
    match expression::evaluate(&parsed, scope, None) {
        Ok(value) if value.unknown_part().is_some() => "unknown".to_owned(),
        Ok(value) => match functions::call("jsonencode", &[value], scope) {
            Ok(ConfigValue::Text(json)) => json.to_string(),
            Err(failure) if failure.is_certain => "error".to_owned(),
            _ => "unknown".to_owned(),
        },
        Err(failure) if failure.is_certain => "error".to_owned(),
        Err(_) => "unknown".to_owned(),
    }
}

/// Every answer is Terraform's, or unknown. At most 5% of those that Terraform knows are unknown.
#[test]
fn answers_are_those_of_terraform() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expressions.toml");
    let recorded: Recorded = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut known, mut unknown, mut wrong) = (0, Vec::new(), Vec::new());
    for group in &recorded.group {
        let source = |path: &String| SourceFile::new(path, group.files[path].clone().into_bytes(), true).unwrap();
        let mut files: Vec<SourceFile> = group.files.keys().map(source).collect();
        if files.is_empty() {
            files.push(SourceFile::new("main.tf", Vec::new(), true).unwrap());
        }
        let folder = |folder: &str| {
            if let Some(above) = folder.strip_suffix(crate::ALL_FILES) {
                return Ok(files.iter().filter(|file| file.path.starts_with(above)).cloned().collect());
            }
            let found = files.iter().filter(|file| file.path == folder || file.folder() == folder);
            Ok(found
                .filter(|file| file.path == folder || file.path.ends_with(".tf") || file.path.ends_with(".tfvars"))
                .cloned()
                .collect())
        };
        let named: Vec<SourceFile> = files.iter().filter(|file| file.path.ends_with(".tf")).cloned().collect();
        configuration::with_root_scope(&named, &Deployment::default(), &folder, &mut |scope| {
            for (expression, expected) in &group.expressions {
                let found = answer(expression, scope);
                match (found.as_str(), expected.as_str()) {
                    (found, expected) if found == expected => known += 1,
                    // A value that is not known before deployment, and an expression that Terraform refuses.
                    ("unknown", "error") => {}
                    ("unknown", _) => unknown.push(format!("{}: {expression}", group.name)),
                    _ => wrong.push(format!("{}: {expression}\n  expected {expected}\n  found    {found}", group.name)),
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
    let all = known + unknown.len();
    assert!(all >= 300, "{all} expressions");
    assert!(unknown.len() * 20 <= all, "{} of {all} are unknown:\n{}", unknown.len(), unknown.join("\n"));
}

/// Each function of Terraform 1.11 (`terraform metadata functions -json`) is evaluated, or unknown on purpose.
#[test]
fn every_function_is_known() {
    let source = SourceFile::new("main.tf", Vec::new(), true).unwrap();
    let folder = |_: &str| Ok(Vec::new());
    configuration::with_root_scope(&[source], &Deployment::default(), &folder, &mut |scope| {
        let message = |call: &str| match expression::evaluate(&syntax::parse_expression(call).unwrap(), scope, None) {
            Ok(ConfigValue::Unknown(unknown)) => unknown.cause.to_string(),
            Ok(_) => String::new(),
            Err(failure) => failure.message.to_string(),
        };
        let names: Vec<&str> = include_str!("../../tests/functions.txt").split_whitespace().collect();
        assert!(names.len() >= 118, "{}", names.len());
        for name in names {
            let message = message(&format!("{name}()"));
            assert!(!message.contains("is not evaluated here"), "{name}: {message}");
        }
        assert_eq!(message("nosuch()"), "the function nosuch is not evaluated here");
    });
}
