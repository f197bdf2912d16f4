//! The columns of each table. Within version 1 columns are added at the end, and none is renamed, removed or given another type.

use std::collections::BTreeMap;

use doorward_model::{
    Arn, CoverageLine, Finding, LoadBalancer, Mode, Observed, RequiredMode, ScanReport, UnseenFinding,
    UnseenLoadBalancer, Verdict,
};

use crate::parquet_file::ParquetType::{Flag, Number, Text, Time};
use crate::parquet_file::{ParquetColumn, ParquetType, ParquetValue};

/// A row of a table: what it is about, in its report.
pub(crate) struct RowOf<'a, T> {
    pub(crate) report: &'a ScanReport,
    pub(crate) required: &'a BTreeMap<Arn, RequiredMode>,
    /// Failures of earlier scans that this one did not observe, by finding.
    pub(crate) unseen: &'a BTreeMap<&'a str, &'a UnseenFinding>,
    pub(crate) item: T,
}

type ColumnsOf<T> = Vec<ParquetColumn<T>>;

/// A load balancer that this scan observed, or that only earlier ones did.
pub(crate) enum LoadBalancerRow<'a> {
    Read(&'a LoadBalancer),
    Unseen(&'a UnseenLoadBalancer),
}

/// A verdict, or a failure of an earlier scan of which this one has no verdict.
pub(crate) enum FindingRow<'a> {
    Judged(&'a Finding),
    Unseen(&'a UnseenFinding),
}

const fn column<R>(name: &'static str, kind: ParquetType, value: fn(&R) -> ParquetValue) -> ParquetColumn<R> {
    ParquetColumn { name, kind, value }
}

/// The run and its start, which every table begins with.
fn of_run<'a, T>() -> ColumnsOf<RowOf<'a, T>> {
    vec![
        column("run", Text, |row| row.report.run.id.as_str().into()),
        column("started", Time, |row| row.report.run.started.into()),
    ]
}

fn state<T>(value: &Observed<T>) -> ParquetValue {
    match value {
        Observed::Known(_) => "known".into(),
        Observed::Absent => "absent".into(),
        Observed::Unread(_) => "unknown".into(),
    }
}

fn known<T: ToString>(value: &Observed<T>) -> ParquetValue {
    value.known().map(T::to_string).into()
}

/// The runs: one row a file.
pub(crate) fn runs<'a>() -> ColumnsOf<RowOf<'a, ()>> {
    let mut columns = of_run();
    columns.extend([
        column("finished", Time, |row: &RowOf<'a, ()>| row.report.run.finished.into()),
        column("tool_version", Text, |row| row.report.run.tool_version.as_str().into()),
        column("organization", Text, |row| row.report.organization.known().map(|of| of.id.as_str()).into()),
        column("account", Text, |row| row.report.run.account.as_str().into()),
        column("interrupted", Flag, |row| row.report.run.interrupted.into()),
        column("account_regions", Number, |row| row.report.coverage.counts.all.into()),
        column("complete", Number, |row| row.report.coverage.counts.complete.into()),
        column("partial", Number, |row| row.report.coverage.counts.partial.into()),
        column("skipped", Number, |row| row.report.coverage.counts.skipped.into()),
        column("failed", Number, |row| row.report.coverage.counts.failed.into()),
        column("load_balancers", Number, |row| row.report.load_balancers.len().into()),
        column("findings", Number, |row| row.report.findings.len().into()),
        // Null without a ledger: then it is unknown.
        column("unseen_load_balancers", Number, |row| {
            row.report.unseen.as_ref().map(|un| un.load_balancers.len()).into()
        }),
        column("unseen_findings", Number, |row| row.report.unseen.as_ref().map(|un| un.findings.len()).into()),
    ]);
    columns
}

/// Every account-Region.
pub(crate) fn coverage<'a>() -> ColumnsOf<RowOf<'a, &'a CoverageLine>> {
    let mut columns = of_run();
    columns.extend([
        column("account", Text, |row: &RowOf<'a, &'a CoverageLine>| row.item.account.as_str().into()),
        column("region", Text, |row| row.item.region.as_ref().map(|region| region.as_str()).into()),
        column("status", Text, |row| row.item.status.to_string().into()),
        column("fully_listed", Flag, |row| row.item.fully_listed.into()),
        // Null without a full list: then the number is unknown.
        column("load_balancers", Number, |row| row.item.load_balancers.filter(|_| row.item.fully_listed).into()),
        column("reasons", Text, |row| {
            let reasons = row.item.gaps.iter().map(|gap| gap.reason.code());
            let reasons: std::collections::BTreeSet<&str> = reasons.collect();
            reasons.into_iter().collect::<Vec<_>>().join(", ").into()
        }),
    ]);
    columns
}

/// A column of load balancers: its value where the load balancer was observed, and where it was not.
macro_rules! of_load_balancer {
    ($name:literal, $kind:ident, $lb:ident => $read:expr, $un:ident => $unseen:expr) => {
        column($name, $kind, |row: &RowOf<'a, LoadBalancerRow<'a>>| match row.item {
            LoadBalancerRow::Read($lb) => $read,
            LoadBalancerRow::Unseen($un) => $unseen,
        })
    };
}

/// Every load balancer that is known.
pub(crate) fn load_balancers<'a>() -> ColumnsOf<RowOf<'a, LoadBalancerRow<'a>>> {
    let mut columns = of_run();
    columns.extend([
        of_load_balancer!("observed", Flag, _lb => true.into(), _un => false.into()),
        of_load_balancer!("arn", Text, lb => lb.arn.as_str().into(), un => un.arn.as_str().into()),
        of_load_balancer!("account", Text, lb => lb.account.as_str().into(), un => un.account.as_str().into()),
        of_load_balancer!("account_name", Text, lb => known(&lb.account_name), _un => ParquetValue::Null),
        of_load_balancer!("region", Text, lb => lb.region.as_str().into(), un => un.region.as_str().into()),
        of_load_balancer!("name", Text, lb => lb.name.as_str().into(), un => un.name.as_str().into()),
        of_load_balancer!("kind", Text, lb => lb.kind.to_string().into(), un => un.kind.to_string().into()),
        of_load_balancer!("scheme", Text, lb => known(&lb.scheme), _un => ParquetValue::Null),
        of_load_balancer!("scheme_state", Text, lb => state(&lb.scheme), _un => "unknown".into()),
        of_load_balancer!("mode", Text, lb => known(&lb.mode), _un => ParquetValue::Null),
        of_load_balancer!("mode_state", Text, lb => state(&lb.mode), _un => "unknown".into()),
        column("required_mode", Text, |row| match row.item {
            LoadBalancerRow::Read(lb) => required(row, lb).known().map(|mode| mode.as_str()).into(),
            LoadBalancerRow::Unseen(_) => ParquetValue::Null,
        }),
        of_load_balancer!("drop_invalid_headers", Flag, lb => lb.drop_invalid_headers.known().copied().into(), _un => ParquetValue::Null),
        of_load_balancer!("drop_invalid_headers_state", Text, lb => state(&lb.drop_invalid_headers), _un => "unknown".into()),
        of_load_balancer!("owner", Text, lb => lb.owner.known().map(|owner| owner.name.as_str()).into(), un => un.owner.as_str().into()),
        of_load_balancer!("owner_state", Text, lb => state(&lb.owner), _un => "unknown".into()),
        of_load_balancer!("profile", Text, lb => lb.policy.as_ref().map(|of| of.profile_label()).into(), _un => ParquetValue::Null),
        of_load_balancer!(
            "tags", Text,
            lb => lb.tags.known().and_then(|tags| serde_json::to_string(tags).ok()).into(),
            _un => ParquetValue::Null
        ),
        of_load_balancer!("tags_state", Text, lb => state(&lb.tags), _un => "unknown".into()),
        column("required_mode_state", Text, |row| match row.item {
            LoadBalancerRow::Read(lb) => required(row, lb).state().into(),
            LoadBalancerRow::Unseen(_) => "unknown".into(),
        }),
    ]);
    columns
}

/// What the policy requires of a load balancer.
enum Required {
    Mode(Mode),
    /// It depends on a value that could not be read.
    Unknown,
    /// The mode has no effect.
    NotApplicable,
}

impl Required {
    const fn known(&self) -> Option<Mode> {
        match self {
            Self::Mode(mode) => Some(*mode),
            Self::Unknown | Self::NotApplicable => None,
        }
    }

    const fn state(&self) -> &'static str {
        match self {
            Self::Mode(_) => "known",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not-applicable",
        }
    }
}

