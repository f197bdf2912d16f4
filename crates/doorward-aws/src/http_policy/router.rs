//! The client of AWS's SDK: picks the proxy by the scheme of the request, asks credential endpoints directly, and explains errors.

use std::fmt;

use aws_smithy_http_client::pool::{Client as PooledClient, ConnectionPool};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_runtime_api::shared::IntoShared;
use aws_smithy_types::config_bag::ConfigBag;
use hyper::Uri;

use super::network_fault::{NetworkFault, Symptom};
use super::proxies::Proxy;
use super::{HttpPolicy, network_fault, serves_credentials};

/// A client per route. The pool of a route that is never used holds no connection.
struct Router {
    policy: HttpPolicy,
    http: SharedHttpClient,
    https: SharedHttpClient,
    direct: SharedHttpClient,
}

pub(super) fn client(policy: &HttpPolicy, concurrency: usize) -> Result<SharedHttpClient, String> {
    // Without any certificate the SDK must not look for those of the machine: it asserts that there are some.
    let trust = tls::TrustStore::empty();
    let trust = if policy.trust.len() == 0 { trust } else { trust.with_pem_certificate(policy.trust.pem()) };
    let context = tls::TlsContext::builder().with_trust_store(trust).build().map_err(|e| e.to_string())?;
    let pooled = |proxy: ProxyConfig| -> Result<SharedHttpClient, String> {
        let pool = ConnectionPool::builder()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .tls_context(context.clone())
            .proxy_config(proxy)
            .max_connections_per_host(concurrency)
            .build_https()
            .map_err(|e| e.to_string())?;
        Ok(PooledClient::new(&pool).map_err(|e| e.to_string())?.into_shared())
    };
    let proxies = &policy.proxies;
    let through = |proxy: Option<&Proxy>, make: fn(&str) -> Result<ProxyConfig, String>| match proxy {
        Some(proxy) => pooled(make(proxy.url())?.no_proxy(proxies.exempt())),
        None => pooled(ProxyConfig::disabled()),
    };
    let router = Router {
        policy: policy.clone(),
        http: through(proxies.for_http(), |url| ProxyConfig::http(url).map_err(|e| e.to_string()))?,
        https: through(proxies.for_https(), |url| ProxyConfig::https(url).map_err(|e| e.to_string()))?,
        direct: pooled(ProxyConfig::disabled())?,
    };
    Ok(SharedHttpClient::new(router))
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Router")
    }
}

impl HttpClient for Router {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Routes {
            policy: self.policy.clone(),
            http: self.http.http_connector(settings, components),
            https: self.https.http_connector(settings, components),
            direct: self.direct.http_connector(settings, components),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        bag: &ConfigBag,
    ) -> Result<(), BoxError> {
        [&self.http, &self.https, &self.direct]
            .into_iter()
            .try_for_each(|client| client.validate_base_client_config(components, bag))
    }
}

struct Routes {
    policy: HttpPolicy,
    http: SharedHttpConnector,
    https: SharedHttpConnector,
    direct: SharedHttpConnector,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Routes")
    }
}

impl HttpConnector for Routes {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: Uri = request.uri().parse().unwrap_or_default();
        let connector = match uri.scheme_str() {
            _ if serves_credentials(&uri) => &self.direct,
            Some("https") => &self.https,
            _ => &self.http,
        };
        let (answer, policy) = (connector.call(request), self.policy.clone());
        HttpConnectorFuture::new(async move {
            match answer.await {
                Err(error) if error.is_timeout() => {
                    let fault = network_fault::explain(&policy, &uri, Symptom::silence()).await;
                    Err(ConnectorError::timeout(fault.into()))
                }
                Err(error) => {
                    let fault = network_fault::explain(&policy, &uri, Symptom::of(&error)).await;
                    Err(explained(fault, error))
                }
                answered => answered,
            }
        })
    }
}

/// The same error with a sentence that names the host. An error that another try would not change is of a kind that the SDK does
/// not repeat either.
fn explained(fault: NetworkFault, error: ConnectorError) -> ConnectorError {
    match (fault.is_permanent(), error.is_user()) {
        (true, _) => ConnectorError::other(fault.into(), None),
        (false, true) => error,
        (false, false) => ConnectorError::io(fault.into()),
    }
}
