//! CloudWatch Logs: deliveries of access logs, which the attributes of a load balancer do not show.

use serde_json::{Value, json};

use super::paging::{page, size};
use crate::digest::{BASE36, digest, spell};
use crate::failure::Failure;
use crate::service::{Call, Operation, Protocol, Service, anything};

pub(crate) const SERVICE: Service = Service {
    label: "logs",
    signing: "logs",
    prefix: "logs",
    protocol: Protocol::Json { target: "Logs_20140328" },
    throttle: "ThrottlingException",
    invalid: "ValidationException",
    global: false,
    operations: &[
        Operation::new("DescribeDeliverySources", describe_sources, anything, &[]),
        Operation::new("DescribeDeliveries", describe_deliveries, anything, &[]),
    ],
};

/// Largest page of both lists.
const PAGE: usize = 50;

/// Source name and ARN of the load balancers whose access logs are delivered.
fn sources(call: &Call<'_>) -> Vec<(String, String)> {
    let cell = call.world.read(call.cell());
    cell.current
        .values()
        .filter(|load_balancer| load_balancer.vended_logs)
        .map(|load_balancer| {
            (
                format!("{}-access-logs", load_balancer.name),
                load_balancer.arn(call.partition(), &call.account.id, call.region_name),
            )
        })
        .collect()
}

fn arn(call: &Call<'_>, kind: &str, name: &str) -> String {
    format!("arn:{}:logs:{}:{}:{kind}:{name}", call.partition(), call.region_name, call.account.id)
}

fn list<T>(call: &Call<'_>, field: &str, items: &[T], render: impl Fn(&T) -> Value) -> Result<String, Failure> {
    let size = size(call.params.number("limit"), PAGE, call.world.organization.page_size, "limit")?;
    let page = page(items, call.params.get("nextToken"), size, false)
        .ok_or_else(|| Failure::Invalid("The specified nextToken is invalid.".to_owned()))?;
    Ok(page.document(field, "nextToken", render))
}

fn describe_sources(call: &Call<'_>) -> Result<String, Failure> {
    let mut found = sources(call);
    let wanted = call.params.list("resourceArns");
    if !wanted.is_empty() {
        found.retain(|(_, resource)| wanted.contains(&resource.as_str()));
    }
    list(call, "deliverySources", &found, |(name, resource)| {
        json!({
            "name": name,
            "arn": arn(call, "delivery-source", name),
            "resourceArns": [resource],
            "service": "elasticloadbalancing",
            "logType": "ALB_ACCESS_LOGS",
            "status": "ACTIVE",
        })
    })
}

fn describe_deliveries(call: &Call<'_>) -> Result<String, Failure> {
    let mut found = sources(call);
    let wanted = call.params.list("deliverySourceNames");
    if !wanted.is_empty() {
        found.retain(|(name, _)| wanted.contains(&name.as_str()));
    }
    list(call, "deliveries", &found, |(name, resource)| {
        let id = spell(digest(&[resource]), BASE36, 16);
        json!({
            "id": id,
            "arn": arn(call, "delivery", &id),
            "deliverySourceName": name,
            "deliveryDestinationArn": arn(call, "delivery-destination", "central-alb-logs"),
            "deliveryDestinationType": "CWL",
        })
    })
}
