//! The diagnosis as a table for people and as JSON for programs.

use std::fmt::Write as _;

use doorward_aws::WayInLine;
use doorward_ledger::PreflightState;
use doorward_model::{CoverageStatus, Observed, harmless};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::gap_groups::{GapGroup, group};
use super::gaps::Stage;
use super::{Diagnosis, LEDGER_BYTES, policy_changes};

/// Seconds of clock offset from which the table notes it. AWS refuses requests from 300 on.
const CLOCK_TOLERANCE: u64 = 30;

/// Places of a group that the table names; the rest is counted.
const PLACES: usize = 6;

/// The exit code of the command, and a clause that explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitMeaning {
    /// The number.
    pub code: u8,
    /// The explanation.
    pub meaning: &'static str,
}

/// The first column of the summary.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Note,
    Unread,
}

/// One line of the summary: mark, subject and text.
struct SummaryLine(Mark, &'static str, String);

/// The diagnosis for people, with colour codes if `colour` is set. Text from AWS is escaped.
pub fn table(diagnosis: &Diagnosis, exit: ExitMeaning, colour: bool) -> String {
    let paint = |code: &str, text: &str| {
        if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let run = &diagnosis.scan.run;
    let mut text =
        format!("Doorward {} · doctor · {} UTC\n\n", run.tool_version, diagnosis.at.strftime("%Y-%m-%d %H:%M"));
    text += &way_in_table(&diagnosis.way_in, colour);
    text.push('\n');
    for SummaryLine(mark, subject, line) in summary(diagnosis) {
        let _ = writeln!(text, "  {}  {subject:<12}  {}", painted(mark, colour), harmless(&line));
    }
    let groups = group(&diagnosis.gaps);
    for (stage, heading) in [
        (Stage::Scan, "A scan could not read"),
        (Stage::Traffic, "Traffic analysis could not read"),
        (Stage::Publish, "Security Hub could not receive findings"),
        (Stage::Optional, "Not allowed, and needed once there is a load balancer to read"),
    ] {
        let mut own = groups.iter().filter(|group| group.stage == stage).peekable();
        if own.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "\n{}", paint("1", heading));
        for group in own {
            let gap = group.gap;
            let code = gap.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            let head = format!("{}{code} · {}", gap.operation, listed(&group.places));
            let _ = writeln!(text, "  {} · {}", paint("31", gap.reason.code()), harmless(&head));
            if let Some(message) = gap.message.as_deref().filter(|_| gap.action.is_none()) {
                let _ = writeln!(text, "           {}", harmless(message));
            }
            let by = gap.policy.as_ref().map(|arn| format!(" Policy: {arn}.")).unwrap_or_default();
            let _ = writeln!(text, "           → {}", harmless(&format!("{}{by}", group.remedy())));
        }
    }
    let changes = policy_changes(&diagnosis.gaps, &run.caller, &diagnosis.scan.organization);
    if !changes.is_empty() {
        let _ = writeln!(text, "\n{}", paint("1", "Policy changes that fix this"));
    }
    for change in changes {
        let accounts: Vec<&str> = change.accounts.iter().map(|account| account.as_str()).collect();
        let of = if accounts.is_empty() { String::new() } else { format!("in {}: ", listed(&accounts)) };
        let _ = writeln!(text, "  {}", harmless(&format!("{of}{}", change.what)));
        let document = serde_json::to_string_pretty(&change.document).unwrap_or_default();
        for line in document.lines() {
            let _ = writeln!(text, "    {}", harmless(line));
        }
    }
    let _ = writeln!(
        text,
        "\n{} requests in {} s; nothing was written. Exit code {}: {}",
        diagnosis.requests, diagnosis.seconds, exit.code, exit.meaning
    );
    text
}

fn painted(mark: Mark, colour: bool) -> String {
    let (code, text) = match mark {
        Mark::Ok => ("32", "ok    "),
        Mark::Note => ("33", "note  "),
        Mark::Unread => ("31", "UNREAD"),
    };
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// How AWS is called, one line for each part, with the variable, setting, or file and line that decides it.
pub fn way_in_table(lines: &[WayInLine], colour: bool) -> String {
    let mut text = String::new();
    for line in lines {
        let mark = painted(if line.is_problem { Mark::Unread } else { Mark::Ok }, colour);
        let origin = if line.origin.is_empty() { String::new() } else { format!("  [{}]", line.origin) };
        let _ = writeln!(text, "  {mark}  {:<12}  {}", line.topic, harmless(&format!("{}{origin}", line.text)));
    }
    text
}

/// `doctor-v1` of a doctor that could not call AWS: the way in, and why it ends there.
pub fn json_without_access(
    version: &str,
    at: Timestamp,
    lines: &[WayInLine],
    problem: &str,
    exit: ExitMeaning,
) -> Value {
    json!({
        "format": "doctor-v1",
        "tool_version": version,
        "at": at,
        "way_in": lines,
        "problem": problem,
        "exit": {"code": exit.code, "meaning": exit.meaning},
    })
}

fn listed(places: &[&str]) -> String {
    let shown = places.iter().take(PLACES).copied().collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(PLACES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn summary(diagnosis: &Diagnosis) -> Vec<SummaryLine> {
    let run = &diagnosis.scan.run;
    let mark = |stage: Stage| {
        if diagnosis.gaps.iter().any(|one| one.stage == stage) { Mark::Unread } else { Mark::Ok }
    };
    let mut lines = vec![SummaryLine(Mark::Ok, "identity", format!("{}, from {}", run.caller, run.home_region))];
    lines.push(match run.clock_offset {
        None => SummaryLine(Mark::Note, "clock", "unknown, because AWS's response contains no date".to_owned()),
        Some(offset) => {
            let mark = if offset.unsigned_abs() > CLOCK_TOLERANCE { Mark::Note } else { Mark::Ok };
            let way = if offset < 0 { "behind" } else { "ahead of" };
            let seconds = offset.unsigned_abs();
            SummaryLine(mark, "clock", format!("{seconds} s {way} AWS's clock; AWS refuses requests from 300 s on"))
        }
    });
    let accounts = diagnosis.scan.accounts.len();
    lines.push(match &diagnosis.scan.organization {
        Observed::Known(organization) if diagnosis.scan.coverage.accounts_listing.is_full() => {
            SummaryLine(Mark::Ok, "organization", format!("{}, all {accounts} accounts are listed", organization.id))
        }
        Observed::Known(organization) => SummaryLine(
            Mark::Unread,
            "organization",
            format!("{}; {accounts} accounts are listed, more may exist", organization.id),
        ),
        _ => SummaryLine(Mark::Note, "organization", format!("not read: the account {} only", run.account)),
    });
    let counts = diagnosis.scan.coverage.counts;
    let (found, read) = diagnosis.load_balancers();
    let sampled =
        if read < found { format!("; {read} of {found} load balancers were read in detail") } else { String::new() };
    lines.push(SummaryLine(
        if counts.complete == counts.in_scope() && counts.in_scope() > 0 { mark(Stage::Scan) } else { Mark::Unread },
        "scan",
        format!(
            "{} of {} account-Regions in scope would be read completely, {} in part, {} not at all; {} skipped{sampled}",
            counts.complete,
            counts.in_scope(),
            counts.partial,
            counts.failed,
            counts.skipped
        ),
    ));
    if let Some(probe) = diagnosis.traffic {
        let empty = if probe.empty_log_prefixes == 0 {
            String::new()
        } else {
            format!("; empty prefixes, in which no read was tried: {}", probe.empty_log_prefixes)
        };
        let line =
            format!("{} account-Regions with metrics, {} log prefixes{empty}", probe.metrics, probe.log_prefixes);
        lines.push(SummaryLine(mark(Stage::Traffic), "traffic", line));
    }
    if let Some(count) = diagnosis.security_hub {
        let line = format!(
            "account-Regions in which reading from Security Hub was tried: {count}; importing was not tried, because \
             it would write"
        );
        lines.push(SummaryLine(mark(Stage::Publish), "publish", line));
    }
    lines.extend(ledger(diagnosis));
    lines
}

fn ledger(diagnosis: &Diagnosis) -> Option<SummaryLine> {
    let prospect = diagnosis.ledger.as_ref()?;
    if let Some(problem) = diagnosis.ledger_problem() {
        return Some(SummaryLine(Mark::Unread, "ledger", problem));
    }
    let prospect = prospect.as_ref().ok()?;
    let room = format!("{} MB free; a scan may need {} MB", prospect.free / 1_000_000, LEDGER_BYTES / 1_000_000);
    let path = prospect.path.display();
    let (mark, state) = match &prospect.state {
        PreflightState::New => (Mark::Ok, "will be created".to_owned()),
        PreflightState::Older => (Mark::Ok, "will be migrated to the schema of this version".to_owned()),
        PreflightState::Ready { held: Some((owner, until)), .. } => {
            (Mark::Note, format!("is locked by {owner} until {until}; a scan would wait"))
        }
        PreflightState::Ready { unfinished: true, .. } => {
            (Mark::Note, "contains an interrupted scan; `doorward scan --resume` continues it".to_owned())
        }
        PreflightState::Ready { .. } => (Mark::Ok, "exists".to_owned()),
    };
    let line = format!("{path} {state}; {room}");
    Some(match (&prospect.advice, mark) {
        (Some(advice), mark) => {
            let mark = if matches!(mark, Mark::Ok) { Mark::Note } else { mark };
            SummaryLine(mark, "ledger", format!("{line}; {advice}"))
        }
        (None, mark) => SummaryLine(mark, "ledger", line),
    })
}

/// The diagnosis for programs: `doctor-v1`, described in `reports/README.md`.
pub fn json(diagnosis: &Diagnosis, exit: ExitMeaning) -> Value {
    let run = &diagnosis.scan.run;
    let coverage = &diagnosis.scan.coverage;
    let groups: Vec<Value> = group(&diagnosis.gaps).iter().map(GapGroup::json).collect();
    let changes = policy_changes(&diagnosis.gaps, &run.caller, &diagnosis.scan.organization);
    let (found, read) = diagnosis.load_balancers();
    let is_unread = |status| !matches!(status, CoverageStatus::Complete | CoverageStatus::Skipped);
    let ledger = diagnosis.ledger.as_ref().map(|prospect| match prospect {
        Ok(prospect) => json!({
            "path": prospect.path, "free_bytes": prospect.free,
            "state": match &prospect.state {
                PreflightState::New => "new",
                PreflightState::Older => "older",
                PreflightState::Ready { held: Some(_), .. } => "held",
                PreflightState::Ready { unfinished: true, .. } => "unfinished",
                PreflightState::Ready { .. } => "ready",
            },
            "problem": diagnosis.ledger_problem(),
            "advice": prospect.advice,
        }),
        Err(problem) => json!({"problem": problem}),
    });
    json!({
        "format": "doctor-v1",
        "tool_version": run.tool_version,
        "at": diagnosis.at,
        "way_in": diagnosis.way_in,
        "identity": {
            "arn": run.caller, "account": run.account, "partition": run.partition, "home_region": run.home_region,
            "clock_offset": run.clock_offset,
        },
        "organization": diagnosis.scan.organization,
        "accounts": diagnosis.scan.accounts.len(),
        "coverage": coverage,
        "unread_account_regions": coverage.lines.iter().filter(|line| is_unread(line.status)).count(),
        "load_balancers": {"found": found, "read": read},
        "traffic": diagnosis.traffic.map(|probe| json!({
            "metrics": probe.metrics, "log_prefixes": probe.log_prefixes, "empty_log_prefixes": probe.empty_log_prefixes,
        })),
        "publish": diagnosis.security_hub.map(|count| json!({"security_hubs": count, "import_tried": false})),
        "ledger": ledger,
        "gap_groups": groups,
        "policy_changes": changes,
        "requests": diagnosis.requests,
        "seconds": diagnosis.seconds,
        "exit": {"code": exit.code, "meaning": exit.meaning},
    })
}
