//! Application, network and gateway load balancers, through the newer API.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::operation::describe_listeners::DescribeListenersOutput;
use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancers::DescribeLoadBalancersOutput;
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer as Given, LoadBalancerTypeEnum};
use aws_types::request_id::RequestId;
use futures::StreamExt;
use jiff::Timestamp;

use doorward_aws::{CallFailure, Operation, elb_as};
use doorward_model::{Arn, Evidence, Gap, GapReason, Kind, Listener, Observed, RawLoadBalancer, TextMap};

use super::listed::{self, Fault, Read};
use super::{AT_ONCE, ApiResult, CollectContext, foreign, not_asked, tags};
use crate::pages::pages;

/// Lists all load balancers, or the requested one; then reads attributes, tags and, if configured, listeners of those that can
/// parse HTTP.
pub(super) async fn read_all(context: CollectContext<'_>, only: Option<&Arn>) -> ApiResult {
    let (entries, gap) = list(context, only).await;
    let listed = listed::together(Operation::DescribeLoadBalancers, entries, gap);
    let found = listed.found;
    let mut result = ApiResult::new(listed.listing, listed.foreign);
    // The list contains them, but their kind is unknown: the account-Region was not read completely.
    let unclear = |raw: &&RawLoadBalancer| raw.kind == Kind::Unrecognized;
    result.gaps.extend(found.iter().find(unclear).map(|raw| {
        let what = format!("the kind of {} is not known, or its type and its ARN contradict each other", raw.arn);
        Gap::new(GapReason::Malformed, Operation::DescribeLoadBalancers.action()).with_message(what)
    }));

    let chosen = context.chosen(&found);
    let wanted: Vec<Arn> =
        found.iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(raw, _)| raw.arn.clone()).collect();
    let details = futures::stream::iter(found.into_iter().zip(chosen))
        .map(|(raw, chosen)| async move { if chosen { details(context, raw).await } else { Ok(raw) } })
        .buffered(AT_ONCE)
        .collect::<Vec<_>>();
    let (details, mut tags) = tokio::join!(details, tags::read(context, wanted));
    for detail in details {
        match detail {
            Ok(mut raw) => {
                if let Some(tags) = tags.remove(&raw.arn) {
                    raw.tags = tags;
                }
                match confirmed(context, raw).await {
                    Ok(raw) => result.load_balancers.push(raw),
                    Err(gone) => result.gone.push(gone),
                }
            }
            Err(gone) => result.gone.push(gone),
        }
    }
    result
}

/// The load balancer, unless tags or listeners do not exist because it was deleted after its attributes were read.
async fn confirmed(context: CollectContext<'_>, mut raw: RawLoadBalancer) -> Result<RawLoadBalancer, Arn> {
    let is_missing = |gap: Option<&Arc<Gap>>| gap.is_some_and(|gap| listed::is_missing(gap));
    let (tags, listeners) = (is_missing(raw.tags.gap()), is_missing(raw.listeners.gap()));
    if !tags && !listeners {
        return Ok(raw);
    }
    let (entries, gap) = list(context, Some(&raw.arn)).await;
    let about = if tags { Operation::DescribeTags } else { Operation::DescribeListeners };
    let gap = Arc::new(listed::again(about, &raw.arn, entries, gap).ok_or_else(|| raw.arn.clone())?);
    if tags {
        raw.tags = Observed::Unread(gap.clone());
    }
    if listeners {
        raw.listeners = Observed::Unread(gap);
    }
    Ok(raw)
}

pub(super) async fn list(context: CollectContext<'_>, only: Option<&Arn>) -> (Vec<Read>, Option<Gap>) {
    let operation = Operation::DescribeLoadBalancers;
    let client = context.access.clients.elb(&context.target.place.region);
    let send = |credentials, marker| {
        let request =
            client.describe_load_balancers().set_load_balancer_arns(only.map(|arn| vec![arn.as_str().to_owned()]));
        // AWS rejects a page size beside the ARN of a load balancer.
        let request = request.set_page_size(only.is_none().then_some(400)).set_marker(marker);
        request.customize().config_override(elb_as(credentials)).send()
    };
    let take = |response: DescribeLoadBalancersOutput| {
        let page = response.load_balancers;
        let page = page.map(|page| listed::page(page.into_iter().map(|given| raw(context, given))));
        (page, response.next_marker.filter(|marker| !marker.is_empty()))
    };
    pages(context.access, context.route(operation), "load balancers", send, take).await
}

