//! Terraform plans: <https://developer.hashicorp.com/terraform/internals/json-format>
//!
//! A plan may hold a hundred thousand resources of which a few are load balancers: each resource is read as far as its
//! type, and the rest of it only where that matters.

use std::borrow::Cow;
use std::ops::Range;

use doorward_model::{GapReason, Listener, Observed, Region};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{CLOUD_CONTROL, TYPES, fill, kind_of};
use crate::attributes::Attributes;
use crate::draft::{Draft, scheme};
use crate::text::Text;
use crate::tree::json::{self, Pairs, span_in};
use crate::tree::{Data, Node};
use crate::{Action, Dialect, Options, Problem, Reading, Unread};

mod planned;

/// A resource's change, as far as telling whether it is a load balancer's.
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

/// A change that Terraform put off to a later plan.
#[derive(Deserialize)]
struct Deferred<'a> {
    #[serde(borrow)]
    resource_change: Head<'a>,
}

/// Reads a plan.
pub(crate) fn read(
    text: &Text<'_>,
    pairs: &Pairs<'_>,
    options: &Options,
    reading: &mut Reading,
) -> Result<(), Problem> {
    let find = |key: &str| pairs.0.iter().find(|(name, _)| name == key).map(|(_, raw)| *raw);
    let is = |key: &str, value: &str| find(key).is_some_and(|raw| raw.get() == value);
    if let Some(version) = find("format_version") {
        let number = version.get().trim_matches('"');
        if !(number.starts_with("0.") || number.starts_with("1.")) {
            let said = format!("is a plan of format {number:?}, and this version reads 0 and 1");
            return Err(text.problem(span_in(text.text, version.get()).start, said));
        }
    }
    reading.files.push((text.path.to_owned(), Dialect::TerraformPlan));
    if is("errored", "true") {
        let at = find("errored").map_or(0, |raw| span_in(text.text, raw.get()).start);
        let said =
            "is a plan that ended with an error, so that it does not hold everything; mend the error and plan again";
        reading.problems.push(text.problem(at, said));
    }
    let changes: Vec<Head<'_>> = list(text, find("resource_changes"))?;
    let deferred: Vec<Deferred<'_>> = list(text, find("deferred_changes"))?;
    let deliveries = changes.iter().any(|head| head.kind == "aws_cloudwatch_log_delivery_source");
    for head in &changes {
        if is_balancer(head) {
            if reading.is_full(|| text.place(span_in(text.text, head.address.get()))) {
                break;
            }
            read_change(text, head, None, deliveries, options, reading)?;
        }
    }
    for Deferred { resource_change: head } in &deferred {
        if is_balancer(head) {
            let why = "Terraform put the change off to a later plan";
            read_change(text, head, Some(why), deliveries, options, reading)?;
        }
    }
    planned::read(text, find("planned_values"), deliveries, options, reading)?;
    if is("complete", "false") && deferred.is_empty() {
        let at = find("complete").map_or(0..0, |raw| span_in(text.text, raw.get()));
        reading.unread.push(Unread {
            address: "the rest of the plan".to_owned(),
            place: text.place(at),
            because: "The plan is of a part of the configuration only (-target); plan without it.".to_owned(),
        });
    }
    Ok(())
}

fn is_balancer(head: &Head<'_>) -> bool {
    head.deposed.is_none() && makes_one(head.mode.as_deref(), &head.kind)
}

/// Whether a resource of a mode and type is a load balancer that Terraform manages.
fn makes_one(mode: Option<&str>, kind: &str) -> bool {
    mode.is_none_or(|mode| mode == "managed") && (TYPES.contains(&kind) || kind == CLOUD_CONTROL)
}

fn list<'a, T: Deserialize<'a>>(text: &Text<'_>, raw: Option<&'a RawValue>) -> Result<Vec<T>, Problem> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
    serde_json::from_str(raw.get()).map_err(|error| {
        // The library counts from the start of the part.
        let start = span_in(text.text, raw.get()).start;
        let line = raw.get().split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        let at = start + line + error.column().saturating_sub(1);
        let at = (start..=at.min(text.text.len())).rev().find(|at| text.text.is_char_boundary(*at)).unwrap_or(start);
        text.problem(at, format!("is not a plan: {said}"))
    })
}

