//! Verdicts and coverage as observations, and what is open about them as risks.

use doorward_model::{
    CoverageLine, CoverageStatus, Finding, Gap, LoadBalancer, RuleMeta, Run, ScanReport, UnseenFinding, Verdict,
    counted, not_seen_in_words,
};
use serde_json::{Value, json};

use crate::identifier::{NS, property, stamp, text, uuid};
use crate::subjects::{item_uuid, place_title, place_uuid, tool_uuid};

/// The UUID of the observation of a verdict, by the finding's id.
pub(crate) fn observation_uuid(run: &str, finding: &str) -> String {
    uuid(&["observation", run, finding])
}

/// The UUID of a risk, by the finding's id: the same in every scan.
pub(crate) fn risk_uuid(finding: &str) -> String {
    uuid(&["risk", finding])
}

/// The status of a verdict's risk; none where there is no risk.
pub(crate) const fn risk_of(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Fail { .. } => Some("open"),
        Verdict::Excepted { .. } => Some("deviation-approved"),
        Verdict::Unknown { .. } => Some("investigating"),
        Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => None,
    }
}

/// The title of a rule; its id where this version does not know it.
fn title<'a>(rules: &[RuleMeta], rule: &'a str) -> &'a str
where
    'static: 'a,
{
    rules.iter().find(|meta| meta.id == rule).map_or(rule, |meta| meta.title)
}

fn origins() -> Value {
    json!([{ "actors": [{ "type": "tool", "actor-uuid": tool_uuid() }] }])
}

fn gap_text(gap: &Gap) -> String {
    let mut words = format!("{}: {}", gap.operation, gap.reason);
    for part in [&gap.code, &gap.message].into_iter().flatten() {
        words.push_str(&format!(", {part}"));
    }
    if let Some(action) = &gap.action {
        words.push_str(&format!("; allow {action}"));
    }
    words
}

/// The observation of one verdict. `last` is the failure of an earlier scan that this one did not observe.
pub(crate) fn of_verdict(
    run: &Run,
    finding: &Finding,
    lb: Option<&LoadBalancer>,
    rules: &[RuleMeta],
    last: Option<&UnseenFinding>,
) -> Value {
    let verdict = &*finding.verdict;
    let mut props = vec![
        property("verdict", &verdict.kind().to_string()),
        property("reason", verdict.reason().code()),
        property("rule", &finding.rule),
        property("finding", &finding.id),
    ];
    match verdict {
        Verdict::Fail { severity, .. } => props.push(property("severity", severity.as_str())),
        Verdict::Excepted { severity, exception, expires, .. } => props.extend([
            property("severity", severity.as_str()),
            property("exception", exception),
            property("exception-expires", expires),
        ]),
        Verdict::Unknown { gaps, .. } => props.extend(gaps.iter().map(|gap| property("gap", &gap_text(gap)))),
        Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => {}
    }
    props.extend(last.map(last_seen));
    let mut observation = json!({
        "uuid": observation_uuid(&run.id, &finding.id),
        "title": text(title(rules, &finding.rule)),
        "description": text(verdict.because()),
        "props": props,
        "methods": ["TEST"],
        "types": ["control-objective"],
        "origins": origins(),
        "subjects": [{
            "subject-uuid": item_uuid(finding.load_balancer.as_str()),
            "type": "inventory-item",
            "title": text(&finding.name),
        }],
        // Of what could not be read, this is when the scan tried.
        "collected": stamp(finding.observed_at.unwrap_or(run.started)),
    });
    let evidence = lb
        .and_then(|lb| lb.evidence.as_ref())
        .filter(|_| matches!(verdict, Verdict::Pass { .. } | Verdict::Fail { .. } | Verdict::Excepted { .. }));
    if let (Some(evidence), Some(members)) = (evidence, observation.as_object_mut()) {
        let request = evidence.request_id.as_deref().unwrap_or("not available");
        let words = format!("Attributes: {}, at {}, request id {request}", evidence.operation, stamp(evidence.at));
        members.insert("relevant-evidence".to_owned(), json!([{ "description": text(&words) }]));
    }
    observation
}

