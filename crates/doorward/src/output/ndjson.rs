//! `ndjson-v1`: one JSON object per line, so that a killed run leaves lines that can be read and a pipe can start early.
//!
//! The first line is the run, the last is the end; a file without its end line is not whole. The promise of `json-v1`
//! holds for every line.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use doorward_model::{
    Account, CoverageCounts, CoverageLine, Finding, LoadBalancer, ObservationPeriod, Observed, Organization, Run,
    ScanReport,
};

use crate::exit::Exit;

/// One line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum NdjsonLine<'a> {
    /// The first line.
    Run {
        /// `ndjson-v1`.
        format: &'static str,
        /// The run.
        run: &'a Run,
        /// The organization.
        organization: &'a Observed<Organization>,
        /// The first and the last observation of the report; absent where nothing was read.
        #[serde(skip_serializing_if = "Option::is_none")]
        observed: Option<ObservationPeriod>,
    },
    /// One account.
    Account(&'a Account),
    /// One account-Region.
    Coverage(&'a CoverageLine),
    /// One load balancer.
    LoadBalancer(&'a LoadBalancer),
    /// One verdict.
    Finding(&'a Finding),
    /// The last line.
    End {
        /// The exit code of the run.
        exit_code: u8,
        /// What was and was not looked at.
        coverage: CoverageCounts,
        /// How many load balancers there were.
        load_balancers: usize,
        /// How many verdicts there were.
        findings: usize,
    },
}

/// Writes all lines and returns how many findings are among them.
pub(super) fn write(out: &mut dyn Write, report: &ScanReport, exit: Exit) -> io::Result<usize> {
    let mut line = |line: NdjsonLine<'_>| -> io::Result<()> {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    };
    let (run, organization, observed) = (&report.run, &report.organization, report.observed());
    line(NdjsonLine::Run { format: "ndjson-v1", run, organization, observed })?;
    report.accounts.iter().try_for_each(|account| line(NdjsonLine::Account(account)))?;
    report.coverage.lines.iter().try_for_each(|covered| line(NdjsonLine::Coverage(covered)))?;
    report.load_balancers.iter().try_for_each(|lb| line(NdjsonLine::LoadBalancer(lb)))?;
    let mut findings = 0;
    for finding in &report.findings {
        line(NdjsonLine::Finding(finding))?;
        findings += 1;
    }
    line(NdjsonLine::End {
        exit_code: exit.code(),
        coverage: report.coverage.counts,
        load_balancers: report.load_balancers.len(),
        findings,
    })?;
    Ok(findings)
}
