//! The next step for one load balancer, in the terms of the tool that manages it.
//!
//! A tool reverts a setting that was changed outside of it, so the step for a managed load balancer names the tool's own setting,
//! and a command appears only if no tool would revert it. Names and tags are external text: they never occur in a sentence with a
//! command, and a command contains only validated words.

use doorward_model::{Kind, LoadBalancer, Manager, Mode, Observed};

/// How to set the desync mitigation mode of this load balancer.
pub fn set_mode_instructions(lb: &LoadBalancer, mode: Mode) -> String {
    let key = lb.kind.mode_attribute();
    let arguments = match lb.kind {
        Kind::Classic => format!("'{{\"AdditionalAttributes\":[{{\"Key\":\"{key}\",\"Value\":\"{mode}\"}}]}}'"),
        _ => format!("Key={key},Value={mode}"),
    };
    let by_hand = by_hand(lb, &arguments, &format!("{key} to {mode}"));
    let manager = match &lb.managed_by {
        Observed::Absent => return by_hand,
        Observed::Unread(gap) => return perhaps_managed(&by_hand, &gap.to_string()),
        Observed::Known(manager) => manager,
    };
    if lb.kind == Kind::Classic {
        // Of these only Terraform's aws_elb has a property, option or annotation for the mode.
        match manager {
            Manager::CloudFormation(_) => return no_setting("CloudFormation", CLASSIC, &by_hand),
            Manager::Kubernetes(_) => return no_setting("Kubernetes", CLASSIC, &by_hand),
            Manager::EcsGateway(_) => return no_setting("ECS", CLASSIC, &by_hand),
            Manager::ElasticBeanstalk(_) => return no_setting("Elastic Beanstalk", CLASSIC, &by_hand),
            Manager::Terraform(_) => {}
        }
    }
    match manager {
        Manager::CloudFormation(_) => {
            format!("In {manager}, put Key {key} with Value {mode} into LoadBalancerAttributes and update the stack.")
        }
        Manager::Kubernetes(_) => format!(
            "In {manager}, add {key}={mode} to the annotation alb.ingress.kubernetes.io/load-balancer-attributes of the \
             Ingress, or for a whole class to spec.loadBalancerAttributes of its IngressClassParams, which overrides the \
             annotation (Gateway API: LoadBalancerConfiguration); the controller restores every key named there."
        ),
        Manager::EcsGateway(_) => {
            format!("On {manager}, set configuration.hostSharedAlb.httpDesync to {mode} by ecs:UpdateGateway.")
        }
        Manager::ElasticBeanstalk(_) => format!(
            "In {manager}, put Key {key} with Value {mode} into LoadBalancerAttributes of the resource \
             AWSEBV2LoadBalancer in .ebextensions and deploy; no configuration option sets it."
        ),
        Manager::Terraform(_) => format!(
            "In the configuration that {manager} points to, set desync_mitigation_mode = \"{mode}\" on the {} and apply.",
            terraform_resource(lb.kind)
        ),
    }
}

/// What to check before a load balancer gets this mode: a sentence with a leading space, or nothing.
pub fn mode_caution(mode: Mode) -> &'static str {
    match mode {
        Mode::Strictest => {
            " First check its traffic: strictest also blocks requests that AWS classifies as Acceptable or Ambiguous."
        }
        Mode::Monitor | Mode::Defensive => "",
    }
}

pub use doorward_model::DROP_INVALID;

/// Advice before invalid header fields are removed.
pub const DROP_INVALID_CAUTION: &str = "Its effect on clients cannot be predicted, because access logs contain no \
     header names. Header fields with an underscore in their name are removed too.";

