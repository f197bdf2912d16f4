//! Detects the dialect of a file by its name and content.

use crate::source_text::{SourceFile, SourceText};
use crate::terraform::terragrunt::is_terragrunt;
use crate::tree::json::{self, Pairs};
use crate::tree::{Data, Document, Node, yaml};
use crate::{Dialect, FileError, kubernetes, signs, wrapped_templates};

/// The content of a file, parsed as far as detecting its dialect required.
pub(crate) enum Content<'a> {
    /// No dialect, in a file that the user did not name.
    Nothing,
    /// Terraform or OpenTofu configuration.
    Configuration,
    /// A file of Terragrunt.
    Terragrunt,
    /// The JSON of a Terraform plan.
    Plan(Pairs<'a>),
    /// The JSON of a Pulumi preview.
    Preview(Pairs<'a>),
    /// JSON or YAML documents of the other dialects.
    Documents(Vec<Document>),
}

/// Words of which every declaration contains at least one. Files without any are not parsed unless the user named them.
const MARKERS: [&str; 27] = [
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
    "elb.aws.",
    "elbv2.aws.",
    "elasticloadbalancing.aws.",
    "argoproj.io/",
    "helm.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "source.toolkit.fluxcd.io",
    "resource_changes",
    "planned_values",
    "urn:pulumi:",
    "Load Balanced Web Service",
    "type: Backend Service",
    "elb_application_lb",
    "elb_classic_lb",
    "ec2_elb_lb",
    "ingressClassName: alb",
];

/// The endings of templates of YAML that another program renders, besides those of Helm.
pub const TEMPLATES: [&str; 8] =
    [".yaml.gotmpl", ".yml.gotmpl", ".yaml.j2", ".yml.j2", ".json.j2", ".yaml.jinja2", ".yml.jinja2", ".yaml.erb"];

/// The error for a file that the user named and whose dialect is not recognised.
const UNKNOWN: &str = "is of no supported dialect: the JSON of a Terraform plan (`terraform show -json \
                       PLAN`), Terraform configuration, a CloudFormation template, a Kubernetes manifest, the JSON of a \
                       Pulumi preview (`pulumi preview --json`), or an ECS gateway definition";

/// The error for configuration in a file of another name, or from standard input.
const CONFIGURATION_ELSEWHERE: &str = "is Terraform configuration, which is read from files with the ending .tf, because the files \
                                       of a folder are evaluated together; name the file or its folder";

/// Whether a file may declare load balancers: the user named it, or it contains a word that every declaration contains.
pub fn may_declare(source: &SourceFile) -> bool {
    source.named
        || is_configuration(source.name())
        || contains_any(&source.text, &MARKERS)
        || (source.name().contains("values") && source.text.contains("ngress"))
        || is_terragrunt(source)
        || kubernetes::is_kustomization(source.name())
        || source.text.contains("loadBalancerAttributes")
        || source.text.contains("load-balancer-attributes")
}

/// Whether a text contains one of the words, literally or written with escapes of JSON or YAML.
pub(crate) fn contains_any(text: &str, words: &[&str]) -> bool {
    let is_in = |text: &str| words.iter().any(|word| text.contains(word));
    is_in(text) || (text.contains('\\') && is_in(&unescaped(text)))
}

/// A text with the escapes of double-quoted JSON and YAML strings resolved everywhere.
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
            // A backslash before a line break joins the lines.
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

/// Detects the dialect of a file.
///
/// # Errors
///
/// A file that cannot be parsed, or that the user named and that is of no dialect.
pub(crate) fn detect<'a>(source: &SourceFile, text: &SourceText<'a>) -> Result<Content<'a>, FileError> {
    let name = source.name().to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if is_configuration(&name) {
        return Ok(Content::Configuration);
    }
    if ends(&[".tfvars", ".tfvars.json"]) {
        // Values are read with the configuration of their folder.
        return if source.named { crate::terraform::check_values(text) } else { Ok(()) }.map(|()| Content::Nothing);
    }
    if is_terragrunt(source) {
        return Ok(Content::Terragrunt);
    }
    if ends(&[".tpl"]) && !source.named {
        return of_template_parts(text);
    }
    if ends(&[".hcl"]) && !source.named {
        return Ok(Content::Nothing);
    }
    // A patch of a kustomization is a list of operations.
    if text.text.trim_start().starts_with(['-', '[']) && (text.text.contains("op:") || text.text.contains("\"op\"")) {
        return Ok(Content::Nothing);
    }
    if !may_declare(source) {
        return Ok(Content::Nothing);
    }
    if source.named && text.text.trim().is_empty() {
        return Err(FileError::at_start(text.path, "is empty"));
    }
    if source.named && is_configuration_text(text.text) {
        return Err(FileError::at_start(text.path, CONFIGURATION_ELSEWHERE));
    }
    if ends(&[".json"]) && text.text.trim_start().starts_with("//") {
        return Err(FileError::at_start(text.path, "begins with a comment, which JSON does not have"));
    }
    let content = if text.text.trim_start().starts_with('{') { of_json(text) } else { of_yaml(text) };
    match content {
        Ok(Content::Nothing) if source.named => Err(FileError::at_start(text.path, UNKNOWN)),
        // Another format, such as JSON with comments, that happens to contain one of the words.
        Err(_) if !source.named && !ends(&[".json", ".yaml", ".yml", ".template", ".config"]) && !ends(&TEMPLATES) => {
            Ok(Content::Nothing)
        }
        other => other,
    }
}

