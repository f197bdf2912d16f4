//! What was found out, for people and for programs.

use std::fmt::Write as _;

use doorward_ledger::ProspectState;
use doorward_model::{CoverageStatus, Observed};
use serde_json::{Value, json};

use super::missing::Stage;
use super::{CLOCK, Diagnosis, ROOM, causes, mend};
use crate::exit::Exit;
use crate::plain::harmless;

/// How many places of a cause are named; the rest is counted.
const PLACES: usize = 6;

/// How a line of the table begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Well,
    Note,
    Trouble,
}

/// One line of the summary.
struct Line(Mark, &'static str, String);

/// For people.
pub(super) fn table(diagnosis: &Diagnosis, exit: Exit, colour: bool) -> String {
    let paint = |code: &str, text: &str| {
        if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let run = &diagnosis.scan.run;
    let mut text =
        format!("Doorward {} · doctor · {} UTC\n\n", run.tool_version, diagnosis.at.strftime("%Y-%m-%d %H:%M"));
    for Line(mark, what, says) in summary(diagnosis) {
        let mark = match mark {
            Mark::Well => paint("32", "ok    "),
            Mark::Note => paint("33", "note  "),
            Mark::Trouble => paint("31", "UNREAD"),
        };
        let _ = writeln!(text, "  {mark}  {what:<12}  {}", harmless(&says));
    }
    let all = causes::of(&diagnosis.missing);
    for (stage, heading) in [
        (Stage::Scan, "A scan would leave unread"),
        (Stage::Traffic, "Traffic would leave unread"),
        (Stage::Publish, "Security Hub would not take findings"),
        (Stage::Spare, "Not allowed, and needed as soon as there is a load balancer to ask about"),
    ] {
        let mut own = all.iter().filter(|cause| cause.stage == stage).peekable();
        if own.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "\n{}", paint("1", heading));
        for cause in own {
            let gap = cause.gap;
            let code = gap.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            let head = format!("{}{code} · {}", gap.operation, listed(&cause.places));
            let _ = writeln!(text, "  {} · {}", paint("31", gap.reason.code()), harmless(&head));
            let by = gap.policy.as_ref().map(|arn| format!(" Policy: {arn}.")).unwrap_or_default();
            let _ = writeln!(text, "           → {}", harmless(&format!("{}{by}", cause.remedy())));
        }
    }
    let patches = mend::patches(&diagnosis.missing, &run.caller, &diagnosis.scan.organization);
    if !patches.is_empty() {
        let _ = writeln!(text, "\n{}", paint("1", "What would mend it"));
    }
    for patch in patches {
        let accounts: Vec<&str> = patch.accounts.iter().map(|account| account.as_str()).collect();
        let of = if accounts.is_empty() { String::new() } else { format!("in {}: ", listed(&accounts)) };
        let _ = writeln!(text, "  {}", harmless(&format!("{of}{}", patch.what)));
        let document = serde_json::to_string_pretty(&patch.document).unwrap_or_default();
        for line in document.lines() {
            let _ = writeln!(text, "    {}", harmless(line));
        }
    }
    let _ = writeln!(
        text,
        "\n{} requests in {} s; nothing was written. Exit code {}: {}",
        diagnosis.requests,
        diagnosis.seconds,
        exit.code(),
        says(exit)
    );
    text
}

/// What the exit code says here.
fn says(exit: Exit) -> &'static str {
    match exit {
        Exit::Clean => "nothing would stay unread",
        Exit::Coverage => "something would stay unread",
        Exit::Preflight => "a scan would not start",
        other => other.meaning(),
    }
}

