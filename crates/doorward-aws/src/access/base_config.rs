//! The configuration that every client is built from: the way in, as the SDK takes it.

use std::fmt;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_types::app_name::AppName;

use doorward_model::Region;

use super::{AccessError, AccessSettings, Emulator};
use crate::Clock;
use crate::credential_source::{BaseProvider, metadata_client};
use crate::http_policy::HttpPolicy;
use crate::settings::CallSettings;
use crate::variables::{ValueOrigin, Variables};
use crate::way_in::{WayIn, WayInError};

/// Everything that is needed before the first call to AWS.
pub(super) struct BaseConfig {
    pub(super) sdk: SdkConfig,
    pub(super) region: Region,
    pub(super) provider: SharedCredentialsProvider,
    /// The credentials in words, for messages.
    pub(super) source: String,
}

/// Resolves the way in, and builds the configuration of every client.
pub(super) async fn base_config(
    settings: &AccessSettings,
    calls: &CallSettings,
    clock: &Clock,
    emulator: Option<&Emulator>,
) -> Result<BaseConfig, AccessError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(calls.connect_timeout.0)
        .read_timeout(calls.read_timeout.0)
        .operation_attempt_timeout(calls.attempt_timeout.0)
        .operation_timeout(calls.attempt_timeout.0)
        .build();
    let loader = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .app_name(AppName::new("doorward").map_err(|e| AccessError::Http(e.to_string()))?);
    let sdk_region = |region: &Region| aws_types::region::Region::new(region.as_str().to_owned());
    if let Some(emulator) = emulator {
        let region = Region::new(&emulator.region).map_err(|_| AccessError::NoRegion)?;
        let (id, secret) = &emulator.access_key;
        let credentials = Credentials::new(id, secret, None, None, "emulator");
        let client = HttpPolicy::of_emulator().aws_client(calls.concurrency).map_err(AccessError::Http)?;
        let sdk = loader
            .http_client(client)
            .endpoint_url(&emulator.endpoint_url)
            .credentials_provider(credentials.clone())
            .region(sdk_region(&region))
            .load()
            .await;
        let provider = SharedCredentialsProvider::new(credentials);
        return Ok(BaseConfig { sdk, region, provider, source: "those of the emulator".to_owned() });
    }
    let way = WayIn::new(settings, Variables::of_process())?;
    let direct = way.policy.direct();
    let direct_client = direct.aws_client(calls.concurrency).map_err(AccessError::Http)?;
    let (region, policy) = match way.region {
        Some(region) => (region.value, way.policy),
        None => {
            let found = region_of_instance(way.metadata.as_ref(), direct_client.clone()).await?;
            let policy = way.policy.in_region(&found, ValueOrigin::Metadata);
            (found, policy)
        }
    };
    // Requests are signed with the date that observations have. An emulator checks signatures against the real date.
    let loader = loader
        .time_source(SigningTime(clock.clone()))
        .http_client(policy.aws_client(calls.concurrency).map_err(AccessError::Http)?)
        .region(sdk_region(&region))
        .use_fips(way.fips.value)
        .use_dual_stack(way.dual_stack.value)
        .no_credentials();
    let loader = match &settings.profile {
        Some(profile) => loader.profile_name(profile),
        None => loader,
    };
    // The SDK reads endpoints from the environment as they are, and panics at one that is empty.
    let mut sdk = loader.load().await.to_builder().service_config(way.endpoints);
    sdk.set_endpoint_url(None);
    let sdk = sdk.build();
    let container = direct.web_client().map_err(WayInError::from)?;
    let source = way.source.to_string();
    let provider = BaseProvider::new(way.source, &sdk, direct_client, container);
    let provider = SharedCredentialsProvider::new(provider);
    let sdk = sdk.to_builder().credentials_provider(provider.clone()).build();
    Ok(BaseConfig { sdk, region, provider, source })
}

/// The Region of the instance, where nothing else names one.
async fn region_of_instance(
    metadata: Option<&(String, ValueOrigin)>,
    direct: SharedHttpClient,
) -> Result<Region, AccessError> {
    let (endpoint, origin) = metadata.ok_or(AccessError::NoRegion)?;
    let client = metadata_client(endpoint, origin, direct).map_err(WayInError::from)?;
    let found = ImdsRegionProvider::builder().imds_client(client).build().region().await;
    found.and_then(|region| Region::new(region.as_ref()).ok()).ok_or(AccessError::NoRegion)
}

/// The clock, as the SDK takes it.
struct SigningTime(Clock);

impl fmt::Debug for SigningTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningTime")
    }
}

impl TimeSource for SigningTime {
    fn now(&self) -> SystemTime {
        SystemTime::from((self.0)())
    }
}
