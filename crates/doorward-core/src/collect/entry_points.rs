//! CloudFront VPC origins and integrations of API Gateway that lead to load balancers without public addresses.
//!
//! Both services name the load balancer by an ARN: the endpoint of a VPC origin, or a listener in an integration through a VPC link. An
//! integration of a WebSocket API names the host of a network load balancer instead.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt;
use serde_json::Value;

use doorward_aws::access::{SignedService, path_with_query};
use doorward_aws::{CallFailure, CallRoute, Operation};
use doorward_model::{Arn, EntryPoint, EntryService, Gap, Observed, RawLoadBalancer, Region};

use super::target_groups::may_be_reached;
use super::{AT_ONCE, CollectContext, foreign};

mod vpc_origin_list;

/// The path of the list in the version of CloudFront's API that AWS documents.
const VPC_ORIGINS: &str = "/2020-05-31/vpc-origin";
const APIS: &str = "/v2/apis";

/// The ids of VPC origins or APIs, by the load balancer that they name.
type Ways = BTreeMap<Arn, BTreeSet<String>>;

/// The entry points that were found in an account-Region.
pub(super) struct EntryPoints {
    vpc_origins: Result<Ways, Arc<Gap>>,
    api_integrations: Result<Ways, Arc<Gap>>,
}

/// Reads both services, if the account-Region has a load balancer for which it matters.
pub(super) async fn read(context: CollectContext<'_>, load_balancers: &[RawLoadBalancer]) -> Option<EntryPoints> {
    if !load_balancers.iter().any(may_be_reached) {
        return None;
    }
    let hosts: HashMap<String, Arn> = load_balancers
        .iter()
        .filter_map(|raw| Some((raw.dns_name.as_ref()?.to_ascii_lowercase(), raw.arn.clone())))
        .collect();
    let (vpc_origins, api_integrations) = tokio::join!(vpc_origins(context), api_integrations(context, &hosts));
    Some(EntryPoints {
        vpc_origins: vpc_origins.map_err(Arc::new),
        api_integrations: api_integrations.map_err(Arc::new),
    })
}

impl EntryPoints {
    /// Whether something that was found names this load balancer.
    pub(super) fn lead_to(&self, arn: &Arn) -> bool {
        [&self.vpc_origins, &self.api_integrations].into_iter().flatten().any(|ways| ways.contains_key(arn))
    }

    /// Adds the ways to each load balancer: those that name it, and those that name an internal network load balancer of which it is a
    /// target. `behind` has these network load balancers by the one behind them.
    pub(super) fn add_to(&self, load_balancers: &mut [RawLoadBalancer], behind: &HashMap<Arn, BTreeSet<Arn>>) {
        for raw in load_balancers {
            let observed = |read: &Result<Ways, Arc<Gap>>, service: EntryService| match read {
                _ if !may_be_reached(raw) => Observed::Absent,
                Err(gap) => Observed::Unread(gap.clone()),
                Ok(ways) => {
                    let direct = [(None, &raw.arn)].into_iter();
                    let fronts = behind.get(&raw.arn).into_iter().flatten().map(|front| (Some(front.clone()), front));
                    let mut all = BTreeSet::new();
                    for (through, named) in direct.chain(fronts) {
                        for id in ways.get(named).into_iter().flatten() {
                            all.insert(EntryPoint { service, id: id.clone(), through: through.clone() });
                        }
                    }
                    Observed::Known(all.into_iter().collect())
                }
            };
            let vpc_origins = observed(&self.vpc_origins, EntryService::CloudFront);
            let api_integrations = observed(&self.api_integrations, EntryService::ApiGateway);
            (raw.vpc_origins, raw.api_integrations) = (vpc_origins, api_integrations);
        }
    }
}