/// The risk of one verdict; none where there is no risk. `last` is the failure of an earlier scan that this one did not observe.
pub(crate) fn risk(run: &Run, finding: &Finding, rules: &[RuleMeta], last: Option<&UnseenFinding>) -> Option<Value> {
    let status = risk_of(&finding.verdict)?;
    let meta = rules.iter().find(|meta| meta.id == finding.rule);
    let title = title(rules, &finding.rule);
    let title = match &*finding.verdict {
        Verdict::Unknown { .. } => format!("Could not be checked: {title}"),
        _ => title.to_owned(),
    };
    let mut props = vec![property("verdict", &finding.verdict.kind().to_string()), property("finding", &finding.id)];
    props.extend(last.map(last_seen));
    let mut risk = json!({
        "uuid": risk_uuid(&finding.id),
        "title": text(&title),
        "description": text(finding.verdict.because()),
        "statement": text(meta.map_or("This version does not know the rule.", |meta| meta.why)),
        "props": props,
        "status": status,
        "origins": origins(),
        "related-observations": [{ "observation-uuid": observation_uuid(&run.id, &finding.id) }],
    });
    let Some(members) = risk.as_object_mut() else { return Some(risk) };
    let severity = match &*finding.verdict {
        Verdict::Fail { severity, .. } | Verdict::Excepted { severity, .. } => Some(severity.as_str()),
        _ => None,
    };
    if let Some(severity) = severity {
        let facet = json!({ "name": "severity", "system": NS, "value": severity });
        let origin = json!({ "actors": [{ "type": "tool", "actor-uuid": tool_uuid() }] });
        members.insert("characterizations".to_owned(), json!([{ "origin": origin, "facets": [facet] }]));
    }
    if let Verdict::Fail { remedy, .. } = &*finding.verdict {
        let response = json!({
            "uuid": uuid(&["response", &finding.id]),
            "lifecycle": "recommendation",
            "title": "Next step",
            "description": text(remedy),
        });
        members.insert("remediations".to_owned(), json!([response]));
    }
    if let Some(due) = finding.deadline.as_ref().and_then(|deadline| deadline.due) {
        members.insert("deadline".to_owned(), stamp(due).into());
    }
    Some(risk)
}

/// The observation of a failure of an earlier scan that this one did not observe.
pub(crate) fn of_unseen(run: &Run, finding: &UnseenFinding, rules: &[RuleMeta]) -> Value {
    json!({
        "uuid": observation_uuid(&run.id, &finding.id),
        "title": text(title(rules, &finding.rule)),
        "description": text(&unseen_text(finding)),
        "props": [
            property("verdict", "unknown"),
            property("rule", &finding.rule),
            property("finding", &finding.id),
            last_seen(finding),
        ],
        "methods": ["TEST"],
        "types": ["historic"],
        "origins": origins(),
        "subjects": [{
            "subject-uuid": item_uuid(finding.load_balancer.as_str()),
            "type": "inventory-item",
            "title": text(&finding.name),
        }],
        "collected": stamp(run.started),
    })
}

/// Its risk.
pub(crate) fn unseen_risk(run: &Run, finding: &UnseenFinding, rules: &[RuleMeta]) -> Value {
    let meta = rules.iter().find(|meta| meta.id == finding.rule);
    json!({
        "uuid": risk_uuid(&finding.id),
        "title": text(&format!("Could not be checked: {}", title(rules, &finding.rule))),
        "description": text(&unseen_text(finding)),
        "statement": text(meta.map_or("This version does not know the rule.", |meta| meta.why)),
        "props": [property("verdict", "unknown"), property("finding", &finding.id)],
        "status": "investigating",
        "origins": origins(),
        "related-observations": [{ "observation-uuid": observation_uuid(&run.id, &finding.id) }],
    })
}

