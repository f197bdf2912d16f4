//! The yardstick: the same calls as a bare loop over shared SDK clients. It counts load balancers and keeps nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_elasticloadbalancing as classic;
use aws_sdk_elasticloadbalancingv2 as current;
use aws_sdk_elasticloadbalancingv2::types::LoadBalancerTypeEnum;
use aws_smithy_http_client::{Builder, tls};
use doorward_core::actions;

use crate::loops::{self, APIS, Api};
use crate::world::{HOME, KEY, role_arn};
use crate::{Outcome, Place};

/// One client per service and Region; the account travels with each call.
struct Clients {
    sts: aws_sdk_sts::Client,
    organizations: aws_sdk_organizations::Client,
    account: aws_sdk_account::Client,
    by_region: BTreeMap<String, (current::Client, classic::Client)>,
}

macro_rules! as_credentials {
    ($sdk:ident, $credentials:expr) => {
        $sdk::config::Builder::new()
            .credentials_provider($credentials.clone())
            .identity_cache(IdentityCache::no_cache())
    };
}

/// Walks the organization and says how many load balancers it saw.
pub(crate) async fn run(place: &Place) -> Outcome<usize> {
    let config = config(place).await;
    let mut clients = Clients {
        sts: aws_sdk_sts::Client::new(&config),
        organizations: aws_sdk_organizations::Client::new(&config),
        account: aws_sdk_account::Client::new(&config),
        by_region: BTreeMap::new(),
    };
    let base = Credentials::new(KEY.0, KEY.1, None, None, "bench");
    let own = clients.sts.get_caller_identity().send().await?.account.ok_or("the identity has no account")?;
    let accounts = organization(&clients.organizations).await?;
    let sessions = loops::all(accounts, |account| session(&clients, &base, &own, account)).await?;
    if sessions.len() != place.accounts {
        return Err(format!("{} accounts instead of {}", sessions.len(), place.accounts).into());
    }
    for region in sessions.iter().flat_map(|(_, regions)| regions) {
        if !clients.by_region.contains_key(region) {
            let there = config.to_builder().region(Region::new(region.clone())).build();
            let pair = (current::Client::new(&there), classic::Client::new(&there));
            clients.by_region.insert(region.clone(), pair);
        }
    }
    let regions = sessions.iter().flat_map(|(session, regions)| regions.iter().map(move |region| (session, region)));
    let questions = regions.flat_map(|(session, region)| APIS.map(|api| (session, region, api)));
    let seen = loops::all(questions, |(session, region, api)| {
        let clients = clients.by_region.get(region);
        async move {
            let (current, classic) = clients.ok_or("a Region has no clients")?;
            match api {
                Api::Current => read_current(current, session).await,
                Api::Classic => read_classic(classic, session).await,
            }
        }
    });
    Ok(seen.await?.into_iter().sum())
}

async fn config(place: &Place) -> SdkConfig {
    let http =
        Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(15))
        .operation_attempt_timeout(Duration::from_secs(20))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .endpoint_url(&place.url)
        .credentials_provider(Credentials::new(KEY.0, KEY.1, None, None, "bench"))
        .region(Region::new(HOME))
        .load()
        .await
}

/// The organization, its units, and the ids of its accounts.
async fn organization(client: &aws_sdk_organizations::Client) -> Outcome<Vec<String>> {
    client.describe_organization().send().await?;
    let mut accounts = Vec::new();
    let mut token = None;
    loop {
        let page = client.list_accounts().max_results(20).set_next_token(token).send().await?;
        accounts.extend(page.accounts.unwrap_or_default().into_iter().filter_map(|account| account.id));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let roots = client.list_roots().send().await?.roots.unwrap_or_default();
    let mut parents: Vec<String> = roots.into_iter().filter_map(|root| root.id).collect();
    while let Some(parent) = parents.pop() {
        let mut token = None;
        loop {
            let ask = client.list_organizational_units_for_parent().parent_id(&parent).max_results(20);
            let page = ask.set_next_token(token).send().await?;
            parents.extend(page.organizational_units.unwrap_or_default().into_iter().filter_map(|unit| unit.id));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(accounts)
}

/// Credentials in an account, and the Regions that are enabled there.
async fn session(
    clients: &Clients,
    base: &Credentials,
    own: &str,
    account: String,
) -> Outcome<(Credentials, Vec<String>)> {
    let credentials = if account == own {
        base.clone()
    } else {
        let ask = clients.sts.assume_role().role_arn(role_arn(&account)).role_session_name("doorward");
        let policy = doorward_model::session_policy(&actions::scan_role_grants(), "aws", &account);
        let answer = ask.duration_seconds(3600).policy(policy).send().await?;
        let issued = answer.credentials.ok_or("the answer holds no credentials")?;
        Credentials::new(issued.access_key_id, issued.secret_access_key, Some(issued.session_token), None, "bench")
    };
    let ask = clients.account.list_regions().max_results(50).customize();
    let listed = ask.config_override(as_credentials!(aws_sdk_account, credentials)).send().await?;
    let regions = listed.regions.unwrap_or_default().into_iter().filter_map(|region| region.region_name);
    Ok((credentials, regions.collect()))
}

async fn read_current(client: &current::Client, credentials: &Credentials) -> Outcome<usize> {
    let (mut seen, mut wanted, mut marker) = (0, Vec::new(), None);
    loop {
        let ask = client.describe_load_balancers().page_size(400).set_marker(marker).customize();
        let page = ask.config_override(as_credentials!(current, credentials)).send().await?;
        for lb in page.load_balancers.unwrap_or_default() {
            seen += 1;
            if lb.r#type == Some(LoadBalancerTypeEnum::Application) {
                wanted.extend(lb.load_balancer_arn);
            }
        }
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            break;
        }
    }
    for arn in &wanted {
        let ask = client.describe_load_balancer_attributes().load_balancer_arn(arn).customize();
        ask.config_override(as_credentials!(current, credentials)).send().await?;
    }
    for batch in wanted.chunks(20) {
        let ask = client.describe_tags().set_resource_arns(Some(batch.to_vec())).customize();
        ask.config_override(as_credentials!(current, credentials)).send().await?;
    }
    let mut marker = None;
    while !wanted.is_empty() {
        let ask = client.describe_target_groups().page_size(400).set_marker(marker).customize();
        let page = ask.config_override(as_credentials!(current, credentials)).send().await?;
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            break;
        }
    }
    Ok(seen)
}

async fn read_classic(client: &classic::Client, credentials: &Credentials) -> Outcome<usize> {
    let (mut wanted, mut marker) = (Vec::new(), None);
    loop {
        let ask = client.describe_load_balancers().page_size(400).set_marker(marker).customize();
        let page = ask.config_override(as_credentials!(classic, credentials)).send().await?;
        let listed = page.load_balancer_descriptions.unwrap_or_default();
        wanted.extend(listed.into_iter().filter_map(|lb| lb.load_balancer_name));
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            break;
        }
    }
    for name in &wanted {
        let ask = client.describe_load_balancer_attributes().load_balancer_name(name).customize();
        ask.config_override(as_credentials!(classic, credentials)).send().await?;
    }
    for batch in wanted.chunks(20) {
        let ask = client.describe_tags().set_load_balancer_names(Some(batch.to_vec())).customize();
        ask.config_override(as_credentials!(classic, credentials)).send().await?;
    }
    Ok(wanted.len())
}