/// One GET request of a page, by the loop that sends every call.
async fn pages<T>(
    context: CollectContext<'_>,
    service: SignedService,
    operation: Operation,
    path: &str,
    token_name: &str,
    take: impl Fn(&[u8]) -> Result<(Vec<T>, Option<String>), String>,
) -> Result<Vec<T>, Gap> {
    let region = &context.target.place.region;
    // A service of the whole account is limited and logged by the Region that answers.
    let answering: Region = service.region_for(region).unwrap_or_else(|| region.clone());
    let region_enabled = context.target.region_enabled || answering != *region;
    let route = CallRoute { session: &context.target.session, region: &answering, region_enabled, operation };
    let take = &take;
    let sent = context.access.caller.pages(route, |credentials, token| async move {
        let path = path_with_query(path, &[(token_name, token.as_deref())]);
        let body = context.access.clients.signed_get(service, region, operation, credentials, path).await?;
        take(&body).map_err(|problem| CallFailure::malformed(operation, &problem))
    });
    match sent.await {
        (entries, None) => Ok(entries),
        (_, Some(gap)) => Err(gap),
    }
}

/// The VPC origins of the account that lead to load balancers of this Region.
pub(super) async fn vpc_origins(context: CollectContext<'_>) -> Result<Ways, Gap> {
    let operation = Operation::ListVpcOrigins;
    let place = &context.target.place;
    let found =
        pages(context, SignedService::CloudFront, operation, VPC_ORIGINS, "Marker", vpc_origin_list::page).await?;
    let mut ways = Ways::new();
    for origin in found {
        // A VPC origin may lead to an instance as well.
        if origin.endpoint.split(':').nth(2) != Some("elasticloadbalancing") {
            continue;
        }
        let arn = Arn::new(&origin.endpoint).map_err(|error| foreign(operation, &error.to_string()))?;
        let is_own = arn.account() == place.account.as_str() && arn.partition() == context.access.partition();
        // Accounts can share VPC origins; such an entry names its owner, and is about that account's load balancers.
        let is_shared = origin.owner.as_deref().is_some_and(|owner| owner != place.account.as_str());
        if !is_own && !is_shared {
            return Err(foreign(operation, &format!("the VPC origin {} of {arn}, of another account", origin.id)));
        }
        if is_own && arn.region() == place.region.as_str() {
            ways.entry(arn).or_default().insert(origin.id);
        }
    }
    Ok(ways)
}

/// The APIs of the account-Region with integrations that lead to load balancers.
async fn api_integrations(context: CollectContext<'_>, hosts: &HashMap<String, Arn>) -> Result<Ways, Gap> {
    let operation = Operation::GetIntegrations;
    let apis = apis(context).await?;
    let mut read = futures::stream::iter(apis)
        .map(|api| async move {
            let found = integrations(context, &api).await;
            (api, found)
        })
        .buffered(AT_ONCE);
    let mut ways = Ways::new();
    while let Some((api, found)) = read.next().await {
        for uri in found? {
            let Some(arn) = load_balancer_of(&uri, hosts).map_err(|what| foreign(operation, &what))? else { continue };
            if context.check(&arn).is_err() {
                return Err(foreign(operation, &format!("an integration of {arn}, of another account or Region")));
            }
            ways.entry(arn).or_default().insert(api.clone());
        }
    }
    Ok(ways)
}

/// The ids of the HTTP and WebSocket APIs.
pub(super) async fn apis(context: CollectContext<'_>) -> Result<Vec<String>, Gap> {
    let take = |body: &[u8]| {
        let (items, next) = items(body)?;
        let id = |item: &Value| item.get("apiId").and_then(Value::as_str).map(str::to_owned);
        // The id becomes a part of a path.
        let usable = |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let ids: Option<Vec<String>> = items.iter().map(|item| id(item).filter(usable)).collect();
        Ok((ids.ok_or("the list contains an API without a usable id")?, next))
    };
    pages(context, SignedService::ApiGateway, Operation::GetApis, APIS, "nextToken", take).await
}