fn raw(context: CollectContext<'_>, given: Given) -> Read {
    let nameless = || Fault::Unusable("a load balancer without a usable ARN".to_owned());
    let arn = given.load_balancer_arn.as_deref().and_then(|arn| Arn::new(arn).ok()).ok_or_else(nameless)?;
    context.check(&arn)?;
    let kind = match &given.r#type {
        Some(LoadBalancerTypeEnum::Application) => Kind::Application,
        Some(LoadBalancerTypeEnum::Network) => Kind::Network,
        Some(LoadBalancerTypeEnum::Gateway) => Kind::Gateway,
        _ => Kind::Unrecognized,
    };
    let name = given.load_balancer_name.unwrap_or_default();
    if name != arn.load_balancer_name() {
        return Err(Fault::Unusable(format!("{arn} under another name")));
    }
    Ok(RawLoadBalancer {
        kind: listed::kind(&arn, kind),
        arn,
        name,
        scheme: given.scheme.map(|scheme| scheme.as_str().into()),
        vpc: given.vpc_id.map(Into::into),
        dns_name: given.dns_name,
        created: given.created_time.and_then(|at| Timestamp::new(at.secs(), at.subsec_nanos().try_into().ok()?).ok()),
        state: given.state.and_then(|state| state.code).map(|code| code.as_str().into()),
        security_groups: given.security_groups.unwrap_or_default().into_iter().map(Into::into).collect(),
        zones: given
            .availability_zones
            .unwrap_or_default()
            .into_iter()
            .filter_map(|zone| zone.zone_name.map(Into::into))
            .collect(),
        attributes: not_asked(Operation::DescribeLoadBalancerAttributes),
        evidence: None,
        tags: not_asked(Operation::DescribeTags),
        listeners: not_asked(Operation::DescribeListeners),
        vended_logs: not_asked(Operation::DescribeDeliverySources),
        target_groups: not_asked(Operation::DescribeTargetGroups),
        reached_through: not_asked(Operation::DescribeTargetGroups),
        vpc_origins: not_asked(Operation::ListVpcOrigins),
        api_integrations: not_asked(Operation::GetApis),
    })
}

/// Attributes and listeners of one load balancer; its ARN if it was deleted in the meantime.
async fn details(context: CollectContext<'_>, mut raw: RawLoadBalancer) -> Result<RawLoadBalancer, Arn> {
    match attributes(context, &raw.arn).await {
        Ok(Some((attributes, evidence))) => {
            raw.attributes = Observed::Known(attributes);
            raw.evidence = Some(evidence);
        }
        Ok(None) => {
            let (entries, gap) = list(context, Some(&raw.arn)).await;
            match listed::again(Operation::DescribeLoadBalancerAttributes, &raw.arn, entries, gap) {
                None => return Err(raw.arn),
                Some(gap) => raw.attributes = Observed::unread(gap),
            }
        }
        Err(gap) => raw.attributes = Observed::Unread(Arc::new(gap)),
    }
    if context.settings.alb_listeners {
        raw.listeners = listeners(context, &raw.arn).await;
    }
    Ok(raw)
}

pub(super) type AttributeValues = TextMap;

pub(crate) async fn attributes(
    context: CollectContext<'_>,
    arn: &Arn,
) -> Result<Option<(AttributeValues, Evidence)>, Gap> {
    let operation = Operation::DescribeLoadBalancerAttributes;
    let client = context.access.clients.elb(&context.target.place.region);
    let clock = &context.access.clock;
    context
        .access
        .caller
        .call(context.route(operation), |credentials| {
            let request = client
                .describe_load_balancer_attributes()
                .load_balancer_arn(arn.as_str())
                .customize()
                .config_override(elb_as(credentials));
            async move {
                let answer = match request.send().await {
                    Ok(answer) => answer,
                    Err(error) => {
                        let failure = CallFailure::of(operation, &error);
                        return if failure.code().is_some_and(|c| c.starts_with("LoadBalancerNotFound")) {
                            Ok(None)
                        } else {
                            Err(failure)
                        };
                    }
                };
                let evidence = Evidence {
                    operation: operation.action().into(),
                    at: clock(),
                    request_id: answer.request_id().map(str::to_owned),
                };
                let given = answer
                    .attributes
                    .ok_or_else(|| CallFailure::malformed(operation, "the response contains no attributes"))?;
                let attributes = unambiguous(given.into_iter().map(|one| (one.key, one.value)))
                    .map_err(|problem| CallFailure::malformed(operation, &problem))?;
                Ok(Some((attributes, evidence)))
            }
        })
        .await
}

/// Attributes or tags as a map. A missing or repeated key makes the response unusable, because the right value is unknown.
pub(crate) fn unambiguous(pairs: impl Iterator<Item = (Option<String>, Option<String>)>) -> Result<TextMap, String> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        let key = key.filter(|key| !key.is_empty()).ok_or("the response contains a value without a key")?;
        if let Some(twice) = map.insert(key.clone(), value.unwrap_or_default()).map(|_| key) {
            return Err(format!("the response contains the key {twice:?} twice"));
        }
    }
    Ok(map.into())
}

pub(super) async fn listeners(context: CollectContext<'_>, arn: &Arn) -> Observed<Vec<Listener>> {
    let operation = Operation::DescribeListeners;
    let client = context.access.clients.elb(&context.target.place.region);
    let send = |credentials, marker| {
        let request = client.describe_listeners().load_balancer_arn(arn.as_str()).page_size(400).set_marker(marker);
        request.customize().config_override(elb_as(credentials)).send()
    };
    let take = |response: DescribeListenersOutput| {
        (response.listeners, response.next_marker.filter(|marker| !marker.is_empty()))
    };
    let (listed, gap) = pages(context.access, context.route(operation), "listeners", send, take).await;
    if let Some(gap) = gap {
        return Observed::unread(gap);
    }
    let listeners = listed.into_iter().map(|listener| {
        let protocol = listener.protocol.map(|protocol| protocol.as_str().into())?;
        let own = listener.load_balancer_arn.as_deref() == Some(arn.as_str());
        own.then(|| Listener { protocol, port: listener.port.and_then(|port| u16::try_from(port).ok()) })
    });
    match listeners.collect::<Option<Vec<_>>>() {
        Some(mut listeners) => {
            listeners.sort();
            Observed::Known(listeners)
        }
        None => Observed::unread(foreign(operation, "a listener without a protocol, or of another load balancer")),
    }
}
