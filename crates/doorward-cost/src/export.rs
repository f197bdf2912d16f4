//! Billing exports: charges by ARN of a load balancer, currency and billing period.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use doorward_model::{Arn, CostBasis, Decimal, LoadBalancerCost, Money};
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::CostError;

mod export_columns;
mod line_feeds;

use export_columns::ExportColumns;
pub use export_columns::ExportForm;
use line_feeds::LineFeeds;

/// The first bytes of a file compressed with gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The largest charge of one row: more is a fault of the export, and sums stay below the largest number.
const LARGEST: &str = "1000000000";

/// The charges of a billing period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Charged {
    /// The first instant of the first charge of the period, and the first after the last one; of the whole export.
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// By load balancer and currency.
    load_balancers: BTreeMap<Arn, BTreeMap<String, Decimal>>,
}

/// Charges that belong to no load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotJoined {
    /// Rows.
    pub rows: u64,
    /// Their charges by currency.
    pub amounts: BTreeMap<String, Decimal>,
}

impl NotJoined {
    fn add(&mut self, currency: &str, amount: Decimal) {
        self.rows += 1;
        let sum = self.amounts.entry(currency.to_owned()).or_default();
        *sum = sum.plus(amount);
    }
}

/// A billing export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingExport {
    /// The file.
    pub path: PathBuf,
    /// Its form.
    pub form: ExportForm,
    /// Rows without the ARN of a resource: taxes, support, and charges of an account.
    pub without_resource: NotJoined,
    /// Rows of other resources.
    pub other_resources: NotJoined,
    /// Rows of load balancers.
    pub load_balancer_rows: u64,
    /// By the first instant of the billing period.
    periods: BTreeMap<Timestamp, Charged>,
}

impl BillingExport {
    /// Reads an export.
    ///
    /// # Errors
    /// When it cannot be read, is in no form that is known, lacks a column, or has a row that cannot be understood; with the line.
    pub fn read(path: &Path) -> Result<Self, CostError> {
        let unread = |source| CostError::Unread { path: path.to_owned(), what: "billing export", source };
        let mut start = [0_u8; 2];
        let mut file = doorward_file::input::open(path).map_err(unread)?;
        let count = file.read(&mut start).map_err(unread)?;
        if count == 2 && start == GZIP {
            let file = BufReader::new(doorward_file::input::open(path).map_err(unread)?);
            return Self::parse(without_mark(BufReader::new(MultiGzDecoder::new(file))).map_err(unread)?, path);
        }
        if count == 2 && start == *b"PA" {
            let problem = "it is a Parquet file; export the table as CSV".to_owned();
            return Err(CostError::Invalid { path: path.to_owned(), problem });
        }
        Self::parse(doorward_file::input::stream(path).map_err(unread)?, path)
    }