/// The targets of an API's VPC links; none if the API was deleted in the meantime.
pub(super) async fn integrations(context: CollectContext<'_>, api: &str) -> Result<Vec<String>, Gap> {
    let take = |body: &[u8]| {
        let (items, next) = items(body)?;
        let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let linked = items.iter().filter(|item| text(item, "connectionType").as_deref() == Some("VPC_LINK"));
        let uris: Option<Vec<String>> = linked.map(|item| text(item, "integrationUri")).collect();
        Ok((uris.ok_or("the list contains an integration through a VPC link without a target")?, next))
    };
    let path = format!("{APIS}/{api}/integrations");
    let read = pages(context, SignedService::ApiGateway, Operation::GetIntegrations, &path, "nextToken", take).await;
    match read {
        Err(gap) if gap.code.as_deref() == Some("NotFoundException") => Ok(Vec::new()),
        read => read,
    }
}

/// The entries of a page of API Gateway, and the token of the next one.
fn items(body: &[u8]) -> Result<(Vec<Value>, Option<String>), String> {
    let mut document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let next = document.get("nextToken").and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned);
    match document.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok((items, next)),
        _ => Err("the response lists no items".to_owned()),
    }
}

/// The load balancer that the target of an integration names; none for a service of Cloud Map, whose instances are not load balancers.
fn load_balancer_of(uri: &str, hosts: &HashMap<String, Arn>) -> Result<Option<Arn>, String> {
    let parts: Vec<&str> = uri.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "servicediscovery", ..] => Ok(None),
        ["arn", partition, "elasticloadbalancing", region, account, resource] => {
            let listener = resource.strip_prefix("listener/").and_then(|rest| rest.rsplit_once('/'));
            let (owner, _) = listener.ok_or_else(|| format!("{uri}, which is not the ARN of a listener"))?;
            let arn = format!("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{owner}");
            Arn::new(&arn).map(Some).map_err(|error| error.to_string())
        }
        _ => {
            let rest = uri.split_once("://").map(|(_, rest)| rest);
            let host = rest.and_then(|rest| rest.split(['/', ':', '?']).next()).unwrap_or_default();
            let known = hosts.get(&host.to_ascii_lowercase()).cloned();
            known.map(Some).ok_or_else(|| {
                format!("an integration through a VPC link to {uri}, which names no load balancer that was listed")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:";

    #[test]
    fn the_target_of_an_integration_names_a_load_balancer_or_is_not_known() {
        let inner = Arn::new(&format!("{HEAD}loadbalancer/net/inner/50dc6c495c0c9188")).expect("an ARN");
        let hosts = HashMap::from([("inner-1.elb.eu-west-1.amazonaws.com".to_owned(), inner.clone())]);
        let shop = Arn::new(&format!("{HEAD}loadbalancer/app/shop/60dc6c495c0c9188")).expect("an ARN");
        for (uri, expected) in [
            (format!("{HEAD}listener/app/shop/60dc6c495c0c9188/f2f7dc8efc522ab2"), Some(Some(&shop))),
            ("http://Inner-1.elb.eu-west-1.amazonaws.com:8080/a?b".to_owned(), Some(Some(&inner))),
            ("arn:aws:servicediscovery:eu-west-1:111122223333:service/srv-1".to_owned(), Some(None)),
            (format!("{HEAD}targetgroup/shop/60dc6c495c0c9188"), None),
            (format!("{HEAD}listener/app"), None),
            ("http://internal.example.com/".to_owned(), None),
            ("http://${stageVariables.host}/".to_owned(), None),
            (String::new(), None),
        ] {
            let found = load_balancer_of(&uri, &hosts);
            assert_eq!(found.as_ref().ok().map(Option::as_ref), expected, "{uri}: {found:?}");
        }
    }

    #[test]
    fn a_page_without_a_list_is_no_page() {
        for (body, expected) in [
            (r#"{"items": [], "nextToken": null}"#, Some((0, None))),
            (r#"{"items": [{}], "nextToken": "x"}"#, Some((1, Some("x")))),
            (r#"{"items": null}"#, None),
            (r#"{"Items": []}"#, None),
            ("[]", None),
            ("", None),
        ] {
            let found = items(body.as_bytes()).ok();
            let found = found.as_ref().map(|(items, next)| (items.len(), next.as_deref()));
            assert_eq!(found, expected, "{body}");
        }
    }
}
