//! A session in one account: resolved explicitly, renewed early, by one task at a time.

use std::pin::Pin;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use doorward_model::{AccountId, Arn, Gap, GapReason, Region};

use super::ExternalId;
use super::clients::sts_as;
use crate::Clock;
use crate::call::{CallRoute, Caller};
use crate::failure::CallFailure;
use crate::operation::Operation;

/// Credentials for one account. Neither printable nor serializable; they exist in memory only.
pub struct Session {
    account: AccountId,
    source: Source,
    clock: Clock,
    /// The last result of opening it; never locked across an await.
    held: StdMutex<Held>,
    /// The task that holds this renews; the others wait for its result, or use credentials that are still good.
    renewing: Mutex<()>,
}

/// Returns the credentials of an account; the second argument is the last credentials that AWS called expired.
pub type OpenSession = Arc<
    dyn Fn(&AccountId, Option<Credentials>) -> Pin<Box<dyn Future<Output = Result<Credentials, Gap>> + Send>>
        + Send
        + Sync,
>;

enum Source {
    Base(SharedCredentialsProvider),
    Role(Box<Assume>),
    /// Asked before every request, with the last refused credentials: for tests, which have no STS.
    Supplied(OpenSession, StdMutex<Option<Credentials>>),
}

/// The request that opens a role session.
pub(super) struct Assume {
    pub(super) role_arn: String,
    pub(super) external_id: Option<ExternalId>,
    /// The session policy, which limits the session whatever the role allows.
    pub(super) policy: String,
    pub(super) session_name: String,
    pub(super) source_identity: Option<String>,
    pub(super) seconds: i32,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) base: Arc<Session>,
    pub(super) region: Region,
}

enum Held {
    Nothing,
    Credentials(Lease),
    /// Refused, until then or (none) for good: asking again before would be one more refused call for each load balancer.
    Refused(Gap, Option<Instant>),
}

#[derive(Clone)]
struct Lease {
    credentials: Credentials,
    /// When to renew: well before the end, so that a long series of pages is not interrupted.
    renew: Option<Timestamp>,
    expires: Option<Timestamp>,
}

/// How long a failed renewal is remembered, so that hundreds of waiters do not repeat it one after another.
const REMEMBERED: Duration = Duration::from_secs(5);

/// How long the chain of credential providers may take: a helper process or a sign-in that hangs must not hang the scan.
const CHAIN: Duration = Duration::from_secs(60);

impl Session {
    pub(super) fn base(account: AccountId, provider: SharedCredentialsProvider, clock: Clock) -> Self {
        Self::new(account, Source::Base(provider), clock)
    }

    pub(super) fn role(account: AccountId, assume: Assume, clock: Clock) -> Self {
        Self::new(account, Source::Role(Box::new(assume)), clock)
    }

    pub(super) fn supplied(account: AccountId, open: OpenSession, clock: Clock) -> Self {
        Self::new(account, Source::Supplied(open, StdMutex::default()), clock)
    }

    fn new(account: AccountId, source: Source, clock: Clock) -> Self {
        Self { account, source, clock, held: StdMutex::new(Held::Nothing), renewing: Mutex::new(()) }
    }

    pub(super) fn named(self, account: AccountId) -> Self {
        Self { account, ..self }
    }

