//! Clients for SNS topics, with the base identity's own credentials.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use doorward_core::access::Access;
use doorward_model::{AccountId, Gap, GapReason, Region};
use doorward_notify::{Client, Credentials, Door, Doors};

/// Clients of the base identity by Region.
pub(super) struct Topics<'a> {
    /// None if no channel needs AWS.
    pub(super) access: Option<&'a Access>,
    clients: Mutex<BTreeMap<Region, Client>>,
}

impl<'a> Topics<'a> {
    pub(super) fn new(access: Option<&'a Access>) -> Self {
        Self { access, clients: Mutex::default() }
    }
}

impl Doors for Topics<'_> {
    async fn open(&self, _: &AccountId, region: &Region, refused: Option<&Credentials>) -> Result<Door, Gap> {
        let access = self.access.ok_or_else(|| Gap::new(GapReason::NotAsked, "sns:Publish"))?;
        let credentials = access.credentials(access.base(), refused).await?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.clone()).or_insert_with(|| Client::new(&access.sdk_config(region))).clone();
        Ok(Door { client, credentials })
    }
}
