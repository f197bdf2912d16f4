//! Elastic Load Balancing v2: application, network and gateway load balancers.

mod target_groups;

use super::paging::{decode_token, encode_token, page_after, size};
use crate::digest::digest;
use crate::failure::Failure;
use crate::request::Params;
use crate::service::{Call, Limit, Operation, Protocol, Scene, Service, anything};
use crate::world::attributes;
use crate::world::kind::Kind;
use crate::world::load_balancer::{Listener, LoadBalancer};
use crate::xml::Xml;

pub(crate) const SERVICE: Service = Service {
    label: "elbv2",
    signing: "elasticloadbalancing",
    prefix: "elasticloadbalancing",
    protocol: Protocol::Query {
        version: "2015-12-01",
        namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    },
    throttle: "Throttling",
    invalid: "ValidationError",
    global: false,
    operations: &[
        Operation::new("DescribeLoadBalancers", describe_load_balancers, anything, READ),
        Operation::new("DescribeLoadBalancerAttributes", describe_attributes, one_arn, READ),
        Operation::new("DescribeTags", describe_tags, resource_arns, READ),
        Operation::new("DescribeTargetGroups", target_groups::describe, anything, READ),
        Operation::new("DescribeTargetHealth", target_groups::health, anything, READ),
        Operation::new("DescribeListeners", describe_listeners, one_arn, READ),
        Operation::new("ModifyLoadBalancerAttributes", modify_attributes, one_arn, WRITE),
    ],
};

/// Published buckets: one per category, and one that all actions of the API share.
const READ: &[Limit] = &[Limit::regional("elbv2-read", 40.0, 10.0), Limit::regional("elbv2-all", 40.0, 10.0)];
const WRITE: &[Limit] = &[Limit::regional("elbv2-write", 20.0, 3.0), Limit::regional("elbv2-all", 40.0, 10.0)];

/// Largest page, and the page when none is asked for.
const PAGE: usize = 400;
/// Most ARNs in one DescribeLoadBalancers or DescribeTags, and most attributes in one Modify call.
const BATCH: usize = 20;

fn one_arn(params: &Params, _: &Scene<'_>) -> Vec<String> {
    params.get("LoadBalancerArn").map(str::to_owned).into_iter().collect()
}

fn resource_arns(params: &Params, _: &Scene<'_>) -> Vec<String> {
    params.list("ResourceArns").into_iter().map(str::to_owned).collect()
}

/// The id at the end of a load balancer ARN of the caller's own account and Region.
fn id_of(call: &Call<'_>, arn: &str) -> Option<u64> {
    let mut parts = arn.splitn(6, ':');
    let scene = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    if scene != ["arn", call.partition(), "elasticloadbalancing", call.region_name, call.account.id.as_str()] {
        return None;
    }
    let id = parts.next()?.strip_prefix("loadbalancer/")?.rsplit('/').next()?;
    (id.len() == 16).then(|| u64::from_str_radix(id, 16).ok()).flatten()
}

fn arn(call: &Call<'_>, load_balancer: &LoadBalancer) -> String {
    load_balancer.arn(call.partition(), &call.account.id, call.region_name)
}

/// Runs `look` on the load balancer that an ARN names exactly.
fn with<T>(call: &Call<'_>, wanted: &str, look: impl FnOnce(&LoadBalancer) -> T) -> Result<T, Failure> {
    let cell = call.world.read(call.cell());
    id_of(call, wanted)
        .and_then(|id| cell.current.get(&id))
        .filter(|load_balancer| arn(call, load_balancer) == wanted)
        .map(look)
        .ok_or_else(|| Failure::own("LoadBalancerNotFound", format!("Load balancer '{wanted}' not found")))
}

fn not_found() -> Failure {
    Failure::own("LoadBalancerNotFound", "One or more load balancers not found")
}

