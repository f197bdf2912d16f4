//! Load balancers that only the planned values of a plan hold.
//!
//! Terraform lists every resource that it manages among the changes, one that stays as it is too. A plan that shows a load
//! balancer among its planned values only was cut down or put together by another program; what it says there is read all the same.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use doorward_model::GapReason;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{State, address, list, makes_one};
use crate::draft::Draft;
use crate::terraform::{CLOUD_CONTROL, fill};
use crate::text::Text;
use crate::tree::json::{self, span_in};
use crate::tree::{Data, Node};
use crate::{Action, Dialect, Options, Problem, Reading};

#[derive(Deserialize)]
struct Planned<'a> {
    #[serde(borrow, default)]
    root_module: Option<Module<'a>>,
}

#[derive(Deserialize)]
struct Module<'a> {
    #[serde(borrow, default)]
    resources: Option<&'a RawValue>,
    #[serde(borrow, default)]
    child_modules: Option<Vec<Module<'a>>>,
}

/// A resource, as far as telling whether it is a load balancer.
#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    address: &'a RawValue,
    #[serde(borrow, default)]
    mode: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    values: Option<&'a RawValue>,
}

/// Reads what the changes of the same plan did not declare.
pub(super) fn read(
    text: &Text<'_>,
    planned: Option<&RawValue>,
    deliveries: bool,
    options: &Options,
    reading: &mut Reading,
) -> Result<(), Problem> {
    let Some(planned) = planned.filter(|raw| raw.get() != "null") else { return Ok(()) };
    let Planned { root_module } = serde_json::from_str(planned.get()).map_err(|error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default().to_owned();
        text.problem(span_in(text.text, planned.get()).start, format!("is not a plan: {said}"))
    })?;
    let of_plan = reading.declared.iter().filter(|d| d.dialect == Dialect::TerraformPlan && d.place.file == text.path);
    let changed: BTreeSet<String> = of_plan.map(|declared| declared.address.clone()).collect();
    let mut open: Vec<Module<'_>> = root_module.into_iter().collect();
    while let Some(module) = open.pop() {
        open.extend(module.child_modules.into_iter().flatten());
        let resources: Vec<Resource<'_>> = list(text, module.resources)?;
        for resource in resources.iter().filter(|resource| makes_one(resource.mode.as_deref(), &resource.kind)) {
            let (at, address) = address(text, resource.address)?;
            if changed.contains(&address) || reading.is_full(|| text.place(at.clone())) {
                continue;
            }
            let values = resource.values.map(|values| json::part(text, values)).transpose()?;
            let draft = Draft::new(text, Dialect::TerraformPlan, address, at);
            reading.declared.push(settle(draft, &resource.kind, values, deliveries).finish(options));
        }
    }
    Ok(())
}

/// The load balancer by its planned values. A value that is not there is one that only apply decides, not one that is unset.
fn settle<'t>(mut draft: Draft<'t>, kind: &str, values: Option<Node>, deliveries: bool) -> Draft<'t> {
    let text = draft.text;
    draft.deliveries = deliveries;
    let message = "the planned values do not hold it, and resource_changes does not list the resource";
    draft.rest = Some(draft.gap(GapReason::KnownAfterApply, draft.head.clone(), message));
    let pairs = values.into_iter().map(|values| {
        let key = Data::Scalar { text: "after".to_owned(), quoted: true };
        (Node { span: values.span.clone(), tag: None, data: Rc::new(key) }, values)
    });
    let change = Node { span: draft.head.clone(), tag: None, data: Rc::new(Data::Map(pairs.collect())) };
    let state = State { text, change: &change };
    if kind == CLOUD_CONTROL {
        let rest = draft.rest.take();
        state.cloud_control(&mut draft);
        draft.rest = draft.rest.or(rest);
    } else {
        fill(&mut draft, kind == "aws_elb", &|path| state.value(path, Action::Unsaid));
        draft.value = state.span("desync_mitigation_mode");
        state.tags(&mut draft);
        if kind == "aws_elb" {
            draft.listeners = state.listeners();
        }
    }
    draft.arn = state.value(&["arn"], Action::Unsaid);
    draft.note = Some("by the planned values; resource_changes does not list it".to_owned());
    draft.fix = Err("a plan is made from the configuration; change that".to_owned());
    draft
}
