//! Terraform plans: <https://developer.hashicorp.com/terraform/internals/json-format>
//!
//! A plan may contain a hundred thousand resources, a few of which are load balancers. Each resource is parsed up to its type,
//! and the rest only for load balancers.

use std::borrow::Cow;
use std::ops::Range;

use doorward_model::{GapReason, Listener, Observed, Region};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{CLOUD_CONTROL, TYPES, set_arguments};
use crate::attributes::Attributes;
use crate::builder::{LoadBalancerBuilder, gap, listener, scheme};
use crate::source_text::SourceText;
use crate::tree::json::{self, Pairs, span_in};
use crate::tree::{Data, Node};
use crate::{Action, Deployment, Dialect, FileError, ParseOutput, UnreadPart};

mod planned;
mod planned_groups;

/// Why `--fix` does not edit a plan.
const GENERATED: &str = "a plan is generated; change the configuration";

/// The change of a resource, parsed as far as needed to decide whether it is a load balancer.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    address: &'a RawValue,
    #[serde(borrow, default)]
    mode: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    deposed: Option<Cow<'a, str>>,
    #[serde(borrow)]
    change: &'a RawValue,
}

/// A change that Terraform defers to a later plan.
#[derive(Deserialize)]
struct Deferred<'a> {
    #[serde(borrow)]
    resource_change: Head<'a>,
}

/// Parses a plan.
pub(crate) fn parse(
    text: &SourceText<'_>,
    pairs: &Pairs<'_>,
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Result<(), FileError> {
    let find = |key: &str| pairs.0.iter().find(|(name, _)| name == key).map(|(_, raw)| *raw);
    let is = |key: &str, value: &str| find(key).is_some_and(|raw| raw.get() == value);
    if let Some(version) = find("format_version") {
        let number = version.get().trim_matches('"');
        if !(number.starts_with("0.") || number.starts_with("1.")) {
            let message = format!("is a plan of format {number:?}; supported are 0 and 1");
            return Err(text.error(span_in(text.text, version.get()).start, message));
        }
    }
    output.files.push((text.path.to_owned(), Dialect::TerraformPlan));
    if is("errored", "true") {
        let at = find("errored").map_or(0, |raw| span_in(text.text, raw.get()).start);
        let message = "is an incomplete plan, which ended with an error; fix the error and plan again";
        output.errors.push(text.error(at, message));
    }
    let mut deliveries = false;
    let changes = list(text, find("resource_changes"), |head: &Head<'_>| {
        deliveries |= head.kind == "aws_cloudwatch_log_delivery_source";
        is_load_balancer(head) || planned_groups::is_followed(head)
    })?;
    let mut has_deferred = false;
    let deferred = list(text, find("deferred_changes"), |Deferred { resource_change: head }| {
        has_deferred = true;
        is_load_balancer(head)
    })?;
    let first = output.declared.len();
    for head in changes.iter().filter(|head| is_load_balancer(head)) {
        if output.is_full(|| text.place(span_in(text.text, head.address.get()))) {
            break;
        }
        parse_change(text, head, None, deliveries, deployment, output)?;
    }
    for Deferred { resource_change: head } in &deferred {
        let reason = "Terraform defers the change to a later plan";
        parse_change(text, head, Some(reason), deliveries, deployment, output)?;
    }
    planned::parse(text, find("planned_values"), deliveries, deployment, output)?;
    planned_groups::record(&planned_groups::of_plan(text, &changes, find("configuration")), output, first);
    if is("complete", "false") && !has_deferred {
        let at = find("complete").map_or(0..0, |raw| span_in(text.text, raw.get()));
        output.unread.push(UnreadPart {
            address: "the rest of the plan".to_owned(),
            place: text.place(at),
            because: "The plan covers a part of the configuration only (-target); plan without it.".to_owned(),
        });
    }
    Ok(())
}

fn is_load_balancer(head: &Head<'_>) -> bool {
    head.deposed.is_none() && makes_one(head.mode.as_deref(), &head.kind)
}

/// Whether a resource of a mode and type is a load balancer that Terraform manages.
fn makes_one(mode: Option<&str>, kind: &str) -> bool {
    mode.is_none_or(|mode| mode == "managed") && (TYPES.contains(&kind) || kind == CLOUD_CONTROL)
}

fn list<'a, T: Deserialize<'a>>(
    text: &SourceText<'_>,
    raw: Option<&'a RawValue>,
    keep: impl FnMut(&T) -> bool,
) -> Result<Vec<T>, FileError> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
    json::elements_where(raw.get(), keep).map_err(|error| {
        // The library counts lines and columns from the start of the part.
        let start = span_in(text.text, raw.get()).start;
        let line = raw.get().split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        let at = start + line + error.column().saturating_sub(1);
        let at = (start..=at.min(text.text.len())).rev().find(|at| text.text.is_char_boundary(*at)).unwrap_or(start);
        text.error(at, format!("is not a plan: {}", json::cause(&error)))
    })
}

