//! The document: its parts are made one element at a time while it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use doorward_model::{FindingsOfControls, Frameworks, LoadBalancer, RuleMeta, ScanReport, UnseenFinding};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::identifier::{property, stamp, text, uuid};
use crate::objective::{Objective, catalog_uuid, objectives};
use crate::observations::{coverage_risk, gap_of, of_coverage, of_unseen, of_verdict, risk, unseen_risk};
use crate::subjects::{components, items};

/// The version of the schema that the document follows.
const OSCAL: &str = "1.1.3";

/// The input for the document besides the report.
pub struct OscalContext<'a> {
    /// The frameworks whose controls are named.
    pub frameworks: &'a Frameworks,
    /// The rules of this version.
    pub rules: &'a [RuleMeta],
    /// The part of the report that is written; absent where it is all of it.
    pub filter: Option<String>,
}

/// Writes a report as assessment results, and returns the number of its findings.
///
/// # Errors
///
/// When nothing more can be written.
pub fn write(mut out: impl Write, report: &ScanReport, context: &OscalContext<'_>) -> io::Result<usize> {
    let scene = Scene::new(report, context);
    serde_json::to_writer_pretty(&mut out, &Document::of(&scene))?;
    out.write_all(b"\n")?;
    Ok(report.findings.len())
}

/// A report with what is looked up often.
struct Scene<'a> {
    report: &'a ScanReport,
    context: &'a OscalContext<'a>,
    objectives: Vec<Objective<'a>>,
    findings: FindingsOfControls<'a>,
    load_balancers: BTreeMap<&'a str, &'a LoadBalancer>,
    /// Failures that this scan did not observe, by finding; and those of them without a verdict of this scan.
    unseen: BTreeMap<&'a str, &'a UnseenFinding>,
    unjudged: Vec<&'a UnseenFinding>,
    gap: Option<String>,
}

impl<'a> Scene<'a> {
    fn new(report: &'a ScanReport, context: &'a OscalContext<'a>) -> Self {
        Self {
            report,
            context,
            objectives: objectives(context.frameworks),
            findings: FindingsOfControls::new(report),
            load_balancers: report.load_balancers.iter().map(|lb| (lb.arn.as_str(), lb)).collect(),
            unseen: report.unseen_failures(),
            unjudged: report.unseen_without_verdict(),
            gap: gap_of(report, context.filter.as_deref()),
        }
    }

    /// The UUID of the document: another one as soon as a verdict is another one.
    fn uuid(&self) -> String {
        let report = self.report;
        let mut parts =
            vec!["document", &report.run.id, &report.run.tool_version, self.gap.as_deref().unwrap_or_default()];
        parts.extend(self.objectives.iter().map(|objective| objective.id.as_str()));
        for finding in &report.findings {
            parts.extend([finding.id.as_str(), finding.verdict.reason().code(), finding.verdict.because()]);
        }
        uuid(&parts)
    }

    fn metadata(&self) -> Value {
        let run = &self.report.run;
        json!({
            "title": if self.context.filter.is_some() { "Desync mitigation of load balancers: a part of the results of a scan" } else { "Desync mitigation of load balancers: results of a scan" },
            "last-modified": stamp(run.finished),
            "version": text(&run.id),
            "oscal-version": OSCAL,
            "remarks": "Written by Doorward. An unknown verdict is an observation with the property verdict=unknown and a risk under \
                investigation; no objective that depends on it is satisfied. The results support controls; the assessor decides \
                whether a control is satisfied.",
        })
    }

    /// The description of the result.
    fn description(&self) -> String {
        match &self.context.filter {
            None => "Every load balancer of every account and Region in scope, judged by every rule.".to_owned(),
            Some(filter) => text(&format!(
                "FILTERED: {filter}. The document contains only the load balancers and findings that this filter \
                 selects. The account-Regions are those of the whole scan."
            )),
        }
    }

    fn reviewed(&self) -> Value {
        let of = |framework: &&doorward_model::Framework| -> Value {
            let mut ids = BTreeSet::new();
            let own = self.objectives.iter().filter(|objective| std::ptr::eq(objective.framework, *framework));
            let controls: Vec<Value> = own
                .filter(|objective| ids.insert(&objective.control_id))
                .map(|objective| json!({ "control-id": objective.control_id }))
                .collect();
            let mut selection = json!({
                "description": text(&format!("{} {}: controls that rules support", framework.name, framework.version)),
                "include-controls": controls,
            });
            if let (Some(_), Some(members)) = (&framework.catalog, selection.as_object_mut()) {
                let link = json!({ "href": format!("#{}", catalog_uuid(framework)), "rel": "reference" });
                members.insert("links".to_owned(), json!([link]));
            }
            selection
        };
        let selections: Vec<Value> =
            self.context.frameworks.all().filter(|f| !f.controls.is_empty()).map(|f| of(&f)).collect();
        json!({ "control-selections": selections, "control-objective-selections": [{ "include-all": {} }] })
    }

