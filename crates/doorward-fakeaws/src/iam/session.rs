//! Callers: long-lived keys of the world file, and temporary credentials that AssumeRole issues.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use super::policy::Policy;
use crate::digest::{BASE32, BASE64, digest, mix, spell};

/// An authenticated caller.
#[derive(Debug)]
pub(crate) struct Principal {
    /// Index of the account in the world.
    pub(crate) account: u32,
    pub(crate) arn: String,
    pub(crate) user_id: String,
    pub(crate) access_key: String,
    pub(crate) token: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) identity: Arc<Policy>,
    pub(crate) session: Option<Arc<Policy>>,
    /// A role session: assuming another role from here is chaining.
    pub(crate) assumed: bool,
    pub(crate) source_identity: Option<String>,
}

/// Key material of a new session; the secret is returned once and not kept.
pub(crate) struct NewSession {
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) role_id: String,
}

/// Temporary credentials by access key id.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_key: RwLock<HashMap<String, Arc<Principal>>>,
    minted: AtomicU64,
}

impl Sessions {
    /// Key material for a session on `role_arn`; the same in every run for the same sequence of calls.
    pub(crate) fn mint(&self, role_arn: &str) -> NewSession {
        let seed = mix(self.minted.fetch_add(1, Ordering::Relaxed));
        NewSession {
            access_key: format!("ASIA{}", spell(seed, BASE32, 16)),
            secret: spell(mix(seed ^ 1), BASE64, 40),
            token: format!("IQoJb3JpZ2luX2VjE{}", spell(mix(seed ^ 2), BASE64, 180)),
            role_id: format!("AROA{}", spell(digest(&[role_arn]), BASE32, 17)),
        }
    }

    pub(crate) fn insert(&self, principal: Principal) {
        let mut map = self.by_key.write().unwrap_or_else(PoisonError::into_inner);
        map.insert(principal.access_key.clone(), Arc::new(principal));
    }

    pub(crate) fn get(&self, access_key: &str) -> Option<Arc<Principal>> {
        self.by_key.read().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned()
    }
}
