//! `access-logs-disabled`: the load balancer writes no access logs.

use doorward_model::{
    Adjustment, LoadBalancer, LogDestination, Observed, Policy, Rule, RuleMeta, Severity, Verdict, VerdictReason,
};

use crate::{preconditions, remediation};

/// The definition of the rule.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "access-logs-disabled",
    version: 1,
    title: "Access logs are off",
    severity: Severity::Low,
    adjustments: &[Adjustment::Reachable(1)],
    reasons: &[
        VerdictReason::AccessLogsOff,
        VerdictReason::AccessLogsInS3,
        VerdictReason::AccessLogsDelivered,
        VerdictReason::AccessLogsUnread,
        VerdictReason::AccessLogsNotReported,
        VerdictReason::KindUnrecognized,
        VerdictReason::NotApplicableKind,
    ],
    what: "Does this application or classic load balancer write access logs, to an S3 bucket by its own attributes or by a \
           CloudWatch Logs delivery?",
    why: "Access logs are the only record of how an application load balancer classified each request. Without them it is \
          unknown which requests a stronger mode would block, and an attack cannot be investigated.",
    evidence: "The attribute access_logs.s3.enabled from DescribeLoadBalancerAttributes, and for application load balancers \
               the deliveries from CloudWatch Logs. Both are read, because CloudWatch Logs can deliver logs even if \
               the attribute is false.",
    remediation: "Enable access logs to a bucket in the same Region whose policy allows the log delivery service: change \
                  the setting in the tool that manages the load balancer, or create a CloudWatch Logs delivery for it.",
    references: &[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-logs.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/enable-access-logs.html",
    ],
};

/// See [`META`].
pub(crate) struct AccessLogsDisabled;

impl Rule for AccessLogsDisabled {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn judge(&self, lb: &LoadBalancer, _policy: &Policy) -> Verdict {
        if let Some(verdict) = preconditions::not_judgeable(lb) {
            return verdict;
        }
        match &lb.access_logs {
            Observed::Known(LogDestination::S3 { bucket, prefix }) => {
                let prefix = if prefix.is_empty() { String::new() } else { format!(", prefix {prefix}") };
                Verdict::Pass {
                    reason: VerdictReason::AccessLogsInS3,
                    because: format!("Access logs go to the bucket {bucket}{prefix}."),
                }
            }
            Observed::Known(LogDestination::Delivery(destinations)) => Verdict::Pass {
                reason: VerdictReason::AccessLogsDelivered,
                because: format!("Access logs are delivered by CloudWatch Logs to {}.", destinations.join(", ")),
            },
            Observed::Known(LogDestination::Nowhere) => {
                let reason = VerdictReason::AccessLogsOff;
                Verdict::Fail {
                    reason,
                    because: format!("No access logs are written. {}", preconditions::exposure(lb)),
                    severity: META.severity_of(reason, lb),
                    remedy: remediation::enable_access_logs(lb),
                }
            }
            Observed::Absent => Verdict::Unknown {
                reason: VerdictReason::AccessLogsNotReported,
                because: "AWS's response did not contain the access log attributes.".to_owned(),
                gaps: vec![preconditions::not_reported(
                    "the access log attributes",
                    "elasticloadbalancing:DescribeLoadBalancerAttributes",
                )],
            },
            Observed::Unread(gap) => {
                Verdict::unread(VerdictReason::AccessLogsUnread, "The destination of access logs", gap)
            }
        }
    }
}