fn read_change(
    text: &Text<'_>,
    head: &Head<'_>,
    deferred: Option<&str>,
    deliveries: bool,
    options: &Options,
    reading: &mut Reading,
) -> Result<(), Problem> {
    let change = json::part(text, head.change)?;
    let actions = change.get("actions").and_then(Node::as_seq).unwrap_or_default();
    let actions: Vec<&str> = actions.iter().filter_map(Node::as_str).collect();
    let action = match actions.as_slice() {
        ["no-op"] => Action::Keep,
        ["update"] => Action::Update,
        ["delete" | "read" | "forget"] | ["delete", "forget"] => return Ok(()),
        actions if actions.contains(&"create") => Action::Create,
        _ => Action::Unsaid,
    };
    let (at, address) = address(text, head.address)?;
    let state = State { text, change: &change };
    let mut draft = Draft::new(text, Dialect::TerraformPlan, address, at);
    draft.action = action;
    draft.deliveries = deliveries;
    if head.kind == CLOUD_CONTROL {
        state.cloud_control(&mut draft);
    } else {
        let kept = |path: &[&str]| state.value(path, action);
        fill(&mut draft, head.kind == "aws_elb", &kept);
        draft.value = state.span("desync_mitigation_mode");
        state.tags(&mut draft);
    }
    if head.kind == "aws_elb" {
        draft.listeners = state.listeners();
    }
    draft.region = state.value(&["region"], action).known().and_then(|name| Region::new(name).ok());
    if action != Action::Create {
        draft.arn = state.value(&["arn"], action);
    }
    if state.removed(&["desync_mitigation_mode"]) {
        draft.note = Some("the argument is removed here, and the load balancer keeps its value".to_owned());
    }
    if let Some(why) = deferred {
        let gap = draft.gap(GapReason::KnownAfterApply, draft.head.clone(), why);
        draft.attributes.insert(draft.kind.mode_attribute().to_owned(), Observed::Unread(gap));
    }
    draft.fix = Err("a plan is made from the configuration; change that".to_owned());
    reading.declared.push(draft.finish(options));
    Ok(())
}

/// An address and where it stands.
fn address(text: &Text<'_>, raw: &RawValue) -> Result<(Range<usize>, String), Problem> {
    let at = span_in(text.text, raw.get());
    let address =
        serde_json::from_str(raw.get()).map_err(|_| text.problem(at.start, "is not a plan: an address is no text"))?;
    Ok((at, address))
}

/// The three views of a resource in a plan.
struct State<'a> {
    text: &'a Text<'a>,
    change: &'a Node,
}

/// One step along a path, into the first instance where there is a list of blocks.
fn step<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match node.as_seq() {
        Some(blocks) => blocks.first()?.get(key),
        None => node.get(key),
    }
}

