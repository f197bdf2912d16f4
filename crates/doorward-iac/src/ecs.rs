//! ECS gateway definitions: the input of `ecs:CreateGateway` and `ecs:UpdateGateway`, in JSON or YAML.

use doorward_model::{GapReason, Manager, Observed};

use crate::builder::{LOGS_BUCKET, LOGS_ENABLED, LoadBalancerBuilder};
use crate::source_text::SourceText;
use crate::tree::{Document, Node};
use crate::{Action, Deployment, Dialect, ParseOutput, mode_edit};

const PATH: [&str; 3] = ["configuration", "hostSharedAlb", "httpDesync"];

/// Parses a definition. With the ARN or name of an existing gateway it is an update, in which unset properties keep their
/// values.
pub(crate) fn parse(text: &SourceText<'_>, document: &Document, deployment: &Deployment, output: &mut ParseOutput) {
    output.files.push((text.path.to_owned(), Dialect::EcsGateway));
    let root = &document.root;
    if let Err(error) = root.check_unique_keys_below(text) {
        output.errors.push(error);
        return;
    }
    let name =
        root.text_at(&["name"]).or_else(|| root.text_at(&["gatewayName"])).or_else(|| root.text_at(&["gateway"]));
    let mut builder = LoadBalancerBuilder::new(
        text,
        Dialect::EcsGateway,
        format!("gateway {}", name.unwrap_or("(unnamed)")),
        head(root),
    );
    let exists = root.get("gatewayArn").is_some() || root.get("gateway").is_some();
    builder.action = if exists { Action::Update } else { Action::Create };
    let mode = root.at(&PATH).filter(|node| !node.is_null());
    if let Some(node) = mode {
        builder.value = Some(node.span.clone());
        let value = match node.as_str() {
            Some(text) if text.contains("${") || text.contains("{{") => {
                Observed::Unread(builder.gap(GapReason::Unresolved, node.span.clone(), "it is substituted later"))
            }
            Some(text) => Observed::Known(text.to_owned()),
            None => Observed::Unread(builder.gap(
                GapReason::Malformed,
                node.span.clone(),
                "a single value is expected here",
            )),
        };
        builder.attributes.insert(builder.kind.mode_attribute().to_owned(), value);
    }
    if root.at(&["configuration", "hostSharedAlb", "accessLogs"]).is_some_and(|node| node.as_map().is_some()) {
        builder.attributes.insert(LOGS_ENABLED.to_owned(), Observed::Known("true".to_owned()));
        let bucket = root.text_at(&["configuration", "hostSharedAlb", "accessLogs", "bucket"]).unwrap_or_default();
        builder.attributes.insert(LOGS_BUCKET.to_owned(), Observed::Known(bucket.to_owned()));
    }
    builder.more_tags =
        Some(builder.gap(GapReason::Undeclared, builder.head.clone(), "ECS adds tags to the load balancer"));
    builder.managed_by = Observed::Known(Manager::EcsGateway(name.unwrap_or("(unnamed)").to_owned()));
    builder.mode_instruction = format!("Set configuration.hostSharedAlb.httpDesync of {} to", builder.address);
    builder.logs_instruction = format!("Set configuration.hostSharedAlb.accessLogs of {}.", builder.address);
    builder.fix = match (mode, root.at(&PATH[..2])) {
        (Some(value), _) => mode_edit::replace_scalar(text, document, value),
        (None, Some(parent)) if parent.get(PATH[2]).is_none() => {
            mode_edit::insert_into_map(text, document, parent, &["httpDesync: "], ("\"httpDesync\": \"", "\""))
        }
        _ => Err("there is no configuration.hostSharedAlb to set it in".to_owned()),
    };
    output.declared.push(builder.finish(deployment));
}

fn head(root: &Node) -> std::ops::Range<usize> {
    let pairs = root.at(&PATH[..1]).and_then(Node::as_map).unwrap_or_default();
    let key = pairs.iter().find(|(key, _)| key.as_str() == Some(PATH[1])).map(|(key, _)| key);
    key.map_or_else(|| root.span.start..root.span.start, |key| key.span.clone())
}
