//! Pulumi previews: `pulumi preview --json`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use doorward_model::{GapReason, Listener, Observed};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::attributes::Attributes;
use crate::declared::MOST;
use crate::draft::{Draft, gap, scheme};
use crate::terraform::{fill, kind_of};
use crate::text::Text;
use crate::tree::Node;
use crate::tree::json::{self, Pairs, span_in};
use crate::{Action, Declared, Dialect, Options, Problem, Reading, Unread};

/// What Pulumi writes for a value that is known only after the update.
const UNKNOWN: &str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/// What Pulumi writes for a secret.
const SECRET: &str = "4dabf18193072939515e22adb298388d";

/// Operations after which there is no load balancer, or that change none.
const GONE: [&str; 8] = [
    "delete",
    "delete-replaced",
    "discard",
    "discard-replaced",
    "read",
    "read-discard",
    "read-replacement",
    "remove-pending-replace",
];

const BRIDGED: [&str; 4] = [
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:applicationloadbalancing/loadBalancer:LoadBalancer",
    "aws:elasticloadbalancingv2/loadBalancer:LoadBalancer",
];
const CLASSICS: [&str; 2] = ["aws:elb/loadBalancer:LoadBalancer", "aws:elasticloadbalancing/loadBalancer:LoadBalancer"];
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

/// Reads a preview.
pub(crate) fn read(
    text: &Text<'_>,
    pairs: &Pairs<'_>,
    options: &Options,
    reading: &mut Reading,
) -> Result<(), Problem> {
    reading.files.push((text.path.to_owned(), Dialect::Pulumi));
    let steps = pairs.0.iter().find(|(name, _)| name == "steps").map(|(_, raw)| *raw);
    let Some(steps) = steps.filter(|raw| raw.get() != "null") else { return Ok(()) };
    let steps: Vec<Step<'_>> = serde_json::from_str(steps.get()).map_err(|error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default().to_owned();
        text.problem(span_in(text.text, steps.get()).start, format!("is not a Pulumi preview: {said}"))
    })?;
    // A replacement has several steps, and the one that creates is enough: the last step of a load balancer counts.
    let mut declared: BTreeMap<String, Declared> = BTreeMap::new();
    for step in &steps {
        let at = span_in(text.text, step.urn.get());
        let urn: Cow<'_, str> = serde_json::from_str(step.urn.get())
            .map_err(|_| text.problem(at.start, "is not a Pulumi preview: a urn is no text"))?;
        // urn:pulumi:STACK::PROJECT::TYPE::NAME
        let address = urn.splitn(3, "::").nth(2).unwrap_or(&urn);
        if !urn.contains("oadBalancer") || (step.op == "replace" && declared.contains_key(address)) {
            continue;
        }
        if declared.len() >= MOST || reading.is_full(|| text.place(at.clone())) {
            reading.declared.extend(std::mem::take(&mut declared).into_values());
            reading.is_full(|| text.place(at));
            return Ok(());
        }
        if let Some(one) = read_step(text, step, address, options, reading)? {
            declared.insert(address.to_owned(), one);
        }
    }
    reading.declared.extend(declared.into_values());
    Ok(())
}

fn read_step(
    text: &Text<'_>,
    step: &Step<'_>,
    address: &str,
    options: &Options,
    reading: &mut Reading,
) -> Result<Option<Declared>, Problem> {
    let at = span_in(text.text, step.urn.get());
    let action = match &*step.op {
        "create" | "replace" | "create-replacement" => Some(Action::Create),
        "update" | "import" | "import-replacement" => Some(Action::Update),
        "same" | "refresh" => Some(Action::Keep),
        // What is deleted, or only looked up, is not deployed.
        op if GONE.contains(&op) => return Ok(None),
        _ => None,
    };
    let new = step.new.map(|new| json::part(text, new)).transpose()?;
    // The type of the resource itself is the last of those that its parents are named by.
    let of_urn = address.split("::").next().and_then(|types| types.rsplit('$').next());
    let kind = new.as_ref().and_then(|new| new.text_at(&["type"])).or(of_urn).unwrap_or_default().to_owned();
    let classic = CLASSICS.contains(&kind.as_str());
    if !classic && kind != NATIVE && !BRIDGED.contains(&kind.as_str()) {
        return Ok(None);
    }
    let (Some(new), Some(action)) = (new, action) else {
        reading.unread.push(Unread {
            address: address.to_owned(),
            place: text.place(at),
            because: format!(
                "The preview does not show the load balancer as it will be (operation {:?}); run `pulumi preview --json` \
                 again.",
                step.op
            ),
        });
        return Ok(None);
    };
    let old = step.old.map(|old| json::part(text, old)).transpose()?;
    let address = address.to_owned();
    let state = State { text, new: &new, old: old.as_ref(), action };
    let mut draft = Draft::new(text, Dialect::Pulumi, address, at);
    draft.action = action;
    if kind == NATIVE {
        state.native(&mut draft);
    } else {
        fill(&mut draft, classic, &|path| state.value(path));
        draft.value = new.at(&["inputs", "desyncMitigationMode"]).filter(|n| !n.is_null()).map(|n| n.span.clone());
        draft.logs_way = format!("In {}, set accessLogs with bucket and enabled.", draft.address);
        draft.way = format!("In {}, set desyncMitigationMode to", draft.address);
        if classic {
            draft.listeners = state.listeners();
        }
    }
    // Nothing of ours names Pulumi as a manager; what there is to say of it stands in the way.
    draft.managed_by = Observed::Unread(draft.gap(GapReason::Undeclared, draft.head.clone(), "Pulumi manages it"));
    if action != Action::Create {
        draft.arn =
            Observed::from_answer(old.as_ref().and_then(|old| old.text_at(&["outputs", "arn"])).map(str::to_owned));
    }
    draft.more_tags =
        Some(draft.gap(GapReason::Undeclared, draft.head.clone(), "default tags of the provider may be added"));
    let all = new.at(&["inputs", "tagsAll"]);
    if all.is_some() {
        draft.more_tags = None;
    }
    for (key, value) in all.or_else(|| new.at(&["inputs", "tags"])).and_then(Node::as_map).unwrap_or_default() {
        match (key.as_str(), state.scalar(value, "a tag")) {
            (Some("__defaults"), _) => {}
            (Some(key), Observed::Known(value)) => drop(draft.tags.insert(key.to_owned(), value)),
            (_, Observed::Unread(gap)) => draft.more_tags = Some(gap),
            _ => {}
        }
    }
    draft.fix = Err("a preview is made from the program; change that".to_owned());
    Ok(Some(draft.finish(options)))
}

