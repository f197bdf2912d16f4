//! The result of events: as text, and as JSON (`event-v1`).
//!
//! Promise: within v1, keys may be added, but are never renamed, removed or given another meaning; readers should ignore unknown
//! keys.

use std::cmp::Reverse;
use std::fmt::Write as _;

use doorward_ledger::Recorded;
use doorward_model::{
    Arn, CoverageLine, DeliveryResult, DeliveryStatement, Edit, Finding, Gap, LoadBalancer, ReportSettings, ScanReport,
    Verdict, shown,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{ModeChangeEvent, ParsedEvent};

/// The document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventDocument {
    /// `event-v1`.
    format: &'static str,
    /// The exit code of the run that wrote it; `doorward explain exit-codes` explains it.
    exit_code: u8,
    /// One entry for each event, in their order.
    events: Vec<EventLine>,
}

/// The results that determine the exit code of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventResult {
    /// A finding fails at or above the threshold.
    pub failed: bool,
    /// Everything that the events name was read and is known.
    pub covered: bool,
    /// A delivery was not accepted as a whole.
    pub refused: bool,
}

/// The handling of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Disposition {
    /// The event names no load balancer to read.
    Ignored,
    /// The settings exclude the load balancer; nothing was read.
    OutOfScope,
    /// The load balancer does not exist any more; its findings are not closed by that.
    Gone,
    /// The load balancer could not be read.
    Unread,
    /// The load balancer was read and judged.
    Judged,
}

/// One event, and its result.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventLine {
    /// The name of the event or call, as in the event.
    what: String,
    /// The outcome.
    outcome: Disposition,
    /// The reason, if nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    /// The call that the event records.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<Box<ModeChangeEvent>>,
    /// Whether the event was recorded before.
    repeat: bool,
    /// The run that read the load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The call that left the load balancer in its mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited: Option<Box<Edit>>,
    /// The coverage of this load balancer and no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Box<CoverageLine>>,
    /// The load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<Box<LoadBalancer>>,
    /// Every verdict on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    /// The changes in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Value>,
    /// The findings sent to Security Hub, as in `doorward publish --format json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<Value>,
    /// The digests sent to owners, as in `doorward notify --format json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    notified: Option<Value>,
    #[serde(skip)]
    details: Vec<String>,
    #[serde(skip)]
    failed: bool,
    #[serde(skip)]
    seen: bool,
    #[serde(skip)]
    refused: bool,
}

/// The result of a re-scan with its deliveries.
pub enum EventOutcome {
    /// The settings exclude the load balancer: why.
    OutOfScope(String),
    /// It does not exist any more.
    Gone,
    /// It could not be read: why.
    Unread(Vec<Gap>),
    /// It was read and judged.
    Judged(Box<JudgedOutcome>),
}

/// A judged load balancer, what changed in the ledger, and what was sent.
pub struct JudgedOutcome {
    /// The report about it.
    pub report: ScanReport,
    /// Its ARN.
    pub arn: Arn,
    /// The changes in the ledger.
    pub recorded: Recorded,
    /// The delivery to Security Hub, if requested.
    pub published: Option<DeliveryStatement>,
    /// The delivery to owners, if requested.
    pub notified: Option<DeliveryStatement>,
}

impl EventLine {
    fn new(what: String, outcome: Disposition) -> Self {
        Self {
            what,
            outcome,
            because: None,
            notice: None,
            repeat: false,
            run: None,
            edited: None,
            coverage: None,
            load_balancer: None,
            findings: Vec::new(),
            recorded: None,
            published: None,
            notified: None,
            details: Vec::new(),
            failed: false,
            seen: true,
            refused: false,
        }
    }

    /// An event that names no load balancer; none for one that does.
    pub fn ignored(event: ParsedEvent) -> Option<Self> {
        let (what, why) = match event {
            ParsedEvent::Change(_) => return None,
            ParsedEvent::Nothing { what, why } => (what, why),
            ParsedEvent::Schedule => {
                ("Scheduled Event".to_owned(), "the event requests a scan; run `doorward scan`".to_owned())
            }
        };
        Some(Self { because: Some(why), ..Self::new(what, Disposition::Ignored) })
    }

    /// An event about a load balancer.
    pub fn of(event: ModeChangeEvent, repeat: bool, outcome: EventOutcome, settings: &ReportSettings) -> Self {
        let what = event.call.clone();
        let mut line = match outcome {
            EventOutcome::OutOfScope(why) => Self { because: Some(why), ..Self::new(what, Disposition::OutOfScope) },
            EventOutcome::Gone => {
                let because = "the load balancer no longer exists; the next scan updates its findings";
                Self { because: Some(because.to_owned()), ..Self::new(what, Disposition::Gone) }
            }
            EventOutcome::Unread(gaps) => {
                let gaps: Vec<String> = gaps.iter().map(ToString::to_string).collect();
                Self { because: Some(gaps.join("; ")), seen: false, ..Self::new(what, Disposition::Unread) }
            }
            EventOutcome::Judged(judged) => Self::judged(what, *judged, settings),
        };
        line.notice = Some(Box::new(event));
        line.repeat = repeat;
        line
    }