    /// The account this session is for.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Credentials that last a while. The first task that needs new ones renews; the others wait for the same result, or use
    /// credentials that are still good.
    ///
    /// # Errors
    /// Why the session cannot be opened. A refusal is remembered for some seconds, one that another try would not change for good.
    pub async fn credentials(&self, caller: &Caller) -> Result<Credentials, Gap> {
        if let Source::Supplied(open, refused) = &self.source {
            let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
            return open(&self.account, refused).await;
        }
        let (turn, still_good) = match self.in_hand()? {
            InHand::Fresh(credentials) => return Ok(credentials),
            InHand::Ageing(credentials) => match self.renewing.try_lock() {
                Ok(turn) => (turn, Some(credentials)),
                Err(_) => return Ok(credentials),
            },
            InHand::Nothing => (self.renewing.lock().await, None),
        };
        // Another task may have renewed while this one waited.
        if let InHand::Fresh(credentials) = self.in_hand()? {
            return Ok(credentials);
        }
        let fresh = match &self.source {
            Source::Base(provider) => from_chain(provider).await,
            // Assuming a role is itself a call with a session, hence the box.
            Source::Role(assume) => Box::pin(assume.open(&self.account, &self.clock, caller)).await,
            Source::Supplied(open, _) => open(&self.account, None).await,
        };
        drop(turn);
        match (fresh, still_good) {
            (Ok(credentials), _) => {
                let now = (self.clock)();
                let expires = credentials.expiry().and_then(|at| Timestamp::try_from(at).ok());
                let renew = expires.map(|at| renew_at(now, at));
                self.hold(Held::Credentials(Lease { credentials: credentials.clone(), renew, expires }));
                Ok(credentials)
            }
            (Err(_), Some(credentials)) => {
                // Renewal was early; there is time to try again in a while.
                let now = (self.clock)();
                let expires = credentials.expiry().and_then(|at| Timestamp::try_from(at).ok());
                let renew = now.checked_add(jiff::SignedDuration::from_secs(30)).ok();
                self.hold(Held::Credentials(Lease { credentials: credentials.clone(), renew, expires }));
                Ok(credentials)
            }
            (Err(gap), None) => {
                let final_ones = [
                    GapReason::RoleMissing,
                    GapReason::DeniedByOrganizationPolicy,
                    GapReason::WrongAccount,
                    GapReason::CredentialsRefused,
                    GapReason::Rejected,
                ];
                let until = (!final_ones.contains(&gap.reason)).then(|| Instant::now() + REMEMBERED);
                self.hold(Held::Refused(gap.clone(), until));
                Err(gap)
            }
        }
    }

    /// AWS called these credentials expired: drops them, unless another task has renewed them already.
    pub(crate) fn invalidate(&self, refused: &Credentials) {
        if let Source::Supplied(_, last) = &self.source {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused.clone());
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |lease: &Lease| {
            lease.credentials.access_key_id() == refused.access_key_id()
                && lease.credentials.session_token() == refused.session_token()
        };
        if matches!(&*held, Held::Credentials(lease) if same(lease)) {
            *held = Held::Nothing;
        }
    }

    fn hold(&self, what: Held) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn in_hand(&self) -> Result<InHand, Gap> {
        let now = (self.clock)();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Held::Credentials(lease) if lease.renew.is_none_or(|at| now < at) => {
                Ok(InHand::Fresh(lease.credentials.clone()))
            }
            Held::Credentials(lease) if lease.expires.is_none_or(|at| now < at) => {
                Ok(InHand::Ageing(lease.credentials.clone()))
            }
            Held::Refused(gap, until) if until.is_none_or(|until| Instant::now() < until) => Err(gap.clone()),
            _ => Ok(InHand::Nothing),
        }
    }
}

enum InHand {
    Fresh(Credentials),
    Ageing(Credentials),
    Nothing,
}

/// Five minutes before the end, or a quarter of the time left for sessions that are short to begin with.
fn renew_at(now: Timestamp, expires: Timestamp) -> Timestamp {
    let left = expires.duration_since(now);
    let early = (left / 4).min(jiff::SignedDuration::from_mins(5)).max(jiff::SignedDuration::ZERO);
    expires.checked_sub(early).unwrap_or(expires)
}

/// When a session ends by this machine's clock. STS names the time by its own; where the two differ by more than the session's
/// length, this clock is wrong, and the requested length is counted from now.
fn ends(now: Timestamp, by_sts: Timestamp, seconds: i32) -> Timestamp {
    let asked = jiff::SignedDuration::from_secs(i64::from(seconds));
    let left = by_sts.duration_since(now);
    let plausible = left > jiff::SignedDuration::ZERO && left <= asked + jiff::SignedDuration::from_mins(5);
    if plausible { by_sts } else { now.checked_add(asked).unwrap_or(by_sts) }
}

/// Whether a session is of the requested role: of its partition and name, under the session's name. A session's ARN omits the
/// role's path, and IAM compares names without regard to case.
fn is_of(session: &Arn, role_arn: &str, session_name: &str) -> bool {
    let Ok(role) = Arn::new(role_arn) else { return false };
    let role_name = role.resource().rsplit('/').next().unwrap_or_default();
    let wanted = format!("assumed-role/{role_name}/{session_name}");
    session.partition() == role.partition()
        && session.as_str().contains(":sts:")
        && session.resource().eq_ignore_ascii_case(&wanted)
}

