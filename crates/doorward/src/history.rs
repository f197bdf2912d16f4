//! `doorward history`: trend, key figures and differences over the recorded scans.

use std::io::Write;

use doorward_ledger::{By, Diff, DiffLine, Kpi, LEASE_TTL, Ledger, LedgerError, OpenOptions, RunSummary};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::cli::{Cli, HistoryArguments, HistoryCommand, HistoryFormat, ListFormat};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::leased_ledger;
use crate::plain::harmless;
use crate::settings::Settings;

mod csv;
mod openmetrics;
mod table;

/// Trend and key figures, the contents of every format.
#[derive(Serialize)]
pub(crate) struct History {
    /// `history-v1`.
    format: &'static str,
    /// One summary per scan, or per scan and group; in the order of recording.
    scans: Vec<RunSummary>,
    /// Key figures over the period, or per group.
    kpis: Vec<Kpi>,
}

/// Runs `doorward history`.
pub(crate) fn run(cli: &Cli, arguments: &HistoryArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    if let Some(HistoryCommand::Prune { dry_run }) = &arguments.command {
        return prune(&path, &settings, *dry_run);
    }
    let ledger = leased_ledger::read_only(&path)?;
    match &arguments.command {
        Some(HistoryCommand::Diff { from, to, format }) => {
            let diff = ledger.diff(from, to).map_err(|e| known(&ledger, &e))?;
            match format {
                ListFormat::Json => answer(&json(&diff)?),
                ListFormat::Table => answer(&harmless(&render_diff(&diff))),
            }
        }
        _ => {
            let by = by(arguments.by.as_deref())?;
            let (since, until) = (moment(arguments.since.as_deref())?, moment(arguments.until.as_deref())?);
            let usage = |e: LedgerError| Failure::new(Exit::Usage, e.to_string());
            let history = History {
                format: "history-v1",
                scans: ledger.history(since, until, &by).map_err(usage)?,
                kpis: ledger.kpis(since, until, &by).map_err(usage)?,
            };
            answer(&history.render(arguments.format, arguments.last)?)
        }
    }
}

impl History {
    /// The whole history of a ledger.
    pub(crate) fn of(ledger: &Ledger) -> Result<Self, Failure> {
        let scans = ledger.history(None, None, &By::All)?;
        Ok(Self { format: "history-v1", scans, kpis: ledger.kpis(None, None, &By::All)? })
    }

    /// The history in a format; a table with a line each for the `last` newest scans, or for all.
    pub(crate) fn render(&self, format: HistoryFormat, last: usize) -> Result<String, Failure> {
        match format {
            HistoryFormat::Json => json(self),
            HistoryFormat::Csv => Ok(csv::render(&self.scans)),
            HistoryFormat::Openmetrics => Ok(openmetrics::render(&self.scans, &self.kpis)),
            HistoryFormat::Table => Ok(harmless(&table::render(&self.scans, &self.kpis, last)).into_owned()),
        }
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok(text + "\n")
}

fn by(text: Option<&str>) -> Result<By, Failure> {
    match text {
        None => Ok(By::All),
        Some("owner") => Ok(By::Owner),
        Some("ou") => Ok(By::Ou),
        Some(other) => match other.strip_prefix("tag:").filter(|key| !key.is_empty()) {
            Some(key) => Ok(By::Tag(key.to_owned())),
            None => Err(Failure::new(Exit::Usage, format!("--by {other}: write owner, ou or tag:KEY"))),
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
    let wrong = || {
        Failure::new(
            Exit::Usage,
            format!("{text:?} is neither a day (2026-11-02) nor a time with an offset (2026-11-02T09:00:00Z)"),
        )
    };
    text.parse().ok().or_else(day).map(Some).ok_or_else(wrong)
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

fn render_diff(diff: &Diff) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{} ({}) to {} ({})\n\n", diff.from.id, diff.from.at, diff.to.id, diff.to.at);
    let _ = writeln!(
        text,
        "{} findings failed before, {} after; {} are unchanged{}. These counts include findings under an exception and findings not seen.",
        diff.failing_before,
        diff.failing_after,
        diff.unchanged,
        match diff.unchanged_unseen {
            0 => String::new(),
            unseen => format!(", {unseen} of them because the second scan did not read them"),
        }
    );
    let sections: [(&str, &[DiffLine]); 7] = [
        ("New", &diff.new),
        ("Failing again", &diff.regressed),
        ("Fixed", &diff.fixed),
        ("Excepted", &diff.excepted),
        ("Exception ended", &diff.exception_ended),
        ("Vanished", &diff.vanished),
        ("Now unseen", &diff.now_unseen),
    ];
    for (heading, lines) in sections {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{heading} ({})", lines.len());
        for line in lines {
            let _ = writeln!(
                text,
                "  {} · {} {} · {}",
                line.load_balancer, line.place.account, line.place.region, line.rule
            );
        }
    }
    text
}

fn prune(path: &std::path::Path, settings: &Settings, dry_run: bool) -> Result<Exit, Failure> {
    let now = crate::clock::now();
    let months = settings.ledger.keep_months;
    let report = if dry_run {
        leased_ledger::read_only(path)?.prune_dry_run(months, now)?
    } else {
        let options = OpenOptions { force_network: settings.ledger.force_network };
        let mut ledger = Ledger::open(path, options)?;
        let lease = ledger.acquire_lease(&format!("process {}", std::process::id()), now, LEASE_TTL)?;
        let report = ledger.prune(&lease, months, now)?;
        ledger.release_lease(lease)?;
        report
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
pub(crate) fn write_beside(history: &History, folder: &std::path::Path) -> Result<(), Failure> {
    for (name, format) in [
        ("history.txt", HistoryFormat::Table),
        ("history.json", HistoryFormat::Json),
        ("history.csv", HistoryFormat::Csv),
        ("history.metrics", HistoryFormat::Openmetrics),
    ] {
        let (path, text) = (folder.join(name), history.render(format, 0)?);
        doorward_file::write_file(&path, doorward_file::Readers::Owner, |out: &mut dyn Write| {
            out.write_all(text.as_bytes())
        })
        .map_err(|e| Failure::writing(&path.display().to_string(), &e))?;
    }
    Ok(())
}
