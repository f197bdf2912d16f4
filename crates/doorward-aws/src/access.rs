//! Access to AWS: the base identity, one shared HTTP client, and a session in every account.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use doorward_model::{AccountId, Arn, Gap, GapReason, Grant, Observed, OuPath, Region, session_policy};

use crate::Clock;
use crate::call::{CallRoute, Caller};
use crate::cancellation::Stop;
use crate::failure::{CallFailure, RetryAction};
use crate::operation::Operation;
use crate::settings::CallSettings;
use crate::time::Time;
use crate::variables::Variables;
use crate::way_in::{WayInError, WayInLine};

mod base_config;
mod clients;
mod clock_offset;
mod provider;
mod refusal;
mod session;
mod settings;
mod signed_get;

use base_config::{BaseConfig, base_config};
pub use clients::{Clients, account_as, classic_as, elb_as, logs_as, organizations_as, sts_as};
use clock_offset::ClockOffset;
pub use provider::ClientProvider;
use refusal::with_cause;
pub use session::{OpenSession, Session};
pub use settings::{AccessSettings, AssumedRole, ExternalId, Purpose, RoleName, RoleOverride, SettingOrigins};
pub use signed_get::{QueryPair, SignedService, path_with_query};

/// Tries of the first call where nothing answers.
const FIRST_TRIES: u32 = 4;

/// An emulated AWS, which the demo and the tests use instead of the environment's.
#[derive(Default)]
pub struct Emulator {
    /// The endpoint of every service.
    pub endpoint_url: String,
    /// The base credentials: access key id and secret.
    pub access_key: (String, String),
    /// The Region to start from.
    pub region: String,
}

/// Why AWS cannot be called at all.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No Region is configured.
    #[error("no Region to start from: set `access.home_region`, AWS_REGION, or a region in the AWS profile")]
    NoRegion,
    /// The environment, the AWS configuration or the settings leave no way to call AWS.
    #[error(transparent)]
    WayIn(#[from] WayInError),
    /// The source of credentials gave none.
    #[error("no AWS credentials: {0}")]
    NoCredentials(String),
    /// The base credentials were refused.
    #[error("the base credentials were not accepted in {region}: {}", .gap.in_full())]
    Refused {
        /// The Region whose STS endpoint was asked.
        region: Region,
        /// The error of STS.
        gap: Box<Gap>,
        /// As [`Access::clock_offset`].
        clock_offset: Option<i64>,
    },
    /// Stopped before the base identity was known.
    #[error("stopped before the base credentials were accepted ({0}); nothing was scanned")]
    Stopped(GapReason),
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be set up: {0}")]
    Http(String),
}

impl AccessError {
    /// As [`Access::clock_offset`], where AWS answered.
    pub fn clock_offset(&self) -> Option<i64> {
        match self {
            Self::Refused { clock_offset, .. } => *clock_offset,
            _ => None,
        }
    }
}

impl CallFailure {
    /// Ends the tries of the first call where AWS has never answered: most often the network, a proxy or an endpoint is set wrong.
    fn ends_without_answer(mut self, tried: u32) -> Self {
        let is_silent =
            matches!(self.gap.reason, GapReason::Unreachable | GapReason::TimedOut) && self.status.is_none();
        if is_silent && tried >= FIRST_TRIES {
            self.action = RetryAction::Stop;
        }
        self
    }
}

/// The base identity and everything needed to call AWS with it. Clones share sessions, clients, limits and counts.
#[derive(Clone)]
pub struct Access {
    /// The clients of the services that a scan calls.
    pub clients: Arc<Clients>,
    /// The loop that sends every request.
    pub caller: Arc<Caller>,
    /// The date.
    pub clock: Clock,
    settings: Arc<AccessSettings>,
    base: Arc<Session>,
    arn: Arn,
    partition: String,
    home_region: Region,
    clock_offset: Option<i64>,
}