async fn from_chain(provider: &SharedCredentialsProvider) -> Result<Credentials, Gap> {
    let Ok(provided) = tokio::time::timeout(CHAIN, provider.provide_credentials()).await else {
        let gap = Gap::new(GapReason::TimedOut, "credentials");
        return Err(gap.with_message(format!("the credential provider did not answer within {} s", CHAIN.as_secs())));
    };
    provided.map_err(|error| {
        let mut last: &dyn std::error::Error = &error;
        while let Some(source) = last.source() {
            last = source;
        }
        // The chain lists every provider that it tried on a line of its own; the first line is the error.
        let text = last.to_string();
        tracing::info!(chain = %text, "no credentials");
        let first = text.lines().next().unwrap_or_default().trim_end_matches(". Attempted:").to_owned();
        Gap::new(GapReason::Expired, "credentials").with_message(first)
    })
}

impl Assume {
    async fn open(&self, account: &AccountId, clock: &Clock, caller: &Caller) -> Result<Credentials, Gap> {
        let operation = Operation::AssumeRole;
        let route = CallRoute { session: &self.base, region: &self.region, region_enabled: true, operation };
        caller
            .call(route, |base| {
                let request = self
                    .sts
                    .assume_role()
                    .role_arn(&self.role_arn)
                    .role_session_name(&self.session_name)
                    .set_external_id(self.external_id.as_ref().map(|id| id.expose().to_owned()))
                    .set_source_identity(self.source_identity.clone())
                    .duration_seconds(self.seconds)
                    .policy(&self.policy)
                    .customize()
                    .config_override(sts_as(base));
                async move {
                    let answer = request.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                    let whose =
                        answer.assumed_role_user().and_then(|user| Arn::new(user.arn()).ok()).ok_or_else(|| {
                            CallFailure::malformed(
                                operation,
                                "the response does not name the role of the \
                             session",
                            )
                        })?;
                    if whose.account() != account.as_str() {
                        return Err(CallFailure::wrong_account(account, whose.account()));
                    }
                    if !is_of(&whose, &self.role_arn, &self.session_name) {
                        let what = format!("requested a session of {}, but received {whose}", self.role_arn);
                        return Err(CallFailure::malformed(operation, &what));
                    }
                    let issued = answer
                        .credentials()
                        .ok_or_else(|| CallFailure::malformed(operation, "the response contains no credentials"))?;
                    let by_sts = Timestamp::from_second(issued.expiration().secs()).map_err(|_| {
                        CallFailure::malformed(operation, "the expiry of the session is not a valid time")
                    })?;
                    let expires = ends(clock(), by_sts, self.seconds).into();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_of_the_role_that_was_asked_for() {
        let role = "arn:aws:iam::111122223333:role/security/doorward-scan";
        for (session, right) in [
            ("arn:aws:sts::111122223333:assumed-role/doorward-scan/doorward", true),
            ("arn:aws:sts::111122223333:assumed-role/Doorward-Scan/doorward", true),
            ("arn:aws-cn:sts::111122223333:assumed-role/doorward-scan/doorward", false),
            ("arn:aws:sts::111122223333:assumed-role/admin/doorward", false),
            ("arn:aws:sts::111122223333:assumed-role/doorward-scan/another", false),
            ("arn:aws:sts::111122223333:federated-user/doorward", false),
            ("arn:aws:iam::111122223333:assumed-role/doorward-scan/doorward", false),
        ] {
            assert_eq!(is_of(&Arn::new(session).expect("an ARN"), role, "doorward"), right, "{session}");
        }
    }

    #[test]
    fn a_wrong_clock_does_not_shorten_a_session() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        for (expiry, expected) in [
            ("2026-01-01T13:00:00Z", "2026-01-01T13:00:00Z"),
            ("2026-01-01T12:15:00Z", "2026-01-01T12:15:00Z"),
            ("2026-01-01T10:30:00Z", "2026-01-01T13:00:00Z"),
            ("2026-01-01T19:00:00Z", "2026-01-01T13:00:00Z"),
        ] {
            assert_eq!(ends(now, time(expiry), 3600), time(expected), "{expiry}");
        }
    }
}
