//! The figures as CSV: RFC 4180, UTF-8, CRLF, with cells that no spreadsheet takes for a formula.

use crate::escape;
use crate::index::{IndexLine, OwnerIndex};
use doorward_model::Severity;

/// One row per owner.
pub(crate) fn owners(index: &OwnerIndex) -> Result<Vec<u8>, csv::Error> {
    table(&["owner", "owner_kind", "page"], index, &index.owners, |line| {
        vec![line.owner.clone(), line.kind.to_owned(), format!("{}.html", line.file)]
    })
}

/// One row per cost centre and owner; empty but for its header where no tag key names cost centres.
pub(crate) fn cost_centres(index: &OwnerIndex) -> Result<Vec<u8>, csv::Error> {
    table(&["cost_centre", "owner", "owner_kind"], index, &index.shares, |line| {
        vec![line.cost_centre.clone(), line.owner.clone(), line.kind.to_owned()]
    })
}

fn table(
    first: &[&str],
    index: &OwnerIndex,
    lines: &[IndexLine],
    names: impl Fn(&IndexLine) -> Vec<String>,
) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let counted = ["load_balancers", "mode_population", "monitor", "defensive", "strictest", "mode_unknown"];
    let rest = ["excepted", "unknown", "exposure", "exposure_excepted", "oldest_monitor", "oldest_monitor_days"];
    let unseen = ["load_balancers_not_seen", "failures_not_seen", "excepted_not_seen", "exposure_not_seen"];
    let header = first.iter().chain(&counted).map(|name| (*name).to_owned());
    let header = header.chain(Severity::ALL.iter().map(|severity| format!("failures_{severity}")));
    out.write_record(header.chain(rest.iter().chain(&unseen).map(|name| (*name).to_owned())))?;
    for line in lines {
        let figures = &line.figures;
        let texts = names(line);
        let mut record: Vec<String> = texts.iter().map(|text| escape::cell(text)).collect();
        let counts = [
            figures.load_balancers,
            line.population,
            figures.monitor,
            figures.defensive,
            figures.strictest,
            figures.mode_unknown,
        ];
        let more = [figures.excepted, figures.unknown, figures.exposure, figures.exposure_excepted];
        record.extend(counts.iter().chain(&figures.failures).chain(&more).map(ToString::to_string));
        record.push(figures.oldest_monitor.map_or_else(String::new, |first| first.to_string()));
        record.push(line.oldest_days.map_or_else(String::new, |days| days.to_string()));
        let missed =
            [figures.load_balancers_unseen, figures.failing_unseen, figures.excepted_unseen, figures.exposure_unseen];
        // Without a ledger it is unknown how much was not seen.
        let missed = missed.iter().map(|count| if index.is_unseen_known { count.to_string() } else { String::new() });
        record.extend(missed);
        out.write_record(record)?;
    }
    out.into_inner().map_err(|error| error.into_error().into())
}
