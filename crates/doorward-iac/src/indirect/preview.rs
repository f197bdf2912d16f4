//! Resources of a Pulumi preview that create load balancers without being one.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{of_resource, record};
use crate::kubernetes::{ManifestOrigin, Manifests, is_evaluated};
use crate::source_text::SourceText;
use crate::synthetic::document;
use crate::tree::Node;
use crate::tree::json::{self, Pairs, span_in};
use crate::{Action, FileError, ParseOutput};

const UNFIXABLE: &str = "a preview is generated; change the program";

#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow)]
    urn: &'a RawValue,
    #[serde(borrow, rename = "newState", default)]
    new: Option<&'a RawValue>,
}

/// Parses the steps of a preview.
pub(crate) fn parse<'a>(
    text: &'a SourceText<'a>,
    pairs: &Pairs<'_>,
    manifests: &mut Manifests<'a>,
    output: &mut ParseOutput,
) -> Result<(), FileError> {
    let steps = pairs.0.iter().find(|(name, _)| name == "steps").map(|(_, raw)| raw.get());
    // A preview that is not well-formed is an error of the preview's own parser.
    let Ok(steps) = serde_json::from_str::<Vec<Step<'_>>>(steps.unwrap_or("[]")) else { return Ok(()) };
    for step in &steps {
        let action = match &*step.op {
            "create" | "create-replacement" => Action::Create,
            "update" => Action::Update,
            "same" | "refresh" => Action::Keep,
            _ => continue,
        };
        let urn: String = serde_json::from_str(step.urn.get()).unwrap_or_default();
        let address = urn.splitn(3, "::").nth(2).unwrap_or(&urn).to_owned();
        let kind = address.split("::").next().and_then(|types| types.rsplit('$').next()).unwrap_or_default();
        let terraform_type = match kind {
            "kubernetes:helm.sh/v3:Release" | "kubernetes:helm.sh/v4:Release" => Some("helm_release"),
            "aws:elasticbeanstalk/environment:Environment" => Some("aws_elastic_beanstalk_environment"),
            "aws:cloudformation/stack:Stack" => Some("aws_cloudformation_stack"),
            kind if kind.starts_with("kubernetes:") => None,
            _ => continue,
        };
        let Some(new) = step.new.map(|new| json::part(text, new)).transpose()? else { continue };
        let Some(inputs) = new.get("inputs") else { continue };
        let at = span_in(text.text, step.urn.get());
        match terraform_type {
            None if is_evaluated(inputs) => {
                let origin = ManifestOrigin { address, action, scope: String::new(), unfixable: UNFIXABLE, note: None };
                manifests.add_from(text, document(placed(inputs)), origin);
            }
            None => {}
            Some(kind) => {
                let raw = step.new.map_or("", |new| new.get());
                let found = of_resource(kind, &renamed(inputs), &address, action, raw);
                record(found, (text, &at, &address), output, &mut |document, origin| {
                    manifests.add_from(text, document, origin);
                });
            }
        }
    }
    Ok(())
}

/// An unknown value as the scalar that stands for it.
fn placed(node: &Node) -> Node {
    use crate::tree::Data;
    let data = match &*node.data {
        Data::Scalar { text, .. } if text == crate::pulumi::UNKNOWN => {
            return crate::kubernetes::unknown("not known in the preview", node.span.clone());
        }
        Data::Scalar { text, quoted } => Data::Scalar { text: text.clone(), quoted: *quoted },
        Data::Seq(nodes) => Data::Seq(nodes.iter().map(placed).collect()),
        Data::Map(pairs) => Data::Map(pairs.iter().map(|(key, value)| (key.clone(), placed(value))).collect()),
    };
    Node { span: node.span.clone(), tag: node.tag.clone(), data: std::rc::Rc::new(data) }
}

/// The inputs with unknown values, and with Terraform's name for the body of a template.
fn renamed(inputs: &Node) -> Node {
    let inputs = placed(inputs);
    match inputs.get("templateBody") {
        Some(body) => {
            let pairs = vec![("template_body".to_owned(), body.clone())];
            let span = inputs.span.clone();
            crate::synthetic::merge(&inputs, &crate::synthetic::map(pairs, span))
        }
        None => inputs,
    }
}