fn listed(places: &[&str]) -> String {
    let shown = places.iter().take(PLACES).copied().collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(PLACES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn summary(diagnosis: &Diagnosis) -> Vec<Line> {
    let run = &diagnosis.scan.run;
    let mark = |stage: Stage| {
        if diagnosis.missing.iter().any(|one| one.stage == stage) { Mark::Trouble } else { Mark::Well }
    };
    let mut lines = vec![Line(Mark::Well, "identity", format!("{}, from {}", run.caller, run.home_region))];
    lines.push(match run.clock_offset {
        None => Line(Mark::Note, "clock", "AWS's answer had no date to compare with".to_owned()),
        Some(offset) => {
            let mark = if offset.unsigned_abs() > CLOCK { Mark::Note } else { Mark::Well };
            let way = if offset < 0 { "behind" } else { "ahead of" };
            let seconds = offset.unsigned_abs();
            Line(mark, "clock", format!("{seconds} s {way} AWS's; requests are refused from 300 s on"))
        }
    });
    let accounts = diagnosis.scan.accounts.len();
    lines.push(match &diagnosis.scan.organization {
        Observed::Known(organization) if diagnosis.scan.coverage.accounts_listing.is_full() => {
            Line(Mark::Well, "organization", format!("{}, all of its {accounts} accounts are listed", organization.id))
        }
        Observed::Known(organization) => Line(
            Mark::Trouble,
            "organization",
            format!("{}; {accounts} accounts are listed, and nobody knows how many more there are", organization.id),
        ),
        _ => Line(Mark::Note, "organization", format!("not asked: the account {} only", run.account)),
    });
    let counts = diagnosis.scan.coverage.counts;
    let (found, asked) = diagnosis.balancers;
    let sampled = if asked < found { format!("; {asked} of {found} load balancers were read") } else { String::new() };
    lines.push(Line(
        if counts.complete == counts.in_scope() && counts.in_scope() > 0 { mark(Stage::Scan) } else { Mark::Trouble },
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
    if let Some(tried) = diagnosis.traffic {
        let empty = if tried.empty == 0 {
            String::new()
        } else {
            format!("; {} of the prefixes hold nothing yet, so reading was not tried there", tried.empty)
        };
        let says = format!("{} account-Regions with metrics, {} log prefixes{empty}", tried.metrics, tried.buckets);
        lines.push(Line(mark(Stage::Traffic), "traffic", says));
    }
    if let Some(hubs) = diagnosis.hubs {
        let says =
            format!("{hubs} hubs asked for a finding; whether they take one is not tried, because that would write");
        lines.push(Line(mark(Stage::Publish), "publish", says));
    }
    lines.extend(ledger(diagnosis));
    lines
}

fn ledger(diagnosis: &Diagnosis) -> Option<Line> {
    let told = diagnosis.ledger.as_ref()?;
    if let Some(problem) = diagnosis.ledger_trouble() {
        return Some(Line(Mark::Trouble, "ledger", problem));
    }
    let prospect = told.as_ref().ok()?;
    let room = format!("{} MB free, of which a scan may need {}", prospect.free / 1_000_000, ROOM / 1_000_000);
    let path = prospect.path.display();
    let (mark, state) = match &prospect.state {
        ProspectState::New => (Mark::Well, "will be made".to_owned()),
        ProspectState::Older => (Mark::Well, "will be brought to this version's schema".to_owned()),
        ProspectState::Ready { held: Some((owner, until)), .. } => {
            (Mark::Note, format!("is being written by {owner} until {until}; a scan would wait"))
        }
        ProspectState::Ready { unfinished: true, .. } => {
            (Mark::Note, "holds an interrupted scan; `doorward scan --resume` goes on with it".to_owned())
        }
        ProspectState::Ready { .. } => (Mark::Well, "is there".to_owned()),
    };
    Some(Line(mark, "ledger", format!("{path} {state}; {room}")))
}

/// For programs.
pub(super) fn json(diagnosis: &Diagnosis, exit: Exit) -> Value {
    let run = &diagnosis.scan.run;
    let coverage = &diagnosis.scan.coverage;
    let causes: Vec<Value> = causes::of(&diagnosis.missing).iter().map(causes::Cause::json).collect();
    let patches: Vec<Value> = mend::patches(&diagnosis.missing, &run.caller, &diagnosis.scan.organization)
        .iter()
        .map(mend::Patch::json)
        .collect();
    let complete = |status| status == CoverageStatus::Complete;
    let ledger = diagnosis.ledger.as_ref().map(|told| match told {
        Ok(prospect) => json!({
            "path": prospect.path, "free_bytes": prospect.free,
            "state": match &prospect.state {
                ProspectState::New => "new",
                ProspectState::Older => "older",
                ProspectState::Ready { held: Some(_), .. } => "held",
                ProspectState::Ready { unfinished: true, .. } => "unfinished",
                ProspectState::Ready { .. } => "ready",
            },
            "problem": diagnosis.ledger_trouble(),
        }),
        Err(problem) => json!({"problem": problem}),
    });
    json!({
        "format": "doctor-v1",
        "tool_version": run.tool_version,
        "at": diagnosis.at,
        "identity": {
            "arn": run.caller, "account": run.account, "partition": run.partition, "home_region": run.home_region,
            "clock_offset": run.clock_offset,
        },
        "organization": diagnosis.scan.organization,
        "accounts": diagnosis.scan.accounts.len(),
        "coverage": coverage,
        "unread_account_regions": coverage.lines.iter().filter(|line| !complete(line.status) && line.status != CoverageStatus::Skipped).count(),
        "load_balancers": {"found": diagnosis.balancers.0, "read": diagnosis.balancers.1},
        "traffic": diagnosis.traffic.map(|tried| json!({
            "metrics": tried.metrics, "log_prefixes": tried.buckets, "empty_log_prefixes": tried.empty,
        })),
        "publish": diagnosis.hubs.map(|hubs| json!({"hubs": hubs, "import_tried": false})),
        "ledger": ledger,
        "causes": causes,
        "patches": patches,
        "requests": diagnosis.requests,
        "seconds": diagnosis.seconds,
        "exit": {"code": exit.code(), "says": says(exit)},
    })
}
