//! The change of the demo: planned from its scan, applied and watched in simulated time, and described in `change.txt`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use doorward_apply::{ChangeRunner, make_plan, write_plan};
use doorward_assemble::{Criteria, GivenEvidence};
use doorward_aws::settings::Span;
use doorward_aws::{Clock, Pause, Stop, Time};
use doorward_change::{Goal, PlanRequest};
use doorward_fakeaws::Server;
use doorward_fakeaws::spec::MetricSpec;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::exit::{Exit, Failure};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::traffic::TrafficEvidence;
use doorward_file::{Readers, write_file};

/// `change.toml` of an example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    /// How long each wave is watched.
    watch: Span,
    /// What CloudWatch counts meanwhile.
    service: Vec<Service>,
}

/// One load balancer, and what it does in a minute.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    account: String,
    region: String,
    name: String,
    usual: Minute,
    worse: Option<Worse>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Minute {
    requests: f64,
    elb_4xx: f64,
    target_5xx: f64,
    connections: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Worse {
    after_minutes: usize,
    requests: f64,
    elb_4xx: f64,
    target_5xx: f64,
    connections: f64,
}

/// How long before and after the change CloudWatch has data points, in minutes.
const AROUND: (usize, usize) = (240, 180);
/// Weeks before in which it was the same.
const WEEKS: i64 = 2;

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
    let usage = |problem: String| Failure::new(Exit::Usage, format!("change.toml: {problem}"));
    let story: Story = toml_edit::de::from_str(story).map_err(|e| usage(e.message().to_owned()))?;
    server.world().keep_metrics_as_of(today);
    for service in &story.service {
        service.count(server, today).map_err(|e| usage(e.to_string()))?;
    }
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
        emulator: Some(super::emulator(server)?),
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

impl Service {
    /// Adds what it does to what CloudWatch counts.
    fn count(&self, server: &Server, today: Timestamp) -> Result<(), doorward_fakeaws::WorldError> {
        type Figure = fn(&Minute) -> f64;
        let figures: [(&str, Figure); 4] = [
            ("RequestCount", |minute| minute.requests),
            ("HTTPCode_ELB_4XX_Count", |minute| minute.elb_4xx),
            ("HTTPCode_Target_5XX_Count", |minute| minute.target_5xx),
            ("NewConnectionCount", |minute| minute.connections),
        ];
        for (name, figure) in figures {
            for week in 0..=WEEKS {
                let start = today - SignedDuration::from_mins(AROUND.0 as i64 + week * 7 * 24 * 60);
                // A minute more, a minute less: services are never quite the same.
                let value =
                    |minute: usize| (figure(&self.at(minute, week)) * (1.0 + 0.01 * (minute % 7) as f64)).round();
                let spec = MetricSpec {
                    account: self.account.clone(),
                    region: self.region.clone(),
                    name: name.to_owned(),
                    load_balancer: Some(self.name.clone()),
                    from: Some(start.to_string()),
                    every: Some(60),
                    values: (0..AROUND.0 + AROUND.1).map(value).collect(),
                    ..MetricSpec::default()
                };
                server.world().add_metric(&spec)?;
            }
        }
        Ok(())
    }

    /// What it does in a minute of a week: this one, or one of those before.
    fn at(&self, minute: usize, week: i64) -> Minute {
        match self.worse.filter(|worse| week == 0 && minute >= AROUND.0 + worse.after_minutes) {
            Some(Worse { requests, elb_4xx, target_5xx, connections, .. }) => {
                Minute { requests, elb_4xx, target_5xx, connections }
            }
            None => self.usual,
        }
    }
}

/// A clock that only pauses advance.
fn played(today: Timestamp) -> (Clock, Time) {
    let seconds = Arc::new(AtomicI64::new(today.as_second()));
    let shown = seconds.clone();
    let clock: Clock =
        Arc::new(move || Timestamp::from_second(shown.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX));
    let pause = move |length: Duration| -> Pause {
        let length = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
        seconds.fetch_add(length, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    };
    (clock.clone(), Time::with_pauses(clock, Arc::new(pause)))
}