fn describe_load_balancers(call: &Call<'_>) -> Result<String, Failure> {
    let (arns, names) = (call.params.list("LoadBalancerArns"), call.params.list("Names"));
    let size = size(call.params.number("PageSize"), PAGE, call.world.organization.page_size, "pageSize")?;
    if arns.len() > BATCH || names.len() > BATCH {
        return Err(Failure::Invalid(format!("At most {BATCH} load balancers can be described by ARN or name")));
    }
    let cell = call.world.read(call.cell());
    let mut xml = Xml::with_capacity(1200 * cell.current.len().min(size) + 100);
    if !arns.is_empty() || !names.is_empty() {
        if (!arns.is_empty() && !names.is_empty()) || call.params.get("Marker").is_some() {
            return Err(Failure::Invalid("ARNs, names and a marker exclude each other".to_owned()));
        }
        let by_arn = arns.iter().map(|wanted| id_of(call, wanted).and_then(|id| cell.current.get(&id)));
        let by_name =
            names.iter().map(|wanted| cell.current.values().find(|load_balancer| *load_balancer.name == **wanted));
        let found: Option<Vec<&LoadBalancer>> = by_arn.chain(by_name).collect();
        let found = found.ok_or_else(not_found)?;
        xml.members("LoadBalancers", found, |xml, lb| load_balancer(xml, call, lb));
        return Ok(xml.finish());
    }
    let after = match call.params.get("Marker").filter(|marker| !marker.is_empty()) {
        None => None,
        Some(marker) => Some(
            decode_token(marker)
                .and_then(|id| u64::from_str_radix(&id, 16).ok())
                .ok_or_else(|| Failure::Invalid(format!("Invalid marker '{marker}'")))?,
        ),
    };
    let (page, more) = page_after(&cell.current, after, size);
    let last = page.last().map(|load_balancer| load_balancer.id);
    xml.members("LoadBalancers", page, |xml, lb| load_balancer(xml, call, lb));
    if let (true, Some(last)) = (more, last) {
        xml.text("NextMarker", &encode_token(&format!("{last:016x}")));
    }
    Ok(xml.finish())
}

fn load_balancer(xml: &mut Xml, call: &Call<'_>, load_balancer: &LoadBalancer) {
    let region = call.region_name;
    let short = load_balancer.id >> 32;
    xml.text("LoadBalancerArn", &arn(call, load_balancer));
    xml.text("LoadBalancerName", &load_balancer.name);
    xml.text("CreatedTime", &format!("{:.0}", load_balancer.created));
    xml.text("Type", load_balancer.kind.name());
    xml.within("State", |xml| xml.text("Code", &load_balancer.state));
    xml.text("VpcId", &load_balancer.vpc);
    xml.text("IpAddressType", "ipv4");
    if load_balancer.kind != Kind::Gateway {
        xml.text("Scheme", if load_balancer.internal { "internal" } else { "internet-facing" });
        let internal = if load_balancer.internal { "internal-" } else { "" };
        let host = match load_balancer.kind {
            Kind::Network => format!("{}-{:016x}.elb.{region}.amazonaws.com", load_balancer.name, load_balancer.id),
            _ => format!("{internal}{}-{short}.{region}.elb.amazonaws.com", load_balancer.name),
        };
        xml.text("DNSName", &host);
        xml.text("CanonicalHostedZoneId", "Z32O12XQLNTSW2");
    }
    if load_balancer.kind == Kind::Application {
        xml.members("SecurityGroups", [short], |xml, group| xml.raw(&format!("sg-0{group:016x}")));
    }
    xml.members("AvailabilityZones", ["a", "b"], |xml, zone| {
        xml.text("ZoneName", &format!("{region}{zone}"));
        xml.text("SubnetId", &format!("subnet-0{:016x}", digest(&[&load_balancer.vpc, zone])));
        xml.members("LoadBalancerAddresses", std::iter::empty::<()>(), |_, ()| ());
    });
}

fn attribute_list(xml: &mut Xml, load_balancer: &LoadBalancer) {
    xml.members("Attributes", load_balancer.attributes(), |xml, (key, value)| {
        xml.text("Key", key);
        xml.text("Value", value);
    });
}

fn describe_attributes(call: &Call<'_>) -> Result<String, Failure> {
    with(call, call.required("LoadBalancerArn")?, |load_balancer| {
        let mut xml = Xml::with_capacity(2600);
        attribute_list(&mut xml, load_balancer);
        xml.finish()
    })
}

fn describe_tags(call: &Call<'_>) -> Result<String, Failure> {
    let arns = call.params.list("ResourceArns");
    if arns.is_empty() || arns.len() > BATCH {
        return Err(Failure::Invalid(format!("ResourceArns must have 1 to {BATCH} members")));
    }
    let cell = call.world.read(call.cell());
    let mut described = Vec::with_capacity(arns.len());
    for wanted in arns {
        let load_balancer = id_of(call, wanted)
            .and_then(|id| cell.current.get(&id))
            .filter(|load_balancer| arn(call, load_balancer) == wanted)
            .ok_or_else(not_found)?;
        described.push((wanted, load_balancer));
    }
    let mut xml = Xml::with_capacity(500 * described.len());
    xml.members("TagDescriptions", described, |xml, (wanted, load_balancer)| {
        xml.text("ResourceArn", wanted);
        tag_list(xml, load_balancer);
    });
    Ok(xml.finish())
}