    fn back_matter(&self) -> Value {
        let mut resources = vec![json!({
            "uuid": plan_uuid(),
            "title": "Scan without an OSCAL assessment plan",
            "description": "The settings of Doorward select accounts, Regions and rules; its evidence packs quote them.",
        })];
        for framework in self.context.frameworks.all() {
            if let Some(address) = &framework.catalog {
                resources.push(json!({
                    "uuid": catalog_uuid(framework),
                    "title": text(&format!("Catalog of {} {}", framework.name, framework.version)),
                    "rlinks": [{ "href": address }],
                }));
            }
        }
        json!({ "resources": resources })
    }

    fn observations(&self) -> impl Iterator<Item = Value> {
        let (run, rules) = (&self.report.run, self.context.rules);
        let coverage = self.report.coverage.lines.iter().map(move |line| of_coverage(run, line));
        let verdicts = self.report.findings.iter().map(move |finding| {
            let lb = self.load_balancers.get(finding.load_balancer.as_str()).copied();
            of_verdict(run, finding, lb, rules, self.unseen.get(finding.id.as_str()).copied())
        });
        let unseen = self.unjudged.iter().map(move |finding| of_unseen(run, finding, rules));
        coverage.chain(verdicts).chain(unseen)
    }

    fn risks(&self) -> impl Iterator<Item = Value> {
        let (run, rules) = (&self.report.run, self.context.rules);
        let coverage = self.report.coverage.lines.iter().filter_map(move |line| coverage_risk(run, line));
        let verdicts = self.report.findings.iter().filter_map(move |finding| {
            let last = self.unseen.get(finding.id.as_str()).copied();
            // The rule was not asked: the failure stands as it was last seen.
            risk(run, finding, rules, last).or_else(|| last.map(|last| unseen_risk(run, last, rules)))
        });
        let unseen = self.unjudged.iter().map(move |finding| unseen_risk(run, finding, rules));
        coverage.chain(verdicts).chain(unseen)
    }

    fn result_props(&self) -> Value {
        let counts = self.report.coverage.counts;
        let mut props = vec![
            property("account-regions-in-scope", &counts.in_scope().to_string()),
            property("account-regions-complete", &counts.complete.to_string()),
            property("findings", &self.report.findings.len().to_string()),
        ];
        props.extend(self.gap.as_ref().map(|gap| property("not-read", gap)));
        Value::Array(props)
    }
}

/// The UUID of the resource that stands for the plan.
fn plan_uuid() -> String {
    uuid(&["plan"])
}

/// A list whose elements are made while it is written.
struct Elements<'a>(Box<dyn Fn() -> ElementIterator<'a> + 'a>);

/// The elements of a list.
type ElementIterator<'a> = Box<dyn Iterator<Item = Value> + 'a>;

impl<'a> Elements<'a> {
    /// A list, or none without elements: OSCAL takes no empty lists.
    fn of<I: Iterator<Item = Value> + 'a>(elements: impl Fn() -> I + 'a) -> Option<Self> {
        elements().next()?;
        Some(Self(Box::new(move || Box::new(elements()))))
    }
}

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The whole document.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document<'a> {
    assessment_results: AssessmentResults<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AssessmentResults<'a> {
    uuid: String,
    metadata: Value,
    import_ap: Value,
    local_definitions: LocalObjectives<'a>,
    results: [ScanResult<'a>; 1],
    back_matter: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LocalObjectives<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    objectives_and_methods: Option<Elements<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ScanResult<'a> {
    uuid: String,
    title: &'static str,
    description: String,
    start: String,
    end: String,
    props: Value,
    local_definitions: Subjects<'a>,
    reviewed_controls: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    observations: Option<Elements<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risks: Option<Elements<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Elements<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Subjects<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Elements<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory_items: Option<Elements<'a>>,
}

impl<'a> Document<'a> {
    fn of(scene: &'a Scene<'a>) -> Self {
        let (report, run) = (scene.report, &scene.report.run);
        let uuid_of_document = scene.uuid();
        let filter = scene.context.filter.as_deref();
        let findings = move || scene.objectives.iter().map(move |one| one.finding(&run.id, &scene.findings, filter));
        let result = ScanResult {
            uuid: uuid(&["result", &uuid_of_document]),
            title: if scene.context.filter.is_some() {
                "Part of a scan of load balancers"
            } else {
                "Scan of load balancers"
            },
            description: scene.description(),
            start: stamp(run.started),
            end: stamp(run.finished.max(run.started)),
            props: scene.result_props(),
            local_definitions: Subjects {
                components: Elements::of(|| components(report)),
                inventory_items: Elements::of(|| items(report)),
            },
            reviewed_controls: scene.reviewed(),
            observations: Elements::of(|| scene.observations()),
            risks: Elements::of(|| scene.risks()),
            findings: Elements::of(findings),
        };
        let objectives = LocalObjectives {
            objectives_and_methods: Elements::of(|| scene.objectives.iter().map(Objective::definition)),
        };
        let assessment_results = AssessmentResults {
            uuid: uuid_of_document,
            metadata: scene.metadata(),
            import_ap: json!({ "href": format!("#{}", plan_uuid()) }),
            local_definitions: objectives,
            results: [result],
            back_matter: scene.back_matter(),
        };
        Self { assessment_results }
    }
}
