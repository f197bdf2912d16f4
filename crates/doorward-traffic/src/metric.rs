//! CloudWatch's metrics of a load balancer, as data.
//!
//! A load balancer publishes a metric only while it has something to count. Three cases look alike in a response, and are distinguished
//! here: the count is zero, the metric could not be read, and there was no traffic at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::Gap;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::window::Window;

/// A metric that is asked for. Sums over all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Requests of any tier, in every mode, blocked or not.
    NonCompliant,
    /// Requests for which a target was chosen. What is rejected or blocked before that is not in it.
    Requests,
    /// Answers of 300 to 399 by the load balancer itself.
    LoadBalancer3xx,
    /// Answers of 400 to 499 by the load balancer itself.
    LoadBalancer4xx,
    /// Answers of 500 and more by the load balancer itself.
    LoadBalancer5xx,
    /// Answers of 400 to 499 by targets. Only the watch of a change asks for it.
    Target4xx,
    /// Answers of 500 and more by targets.
    Target5xx,
    /// New connections, of clients and to targets.
    NewConnections,
}

impl Metric {
    /// Those that traffic evidence consists of.
    pub const ALL: [Self; 7] = [
        Self::NonCompliant,
        Self::Requests,
        Self::LoadBalancer3xx,
        Self::LoadBalancer4xx,
        Self::LoadBalancer5xx,
        Self::Target5xx,
        Self::NewConnections,
    ];

    /// The name of Application Load Balancers' metric, in the namespace `AWS/ApplicationELB`.
    pub const fn application(self) -> &'static str {
        match self {
            Self::NonCompliant => "DesyncMitigationMode_NonCompliant_Request_Count",
            Self::Requests => "RequestCount",
            Self::LoadBalancer3xx => "HTTPCode_ELB_3XX_Count",
            Self::LoadBalancer4xx => "HTTPCode_ELB_4XX_Count",
            Self::LoadBalancer5xx => "HTTPCode_ELB_5XX_Count",
            Self::Target4xx => "HTTPCode_Target_4XX_Count",
            Self::Target5xx => "HTTPCode_Target_5XX_Count",
            Self::NewConnections => "NewConnectionCount",
        }
    }

    /// The name of Classic Load Balancers' metric, in the namespace `AWS/ELB`; they count no connections, and send no redirects.
    pub const fn classic(self) -> Option<&'static str> {
        match self {
            Self::NonCompliant => Some("DesyncMitigationMode_NonCompliant_Request_Count"),
            Self::Requests => Some("RequestCount"),
            Self::LoadBalancer4xx => Some("HTTPCode_ELB_4XX"),
            Self::LoadBalancer5xx => Some("HTTPCode_ELB_5XX"),
            Self::Target4xx => Some("HTTPCode_Backend_4XX"),
            Self::Target5xx => Some("HTTPCode_Backend_5XX"),
            Self::LoadBalancer3xx | Self::NewConnections => None,
        }
    }
}

/// One metric of one load balancer, as CloudWatch answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The response was complete. Periods without a point have nothing to count, or no traffic.
    Points(BTreeMap<Timestamp, u64>),
    /// The metric could not be read, or the response was not complete.
    Unread(#[schemars(with = "Gap")] Arc<Gap>),
}

/// The sum of a metric over a window, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// There was traffic, and this many.
    Count(u64),
    /// The metric was read, and there was no traffic to count. It shows nothing about future traffic.
    NoTraffic,
    /// The metric could not be read.
    Unread(Arc<Gap>),
    /// The metric was not requested.
    NotAsked,
}

impl Known {
    /// The count, if there is one.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(*count),
            Self::NoTraffic | Self::Unread(_) | Self::NotAsked => None,
        }
    }
}

/// The metrics of one load balancer over one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The window that was requested.
    pub window: Window,
    /// The length of a period in seconds; points stand at the beginning of theirs.
    pub period_seconds: u32,
    /// The answers; a metric that is missing was not asked for.
    pub answers: BTreeMap<Metric, Answer>,
}

