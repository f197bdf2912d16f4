//! `doorward history`: trend, key figures and differences over the recorded scans.

use std::io::Write;
use std::path::Path;

use doorward_assemble::change_effects;
use doorward_ledger::{By, Ledger, LedgerError, OpenOptions};
use doorward_sink_text::history::{ScanTrend, diff_table};
use doorward_sink_text::wrapped;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::cli::{Cli, HistoryArguments, HistoryCommand, HistoryFormat, ListFormat};
use crate::exit::{Exit, Failure};
use crate::io::{answer, answer_json, json_text, read_only};
use crate::plain::harmless;
use crate::settings::Settings;

/// Runs `doorward history`.
pub(crate) fn run(cli: &Cli, arguments: &HistoryArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    if let Some(HistoryCommand::Prune { dry_run }) = &arguments.command {
        return prune(&path, &settings, *dry_run);
    }
    let ledger = read_only(&path)?;
    match &arguments.command {
        Some(HistoryCommand::Diff { from, to, format }) => {
            let runs: Vec<String> = ledger.runs()?.into_iter().map(|run| run.id).collect();
            let from = named(&runs, from.as_deref().unwrap_or("latest~1"))?;
            let to = named(&runs, to.as_deref().unwrap_or(LATEST))?;
            let diff = ledger.diff(&from, &to).map_err(|e| known(&ledger, &e))?;
            match format {
                ListFormat::Json => answer_json(&diff),
                ListFormat::Table => answer(&wrapped(&harmless(&diff_table(&diff)), crate::io::width())),
            }
        }
        _ => {
            let by = by(arguments.by.as_deref())?;
            let (since, until) = (moment(arguments.since.as_deref())?, moment(arguments.until.as_deref())?);
            let rule = arguments.rule.as_deref();
            recorded_rule(&ledger, rule)?;
            let history = ScanTrend::of(&ledger, since, until, &by, rule);
            let mut history = history.map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
            if by == By::All && rule.is_none() {
                let since = since.unwrap_or(Timestamp::UNIX_EPOCH);
                let effects = change_effects::of(&ledger, since, crate::clock::now(), &settings.change.watch)?;
                history = history.with_changes(effects);
            }
            answer(&render(&history, arguments.format, arguments.last, crate::io::width())?)
        }
    }
}

/// Refuses a rule of which nothing is recorded: its figures would read as if nothing had failed.
fn recorded_rule(ledger: &Ledger, rule: Option<&str>) -> Result<(), Failure> {
    let rules = ledger.rules()?;
    match rule.filter(|rule| !rules.iter().any(|known| known == rule)) {
        None => Ok(()),
        Some(rule) => Err(Failure::new(
            Exit::Usage,
            format!("--rule {rule}: no finding of such a rule is recorded; recorded are {}", rules.join(", ")),
        )),
    }
}

/// The history in a format; a table with a line each for the `last` newest scans, or for all.
fn render(history: &ScanTrend, format: HistoryFormat, last: usize, width: usize) -> Result<String, Failure> {
    match format {
        HistoryFormat::Json => json_text(history),
        HistoryFormat::Csv => Ok(history.csv()),
        HistoryFormat::Openmetrics => Ok(history.openmetrics()),
        HistoryFormat::Table => Ok(harmless(&history.table(last, width)).into_owned()),
    }
}

fn by(text: Option<&str>) -> Result<By, Failure> {
    match text {
        None => Ok(By::All),
        Some("owner") => Ok(By::Owner),
        Some("ou") => Ok(By::Ou),
        Some("severity") => Ok(By::Severity),
        Some(other) => match other.strip_prefix("tag:").filter(|key| !key.is_empty()) {
            Some(key) => Ok(By::Tag(key.to_owned())),
            None => Err(Failure::new(Exit::Usage, format!("--by {other}: write owner, ou, severity or tag:KEY"))),
        },
    }
}