/// When the failure was last observed.
fn last_seen(finding: &UnseenFinding) -> Value {
    property("last-seen", &finding.last_seen.to_string())
}

fn unseen_text(finding: &UnseenFinding) -> String {
    let state = if finding.excepted { "failed with an exception" } else { "failed" };
    format!("It {state} when it was last seen, at {}; this scan did not observe it", finding.last_seen)
}

fn coverage_id(line: &CoverageLine) -> String {
    format!("coverage/{}", place_uuid(line))
}

/// The observation of how far an account-Region was read.
pub(crate) fn of_coverage(run: &Run, line: &CoverageLine) -> Value {
    let mut props = vec![
        property("coverage", &line.status.to_string()),
        property("fully-listed", if line.fully_listed { "yes" } else { "no" }),
    ];
    // Without a full list the number is unknown, which is not the number that was found.
    let load_balancers = line.load_balancers.filter(|_| line.fully_listed);
    props.extend(load_balancers.map(|count| property("load-balancers", &count.to_string())));
    props.extend(line.gaps.iter().map(|gap| property("gap", &gap_text(gap))));
    json!({
        "uuid": observation_uuid(&run.id, &coverage_id(line)),
        "title": text(&place_title(line)),
        "description": text(&coverage_text(line)),
        "props": props,
        "methods": ["EXAMINE"],
        "types": ["discovery"],
        "origins": origins(),
        "subjects": [{ "subject-uuid": place_uuid(line), "type": "component" }],
        "collected": stamp(line.read_at.unwrap_or(run.started)),
    })
}

/// The risk of an account-Region that was not read completely; none where it was, or where the settings exclude it.
pub(crate) fn coverage_risk(run: &Run, line: &CoverageLine) -> Option<Value> {
    if matches!(line.status, CoverageStatus::Complete | CoverageStatus::Skipped) {
        return None;
    }
    Some(json!({
        "uuid": risk_uuid(&coverage_id(line)),
        "title": text(&format!("Not read completely: {}", place_title(line))),
        "description": text(&coverage_text(line)),
        "statement": "A value that could not be read is unknown, and may fail.",
        "props": [property("coverage", &line.status.to_string())],
        "status": "investigating",
        "origins": origins(),
        "related-observations": [{ "observation-uuid": observation_uuid(&run.id, &coverage_id(line)) }],
    }))
}

fn coverage_text(line: &CoverageLine) -> String {
    let found = counted(line.load_balancers.unwrap_or_default(), "load balancer");
    match line.status {
        CoverageStatus::Complete => format!("Read completely: {found}"),
        CoverageStatus::Partial => match line.load_balancers {
            Some(_) => format!("Read in part, with {found}: not all lists or values were read"),
            None => "Read in part: no load balancer was found, and not all lists were read".to_owned(),
        },
        CoverageStatus::Skipped => "Excluded by the settings, closed or disabled: nothing was read".to_owned(),
        CoverageStatus::Failed => "Nothing could be read, so its load balancers are unknown".to_owned(),
    }
}

/// Why not everything is known, of the whole document; none where everything is.
pub(crate) fn gap_of(report: &ScanReport, filter: Option<&str>) -> Option<String> {
    let part = filter.map(part);
    let unseen = report.unseen.as_ref();
    let unseen = unseen.and_then(|unseen| not_seen_in_words(unseen.load_balancers.len(), unseen.findings.len()));
    let unseen = unseen.map(|what| format!("not seen now: {what}"));
    let gaps: Vec<String> = part.into_iter().chain(report.unread_in_words()).chain(unseen).collect();
    (!gaps.is_empty()).then(|| gaps.join("; "))
}

/// Why a part of a report does not show a whole.
pub(crate) fn part(filter: &str) -> String {
    format!("the document holds a part of the report ({filter})")
}
