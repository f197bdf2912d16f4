//! The client of webhooks and of container credentials: a connection for each request, through a proxy where one is set.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{HttpPolicy, HttpPolicyError, Proxies};

/// Sends requests by the policy that it was made of.
pub type WebClient = legacy::Client<HttpsConnector<ProxiedConnector>, Full<Bytes>>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A message is rare enough for a connection of its own, and a connection that is not kept cannot be stale.
pub(super) fn client(policy: &HttpPolicy) -> Result<WebClient, HttpPolicyError> {
    let connector = connector(policy, policy.trust.client_config()?);
    Ok(legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

/// Connects through the proxies of a policy, and checks certificates as `tls` says.
pub(super) fn connector(policy: &HttpPolicy, tls: ClientConfig) -> HttpsConnector<ProxiedConnector> {
    let tls = Arc::new(tls);
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    let to_proxy = HttpsConnector::from((plain.clone(), Arc::clone(&tls)));
    let proxied = ProxiedConnector { plain, to_proxy, proxies: Arc::clone(&policy.proxies) };
    HttpsConnector::from((proxied, tls))
}

/// Opens a connection to a host, or a tunnel to it through the proxy that the environment names for https. Plain http is for this
/// machine only, and goes directly.
#[derive(Clone)]
pub struct ProxiedConnector {
    plain: HttpConnector,
    to_proxy: HttpsConnector<HttpConnector>,
    proxies: Arc<Proxies>,
}

impl Service<Uri> for ProxiedConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.plain.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let is_https = uri.scheme_str() == Some("https");
        match self.proxies.intercept(&uri).filter(|_| is_https) {
            None => {
                let mut plain = self.plain.clone();
                Box::pin(async move { Ok(MaybeHttpsStream::Http(plain.call(uri).await?)) })
            }
            Some(proxy) => {
                let tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
                let mut tunnel = match proxy.basic_auth() {
                    Some(auth) => tunnel.with_auth(auth.clone()),
                    None => tunnel,
                };
                Box::pin(async move { Ok(tunnel.call(uri).await?) })
            }
        }
    }
}
