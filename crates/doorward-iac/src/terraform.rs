//! Terraform and OpenTofu: plans, and configuration as far as it can be evaluated without running Terraform.
//!
//! The provider sends its default "defensive" for an unset `desync_mitigation_mode` of aws_lb and aws_elb with every change, so
//! that an unset argument has a known value, unlike in the other dialects. The same holds for the other attributes, except
//! `access_logs`: a block that was never set is not sent.
//! <https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elbv2/load_balancer.go>

use doorward_model::{Kind, Manager, Observed, Scheme};

use crate::FileError;
use crate::builder::{DROP_INVALID, LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, LoadBalancerBuilder, WAF_FAIL_OPEN};
use crate::source_text::SourceText;

mod cloud_control;
pub(crate) mod configuration;
mod declare;
mod dependencies;
mod evaluation;
mod expression;
#[cfg(test)]
mod expression_tests;
mod functions;
mod indirect_blocks;
mod listener_groups;
mod locals;
mod module;
pub(crate) mod module_sources;
mod nested_blocks;
mod number;
mod operators;
mod path;
pub(crate) mod plan;
mod providers;
mod public_module;
mod public_resource;
mod resource;
mod section;
mod syntax;
pub(crate) mod terragrunt;
mod types;
mod value;
mod variables;
mod work;
#[cfg(test)]
mod work_tests;

/// The resource types for load balancers of the provider `aws`.
const TYPES: [&str; 3] = ["aws_lb", "aws_alb", "aws_elb"];
/// The resource type of the provider `awscc`, which is generated from CloudFormation's types.
const CLOUD_CONTROL: &str = "awscc_elasticloadbalancingv2_load_balancer";

/// Sets the properties of a load balancer from the arguments of its resource. `value` returns the value at a path of
/// arguments, in which a block stands for its first instance.
pub(crate) fn set_arguments(
    builder: &mut LoadBalancerBuilder<'_>,
    classic: bool,
    value: &dyn Fn(&[&str]) -> Observed<String>,
) {
    if classic {
        builder.kind = Kind::Classic;
    } else {
        builder.set_kind(value(&["load_balancer_type"]));
    }
    builder.name = value(&["name"]);
    builder.match_hints.name_prefix = value(&["name_prefix"]).known().filter(|prefix| !prefix.is_empty()).cloned();
    builder.scheme = match value(&["internal"]) {
        // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
        Observed::Absent => Observed::Known(Scheme::InternetFacing),
        Observed::Known(internal) if internal == "true" => Observed::Known(Scheme::Internal),
        Observed::Known(internal) if internal == "false" => Observed::Known(Scheme::InternetFacing),
        Observed::Known(_) => Observed::Absent,
        Observed::Unread(gap) => Observed::Unread(gap),
    };
    let prefix = if classic { "bucket_prefix" } else { "prefix" };
    for (key, path) in [
        (builder.kind.mode_attribute(), &["desync_mitigation_mode"][..]),
        (DROP_INVALID, &["drop_invalid_header_fields"]),
        (WAF_FAIL_OPEN, &["enable_waf_fail_open"]),
        (LOGS_ENABLED, &["access_logs", "enabled"]),
        (LOGS_BUCKET, &["access_logs", "bucket"]),
        (LOGS_PREFIX, &["access_logs", prefix]),
    ] {
        builder.attributes.insert(key.to_owned(), value(path));
    }
    let resource = builder.address.clone();
    builder.managed_by = Observed::Known(Manager::Terraform(resource));
}

/// Whether a file of values of variables is well-formed.
pub(crate) fn check_values(text: &SourceText<'_>) -> Result<(), FileError> {
    section::parse_values(text).map(drop)
}

/// `access_logs` as `accessLogs`.
pub(crate) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |joined, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        joined + &head.into_iter().chain(letters).collect::<String>()
    })
}
