//! Resources of a template that are no load balancers: of other types, and nested templates that are named after other resources.

use super::intrinsic::is_intrinsic;
use super::{CLASSIC, NESTED, V2};
use crate::source_text::SourceText;
use crate::terraform::module_sources::words;
use crate::tree::Node;
use crate::wrapped_templates::last_text;
use crate::{FileError, ParseOutput, Unexamined, UnexaminedReason, UnreadPart};

/// Attributes of a resource on which no mode depends, so that it does not matter if they are repeated:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-product-attribute-reference.html>
pub(super) const FREE_ATTRIBUTES: [&str; 6] =
    ["CreationPolicy", "DeletionPolicy", "DependsOn", "Metadata", "UpdatePolicy", "UpdateReplacePolicy"];

/// Rejects repeated keys of a resource, and below it, on which its mode may depend.
pub(super) fn check_unique_keys(resource: &Node, text: &SourceText<'_>) -> Result<(), FileError> {
    resource.check_unique_keys_except(text, &FREE_ATTRIBUTES)?;
    let is_free = |key: &Node| key.as_str().is_some_and(|key| FREE_ATTRIBUTES.contains(&key));
    let mut parts = resource.as_map().unwrap_or_default().iter().filter(|(key, _)| !is_free(key));
    parts.try_for_each(|(_, value)| value.check_unique_keys_below(text))
}

/// Whether a resource is certainly of a type that creates no load balancer, however often its type is given.
pub(super) fn makes_none(resource: &Node) -> bool {
    let is_other = |kind: &Node| {
        let kind = kind.as_str().filter(|kind| !kind.ends_with("::MODULE") && !kind.contains(['$', '{']));
        kind.is_some_and(|kind| ![V2, CLASSIC].contains(&kind) && !NESTED.contains(&kind))
    };
    let mut types = resource.all("Type").peekable();
    types.peek().is_some() && types.all(is_other) && resource.merged().next().is_none() && !is_intrinsic(resource)
}

/// A nested template whose file is named after other resources, such as `vpc.yaml`: nothing in its name, its resource or its
/// parameters speaks of a load balancer.
pub(super) fn of_other_resources(
    text: &SourceText<'_>,
    name: &Node,
    resource: &Node,
    address: &str,
) -> Option<Unexamined> {
    let properties = resource.get("Properties")?;
    let url = last_text(properties.get("TemplateURL")?)?;
    let (file, id) = (url.rsplit('/').next()?, name.as_str()?);
    let parameters = properties.get("Parameters").and_then(Node::as_map).unwrap_or_default();
    let mut names = parameters.iter().map(|(key, _)| key.as_str().unwrap_or("ALB")).chain([id]);
    let is_other = words::speaks_of_another(file)
        && !words::names_one(file)
        && !file.contains(['$', '{'])
        && !names.any(speaks_of_one)
        && parameters.iter().all(|(key, _)| !key.as_str().is_some_and(|key| key.starts_with("Fn::") || key == "<<"));
    is_other.then(|| Unexamined {
        address: address.to_owned(),
        place: text.place(name.span.clone()),
        reason: UnexaminedReason::TemplateOfOtherResources,
        detail: url.to_owned(),
    })
}

/// Lists the local modules of a template, which `aws cloudformation package` replaces by their resources. Returns whether it has any.
pub(super) fn modules(text: &SourceText<'_>, root: &Node, output: &mut ParseOutput) -> bool {
    let modules = root.get("Modules").and_then(Node::as_map).unwrap_or_default();
    let mut has_modules = false;
    for (name, _) in modules.iter().filter(|(_, module)| module.get("Source").is_some()) {
        has_modules = true;
        output.unread.push(UnreadPart {
            address: format!("Modules.{}", name.as_str().unwrap_or_default()),
            place: text.place(name.span.clone()),
            because:
                "A module may declare load balancers; check the template that `aws cloudformation package` prints."
                    .to_owned(),
        });
    }
    has_modules
}

/// Whether a name of CloudFormation, whose words are not parted, contains a word that means a load balancer.
fn speaks_of_one(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["alb", "elb", "ingress", "loadbalanc"].iter().any(|word| lower.contains(word))
}