impl Series {
    /// Whether any metric shows that there were requests. Without it, a missing point means nothing.
    fn had_traffic(&self) -> bool {
        self.answers.values().any(|answer| match answer {
            Answer::Points(points) => points.values().any(|count| *count > 0),
            Answer::Unread(_) => false,
        })
    }

    /// The sum of a metric over the window. A zero counts only if another metric shows that there was traffic; if the metric
    /// that would show it could not be read, the sum is unknown.
    pub fn total(&self, metric: Metric) -> Known {
        let points = match self.answers.get(&metric) {
            None => return Known::NotAsked,
            Some(Answer::Unread(gap)) => return Known::Unread(gap.clone()),
            Some(Answer::Points(points)) => points,
        };
        let count: u64 = points.values().sum();
        if count > 0 || self.had_traffic() {
            return Known::Count(count);
        }
        match self.answers.get(&Metric::Requests) {
            Some(Answer::Unread(gap)) => Known::Unread(gap.clone()),
            None => Known::NotAsked,
            Some(Answer::Points(_)) => Known::NoTraffic,
        }
    }

    /// Leaves out everything before a window.
    pub(crate) fn cut(&mut self, window: Window) {
        self.window = window;
        for answer in self.answers.values_mut() {
            if let Answer::Points(points) = answer {
                points.retain(|at, _| *at >= window.starts_at());
            }
        }
    }

    /// The spans in which a metric is above zero; none if it was not read.
    pub fn above_zero(&self, metric: Metric) -> Option<Vec<(Timestamp, Timestamp)>> {
        let Some(Answer::Points(points)) = self.answers.get(&metric) else { return None };
        let period = SignedDuration::from_secs(i64::from(self.period_seconds));
        let above = points.iter().filter(|(_, count)| **count > 0);
        Some(above.map(|(start, _)| (*start, start.saturating_add(period).unwrap_or(Timestamp::MAX))).collect())
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::GapReason;

    use super::*;

    fn series(answers: impl IntoIterator<Item = (Metric, Answer)>) -> Series {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let window = Window::covering(at("2026-09-01T00:00:00Z"), at("2026-09-15T00:00:00Z")).expect("a window");
        Series { window, period_seconds: 3600, answers: answers.into_iter().collect() }
    }

    fn points(counts: &[u64]) -> Answer {
        let start = "2026-09-01T00:00:00Z".parse::<Timestamp>().expect("a time");
        let hours = counts.iter().zip(0_i64..);
        Answer::Points(hours.map(|(count, hour)| (start + SignedDuration::from_hours(hour), *count)).collect())
    }

    fn denied() -> Answer {
        Answer::Unread(Arc::new(Gap::new(GapReason::AccessDenied, "cloudwatch:GetMetricData")))
    }

    #[test]
    fn three_kinds_of_nothing_are_distinguished() {
        use Metric::{NonCompliant, Requests};
        let with_traffic = series([(NonCompliant, points(&[])), (Requests, points(&[7]))]);
        assert_eq!(with_traffic.total(NonCompliant), Known::Count(0));
        let idle = series([(NonCompliant, points(&[])), (Requests, points(&[]))]);
        assert_eq!(idle.total(NonCompliant), Known::NoTraffic);
        for unknown in [
            series([(NonCompliant, denied()), (Requests, points(&[7]))]),
            series([(NonCompliant, points(&[])), (Requests, denied())]),
        ] {
            assert!(matches!(unknown.total(NonCompliant), Known::Unread(_)), "{unknown:?}");
        }
        assert_eq!(series([(NonCompliant, points(&[]))]).total(NonCompliant), Known::NotAsked);
        assert_eq!(series([]).total(Requests), Known::NotAsked);
        // Blocked requests are not in RequestCount, so that the metric may stand alone.
        assert_eq!(
            series([(NonCompliant, points(&[2, 3])), (Requests, denied())]).total(NonCompliant),
            Known::Count(5)
        );
    }
}