impl State<'_> {
    fn view(&self, view: &str, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self.change.get(view)?, |node, key| step(node, key))
    }

    /// Where the plan says that a value is known only after apply: of the value or of what it is part of.
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

    /// A value after the change. What is not set afterwards keeps the value from before.
    fn value(&self, path: &[&str], action: Action) -> Observed<String> {
        if let Some(span) = self.unknown(path) {
            let message = format!("the plan leaves {} open", path.join("."));
            return Observed::Unread(crate::draft::gap(self.text, GapReason::KnownAfterApply, span, message));
        }
        let blocks = |view: &str| self.view(view, &path[..1]).and_then(Node::as_seq).map(<[Node]>::len);
        if action == Action::Update
            && path == ["access_logs", "enabled"]
            && blocks("after") == Some(0)
            && blocks("before") > Some(0)
        {
            // A block that is taken away is the one thing that the provider turns off.
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

    /// The tags with those of the provider's default_tags.
    fn tags(&self, draft: &mut Draft<'_>) {
        let name = if self.view("after", &["tags_all"]).is_some() || self.unknown(&["tags_all"]).is_some() {
            "tags_all"
        } else {
            draft.more_tags =
                Some(draft.gap(GapReason::Undeclared, draft.head.clone(), "the plan shows no tags of the provider"));
            "tags"
        };
        if let Some(span) = self.unknown(&[name]) {
            draft.more_tags = Some(draft.gap(GapReason::KnownAfterApply, span, "the plan leaves the tags open"));
        }
        for (key, value) in self.view("after", &[name]).and_then(Node::as_map).unwrap_or_default() {
            if let (Some(key), Some(value)) = (key.as_str(), scalar(value)) {
                draft.tags.insert(key.to_owned(), value);
            }
        }
        for (key, value) in self.view("after_unknown", &[name]).and_then(Node::as_map).unwrap_or_default() {
            if value.as_str() == Some("true") {
                let message = format!("the plan leaves the tag {:?} open", key.as_str().unwrap_or_default());
                draft.more_tags = Some(draft.gap(GapReason::KnownAfterApply, value.span.clone(), message));
            }
        }
    }

    fn listeners(&self) -> Observed<Vec<Listener>> {
        let unread = |span: Range<usize>| {
            let message = "the plan leaves the listeners open";
            Observed::Unread(crate::draft::gap(self.text, GapReason::KnownAfterApply, span, message))
        };
        if let Some(span) = self.unknown(&["listener"]) {
            return unread(span);
        }
        let Some(blocks) = self.view("after", &["listener"]).and_then(Node::as_seq) else { return Observed::Absent };
        let mut listeners = Vec::new();
        for block in blocks {
            let Some(protocol) = block.get("lb_protocol").and_then(scalar) else { return unread(block.span.clone()) };
            let port = block.get("lb_port").and_then(scalar).and_then(|port| port.parse().ok());
            listeners.push(Listener { protocol: protocol.to_uppercase(), port });
        }
        Observed::Known(listeners)
    }

    /// The provider that is generated from CloudFormation's types: a list of attributes, in which one that is no longer named
    /// keeps its value.
    fn cloud_control(&self, draft: &mut Draft<'_>) {
        let value = |key: &str| self.value(&[key], draft.action);
        match value("type") {
            Observed::Absent => {}
            Observed::Known(kind) => draft.kind = kind_of(&kind),
            Observed::Unread(gap) => draft.kind_gap = Some(gap),
        }
        draft.name = value("name");
        draft.scheme = scheme(value("scheme"));
        let list = |view: &str| {
            let list = self.view(view, &["load_balancer_attributes"]).filter(|list| !list.is_null())?;
            let read = |node: &Node| Observed::from_answer(scalar(node));
            Some(Attributes::of_list(self.text, list, ("key", "value"), &read))
        };
        let mut attributes = list("after").unwrap_or_default();
        let open = self.unknown(&["load_balancer_attributes"]);
        if open.is_none() && (draft.action == Action::Update || draft.action == Action::Keep) {
            let kept = attributes.keep(list("before").unwrap_or_default());
            draft.note = kept.map(|key| format!("{key} is removed here, and the load balancer keeps its value"));
        }
        let mode = draft.kind.mode_attribute();
        if let Some(span) = open {
            let message = "the plan leaves the attributes open";
            attributes.rest = Some(draft.gap(GapReason::KnownAfterApply, span, message));
        } else if let Some(unknown) = self.view("after_unknown", &["load_balancer_attributes"])
            && mentions_true(unknown)
        {
            attributes.named.remove(mode);
            let message = "the plan leaves an attribute open";
            attributes.rest = Some(draft.gap(GapReason::KnownAfterApply, unknown.span.clone(), message));
        }
        draft.value = attributes.spans.get(mode).cloned();
        draft.attributes = attributes.named;
        draft.rest = attributes.rest;
        draft.managed_by = Observed::Known(doorward_model::Manager::Terraform(draft.address.clone()));
        draft.more_tags =
            Some(draft.gap(GapReason::Undeclared, draft.head.clone(), "the plan shows no tags of the provider"));
        draft.way = format!("In load_balancer_attributes of {}, set the value of {mode} to", draft.address);
        draft.logs_way = format!("In load_balancer_attributes of {}, turn access_logs.s3.enabled on.", draft.address);
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
