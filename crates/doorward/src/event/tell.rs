//! What came of events: for people as lines, for programs as `event-v1`.
//!
//! Promise: within v1, keys are added and never renamed, removed or given another meaning; readers should ignore keys they do not
//! know.

use std::cmp::Reverse;
use std::fmt::Write as _;

use doorward_ledger::Recorded;
use doorward_model::{Arn, CoverageLine, Edit, Finding, Gap, LoadBalancer, ScanReport, Verdict, VerdictKind, shown};
use doorward_notify::{Fate, Outcome as Notified};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::envelope::{Heard, Notice};
use super::{look, matters};
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

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Fated {
    /// There was nothing to look at.
    Ignored,
    /// The settings leave the load balancer out; nothing was read.
    LeftOut,
    /// The load balancer does not exist any more; nothing was closed by that.
    Gone,
    /// Nobody could look.
    Unread,
    /// The load balancer was read and judged.
    Judged,
}

/// One event, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventLine {
    /// What it was, as it calls itself.
    what: String,
    /// What became of it.
    outcome: Fated,
    /// Why, where nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    /// What the event says.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<Box<Notice>>,
    /// Whether the event was taken in before.
    repeat: bool,
    /// The run that looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// Who left the load balancer in the mode it is in.
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
    /// What changed in the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<Value>,
    /// What Security Hub was told, as `doorward publish --format json` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<Value>,
    /// What owners were told, as `doorward notify --format json` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    notified: Option<Value>,
    #[serde(skip)]
    told: Vec<String>,
    #[serde(skip)]
    failed: bool,
    #[serde(skip)]
    seen: bool,
    #[serde(skip)]
    refused: bool,
}

/// What became of a load balancer.
pub(super) enum Outcome {
    LeftOut(String),
    Gone,
    Unread(Vec<Gap>),
    Judged(Box<Told>),
}

/// A judged load balancer, and who was told.
pub(super) struct Told {
    pub(super) report: ScanReport,
    pub(super) arn: Arn,
    pub(super) recorded: Recorded,
    pub(super) published: Option<publish::Rendered>,
    pub(super) notified: Option<Notified>,
}

