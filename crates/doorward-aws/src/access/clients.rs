//! One client per service and Region over one shared pool of connections; the account travels with each call.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;

use doorward_model::Region;

use crate::response_integrity::{CompleteJson, CompleteXml};

/// The clients of every service and Region, each built when first needed.
pub struct Clients {
    pub(super) base: SdkConfig,
    /// By the type of the client, which names the service.
    built: Mutex<HashMap<(TypeId, Region), Box<dyn Any + Send + Sync>>>,
}

/// A configuration that makes one call of a service with resolved credentials. Nothing caches them a second time.
///
/// `request.customize().config_override(with_credentials!(aws_sdk_s3, credentials))`
#[macro_export]
macro_rules! with_credentials {
    ($sdk:ident, $credentials:expr) => {
        $sdk::config::Builder::new()
            .credentials_provider($credentials)
            .identity_cache($sdk::config::IdentityCache::no_cache())
    };
}

macro_rules! service {
    ($(#[$doc:meta])* $field:ident, $with:ident, $sdk:ident, $interceptor:expr) => {
        impl Clients {
            $(#[$doc])*
            pub fn $field(&self, region: &Region) -> $sdk::Client {
                self.of(region, |config| {
                    let config = $sdk::config::Builder::from(config).interceptor($interceptor).build();
                    $sdk::Client::from_conf(config)
                })
            }
        }

        /// A configuration that makes one call with these credentials.
        pub fn $with(credentials: Credentials) -> $sdk::config::Builder {
            $crate::with_credentials!($sdk, credentials)
        }
    };
}

service! {
    /// The STS client of a Region.
    sts, sts_as, aws_sdk_sts, CompleteXml
}
service! {
    /// The Organizations client of a Region.
    organizations, organizations_as, aws_sdk_organizations, CompleteJson
}
service! {
    /// The Account Management client of a Region.
    account, account_as, aws_sdk_account, CompleteJson
}
service! {
    /// The client of a Region for application, network and gateway load balancers.
    elb, elb_as, aws_sdk_elasticloadbalancingv2, CompleteXml
}
service! {
    /// The client of a Region for classic load balancers.
    classic, classic_as, aws_sdk_elasticloadbalancing, CompleteXml
}
service! {
    /// The CloudWatch Logs client of a Region.
    logs, logs_as, aws_sdk_cloudwatchlogs, CompleteJson
}

impl Clients {
    pub(super) fn new(base: SdkConfig) -> Self {
        Self { base, built: Mutex::default() }
    }

    /// The client of a service in a Region. `build` gets the shared HTTP client, the timeouts and the endpoint, without
    /// retries; the credentials are given with each call ([`with_credentials`](crate::with_credentials)).
    pub(super) fn of<C: Clone + Send + Sync + 'static>(
        &self,
        region: &Region,
        build: impl FnOnce(&SdkConfig) -> C,
    ) -> C {
        let key = (TypeId::of::<C>(), region.clone());
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = built.get(&key).and_then(|client| client.downcast_ref::<C>()) {
            return client.clone();
        }
        let in_region = aws_types::region::Region::new(region.as_str().to_owned());
        let config = self.base.to_builder().region(in_region).retry_config(RetryConfig::disabled()).build();
        let client = build(&config);
        built.insert(key, Box::new(client.clone()));
        client
    }
}
