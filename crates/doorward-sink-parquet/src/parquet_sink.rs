//! The sink of `--format parquet=DIR`.

use std::io;
use std::path::PathBuf;

use doorward_file::{AtomicFile, Readers, create_private_folder};
use doorward_model::{Policy, Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture};

use crate::NAME;
use crate::parquet_file::{self, ParquetColumn};
use crate::parquet_tables::{FindingRow, LoadBalancerRow, RowOf, coverage, findings, load_balancers, runs};

/// Writes one file into each table.
pub struct ParquetSink<'a> {
    /// The folder of tables.
    pub folder: PathBuf,
    /// The required modes.
    pub policy: &'a Policy,
}

impl ParquetSink<'_> {
    fn check(&self) -> Result<(), SinkError> {
        create_private_folder(&self.folder)
            .map_err(|e| failed(format!("{}: the folder cannot be created: {e}", self.folder.display())))
    }

    /// Writes the tables; that of runs last, so that a run in it is whole.
    fn write(&self, report: &ScanReport) -> Result<Receipt, SinkError> {
        let required = doorward_rules::required_modes(&report.load_balancers, self.policy);
        let failures = report.unseen_failures();
        let (required, failures) = (&required, &failures);
        let unseen = report.unseen.iter().flat_map(|unseen| &unseen.load_balancers).map(LoadBalancerRow::Unseen);
        let all = report.load_balancers.iter().map(LoadBalancerRow::Read).chain(unseen);
        let of_load_balancers = all.map(|item| RowOf { report, required, unseen: failures, item });
        self.table(report, "load_balancers", &load_balancers(), of_load_balancers)?;
        let unseen = report.unseen_without_verdict().into_iter().map(FindingRow::Unseen);
        let all = report.findings.iter().map(FindingRow::Judged).chain(unseen);
        self.table(
            report,
            "findings",
            &findings(),
            all.map(|item| RowOf { report, required, unseen: failures, item }),
        )?;
        let lines = report.coverage.lines.iter().map(|item| RowOf { report, required, unseen: failures, item });
        self.table(report, "coverage", &coverage(), lines)?;
        let once = std::iter::once(RowOf { report, required, unseen: failures, item: () });
        self.table(report, "runs", &runs(), once)?;
        Ok(Receipt {
            sink: NAME.to_owned(),
            destination: self.folder.display().to_string(),
            findings_in: report.findings.len(),
            written: report.findings.len(),
            skipped: Vec::new(),
            statement: None,
        })
    }

    fn table<R>(
        &self,
        report: &ScanReport,
        name: &str,
        columns: &[ParquetColumn<R>],
        rows: impl Iterator<Item = R>,
    ) -> Result<(), SinkError> {
        let day = format!("day={}", report.run.started.strftime("%Y-%m-%d"));
        let folder = self.folder.join(name).join(day);
        let path = folder.join(format!("{}.parquet", report.run.id));
        let write = || -> io::Result<()> {
            create_private_folder(&folder)?;
            let out = AtomicFile::create(&path, Readers::Owner)?;
            parquet_file::write(out, &format!("{name}-v1"), columns, rows)?.finish()
        };
        write().map_err(|e| failed(format!("{}: the table could not be written: {e}", path.display())))
    }
}

impl Sink for ParquetSink<'_> {
    fn name(&self) -> &str {
        NAME
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(self.check()))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, _: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(std::future::ready(self.write(report)))
    }
}

fn failed(problem: String) -> SinkError {
    SinkError { sink: NAME.to_owned(), problem }
}