impl Access {
    /// Loads the base credentials from the SDK's default chain and asks STS for their account and ARN.
    ///
    /// # Errors
    /// No Region, no credentials, credentials that STS refuses, or a stop before STS answered.
    pub async fn connect(
        settings: AccessSettings,
        calls: CallSettings,
        clock: Clock,
        emulator: Option<&Emulator>,
        stop: &Stop,
    ) -> Result<Self, AccessError> {
        tokio::select! {
            access = Self::enter(settings, calls, clock, emulator) => access,
            gap = stop.stopped(Operation::GetCallerIdentity.action()) => Err(AccessError::Stopped(gap.reason)),
        }
    }

    async fn enter(
        settings: AccessSettings,
        calls: CallSettings,
        clock: Clock,
        emulator: Option<&Emulator>,
    ) -> Result<Self, AccessError> {
        let BaseConfig { sdk, region: home_region, provider, source } =
            base_config(&settings, &calls, &clock, emulator).await?;
        let clients = Arc::new(Clients::new(sdk));
        let caller = Arc::new(Caller::new(calls, Time::new(clock.clone())));
        // The account is not known before STS has named it; until then the base session has a placeholder.
        let unknown = AccountId::new("000000000000").map_err(|e| AccessError::NoCredentials(e.to_string()))?;
        let base = Session::base(unknown, provider, clock.clone());
        base.credentials(&caller).await.map_err(|gap| AccessError::NoCredentials(gap.message.unwrap_or_default()))?;
        let offset = ClockOffset::new(clock.clone());
        let (arn, account) = whoami(&clients, &caller, &base, &home_region, &offset).await.map_err(|gap| {
            let clock_offset = offset.seconds().filter(|_| emulator.is_none());
            let gap = with_cause(gap, clock_offset, &source);
            AccessError::Refused { region: home_region.clone(), gap: Box::new(gap), clock_offset }
        })?;
        let base = Arc::new(base.named(account));
        let partition = arn.partition().to_owned();
        // An emulator answers with the real date, whatever date the demo plays.
        let clock_offset = offset.seconds().filter(|_| emulator.is_none());
        Ok(Self {
            clients,
            caller,
            clock,
            settings: Arc::new(settings),
            base,
            arn,
            partition,
            home_region,
            clock_offset,
        })
    }

    /// How AWS would be called with these settings in this environment, and what decides it. Makes no call.
    pub async fn way_in(settings: &AccessSettings) -> Vec<WayInLine> {
        crate::way_in::lines(settings, Variables::of_process()).await
    }

    /// The base identity's ARN.
    pub fn identity(&self) -> &Arn {
        &self.arn
    }

    /// The base identity's account.
    pub fn account(&self) -> &AccountId {
        self.base.account()
    }

    /// The partition, as the base identity's ARN names it.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The Region whose STS endpoint issues the sessions.
    pub fn home_region(&self) -> &Region {
        &self.home_region
    }

    /// Seconds by which the clock is ahead of AWS's; negative where it is behind, none where AWS's answer had no date.
    pub fn clock_offset(&self) -> Option<i64> {
        self.clock_offset
    }

    /// Requests sent so far, every try counted.
    pub fn requests(&self) -> u64 {
        self.caller.requests()
    }

    /// The base identity's own session.
    pub fn base(&self) -> &Arc<Session> {
        &self.base
    }

    /// The session of a scan in an account, limited to `grants`. Nothing is called until its credentials are needed.
    ///
    /// # Errors
    /// An override depends on an organizational unit that could not be read: any role would be a guess.
    pub fn session(&self, account: &AccountId, ou: &Observed<OuPath>, grants: &[Grant]) -> Result<Arc<Session>, Gap> {
        Ok(match self.role_for(account, ou)? {
            None => self.base.clone(),
            Some((role, external_id)) => Arc::new(self.role(account, role, external_id.clone(), grants)),
        })
    }

    /// The role that a scan assumes in an account; none where the base identity reads it.
    ///
    /// # Errors
    /// As [`Access::session`].
    pub fn entry(&self, account: &AccountId, ou: &Observed<OuPath>) -> Result<Option<AssumedRole>, Gap> {
        let entry = self.role_for(account, ou)?.map(|(role, external_id)| AssumedRole {
            role_arn: role.arn(&self.partition, account),
            with_external_id: external_id.is_some(),
        });
        Ok(entry)
    }

