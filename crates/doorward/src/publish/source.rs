//! A judged scan: from a saved file, or the newest of the ledger with what events saw since.

use std::io::Write as _;
use std::path::Path;

use doorward_model::{Inputs, Inventory, Policy, ScanReport};
use doorward_rules::exceptions::Register;
use doorward_sink_securityhub::Renderer;
use jiff::Timestamp;

use super::{age_sentence, renderer};
use crate::exit::{Exit, Failure};
use crate::memory::{self, failed};
use crate::saved;
use crate::scan::{Judging, Said, judge, judge_kept};
use crate::settings::Settings;
use crate::touched::{self, Touched};
use crate::traffic::TrafficEvidence;

/// What is delivered, and what it was judged by.
pub(crate) struct Source {
    pub(crate) report: ScanReport,
    register: Register,
    policy: Policy,
}

impl Source {
    /// A saved scan, or the newest recorded one by the current settings.
    pub(crate) fn of(from: Option<&Path>, settings: &Settings, ledger: &Path) -> Result<Self, Failure> {
        Self::with_traffic(from, settings, ledger, None)
    }

    /// The same with what was found of the traffic, in the place of what the scan holds of it.
    pub(crate) fn with_traffic(
        from: Option<&Path>,
        settings: &Settings,
        ledger: &Path,
        found: Option<&TrafficEvidence>,
    ) -> Result<Self, Failure> {
        match from {
            Some(path) => from_file(path, settings, found),
            None => newest(settings, ledger, found),
        }
    }

    /// What its findings look like in Security Hub.
    pub(crate) fn renderer(&self, settings: &Settings) -> Renderer {
        renderer(&settings.publish, &self.register, &self.policy, &self.report.load_balancers, false)
    }

    /// Warns where what it holds was read so long ago that publishing would not take it for today's.
    pub(crate) fn warn_of_age(&self, settings: &Settings, now: Timestamp) {
        if let Some(sentence) = age_sentence(&self.report, &settings.publish, now) {
            let _ = writeln!(std::io::stderr(), "warning: {sentence}");
        }
    }

    /// What it was judged by.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }
}

fn from_file(path: &Path, settings: &Settings, found: Option<&TrafficEvidence>) -> Result<Source, Failure> {
    let (saved, mut remembered) = saved::read(path)?;
    let register = saved.exceptions.register()?;
    let by = Judging { normalize: &saved.normalize, policy: &saved.policy, register: &register };
    let mut report = judge_with(saved.inventory, &by, remembered.inputs(), settings, found)?;
    remembered.restore(&mut report);
    Ok(Source { report, register, policy: saved.policy })
}

/// Judges a scan with what it was judged with; `found` takes the place of its traffic.
fn judge_with(
    inventory: Inventory,
    by: &Judging<'_>,
    mut inputs: Inputs,
    settings: &Settings,
    found: Option<&TrafficEvidence>,
) -> Result<ScanReport, Failure> {
    let Some(found) = found else { return judge_kept(inventory, by, inputs) };
    let mut declared = std::mem::take(&mut inputs.declared);
    let touched = Touched { changes: inputs.changes, edits: inputs.edits };
    let mut report = judge(inventory, by, Said::Found(found, &settings.traffic), touched)?;
    for lb in &mut report.load_balancers {
        lb.declared = declared.remove(&lb.arn);
    }
    Ok(report)
}

/// The newest recorded scan, with what events saw since in the place of what it saw, by the current settings. Each is judged
/// with what it was judged with when it was recorded.
fn newest(settings: &Settings, path: &Path, found: Option<&TrafficEvidence>) -> Result<Source, Failure> {
    let ledger = memory::read_only(path)?;
    let usage = |problem: &str| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let runs = ledger.runs().map_err(failed)?;
    let run = runs.last().ok_or_else(|| usage("no scan was recorded yet; run a scan first, or say --from FILE"))?;
    let inventory = ledger.inventory(&run.id).map_err(failed)?;
    let mut inventory =
        inventory.ok_or_else(|| usage("the newest scan's raw data is not kept any more; scan again"))?;
    let now = crate::clock::now();
    if crate::clock::is_ahead(run.at, now) {
        let _ = writeln!(
            std::io::stderr(),
            "warning: the newest scan in the ledger is dated {}, in the future of this machine's clock: the clock of one of the two \
             machines is wrong",
            run.at
        );
    }
    touched::refresh(&mut inventory.cells, ledger.looks_since(run.at, now).map_err(failed)?);
    let register = settings.exceptions.read()?.register()?;
    let by = Judging { normalize: &settings.normalize(), policy: &settings.policy, register: &register };
    let mut inputs = match ledger.inputs(&run.id).map_err(failed)? {
        Some(inputs) => inputs,
        None => {
            // Recorded by a version that did not keep them: what is known today, and no traffic.
            let Touched { changes, edits } = Touched::of(&ledger)?;
            Inputs { changes, edits, ..Inputs::default() }
        }
    };
    for (arn, looked_at) in ledger.look_inputs_since(run.at).map_err(failed)? {
        inputs.forget(&arn);
        inputs.extend(looked_at);
    }
    let mut report = judge_with(inventory, &by, inputs, settings, found)?;
    ledger.remember(&mut report).map_err(failed)?;
    Ok(Source { report, register, policy: settings.policy.clone() })
}
