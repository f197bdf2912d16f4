//! The change of the demo: planned from its scan, applied and watched in simulated time, and described in `change.txt`.

use std::path::Path;

use doorward_apply::{ChangeRunner, make_plan, write_plan};
use doorward_assemble::{Criteria, GivenEvidence};
use doorward_aws::Stop;
use doorward_change::{Goal, PlanRequest};
use doorward_demo::{Story, played};
use doorward_fakeaws::Server;
use jiff::Timestamp;

use crate::exit::Failure;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::traffic::TrafficEvidence;
use doorward_file::{Readers, write_file};

/// Plans, applies, watches, and writes the plan and the story.
pub(super) async fn walk(
    story: &str,
    settings: &Settings,
    ledger: &Path,
    server: &Server,
    traffic: Option<&TrafficEvidence>,
    out: &Path,
    today: Timestamp,
) -> Result<(), Failure> {
    let story = Story::read(story)?;
    story.put(server, today)?;
    let traffic = traffic.map(|found| (found, settings.traffic.advice_rules()));
    let given = GivenEvidence { traffic, ..GivenEvidence::default() };
    let source = AssembledScan::with(None, settings, ledger, given)?;
    let request = PlanRequest::new(Goal::Required);
    let plan = make_plan(&source.report, &source.policy, &request, &settings.change, today);
    write_plan(&out.join("change-plan.json"), &plan)?;
    let (clock, time) = played(today);
    let normalize = settings.normalize();
    let runner = ChangeRunner {
        access: &settings.access,
        calls: &settings.calls,
        discover: settings.discover(),
        change: &settings.change,
        traffic: &settings.traffic,
        by: Criteria { normalize: &normalize, policy: &settings.policy, register: &source.register },
        ledger: ledger.to_owned(),
        recorder: settings.ledger.recorder(),
        person: Some("the demo".to_owned()),
        emulator: Some(doorward_demo::emulator(server)?),
        clock,
        time,
        notices: crate::io::notices(),
        progress: &|_| {},
    };
    let (_stopper, stop) = Stop::new();
    let mut text = doorward_change::render_summary(&plan);
    if !plan.steps.is_empty() {
        let applied = runner.apply(plan, Some(story.watch.0), &stop).await?;
        text.push('\n');
        text.push_str(&applied.text);
    }
    let path = out.join("change.txt");
    write_file(&path, Readers::Owner, |out| out.write_all(text.as_bytes()))
        .map_err(|e| Failure::writing(&path.display().to_string(), &e))
}