    /// The role that is assumed in an account for a purpose.
    pub fn entry_for(&self, account: &AccountId, purpose: &Purpose) -> AssumedRole {
        AssumedRole {
            role_arn: purpose.role_name.arn(&self.partition, account),
            with_external_id: purpose.external_id.is_some() || self.settings.external_id.is_some(),
        }
    }

    fn role_for(
        &self,
        account: &AccountId,
        ou: &Observed<OuPath>,
    ) -> Result<Option<(&RoleName, &Option<ExternalId>)>, Gap> {
        if account == self.account() && !self.settings.assume_in_own_account {
            return Ok(None);
        }
        for candidate in &self.settings.overrides {
            let matches = match ou {
                _ if candidate.accounts.contains(account) => true,
                _ if candidate.ous.is_empty() => false,
                Observed::Known(ou) => candidate.ous.iter().any(|scope| ou.is_within(scope)),
                Observed::Absent => false,
                Observed::Unread(gap) => return Err(gap.as_ref().clone()),
            };
            if matches {
                return Ok(Some((&candidate.role_name, &candidate.external_id)));
            }
        }
        Ok(Some((&self.settings.role_name, &self.settings.external_id)))
    }

    /// Calls for one purpose, with a session in each account by the purpose's role. The role is assumed in the base identity's
    /// own account too, so that the base identity needs no permission but to assume it.
    pub fn provider(&self, purpose: Purpose) -> ClientProvider {
        self.provider_by(move |_| purpose.clone())
    }

    /// Like [`Access::provider`], for a purpose whose grants differ by account.
    pub fn provider_by(&self, purpose: impl Fn(&AccountId) -> Purpose + Send + Sync + 'static) -> ClientProvider {
        let access = self.clone();
        let open = move |account: &AccountId| {
            let purpose = purpose(account);
            let external_id = purpose.external_id.or_else(|| access.settings.external_id.clone());
            Arc::new(access.role(account, &purpose.role_name, external_id, &purpose.grants))
        };
        ClientProvider::new(self.caller.clone(), self.clients.clone(), Box::new(open))
    }

    /// Calls with the base identity's own credentials, whatever account is called.
    pub fn base_provider(&self) -> ClientProvider {
        let base = self.base.clone();
        ClientProvider::new(self.caller.clone(), self.clients.clone(), Box::new(move |_| base.clone()))
    }

    fn role(&self, account: &AccountId, role: &RoleName, external_id: Option<ExternalId>, grants: &[Grant]) -> Session {
        // STS limits a role session that assumes another role ("role chaining") to an hour.
        let chained = self.arn.resource().starts_with("assumed-role/");
        let wanted = self.settings.session_duration.0.as_secs().clamp(900, 43_200);
        let seconds = if chained { wanted.min(3600) } else { wanted };
        let assume = session::Assume {
            role_arn: role.arn(&self.partition, account),
            external_id,
            policy: session_policy(grants, &self.partition, account.as_str()),
            session_name: self.settings.session_name.clone(),
            source_identity: self.settings.source_identity.clone(),
            seconds: i32::try_from(seconds).unwrap_or(3600),
            sts: self.clients.sts(&self.home_region),
            base: self.base.clone(),
            region: self.home_region.clone(),
        };
        Session::role(account.clone(), assume, self.clock.clone())
    }
}

async fn whoami(
    clients: &Clients,
    caller: &Caller,
    base: &Session,
    region: &Region,
    offset: &ClockOffset,
) -> Result<(Arn, AccountId), Gap> {
    let operation = Operation::GetCallerIdentity;
    let sts = clients.sts(region);
    let tries = AtomicU32::new(0);
    let route = CallRoute { session: base, region, region_enabled: true, operation };
    caller
        .call(route, |credentials| {
            let request = sts.get_caller_identity().customize().config_override(clients::sts_as(credentials));
            let request = request.interceptor(offset.clone());
            let tried = tries.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                let answer =
                    request.send().await.map_err(|e| CallFailure::of(operation, &e).ends_without_answer(tried))?;
                let arn = answer.arn().and_then(|arn| Arn::new(arn).ok());
                let account = answer.account().and_then(|account| AccountId::new(account).ok());
                arn.zip(account)
                    .ok_or_else(|| CallFailure::malformed(operation, "the response contains no ARN or account"))
            }
        })
        .await
}
