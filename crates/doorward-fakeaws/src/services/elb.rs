//! Elastic Load Balancing, 2012 API: Classic Load Balancers.

use super::elbv2::tag_list;
use super::paging::{decode_token, encode_token, page_after, size};
use crate::failure::Failure;
use crate::request::Params;
use crate::service::{Call, Limit, Operation, Protocol, Scene, Service, anything};
use crate::world::attributes::CLASSIC_DESYNC_MODE;
use crate::world::load_balancer::LoadBalancer;
use crate::xml::Xml;

pub(crate) const SERVICE: Service = Service {
    label: "elb",
    signing: "elasticloadbalancing",
    prefix: "elasticloadbalancing",
    protocol: Protocol::Query {
        version: "2012-06-01",
        namespace: "http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/",
    },
    throttle: "Throttling",
    invalid: "ValidationError",
    global: false,
    operations: &[
        Operation::new("DescribeLoadBalancers", describe_load_balancers, anything, READ),
        Operation::new("DescribeLoadBalancerAttributes", describe_attributes, one_name, READ),
        Operation::new("DescribeTags", describe_tags, many_names, READ),
        Operation::new("ModifyLoadBalancerAttributes", modify_attributes, one_name, WRITE),
    ],
};

const READ: &[Limit] = &[Limit::regional("elb-read", 40.0, 10.0), Limit::regional("elb-all", 40.0, 10.0)];
const WRITE: &[Limit] = &[Limit::regional("elb-write", 20.0, 3.0), Limit::regional("elb-all", 40.0, 10.0)];

const PAGE: usize = 400;
const BATCH: usize = 20;

fn arn_for(scene: &Scene<'_>, name: &str) -> String {
    let Scene { partition, account, region, .. } = scene;
    format!("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}")
}

fn one_name(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    params.get("LoadBalancerName").map(|name| arn_for(scene, name)).into_iter().collect()
}

fn many_names(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    params.list("LoadBalancerNames").into_iter().map(|name| arn_for(scene, name)).collect()
}

fn not_found(name: &str) -> Failure {
    Failure::own("LoadBalancerNotFound", format!("There is no ACTIVE Load Balancer named '{name}'"))
}

fn describe_load_balancers(call: &Call<'_>) -> Result<String, Failure> {
    let size = size(call.params.number("PageSize"), PAGE, call.world.organization.page_size, "pageSize")?;
    let names = call.params.list("LoadBalancerNames");
    let cell = call.world.read(call.cell());
    let mut xml = Xml::with_capacity(900 * cell.classic.len().min(size) + 100);
    if !names.is_empty() {
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            found.push(cell.classic.get(name).ok_or_else(|| not_found(name))?);
        }
        xml.members("LoadBalancerDescriptions", found, |xml, load_balancer| description(xml, call, load_balancer));
        return Ok(xml.finish());
    }
    let marker = call.params.get("Marker").filter(|marker| !marker.is_empty());
    let after = marker
        .map(|marker| decode_token(marker).ok_or_else(|| Failure::Invalid(format!("Invalid marker '{marker}'"))))
        .transpose()?;
    let (page, more) = page_after(&cell.classic, after.map(String::into_boxed_str), size);
    let last = page.last().map(|load_balancer| &*load_balancer.name);
    xml.members("LoadBalancerDescriptions", page, |xml, load_balancer| description(xml, call, load_balancer));
    if let (true, Some(last)) = (more, last) {
        xml.text("NextMarker", &encode_token(last));
    }
    Ok(xml.finish())
}

fn description(xml: &mut Xml, call: &Call<'_>, load_balancer: &LoadBalancer) {
    let region = call.region_name;
    let host = format!("{}-{}.{region}.elb.amazonaws.com", load_balancer.name, load_balancer.id >> 32);
    xml.text("LoadBalancerName", &load_balancer.name);
    xml.text("DNSName", &host);
    xml.text("CanonicalHostedZoneName", &host);
    xml.text("CanonicalHostedZoneNameID", "Z32O12XQLNTSW2");
    xml.text("CreatedTime", &format!("{:.0}", load_balancer.created));
    xml.text("Scheme", if load_balancer.internal { "internal" } else { "internet-facing" });
    xml.text("VPCId", &load_balancer.vpc);
    xml.members("ListenerDescriptions", load_balancer.listeners.iter(), |xml, listener| {
        xml.within("Listener", |xml| {
            let port = listener.port.to_string();
            xml.text("Protocol", &listener.protocol);
            xml.text("LoadBalancerPort", &port);
            let http = listener.protocol.starts_with("HTTP");
            xml.text("InstanceProtocol", if http { "HTTP" } else { "TCP" });
            xml.text("InstancePort", if http { "8080" } else { &port });
            if matches!(&*listener.protocol, "HTTPS" | "SSL") {
                let account = &call.account.id;
                xml.text(
                    "SSLCertificateId",
                    &format!("arn:{}:acm:{region}:{account}:certificate/{:016x}", call.partition(), load_balancer.id),
                );
            }
        });
        xml.open("PolicyNames");
        xml.close("PolicyNames");
    });
    xml.members("AvailabilityZones", ["a", "b"], |xml, zone| xml.raw(&format!("{region}{zone}")));
}

