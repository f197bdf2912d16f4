//! Deliveries of CloudWatch Logs ("vended logs"): an application load balancer whose attributes disable access logs may still
//! write them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_cloudwatchlogs::operation::describe_deliveries::DescribeDeliveriesOutput;
use aws_sdk_cloudwatchlogs::operation::describe_delivery_sources::DescribeDeliverySourcesOutput;

use doorward_aws::{Operation, logs_as};
use doorward_model::{Arn, Gap, Observed, RawLoadBalancer};

use super::{CollectContext, foreign, may_log_by_delivery};
use crate::pages::pages;

/// The log type of access logs of application load balancers.
const ACCESS_LOGS: &str = "ALB_ACCESS_LOGS";

/// Adds the deliveries: two lists for the account-Region, read only if the attributes of a load balancer there disable access
/// logs.
pub(super) async fn add(context: CollectContext<'_>, load_balancers: &mut [RawLoadBalancer]) {
    if !load_balancers.iter().any(may_log_by_delivery) {
        return;
    }
    let deliveries = by_load_balancer(context).await;
    for raw in load_balancers.iter_mut().filter(|raw| may_log_by_delivery(raw)) {
        raw.vended_logs = match &deliveries {
            Ok(deliveries) => {
                Observed::Known(deliveries.get(&raw.arn).map(|d| d.iter().cloned().collect()).unwrap_or_default())
            }
            Err(gap) => Observed::unread(gap.clone()),
        };
    }
}

/// The destinations of access logs by load balancer. A source without a delivery writes no logs.
async fn by_load_balancer(context: CollectContext<'_>) -> Result<HashMap<Arn, BTreeSet<String>>, Gap> {
    let sources = sources(context).await?;
    if sources.is_empty() {
        return Ok(HashMap::new());
    }
    let mut destinations: HashMap<Arn, BTreeSet<String>> = HashMap::new();
    for (source, destination) in deliveries(context).await? {
        for arn in sources.get(&source).into_iter().flatten() {
            destinations.entry(arn.clone()).or_default().insert(destination.clone());
        }
    }
    Ok(destinations)
}

pub(super) async fn sources(context: CollectContext<'_>) -> Result<BTreeMap<String, Vec<Arn>>, Gap> {
    let operation = Operation::DescribeDeliverySources;
    let client = context.access.clients.logs(&context.target.place.region);
    let send = |credentials, token| {
        let request = client.describe_delivery_sources().limit(50).set_next_token(token);
        request.customize().config_override(logs_as(credentials)).send()
    };
    let take = |response: DescribeDeliverySourcesOutput| (response.delivery_sources, response.next_token);
    let (sources, gap) = pages(context.access, context.route(operation), "delivery sources", send, take).await;
    if let Some(gap) = gap {
        return Err(gap);
    }
    let mut by_name = BTreeMap::new();
    for source in sources {
        match (source.name, source.log_type, source.resource_arns) {
            (Some(name), Some(kind), Some(arns)) if kind == ACCESS_LOGS => {
                let arns: Result<Vec<Arn>, _> = arns.iter().map(|arn| Arn::new(arn)).collect();
                let arns = arns.map_err(|e| foreign(operation, &e.to_string()))?;
                if arns.iter().any(|arn| context.check(arn).is_err()) {
                    return Err(foreign(operation, "a source of another account or Region"));
                }
                if by_name.insert(name, arns).is_some() {
                    return Err(foreign(operation, "a source twice"));
                }
            }
            (Some(_), Some(kind), _) if kind != ACCESS_LOGS => {}
            _ => return Err(foreign(operation, "a source without name, log type or resources")),
        }
    }
    Ok(by_name)
}

pub(super) async fn deliveries(context: CollectContext<'_>) -> Result<Vec<(String, String)>, Gap> {
    let operation = Operation::DescribeDeliveries;
    let client = context.access.clients.logs(&context.target.place.region);
    let send = |credentials, token| {
        let request = client.describe_deliveries().limit(50).set_next_token(token);
        request.customize().config_override(logs_as(credentials)).send()
    };
    let take = |response: DescribeDeliveriesOutput| (response.deliveries, response.next_token);
    let (deliveries, gap) = pages(context.access, context.route(operation), "deliveries", send, take).await;
    if let Some(gap) = gap {
        return Err(gap);
    }
    deliveries
        .into_iter()
        .map(|d| {
            let pair = d.delivery_source_name.zip(d.delivery_destination_arn.filter(|arn| !arn.is_empty()));
            pair.ok_or_else(|| foreign(operation, "a delivery without source or destination"))
        })
        .collect()
}