fn parse_change(
    text: &SourceText<'_>,
    head: &Head<'_>,
    deferred: Option<&str>,
    deliveries: bool,
    deployment: &Deployment,
    output: &mut ParseOutput,
) -> Result<(), FileError> {
    let change = json::part(text, head.change)?;
    let actions = change.get("actions").and_then(Node::as_seq).unwrap_or_default();
    let actions: Vec<&str> = actions.iter().filter_map(Node::as_str).collect();
    let action = match actions.as_slice() {
        ["no-op"] => Action::Keep,
        ["update"] => Action::Update,
        ["delete" | "read" | "forget"] | ["delete", "forget"] => return Ok(()),
        actions if actions.contains(&"create") => Action::Create,
        _ => Action::Unspecified,
    };
    let (at, address) = address(text, head.address)?;
    let state = State { text, change: &change };
    let mut builder = LoadBalancerBuilder::new(text, Dialect::TerraformPlan, address, at);
    builder.action = action;
    builder.deliveries = deliveries;
    state.resource(&mut builder, &head.kind);
    builder.region = state.value(&["region"], action).known().and_then(|name| Region::new(name).ok());
    if action != Action::Create {
        builder.arn = state.value(&["arn"], action);
    }
    if state.removed(&["desync_mitigation_mode"]) {
        builder.note = Some("the argument is removed here, and the load balancer keeps its value".to_owned());
    }
    if let Some(reason) = deferred {
        let gap = builder.gap(GapReason::KnownAfterApply, builder.head.clone(), reason);
        builder.attributes.insert(builder.kind.mode_attribute().to_owned(), Observed::Unread(gap));
    }
    builder.fix = Err(GENERATED.to_owned());
    output.declared.push(builder.finish(deployment));
    Ok(())
}

/// An address and its place.
fn address(text: &SourceText<'_>, raw: &RawValue) -> Result<(Range<usize>, String), FileError> {
    let at = span_in(text.text, raw.get());
    let address = serde_json::from_str(raw.get())
        .map_err(|_| text.error(at.start, "is not a plan: an address is not a string"))?;
    Ok((at, address))
}

/// The views `before`, `after` and `after_unknown` of a resource in a plan.
struct State<'a> {
    text: &'a SourceText<'a>,
    change: &'a Node,
}

/// One step along a path. A list of blocks stands for its first block.
fn step<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match node.as_seq() {
        Some(blocks) => blocks.first()?.get(key),
        None => node.get(key),
    }
}

