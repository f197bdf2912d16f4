//! `doorward exceptions`: list, check, add and renew the exceptions of the register.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use doorward_model::{AccountId, Arn, ReportFilter, counted};
use doorward_rules::exceptions::register_edit::Renewal;
use doorward_rules::exceptions::{Entry, Exception, ExceptionScope, Moment, Register};
use doorward_saved_scan::ExceptionTexts;
use jiff::Timestamp;
use serde::Serialize;

use doorward_assemble::GivenEvidence;

use crate::cli::{AddArguments, Cli, ExceptionListArguments, ExceptionsCommand, ListFormat, RenewArguments};
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_text, log};
use crate::register;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;

/// Runs `doorward exceptions`.
pub(crate) fn run(cli: &Cli, command: &ExceptionsCommand) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let texts = settings.exceptions.read()?;
    let now = crate::clock::now();
    match command {
        ExceptionsCommand::List(arguments) => list(&settings, &texts.register()?, now, (arguments, cli.quiet)),
        ExceptionsCommand::Check { scan } => check(&settings, &texts, now, scan.as_deref()),
        ExceptionsCommand::Add(arguments) => add(&settings, &texts, now, arguments),
        ExceptionsCommand::Renew(arguments) => renew(&texts, now, arguments),
    }
}

/// The document of `doorward exceptions list --format json`.
#[derive(Serialize)]
struct ExceptionList<'a> {
    /// `exceptions-v1`.
    format: &'static str,
    /// The criteria of the exceptions that are listed; absent if all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// The exceptions, soonest to expire first.
    exceptions: Vec<Entry<'a>>,
}

/// Refuses accounts and organizational units that neither the register nor the newest scan knows. Without a recorded scan that is not
/// known, and said.
fn check_scope(settings: &Settings, unnamed: &ReportFilter, quiet: bool) -> Result<(), Failure> {
    if unnamed.is_empty() {
        return Ok(());
    }
    let newest = settings.ledger.path().and_then(|ledger| AssembledScan::of(None, settings, &ledger));
    match newest {
        Ok(scan) => match unnamed.unmatched(&scan.report) {
            Some((flag, given, known)) => Err(Failure::unknown(flag, given, &known)),
            None => Ok(()),
        },
        Err(_) if quiet => Ok(()),
        Err(failure) => {
            log(&format!("warning: {unnamed}: not compared with a scan ({failure})"));
            Ok(())
        }
    }
}

fn list(
    settings: &Settings,
    register: &Register,
    now: Timestamp,
    (arguments, quiet): (&ExceptionListArguments, bool),
) -> Result<Exit, Failure> {
    arguments.check()?;
    let mut entries = register.entries(now);
    let exceptions: Vec<&Exception> = entries.iter().map(|entry| entry.exception).collect();
    check_scope(settings, &arguments.unnamed(&exceptions), quiet)?;
    let all = entries.len();
    entries.retain(|entry| arguments.selects(entry.exception));
    let filter = arguments.criteria();
    if arguments.format == ListFormat::Json {
        return answer_json(&ExceptionList { format: "exceptions-v1", filter, exceptions: entries });
    }
    let mut text = match (all, filter) {
        (0, _) => "The register contains no exception.\n".to_owned(),
        (_, None) => String::new(),
        (all, Some(filter)) => format!("FILTERED: {filter}. {} of {all} exceptions are listed.\n\n", entries.len()),
    };
    for entry in entries {
        let _ = write!(text, "{entry}");
    }
    answer_text(&text)
}

fn check(settings: &Settings, texts: &ExceptionTexts, now: Timestamp, scan: Option<&Path>) -> Result<Exit, Failure> {
    let register = texts.register()?;
    let (count, files) = (counted(register.entries(now).len(), "exception"), counted(texts.files.len(), "file"));
    let valid = format!("{count} in {files}: valid");
    let Some(path) = scan else {
        return answer_text(&format!("{valid}\n"));
    };
    let (kept, _) = doorward_saved_scan::read(path)?;
    let at = kept.inventory.run.started;
    let criteria = settings.criteria()?;
    let scan = AssembledScan::kept(kept.without_history(), &criteria, &register, GivenEvidence::default())?;
    if let Some(exit) = register::notices(&register, &scan.report, false) {
        return Ok(exit);
    }
    answer_text(&format!("{valid}; checked against the scan of {at}\n"))
}

fn add(settings: &Settings, texts: &ExceptionTexts, now: Timestamp, arguments: &AddArguments) -> Result<Exit, Failure> {
    let mut places = settings.places().without_register();
    let settings = &settings.exceptions;
    let path = arguments.file.clone().or_else(|| settings.files.first().cloned()).ok_or_else(|| {
        Failure::new(Exit::Usage, "no register to add to: set `exceptions.files` in doorward.toml, or pass --file")
    })?;
    let exception = Exception {
        id: arguments.id.clone(),
        rule: arguments.rule.clone(),
        scope: scope(arguments)?,
        reason: arguments.reason.clone(),
        risk: arguments.risk.clone(),
        compensating_control: arguments.compensating_control.clone(),
        requester: arguments.requester.clone(),
        approver: arguments.approver.clone(),
        ticket: arguments.ticket.clone(),
        start: arguments.start.map_or_else(|| today(now), Ok)?,
        expires: arguments.expires,
        review: arguments.review,
        many: arguments.many,
    };
    places.file("--file", &path);
    places.check()?;
    answer_text(&(texts.add(&path, &exception, now)? + "\n"))
}

fn scope(arguments: &AddArguments) -> Result<ExceptionScope, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, e.to_string());
    let arn: Result<Vec<Arn>, _> = arguments.arns.iter().map(|text| Arn::new(text)).collect();
    let accounts: Result<Vec<AccountId>, _> = arguments.accounts.iter().map(|text| AccountId::new(text)).collect();
    let mut tags = BTreeMap::new();
    for pair in &arguments.tags {
        let (key, value) = pair.split_once('=').ok_or_else(|| wrong(&format!("--tag {pair}: write KEY=VALUE")))?;
        tags.insert(key.to_owned(), value.into());
    }
    Ok(ExceptionScope {
        arn: arn.map_err(|e| wrong(&e))?,
        accounts: accounts.map_err(|e| wrong(&e))?,
        ous: arguments.ous.clone(),
        tags,
        names: arguments.names.iter().map(|text| text.as_str().into()).collect(),
    })
}

fn renew(texts: &ExceptionTexts, now: Timestamp, arguments: &RenewArguments) -> Result<Exit, Failure> {
    let renewal = Renewal {
        start: arguments.start.map_or_else(|| today(now), Ok)?,
        expires: arguments.expires,
        approver: arguments.approver.clone(),
        ticket: arguments.ticket.clone(),
        review: arguments.review,
    };
    answer_text(&(texts.renew(&arguments.id, &renewal, now)? + "\n"))
}

fn today(now: Timestamp) -> Result<Moment, Failure> {
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    Moment::day(date).map_err(|e| Failure::new(Exit::Internal, e.to_string()))
}