/// How to have this application load balancer remove invalid header fields.
pub fn drop_invalid_headers(lb: &LoadBalancer) -> String {
    let by_hand = by_hand(lb, &format!("Key={DROP_INVALID},Value=true"), &format!("{DROP_INVALID} to true"));
    match &lb.managed_by {
        Observed::Absent => by_hand,
        Observed::Unread(gap) => perhaps_managed(&by_hand, &gap.to_string()),
        Observed::Known(manager @ Manager::CloudFormation(_)) => format!(
            "In {manager}, put Key {DROP_INVALID} with Value true into LoadBalancerAttributes and update the stack."
        ),
        Observed::Known(manager @ Manager::Kubernetes(_)) => format!(
            "In {manager}, add {DROP_INVALID}=true to the annotation alb.ingress.kubernetes.io/load-balancer-attributes of \
             the Ingress, or to spec.loadBalancerAttributes of its IngressClassParams (Gateway API: \
             LoadBalancerConfiguration)."
        ),
        Observed::Known(Manager::EcsGateway(_)) => no_setting("ECS", "this attribute", &by_hand),
        Observed::Known(manager @ Manager::ElasticBeanstalk(_)) => format!(
            "In {manager}, put Key {DROP_INVALID} with Value true into LoadBalancerAttributes of the resource \
             AWSEBV2LoadBalancer in .ebextensions and deploy; no configuration option sets it."
        ),
        Observed::Known(manager @ Manager::Terraform(_)) => format!(
            "In the configuration that {manager} points to, set drop_invalid_header_fields = true on the aws_lb and apply."
        ),
    }
}

/// How to have the targets of this application load balancer sent HTTP/2. No command names a target group: a new one is needed, and what
/// it needs besides is known to the owner only.
pub(crate) fn use_http2(lb: &LoadBalancer) -> String {
    let step = match &lb.managed_by {
        Observed::Known(manager @ Manager::CloudFormation(_)) => {
            format!("In {manager}, add an AWS::ElasticLoadBalancingV2::TargetGroup with ProtocolVersion: HTTP2")
        }
        Observed::Known(manager @ Manager::Kubernetes(_)) => format!(
            "In {manager}, annotate the Ingress or its Services with alb.ingress.kubernetes.io/backend-protocol-version: HTTP2, \
             which makes the controller create a new target group"
        ),
        Observed::Known(manager @ Manager::ElasticBeanstalk(_)) => format!(
            "In {manager}, set ProtocolVersion of the resource AWSEBV2LoadBalancerTargetGroup to HTTP2 in .ebextensions, which \
             replaces it"
        ),
        Observed::Known(manager @ Manager::Terraform(_)) => format!(
            "In the configuration that {manager} points to, set protocol_version = \"HTTP2\" on the aws_lb_target_group, which \
             replaces it"
        ),
        Observed::Known(Manager::EcsGateway(_)) => {
            "ECS has no setting for it; use a service with your own load balancer and a target group with the \
             protocol version HTTP2"
                .to_owned()
        }
        Observed::Absent => BY_HAND.to_owned(),
        Observed::Unread(gap) => {
            return format!("{}{FIRST}", perhaps_managed(&format!("{BY_HAND}."), &gap.to_string()));
        }
    };
    format!("{step}.{FIRST}")
}

const BY_HAND: &str = "Create a target group with `aws elbv2 create-target-group --protocol-version HTTP2`, register \
     the targets in it, and make the listener rules forward to it; the protocol version of an existing target group \
     cannot be changed";

/// Advice before the load balancer sends HTTP/2 to targets.
const FIRST: &str = " First check that the targets support HTTP/2 with prior knowledge (no upgrade negotiation), and start with one \
     target group.";

/// The requirement on the bucket that remedies call BUCKET.
pub const LOG_BUCKET: &str =
    "BUCKET is a bucket in the same Region whose policy allows logdelivery.elasticloadbalancing.amazonaws.com.";

