//! Daily metrics of load balancers, and how much a load balancer was used by them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arn, Kind};

/// A metric of CloudWatch that is kept for each day (UTC): its sum over all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DailyMetric {
    /// Requests for which a target was chosen.
    Requests,
    /// Requests that are not compliant, in every mode, blocked or not.
    NonCompliant,
    /// Answers of 500 to 599 by targets.
    Target5xx,
    /// Answers of 400 to 499 by targets.
    Target4xx,
    /// Answers of 400 to 499 by the load balancer itself.
    LoadBalancer4xx,
    /// Answers of 500 to 599 by the load balancer itself: among others where no target can be chosen.
    LoadBalancer5xx,
    /// Requests that the load balancer answered with a redirect.
    Redirects,
    /// Requests that the load balancer answered with a fixed response.
    FixedResponses,
    /// New connections, of clients and to targets.
    NewConnections,
    /// New flows of network and gateway load balancers.
    NewFlows,
    /// Bytes that a classic load balancer processed, as estimated by AWS: TCP listeners count no requests.
    Bytes,
}

impl DailyMetric {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Requests,
        Self::NonCompliant,
        Self::Target5xx,
        Self::Target4xx,
        Self::LoadBalancer4xx,
        Self::LoadBalancer5xx,
        Self::Redirects,
        Self::FixedResponses,
        Self::NewConnections,
        Self::NewFlows,
        Self::Bytes,
    ];

    /// The number under which the ledger keeps it. Never changes.
    pub const fn code(self) -> i64 {
        match self {
            Self::Requests => 1,
            Self::NonCompliant => 2,
            Self::Target5xx => 3,
            Self::Target4xx => 4,
            Self::LoadBalancer4xx => 5,
            Self::Redirects => 6,
            Self::FixedResponses => 7,
            Self::NewConnections => 8,
            Self::NewFlows => 9,
            Self::Bytes => 10,
            Self::LoadBalancer5xx => 11,
        }
    }

    /// The metric with a number; none for the number of a later version.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.code() == code)
    }

    /// The metrics that a kind of load balancer publishes.
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Application => &[
                Self::Requests,
                Self::NonCompliant,
                Self::Target5xx,
                Self::Target4xx,
                Self::LoadBalancer4xx,
                Self::LoadBalancer5xx,
                Self::Redirects,
                Self::FixedResponses,
                Self::NewConnections,
            ],
            Kind::Classic => &[
                Self::Requests,
                Self::NonCompliant,
                Self::Target5xx,
                Self::Target4xx,
                Self::LoadBalancer4xx,
                Self::LoadBalancer5xx,
                Self::Bytes,
            ],
            Kind::Network | Kind::Gateway => &[Self::NewFlows, Self::Bytes],
            Kind::Unrecognized => &[],
        }
    }

    /// The metrics by which a kind of load balancer is used: it is idle only if each of them was zero. Requests count only where a target
    /// was chosen, so the answers of the load balancer itself count too: one whose targets are all gone or unhealthy still has clients.
    /// Connections are none of them: scanners of the internet open some to everything that is public.
    pub const fn traffic_of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Application => {
                &[Self::Requests, Self::Redirects, Self::FixedResponses, Self::LoadBalancer4xx, Self::LoadBalancer5xx]
            }
            Kind::Classic => &[Self::Requests, Self::Bytes, Self::LoadBalancer4xx, Self::LoadBalancer5xx],
            // A flow may be older than the window and carry bytes every day.
            Kind::Network | Kind::Gateway => &[Self::NewFlows, Self::Bytes],
            Kind::Unrecognized => &[],
        }
    }
}

/// How much a load balancer was used in a window of whole days, by its daily metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// The first day, UTC.
    pub from: Date,
    /// The last day, UTC; included.
    pub until: Date,
    /// How many days: the denominator.
    pub days: u32,
    /// How many of them were read completely.
    pub days_read: u32,
    /// The sum of the metrics by which it is used, over the days that were read.
    pub count: u64,
    /// The last day of the window with traffic; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_traffic: Option<Date>,
}

impl Usage {
    /// Whether every day was read.
    pub const fn is_complete(&self) -> bool {
        self.days > 0 && self.days_read == self.days
    }
}

/// One figure of one load balancer and day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyReading {
    /// The load balancer.
    pub load_balancer: Arn,
    /// The metric.
    pub metric: DailyMetric,
    /// The day, UTC.
    pub day: Date,
    /// The sum of the day; zero where CloudWatch answered completely and had nothing to count.
    pub value: u64,
}

/// The figures of one load balancer: by metric and day. A day without a figure was not read.
pub type DailyFigures = BTreeMap<DailyMetric, BTreeMap<Date, u64>>;

/// The kind of a load balancer, by its ARN.
pub fn kind_of_arn(arn: &Arn) -> Kind {
    let path = arn.resource().strip_prefix("loadbalancer/").unwrap_or(arn.resource());
    match path.split_once('/') {
        None => Kind::Classic,
        Some(("app", _)) => Kind::Application,
        Some(("net", _)) => Kind::Network,
        Some(("gwy", _)) => Kind::Gateway,
        Some(_) => Kind::Unrecognized,
    }
}

impl Usage {
    /// The usage in the days from `from` to `until`, by the figures of a load balancer of a kind.
    pub fn of(figures: &DailyFigures, kind: Kind, from: Date, until: Date) -> Self {
        let metrics = DailyMetric::traffic_of(kind);
        let (mut days, mut days_read, mut count, mut last_traffic) = (0, 0, 0_u64, None);
        let mut day = from;
        while day <= until {
            let of_day: Vec<Option<u64>> =
                metrics.iter().map(|metric| figures.get(metric).and_then(|days| days.get(&day)).copied()).collect();
            let sum: u64 = of_day.iter().flatten().copied().fold(0, u64::saturating_add);
            days += 1;
            days_read += u32::from(!of_day.is_empty() && of_day.iter().all(Option::is_some));
            count = count.saturating_add(sum);
            last_traffic = if sum > 0 { Some(day) } else { last_traffic };
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Self { from, until, days, days_read, count, last_traffic }
    }
}