fn required(row: &RowOf<'_, LoadBalancerRow<'_>>, lb: &LoadBalancer) -> Required {
    if !lb.effective_mode().applies() {
        return Required::NotApplicable;
    }
    row.required.get(&lb.arn).and_then(RequiredMode::certain).map_or(Required::Unknown, Required::Mode)
}

/// A column of findings: its value where the verdict is of this scan, and where only an earlier scan observed the failure.
macro_rules! of_finding {
    ($name:literal, $kind:ident, $finding:ident => $judged:expr, $un:ident => $unseen:expr) => {
        column($name, $kind, |row: &RowOf<'a, FindingRow<'a>>| match row.item {
            FindingRow::Judged($finding) => $judged,
            FindingRow::Unseen($un) => $unseen,
        })
    };
}

/// Every verdict, and what was failing and has no verdict. No finding has two rows.
pub(crate) fn findings<'a>() -> ColumnsOf<RowOf<'a, FindingRow<'a>>> {
    let mut columns = of_run();
    columns.extend([
        of_finding!("observed", Flag, _of => true.into(), _un => false.into()),
        of_finding!("id", Text, of => of.id.as_str().into(), un => un.id.as_str().into()),
        of_finding!("rule", Text, of => of.rule.as_str().into(), un => un.rule.as_str().into()),
        of_finding!("account", Text, of => of.account.as_str().into(), un => un.account.as_str().into()),
        of_finding!("region", Text, of => of.region.as_str().into(), un => un.region.as_str().into()),
        of_finding!("load_balancer", Text, of => of.load_balancer.as_str().into(), un => un.load_balancer.as_str().into()),
        of_finding!("name", Text, of => of.name.as_str().into(), un => un.name.as_str().into()),
        of_finding!("kind", Text, of => of.kind.to_string().into(), un => un.kind.to_string().into()),
        of_finding!("owner", Text, of => of.owner.as_str().into(), un => un.owner.as_str().into()),
        of_finding!("verdict", Text, of => verdict(&of.verdict), _un => "unknown".into()),
        of_finding!("reason", Text, of => of.verdict.reason().code().into(), _un => ParquetValue::Null),
        of_finding!("severity", Text, of => severity(&of.verdict), _un => ParquetValue::Null),
        of_finding!(
            "because", Text,
            of => of.verdict.because().into(),
            _un => "It failed when it was last seen; this scan did not observe it.".into()
        ),
        of_finding!("observed_at", Time, of => of.observed_at.into(), un => un.last_seen.into()),
        of_finding!("first_seen", Time, of => of.history.as_ref().map(|of| of.first_seen).into(), un => un.first_seen.into()),
        of_finding!(
            "reopened", Number,
            of => of.history.as_ref().map(|of| usize::try_from(of.reopened).unwrap_or(usize::MAX)).into(),
            _un => ParquetValue::Null
        ),
        // When a failure that this scan did not observe was last observed; null where there is none.
        column("failure_last_seen", Time, |row| match row.item {
            FindingRow::Judged(finding) => row.unseen.get(finding.id.as_str()).map(|of| of.last_seen).into(),
            FindingRow::Unseen(un) => un.last_seen.into(),
        }),
    ]);
    columns
}

/// As `verdict` of `json-v1`.
fn verdict(verdict: &Verdict) -> ParquetValue {
    verdict.kind().to_string().replace(' ', "-").into()
}

fn severity(verdict: &Verdict) -> ParquetValue {
    match verdict {
        Verdict::Fail { severity, .. } | Verdict::Excepted { severity, .. } => severity.as_str().into(),
        _ => ParquetValue::Null,
    }
}
