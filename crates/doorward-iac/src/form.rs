//! What a file is, by its name and by what is in it.

use crate::text::{Source, Text};
use crate::tree::json::{self, Pairs};
use crate::tree::{Data, Document, Node, yaml};
use crate::{Dialect, Problem};

/// A file, taken apart as far as telling its dialect took.
pub(crate) enum Form<'a> {
    /// Of no dialect, and nobody said it was.
    Nothing,
    /// Terraform or OpenTofu configuration.
    Configuration,
    /// The JSON of a Terraform plan.
    Plan(Pairs<'a>),
    /// The JSON of a Pulumi preview.
    Preview(Pairs<'a>),
    /// Documents of the other dialects.
    Documents(Vec<Document>),
}

/// Words of which at least one is in every file that is worth reading, if the user did not name the file.
const SIGNS: [&str; 14] = [
    "AWS::",
    "::MODULE",
    "Transform:",
    "Transform\"",
    "Transform'",
    "AWSTemplateFormatVersion",
    "alb.ingress.kubernetes.io/",
    "Ingress",
    "Gateway",
    "LoadBalancer",
    "hostSharedAlb",
    "resource_changes",
    "planned_values",
    "urn:pulumi:",
];

/// What is said of a file that somebody named and that is nothing we know.
const UNKNOWN: &str = "is none of the dialects that are checked: the JSON of a Terraform plan (`terraform show -json \
                       PLAN`), Terraform configuration, a CloudFormation template, a Kubernetes manifest, the JSON of a \
                       Pulumi preview (`pulumi preview --json`), or an ECS gateway definition";

/// Whether a file may declare load balancers: the user named it, or it contains a word that every declaration contains.
pub fn may_declare(source: &Source) -> bool {
    source.named || is_configuration(source.name()) || has_any(&source.text, &SIGNS)
}

/// Whether a text holds one of some words, as it is written or behind the escapes of JSON and YAML.
pub(crate) fn has_any(text: &str, words: &[&str]) -> bool {
    let is_in = |text: &str| words.iter().any(|word| text.contains(word));
    is_in(text) || (text.contains('\\') && is_in(&unescaped(text)))
}

/// A text with the escapes of double-quoted JSON and YAML resolved, wherever they stand.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut characters = escape.chars();
        let kind = characters.next();
        rest = characters.as_str();
        let digits = match kind {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            // A line break behind a backslash joins the lines.
            Some('\n' | '\r') => {
                rest = rest.trim_start();
                continue;
            }
            _ => 0,
        };
        let coded = rest.get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match coded.filter(|_| digits > 0).and_then(char::from_u32) {
            Some(character) => {
                plain.push(character);
                rest = &rest[digits..];
            }
            None => plain.extend(kind),
        }
    }
    plain.push_str(rest);
    plain
}

fn is_configuration(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().any(|ending| name.ends_with(ending))
}

/// Tells the dialect of a file.
pub(crate) fn recognise<'a>(source: &Source, text: &Text<'a>) -> Result<Form<'a>, Problem> {
    let name = source.name().to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if is_configuration(&name) {
        return Ok(Form::Configuration);
    }
    if ends(&[".tfvars", ".tfvars.json"]) {
        return Ok(Form::Nothing);
    }
    if !may_declare(source) {
        return Ok(Form::Nothing);
    }
    let form = if text.text.trim_start().starts_with('{') { of_json(text) } else { of_yaml(text) };
    match form {
        Ok(Form::Nothing) if source.named => Err(Problem::at_start(text.path, UNKNOWN)),
        // JSON with comments and the like, which only happens to speak of load balancers.
        Err(_) if !source.named && !ends(&[".json", ".yaml", ".yml", ".template"]) => Ok(Form::Nothing),
        other => other,
    }
}

