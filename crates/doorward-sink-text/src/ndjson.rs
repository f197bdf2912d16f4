//! `ndjson-v1`: one JSON object per line, so that a killed run leaves lines that can be read and a pipe can start early.
//!
//! The first line is the run, the last is the end; a file without its end line is not whole. The promise of `json-v1`
//! holds for every line.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use doorward_model::{
    Account, CoverageCounts, CoverageLine, Finding, ObservationPeriod, Observed, Organization, Run, ScanReport,
    UnseenFinding, UnseenLoadBalancer,
};

use crate::flat::{FlatContext, QueriedLoadBalancer};

/// One line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NdjsonLine<'a> {
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
        /// The part of the report that this is, in words; absent where it is all of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        filter: Option<&'a str>,
    },
    /// One account.
    Account(&'a Account),
    /// One account-Region.
    Coverage(&'a CoverageLine),
    /// One load balancer.
    LoadBalancer(Box<QueriedLoadBalancer<'a>>),
    /// One verdict.
    Finding(&'a Finding),
    /// A load balancer that earlier scans observed and this one did not.
    UnseenLoadBalancer(&'a UnseenLoadBalancer),
    /// A finding that failed when it was last observed, and that this scan did not observe.
    UnseenFinding(&'a UnseenFinding),
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
        /// What is known from earlier scans and was not observed; absent where no ledger was read.
        #[serde(skip_serializing_if = "Option::is_none")]
        unseen: Option<UnseenCounts>,
    },
}

/// What is known from earlier scans and was not observed.
#[derive(Serialize, JsonSchema)]
pub struct UnseenCounts {
    /// How many load balancers.
    load_balancers: usize,
    /// How many findings that failed when they were last seen.
    findings: usize,
    /// How many account-Regions that an earlier scan read.
    account_regions: usize,
    /// How many account-Regions that no scan ever read.
    never_read: usize,
}

/// Writes all lines and returns the number of findings among them.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &ScanReport, context: &FlatContext, exit_code: u8) -> io::Result<usize> {
    let mut line = |line: NdjsonLine<'_>| -> io::Result<()> {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")
    };
    let (run, organization, observed) = (&report.run, &report.organization, report.observed());
    let filter = context.filter.as_deref();
    line(NdjsonLine::Run { format: "ndjson-v1", run, organization, observed, filter })?;
    report.accounts.iter().try_for_each(|account| line(NdjsonLine::Account(account)))?;
    report.coverage.lines.iter().try_for_each(|covered| line(NdjsonLine::Coverage(covered)))?;
    for lb in &report.load_balancers {
        line(NdjsonLine::LoadBalancer(Box::new(QueriedLoadBalancer::of(lb, context))))?;
    }
    let mut findings = 0;
    for finding in &report.findings {
        line(NdjsonLine::Finding(finding))?;
        findings += 1;
    }
    if let Some(unseen) = &report.unseen {
        unseen.load_balancers.iter().try_for_each(|lb| line(NdjsonLine::UnseenLoadBalancer(lb)))?;
        unseen.findings.iter().try_for_each(|finding| line(NdjsonLine::UnseenFinding(finding)))?;
    }
    line(NdjsonLine::End {
        exit_code,
        coverage: report.coverage.counts,
        load_balancers: report.load_balancers.len(),
        findings,
        unseen: report.unseen.as_ref().map(|unseen| UnseenCounts {
            load_balancers: unseen.load_balancers.len(),
            findings: unseen.findings.len(),
            account_regions: unseen.account_regions,
            never_read: unseen.never_read,
        }),
    })?;
    Ok(findings)
}