fn attribute_document(xml: &mut Xml, load_balancer: &LoadBalancer) {
    let value = |key: &str| load_balancer.attribute(key).unwrap_or_default();
    xml.within("LoadBalancerAttributes", |xml| {
        xml.within("CrossZoneLoadBalancing", |xml| xml.text("Enabled", value("CrossZoneLoadBalancing.Enabled")));
        xml.within("AccessLog", |xml| {
            let enabled = value("AccessLog.Enabled");
            xml.text("Enabled", enabled);
            if enabled == "true" {
                xml.text("S3BucketName", value("AccessLog.S3BucketName"));
                xml.text("EmitInterval", value("AccessLog.EmitInterval"));
                xml.text("S3BucketPrefix", value("AccessLog.S3BucketPrefix"));
            }
        });
        xml.within("ConnectionDraining", |xml| {
            xml.text("Enabled", value("ConnectionDraining.Enabled"));
            xml.text("Timeout", value("ConnectionDraining.Timeout"));
        });
        xml.within("ConnectionSettings", |xml| {
            xml.text("IdleTimeout", value("ConnectionSettings.IdleTimeout"));
        });
        let mode = load_balancer.attribute(CLASSIC_DESYNC_MODE);
        xml.members("AdditionalAttributes", mode, |xml, mode| {
            xml.text("Key", CLASSIC_DESYNC_MODE);
            xml.text("Value", mode);
        });
    });
}

fn describe_attributes(call: &Call<'_>) -> Result<String, Failure> {
    let name = call.required("LoadBalancerName")?;
    let cell = call.world.read(call.cell());
    let load_balancer = cell.classic.get(name).ok_or_else(|| not_found(name))?;
    let mut xml = Xml::with_capacity(900);
    attribute_document(&mut xml, load_balancer);
    Ok(xml.finish())
}

fn describe_tags(call: &Call<'_>) -> Result<String, Failure> {
    let names = call.params.list("LoadBalancerNames");
    if names.is_empty() || names.len() > BATCH {
        return Err(Failure::Invalid(format!("LoadBalancerNames must have 1 to {BATCH} members")));
    }
    let cell = call.world.read(call.cell());
    let mut described = Vec::with_capacity(names.len());
    for name in names {
        described.push(cell.classic.get(name).ok_or_else(|| not_found(name))?);
    }
    let mut xml = Xml::with_capacity(500 * described.len());
    xml.members("TagDescriptions", described, |xml, load_balancer| {
        xml.text("LoadBalancerName", &load_balancer.name);
        tag_list(xml, load_balancer);
    });
    Ok(xml.finish())
}

/// Unlike v2, a refused value is answered with 409.
fn refuse(message: String) -> Failure {
    Failure::with_status(409, "InvalidConfigurationRequest", message)
}

fn modify_attributes(call: &Call<'_>) -> Result<String, Failure> {
    const PREFIX: &str = "LoadBalancerAttributes.";
    let name = call.required("LoadBalancerName")?;
    let mut cell = call.world.write(call.cell());
    let load_balancer = cell.classic.get_mut(name).ok_or_else(|| not_found(name))?;
    let mut changes: Vec<(&str, &str)> = Vec::new();
    for structure in ["CrossZoneLoadBalancing", "AccessLog", "ConnectionDraining", "ConnectionSettings"] {
        for (key, _) in crate::world::attributes::defaults(load_balancer.kind) {
            if key.starts_with(structure)
                && let Some(value) = call.params.get(&format!("{PREFIX}{key}"))
            {
                changes.push((key, value));
            }
        }
    }
    let additional = format!("{PREFIX}AdditionalAttributes");
    let values = call.params.indexed(&additional, "Value");
    let mut answered = None;
    for (number, key) in call.params.indexed(&additional, "Key") {
        if key != CLASSIC_DESYNC_MODE {
            return Err(Failure::own("LoadBalancerAttributeNotFound", format!("There is no attribute '{key}'")));
        }
        let value = values.iter().find(|(other, _)| *other == number).map_or("", |(_, value)| value);
        if !["monitor", "defensive", "strictest"].contains(&value) {
            return Err(refuse(format!("'{value}' is not a valid value of {key}")));
        }
        changes.push((CLASSIC_DESYNC_MODE, value));
        answered = Some(value);
    }
    if changes.is_empty() {
        return Err(Failure::Invalid("LoadBalancerAttributes must not be empty".to_owned()));
    }
    for (key, value) in &changes {
        load_balancer.set_attribute(key, Some(value));
    }
    let mut xml = Xml::with_capacity(600);
    xml.text("LoadBalancerName", name);
    xml.within("LoadBalancerAttributes", |xml| {
        xml.members("AdditionalAttributes", answered, |xml, value| {
            xml.text("Key", CLASSIC_DESYNC_MODE);
            xml.text("Value", value);
        });
    });
    Ok(xml.finish())
}
