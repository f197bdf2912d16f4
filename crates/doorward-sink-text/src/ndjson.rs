//! `ndjson-v1`: one JSON object per line, so that a killed run leaves lines that can be read and a pipe can start early.
//!
//! The first line is the run, the last is the end; a file without its end line is not whole. The promise of `json-v1`
//! holds for every line.

use std::borrow::Borrow;
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
        filter: Option<String>,
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
        /// The counts of coverage.
        coverage: CoverageCounts,
        /// How many load balancers there were.
        load_balancers: usize,
        /// How many verdicts there were.
        findings: usize,
        /// Load balancers and findings that are known from earlier scans and were not observed; absent if no ledger
        /// was read.
        #[serde(skip_serializing_if = "Option::is_none")]
        unseen: Option<UnseenCounts>,
    },
}

/// Load balancers and findings that are known from earlier scans and were not observed.
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

/// All lines of a report, in their order; each is made when it is asked for. The context is borrowed, or owned by the lines.
pub fn lines<'a>(
    report: &'a ScanReport,
    context: impl Borrow<FlatContext> + Send + 'a,
    exit_code: u8,
) -> impl Iterator<Item = NdjsonLine<'a>> + Send {
    let (run, organization, observed) = (&report.run, &report.organization, report.observed());
    let filter = context.borrow().filter.clone();
    let first = NdjsonLine::Run { format: "ndjson-v1", run, organization, observed, filter };
    let last = NdjsonLine::End {
        exit_code,
        coverage: report.coverage.counts,
        load_balancers: report.load_balancers.len(),
        findings: report.findings.len(),
        unseen: report.unseen.as_ref().map(|unseen| UnseenCounts {
            load_balancers: unseen.load_balancers.len(),
            findings: unseen.findings.len(),
            account_regions: unseen.account_regions,
            never_read: unseen.never_read,
        }),
    };
    let unseen = report.unseen.iter().flat_map(|unseen| {
        let load_balancers = unseen.load_balancers.iter().map(NdjsonLine::UnseenLoadBalancer);
        load_balancers.chain(unseen.findings.iter().map(NdjsonLine::UnseenFinding))
    });
    let load_balancers = report.load_balancers.iter();
    let load_balancers =
        load_balancers.map(move |lb| NdjsonLine::LoadBalancer(Box::new(QueriedLoadBalancer::of(lb, context.borrow()))));
    std::iter::once(first)
        .chain(report.accounts.iter().map(NdjsonLine::Account))
        .chain(report.coverage.lines.iter().map(NdjsonLine::Coverage))
        .chain(load_balancers)
        .chain(report.findings.iter().map(NdjsonLine::Finding))
        .chain(unseen)
        .chain(std::iter::once(last))
}

/// Writes all lines and returns the number of findings among them.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &ScanReport, context: &FlatContext, exit_code: u8) -> io::Result<usize> {
    for line in lines(report, context, exit_code) {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(report.findings.len())
}
