//! Pulumi previews: `pulumi preview --json`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use doorward_model::{GapReason, Listener, Observed};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::attributes::Attributes;
use crate::builder::{LoadBalancerBuilder, gap, listener, scheme};
use crate::declared::MAX_DECLARATIONS;
use crate::source_text::SourceText;
use crate::terraform::{camel, set_arguments};
use crate::tree::Node;
use crate::tree::json::{self, Pairs, span_in};
use crate::{Action, Declared, Deployment, Dialect, FileError, ParseOutput, UnreadPart};

/// The placeholder for a value that is known only after the update. Source: Pulumi's `plugin.UnknownStringValue`.
pub(crate) const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/// The key that marks a secret. Source: Pulumi's `resource.SigKey`.
const SECRET: &str = "4dabf18193072939515e22adb298388d";

/// Operations that delete a load balancer or only read it.
const NOT_DEPLOYED: [&str; 8] = [
    "delete",
    "delete-replaced",
    "discard",
    "discard-replaced",
    "read",
    "read-discard",
    "read-replacement",
    "remove-pending-replace",
];

/// The resource types of `pulumi-aws`, which is generated from the Terraform provider.
const BRIDGED: [&str; 4] = [
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:applicationloadbalancing/loadBalancer:LoadBalancer",
    "aws:elasticloadbalancingv2/loadBalancer:LoadBalancer",
];
const CLASSICS: [&str; 2] = ["aws:elb/loadBalancer:LoadBalancer", "aws:elasticloadbalancing/loadBalancer:LoadBalancer"];
/// The resource type of `pulumi-aws-native`, which is generated from CloudFormation's types.
const NATIVE: &str = "aws-native:elasticloadbalancingv2:LoadBalancer";

#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow)]
    urn: &'a RawValue,
    #[serde(borrow, rename = "oldState", default)]
    old: Option<&'a RawValue>,
    #[serde(borrow, rename = "newState", default)]
    new: Option<&'a RawValue>,
}

/// Parses a preview.
pub(crate) fn parse(
    text: &SourceText<'_>,
    pairs: &Pairs<'_>,
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Result<(), FileError> {
    output.files.push((text.path.to_owned(), Dialect::Pulumi));
    let steps = pairs.0.iter().find(|(name, _)| name == "steps").map(|(_, raw)| *raw);
    let Some(steps) = steps.filter(|raw| raw.get() != "null") else { return Ok(()) };
    let steps: Vec<Step<'_>> = serde_json::from_str(steps.get()).map_err(|error| {
        let at = span_in(text.text, steps.get()).start;
        text.error(at, format!("is not a Pulumi preview: {}", json::cause(&error)))
    })?;
    // A replacement has several steps for one load balancer. The last one counts, except for `replace`, which repeats
    // the state of the step that creates.
    let mut declared: BTreeMap<String, Declared> = BTreeMap::new();
    for step in &steps {
        let at = span_in(text.text, step.urn.get());
        let urn: Cow<'_, str> = serde_json::from_str(step.urn.get())
            .map_err(|_| text.error(at.start, "is not a Pulumi preview: a urn is not a string"))?;
        // urn:pulumi:STACK::PROJECT::TYPE::NAME
        let address = urn.splitn(3, "::").nth(2).unwrap_or(&urn);
        if !urn.contains("oadBalancer") || (step.op == "replace" && declared.contains_key(address)) {
            continue;
        }
        if declared.len() >= MAX_DECLARATIONS || output.is_full(|| text.place(at.clone())) {
            output.declared.extend(std::mem::take(&mut declared).into_values());
            output.is_full(|| text.place(at));
            return Ok(());
        }
        if let Some(one) = read_step(text, step, address, deployment, output)? {
            declared.insert(address.to_owned(), one);
        }
    }
    output.declared.extend(declared.into_values());
    Ok(())
}

