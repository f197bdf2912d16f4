//! The target groups of a plan, and the listeners that forward to them.
//!
//! ARNs of new resources are not known in a plan. The configuration in it names the resources that arguments refer to, without the
//! instance; so only resources of which there is one are followed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{Observed, TargetGroup};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Head, State, address};
use crate::declared_groups::{DeclaredGroups, group};
use crate::source_text::SourceText;
use crate::tree::Node;
use crate::tree::json;
use crate::{Action, ParseOutput};

const LISTENERS: [&str; 2] = ["aws_lb_listener", "aws_alb_listener"];
const RULES: [&str; 2] = ["aws_lb_listener_rule", "aws_alb_listener_rule"];
const GROUPS: [&str; 2] = ["aws_lb_target_group", "aws_alb_target_group"];
/// The maximum depth of modules that is followed.
const MAX_NESTING: usize = 16;

#[derive(Deserialize)]
struct PlanConfiguration<'a> {
    #[serde(borrow, default)]
    root_module: Option<ConfiguredModule<'a>>,
}

#[derive(Deserialize)]
struct ConfiguredModule<'a> {
    #[serde(borrow, default)]
    resources: Vec<ConfiguredResource<'a>>,
    #[serde(borrow, default)]
    module_calls: BTreeMap<Cow<'a, str>, ConfiguredCall<'a>>,
}

#[derive(Deserialize)]
struct ConfiguredCall<'a> {
    #[serde(borrow, default)]
    module: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ConfiguredResource<'a> {
    #[serde(borrow)]
    address: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    expressions: Option<&'a RawValue>,
}

/// The new values of a resource, without parsing them.
#[derive(Deserialize)]
struct Planned<'a> {
    #[serde(borrow, default)]
    after: Option<&'a RawValue>,
}

/// Whether a change is of a target group, or of a listener or rule that may forward to one.
pub(super) fn is_followed(head: &Head<'_>) -> bool {
    head.deposed.is_none() && (is_group(head) || leads_to_groups(&head.kind))
}

fn is_group(head: &Head<'_>) -> bool {
    GROUPS.contains(&&*head.kind)
}

fn leads_to_groups(kind: &str) -> bool {
    LISTENERS.contains(&kind) || RULES.contains(&kind)
}

/// Whether a resource exists after the plan.
fn is_kept(head: &Head<'_>) -> bool {
    serde_json::from_str(head.change.get())
        .is_ok_and(|Planned { after }| after.is_some_and(|after| after.get() != "null"))
}

/// What the modules of a plan configure.
#[derive(Default)]
struct Configured {
    groups: DeclaredGroups,
    /// The addresses of groups that set a version.
    with_version: BTreeSet<String>,
    /// The addresses of listeners and rules of which exactly one exists after the plan. The configuration also has those with
    /// `count = 0`.
    existing: BTreeSet<String>,
}

/// The target groups of a plan by the addresses of their resources without instances. None of what cannot be parsed: it is no load
/// balancer, and nothing is concluded from what is missing.
pub(super) fn of_plan(text: &SourceText<'_>, changes: &[Head<'_>], configuration: Option<&RawValue>) -> DeclaredGroups {
    let mut planned: BTreeMap<String, Vec<&Head<'_>>> = BTreeMap::new();
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    for head in changes.iter().filter(|head| is_followed(head)) {
        let Ok((_, address)) = address(text, head.address) else { continue };
        let address = without_instances(&address);
        if is_group(head) {
            planned.entry(address).or_default().push(head);
        } else if is_kept(head) {
            *kept.entry(address).or_default() += 1;
        }
    }
    let mut configured = Configured::default();
    let Some(configuration) = configuration.filter(|_| !planned.is_empty()) else { return configured.groups };
    configured.existing = kept.into_iter().filter(|(_, count)| *count == 1).map(|(address, _)| address).collect();
    if let Ok(PlanConfiguration { root_module: Some(root) }) = serde_json::from_str(configuration.get()) {
        add_module(&root, "", &mut configured, MAX_NESTING);
    }
    let Configured { mut groups, with_version, .. } = configured;
    for (address, found) in planned {
        if let [head] = found.as_slice()
            && let Some(group) = planned_group(text, head, with_version.contains(&address))
        {
            groups.add_group(address, group);
        }
    }
    groups
}

