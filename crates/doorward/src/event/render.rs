//! The result of events: as text, and as JSON (`event-v1`).
//!
//! Promise: within v1, keys may be added, but are never renamed, removed or given another meaning; readers should ignore unknown
//! keys.

use std::cmp::Reverse;
use std::fmt::Write as _;

use doorward_core::event::{ModeChangeEvent, ParsedEvent};
use doorward_ledger::Recorded;
use doorward_model::{Arn, CoverageLine, Edit, Finding, Gap, LoadBalancer, ScanReport, Verdict, VerdictKind, shown};
use doorward_notify::{Fate, Outcome as Notified};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{matters, rescan};
use crate::exit::Exit;
use crate::settings::ReportSettings;
use crate::{notify, publish};

/// The document.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventDocument {
    /// `event-v1`.
    format: &'static str,
    /// The exit code of the run that wrote it; `doorward explain exit-codes` explains it.
    exit_code: u8,
    /// One entry for each event, in their order.
    events: Vec<EventLine>,
    #[serde(skip)]
    exit: Exit,
}

/// What was done about an event.
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
pub(crate) struct EventLine {
    /// The name of the event or call, as in the event.
    what: String,
    /// What was done about it.
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
    /// What was read: this load balancer and no other.
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
pub(super) enum EventOutcome {
    OutOfScope(String),
    Gone,
    Unread(Vec<Gap>),
    Judged(Box<JudgedOutcome>),
}

/// A judged load balancer, what changed in the ledger, and what was sent.
pub(super) struct JudgedOutcome {
    pub(super) report: ScanReport,
    pub(super) arn: Arn,
    pub(super) recorded: Recorded,
    pub(super) published: Option<publish::Rendered>,
    pub(super) notified: Option<Notified>,
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
    pub(super) fn ignored(event: ParsedEvent) -> Option<Self> {
        let (what, why) = match event {
            ParsedEvent::Change(_) => return None,
            ParsedEvent::Nothing { what, why } => (what, why),
            ParsedEvent::Schedule => {
                ("Scheduled Event".to_owned(), "it requests a scan; run `doorward scan`".to_owned())
            }
        };
        Some(Self { because: Some(why), ..Self::new(what, Disposition::Ignored) })
    }

    /// An event about a load balancer.
    pub(super) fn of(event: ModeChangeEvent, repeat: bool, outcome: EventOutcome, settings: &ReportSettings) -> Self {
        let what = event.call.clone();
        let mut line = match outcome {
            EventOutcome::OutOfScope(why) => Self { because: Some(why), ..Self::new(what, Disposition::OutOfScope) },
            EventOutcome::Gone => {
                let because = "the load balancer does not exist any more; the next scan updates its findings";
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
        let load_balancer = rescan::subject(&report, &arn).cloned();
        let kinds = report.findings.iter().map(|finding| finding.verdict.kind());
        let unread = load_balancer.as_ref().is_none_or(|lb| lb.attributes.gap().is_some() || lb.tags.gap().is_some());
        line.seen = settings.is_enough_known(kinds) && !unread;
        line.failed = report
            .findings
            .iter()
            .any(|f| matches!(f.verdict, Verdict::Fail { severity, .. } if settings.fail_on.covers(severity)));
        line.details = vec![ledger_line(&recorded)];
        if let Some(published) = published {
            line.refused |= published.exit != Exit::Clean;
            line.details.push(security_hub_line(&published, &report));
            line.published = Some(published.json);
        }
        if let Some(outcome) = notified {
            let (_, json, exit) = notify::render(&outcome);
            line.refused |= exit != Exit::Clean;
            line.details.push(owners_line(&outcome));
            line.notified = Some(json);
        }
        line.recorded = Some(json!(recorded));
        line.run = Some(report.run.id);
        line.edited = load_balancer.as_ref().and_then(|lb| lb.edited.clone()).map(Box::new);
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
                Some(change) => format!(", as this call left it: Doorward's own change {change}"),
                None => ", as this call left it".to_owned(),
            },
            Some(edit) => format!("; {edit}"),
            None if notice.sets.is_none() => "; the call names no mode".to_owned(),
            None => format!("; the call requested {}", notice.sets.as_deref().unwrap_or_default()),
        }
    }
}

fn write_finding(text: &mut String, finding: &Finding) {
    let (word, next) = match &finding.verdict {
        Verdict::Fail { severity, remedy, .. } => (severity.label(), Some(remedy)),
        Verdict::Excepted { exception, expires, .. } => (format!("excepted by {exception} until {expires}"), None),
        _ => ("UNKNOWN".to_owned(), None),
    };
    let _ = writeln!(text, "  {word} {}: {}", finding.rule, finding.verdict.because());
    if let Some(next) = next {
        let _ = writeln!(text, "    → {next}");
    }
}

/// How many findings were sent, or the errors if not all were accepted.
fn security_hub_line(published: &publish::Rendered, report: &ScanReport) -> String {
    if published.exit != Exit::Clean {
        return format!("Security Hub: {}", published.text.trim_end().replace('\n', "\n    "));
    }
    let apply =
        |finding: &&Finding| !matches!(finding.verdict.kind(), VerdictKind::NotApplicable | VerdictKind::NotAsked);
    let all = report.findings.iter().filter(apply).count();
    let sent = published.json.pointer("/receipt/written").and_then(Value::as_u64).unwrap_or_default();
    format!("Security Hub: {sent} of {all} findings sent, the others are unchanged")
}

fn ledger_line(recorded: &Recorded) -> String {
    if recorded.late > 0 {
        return "Ledger: a later reading is recorded already; nothing changed".to_owned();
    }
    let counts = [
        (recorded.opened, "opened"),
        (recorded.reopened, "came back"),
        (recorded.fixed, "resolved"),
        (recorded.excepted, "under an exception"),
        (recorded.lost_sight, "could not be judged"),
        (recorded.mode_changes, "mode changed"),
    ];
    let changes: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("Ledger: {}", if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") })
}

/// The digests that were sent, or should have been.
fn owners_line(outcome: &Notified) -> String {
    let worth = outcome.lines.iter().filter(|line| !matches!(line.fate, Fate::Unchanged));
    let sent: Vec<String> = worth
        .map(|line| {
            let fate = match &line.fate {
                Fate::Failed { reason, .. } => format!("FAILED: {reason}"),
                _ => "sent".to_owned(),
            };
            format!("{} at {}: {fate}", line.audience.label(), line.channel)
        })
        .collect();
    let silent: usize = outcome.untold.iter().map(|line| line.findings).sum();
    let mut text = format!("Owners: {}", if sent.is_empty() { "nothing new".to_owned() } else { sent.join("; ") });
    if silent > 0 {
        let _ = write!(text, "; {silent} findings have no recipient, because no channel is configured");
    }
    text
}

impl EventDocument {
    /// The results of events, in their order.
    pub(super) fn new(events: Vec<EventLine>) -> Self {
        let any = |of: fn(&EventLine) -> bool| events.iter().any(of);
        let exit = if any(|line| line.refused) {
            Exit::Sink
        } else {
            Exit::of(any(|line| line.failed), !any(|line| !line.seen))
        };
        Self { format: "event-v1", exit_code: exit.code(), events, exit }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// As text. Text from the event is in it as it was received: the caller escapes control characters.
    pub(crate) fn text(&self) -> String {
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
