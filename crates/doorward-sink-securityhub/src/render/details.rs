//! The load balancer as ASFF's resource, with the attributes that were read.

use std::collections::BTreeMap;

use doorward_model::{Kind, LoadBalancer, Observed, SharedText, TextMap};

use super::stamp;
use crate::asff::{AsffResource, AsffState, Attribute, ClassicAttributes, ClassicDetails, Details, V2Details, Zone};
use crate::limits::Cuts;

/// Most tags, attributes, groups and zones of one load balancer.
const TAGS: usize = 50;
const ATTRIBUTES: usize = 100;
const LIST: usize = 50;

/// ASFF's word for a partition, which is not always AWS's own.
fn partition(aws: &str) -> Option<String> {
    let asff = match aws {
        "aws" | "aws-cn" | "aws-us-gov" => aws,
        "aws-iso" => "aws-us-iso",
        "aws-iso-b" => "aws-us-iso-b",
        _ => return None,
    };
    Some(asff.to_owned())
}

fn list(cuts: &mut Cuts, place: &str, items: &[SharedText]) -> Vec<String> {
    if items.len() > LIST {
        cuts.note(format!("{place} ({} of {} left out)", items.len() - LIST, items.len()));
    }
    items.iter().take(LIST).map(|item| cuts.text(place, item, 256)).collect()
}

/// Attributes that say something; AWS refuses empty values.
fn attributes(cuts: &mut Cuts, all: &Observed<TextMap>) -> Vec<Attribute> {
    let Observed::Known(all) = all else { return Vec::new() };
    let named: Vec<_> = all.iter().filter(|(key, value)| !key.trim().is_empty() && !value.trim().is_empty()).collect();
    if named.len() > ATTRIBUTES {
        cuts.note(format!("LoadBalancerAttributes ({} of {} left out)", named.len() - ATTRIBUTES, named.len()));
    }
    named
        .into_iter()
        .take(ATTRIBUTES)
        .map(|(key, value)| Attribute {
            key: cuts.text("LoadBalancerAttributes", key, 256),
            value: cuts.text("LoadBalancerAttributes", value, 1024),
        })
        .collect()
}

/// The one resource of a finding.
pub(super) fn resource(lb: &LoadBalancer, cuts: &mut Cuts) -> AsffResource {
    let attributes = attributes(cuts, &lb.attributes);
    let scheme = lb.scheme.known().map(ToString::to_string);
    let created_time = lb.created.map(stamp);
    let dns_name = lb.dns_name.as_ref().map(|name| cuts.text("DNSName", name, 256));
    let vpc_id = lb.vpc.as_ref().map(|vpc| cuts.text("VpcId", vpc, 256));
    let security_groups = list(cuts, "SecurityGroups", &lb.security_groups);
    let zones = list(cuts, "AvailabilityZones", &lb.zones);
    let classic = lb.kind == Kind::Classic;
    let details = if classic {
        let load_balancer_attributes =
            (!attributes.is_empty()).then_some(ClassicAttributes { additional_attributes: attributes });
        let load_balancer_name = Some(cuts.text("LoadBalancerName", &lb.name, 256));
        Details {
            v2: None,
            classic: Some(ClassicDetails {
                availability_zones: zones,
                created_time,
                dns_name,
                load_balancer_name,
                scheme,
                security_groups,
                vpc_id,
                load_balancer_attributes,
            }),
        }
    } else {
        let kind = (lb.kind != Kind::Unrecognized).then(|| lb.kind.to_string());
        Details {
            classic: None,
            v2: Some(V2Details {
                availability_zones: zones.into_iter().map(|zone_name| Zone { zone_name }).collect(),
                created_time,
                dns_name,
                scheme,
                security_groups,
                state: lb.state.as_ref().map(|code| AsffState { code: cuts.text("State.Code", code, 64) }),
                kind,
                vpc_id,
                load_balancer_attributes: attributes,
            }),
        }
    };
    let tags = match &lb.tags {
        Observed::Known(tags) => cuts.map("Resources.Tags", tags.iter(), TAGS, 128, 256),
        Observed::Absent | Observed::Unread(_) => BTreeMap::new(),
    };
    let region = Some(lb.region.to_string()).filter(|region| region.len() <= 16);
    if region.is_none() {
        cuts.note("Resources.Region".to_owned());
    }
    AsffResource {
        kind: if classic { "AwsElbLoadBalancer" } else { "AwsElbv2LoadBalancer" }.to_owned(),
        id: cuts.text("Resources.Id", lb.arn.as_str(), 512),
        partition: partition(lb.arn.partition()),
        region,
        tags,
        details,
    }
}