struct State<'a> {
    text: &'a Text<'a>,
    new: &'a Node,
    old: Option<&'a Node>,
    action: Action,
}

impl State<'_> {
    /// An input, under Pulumi's spelling of Terraform's names; what is no longer set keeps the value from before.
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
        let open = |reason, message: String| Observed::Unread(gap(self.text, reason, node.span.clone(), message));
        match node.as_str() {
            Some(UNKNOWN) => open(GapReason::KnownAfterApply, format!("the preview leaves {what} open")),
            Some(_) if node.is_null() => Observed::Absent,
            Some(text) => Observed::Known(text.to_owned()),
            None if node.get(SECRET).is_some() => open(GapReason::Unresolved, format!("{what} is a secret")),
            None => open(GapReason::Malformed, format!("{what} is no single value")),
        }
    }

    fn listeners(&self) -> Observed<Vec<Listener>> {
        let Some(node) = self.new.at(&["inputs", "listeners"]) else { return Observed::Absent };
        let unread = |span: Range<usize>| {
            Observed::Unread(gap(self.text, GapReason::KnownAfterApply, span, "the preview leaves the listeners open"))
        };
        let Some(listeners) = node.as_seq() else { return unread(node.span.clone()) };
        let mut found = Vec::new();
        for listener in listeners {
            let protocol = listener.text_at(&["lbProtocol"]).filter(|protocol| *protocol != UNKNOWN);
            let Some(protocol) = protocol else { return unread(listener.span.clone()) };
            let port = listener.text_at(&["lbPort"]).and_then(|port| port.parse().ok());
            found.push(Listener { protocol: protocol.to_uppercase(), port });
        }
        Observed::Known(found)
    }

    fn native(&self, draft: &mut Draft<'_>) {
        match self.value(&["type"]) {
            Observed::Absent => {}
            Observed::Known(kind) => draft.kind = kind_of(&kind),
            Observed::Unread(gap) => draft.kind_gap = Some(gap),
        }
        draft.name = self.value(&["name"]);
        draft.scheme = scheme(self.value(&["scheme"]));
        let read = |node: &Node| self.scalar(node, "an attribute");
        let list = |state: &Node| {
            let list = state.at(&["inputs", "loadBalancerAttributes"]).filter(|list| !list.is_null())?;
            Some(Attributes::of_list(self.text, list, ("key", "value"), &read))
        };
        let mut attributes = list(self.new).unwrap_or_default();
        if self.action != Action::Create {
            let kept = attributes.keep(self.old.and_then(list).unwrap_or_default());
            draft.note = kept.map(|key| format!("{key} is removed here, and the load balancer keeps its value"));
        }
        let mode = draft.kind.mode_attribute();
        draft.value = attributes.spans.get(mode).cloned();
        draft.attributes = attributes.named;
        draft.rest = attributes.rest;
        draft.way = format!("In loadBalancerAttributes of {}, set the value of {mode} to", draft.address);
        draft.logs_way = format!("In loadBalancerAttributes of {}, turn access_logs.s3.enabled on.", draft.address);
    }
}

/// `access_logs` as `accessLogs`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |joined, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        joined + &head.into_iter().chain(letters).collect::<String>()
    })
}