fn of_json<'a>(text: &Text<'a>) -> Result<Form<'a>, Problem> {
    let pairs: Pairs<'a> = match serde_json::from_str(text.text) {
        Ok(pairs) => pairs,
        // A template in YAML's flow style begins like JSON.
        Err(error) => {
            return of_yaml(text).map_err(|_| log_of_a_plan(text).unwrap_or_else(|| json::problem(text, &error)));
        }
    };
    let has = |key: &str| pairs.0.iter().any(|(name, _)| name == key);
    let once = |form| pairs_once(text, form);
    if has("@level") && has("@message") {
        return Err(log_of_a_plan(text).unwrap_or_else(|| Problem::at_start(text.path, UNKNOWN)));
    }
    if has("resource_changes") || (has("planned_values") && has("format_version")) {
        return once(Form::Plan(pairs));
    }
    if has("format_version") && has("terraform_version") {
        let said = "is the JSON of a Terraform state, or of a plan that changes nothing; make that of a plan with \
                    `terraform show -json PLAN`";
        return if has("values") { Err(Problem::at_start(text.path, said)) } else { once(Form::Plan(pairs)) };
    }
    let is_list = |key: &str| pairs.0.iter().any(|(name, raw)| name == key && raw.get().starts_with('['));
    if is_list("steps") || (has("changeSummary") && has("config")) {
        return once(Form::Preview(pairs));
    }
    drop(pairs);
    known(vec![json::parse(text)?])
}

/// A plan or preview, unless it has a part twice.
fn pairs_once<'a>(text: &Text<'_>, form: Form<'a>) -> Result<Form<'a>, Problem> {
    if let Form::Plan(pairs) | Form::Preview(pairs) = &form {
        pairs.once(text)?;
    }
    Ok(form)
}

/// `terraform plan -json` writes a log, one object per line, which is often taken for the plan.
fn log_of_a_plan(text: &Text<'_>) -> Option<Problem> {
    let first = text.text.lines().next()?;
    let said = "is the log of `terraform plan -json`, not a plan; write the plan with `terraform plan -out PLAN` and \
                convert it with `terraform show -json PLAN`";
    (first.contains("\"@level\"") && first.contains("\"@message\"")).then(|| Problem::at_start(text.path, said))
}

fn of_yaml<'a>(text: &Text<'_>) -> Result<Form<'a>, Problem> {
    match yaml::parse(text) {
        Ok(documents) => known(documents),
        Err(mut problem) => {
            if text.text.contains("{{") {
                problem.problem.push_str(
                    "; it holds {{ }}, so if it is a template, check what it renders to (`helm template`, `kubectl \
                     kustomize`)",
                );
            }
            Err(problem)
        }
    }
}

fn known<'a>(documents: Vec<Document>) -> Result<Form<'a>, Problem> {
    let any = documents.iter().any(|document| of_document(document).is_some());
    Ok(if any { Form::Documents(documents) } else { Form::Nothing })
}

/// The dialect of one document. A key that is there twice counts both times, so that neither hides the other.
pub(crate) fn of_document(document: &Document) -> Option<Dialect> {
    let root = &document.root;
    let has = |key: &str| root.get(key).is_some();
    if has("AWSTemplateFormatVersion") {
        return Some(Dialect::CloudFormation);
    }
    if root.all("apiVersion").any(|node| node.as_str().is_some())
        && root.all("kind").any(|node| node.as_str().is_some())
    {
        return Some(Dialect::Kubernetes);
    }
    if root.all("configuration").any(|node| node.get("hostSharedAlb").is_some()) {
        return Some(Dialect::EcsGateway);
    }
    // A template may do without its version.
    let transformed = has("Transform") || has("Fn::Transform");
    let typed = |node: &Node| {
        node.all("Type").any(|kind| kind.as_str().is_some_and(|kind| kind.contains("::")))
            || matches!(&*node.data, Data::Seq(_))
    };
    let declares = |resources: &Node| {
        let mut entries = resources.as_map().unwrap_or_default().iter();
        transformed || entries.any(|(name, value)| typed(value) || name.as_str().is_some_and(is_function))
    };
    let any = root.all("Resources").chain(root.get("Resources")).any(declares);
    any.then_some(Dialect::CloudFormation)
}

fn is_function(name: &str) -> bool {
    name.starts_with("Fn::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_found_behind_escapes() {
        for (text, expected) in [
            (r#"{"Type": "AWS::X"}"#, true),
            (r#"{"Type": "\u0041WS::X"}"#, true),
            (r#"Type: "\x41WS::X""#, true),
            (r#"Type: "\U00000041WS::X""#, true),
            (r#"kind: "In\x67ress""#, true),
            (r#"{"resource\u005fchanges": []}"#, true),
            ("Type: \"AWS:\\\n  :X\"", true),
            (r#"{"a": "\\u0041WS::X"}"#, false),
            (r#"{"a": "\u00"}"#, false),
            (r#"{"a": "\ud83d\ude00é"}"#, false),
            ("a\\", false),
        ] {
            assert_eq!(has_any(text, &SIGNS), expected, "{text}");
        }
    }
}