fn read_step(
    text: &SourceText<'_>,
    step: &Step<'_>,
    address: &str,
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Result<Option<Declared>, FileError> {
    let at = span_in(text.text, step.urn.get());
    let action = match &*step.op {
        "create" | "replace" | "create-replacement" => Some(Action::Create),
        "update" | "import" | "import-replacement" => Some(Action::Update),
        "same" | "refresh" => Some(Action::Keep),
        op if NOT_DEPLOYED.contains(&op) => return Ok(None),
        _ => None,
    };
    let new = step.new.map(|new| json::part(text, new)).transpose()?;
    // A urn names the types of all parents, separated by `$`, before the type of the resource.
    let of_urn = address.split("::").next().and_then(|types| types.rsplit('$').next());
    let kind = new.as_ref().and_then(|new| new.text_at(&["type"])).or(of_urn).unwrap_or_default().to_owned();
    let classic = CLASSICS.contains(&kind.as_str());
    if !classic && kind != NATIVE && !BRIDGED.contains(&kind.as_str()) {
        return Ok(None);
    }
    let (Some(new), Some(action)) = (new, action) else {
        output.unread.push(UnreadPart {
            address: address.to_owned(),
            place: text.place(at),
            because: format!(
                "The preview does not show the load balancer after the update (operation {:?}); run `pulumi preview --json` \
                 again.",
                step.op
            ),
        });
        return Ok(None);
    };
    let old = step.old.map(|old| json::part(text, old)).transpose()?;
    let address = address.to_owned();
    let state = State { text, new: &new, old: old.as_ref(), action };
    let mut builder = LoadBalancerBuilder::new(text, Dialect::Pulumi, address, at);
    builder.action = action;
    if kind == NATIVE {
        state.native(&mut builder);
    } else {
        set_arguments(&mut builder, classic, &|path| state.value(path));
        builder.value = new.at(&["inputs", "desyncMitigationMode"]).filter(|n| !n.is_null()).map(|n| n.span.clone());
        builder.logs_instruction = format!("In {}, set accessLogs with bucket and enabled.", builder.address);
        builder.mode_instruction = format!("In {}, set desyncMitigationMode to", builder.address);
        if classic {
            builder.listeners = state.listeners();
        }
    }
    // `Manager` has no variant for Pulumi, so that the manager is a gap with a message.
    builder.managed_by =
        Observed::Unread(builder.gap(GapReason::Undeclared, builder.head.clone(), "Pulumi manages it"));
    if action != Action::Create {
        builder.arn =
            Observed::from_answer(old.as_ref().and_then(|old| old.text_at(&["outputs", "arn"])).map(str::to_owned));
    }
    builder.more_tags =
        Some(builder.gap(GapReason::Undeclared, builder.head.clone(), "default tags of the provider may be added"));
    let all = new.at(&["inputs", "tagsAll"]);
    if all.is_some() {
        builder.more_tags = None;
    }
    for (key, value) in all.or_else(|| new.at(&["inputs", "tags"])).and_then(Node::as_map).unwrap_or_default() {
        match (key.as_str(), state.scalar(value, "a tag")) {
            (Some("__defaults"), _) => {}
            (Some(key), Observed::Known(value)) => drop(builder.tags.insert(key.to_owned(), value)),
            (_, Observed::Unread(gap)) => builder.more_tags = Some(gap),
            _ => {}
        }
    }
    builder.fix = Err("a preview is generated; change the program".to_owned());
    Ok(Some(builder.finish(deployment)))
}

struct State<'a> {
    text: &'a SourceText<'a>,
    new: &'a Node,
    old: Option<&'a Node>,
    action: Action,
}

impl State<'_> {
    /// The input at a path of Terraform's argument names, which Pulumi spells in camel case. An input that is no longer set
    /// keeps its value.
    fn value(&self, path: &[&str]) -> Observed<String> {
        let path: Vec<String> = path.iter().map(|name| camel(name)).collect();
        let along = |root: &'_ Node, of: &str| {
            let steps: Vec<&str> = std::iter::once(of).chain(path.iter().map(String::as_str)).collect();
            let mut node = root.clone();
            for step in steps {
                if node.as_str() == Some(UNKNOWN) || node.get(SECRET).is_some() {
                    return Some(node);
                }
                node = node.get(step)?.clone();
            }
            Some(node)
        };
        match along(self.new, "inputs").filter(|node| !node.is_null()) {
            Some(node) => self.scalar(&node, &path.join(".")),
            None if self.action == Action::Create => Observed::Absent,
            None => {
                let old = self.old.and_then(|old| along(old, "outputs").or_else(|| along(old, "inputs")));
                old.filter(|node| !node.is_null()).map_or(Observed::Absent, |node| self.scalar(&node, &path.join(".")))
            }
        }
    }

    fn scalar(&self, node: &Node, what: &str) -> Observed<String> {
        let unread = |reason, message: String| Observed::Unread(gap(self.text, reason, node.span.clone(), message));
        match node.as_str() {
            Some(UNKNOWN) => unread(GapReason::KnownAfterApply, format!("{what} is not known in the preview")),
            Some(_) if node.is_null() => Observed::Absent,
            Some(text) => Observed::Known(text.to_owned()),
            None if node.get(SECRET).is_some() => unread(GapReason::Unresolved, format!("{what} is a secret")),
            None => unread(GapReason::Malformed, format!("{what} is not a single value")),
        }
    }

    fn listeners(&self) -> Observed<Vec<Listener>> {
        let Some(node) = self.new.at(&["inputs", "listeners"]) else { return Observed::Absent };
        let unread = |span: Range<usize>| {
            Observed::Unread(gap(
                self.text,
                GapReason::KnownAfterApply,
                span,
                "the listeners are not known in the preview",
            ))
        };
        let Some(listeners) = node.as_seq() else { return unread(node.span.clone()) };
        let mut found = Vec::new();
        for entry in listeners {
            let protocol = entry.text_at(&["lbProtocol"]).filter(|protocol| *protocol != UNKNOWN);
            let Some(protocol) = protocol else { return unread(entry.span.clone()) };
            found.push(listener(protocol, entry.text_at(&["lbPort"])));
        }
        Observed::Known(found)
    }

    fn native(&self, builder: &mut LoadBalancerBuilder<'_>) {
        builder.set_kind(self.value(&["type"]));
        builder.name = self.value(&["name"]);
        builder.scheme = scheme(self.value(&["scheme"]));
        let read = |node: &Node| self.scalar(node, "an attribute");
        let list = |state: &Node| {
            let list = state.at(&["inputs", "loadBalancerAttributes"]).filter(|list| !list.is_null())?;
            Some(Attributes::of_list(self.text, list, ("key", "value"), &read))
        };
        let mut attributes = list(self.new).unwrap_or_default();
        if self.action != Action::Create {
            let kept = attributes.keep(self.old.and_then(list).unwrap_or_default());
            builder.note = kept.map(|key| format!("{key} is removed here, and the load balancer keeps its value"));
        }
        let mode = builder.kind.mode_attribute();
        builder.set_attributes(attributes);
        builder.mode_instruction =
            format!("In loadBalancerAttributes of {}, set the value of {mode} to", builder.address);
        builder.logs_instruction =
            format!("In loadBalancerAttributes of {}, enable access_logs.s3.enabled.", builder.address);
    }
}
