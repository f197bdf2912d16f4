//! CloudFront: the VPC origins of an account, which lead to load balancers of any Region.

use super::paging::{page, size};
use crate::failure::Failure;
use crate::service::{Call, Operation, Protocol, Service, anything};
use crate::xml::Xml;

const NAMESPACE: &str = "http://cloudfront.amazonaws.com/doc/2020-05-31/";

pub(crate) const SERVICE: Service = Service {
    label: "cloudfront",
    signing: "cloudfront",
    prefix: "cloudfront",
    protocol: Protocol::RestXml { namespace: NAMESPACE },
    throttle: "Throttling",
    invalid: "InvalidArgument",
    global: true,
    operations: &[Operation::new("ListVpcOrigins", list, anything, &[]).at("GET /2020-05-31/vpc-origin")],
};

/// Largest page.
const PAGE: usize = 100;

fn list(call: &Call<'_>) -> Result<String, Failure> {
    let size = size(call.params.number("MaxItems"), PAGE, call.world.organization.page_size, "MaxItems")?;
    let mut all: Vec<(String, String)> = Vec::new();
    for (index, region) in (0_u16..).zip(&call.world.organization.regions) {
        let cell = call.world.read(call.world.cell(call.principal.account, index));
        for load_balancer in cell.current.values() {
            let arn = load_balancer.arn(call.partition(), &call.account.id, &region.name);
            all.extend(load_balancer.vpc_origins.iter().map(|id| (id.to_string(), arn.clone())));
        }
    }
    let page = page(&all, call.params.get("Marker"), size, false)
        .ok_or_else(|| Failure::Invalid("The marker is not valid".to_owned()))?;
    let mut xml = Xml::with_capacity(500 * page.items.len() + 300);
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.open(&format!("VpcOriginList xmlns=\"{NAMESPACE}\""));
    xml.text("Marker", call.params.get("Marker").unwrap_or_default());
    if let Some(next) = &page.next {
        xml.text("NextMarker", next);
    }
    xml.text("MaxItems", &size.to_string());
    xml.text("IsTruncated", if page.next.is_some() { "true" } else { "false" });
    xml.text("Quantity", &page.items.len().to_string());
    xml.within("Items", |xml| {
        for (id, endpoint) in page.items {
            xml.within("VpcOriginSummary", |xml| {
                xml.text("Id", id);
                xml.text("Name", id);
                xml.text("Status", "Deployed");
                xml.text("Arn", &format!("arn:{}:cloudfront::{}:vpcorigin/{id}", call.partition(), call.account.id));
                xml.text("OriginEndpointArn", endpoint);
            });
        }
    });
    xml.close("VpcOriginList");
    Ok(xml.finish())
}
