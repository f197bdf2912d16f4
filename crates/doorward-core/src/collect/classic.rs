//! Classic load balancers, through the older API with its own names and request limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_elasticloadbalancing::operation::describe_load_balancers::DescribeLoadBalancersOutput;
use aws_sdk_elasticloadbalancing::types::{LoadBalancerAttributes, LoadBalancerDescription as Given};
use aws_types::request_id::RequestId;
use futures::StreamExt;
use jiff::Timestamp;

use doorward_aws::{CallFailure, Operation, classic_as};
use doorward_model::{Arn, Evidence, Gap, Kind, Listener, Observed, RawLoadBalancer, TextMap};

use super::listed::{self, Fault, Read};
use super::{AT_ONCE, ApiResult, CollectContext, foreign, not_asked, tags, v2};
use crate::pages::pages;

/// Lists all load balancers, or the requested one; then reads attributes and tags. The list contains the listeners.
pub(super) async fn read_all(context: CollectContext<'_>, only: Option<&str>) -> ApiResult {
    let (entries, gap) = list(context, only).await;
    let listed = listed::together(Operation::DescribeClassicLoadBalancers, entries, gap);
    let found = listed.found;
    let mut result = ApiResult::new(listed.listing, listed.foreign);

    let chosen = context.chosen(&found);
    let names: Vec<String> =
        found.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(raw, _)| raw.name.clone()).collect();
    let details = futures::stream::iter(found.into_iter().zip(chosen))
        .map(|(raw, chosen)| async move { if chosen { details(context, raw).await } else { Ok(raw) } })
        .buffered(AT_ONCE)
        .collect::<Vec<_>>();
    let (details, mut tags) = tokio::join!(details, tags::read_classic(context, names));
    for detail in details {
        match detail {
            Ok(mut raw) => {
                if let Some(tags) = tags.remove(&raw.name) {
                    raw.tags = tags;
                }
                if raw.tags.gap().is_some_and(|gap| listed::is_missing(gap)) {
                    // It may have been deleted after its attributes were read.
                    let (entries, gap) = list(context, Some(&raw.name)).await;
                    match listed::again(Operation::DescribeClassicTags, &raw.arn, entries, gap) {
                        None => {
                            result.gone.push(raw.arn);
                            continue;
                        }
                        Some(gap) => raw.tags = Observed::unread(gap),
                    }
                }
                result.load_balancers.push(raw);
            }
            Err(gone) => result.gone.push(gone),
        }
    }
    result
}

async fn list(context: CollectContext<'_>, only: Option<&str>) -> (Vec<Read>, Option<Gap>) {
    let operation = Operation::DescribeClassicLoadBalancers;
    let client = context.access.clients.classic(&context.target.place.region);
    let send = |credentials, marker| {
        let request = client.describe_load_balancers().set_load_balancer_names(only.map(|name| vec![name.to_owned()]));
        let request = request.set_page_size(only.is_none().then_some(400)).set_marker(marker);
        request.customize().config_override(classic_as(credentials)).send()
    };
    let take = |response: DescribeLoadBalancersOutput| {
        let page = response.load_balancer_descriptions;
        let page = page.map(|page| listed::page(page.into_iter().map(|given| raw(context, given))));
        (page, response.next_marker.filter(|marker| !marker.is_empty()))
    };
    pages(context.access, context.route(operation), "load balancers", send, take).await
}

fn raw(context: CollectContext<'_>, given: Given) -> Read {
    let nameless = || Fault::Unusable("a classic load balancer without a usable name".to_owned());
    let usable = |name: &String| !name.is_empty() && !name.contains(['/', ':']);
    let name = given.load_balancer_name.filter(usable).ok_or_else(nameless)?;
    let partition = context.access.partition();
    let (region, account) = (&context.target.place.region, &context.target.place.account);
    let arn = Arn::new(&format!("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}"))
        .map_err(|_| nameless())?;
    // The older API has no ARNs that name account and Region. The name of a zone begins with the name of its Region.
    if given.availability_zones.iter().flatten().any(|zone| !zone.starts_with(region.as_str())) {
        return Err(Fault::Foreign(format!("{arn} with an Availability Zone of another Region")));
    }
    let listeners = given.listener_descriptions.map(|given| {
        let read = given.into_iter().map(|description| {
            let listener = description.listener?;
            // The SDK returns an empty text in the place of a missing protocol.
            let protocol = Some(listener.protocol.to_uppercase()).filter(|protocol| !protocol.is_empty())?;
            Some(Listener { protocol: protocol.into(), port: u16::try_from(listener.load_balancer_port).ok() })
        });
        match read.collect::<Option<Vec<Listener>>>() {
            Some(mut listeners) => {
                listeners.sort();
                let ports: BTreeSet<_> = listeners.iter().map(|listener| listener.port).collect();
                // A port has one listener, so one of two does not exist, and which one may decide whether HTTP is used.
                if ports.len() < listeners.len() {
                    Observed::unread(foreign(Operation::DescribeClassicLoadBalancers, "two listeners of one port"))
                } else {
                    Observed::Known(listeners)
                }
            }
            None => Observed::unread(foreign(Operation::DescribeClassicLoadBalancers, "a listener without a protocol")),
        }
    });
    let listeners = listeners.unwrap_or(Observed::Absent);
    Ok(RawLoadBalancer {
        arn,
        name,
        kind: Kind::Classic,
        scheme: given.scheme.map(Into::into),
        vpc: given.vpc_id.map(Into::into),
        dns_name: given.dns_name,
        created: given.created_time.and_then(|at| Timestamp::new(at.secs(), at.subsec_nanos().try_into().ok()?).ok()),
        state: None,
        security_groups: given.security_groups.unwrap_or_default().into_iter().map(Into::into).collect(),
        zones: given.availability_zones.unwrap_or_default().into_iter().map(Into::into).collect(),
        attributes: not_asked(Operation::DescribeClassicLoadBalancerAttributes),
        evidence: None,
        tags: not_asked(Operation::DescribeClassicTags),
        listeners,
        vended_logs: Observed::Absent,
        target_groups: Observed::Absent,
        reached_through: Observed::Absent,
        vpc_origins: Observed::Absent,
        api_integrations: Observed::Absent,
    })
}

