//! A gate before each call: a test decides when a request goes on, and what happens to it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyper::http::request::Parts;

use crate::faults::What;
use crate::request::{Scope, header};

/// A request that waits at the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCall {
    /// Access key id that signed it; empty if there is none.
    pub access_key: String,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
}

type Wait = dyn Fn(WaitingCall) -> Pin<Box<dyn Future<Output = Option<What>> + Send>> + Send + Sync;

/// A function that each request waits for.
#[derive(Clone)]
pub(super) struct CallGate(Arc<Wait>);

impl std::fmt::Debug for CallGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallGate")
    }
}

impl CallGate {
    pub(super) fn new<Waiting>(wait: impl Fn(WaitingCall) -> Waiting + Send + Sync + 'static) -> Self
    where
        Waiting: Future<Output = Option<What>> + Send + 'static,
    {
        Self(Arc::new(move |call| Box::pin(wait(call))))
    }

    /// Waits; the fault that the gate gives the request.
    pub(super) async fn pass(&self, parts: &Parts) -> Option<What> {
        let scope = header(&parts.headers, "authorization").and_then(Scope::parse);
        let access_key = scope.map(|scope| scope.access_key).unwrap_or_default();
        let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
        (self.0)(WaitingCall { access_key, method, path }).await
    }
}
