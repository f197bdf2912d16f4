//! Calls for one purpose: a session in each account, a client in each Region, and the one caller that all purposes share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;

use doorward_model::{AccountId, AccountRegion, Gap, GapReason, Region};

use super::clients::Clients;
use super::session::{OpenSession, Session};
use crate::call::{CallRoute, Caller};
use crate::failure::CallFailure;
use crate::operation::Operation;
use crate::settings::{CallSettings, Span};
use crate::time::Time;

/// Opens the session of an account; called once for each.
type Open = Box<dyn Fn(&AccountId) -> Arc<Session> + Send + Sync>;

/// Calls AWS in any account-Region, for one purpose. Cheap to clone; clones share sessions, clients, rate limits and counts.
#[derive(Clone)]
pub struct ClientProvider {
    shared: Arc<Shared>,
    /// The share of AWS's limits to take, where it is not that of `calls.share_of_limits`.
    share: Option<f64>,
    /// The time for one try, where it is not that of `calls.attempt_timeout`.
    attempt: Option<Duration>,
}

struct Shared {
    caller: Arc<Caller>,
    clients: Arc<Clients>,
    open: Open,
    sessions: Mutex<BTreeMap<AccountId, Arc<Session>>>,
}

impl ClientProvider {
    pub(super) fn new(caller: Arc<Caller>, clients: Arc<Clients>, open: Open) -> Self {
        Self {
            shared: Arc::new(Shared { caller, clients, open, sessions: Mutex::default() }),
            share: None,
            attempt: None,
        }
    }

    /// Calls with credentials that `open` returns instead of those of assumed roles: for tests against an emulator.
    pub fn with_sessions(config: SdkConfig, calls: CallSettings, time: Time, open: OpenSession) -> Self {
        let clock = time.clock();
        let session =
            move |account: &AccountId| Arc::new(Session::supplied(account.clone(), open.clone(), clock.clone()));
        Self::new(Arc::new(Caller::new(calls, time)), Arc::new(Clients::new(config)), Box::new(session))
    }

    /// Makes no call: every one fails as not asked. For dry runs, which need the date alone.
    pub fn offline(time: Time) -> Self {
        let open: OpenSession = Arc::new(|_, _| {
            let gap = Gap::new(GapReason::NotAsked, Operation::AssumeRole.action());
            Box::pin(std::future::ready(Err(gap.with_message("no access to AWS was opened"))))
        });
        let second = Span(Duration::from_secs(1));
        let calls = CallSettings {
            concurrency: 1,
            share_of_limits: 1.0,
            connect_timeout: second,
            read_timeout: second,
            attempt_timeout: second,
            call_deadline: second,
            tries: 1,
            longest_pause: second,
        };
        Self::with_sessions(SdkConfig::builder().build(), calls, time, open)
    }

    /// The same calls with another share of AWS's limits than `calls.share_of_limits`.
    #[must_use]
    pub fn with_share(self, share: f64) -> Self {
        Self { share: Some(share), ..self }
    }

    /// The same calls with another time for one try than `calls.attempt_timeout`: for requests that send or return a large body.
    #[must_use]
    pub fn with_attempt_timeout(self, longest: Duration) -> Self {
        Self { attempt: Some(longest), ..self }
    }

    /// The client of a service in a Region, built when first needed. `build` gets a configuration without the credentials of an
    /// account: those are given with each call ([`with_credentials`](crate::with_credentials)).
    pub fn client<C>(&self, region: &Region, build: impl FnOnce(&SdkConfig) -> C) -> C
    where
        C: Clone + Send + Sync + 'static,
    {
        self.shared.clients.of(region, build)
    }

    /// Makes one call in an account-Region, with as many tries as the operation and the settings allow.
    ///
    /// # Errors
    /// The last failure, classified.
    pub async fn call<T, Sent>(
        &self,
        place: &AccountRegion,
        operation: Operation,
        send: impl Fn(Credentials) -> Sent,
    ) -> Result<T, CallFailure>
    where
        Sent: Future<Output = Result<T, CallFailure>>,
    {
        let session = self.session(&place.account);
        let route = CallRoute { session: &session, region: &place.region, region_enabled: false, operation };
        self.shared.caller.send_at(self.share, self.attempt, route, send).await
    }

    /// The loop that sends the calls.
    pub fn caller(&self) -> &Caller {
        &self.shared.caller
    }

    /// The date and the pauses of calls.
    pub fn time(&self) -> &Time {
        self.shared.caller.time()
    }

    /// The session in an account, the same for all calls. Nothing is called until its credentials are needed.
    pub fn session(&self, account: &AccountId) -> Arc<Session> {
        let mut sessions = self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.entry(account.clone()).or_insert_with(|| (self.shared.open)(account)).clone()
    }
}
