//! Every load balancer and finding, packed for the page's script.
//!
//! Twenty thousand load balancers with six verdicts each are a page that still opens at once only if nothing is written
//! twice: texts, verdicts and dates are numbered, and a sentence that names its own load balancer is kept with marks in
//! place of the ARN, the name, the manager, the account and the Region, so that thousands of them are one. The marks are
//! control characters, which no text holds after [`harmless`]; the script puts the values back.

use std::collections::BTreeMap;

use doorward_model::{
    Arn, CostCentres, Finding, Listener, LoadBalancer, LogDestination, Observed, RequiredMode, ScanReport,
    TriggerSummary, Verdict, VerdictKind, harmless, shown,
};
use serde::Serialize;

use crate::PageContext;
use crate::changes::ChangeData;
use crate::declared::DeclaredData;
use crate::intern::Interned;
use crate::traffic::TrafficData;

/// What stands in place of the ARN, the name, the manager, the account and the Region.
const MARKS: [&str; 5] = ["\u{1}", "\u{2}", "\u{3}", "\u{4}", "\u{5}"];

/// The number that means "none".
const NONE: i64 = -1;

/// A verdict: kind, severity, because, remedy, exception, expires; texts by number, -1 for none.
type PackedVerdict = [i64; 6];

/// A history: first seen, last seen, resolved, by number of text; how often it came back.
type PackedHistory = [i64; 4];

