//! What all requests of a server share: the world, the clock, sessions, quotas, faults and the call log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::gate::CallGate;
use crate::calls::{CallLog, CallRecord};
use crate::clock::Clock;
use crate::faults::FaultPlan;
use crate::iam::session::{Principal, Sessions};
use crate::quota::Quotas;
use crate::world::World;

/// How request ids are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestIds {
    /// Every request has its own, as with AWS; the ids depend on the order of arrival.
    #[default]
    Unique,
    /// The same request of the same account has the same id, so that two runs of the demo give the same bytes.
    ByContent,
}

/// Everything that requests share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) world: Arc<World>,
    pub(super) clock: Clock,
    pub(super) sessions: Sessions,
    pub(super) quotas: Quotas,
    pub(super) quotas_on: bool,
    pub(super) check_dates: bool,
    pub(super) request_ids: RequestIds,
    pub(super) calls: CallLog,
    pub(super) faults: RwLock<Arc<FaultPlan>>,
    pub(super) after: RwLock<Option<CallHook>>,
    pub(super) gate: RwLock<Option<CallGate>>,
    pub(super) sequence: AtomicU64,
}

/// A function that runs when a call has taken effect and before its response is sent.
#[derive(Clone)]
pub(super) struct CallHook(Arc<Act>);

type Act = dyn Fn(&CallRecord, &World) + Send + Sync;

impl std::fmt::Debug for CallHook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallHook")
    }
}

impl State {
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn faults(&self) -> Arc<FaultPlan> {
        Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn gate(&self) -> Option<CallGate> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn run_hook(&self, record: &CallRecord) {
        let after = self.after.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(CallHook(act)) = after {
            act(record, &self.world);
        }
    }

    pub(super) fn set_faults(&self, plan: FaultPlan) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    pub(super) fn principal(&self, access_key: &str) -> Option<Arc<Principal>> {
        self.world.callers.get(access_key).cloned().or_else(|| self.sessions.get(access_key))
    }
}

impl CallHook {
    pub(super) fn new(act: impl Fn(&CallRecord, &World) + Send + Sync + 'static) -> Self {
        Self(Arc::new(act))
    }
}
