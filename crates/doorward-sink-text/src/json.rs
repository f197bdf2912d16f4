//! `json-v1`: the whole report as one document.
//!
//! Promise: within v1, keys are added and never renamed, removed or given another meaning; readers should ignore keys
//! they do not know.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use doorward_model::{
    Account, AppliedChange, Arn, Coverage, Finding, ObservationPeriod, Observed, Organization, ReportTally, Run,
    ScanReport, Unseen,
};

use crate::flat::{FlatContext, QueriedLoadBalancer};

/// The document.
#[derive(Serialize, JsonSchema)]
pub struct JsonDocument<'a> {
    /// `json-v1`.
    format: &'static str,
    /// The exit code of the run that wrote it; `doorward explain exit-codes` explains it.
    exit_code: u8,
    /// The first and the last observation of the report; absent where nothing was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<ObservationPeriod>,
    /// The part of the report that this is, in words; absent where it is all of it. Coverage is always that of the whole scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    /// The run that produced it.
    run: &'a Run,
    /// The organization, absent in single-account mode.
    organization: &'a Observed<Organization>,
    /// Every account-Region with its outcome.
    coverage: &'a Coverage,
    /// The counts over the report.
    tally: &'a ReportTally,
    /// Every account, ordered by id.
    accounts: &'a [Account],
    /// Every load balancer, ordered by account, Region and ARN.
    load_balancers: Vec<QueriedLoadBalancer<'a>>,
    /// Every verdict, ordered by account, Region, load balancer and rule.
    findings: &'a [Finding],
    /// Doorward's changes of load balancers that the scan did not find, the oldest change of each first.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_unfound: Option<&'a BTreeMap<Arn, Vec<AppliedChange>>>,
    /// Load balancers and findings of earlier scans that this scan did not observe. Absent without a ledger: then they are
    /// unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen: Option<&'a Unseen>,
}

/// Writes the document and returns the number of its findings.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &ScanReport, context: &FlatContext, exit_code: u8) -> io::Result<usize> {
    let ScanReport { run, organization, coverage, tally, accounts, load_balancers, findings, changes_unfound, unseen } =
        report;
    let document = JsonDocument {
        format: "json-v1",
        exit_code,
        observed: report.observed(),
        filter: context.filter.as_deref(),
        run,
        organization,
        coverage,
        tally,
        accounts,
        load_balancers: load_balancers.iter().map(|lb| QueriedLoadBalancer::of(lb, context)).collect(),
        findings,
        changes_unfound: (!changes_unfound.is_empty()).then_some(changes_unfound),
        unseen: unseen.as_ref(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")?;
    Ok(report.findings.len())
}