/// The parts of templates that a Helm chart defines for its templates. They are not evaluated: only a sign of a load balancer
/// counts.
fn of_template_parts<'a>(text: &SourceText<'a>) -> Result<Content<'a>, FileError> {
    let defines = text.text.contains("{{") && text.text.contains("define ");
    if !defines || !signs::of_controller(text.text) {
        return Ok(Content::Nothing);
    }
    let at = text.text.find("alb.ingress.kubernetes.io").unwrap_or_default();
    Err(text.error(at, "only defines parts of other templates"))
}

/// Whether a text without the ending of a configuration is one: a line begins a block.
fn is_configuration_text(text: &str) -> bool {
    let blocks =
        ["resource \"", "module \"", "variable \"", "provider \"", "data \"", "output \"", "locals {", "terraform {"];
    let mut lines = text.lines().filter(|line| blocks.iter().any(|block| line.starts_with(block)));
    lines.any(|line| line.trim_end().ends_with(['{', '}']))
}

/// Why a file that ends before it is complete gives no sign of a load balancer; `None` if it shows no such defect. It is for files
/// that [`may_declare`] does not keep.
pub fn cut_off(source: &SourceFile) -> Option<&'static str> {
    let text = source.text.trim();
    let is_json = |open: char, close: char| text.starts_with(open) && !text.ends_with(close);
    if source.name().to_ascii_lowercase().ends_with(".json") && (is_json('{', '}') || is_json('[', ']')) {
        return Some("ends before its JSON does");
    }
    // The metadata of a chart has no kind.
    let is_manifest = [".yaml", ".yml"].iter().any(|ending| source.name().ends_with(ending));
    if !is_manifest || source.name().starts_with("Chart.") || !text.contains("apiVersion:") {
        return None;
    }
    let has = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    (has("apiVersion") && !has("kind")).then_some("has an apiVersion and no kind")
}