/// Attributes of one load balancer; its ARN if it was deleted in the meantime.
async fn details(context: CollectContext<'_>, mut raw: RawLoadBalancer) -> Result<RawLoadBalancer, Arn> {
    match attributes(context, &raw.name).await {
        Ok(Some((attributes, evidence))) => {
            raw.attributes = Observed::Known(attributes);
            raw.evidence = Some(evidence);
        }
        Ok(None) => {
            let (entries, gap) = list(context, Some(&raw.name)).await;
            match listed::again(Operation::DescribeClassicLoadBalancerAttributes, &raw.arn, entries, gap) {
                None => return Err(raw.arn),
                Some(gap) => raw.attributes = Observed::unread(gap),
            }
        }
        Err(gap) => raw.attributes = Observed::Unread(Arc::new(gap)),
    }
    Ok(raw)
}

pub(crate) async fn attributes(context: CollectContext<'_>, name: &str) -> Result<Option<(TextMap, Evidence)>, Gap> {
    let operation = Operation::DescribeClassicLoadBalancerAttributes;
    let client = context.access.clients.classic(&context.target.place.region);
    let clock = &context.access.clock;
    context
        .access
        .caller
        .call(context.route(operation), |credentials| {
            let request = client
                .describe_load_balancer_attributes()
                .load_balancer_name(name)
                .customize()
                .config_override(classic_as(credentials));
            async move {
                let answer = match request.send().await {
                    Ok(answer) => answer,
                    Err(error) => {
                        let failure = CallFailure::of(operation, &error);
                        let gone = matches!(failure.code(), Some("LoadBalancerNotFound" | "AccessPointNotFound"));
                        return if gone { Ok(None) } else { Err(failure) };
                    }
                };
                let evidence = Evidence {
                    operation: operation.action().into(),
                    at: clock(),
                    request_id: answer.request_id().map(str::to_owned),
                };
                let given = answer
                    .load_balancer_attributes
                    .ok_or_else(|| CallFailure::malformed(operation, "the response contains no attributes"))?;
                let attributes = flat(given).map_err(|problem| CallFailure::malformed(operation, &problem))?;
                Ok(Some((attributes, evidence)))
            }
        })
        .await
}

/// The nested attributes of the older API under the flat keys of the newer one, so that one rule reads both. A key with two
/// values is an error.
pub(crate) fn flat(given: LoadBalancerAttributes) -> Result<TextMap, String> {
    let mut flat = Vec::new();
    let mut put = |key: &str, value: String| flat.push((Some(key.to_owned()), Some(value)));
    if let Some(cross_zone) = given.cross_zone_load_balancing {
        put("load_balancing.cross_zone.enabled", cross_zone.enabled.to_string());
    }
    if let Some(log) = given.access_log {
        put("access_logs.s3.enabled", log.enabled.to_string());
        put("access_logs.s3.bucket", log.s3_bucket_name.unwrap_or_default());
        put("access_logs.s3.prefix", log.s3_bucket_prefix.unwrap_or_default());
    }
    if let Some(draining) = given.connection_draining {
        put("connection_draining.enabled", draining.enabled.to_string());
    }
    if let Some(settings) = given.connection_settings {
        put("idle_timeout.timeout_seconds", settings.idle_timeout.to_string());
    }
    let extras = given.additional_attributes.unwrap_or_default().into_iter().map(|extra| (extra.key, extra.value));
    v2::unambiguous(flat.into_iter().chain(extras))
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancing::types::{AccessLog, AdditionalAttribute};

    use super::*;

    #[test]
    fn an_attribute_has_one_value() {
        let extra = |key: Option<&str>, value: &str| {
            AdditionalAttribute::builder().set_key(key.map(str::to_owned)).value(value).build()
        };
        let given = |extras: Vec<AdditionalAttribute>| {
            let log = AccessLog::builder().enabled(false).build();
            flat(LoadBalancerAttributes::builder().access_log(log).set_additional_attributes(Some(extras)).build())
        };
        let mode = Kind::Classic.mode_attribute();
        let good = given(vec![extra(Some(mode), "monitor")]).expect("one value each");
        assert_eq!(good.get(mode), Some("monitor"));
        for bad in [
            vec![extra(Some(mode), "monitor"), extra(Some(mode), "strictest")],
            vec![extra(Some(mode), "monitor"), extra(Some(mode), "monitor")],
            vec![extra(None, "monitor")],
            vec![extra(Some("access_logs.s3.enabled"), "true")],
        ] {
            given(bad.clone()).expect_err(&format!("{bad:?}"));
        }
    }
}
