//! The report that a command works on: of a saved scan, or of the newest scan in the ledger with what events have shown since.

use std::path::Path;

use doorward_assemble::{Criteria, GivenEvidence, earlier_scans, judge, newest_scan};
use doorward_model::{HistoryContext, Policy, ScanReport};
use doorward_rules::exceptions::Register;
use doorward_saved_scan::{KeptScan, ReportCriteria};
use doorward_sink_securityhub::{FindingRenderer, age_sentence, renderer};
use jiff::Timestamp;

use crate::exit::Failure;
use crate::io::{log, read_only};
use crate::settings::Settings;

/// A report, and what it was judged by.
pub(crate) struct AssembledScan {
    pub(crate) report: ScanReport,
    /// The earlier scans: as they were saved, or as the ledger knows them.
    pub(crate) history: HistoryContext,
    pub(crate) register: Register,
    /// The policy that it was judged by.
    pub(crate) policy: Policy,
}

impl AssembledScan {
    /// A saved scan, or the newest recorded one by the current settings.
    pub(crate) fn of(from: Option<&Path>, settings: &Settings, ledger: &Path) -> Result<Self, Failure> {
        Self::with(from, settings, ledger, GivenEvidence::default())
    }

    /// The same with evidence that replaces that of the scan.
    pub(crate) fn with(
        from: Option<&Path>,
        settings: &Settings,
        ledger: &Path,
        given: GivenEvidence<'_>,
    ) -> Result<Self, Failure> {
        match from {
            Some(path) => {
                let (kept, criteria) = doorward_saved_scan::read(path)?;
                let register = criteria.exceptions.register()?;
                Self::kept(kept, &criteria, &register, given)
            }
            None => Self::newest(settings, ledger, given),
        }
    }

    /// A saved scan by criteria: its own, or others.
    pub(crate) fn kept(
        kept: KeptScan,
        criteria: &ReportCriteria,
        register: &Register,
        given: GivenEvidence<'_>,
    ) -> Result<Self, Failure> {
        let KeptScan { inventory, inputs, history, context, stopped: _ } = kept;
        let (normalize, policy) = (&criteria.normalize, &criteria.policy);
        let judged = judge(inventory, inputs, Criteria { normalize, policy, register }, given)?;
        let report = judged.with_history(history);
        Ok(Self { report, history: context, register: register.clone(), policy: policy.clone() })
    }

    /// The newest recorded scan by the current settings, with the inputs that it was recorded with and what events have shown since.
    fn newest(settings: &Settings, path: &Path, given: GivenEvidence<'_>) -> Result<Self, Failure> {
        let ledger = read_only(path)?;
        let register = settings.exceptions.read()?.register()?;
        let (normalize, policy) = (settings.normalize(), &settings.policy);
        let by = Criteria { normalize: &normalize, policy, register: &register };
        let report = newest_scan(&ledger, by, given, crate::clock::now(), &log)?;
        let history = earlier_scans::known(&ledger, &report, &settings.ledger.recorder())?;
        Ok(Self { report, history, register, policy: policy.clone() })
    }

    /// Renders its findings for Security Hub.
    pub(crate) fn renderer(&self, settings: &Settings) -> FindingRenderer {
        let frameworks = &settings.controls.frameworks;
        renderer(&settings.publish, &self.register, frameworks, &self.policy, &self.report.load_balancers, false)
    }

    /// Warns if its readings are so old that publishing would send them as not available.
    pub(crate) fn warn_of_age(&self, settings: &Settings, now: Timestamp) {
        let most = settings.publish.delivery_settings().maximum_age;
        if let Some(sentence) = age_sentence(&self.report, most, now) {
            crate::io::log(&format!("warning: {sentence}"));
        }
    }
}
