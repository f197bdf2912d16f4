//! The ways into the hubs: the scan's access, with sessions of the publishing role.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_aws::response_integrity::CompleteJson;
use doorward_core::access::{Access, Purpose, Session};
use doorward_model::{AccountId, AccountRegion, Gap, GapReason, Region};
use doorward_sink_securityhub::{Client, Credentials, Door, Doors};

/// Opens sessions, each account's once, and clients, each Region's once.
pub(crate) struct Sessions<'a> {
    access: &'a Access,
    purpose: Purpose,
    sessions: Mutex<BTreeMap<AccountId, Arc<Session>>>,
    clients: Mutex<BTreeMap<Region, Client>>,
}

impl<'a> Sessions<'a> {
    pub(crate) fn new(access: &'a Access, purpose: Purpose) -> Self {
        Self { access, purpose, sessions: Mutex::default(), clients: Mutex::default() }
    }

    fn session(&self, account: &AccountId) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || self.access.session_for(account, &self.purpose);
        sessions.entry(account.clone()).or_insert_with(open).clone()
    }

    fn client(&self, region: &Region) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let build = || {
            let client = Client::new(&self.access.sdk_config(region));
            // A count of refused findings that comes twice must not be taken for the last one.
            Client::from_conf(client.config().to_builder().interceptor(CompleteJson).build())
        };
        clients.entry(region.clone()).or_insert_with(build).clone()
    }
}

impl Doors for Sessions<'_> {
    async fn open(&self, hub: &AccountRegion, refused: Option<&Credentials>) -> Result<Door, Gap> {
        let session = self.session(&hub.account);
        let credentials = self.access.credentials(&session, refused).await?;
        Ok(Door { client: self.client(&hub.region), credentials })
    }
}

/// No way in anywhere: for a dry run, which goes nowhere.
pub(super) struct Nowhere;

impl Doors for Nowhere {
    async fn open(&self, _: &AccountRegion, _: Option<&Credentials>) -> Result<Door, Gap> {
        Err(Gap::new(GapReason::Interrupted, "securityhub:BatchImportFindings"))
    }
}
