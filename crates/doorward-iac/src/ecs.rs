//! ECS gateway definitions: the input of `ecs:CreateGateway` and `ecs:UpdateGateway`, in JSON or YAML.

use doorward_model::{GapReason, Manager, Observed};

use crate::draft::{Draft, LOGS_BUCKET, LOGS_ENABLED};
use crate::text::Text;
use crate::tree::{Document, Node};
use crate::{Action, Dialect, Options, Reading, splice};

const PATH: [&str; 3] = ["configuration", "hostSharedAlb", "httpDesync"];

/// Reads a definition. One that names an existing gateway is an update, in which what is not named keeps its value.
pub(crate) fn read(text: &Text<'_>, document: &Document, options: &Options, reading: &mut Reading) {
    reading.files.push((text.path.to_owned(), Dialect::EcsGateway));
    let root = &document.root;
    if let Err(problem) = root.once_within(text) {
        reading.problems.push(problem);
        return;
    }
    let name =
        root.text_at(&["name"]).or_else(|| root.text_at(&["gatewayName"])).or_else(|| root.text_at(&["gateway"]));
    let mut draft =
        Draft::new(text, Dialect::EcsGateway, format!("gateway {}", name.unwrap_or("(unnamed)")), head(root));
    let exists = root.get("gatewayArn").is_some() || root.get("gateway").is_some();
    draft.action = if exists { Action::Update } else { Action::Create };
    let named = root.at(&PATH).filter(|node| !node.is_null());
    if let Some(node) = named {
        draft.value = Some(node.span.clone());
        let value = match node.as_str() {
            Some(text) if text.contains("${") || text.contains("{{") => {
                Observed::Unread(draft.gap(GapReason::Unresolved, node.span.clone(), "it is filled in later"))
            }
            Some(text) => Observed::Known(text.to_owned()),
            None => {
                Observed::Unread(draft.gap(GapReason::Malformed, node.span.clone(), "a single value is expected here"))
            }
        };
        draft.attributes.insert(draft.kind.mode_attribute().to_owned(), value);
    }
    if root.at(&["configuration", "hostSharedAlb", "accessLogs"]).is_some_and(|node| node.as_map().is_some()) {
        draft.attributes.insert(LOGS_ENABLED.to_owned(), Observed::Known("true".to_owned()));
        let bucket = root.text_at(&["configuration", "hostSharedAlb", "accessLogs", "bucket"]).unwrap_or_default();
        draft.attributes.insert(LOGS_BUCKET.to_owned(), Observed::Known(bucket.to_owned()));
    }
    draft.more_tags = Some(draft.gap(GapReason::Undeclared, draft.head.clone(), "ECS tags the load balancer itself"));
    draft.managed_by = Observed::Known(Manager::EcsGateway(name.unwrap_or("(unnamed)").to_owned()));
    draft.way = format!("Set configuration.hostSharedAlb.httpDesync of {} to", draft.address);
    draft.logs_way = format!("Set configuration.hostSharedAlb.accessLogs of {}.", draft.address);
    draft.fix = match (named, root.at(&PATH[..2])) {
        (Some(value), _) => splice::replace(text, document, value),
        (None, Some(parent)) if parent.get(PATH[2]).is_none() => {
            splice::into_map(text, document, parent, &["httpDesync: "], ("\"httpDesync\": \"", "\""))
        }
        _ => Err("there is no configuration.hostSharedAlb to put it into".to_owned()),
    };
    reading.declared.push(draft.finish(options));
}

fn head(root: &Node) -> std::ops::Range<usize> {
    let pairs = root.at(&PATH[..1]).and_then(Node::as_map).unwrap_or_default();
    let key = pairs.iter().find(|(key, _)| key.as_str() == Some(PATH[1])).map(|(key, _)| key);
    key.map_or_else(|| root.span.start..root.span.start, |key| key.span.clone())
}
