//! Results: one row for each rule and load balancer.

use std::collections::BTreeMap;

use doorward_model::{Arn, Evidence, Finding, LoadBalancer, RequiredMode, RuleMeta, ScanReport, Verdict};
use jiff::Timestamp;

use super::{load_balancers, seen, title_of};
use crate::figures::unit;
use crate::sheet::{ColumnKind, Columns, Sheet, Title, Value};

pub(crate) const TITLE: Title = Title {
    tab: "Results",
    file: "results",
    about: "One row for each rule and load balancer: what was observed, what is required, the verdict, and the call \
         that returned the value.",
};

/// One verdict and what belongs to it.
struct Row<'p> {
    finding: &'p Finding,
    lb: Option<&'p LoadBalancer>,
    rule: &'p str,
    required: Option<&'p RequiredMode>,
    asked: Timestamp,
}

impl Row<'_> {
    fn evidence(&self) -> Option<&Evidence> {
        self.lb.and_then(|lb| lb.evidence.as_ref())
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Load balancer", 28, "Its name.", |r| r.finding.name.as_str().into())
        .with(
            ColumnKind::Word,
            "Verdict",
            12,
            "pass, fail, excepted, unknown, not applicable or not asked. Unknown means that a value could not be read.",
            |r| r.finding.verdict.kind().to_string().into(),
        )
        .text(
            "Severity",
            11,
            "The severity of the failure; under an exception, the severity that it would have without the exception.",
            |r| match &*r.finding.verdict {
                Verdict::Fail { severity, .. } | Verdict::Excepted { severity, .. } => severity.as_str().into(),
                _ => Value::Blank,
            },
        )
        .text("Rule", 28, "The id of the rule.", |r| r.finding.rule.as_str().into())
        .text(
            "Observed mode",
            22,
            "The desync mitigation mode that AWS returned, or why there is none. (absent): AWS's response did not \
             contain it. (unread): unknown, with the reason.",
            |r| r.lb.filter(|lb| lb.kind.can_parse_http()).map(|lb| seen(&lb.mode)).into(),
        )
        .text(
            "Required mode",
            14,
            "The mode that the policy requires; blank if it depends on a value that could not be read.",
            |r| r.required.and_then(RequiredMode::certain).map(|mode| mode.as_str()).into(),
        )
        .text("Owner", 22, "The owner; `unowned` if no source names one.", |r| r.finding.owner.as_str().into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.finding.account.as_str().into())
        .text("Unit", 20, "The organizational unit, as a path of names.", |r| r.lb.map(unit).into())
        .text("Region", 15, "The AWS Region.", |r| r.finding.region.as_str().into())
        .text(
            "Reason",
            26,
            "The code of the reason, stable for filters and programs; `doorward explain CODE` explains it.",
            |r| r.finding.verdict.reason().code().into(),
        )
        .prose("Because", 78, "What was observed and what is required, in a sentence.", |r| {
            r.finding.verdict.because().into()
        })
        .prose("Remedy", 110, "The next step for this load balancer, if the rule fails.", |r| {
            match &*r.finding.verdict {
                Verdict::Fail { remedy, .. } => remedy.as_str().into(),
                _ => Value::Blank,
            }
        })
        .text("Required by", 24, "The policy rule that requires the mode, or the policy's default.", |r| {
            r.required.map(|required| required.by.as_str()).into()
        })
        .text("Exception", 16, "The exception that permits the failure; see the sheet Exceptions.", |r| {
            match &*r.finding.verdict {
                Verdict::Excepted { exception, .. } => exception.as_str().into(),
                _ => Value::Blank,
            }
        })
        .with(ColumnKind::Day, "Exception's last day", 13, "The last day, in UTC, on which the exception is in force.", |r| {
            match &*r.finding.verdict {
                Verdict::Excepted { expires, .. } => expires.parse::<jiff::civil::Date>().ok().into(),
                _ => Value::Blank,
            }
        })
        .time(
            "First seen",
            "When a scan first observed the failure; blank if the rule never failed, or if there is no ledger.",
            |r| r.finding.history.as_ref().map(|history| history.first_seen),
        )
        .count("Age in days", "Whole days from the first failure to this reading, if the rule still fails or may still fail.", |r| {
            let open =
                matches!(*r.finding.verdict, Verdict::Fail { .. } | Verdict::Excepted { .. } | Verdict::Unknown { .. });
            r.finding
                .history
                .as_ref()
                .filter(|history| open && history.resolved.is_none())
                .map(|history| r.asked.duration_since(history.first_seen).as_hours() / 24)
                .into()
        })
        .time(
            "Last seen",
            "When a scan last observed this state; earlier than this scan if this scan could not read it.",
            |r| r.finding.history.as_ref().map(|history| history.last_seen),
        )
        .count("Came back", "How often the finding failed again after it was resolved.", |r| {
            r.finding.history.as_ref().map(|history| i64::from(history.reopened)).into()
        })
        .text("Rule title", 46, "The title of the rule.", |r| r.rule.into())
        .text("Account name", 22, "Its name in AWS Organizations.", |r| r.lb.map(|lb| seen(&lb.account_name)).into())
        .text("Kind", 12, "application, classic, network or gateway.", |r| r.finding.kind.as_str().into())
        .text("Scheme", 16, "internet-facing or internal.", |r| r.lb.map(|lb| seen(&lb.scheme)).into())
        .text("Evidence: API action", 40, "The call that returned the attributes, as in CloudTrail.", |r| {
            r.evidence().map(|evidence| evidence.operation.as_str()).into()
        })
        .time("Evidence: time", "When the response to this call arrived.", |r| r.evidence().map(|evidence| evidence.at))
        .time(
            "Observed",
            "When the values behind the verdict were read; if nothing could be read, when the reading of the \
             account-Region began.",
            |r| r.finding.observed_at,
        )
        .text("Evidence: request id", 38, "AWS's id of that call.", |r| {
            r.evidence().and_then(|evidence| evidence.request_id.as_deref()).into()
        })
        .text("ARN", 80, "The load balancer's ARN (composed for classic load balancers, which have none).", |r| {
            r.finding.load_balancer.as_str().into()
        })
        .text("Finding id", 80, "The id of the finding; it never changes for the same load balancer and rule.", |r| {
            r.finding.id.as_str().into()
        })
        .count(
            "Deadline in days",
            "How many days the failure may be open; blank if the policy sets no deadline for \
             it.",
            |r| r.finding.deadline.as_ref().map(|deadline| i64::from(deadline.days)).into(),
        )
        .text("Deadline state", 14, "in time, overdue, or unknown if there is no ledger.", |r| {
            r.finding.deadline.as_ref().map(|deadline| deadline.state.as_str()).into()
        })
        .time(
            "Due",
            "When the deadline ends or ended, if the failure is observed without interruption; every interruption \
             moves it.",
            |r| r.finding.deadline.as_ref().and_then(|deadline| deadline.due),
        )
        .count(
            "Days not observed",
            "Whole days of the current failure without an observation; they do not count towards the deadline.",
            |r| {
                let days = r.finding.deadline.as_deref().and_then(doorward_model::Deadline::unobserved_days);
                days.and_then(|days| i64::try_from(days).ok()).into()
            },
        )
        .text(
            "Risk profile",
            18,
            "Its risk profile in the policy: none if no profile matches, unknown if a value \
             could not be read.",
            |r| r.lb.and_then(|lb| lb.policy.as_ref()).map(doorward_model::AppliedPolicy::profile_label).into(),
        )
        .text(
            "Application",
            18,
            "The application type, from the configured tags; (absent) if no tag names it, (unread) if the tags could not be read.",
            |r| r.lb.map(|lb| seen(&lb.application)).into(),
        )
}

/// The sheet.
pub(crate) fn sheet<'p>(
    report: &'p ScanReport,
    required: &'p BTreeMap<Arn, RequiredMode>,
    rules: &'p [&'static RuleMeta],
) -> Sheet<'p> {
    sheet_with(report, &[], required, rules)
}

/// The sheet with findings beside those of the report, which come last.
pub(crate) fn sheet_with<'p>(
    report: &'p ScanReport,
    more: &'p [Finding],
    required: &'p BTreeMap<Arn, RequiredMode>,
    rules: &'p [&'static RuleMeta],
) -> Sheet<'p> {
    let places = load_balancers(report);
    let rows = report.findings.iter().chain(more).map(move |finding| {
        let lb = places.get(&finding.load_balancer).copied();
        Row {
            finding,
            lb,
            rule: title_of(rules, &finding.rule),
            required: lb.filter(|lb| lb.kind.can_parse_http()).and_then(|lb| required.get(&lb.arn)),
            asked: finding.observed_at.unwrap_or(report.run.started),
        }
    });
    Sheet::new(TITLE, columns(), report.findings.len() + more.len(), rows)
}