/// `<Tags>` of a load balancer; the same in both generations.
pub(super) fn tag_list(xml: &mut Xml, load_balancer: &LoadBalancer) {
    xml.members("Tags", load_balancer.tags.iter(), |xml, (key, value)| {
        xml.text("Key", key);
        xml.text("Value", value);
    });
}

fn describe_listeners(call: &Call<'_>) -> Result<String, Failure> {
    let wanted = call
        .params
        .get("LoadBalancerArn")
        .ok_or_else(|| Failure::Invalid("A load balancer ARN must be specified".to_owned()))?;
    let size = size(call.params.number("PageSize"), PAGE, call.world.organization.page_size, "pageSize")?;
    with(call, wanted, |load_balancer| {
        let page = super::paging::page(&load_balancer.listeners, call.params.get("Marker"), size, false)
            .ok_or_else(|| Failure::Invalid("Invalid marker".to_owned()))?;
        let mut xml = Xml::with_capacity(800 * page.items.len() + 100);
        xml.members("Listeners", page.items, |xml, entry| listener(xml, call, wanted, load_balancer, entry));
        if let Some(next) = page.next {
            xml.text("NextMarker", &next);
        }
        Ok(xml.finish())
    })?
}

/// The ARN of a listener of the load balancer with an ARN.
pub(super) fn listener_arn(arn: &str, entry: &Listener) -> String {
    let id = digest(&[arn, &entry.port.to_string()]);
    let (head, tail) = arn.split_once(":loadbalancer/").unwrap_or((arn, ""));
    format!("{head}:listener/{tail}/{id:016x}")
}

fn listener(xml: &mut Xml, call: &Call<'_>, arn: &str, load_balancer: &LoadBalancer, entry: &Listener) {
    let port = entry.port.to_string();
    let id = digest(&[arn, &port]);
    let head = format!("arn:{}:elasticloadbalancing:{}:{}:", call.partition(), call.region_name, call.account.id);
    xml.text("ListenerArn", &listener_arn(arn, entry));
    xml.text("LoadBalancerArn", arn);
    if load_balancer.kind != Kind::Gateway {
        xml.text("Port", &port);
        xml.text("Protocol", &entry.protocol);
    }
    if matches!(&*entry.protocol, "HTTPS" | "TLS") {
        xml.text("SslPolicy", "ELBSecurityPolicy-TLS13-1-2-Res-2021-06");
        let certificate =
            format!("arn:{}:acm:{}:{}:certificate/{id:016x}", call.partition(), call.region_name, call.account.id);
        xml.members("Certificates", [certificate], |xml, arn| xml.text("CertificateArn", &arn));
    }
    xml.members("DefaultActions", ["forward"], |xml, kind| {
        xml.text("Type", kind);
        let group = digest(&[arn, "targets"]);
        xml.text("TargetGroupArn", &format!("{head}targetgroup/{}/{group:016x}", load_balancer.name));
    });
}

fn modify_attributes(call: &Call<'_>) -> Result<String, Failure> {
    let wanted = call.required("LoadBalancerArn")?;
    let keys = call.params.indexed("Attributes", "Key");
    let values = call.params.indexed("Attributes", "Value");
    if keys.is_empty() || keys.len() > BATCH {
        return Err(Failure::Invalid(format!("Attributes must have 1 to {BATCH} members")));
    }
    let kind = with(call, wanted, |load_balancer| load_balancer.kind)?;
    let refuse = |message: String| Failure::own("InvalidConfigurationRequest", message);
    let mut changes: Vec<(&str, &str)> = Vec::with_capacity(keys.len());
    for (number, key) in keys {
        let value = values.iter().find(|(other, _)| *other == number).map_or("", |(_, value)| value);
        attributes::check(kind, key, value).map_err(refuse)?;
        if changes.iter().any(|(earlier, _)| *earlier == key) {
            return Err(refuse(format!("Load balancer attribute key '{key}' is given more than once")));
        }
        changes.push((key, value));
    }
    let mut cell = call.world.write(call.cell());
    let load_balancer = id_of(call, wanted).and_then(|id| cell.current.get_mut(&id)).ok_or_else(not_found)?;
    for (key, value) in changes {
        load_balancer.set_attribute(key, Some(value));
    }
    let mut xml = Xml::with_capacity(2600);
    attribute_list(&mut xml, load_balancer);
    Ok(xml.finish())
}
