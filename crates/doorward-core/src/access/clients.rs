//! One client per service and Region over one shared pool of connections; the account travels with each call.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_smithy_http_client::pool::{Client as PooledClient, ConnectionPool};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::shared::IntoShared;

use doorward_model::Region;

use crate::whole::{WholeAnswer, WholeJson};

/// The pool all clients share; `proxied` says whether the proxy settings of the environment are honoured.
pub(super) fn http_client(concurrency: usize, proxied: bool) -> Result<SharedHttpClient, String> {
    let proxy = if proxied { ProxyConfig::from_env() } else { ProxyConfig::disabled() };
    let pool = ConnectionPool::builder()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .proxy_config(proxy)
        .max_connections_per_host(concurrency)
        .build_https()
        .map_err(|e| e.to_string())?;
    let client = PooledClient::new(&pool).map_err(|e| e.to_string())?;
    Ok(client.into_shared())
}

/// Clients by Region, built when first needed.
struct ByRegion<C>(Mutex<HashMap<Region, C>>);

impl<C> Default for ByRegion<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Clone> ByRegion<C> {
    fn get(&self, region: &Region, build: impl FnOnce() -> C) -> C
    where
        Region: Hash + Eq,
    {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(region.clone()).or_insert_with(build).clone()
    }
}

/// All clients of a scan.
pub(crate) struct Clients {
    base: Arc<SdkConfig>,
    sts: ByRegion<aws_sdk_sts::Client>,
    organizations: ByRegion<aws_sdk_organizations::Client>,
    account: ByRegion<aws_sdk_account::Client>,
    elb: ByRegion<aws_sdk_elasticloadbalancingv2::Client>,
    classic: ByRegion<aws_sdk_elasticloadbalancing::Client>,
    logs: ByRegion<aws_sdk_cloudwatchlogs::Client>,
}

macro_rules! service {
    ($(#[$doc:meta])* $field:ident, $sdk:ident, $interceptor:expr) => {
        $(#[$doc])*
        pub(crate) fn $field(&self, region: &Region) -> $sdk::Client {
            self.$field.get(region, || {
                let config = $sdk::config::Builder::from(&*self.base)
                    .region($sdk::config::Region::new(region.as_str().to_owned()))
                    .interceptor($interceptor)
                    .build();
                $sdk::Client::from_conf(config)
            })
        }
    };
}

macro_rules! as_credentials {
    ($($name:ident, $sdk:ident;)*) => {
        $(
            /// Makes one call with these credentials. They are already resolved, so nothing caches them again.
            pub(crate) fn $name(credentials: Credentials) -> $sdk::config::Builder {
                $sdk::config::Builder::new().credentials_provider(credentials).identity_cache(IdentityCache::no_cache())
            }
        )*
    };
}

as_credentials! {
    sts_as, aws_sdk_sts;
    organizations_as, aws_sdk_organizations;
    account_as, aws_sdk_account;
    elb_as, aws_sdk_elasticloadbalancingv2;
    classic_as, aws_sdk_elasticloadbalancing;
    logs_as, aws_sdk_cloudwatchlogs;
}

impl Clients {
    pub(super) fn new(base: SdkConfig) -> Self {
        Self {
            base: Arc::new(base),
            sts: ByRegion::default(),
            organizations: ByRegion::default(),
            account: ByRegion::default(),
            elb: ByRegion::default(),
            classic: ByRegion::default(),
            logs: ByRegion::default(),
        }
    }

    /// What a client in a Region is built from.
    pub(super) fn config(&self, region: &Region) -> SdkConfig {
        let region = aws_types::region::Region::new(region.as_str().to_owned());
        self.base.to_builder().region(region).build()
    }

    service!(sts, aws_sdk_sts, WholeAnswer);
    service!(organizations, aws_sdk_organizations, WholeJson);
    service!(account, aws_sdk_account, WholeJson);
    service!(elb, aws_sdk_elasticloadbalancingv2, WholeAnswer);
    service!(classic, aws_sdk_elasticloadbalancing, WholeAnswer);
    service!(logs, aws_sdk_cloudwatchlogs, WholeJson);
}