fn of_json<'a>(text: &SourceText<'a>) -> Result<Content<'a>, FileError> {
    let pairs: Pairs<'a> = match serde_json::from_str(text.text) {
        Ok(pairs) => pairs,
        // A template in YAML's flow style begins like JSON.
        Err(error) => {
            return of_yaml(text).map_err(|yaml| match log_of_a_plan(text) {
                Some(log) => log,
                // `{{` begins a template, not JSON.
                None if signs::is_template(text.text) => yaml,
                None => json::syntax_error(text, &error),
            });
        }
    };
    let has = |key: &str| pairs.0.iter().any(|(name, _)| name == key);
    let unique = |content| with_unique_keys(text, content);
    if has("@level") && has("@message") {
        return Err(log_of_a_plan(text).unwrap_or_else(|| FileError::at_start(text.path, UNKNOWN)));
    }
    if has("resource_changes") || (has("planned_values") && has("format_version")) {
        return unique(Content::Plan(pairs));
    }
    if has("format_version") && has("terraform_version") {
        let message = "is the JSON of a Terraform state, or of a plan without changes; create the JSON of a plan with \
                       `terraform show -json PLAN`";
        return if has("values") { Err(FileError::at_start(text.path, message)) } else { unique(Content::Plan(pairs)) };
    }
    let is_list = |key: &str| pairs.0.iter().any(|(name, raw)| name == key && raw.get().starts_with('['));
    if is_list("steps") || (has("changeSummary") && has("config")) {
        return unique(Content::Preview(pairs));
    }
    drop(pairs);
    documents(text, vec![json::parse(text)?])
}

/// A plan or preview, unless one of its keys is repeated.
fn with_unique_keys<'a>(text: &SourceText<'_>, content: Content<'a>) -> Result<Content<'a>, FileError> {
    if let Content::Plan(pairs) | Content::Preview(pairs) = &content {
        pairs.check_unique_keys(text)?;
    }
    Ok(content)
}

/// The error for a log of `terraform plan -json` (one object per line), which is easily mistaken for a plan.
fn log_of_a_plan(text: &SourceText<'_>) -> Option<FileError> {
    let first = text.text.lines().next()?;
    let message = "is the log of `terraform plan -json`, not a plan; write the plan with `terraform plan -out PLAN` and \
                   convert it with `terraform show -json PLAN`";
    (first.contains("\"@level\"") && first.contains("\"@message\"")).then(|| FileError::at_start(text.path, message))
}

fn of_yaml<'a>(text: &SourceText<'_>) -> Result<Content<'a>, FileError> {
    match yaml::parse(text) {
        Ok(parsed) => documents(text, parsed),
        Err(mut error) => {
            if text.text.contains("{{") {
                error.message.push_str(
                    "; it contains {{ }}: if it is a template, check the rendered manifest (`helm template`, `kubectl \
                     kustomize`)",
                );
            }
            Err(error)
        }
    }
}

fn documents<'a>(text: &SourceText<'_>, documents: Vec<Document>) -> Result<Content<'a>, FileError> {
    let name = text.path.rsplit('/').next().unwrap_or_default();
    let is_read = |document: &Document| {
        dialect_of(document).is_some()
            || kubernetes::is_kustomization(name)
            || kubernetes::is_values(name, &document.root)
            || is_of_another_tool(text)
            || !wrapped_templates::within(text.path, &document.root).is_empty()
            || wrapped_templates::is_of_ansible(&document.root)
    };
    let any = documents.iter().any(is_read);
    Ok(if any { Content::Documents(documents) } else { Content::Nothing })
}

/// Whether a file names a load balancer in the words of another tool.
fn is_of_another_tool(text: &SourceText<'_>) -> bool {
    let names =
        ["Load Balanced Web Service", "type: Backend Service", "elb_application_lb", "elb_classic_lb", "ec2_elb_lb"];
    let options = ["LoadBalancerType", "aws:elbv2:", "AWSEBV2LoadBalancer"];
    contains_any(text.text, &names) || (text.path.contains(".ebextensions/") && contains_any(text.text, &options))
}

/// The dialect of one document. A repeated key counts each time, so that neither value hides the other.
pub(crate) fn dialect_of(document: &Document) -> Option<Dialect> {
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
    // AWSTemplateFormatVersion is optional in a template.
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
            assert_eq!(contains_any(text, &MARKERS), expected, "{text}");
        }
    }
}
