//! Population: every load balancer of every kind, with the reason where it is out of scope.

use doorward_model::{LoadBalancer, LogDestination, Observed, RequiredMode};

use super::{SheetContext, seen};
use crate::figures::unit;
use crate::sheet::{ColumnKind, Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Population",
    file: "population",
    about: "Every load balancer of every kind that the scan found, with the reason if it is not in scope.",
};

struct Row<'p> {
    number: usize,
    lb: &'p LoadBalancer,
    required: Option<&'p RequiredMode>,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Load balancer", 28, "Its name.", |r| r.lb.name.as_str().into())
        .count("Number", "Its number in the population, from 1, in the order of account, Region and ARN.", |r| {
            r.number.into()
        })
        .with(ColumnKind::Word, "In scope", 10, "yes if its desync mitigation mode has an effect.", |r| {
            (if r.lb.effective_mode().applies() { "yes" } else { "no" }).into()
        })
        .prose("Why not in scope", 44, "The reason, if it is not in scope.", |r| r.lb.effective_mode().why_not().into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.lb.account.as_str().into())
        .text("Account name", 22, "Its name in AWS Organizations.", |r| seen(&r.lb.account_name).into())
        .text("Unit", 20, "The organizational unit, as a path of names.", |r| unit(r.lb).into())
        .text("Region", 15, "The AWS Region.", |r| r.lb.region.as_str().into())
        .text("Kind", 12, "application, classic, network or gateway.", |r| r.lb.kind.as_str().into())
        .text("Scheme", 16, "internet-facing or internal.", |r| seen(&r.lb.scheme).into())
        .text("State", 10, "AWS's state code; blank for classic load balancers, which have none.", |r| {
            r.lb.state.as_deref().into()
        })
        .time("Created", "When it was created.", |r| r.lb.created)
        .text("Observed mode", 22, "The desync mitigation mode that AWS returned, or why there is none.", |r| {
            if r.lb.kind.can_parse_http() { seen(&r.lb.mode).into() } else { Value::Blank }
        })
        .prose(
            "Mode left by",
            44,
            "Who set that mode, and when, if a CloudTrail event shows it; otherwise blank.",
            |r| r.lb.edited.as_ref().map(ToString::to_string).into(),
        )
        .text(
            "Required mode",
            14,
            "The mode that the policy requires; blank if it depends on a value that could not be read.",
            |r| r.required.and_then(RequiredMode::certain).map(|mode| mode.as_str()).into(),
        )
        .text(
            "Invalid headers dropped",
            22,
            "Whether invalid header fields are removed. This is a separate control: it never changes the verdict on \
             the mode.",
            |r| yes(r.lb, &r.lb.drop_invalid_headers),
        )
        .text(
            "WAF fails open",
            18,
            "Whether requests are forwarded while the web application firewall does not \
             respond.",
            |r| yes(r.lb, &r.lb.waf_fail_open),
        )
        .text("Access logs", 36, "The destination of its access logs.", |r| logs(&r.lb.access_logs).into())
        .text("Owner", 22, "The owner; `unowned` if no source names one.", |r| r.lb.owner_label().into())
        .text("Owner found in", 24, "The tag or organizational unit that names the owner.", |r| {
            r.lb.owner.known().map(|owner| owner.source_text()).into()
        })
        .text(
            "Environment",
            14,
            "From the configured tags; (absent) if no tag names it, (unread) if the tags could not be read.",
            |r| seen(&r.lb.environment).into(),
        )
        .text(
            "Application",
            18,
            "From the configured tags; (absent) if no tag names it, (unread) if the tags could not be read.",
            |r| seen(&r.lb.application).into(),
        )
        .text("Managed by", 36, "The tool that manages it, which would revert a change made by hand.", |r| {
            match &r.lb.managed_by {
                Observed::Absent => Value::Blank,
                other => seen(other).into(),
            }
        })
        .prose(
            "Declared",
            44,
            "Where it is declared in code, and how certain the match is; blank if no files were \
             given.",
            |r| r.lb.declared.as_deref().map(ToString::to_string).into(),
        )
        .text(
            "Risk profile",
            18,
            "Its risk profile in the policy: none if no profile matches, unknown if a value could not be read.",
            |r| r.lb.policy.as_ref().map(doorward_model::AppliedPolicy::profile_label).into(),
        )
        .prose("Tags", 50, "Its tags, as JSON.", |r| match &r.lb.tags {
            Observed::Known(tags) => serde_json::to_string(tags).unwrap_or_default().into(),
            other => seen(&other.as_ref().map(|_| "")).into(),
        })
        .text("VPC", 23, "Its VPC.", |r| r.lb.vpc.as_deref().into())
        .text("DNS name", 60, "Its DNS name.", |r| r.lb.dns_name.as_deref().into())
        .text("Evidence: API action", 40, "The call that returned the attributes.", |r| {
            r.lb.evidence.as_ref().map(|evidence| evidence.operation.as_str()).into()
        })
        .time("Evidence: time", "When the response to this call arrived.", |r| {
            r.lb.evidence.as_ref().map(|evidence| evidence.at)
        })
        .text("Evidence: request id", 38, "AWS's id of that call.", |r| {
            r.lb.evidence.as_ref().and_then(|evidence| evidence.request_id.as_deref()).into()
        })
        .text("ARN", 80, "Its ARN (composed for classic load balancers, which have none).", |r| {
            r.lb.arn.as_str().into()
        })
}

fn yes<'a>(lb: &LoadBalancer, value: &Observed<bool>) -> Value<'a> {
    match value {
        Observed::Known(true) => "yes".into(),
        Observed::Known(false) => "no".into(),
        other if lb.kind.can_parse_http() => seen(other).into(),
        _ => Value::Blank,
    }
}

fn logs(destination: &Observed<LogDestination>) -> String {
    seen(&destination.as_ref().map(|destination| match destination {
        LogDestination::Nowhere => "nowhere".to_owned(),
        LogDestination::S3 { bucket, prefix } if prefix.is_empty() => format!("S3 bucket {bucket}"),
        LogDestination::S3 { bucket, prefix } => format!("S3 bucket {bucket}, prefix {prefix}"),
        LogDestination::Delivery(targets) => format!("CloudWatch Logs delivery to {}", targets.join(", ")),
    }))
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let all = &cx.report().load_balancers;
    let rows = (1..).zip(all).map(|(number, lb)| Row {
        number,
        lb,
        required: cx.pack.context.required.get(&lb.arn).filter(|_| lb.effective_mode().applies()),
    });
    Sheet::new(TITLE, columns(), all.len(), rows).unknown_if(cx.without_reading())
}
