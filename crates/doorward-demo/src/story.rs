//! The change of a demonstration: what CloudWatch counts of its load balancers meanwhile, in simulated time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use doorward_aws::settings::Span;
use doorward_aws::{Clock, Pause, Time};
use doorward_fakeaws::Server;
use doorward_fakeaws::spec::MetricSpec;
use doorward_model::data_problem;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::ExampleError;

/// `change.toml` of an example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// How long each wave is watched.
    pub watch: Span,
    /// The metrics that CloudWatch counts during the story.
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

impl Story {
    /// Reads `change.toml`.
    ///
    /// # Errors
    ///
    /// The text is not such a file.
    pub fn read(text: &str) -> Result<Self, ExampleError> {
        toml_edit::de::from_str(text).map_err(|e| ExampleError::file("change.toml", &data_problem(e.message())))
    }

    /// Adds what the load balancers do around today to what CloudWatch counts.
    ///
    /// # Errors
    ///
    /// The emulated world has no such load balancer.
    pub fn put(&self, server: &Server, today: Timestamp) -> Result<(), ExampleError> {
        server.world().keep_metrics_as_of(today);
        let counted = self.service.iter().try_for_each(|service| service.count(server, today));
        counted.map_err(|e| ExampleError::file("change.toml", &e.to_string()))
    }
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

/// A clock that only pauses advance, and the time of it.
pub fn played(today: Timestamp) -> (Clock, Time) {
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
