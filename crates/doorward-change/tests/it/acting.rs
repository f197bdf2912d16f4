//! Who acts in a test: a client at the wire and a journal that can both be killed, and the fate that decides when.

use std::sync::{Arc, Mutex};

use doorward_aws::access::{Access, Purpose};
use doorward_change::{
    ChangeState, ChangeTarget, Current, Event, Inspection, Journal, JournalEntry, JournalError, MetricSamples,
    MetricSource, ModeClient, ModeReading, Plan, SetFailure, SetResponse, SettingValue,
};
use doorward_core::actions::change_role_grants;
use doorward_core::mode::{self, ModeSubject};
use doorward_model::{Gap, Inventory, Listing, Observed};
use doorward_rules::Requirement;
use jiff::Timestamp;

use crate::bed::{judged, policy, run_of};

/// Whoever is asked before and after every step, and may never let it go on.
pub(crate) trait Fate {
    /// Something is about to happen, or has just happened. True kills.
    fn strikes(&self) -> bool;
}

/// The real way to AWS, with a fate.
pub(crate) struct Hand<'a, K> {
    pub(crate) access: &'a Access,
    pub(crate) fate: &'a K,
}

impl<K: Fate> Hand<'_, K> {
    async fn meet(&self) {
        if self.fate.strikes() {
            std::future::pending::<()>().await;
        }
    }

    fn session(&self, target: &ChangeTarget) -> Arc<doorward_aws::access::Session> {
        let purpose = Purpose {
            role_name: "doorward-change".to_owned().try_into().unwrap(),
            external_id: None,
            grants: change_role_grants(),
        };
        self.access.provider(purpose.clone()).session(&target.account)
    }
}

impl<K: Fate> ModeClient for Hand<'_, K> {
    async fn inspect(&self, target: &ChangeTarget, of: SettingValue) -> Result<Inspection, Gap> {
        self.meet().await;
        let subject = ModeSubject { arn: target.arn.clone(), kind: target.kind };
        let cell = mode::look(self.access, self.session(target), &subject).await;
        self.meet().await;
        let mut cell = cell?;
        let gap = cell
            .load_balancers
            .first()
            .map_or_else(|| cell.gaps.pop(), |lb| lb.attributes.gap().map(|gap| (**gap).clone()));
        if let Some(gap) = gap {
            return Err(gap);
        }
        if cell.load_balancers.is_empty() {
            return Ok(Inspection::Gone);
        }
        let mut report = judged(Inventory {
            run: run_of(self.access),
            organization: Observed::Absent,
            accounts: vec![],
            accounts_listing: Listing::Full,
            cells: vec![cell],
        });
        let load_balancer = report.load_balancers.remove(0);
        let required = Requirement::of(&load_balancer, &policy()).certain();
        let verdict = report
            .findings
            .into_iter()
            .find(|finding| finding.rule == of.rule())
            .map(|finding| (*finding.verdict).clone());
        Ok(Inspection::Found(Box::new(Current { load_balancer, verdict, required, may_be_excepted: None })))
    }

    async fn read(&self, target: &ChangeTarget, of: SettingValue) -> Result<ModeReading, Gap> {
        self.meet().await;
        let subject = ModeSubject { arn: target.arn.clone(), kind: target.kind };
        let read = mode::read(self.access, self.session(target), &subject).await;
        self.meet().await;
        Ok(match read? {
            None => ModeReading::Gone,
            Some(read) => {
                let value = read.values.get(of.attribute(target.kind)).map(str::to_owned);
                value.map_or(ModeReading::Absent, ModeReading::Value)
            }
        })
    }

    async fn set(&self, target: &ChangeTarget, wanted: SettingValue) -> Result<SetResponse, SetFailure> {
        self.meet().await;
        let subject = ModeSubject { arn: target.arn.clone(), kind: target.kind };
        let set =
            mode::set(self.access, self.session(target), &subject, wanted.attribute(target.kind), wanted.as_str())
                .await;
        self.meet().await;
        let set = set.map_err(|failed| SetFailure { gap: failed.gap, refused: failed.refused })?;
        let value = set.values.get(wanted.attribute(target.kind)).map(str::to_owned);
        Ok(SetResponse { value, request_id: set.evidence.request_id })
    }
}

/// A journal of texts, as the ledger keeps them.
#[derive(Default)]
pub(crate) struct Paper(Mutex<Vec<String>>);

impl Paper {
    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.0.lock().unwrap().iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// How many entries intend a request.
    pub(crate) fn intents(&self) -> usize {
        let intends = |entry: &JournalEntry| matches!(entry.event, Event::Intended { .. } | Event::Restoring { .. });
        self.entries().iter().filter(|entry| intends(entry)).count()
    }

    pub(crate) fn state(&self, plan: &Plan) -> ChangeState {
        ChangeState::of(plan.clone(), self.entries())
    }
}

/// A journal with a fate: it may die before a line is written, or after.
pub(crate) struct Pen<'a, K> {
    pub(crate) paper: &'a Paper,
    pub(crate) fate: &'a K,
}

impl<K: Fate> Journal for Pen<'_, K> {
    fn write(&self, _: &str, entry: &JournalEntry) -> Result<(), JournalError> {
        let dead = || JournalError { verb: "written", problem: "killed".to_owned() };
        if self.fate.strikes() {
            return Err(dead());
        }
        self.paper.0.lock().unwrap().push(serde_json::to_string(entry).unwrap());
        if self.fate.strikes() { Err(dead()) } else { Ok(()) }
    }
}

/// No fate at all.
pub(crate) struct Peace;

impl Fate for Peace {
    fn strikes(&self) -> bool {
        false
    }
}

/// No metrics are asked for.
pub(crate) struct Unwatched;

impl MetricSource for Unwatched {
    async fn read(&self, _: &ChangeTarget, _: Timestamp, _: Timestamp) -> Result<MetricSamples, Gap> {
        unreachable!("nobody watches")
    }
}