impl State<'_> {
    /// Sets the properties of a load balancer from a resource of the given type.
    fn resource(&self, builder: &mut LoadBalancerBuilder<'_>, kind: &str) {
        if kind == CLOUD_CONTROL {
            self.cloud_control(builder);
            return;
        }
        let (action, classic) = (builder.action, kind == "aws_elb");
        set_arguments(builder, classic, &|path| self.value(path, action));
        builder.value = self.span("desync_mitigation_mode");
        self.tags(builder);
        if classic {
            builder.listeners = self.listeners();
        }
    }

    fn view(&self, view: &str, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self.change.get(view)?, |node, key| step(node, key))
    }

    /// The place at which the plan states that a value, or a value around it, is known only after apply.
    fn unknown(&self, path: &[&str]) -> Option<Range<usize>> {
        let is_true = |node: &Node| node.as_str() == Some("true");
        let mut node = self.change.get("after_unknown")?;
        for key in path {
            if is_true(node) {
                break;
            }
            node = step(node, key)?;
        }
        is_true(node).then(|| node.span.clone())
    }

    /// The value after the change. A value that is no longer set keeps its previous one.
    fn value(&self, path: &[&str], action: Action) -> Observed<String> {
        if let Some(span) = self.unknown(path) {
            let message = format!("{} is not known in the plan", path.join("."));
            return Observed::Unread(gap(self.text, GapReason::KnownAfterApply, span, message));
        }
        let blocks = |view: &str| self.view(view, &path[..1]).and_then(Node::as_seq).map(<[Node]>::len);
        if action == Action::Update
            && path == ["access_logs", "enabled"]
            && blocks("after") == Some(0)
            && blocks("before") > Some(0)
        {
            // Removing the block is the one removal for which the provider sends a value: it disables access logs.
            return Observed::Known("false".to_owned());
        }
        let after = self.view("after", path).and_then(scalar);
        let before = || self.view("before", path).and_then(scalar);
        match (after, action) {
            (Some(value), _) => Observed::Known(value),
            (None, Action::Update | Action::Keep) => Observed::from_answer(before()),
            (None, _) => Observed::Absent,
        }
    }

    fn removed(&self, path: &[&str]) -> bool {
        self.view("after", path).and_then(scalar).is_none()
            && self.unknown(path).is_none()
            && self.change.get("after").is_some_and(|after| !after.is_null())
            && self.view("before", path).and_then(scalar).is_some()
    }

    fn span(&self, key: &str) -> Option<Range<usize>> {
        let after = self.view("after", &[key]).filter(|node| !node.is_null()).map(|node| node.span.clone());
        after.or_else(|| self.unknown(&[key]))
    }

    /// The tags, including the provider's default_tags.
    fn tags(&self, builder: &mut LoadBalancerBuilder<'_>) {
        let name = if self.view("after", &["tags_all"]).is_some() || self.unknown(&["tags_all"]).is_some() {
            "tags_all"
        } else {
            builder.more_tags = Some(builder.gap(
                GapReason::Undeclared,
                builder.head.clone(),
                "the plan shows no tags of the provider",
            ));
            "tags"
        };
        if let Some(span) = self.unknown(&[name]) {
            builder.more_tags =
                Some(builder.gap(GapReason::KnownAfterApply, span, "the tags are not known in the plan"));
        }
        for (key, value) in self.view("after", &[name]).and_then(Node::as_map).unwrap_or_default() {
            if let (Some(key), Some(value)) = (key.as_str(), scalar(value)) {
                builder.tags.insert(key.to_owned(), value);
            }
        }
        for (key, value) in self.view("after_unknown", &[name]).and_then(Node::as_map).unwrap_or_default() {
            if value.as_str() == Some("true") {
                let message = format!("the tag {:?} is not known in the plan", key.as_str().unwrap_or_default());
                builder.more_tags = Some(builder.gap(GapReason::KnownAfterApply, value.span.clone(), message));
            }
        }
    }

    fn listeners(&self) -> Observed<Vec<Listener>> {
        let unread = |span: Range<usize>| {
            let message = "the listeners are not known in the plan";
            Observed::Unread(gap(self.text, GapReason::KnownAfterApply, span, message))
        };
        if let Some(span) = self.unknown(&["listener"]) {
            return unread(span);
        }
        let Some(blocks) = self.view("after", &["listener"]).and_then(Node::as_seq) else { return Observed::Absent };
        let mut listeners = Vec::new();
        for block in blocks {
            let Some(protocol) = block.get("lb_protocol").and_then(scalar) else { return unread(block.span.clone()) };
            listeners.push(listener(&protocol, block.get("lb_port").and_then(scalar).as_deref()));
        }
        Observed::Known(listeners)
    }

    /// Sets the properties from a resource of the provider `awscc`. It has a list of attributes; one that is no longer in the
    /// list keeps its value.
    fn cloud_control(&self, builder: &mut LoadBalancerBuilder<'_>) {
        let action = builder.action;
        let value = |key: &str| self.value(&[key], action);
        builder.set_kind(value("type"));
        builder.name = value("name");
        builder.scheme = scheme(value("scheme"));
        let list = |view: &str| {
            let list = self.view(view, &["load_balancer_attributes"]).filter(|list| !list.is_null())?;
            let read = |node: &Node| Observed::from_answer(scalar(node));
            Some(Attributes::of_list(self.text, list, ("key", "value"), &read))
        };
        let mut attributes = list("after").unwrap_or_default();
        let unknown_at = self.unknown(&["load_balancer_attributes"]);
        if unknown_at.is_none() && (builder.action == Action::Update || builder.action == Action::Keep) {
            let kept = attributes.keep(list("before").unwrap_or_default());
            builder.note = kept.map(|key| format!("{key} is removed here, and the load balancer keeps its value"));
        }
        let mode = builder.kind.mode_attribute();
        if let Some(span) = unknown_at {
            let message = "the attributes are not known in the plan";
            attributes.incomplete = Some(builder.gap(GapReason::KnownAfterApply, span, message));
        } else if let Some(unknown) = self.view("after_unknown", &["load_balancer_attributes"])
            && mentions_true(unknown)
        {
            attributes.named.remove(mode);
            let message = "an attribute is not known in the plan";
            attributes.incomplete = Some(builder.gap(GapReason::KnownAfterApply, unknown.span.clone(), message));
        }
        builder.set_attributes(attributes);
        builder.managed_by = Observed::Known(doorward_model::Manager::Terraform(builder.address.clone()));
        builder.more_tags =
            Some(builder.gap(GapReason::Undeclared, builder.head.clone(), "the plan shows no tags of the provider"));
        builder.mode_instruction =
            format!("In load_balancer_attributes of {}, set the value of {mode} to", builder.address);
        builder.logs_instruction =
            format!("In load_balancer_attributes of {}, enable access_logs.s3.enabled.", builder.address);
    }
}

fn mentions_true(node: &Node) -> bool {
    match &*node.data {
        Data::Scalar { text, .. } => text == "true",
        Data::Seq(nodes) => nodes.iter().any(mentions_true),
        Data::Map(pairs) => pairs.iter().any(|(_, value)| mentions_true(value)),
    }
}

fn scalar(node: &Node) -> Option<String> {
    if node.is_null() { None } else { node.as_str().map(str::to_owned) }
}
