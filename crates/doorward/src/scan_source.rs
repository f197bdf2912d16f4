//! The report that a command works on: of a saved scan, or of the newest scan in the ledger with what events have shown since.

use std::io::Write as _;
use std::path::Path;

use doorward_core::pipeline::apply_later_readings;
use doorward_model::{HistoryContext, Policy, ScanReport};
use doorward_rules::exceptions::Register;
use doorward_sink_securityhub::Renderer;
use jiff::{SignedDuration, Timestamp};

use crate::attribution;
use crate::criteria::{Criteria, GivenEvidence, judge};
use crate::exit::{Exit, Failure};
use crate::leased_ledger::read_only;
use crate::saved::{self, KeptScan, ReportCriteria};
use crate::settings::Settings;
use crate::sinks::{PublishSettings, renderer};
use doorward_traffic::TrafficEvidence;

/// A report, and what it was judged by.
pub(crate) struct AssembledScan {
    pub(crate) report: ScanReport,
    /// The earlier scans, of a saved scan.
    pub(crate) history: HistoryContext,
    register: Register,
    policy: Policy,
}

impl AssembledScan {
    /// A saved scan, or the newest recorded one by the current settings.
    pub(crate) fn of(from: Option<&Path>, settings: &Settings, ledger: &Path) -> Result<Self, Failure> {
        Self::with_traffic(from, settings, ledger, None)
    }

    /// The same with traffic evidence that replaces the traffic of the scan.
    pub(crate) fn with_traffic(
        from: Option<&Path>,
        settings: &Settings,
        ledger: &Path,
        found: Option<&TrafficEvidence>,
    ) -> Result<Self, Failure> {
        let given = GivenEvidence { traffic: found.map(|found| (found, &settings.traffic)), declarations: None };
        match from {
            Some(path) => {
                let (kept, criteria) = saved::read(path)?;
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
        let usage = |problem: &str| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
        let runs = ledger.runs()?;
        let run = runs.last().ok_or_else(|| usage("no scan is recorded; run a scan first, or pass --from FILE"))?;
        let mut inventory = ledger
            .inventory(&run.id)?
            .ok_or_else(|| usage("the raw data of the newest scan is not kept any more; scan again"))?;
        let now = crate::clock::now();
        if crate::clock::is_ahead(run.at, now) {
            let _ = writeln!(
                std::io::stderr(),
                "warning: the newest scan in the ledger is dated {}, in the future of this machine's clock: the clock of one of the two \
                 machines is wrong",
                run.at
            );
        }
        apply_later_readings(&mut inventory.cells, ledger.looks_since(run.at, now)?);
        let register = settings.exceptions.read()?.register()?;
        let mut inputs = match ledger.inputs(&run.id)? {
            Some(inputs) => inputs,
            // Recorded by a version that did not keep them: what is known today, and no traffic.
            None => attribution::known(&ledger)?,
        };
        for (arn, of_event) in ledger.look_inputs_since(run.at)? {
            inputs.forget(&arn);
            inputs.extend(of_event);
        }
        let (normalize, policy) = (settings.normalize(), &settings.policy);
        let by = Criteria { normalize: &normalize, policy, register: &register };
        let judged = judge(inventory, inputs, by, given)?;
        let history = ledger.remember(judged.without_history())?;
        let report = judged.with_history(history);
        Ok(Self { report, history: HistoryContext::default(), register, policy: policy.clone() })
    }

    /// Renders its findings for Security Hub.
    pub(crate) fn renderer(&self, settings: &Settings) -> Renderer {
        renderer(&settings.publish, &self.register, &self.policy, &self.report.load_balancers, false)
    }

    /// Warns if its readings are so old that publishing would send them as not available.
    pub(crate) fn warn_of_age(&self, settings: &Settings, now: Timestamp) {
        if let Some(sentence) = age_sentence(&self.report, &settings.publish, now) {
            let _ = writeln!(std::io::stderr(), "warning: {sentence}");
        }
    }

    /// The policy that it was judged by.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// A warning about when a report was read; none if all of it is current.
pub(crate) fn age_sentence(report: &ScanReport, settings: &PublishSettings, now: Timestamp) -> Option<String> {
    let period = report.observed()?;
    if crate::clock::is_ahead(period.to, now) {
        return Some(format!("it was read {period}, in the future of this machine's clock"));
    }
    let most = SignedDuration::try_from(settings.maximum_age.0).unwrap_or(SignedDuration::MAX);
    let days = now.duration_since(period.from).as_hours() / 24;
    (now.duration_since(period.from) > most).then(|| {
        format!("its readings are up to {days} days old: it was read {period}; scan again for the current state")
    })
}