impl EventLine {
    fn new(what: String, outcome: Fated) -> Self {
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
            told: Vec::new(),
            failed: false,
            seen: true,
            refused: false,
        }
    }

    /// An event that is about no load balancer; none for one that is.
    pub(super) fn of_nothing(heard: Heard) -> Option<Self> {
        let (what, why) = match heard {
            Heard::Change(_) => return None,
            Heard::Nothing { what, why } => (what, why),
            Heard::Schedule => {
                ("Scheduled Event".to_owned(), "it asks for a scan, which `doorward scan` is for".to_owned())
            }
        };
        Some(Self { because: Some(why), ..Self::new(what, Fated::Ignored) })
    }

    /// An event about a load balancer.
    pub(super) fn of(notice: Notice, repeat: bool, outcome: Outcome, settings: &ReportSettings) -> Self {
        let what = notice.call.clone();
        let mut line = match outcome {
            Outcome::LeftOut(why) => Self { because: Some(why), ..Self::new(what, Fated::LeftOut) },
            Outcome::Gone => {
                let because = "the load balancer does not exist any more; the next scan says so of its findings";
                Self { because: Some(because.to_owned()), ..Self::new(what, Fated::Gone) }
            }
            Outcome::Unread(gaps) => {
                let told: Vec<String> = gaps.iter().map(ToString::to_string).collect();
                Self { because: Some(told.join("; ")), seen: false, ..Self::new(what, Fated::Unread) }
            }
            Outcome::Judged(told) => Self::judged(what, *told, settings),
        };
        line.notice = Some(Box::new(notice));
        line.repeat = repeat;
        line
    }

    fn judged(what: String, told: Told, settings: &ReportSettings) -> Self {
        let Told { report, arn, recorded, published, notified } = told;
        let mut line = Self::new(what, Fated::Judged);
        let balancer = look::subject(&report, &arn).cloned();
        let kinds = report.findings.iter().map(|finding| finding.verdict.kind());
        let unread = balancer.as_ref().is_none_or(|lb| lb.attributes.gap().is_some() || lb.tags.gap().is_some());
        line.seen = settings.is_enough_known(kinds) && !unread;
        line.failed = report
            .findings
            .iter()
            .any(|f| matches!(f.verdict, Verdict::Fail { severity, .. } if settings.fail_on.covers(severity)));
        line.told = vec![ledger_line(&recorded)];
        if let Some(told) = published {
            line.refused |= told.exit != Exit::Clean;
            line.told.push(hub_line(&told, &report));
            line.published = Some(told.json);
        }
        if let Some(outcome) = notified {
            let (_, json, exit) = notify::said(&outcome);
            line.refused |= exit != Exit::Clean;
            line.told.push(owners_line(&outcome));
            line.notified = Some(json);
        }
        line.recorded = Some(json!(recorded));
        line.run = Some(report.run.id);
        line.edited = balancer.as_ref().and_then(|lb| lb.edited.clone()).map(Box::new);
        line.load_balancer = balancer.map(Box::new);
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
        let again = if self.repeat { " (taken in before)" } else { "" };
        let _ = writeln!(text, "{} by {}{from} at {:.0}{again}", notice.call, notice.by, notice.at);
        let Some(lb) = &self.load_balancer else {
            let word = match self.outcome {
                Fated::Unread => "UNKNOWN: it could not be read",
                Fated::Gone => "gone",
                _ => "left out, nothing was read",
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
        for told in &self.told {
            let _ = writeln!(text, "  {told}");
        }
        let _ = writeln!(text, "  Nothing else in {} {} was looked at.", lb.account, lb.region);
    }

    /// Who left the mode, or that it was not this event.
    fn author(&self, notice: &Notice) -> String {
        match &self.edited {
            Some(edit) if edit.event == notice.event => match &edit.change {
                Some(change) => format!(", as this call left it: Doorward's own change {change}"),
                None => ", as this call left it".to_owned(),
            },
            Some(edit) => format!("; {edit}"),
            None if notice.sets.is_none() => "; the call names no mode".to_owned(),
            None => format!("; the call asked for {}", notice.sets.as_deref().unwrap_or_default()),
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

/// What was sent, and all that is to be said where not everything was accepted.
fn hub_line(told: &publish::Rendered, report: &ScanReport) -> String {
    if told.exit != Exit::Clean {
        return format!("Security Hub: {}", told.text.trim_end().replace('\n', "\n    "));
    }
    let apply =
        |finding: &&Finding| !matches!(finding.verdict.kind(), VerdictKind::NotApplicable | VerdictKind::NotAsked);
    let all = report.findings.iter().filter(apply).count();
    let sent = told.json.pointer("/receipt/written").and_then(Value::as_u64).unwrap_or_default();
    format!("Security Hub: {sent} of {all} findings sent, the others are there as they are")
}

fn ledger_line(recorded: &Recorded) -> String {
    if recorded.late > 0 {
        return "Ledger: a later look is recorded already; nothing changed".to_owned();
    }
    let counts = [
        (recorded.opened, "opened"),
        (recorded.reopened, "came back"),
        (recorded.fixed, "resolved"),
        (recorded.excepted, "under an exception"),
        (recorded.lost_sight, "could not be judged"),
        (recorded.mode_changes, "mode changed"),
    ];
    let told: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("Ledger: {}", if told.is_empty() { "nothing changed".to_owned() } else { told.join(", ") })
}

/// Those who were told something, or should have been.
fn owners_line(outcome: &Notified) -> String {
    let worth = outcome.lines.iter().filter(|line| !matches!(line.fate, Fate::Unchanged));
    let told: Vec<String> = worth
        .map(|line| {
            let fate = match &line.fate {
                Fate::Failed { reason, .. } => format!("FAILED: {reason}"),
                _ => "told".to_owned(),
            };
            format!("{} at {}: {fate}", line.audience.label(), line.channel)
        })
        .collect();
    let silent: usize = outcome.untold.iter().map(|line| line.findings).sum();
    let mut text = format!("Owners: {}", if told.is_empty() { "nothing new".to_owned() } else { told.join("; ") });
    if silent > 0 {
        let _ = write!(text, "; nobody is told of {silent} findings, because no channel is set");
    }
    text
}

impl EventDocument {
    /// What came of all of them.
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

    /// For people; outside text in it is as it came.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (n, line) in self.events.iter().enumerate() {
            if n > 0 {
                text.push('\n');
            }
            line.write(&mut text);
        }
        if self.events.is_empty() {
            text.push_str("no event in it\n");
        }
        text
    }
}
