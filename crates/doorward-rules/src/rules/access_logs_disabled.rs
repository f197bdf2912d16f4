//! `access-logs-disabled`: nothing records the requests.

use doorward_model::{LoadBalancer, LogDestination, Observed, Policy, Rule, RuleMeta, Severity, Verdict};

use crate::{dialect, reading};

/// What the rule says of itself.
pub(crate) const META: RuleMeta = RuleMeta {
    id: "access-logs-disabled",
    version: 1,
    title: "Access logs are off",
    severity: Severity::Low,
    what: "Does this application or classic load balancer write access logs, to an S3 bucket by its own attributes or by a \
           CloudWatch Logs delivery?",
    why: "Access logs are the only place where an application load balancer says how it classified each request. Without \
          them nobody can tell what a stronger mode would block, nor look back after an attack.",
    evidence: "The attribute access_logs.s3.enabled from DescribeLoadBalancerAttributes, and for application load balancers \
               the deliveries from CloudWatch Logs. The attribute alone proves nothing where it is false, because logs can \
               be delivered without it. A failure is one step graver where the load balancer is internet-facing.",
    remediation: "Enable access logs to a bucket in the same Region that admits the log delivery service, where the load \
                  balancer is managed, or create a CloudWatch Logs delivery for it.",
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
        if let Some(verdict) = reading::beyond_rules(lb) {
            return verdict;
        }
        match &lb.access_logs {
            Observed::Known(LogDestination::S3 { bucket, prefix }) => {
                let prefix = if prefix.is_empty() { String::new() } else { format!(", prefix {prefix}") };
                Verdict::Pass { because: format!("Access logs go to the bucket {bucket}{prefix}.") }
            }
            Observed::Known(LogDestination::Delivery(destinations)) => Verdict::Pass {
                because: format!("Access logs are delivered by CloudWatch Logs to {}.", destinations.join(", ")),
            },
            Observed::Known(LogDestination::Nowhere) => {
                let (severity, exposure) = reading::rate(lb, Severity::Low, Severity::Medium);
                Verdict::Fail {
                    because: format!("No access logs are written. {exposure}"),
                    severity,
                    remedy: dialect::enable_access_logs(lb),
                }
            }
            Observed::Absent => Verdict::Unknown {
                because: "AWS's answer did not say whether access logs are written.".to_owned(),
                gaps: vec![reading::left_out(
                    "the access log attributes",
                    "elasticloadbalancing:DescribeLoadBalancerAttributes",
                )],
            },
            Observed::Unread(gap) => Verdict::unread("Where access logs go", gap),
        }
    }
}