    fn judged(what: String, judged: JudgedOutcome, settings: &ReportSettings) -> Self {
        let JudgedOutcome { report, arn, recorded, published, notified } = judged;
        let mut line = Self::new(what, Disposition::Judged);
        let load_balancer = report.load_balancers.iter().find(|lb| lb.arn == arn).cloned();
        let kinds = report.findings.iter().map(|finding| finding.verdict.kind());
        let unread = load_balancer.as_ref().is_none_or(|lb| lb.attributes.gap().is_some() || lb.tags.gap().is_some());
        line.seen = settings.is_enough_known(kinds) && !unread;
        line.failed = report.findings.iter().any(|finding| settings.is_reached_by(finding));
        line.details = vec![ledger_line(&recorded)];
        for statement in published.iter().chain(&notified) {
            line.refused |= statement.result != DeliveryResult::Complete;
            line.details.push(statement.summary.clone());
        }
        line.published = published.map(|statement| statement.document);
        line.notified = notified.map(|statement| statement.document);
        line.recorded = Some(json!(recorded));
        line.run = Some(report.run.id);
        line.edited = load_balancer.as_ref().and_then(|lb| lb.edited.clone());
        line.load_balancer = load_balancer.map(Box::new);
        line.coverage = report.coverage.lines.into_iter().next().map(Box::new);
        line.findings = report.findings;
        line
    }

    fn write(&self, text: &mut String) {
        let Some(notice) = &self.notice else {
            let why = self.because.as_deref().unwrap_or_default();
            let _ = writeln!(text, "{}: ignored, {why}", self.what);
            return;
        };
        let from = notice.source.as_ref().map(|source| format!(" from {source}")).unwrap_or_default();
        let again = if self.repeat { " (recorded before)" } else { "" };
        let _ = writeln!(text, "{} by {}{from} at {:.0}{again}", notice.call, notice.by, notice.at);
        let Some(lb) = &self.load_balancer else {
            let word = match self.outcome {
                Disposition::Unread => "UNKNOWN: it could not be read",
                Disposition::Gone => "gone",
                _ => "out of scope, nothing was read",
            };
            let why = self.because.as_deref().unwrap_or_default();
            let _ = writeln!(text, "  {}: {word}: {why}", notice.load_balancer);
            return;
        };
        let _ = writeln!(text, "  {} · {} {} · {}", lb.name, lb.account, lb.region, lb.owner_label());
        let _ = writeln!(text, "  mode: {}{}", shown(&lb.mode), self.author(notice));
        let mut open: Vec<&Finding> = self.findings.iter().filter(|finding| matters(&finding.verdict)).collect();
        open.sort_by_key(|finding| Reverse(finding.verdict.severity()));
        open.into_iter().for_each(|finding| write_finding(text, finding));
        let fine = self.findings.iter().filter(|finding| !matters(&finding.verdict)).count();
        let _ = writeln!(text, "  {fine} of {} rules pass or do not apply", self.findings.len());
        for detail in &self.details {
            let _ = writeln!(text, "  {detail}");
        }
        let _ = writeln!(text, "  No other load balancer in {} {} was read.", lb.account, lb.region);
    }

    /// The author of the mode, as far as it is known.
    fn author(&self, notice: &ModeChangeEvent) -> String {
        match &self.edited {
            Some(edit) if edit.event == notice.event => match &edit.change {
                Some(change) => format!(", as set by this call: Doorward's own change {change}"),
                None => ", as set by this call".to_owned(),
            },
            Some(edit) => format!("; {edit}"),
            None if notice.sets.is_none() => "; the call names no mode".to_owned(),
            None => format!("; the call requested {}", notice.sets.as_deref().unwrap_or_default()),
        }
    }
}

fn write_finding(text: &mut String, finding: &Finding) {
    let (word, next) = match &*finding.verdict {
        Verdict::Fail { severity, remedy, .. } => (severity.label(), Some(remedy)),
        Verdict::Excepted { exception, expires, .. } => (format!("excepted by {exception} until {expires}"), None),
        _ => ("UNKNOWN".to_owned(), None),
    };
    let _ = writeln!(text, "  {word} {}: {}", finding.rule, finding.verdict.because());
    if let Some(next) = next {
        let _ = writeln!(text, "    → {next}");
    }
}

fn ledger_line(recorded: &Recorded) -> String {
    if recorded.late > 0 {
        return "Ledger: a later reading is already recorded; nothing changed".to_owned();
    }
    let counts = [
        (recorded.opened, "opened"),
        (recorded.reopened, "failing again"),
        (recorded.fixed, "resolved"),
        (recorded.excepted, "under an exception"),
        (recorded.lost_sight, "could not be judged"),
        (recorded.mode_changes, "mode changed"),
    ];
    let changes: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("Ledger: {}", if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") })
}

/// Whether a verdict has a line of its own.
fn matters(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fail { .. } | Verdict::Unknown { .. } | Verdict::Excepted { .. })
}

impl EventDocument {
    /// The results of events, in their order; `code` gives the exit code.
    pub fn new(events: Vec<EventLine>, code: impl FnOnce(EventResult) -> u8) -> Self {
        let any = |of: fn(&EventLine) -> bool| events.iter().any(of);
        let refused = any(|line| line.refused);
        let result = EventResult { failed: any(|line| line.failed), covered: !any(|line| !line.seen), refused };
        Self { format: "event-v1", exit_code: code(result), events }
    }

    /// As text. Text from the event is in it as it was received: the caller escapes control characters.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (n, line) in self.events.iter().enumerate() {
            if n > 0 {
                text.push('\n');
            }
            line.write(&mut text);
        }
        if self.events.is_empty() {
            text.push_str("The file contains no event.\n");
        }
        text
    }
}