/// The data. `load_balancers` has one row per load balancer in the order of [`COLUMNS`], `findings` one flat row beside it:
/// rule, verdict, history, and so on in threes.
#[derive(Serialize)]
struct Packed {
    at: String,
    partition: String,
    columns: [&'static str; COLUMNS.len()],
    rules: Vec<RuleText>,
    texts: Vec<String>,
    verdicts: Vec<PackedVerdict>,
    histories: Vec<PackedHistory>,
    names: Vec<String>,
    tails: Vec<String>,
    requests: Vec<String>,
    load_balancers: Vec<[i64; COLUMNS.len()]>,
    findings: Vec<Vec<i64>>,
    /// By number of row, where traffic was read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    traffic: BTreeMap<usize, TrafficData>,
    /// By number of row, where Doorward changed the mode.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    changes: BTreeMap<usize, Vec<ChangeData>>,
    /// By number of row, where a declaration was found.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    declared: BTreeMap<usize, DeclaredData>,
    /// By number of row, where it is known who left the mode.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    edits: BTreeMap<usize, String>,
}

/// The documentation of a rule.
#[derive(Serialize)]
struct RuleText {
    id: String,
    title: String,
    why: String,
}

/// A row: indexes into the list of texts.
const COLUMNS: [&str; 24] = [
    "arn",
    "account",
    "account_name",
    "ou",
    "region",
    "kind",
    "scheme",
    "mode",
    "required",
    "owner",
    "owner_source",
    "managed_by",
    "environment",
    "application",
    "created",
    "access_logs",
    "drop_invalid_headers",
    "listeners",
    "read_at",
    "read_by",
    "cost_centre",
    "reachability",
    "triggers",
    "risk_profile",
];

/// The data as JSON that may stand inside a `script` element.
pub(crate) fn embedded(report: &ScanReport, context: &PageContext) -> Result<String, serde_json::Error> {
    let mut packer = Packer::default();
    let centres = CostCentres::new(&report.accounts, &context.cost_centre_tags);
    let mut findings: BTreeMap<&Arn, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        findings.entry(&finding.load_balancer).or_default().push(finding);
    }
    for lb in &report.load_balancers {
        let triggers = context.triggers.and_then(|of| of(lb));
        let (found, required) = (findings.remove(&lb.arn).unwrap_or_default(), context.required.get(&lb.arn));
        packer.add(lb, &found, required, triggers.as_deref(), centres.of(lb));
    }
    let rules = packer.rules.into_values().into_iter().map(|id| {
        let meta = context.rules.iter().find(|rule| rule.id == id);
        RuleText {
            title: meta.map_or_else(|| id.clone(), |rule| rule.title.to_owned()),
            why: meta.map_or_else(String::new, |rule| rule.why.to_owned()),
            id,
        }
    });
    let packed = Packed {
        at: report.run.finished.to_string(),
        partition: harmless(&report.run.partition).into_owned(),
        columns: COLUMNS,
        rules: rules.collect(),
        texts: packer.texts.into_values(),
        verdicts: packer.verdicts.into_values(),
        histories: packer.histories.into_values(),
        names: packer.names,
        tails: packer.tails,
        requests: packer.requests,
        load_balancers: packer.load_balancers,
        findings: packer.findings,
        traffic: report
            .load_balancers
            .iter()
            .enumerate()
            .filter_map(|(row, lb)| {
                let due = context.required.get(&lb.arn).and_then(|required| required.unmet_by(lb));
                Some((row, TrafficData::of(lb.traffic.as_deref()?, due)))
            })
            .collect(),
        changes: report
            .load_balancers
            .iter()
            .enumerate()
            .filter(|(_, lb)| !lb.changes.is_empty())
            .map(|(row, lb)| (row, lb.changes.iter().map(ChangeData::of).collect()))
            .collect(),
        declared: report
            .load_balancers
            .iter()
            .enumerate()
            .filter_map(|(row, lb)| {
                let below = context.required.get(&lb.arn).and_then(|required| required.unmet_by(lb));
                Some((row, DeclaredData::of(lb.declared.as_deref()?, below, context.code_link.as_ref())))
            })
            .collect(),
        edits: report
            .load_balancers
            .iter()
            .enumerate()
            .filter_map(|(row, lb)| Some((row, harmless(&lb.edited.as_ref()?.to_string()).into_owned())))
            .collect(),
    };
    // Inside a script element only `<` could end it or begin a comment; the rest is for readers that are less exact.
    Ok(serde_json::to_string(&packed)?.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

#[derive(Default)]
struct Packer {
    texts: Interned<String>,
    rules: Interned<String>,
    verdicts: Interned<PackedVerdict>,
    histories: Interned<PackedHistory>,
    names: Vec<String>,
    tails: Vec<String>,
    requests: Vec<String>,
    load_balancers: Vec<[i64; COLUMNS.len()]>,
    findings: Vec<Vec<i64>>,
}

/// What a load balancer's own marks stand for, in the order of [`MARKS`].
struct Own([String; 5]);

impl Own {
    /// The text with marks in place of what is the load balancer's own. Longest first: the ARN holds all but one other.
    fn marked(&self, text: &str) -> String {
        let mut text = harmless(text).into_owned();
        for (value, mark) in self.0.iter().zip(MARKS) {
            if value.len() > 2 {
                text = text.replace(value.as_str(), mark);
            }
        }
        text
    }
}

impl Packer {
    fn text(&mut self, text: &str) -> i64 {
        number(self.texts.number(harmless(text).into_owned()))
    }

    fn add(
        &mut self,
        lb: &LoadBalancer,
        findings: &[&Finding],
        required: Option<&RequiredMode>,
        triggers: Option<&TriggerSummary>,
        cost_centre: String,
    ) {
        let manager = lb.managed_by.known().map(ToString::to_string).unwrap_or_default();
        let own = Own([lb.arn.as_str(), &lb.name, &manager, lb.account.as_str(), lb.region.as_str()]
            .map(|value| harmless(value).into_owned()));
        let (stem, tail) = split(&lb.arn, &own);
        let evidence = lb.evidence.as_ref();
        let ou = lb.ou.as_ref().map(|ou| ou.names.clone());
        let source = lb.owner.known().map_or_else(String::new, |owner| owner.source_text());
        let created = lb.created.map_or_else(|| "unknown".to_owned(), |at| at.strftime("%Y-%m-%d").to_string());
        let texts = [
            stem,
            lb.account.to_string(),
            shown(&lb.account_name),
            shown(&ou),
            lb.region.to_string(),
            lb.kind.to_string(),
            shown(&lb.scheme),
            lb.mode_text(),
            lb.required_mode_text(required),
            lb.owner_label().to_owned(),
            source,
            match &lb.managed_by {
                Observed::Absent => "no known manager".to_owned(),
                other => shown(other),
            },
            shown(&lb.environment),
            shown(&lb.application),
            created,
            logs(&lb.access_logs),
            shown(&lb.drop_invalid_headers),
            listeners(&lb.listeners),
            evidence.map_or_else(String::new, |e| e.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
            evidence.map_or_else(String::new, |e| e.operation.to_string()),
            cost_centre,
            shown(&lb.reachability),
            triggers.map(|of| format!("{of}; now: {}", of.now.join(", "))).unwrap_or_default(),
            lb.policy.as_ref().map_or_else(|| "unknown".to_owned(), |applied| applied.profile_label().to_owned()),
        ];
        // The stem of an ARN has its marks already, and is no outside text any more.
        let mut row = [NONE; COLUMNS.len()];
        for ((place, text), column) in row.iter_mut().zip(texts).zip(COLUMNS) {
            *place = if column == "arn" { number(self.texts.number(text)) } else { self.text(&text) };
        }
        self.load_balancers.push(row);
        self.names.push(harmless(&lb.name).into_owned());
        self.tails.push(tail);
        self.requests.push(
            evidence.and_then(|e| e.request_id.as_deref()).map(|id| harmless(id).into_owned()).unwrap_or_default(),
        );
        let row = findings.iter().flat_map(|finding| self.finding(finding, &own)).collect();
        self.findings.push(row);
    }

    fn finding(&mut self, finding: &Finding, own: &Own) -> [i64; 3] {
        let rule = number(self.rules.number(harmless(&finding.rule).into_owned()));
        let mut say = |text: &str| number(self.texts.number(own.marked(text)));
        let because = match &finding.deadline {
            Some(deadline) => say(&format!("{} {}", finding.verdict.because(), deadline.sentence())),
            None => say(finding.verdict.because()),
        };
        let kind = match finding.verdict.kind() {
            VerdictKind::Fail => 0,
            VerdictKind::Unknown => 1,
            VerdictKind::Excepted => 2,
            VerdictKind::Pass => 3,
            VerdictKind::NotApplicable => 4,
            VerdictKind::NotAsked => 5,
        };
        let packed = match &*finding.verdict {
            Verdict::Fail { severity, remedy, .. } => [kind, *severity as i64, because, say(remedy), NONE, NONE],
            Verdict::Excepted { severity, exception, expires, .. } => {
                [kind, *severity as i64, because, NONE, say(exception), say(expires)]
            }
            Verdict::Unknown { gaps, .. } => {
                let mut remedies: Vec<&str> = gaps.iter().map(|gap| gap.remedy()).collect();
                remedies.dedup();
                [kind, NONE, because, say(&remedies.join(" ")), NONE, NONE]
            }
            Verdict::NotAsked { remedy, .. } => [kind, NONE, because, say(remedy), NONE, NONE],
            Verdict::Pass { .. } | Verdict::NotApplicable { .. } => [kind, NONE, because, NONE, NONE, NONE],
        };
        let history = finding.history.as_ref().map_or(NONE, |history| {
            let mut date = |at: jiff::Timestamp| number(self.texts.number(at.to_string()));
            let resolved = history.resolved.map_or(NONE, &mut date);
            let packed = [date(history.first_seen), date(history.last_seen), resolved, i64::from(history.reopened)];
            number(self.histories.number(packed))
        });
        [rule, number(self.verdicts.number(packed)), history]
    }
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The ARN as what it shares with others, with marks, and its own last part.
fn split(arn: &Arn, own: &Own) -> (String, String) {
    let arn = harmless(arn.as_str());
    let [_, name, _, account, region] = &own.0;
    let (stem, tail) = arn.rsplit_once('/').unwrap_or((&arn, ""));
    let marked = |text: &str| {
        [(account, 3), (region, 4), (name, 1)].into_iter().fold(text.to_owned(), |text, (value, mark)| {
            match MARKS.get(mark) {
                Some(mark) if value.len() > 2 => text.replace(value.as_str(), mark),
                _ => text,
            }
        })
    };
    // A classic load balancer's last part is its name, which every row has already.
    if tail == name {
        (format!("{}/{}", marked(stem), MARKS[1]), String::new())
    } else {
        (format!("{}/", marked(stem)), tail.to_owned())
    }
}

fn logs(logs: &Observed<LogDestination>) -> String {
    match logs {
        Observed::Known(LogDestination::Nowhere) => "off".to_owned(),
        Observed::Known(LogDestination::S3 { bucket, prefix }) => format!("s3://{bucket}/{prefix}"),
        Observed::Known(LogDestination::Delivery(to)) => format!("delivery: {}", to.join(", ")),
        other => shown(&other.as_ref().map(|_| "")),
    }
}

fn listeners(listeners: &Observed<Vec<Listener>>) -> String {
    let Observed::Known(listeners) = listeners else { return shown(&listeners.as_ref().map(|_| "")) };
    let each = listeners.iter().map(|listener| match listener.port {
        Some(port) => format!("{} {port}", listener.protocol),
        None => listener.protocol.to_string(),
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}
