//! Terraform and OpenTofu: plans as they say themselves, and configuration as far as it can be read without running it.
//!
//! The provider gives `desync_mitigation_mode` the default "defensive" on aws_lb and aws_elb and sends it on every change, so
//! that an unset argument is a known value, unlike in the other dialects. The other attributes behave the same, but for
//! `access_logs`: a block that was never there is not sent.
//! <https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elbv2/load_balancer.go>

use doorward_model::{Kind, Manager, Observed, Scheme};

use crate::draft::{DROP_INVALID, Draft, LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, WAF_FAIL_OPEN};

pub(crate) mod configuration;
mod evaluate;
mod functions;
mod locals;
mod module;
pub(crate) mod plan;
#[cfg(test)]
mod proportion;
mod providers;
mod public;
mod resource;
mod section;
mod value;

/// The resource types that make load balancers, in the provider that most people use.
const TYPES: [&str; 3] = ["aws_lb", "aws_alb", "aws_elb"];
/// The same in the provider that is generated from CloudFormation's types.
const CLOUD_CONTROL: &str = "awscc_elasticloadbalancingv2_load_balancer";

/// Reads the arguments of a load balancer's resource into a draft. `value` gives the value along a path of arguments, in
/// which a block counts as its first instance.
pub(crate) fn fill(draft: &mut Draft<'_>, classic: bool, value: &dyn Fn(&[&str]) -> Observed<String>) {
    if classic {
        draft.kind = Kind::Classic;
    } else {
        match value(&["load_balancer_type"]) {
            Observed::Absent => {}
            Observed::Known(kind) => draft.kind = kind_of(&kind),
            Observed::Unread(gap) => draft.kind_gap = Some(gap),
        }
    }
    draft.name = value(&["name"]);
    draft.marks.name_prefix = value(&["name_prefix"]).known().filter(|prefix| !prefix.is_empty()).cloned();
    draft.scheme = match value(&["internal"]) {
        // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
        Observed::Absent => Observed::Known(Scheme::InternetFacing),
        Observed::Known(internal) if internal == "true" => Observed::Known(Scheme::Internal),
        Observed::Known(internal) if internal == "false" => Observed::Known(Scheme::InternetFacing),
        Observed::Known(_) => Observed::Absent,
        Observed::Unread(gap) => Observed::Unread(gap),
    };
    let prefix = if classic { "bucket_prefix" } else { "prefix" };
    for (key, path) in [
        (draft.kind.mode_attribute(), &["desync_mitigation_mode"][..]),
        (DROP_INVALID, &["drop_invalid_header_fields"]),
        (WAF_FAIL_OPEN, &["enable_waf_fail_open"]),
        (LOGS_ENABLED, &["access_logs", "enabled"]),
        (LOGS_BUCKET, &["access_logs", "bucket"]),
        (LOGS_PREFIX, &["access_logs", prefix]),
    ] {
        draft.attributes.insert(key.to_owned(), value(path));
    }
    let resource = draft.address.clone();
    draft.managed_by = Observed::Known(Manager::Terraform(resource.clone()));
    draft.way = format!("In {resource}, set desync_mitigation_mode to");
    draft.logs_way = format!("In {resource}, add an access_logs block with bucket and enabled = true.");
}

/// The kind of a load balancer by AWS's word for it.
pub(crate) fn kind_of(word: &str) -> Kind {
    match word {
        "application" => Kind::Application,
        "network" => Kind::Network,
        "gateway" => Kind::Gateway,
        _ => Kind::Unrecognized,
    }
}