/// How to have this load balancer write access logs.
pub(crate) fn enable_access_logs(lb: &LoadBalancer) -> String {
    let arguments = match lb.kind {
        Kind::Classic => "'{\"AccessLog\":{\"Enabled\":true,\"S3BucketName\":\"BUCKET\",\"EmitInterval\":5}}'",
        _ => "Key=access_logs.s3.enabled,Value=true Key=access_logs.s3.bucket,Value=BUCKET",
    };
    let by_hand = format!("{} {LOG_BUCKET}", by_hand(lb, arguments, "access logs to go to BUCKET"));
    let manager = match &lb.managed_by {
        Observed::Absent => return by_hand,
        Observed::Unread(gap) => return perhaps_managed(&by_hand, &gap.to_string()),
        Observed::Known(manager) => manager,
    };
    let classic = lb.kind == Kind::Classic;
    let step = match manager {
        Manager::CloudFormation(_) if classic => format!("In {manager}, set AccessLoggingPolicy and update the stack."),
        Manager::CloudFormation(_) => format!(
            "In {manager}, put access_logs.s3.enabled (true) and access_logs.s3.bucket (BUCKET) into \
             LoadBalancerAttributes and update the stack."
        ),
        Manager::Kubernetes(_) if classic => format!(
            "In {manager}, annotate the Service with \
             service.beta.kubernetes.io/aws-load-balancer-access-log-enabled: \"true\" and \
             service.beta.kubernetes.io/aws-load-balancer-access-log-s3-bucket-name: BUCKET."
        ),
        Manager::Kubernetes(_) => format!(
            "In {manager}, add access_logs.s3.enabled=true,access_logs.s3.bucket=BUCKET to the annotation \
             alb.ingress.kubernetes.io/load-balancer-attributes of the Ingress, or to spec.loadBalancerAttributes of its \
             IngressClassParams."
        ),
        Manager::EcsGateway(_) if classic => return no_setting("ECS", CLASSIC, &by_hand),
        Manager::EcsGateway(_) => {
            format!("On {manager}, set configuration.hostSharedAlb.accessLogs by ecs:UpdateGateway.")
        }
        Manager::ElasticBeanstalk(_) if classic => format!(
            "In {manager}, set AccessLoggingPolicy of the resource AWSEBLoadBalancer in .ebextensions and deploy."
        ),
        Manager::ElasticBeanstalk(_) => format!(
            "In {manager}, set the options AccessLogsS3Enabled (true) and AccessLogsS3Bucket (BUCKET) of the namespace \
             aws:elbv2:loadbalancer."
        ),
        Manager::Terraform(_) => format!(
            "In the configuration that {manager} points to, add an access_logs block with bucket and enabled = true to \
             the {} and apply.",
            terraform_resource(lb.kind)
        ),
    };
    format!("{step} {LOG_BUCKET}")
}

fn no_setting(manager: &str, of: &str, by_hand: &str) -> String {
    format!("{manager} has no setting for {of}, so set it directly. {by_hand}")
}

fn perhaps_managed(by_hand: &str, gap: &str) -> String {
    format!(
        "The tool that manages it could not be read ({gap}). If a tool manages it, make the change there, because the tool \
         would revert it. Otherwise: {by_hand}"
    )
}

fn terraform_resource(kind: Kind) -> &'static str {
    if kind == Kind::Classic { "aws_elb" } else { "aws_lb" }
}

/// What tools have no setting for, where they set it on application load balancers only.
const CLASSIC: &str = "this on a classic load balancer";

/// The AWS CLI command, or the same in words if the ARN or name has characters that a shell interprets. AWS does not create such
/// names.
fn by_hand(lb: &LoadBalancer, arguments: &str, in_words: &str) -> String {
    let region = &lb.region;
    let arn = lb.arn.as_str();
    match lb.kind {
        Kind::Classic if is_plain(&lb.name, "-_.") => format!(
            "Run `aws elb modify-load-balancer-attributes --region {region} --load-balancer-name {} \
             --load-balancer-attributes {arguments}`.",
            lb.name
        ),
        Kind::Application if is_plain(arn, "-_.:/") => format!(
            "Run `aws elbv2 modify-load-balancer-attributes --region {region} --load-balancer-arn {arn} --attributes \
             {arguments}`."
        ),
        _ => format!(
            "Set {in_words} in the console. No command is printed, because the name of the load balancer contains \
             characters that a shell interprets."
        ),
    }
}

/// Whether a text is a plain word in every shell, and not an option.
fn is_plain(text: &str, punctuation: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || punctuation.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_go_into_a_command() {
        for plain in ["web", "awseb-e-x-AWSEBLoa-1ABC", "a.b_c"] {
            assert!(is_plain(plain, "-_."), "{plain}");
        }
        for other in ["", "-rf", "a b", "a;b", "$(id)", "`id`", "a'b", "a\nb", "a\u{1b}[2J", "ä", "a/b", "a&b", "a%b"]
        {
            assert!(!is_plain(other, "-_."), "{other:?}");
        }
    }
}