    /// Reads an export from a text.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: impl Read, path: &Path) -> Result<Self, CostError> {
        let invalid = |problem: String| CostError::Invalid { path: path.to_owned(), problem };
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(LineFeeds::new(BufReader::new(text)));
        let header = reader.headers().map_err(|error| invalid(said(&error)))?.clone();
        let columns = ExportColumns::of(&header).map_err(invalid)?;
        let mut export = Self {
            path: path.to_owned(),
            form: columns.form,
            without_resource: NotJoined::default(),
            other_resources: NotJoined::default(),
            load_balancer_rows: 0,
            periods: BTreeMap::new(),
        };
        let mut row = StringRecord::new();
        while reader.read_record(&mut row).map_err(|error| invalid(said(&error)))? {
            let line = row.position().map_or(0, csv::Position::line);
            export.add(&row, &columns).map_err(|problem| invalid(format!("line {line}: {problem}")))?;
        }
        Ok(export)
    }

    fn add(&mut self, row: &StringRecord, columns: &ExportColumns) -> Result<(), String> {
        let amount = columns.amount(row)?;
        if LARGEST.parse::<Decimal>().is_ok_and(|largest| !(largest.opposite()..=largest).contains(&amount)) {
            return Err(format!("{} is more than {LARGEST} in one row; check the export", columns.names().amount));
        }
        let currency = columns.currency(row)?;
        let resource = columns.text(row, columns.resource);
        if resource.is_empty() {
            self.without_resource.add(currency, amount);
            return Ok(());
        }
        let is_load_balancer = resource.starts_with("arn:")
            && resource.split(':').nth(2) == Some("elasticloadbalancing")
            && resource.split(':').nth(5).is_some_and(|part| part.starts_with("loadbalancer/"));
        let arn = Arn::new(resource).ok().filter(|_| is_load_balancer);
        let Some(arn) = arn else {
            self.other_resources.add(currency, amount);
            return Ok(());
        };
        let billing = columns.time(row, columns.billing_from)?;
        let (from, until) = (columns.time(row, columns.from)?, columns.time(row, columns.until)?);
        self.load_balancer_rows += 1;
        let charged = self.periods.entry(billing).or_default();
        charged.from = Some(charged.from.map_or(from, |known| known.min(from)));
        charged.until = Some(charged.until.map_or(until, |known| known.max(until)));
        let sum = charged.load_balancers.entry(arn).or_default().entry(currency.to_owned()).or_default();
        *sum = sum.plus(amount);
        Ok(())
    }

    /// The charges of load balancers over all billing periods, by currency.
    pub fn sums(&self) -> BTreeMap<Arn, BTreeMap<String, Decimal>> {
        let mut sums: BTreeMap<Arn, BTreeMap<String, Decimal>> = BTreeMap::new();
        for (arn, amounts) in self.periods.values().flat_map(|charged| &charged.load_balancers) {
            for (currency, amount) in amounts {
                let sum = sums.entry(arn.clone()).or_default().entry(currency.clone()).or_default();
                *sum = sum.plus(*amount);
            }
        }
        sums
    }

    /// The charges of load balancers in the newest billing period that was complete at a time; if there is none, in
    /// the newest.
    pub fn costs(&self, at: Timestamp) -> BTreeMap<Arn, Arc<LoadBalancerCost>> {
        let month = |at: Timestamp| {
            let day = at.to_zoned(TimeZone::UTC).date();
            (day.year(), day.month())
        };
        let is_over = |from: &Timestamp| month(*from) < month(at);
        let over = self.periods.iter().rev().find(|(from, _)| is_over(from));
        let Some((_, charged)) = over.or_else(|| self.periods.iter().next_back()) else { return BTreeMap::new() };
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        // The end is the first instant after the last charge: at midnight, the day before is the last one.
        let last = |until: Timestamp| -> Option<Date> {
            Some(day(until.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?))
        };
        let file = self.path.file_name().map_or_else(|| self.path.clone(), PathBuf::from);
        let source = format!("{} export {}", self.form.name(), file.display());
        let cost = |amounts: &BTreeMap<String, Decimal>| LoadBalancerCost {
            amounts: amounts
                .iter()
                .map(|(currency, amount)| Money { currency: currency.clone(), amount: *amount })
                .collect(),
            basis: CostBasis::Export,
            source: source.clone(),
            from: charged.from.map(day),
            until: charged.until.and_then(last),
            at_least: false,
            closed_connections: None,
        };
        charged.load_balancers.iter().map(|(arn, amounts)| (arn.clone(), Arc::new(cost(amounts)))).collect()
    }

    /// One line on the rows that were joined and those that were not.
    pub fn summary(&self) -> String {
        let sums = |one: &NotJoined| {
            let amounts: Vec<String> =
                one.amounts.iter().map(|(c, amount)| format!("{c} {}", amount.cents())).collect();
            if amounts.is_empty() { String::new() } else { format!(", {}", amounts.join(" and ")) }
        };
        format!(
            "{} export {}: {} rows of {} load balancers; not of a load balancer: {} rows without a resource{}, {} rows of other resources{}",
            self.form.name(),
            self.path.display(),
            self.load_balancer_rows,
            self.sums().len(),
            self.without_resource.rows,
            sums(&self.without_resource),
            self.other_resources.rows,
            sums(&self.other_resources),
        )
    }
}

/// The stream without a byte order mark.
fn without_mark<R: BufRead + 'static>(mut stream: R) -> std::io::Result<Box<dyn BufRead>> {
    if stream.fill_buf()?.starts_with(&[0xef, 0xbb, 0xbf]) {
        stream.consume(3);
    }
    Ok(Box::new(stream))
}

/// An error of the parser, with its line.
fn said(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "line {line}: it has {len} fields, but the header has {expected_len}; the export is damaged or \
                 cut off"
            )
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: it is not UTF-8"),
        csv::ErrorKind::Io(error) => format!("it cannot be read to its end: {error}; it is damaged or cut off"),
        _ => format!("line {line}: {error}"),
    }
}
