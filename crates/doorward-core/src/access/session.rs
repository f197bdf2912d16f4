//! A session in one account: resolved explicitly, renewed early, by one caller at a time.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use jiff::Timestamp;
use tokio::sync::Mutex;

use doorward_model::{AccountId, Arn, Gap, GapReason, Region};

use super::clients::sts_as;
use crate::Clock;
use crate::actions::{Operation, session_policy};
use crate::call::{Caller, Route};
use crate::failure::Failure;
use crate::pace::Family;

/// Credentials for one account. Neither printable nor serializable; they exist in memory only.
pub struct Session {
    account: AccountId,
    source: Source,
    clock: Clock,
    held: Mutex<Held>,
}

enum Source {
    Base(SharedCredentialsProvider),
    Role(Box<Assume>),
}

/// How to open a role session.
pub(super) struct Assume {
    pub(super) role_arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session_name: String,
    pub(super) source_identity: Option<String>,
    pub(super) seconds: i32,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) base: Arc<Session>,
    pub(super) region: Region,
}

enum Held {
    Nothing,
    Credentials {
        credentials: Credentials,
        /// When to renew: well before the end, so that a long walk through pages never meets it.
        renew: Option<Timestamp>,
        expires: Option<Timestamp>,
    },
    /// Refused for good; asking again would be another refused call per load balancer.
    Refused(Gap),
}

impl Session {
    pub(super) fn base(account: AccountId, provider: SharedCredentialsProvider, clock: Clock) -> Self {
        Self { account, source: Source::Base(provider), clock, held: Mutex::new(Held::Nothing) }
    }

    pub(super) fn role(account: AccountId, assume: Assume, clock: Clock) -> Self {
        Self { account, source: Source::Role(Box::new(assume)), clock, held: Mutex::new(Held::Nothing) }
    }

    pub(super) fn named(self, account: AccountId) -> Self {
        Self { account, ..self }
    }

    /// The account this session is for.
    pub(crate) fn account(&self) -> &AccountId {
        &self.account
    }

    /// Credentials that last a while. Whoever asks first renews; everybody else waits for the same answer.
    pub(crate) async fn credentials(&self, caller: &Caller) -> Result<Credentials, Gap> {
        let mut held = self.held.lock().await;
        let now = (self.clock)();
        let still_good = match &*held {
            Held::Credentials { credentials, renew, expires } => {
                if renew.is_none_or(|at| now < at) {
                    return Ok(credentials.clone());
                }
                expires.is_none_or(|at| now < at).then(|| credentials.clone())
            }
            Held::Refused(gap) => return Err(gap.clone()),
            Held::Nothing => None,
        };
        let fresh = match &self.source {
            Source::Base(provider) => from_chain(provider).await,
            // Assuming a role is itself a call with a session, hence the box.
            Source::Role(assume) => Box::pin(assume.open(&self.account, caller)).await,
        };
        match fresh {
            Ok(credentials) => {
                let expires = credentials.expiry().and_then(|at| Timestamp::try_from(at).ok());
                let renew = expires.map(|at| renew_at(now, at));
                *held = Held::Credentials { credentials: credentials.clone(), renew, expires };
                Ok(credentials)
            }
            Err(gap) => match still_good {
                Some(credentials) => Ok(credentials),
                None => {
                    if matches!(
                        gap.reason,
                        GapReason::RoleMissing | GapReason::DeniedByOrganizationPolicy | GapReason::WrongAccount
                    ) {
                        *held = Held::Refused(gap.clone());
                    }
                    Err(gap)
                }
            },
        }
    }

    /// AWS called these credentials expired: forget them, unless somebody has renewed them already.
    pub(crate) async fn invalidate(&self, refused: &Credentials) {
        let mut held = self.held.lock().await;
        if matches!(&*held, Held::Credentials { credentials, .. }
            if credentials.access_key_id() == refused.access_key_id() && credentials.session_token() == refused.session_token())
        {
            *held = Held::Nothing;
        }
    }
}

/// Five minutes before the end, or a quarter of the time left for sessions that are short to begin with.
fn renew_at(now: Timestamp, expires: Timestamp) -> Timestamp {
    let left = expires.duration_since(now);
    let early = (left / 4).min(jiff::SignedDuration::from_mins(5)).max(jiff::SignedDuration::ZERO);
    expires.checked_sub(early).unwrap_or(expires)
}

async fn from_chain(provider: &SharedCredentialsProvider) -> Result<Credentials, Gap> {
    provider.provide_credentials().await.map_err(|error| {
        let mut last: &dyn std::error::Error = &error;
        while let Some(source) = last.source() {
            last = source;
        }
        // The chain lists every provider it tried on a line of its own; the first line says what happened.
        let text = last.to_string();
        tracing::info!(chain = %text, "no credentials");
        let first = text.lines().next().unwrap_or_default().trim_end_matches(". Attempted:").to_owned();
        Gap::new(GapReason::Expired, "credentials").with_message(first)
    })
}

impl Assume {
    async fn open(&self, account: &AccountId, caller: &Caller) -> Result<Credentials, Gap> {
        let operation = Operation::AssumeRole;
        let route = Route { session: &self.base, region: &self.region, family: Family::Sts, operation };
        caller
            .call(route, |base| {
                let request = self
                    .sts
                    .assume_role()
                    .role_arn(&self.role_arn)
                    .role_session_name(&self.session_name)
                    .set_external_id(self.external_id.clone())
                    .set_source_identity(self.source_identity.clone())
                    .duration_seconds(self.seconds)
                    .policy(session_policy())
                    .customize()
                    .config_override(sts_as(base));
                async move {
                    let answer = request.send().await.map_err(|e| Failure::of(operation, &e))?;
                    let whose = answer
                        .assumed_role_user()
                        .and_then(|user| Arn::new(user.arn()).ok())
                        .ok_or_else(|| Failure::malformed(operation, "the answer does not say whose session it is"))?;
                    if whose.account() != account.as_str() {
                        return Err(Failure::wrong_account(account, whose.account()));
                    }
                    let issued = answer
                        .credentials()
                        .ok_or_else(|| Failure::malformed(operation, "the answer holds no credentials"))?;
                    let expires = (*issued.expiration())
                        .try_into()
                        .map_err(|_| Failure::malformed(operation, "the session's expiry is not a time"))?;
                    Ok(Credentials::new(
                        issued.access_key_id(),
                        issued.secret_access_key(),
                        Some(issued.session_token().to_owned()),
                        Some(expires),
                        "doorward",
                    ))
                }
            })
            .await
    }
}
