//! The ways to logs and metrics: the scan's access, with sessions of the traffic role.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_core::access::{Access, Session};
use doorward_model::{AccountId, AccountRegion, Gap};
use doorward_traffic::{Credentials, Door, Sessions};

use super::reach::Reaches;

/// Opens sessions, each account's once.
pub(crate) struct Roles {
    access: Arc<Access>,
    reaches: Reaches,
    sessions: Mutex<BTreeMap<AccountId, Arc<Session>>>,
}

impl Roles {
    pub(crate) fn new(access: Arc<Access>, reaches: Reaches) -> Self {
        Self { access, reaches, sessions: Mutex::default() }
    }

    fn session(&self, account: &AccountId) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || self.access.session_for(account, &self.reaches.purpose(account, self.access.partition()));
        sessions.entry(account.clone()).or_insert_with(open).clone()
    }
}

impl Sessions for Roles {
    async fn open(&self, place: &AccountRegion, refused: Option<&Credentials>) -> Result<Door, Gap> {
        let session = self.session(&place.account);
        let credentials = self.access.credentials(&session, refused).await?;
        Ok(Door { config: self.access.sdk_config(&place.region), credentials })
    }
}
