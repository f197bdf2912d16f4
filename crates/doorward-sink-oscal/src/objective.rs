//! Controls as OSCAL names them, an objective for each, and a finding about each objective.

use doorward_model::{Control, ControlResult, FindingsOfControls, Framework, Frameworks, VerdictKind};
use serde_json::{Value, json};

use crate::identifier::{Tokens, property, text, token, uuid};
use crate::observations::{observation_uuid, part, risk_of, risk_uuid};

/// An objective of one control: the rules that support it pass.
pub(crate) struct Objective<'a> {
    pub(crate) framework: &'a Framework,
    pub(crate) control: &'a Control,
    /// The control's id in its catalog, or one that begins with the framework's name.
    pub(crate) control_id: String,
    /// The objective's own id.
    pub(crate) id: String,
}

/// An objective for each control.
pub(crate) fn objectives(frameworks: &Frameworks) -> Vec<Objective<'_>> {
    let mut tokens = Tokens::default();
    let mut objectives = Vec::new();
    for framework in frameworks.all() {
        for control in &framework.controls {
            let control_id = match &framework.catalog {
                Some(_) => tokens.token(&catalog_id(&control.id)),
                None => tokens.token(&format!("{}_{}", framework.label(), control.id)),
            };
            let id = tokens.token(&format!("{control_id}_doorward"));
            objectives.push(Objective { framework, control, control_id, id });
        }
    }
    objectives
}

/// A control's number as NIST's catalogs have it as an id: `AC-4(21)` is `ac-4.21`.
fn catalog_id(id: &str) -> String {
    token(&id.replace('(', ".").replace(')', ""))
}

/// The UUID of a framework's catalog in the back matter.
pub(crate) fn catalog_uuid(framework: &Framework) -> String {
    uuid(&["catalog", framework.catalog.as_deref().unwrap_or_default()])
}

impl Objective<'_> {
    /// The objective itself.
    pub(crate) fn definition(&self) -> Value {
        let Self { framework, control, control_id, id } = self;
        json!({
            "control-id": control_id,
            "description": text(&format!("{} {}: {}", framework.label(), control.id, control.title)),
            "parts": [{
                "id": id,
                "name": "assessment-objective",
                "title": text(&format!("Doorward's rules for {}", control.id)),
                "prose": text(&format!(
                    "The whole scope was read, and these rules pass for every load balancer to which the control \
                     applies: {}. {}",
                    control.rules.join(", "),
                    control.supports
                )),
            }],
        })
    }

    /// The finding about it. `filter` names the part of the report that the document contains; none if it contains all of it.
    pub(crate) fn finding(&self, run: &str, findings: &FindingsOfControls<'_>, filter: Option<&str>) -> Value {
        let Self { framework, control, control_id, id } = self;
        let mut result = findings.requirement(control);
        result.unknown.extend(filter.map(part));
        let about: Vec<_> = findings.of(control).collect();
        let (state, reason) = match result.kind() {
            Some(VerdictKind::Pass) => ("satisfied", "pass"),
            Some(VerdictKind::Fail) => ("not-satisfied", "fail"),
            _ => ("not-satisfied", "other"),
        };
        let observations: Vec<Value> =
            about.iter().map(|finding| json!({ "observation-uuid": observation_uuid(run, &finding.id) })).collect();
        let risks = about.iter().filter(|finding| risk_of(&finding.verdict).is_some());
        let risks: Vec<Value> = risks.map(|finding| json!({ "risk-uuid": risk_uuid(&finding.id) })).collect();
        let mut remarks = counts(&result.load_balancers);
        if !result.unknown.is_empty() {
            remarks.push_str(&format!(" The rest is unknown: {}.", result.unknown_in_words()));
        }
        let mut found = json!({
            "uuid": uuid(&["finding", run, id]),
            "title": text(&format!("{} {}: {}", framework.label(), control.id, control.title)),
            "description": text(&control.supports),
            "props": [
                property("framework", &format!("{} {}", framework.name, framework.version)),
                property("control", &control.id),
                property("result", &result.outcome()),
                property("rules", &control.rules.join(", ")),
            ],
            "target": {
                "type": "objective-id",
                "target-id": id,
                "title": text(&format!("Doorward's rules for {control_id}")),
                "status": { "state": state, "reason": reason, "remarks": text(&remarks) },
            },
        });
        // OSCAL takes no empty lists.
        for (name, list) in [("related-observations", observations), ("related-risks", risks)] {
            if let (false, Some(members)) = (list.is_empty(), found.as_object_mut()) {
                members.insert(name.to_owned(), list.into());
            }
        }
        found
    }
}

fn counts(result: &ControlResult) -> String {
    let ControlResult { fail, unknown, excepted, pass } = result;
    format!(
        "Load balancers that a supporting rule judged: {}. Of these, fail: {fail}; unknown: {unknown}; excepted: \
         {excepted}; pass: {pass}.",
        result.judged()
    )
}