/// Records the groups on the load balancers of a plan, of which there is one each.
pub(super) fn record(groups: &DeclaredGroups, output: &mut ParseOutput, from: usize) {
    let declared = output.declared.get_mut(from..).unwrap_or_default();
    let mut instances: BTreeMap<String, usize> = BTreeMap::new();
    for one in declared.iter() {
        *instances.entry(without_instances(&one.address)).or_default() += 1;
    }
    for one in declared {
        let address = without_instances(&one.address);
        if instances.get(&address) == Some(&1) {
            one.set_target_groups(groups.of(&address));
        }
    }
}

/// A target group as it is after the plan; none if it is deleted, or its properties are not known. A plan shows a version that is not set as
/// known after apply; it becomes AWS's default.
fn planned_group(text: &SourceText<'_>, head: &Head<'_>, sets_version: bool) -> Option<TargetGroup> {
    let change = json::part(text, head.change).ok()?;
    if change.get("after").is_none_or(Node::is_null) {
        return None;
    }
    let state = State { text, change: &change };
    let value = |name: &str| state.value(&[name], Action::Create);
    let name = match value("name") {
        Observed::Known(name) => name,
        _ => serde_json::from_str(head.address.get()).ok()?,
    };
    let version = match value("protocol_version") {
        Observed::Unread(_) if !sets_version => Observed::Absent,
        version => version,
    };
    group(&name, value("target_type"), &value("protocol"), version)
}

/// Adds the listeners of a module, and the addresses of the groups that set a version.
fn add_module(module: &ConfiguredModule<'_>, prefix: &str, configured: &mut Configured, depth: usize) {
    for resource in &module.resources {
        let kind = &*resource.kind;
        let address = format!("{prefix}{}", resource.address);
        let is_relevant = GROUPS.contains(&kind) || (leads_to_groups(kind) && configured.existing.contains(&address));
        if !is_relevant {
            continue;
        }
        let expressions = resource.expressions.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        let Some(expressions) = expressions else { continue };
        if GROUPS.contains(&kind) {
            if !expressions["protocol_version"].is_null() {
                configured.with_version.insert(address);
            }
            continue;
        }
        let (own, target, actions) = if LISTENERS.contains(&kind) {
            (true, "load_balancer_arn", "default_action")
        } else {
            (false, "listener_arn", "action")
        };
        let Some(target) = referred(&expressions[target], prefix) else { continue };
        let listener = if own { address } else { target.clone() };
        for action in expressions[actions].as_array().into_iter().flatten() {
            let forward = action["forward"].as_array().into_iter().flatten();
            let weighted = forward.flat_map(|one| one["target_group"].as_array().into_iter().flatten());
            let all = std::iter::once(&action["target_group_arn"]).chain(weighted.map(|one| &one["arn"]));
            for group in all.filter_map(|expression| referred(expression, prefix)) {
                configured.groups.add_forward(&listener, group);
            }
        }
        if own {
            configured.groups.add_listener(listener, target);
        }
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    for (name, call) in &module.module_calls {
        let called = call.module.and_then(|raw| serde_json::from_str::<ConfiguredModule<'_>>(raw.get()).ok());
        if let Some(called) = called {
            add_module(&called, &format!("{prefix}module.{name}."), configured, depth);
        }
    }
}

/// The address of the only resource of the same module that an expression refers to.
fn referred(expression: &Value, prefix: &str) -> Option<String> {
    let references = expression["references"].as_array()?.iter().filter_map(Value::as_str);
    let mut found: Option<String> = None;
    for reference in references {
        let reference = without_instances(reference);
        let (kind, rest) = reference.split_once('.')?;
        if !kind.starts_with("aws_") {
            return None;
        }
        let name = rest.split('.').next()?;
        let address = format!("{prefix}{kind}.{name}");
        if found.as_ref().is_some_and(|found| *found != address) {
            return None;
        }
        found = Some(address);
    }
    found
}

/// An address without its instances: `module.a[0].aws_lb.b["x.y"]` is `module.a.aws_lb.b`.
fn without_instances(address: &str) -> String {
    let (mut plain, mut within, mut quoted, mut escaped) = (String::new(), false, false, false);
    for character in address.chars() {
        match (character, within, quoted) {
            _ if escaped => escaped = false,
            ('\\', true, true) => escaped = true,
            ('"', true, _) => quoted = !quoted,
            ('[', false, _) => within = true,
            (']', true, false) => within = false,
            (_, true, _) => {}
            _ => plain.push(character),
        }
    }
    plain
}