/// Parses a day in UTC, or an exact time.
fn moment(text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let day = || {
        let date: Date = text.parse().ok()?;
        date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    let ago = || {
        let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let hours = match unit {
            "h" => 1,
            "d" => 24,
            "w" => 7 * 24,
            _ => return None,
        };
        let hours = count.parse::<u32>().ok().and_then(|count| i64::from(count).checked_mul(hours))?;
        crate::clock::now().checked_sub(jiff::SignedDuration::from_hours(hours)).ok()
    };
    let wrong = || {
        Failure::new(
            Exit::Usage,
            format!(
                "{text:?} is neither a day (2026-11-02), a time with an offset (2026-11-02T09:00:00Z), nor a number of hours, days or weeks \
                 (12h, 30d, 4w)"
            ),
        )
    };
    text.parse().ok().or_else(day).or_else(ago).map(Some).ok_or_else(wrong)
}

/// The newest scan.
const LATEST: &str = "latest";

/// The id of a scan that is named by its id, the beginning of it, `latest` or `latest~N`.
fn named(runs: &[String], name: &str) -> Result<String, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, problem);
    if let Some(steps) = name.strip_prefix(LATEST) {
        let back = match steps.strip_prefix('~') {
            None if steps.is_empty() => Some(0),
            Some(number) => number.parse::<usize>().ok(),
            None => None,
        };
        let back = back.ok_or_else(|| usage(format!("{name:?} names no scan; write latest, or latest~1")))?;
        return runs.iter().rev().nth(back).cloned().ok_or_else(|| {
            let plural = if runs.len() == 1 { "scan is" } else { "scans are" };
            usage(format!("{name}: only {} {plural} recorded", runs.len()))
        });
    }
    let begin: Vec<&String> = runs.iter().filter(|run| run.starts_with(name)).collect();
    match begin[..] {
        // The ledger names the newest scans where there is none.
        [] => Ok(name.to_owned()),
        [one] => Ok(one.clone()),
        _ if begin.iter().any(|run| *run == name) => Ok(name.to_owned()),
        _ => Err(usage(format!(
            "{name:?} begins the ids of {} scans: {}",
            begin.len(),
            begin.iter().take(5).map(|run| run.as_str()).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// An error of a diff, with the newest scans.
fn known(ledger: &Ledger, error: &LedgerError) -> Failure {
    let runs = ledger.runs().unwrap_or_default();
    let newest: Vec<&str> = runs.iter().rev().take(5).map(|run| run.id.as_str()).collect();
    let known = match newest[..] {
        [] => "no scan is recorded".to_owned(),
        [only] => format!("the only scan is {only}"),
        _ => format!("the newest scans are {}", newest.join(", ")),
    };
    Failure::new(Exit::Usage, format!("{error}; {known}"))
}

fn prune(path: &Path, settings: &Settings, dry_run: bool) -> Result<Exit, Failure> {
    let now = crate::clock::now();
    let months = settings.ledger.keep_months;
    let report = if dry_run {
        read_only(path)?.prune_dry_run(months, now)?
    } else {
        let options = OpenOptions { force_network: settings.ledger.force_network };
        let mut ledger = Ledger::open(path, options)?;
        let ttl = ledger.lease_ttl();
        let lease = ledger.acquire_lease(&format!("process {}", std::process::id()), now, ttl)?;
        ledger.together(|ledger| {
            let report = ledger.prune(&lease, months, now)?;
            ledger.release_lease(lease.clone())?;
            Ok(report)
        })?
    };
    let verb = if dry_run { "would delete" } else { "deleted" };
    let text = format!(
        "{}: {verb} {} raw scans that ended before {} ({} account-Regions, {} bytes); {} raw scans are kept. Findings and mode changes are never deleted.\n",
        path.display(),
        report.scans,
        report.before.strftime("%Y-%m-%d"),
        report.cells,
        report.bytes,
        report.scans_kept
    );
    answer(&text)
}

/// Writes the history beside the demo's other outputs.
pub(crate) fn write_beside(ledger: &Path, folder: &Path, settings: &Settings, now: Timestamp) -> Result<(), Failure> {
    let ledger = read_only(ledger)?;
    let effects = change_effects::of(&ledger, Timestamp::UNIX_EPOCH, now, &settings.change.watch)?;
    let history = ScanTrend::of(&ledger, None, None, &By::All, None)?.with_changes(effects);
    for (name, format) in [
        ("history.txt", HistoryFormat::Table),
        ("history.json", HistoryFormat::Json),
        ("history.csv", HistoryFormat::Csv),
        ("history.metrics", HistoryFormat::Openmetrics),
    ] {
        let (path, text) = (folder.join(name), render(&history, format, 0, doorward_sink_text::ANY_WIDTH)?);
        doorward_file::write_file(&path, doorward_file::Readers::Owner, |out: &mut dyn Write| {
            out.write_all(text.as_bytes())
        })
        .map_err(|e| Failure::writing(&path.display().to_string(), &e))?;
    }
    Ok(())
}
