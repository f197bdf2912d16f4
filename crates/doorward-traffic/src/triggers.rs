//! The posture of a load balancer: which published triggers of request smuggling its configuration blocks, and which it forwards.
//!
//! AWS's own classifier decides the class of each trigger (see `classify`), the documented effect of each mode follows from the class.
//! What the configuration or the library does not determine is unknown.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use doorward_model::{
    AccountId, Arn, EffectiveMode, Kind, LoadBalancer, Mode, Observed, Reachability, Region, TargetGroup, TextMap,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::classify::classify;
use crate::tally::{Tier, Treatment};

mod by_configuration;
mod recommended;
mod render;

pub use by_configuration::trigger_summary;
pub use recommended::RecommendedTarget;
pub use render::{render_posture, render_postures};

/// A published trigger: one request that load balancer and target may read differently.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The id: `host-with-space`.
    pub id: String,
    /// A short description.
    pub title: String,
    /// The day of its publication, `YYYY-MM-DD`.
    pub published: String,
    /// The publication.
    pub source: String,
    /// A request that has it: request line, header fields, an empty line.
    #[serde(default)]
    pub request: Option<String>,
    /// The header field that makes the trigger, as the request spells its name.
    #[serde(default)]
    pub carrier: Option<String>,
    /// Why the classifier cannot decide about it.
    #[serde(default)]
    pub undecided: Option<String>,
    /// Whether HTTP/2 to the target removes it; inferred, not documented by AWS.
    pub http2_to_target: Http2Effect,
}

/// Whether HTTP/2 from the load balancer to the target removes a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Http2Effect {
    /// The trigger cannot be expressed in HTTP/2.
    Removes,
    /// The trigger is carried on.
    Keeps,
    /// Not known.
    Unknown,
}

/// The outcome for a request with a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerOutcome {
    /// It is forwarded as it is.
    Passes,
    /// It is forwarded, and both connections are closed afterwards.
    PassesAndCloses,
    /// It is forwarded without the header field that makes the trigger.
    HeaderRemoved,
    /// It is answered with 400 and not forwarded.
    Blocked,
    /// The configuration or the classifier does not determine it.
    Unknown,
}

impl TriggerOutcome {
    /// The outcome in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::PassesAndCloses => "passes, then closes",
            Self::HeaderRemoved => "header removed",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a target receives the trigger.
    pub const fn reaches_target(self) -> bool {
        matches!(self, Self::Passes | Self::PassesAndCloses)
    }
}

/// The two attributes that decide about a trigger. Every value that is possible is listed: several where it was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopConfiguration {
    modes: Vec<Mode>,
    drops: Vec<bool>,
}

impl HopConfiguration {
    /// A configuration in which both are known.
    pub fn of(mode: Mode, drop_invalid_headers: bool) -> Self {
        Self { modes: vec![mode], drops: vec![drop_invalid_headers] }
    }

    /// The configuration of a load balancer as it was read; none of a load balancer that does not parse HTTP.
    pub fn observed(lb: &LoadBalancer) -> Option<Self> {
        let (mode, drops) = (lb.mode.known().copied(), lb.drop_invalid_headers.known().copied());
        lb.kind.can_parse_http().then(|| Self::possible(lb.kind != Kind::Classic, mode, drops))
    }

    /// Every configuration that is possible where some values are not known.
    fn possible(can_drop: bool, mode: Option<Mode>, drops: Option<bool>) -> Self {
        let modes = mode.map_or_else(|| vec![Mode::Monitor, Mode::Defensive, Mode::Strictest], |mode| vec![mode]);
        let drops = match drops {
            // Classic load balancers have no such attribute.
            _ if !can_drop => vec![false],
            Some(drops) => vec![drops],
            None => vec![true, false],
        };
        Self { modes, drops }
    }
}

/// Every trigger, in the order of the file. If the embedded file cannot be parsed there is none, and a test fails.
pub fn triggers() -> &'static [Trigger] {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        trigger: Vec<Trigger>,
    }
    static READ: OnceLock<Vec<Trigger>> = OnceLock::new();
    READ.get_or_init(|| {
        toml::from_str(include_str!("triggers.toml")).map(|file: File| file.trigger).unwrap_or_default()
    })
}

impl Trigger {
    /// The class and reason code that AWS's library gives it, for example `Acceptable NonCompliantHeader`; none where the library
    /// cannot decide.
    pub fn class(&self) -> Option<String> {
        let classified = classify(self.request.as_deref()?.as_bytes()).ok()?;
        Some(match classified.tier {
            None => "Compliant".to_owned(),
            Some(tier) => format!("{} {}", tier.as_str(), classified.reason),
        })
    }

    /// The outcome in a configuration: unknown, unless every possible value gives the same outcome.
    pub fn outcome(&self, configuration: &HopConfiguration) -> TriggerOutcome {
        let Some(classified) = self.request.as_deref().and_then(|request| classify(request.as_bytes()).ok()) else {
            return TriggerOutcome::Unknown;
        };
        let possible: BTreeSet<TriggerOutcome> = configuration
            .modes
            .iter()
            .flat_map(|mode| {
                configuration.drops.iter().map(|drops| self.certain(classified.tier.as_ref(), *mode, *drops))
            })
            .collect();
        match (possible.len(), possible.first()) {
            (1, Some(only)) => *only,
            _ => TriggerOutcome::Unknown,
        }
    }

    fn certain(&self, tier: Option<&Tier>, mode: Mode, drops: bool) -> TriggerOutcome {
        let treatment = tier.map_or(Treatment::Forwarded, |tier| tier.in_mode(mode));
        let is_removed = drops && self.carrier.as_deref().is_some_and(|name| !is_valid_name(name));
        match treatment {
            Treatment::Blocked => TriggerOutcome::Blocked,
            Treatment::Forwarded | Treatment::ForwardedAndClosed if is_removed => TriggerOutcome::HeaderRemoved,
            Treatment::ForwardedAndClosed => TriggerOutcome::PassesAndCloses,
            Treatment::Forwarded => TriggerOutcome::Passes,
        }
    }
}

/// One trigger at one load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TriggerPosture {
    /// The id of the trigger.
    pub id: String,
    /// A short description.
    pub title: String,
    /// The day of its publication, `YYYY-MM-DD`.
    pub published: String,
    /// The publication.
    pub source: String,
    /// Class and reason code of AWS's library; absent where it cannot decide.
    pub class: Option<String>,
    /// Why the library cannot decide.
    pub undecided: Option<String>,
    /// The outcome now.
    pub now: TriggerOutcome,
    /// The outcome in defensive, with invalid header fields removed if the load balancer can do that.
    pub defensive: TriggerOutcome,
    /// The outcome in strictest, with invalid header fields removed if the load balancer can do that.
    pub strictest: TriggerOutcome,
    /// Whether HTTP/2 to the target removes it; inferred.
    pub http2_to_target: Http2Effect,
}

/// The posture of one load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Posture {
    /// The format: `posture-v1`.
    pub schema: &'static str,
    /// The load balancer.
    pub load_balancer: Arn,
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: AccountId,
    /// Its Region.
    pub region: Region,
    /// Its kind.
    pub kind: Kind,
    /// When its attributes were read, UTC; absent where they were not.
    pub observed_at: Option<Timestamp>,
    /// Its mode.
    pub mode: Observed<Mode>,
    /// Whether it removes invalid header fields; absent for classic load balancers, which cannot.
    pub drop_invalid_headers: Observed<bool>,
    /// How the internet reaches it.
    pub reachability: Observed<Reachability>,
    /// Its target groups.
    pub target_groups: Observed<Vec<TargetGroup>>,
    /// The other attributes that decide what targets receive, as AWS returned them: those that begin with `routing.`.
    pub routing: Observed<TextMap>,
    /// The recommended mode and treatment of invalid header fields; absent where the internet does not reach it.
    pub recommended: Option<RecommendedTarget>,
    /// Every published trigger that this version knows.
    pub triggers: Vec<TriggerPosture>,
}

/// The posture of a load balancer; none of one that does not parse HTTP: a network or gateway load balancer, or a classic one without
/// an HTTP listener.
pub fn posture(lb: &LoadBalancer) -> Option<Posture> {
    if lb.effective_mode() == EffectiveMode::NoHttpListener {
        return None;
    }
    let now = HopConfiguration::observed(lb)?;
    let can_drop = lb.kind != Kind::Classic;
    let [defensive, strictest] = [Mode::Defensive, Mode::Strictest].map(|mode| HopConfiguration::of(mode, can_drop));
    let triggers = triggers().iter().map(|trigger| TriggerPosture {
        id: trigger.id.clone(),
        title: trigger.title.clone(),
        published: trigger.published.clone(),
        source: trigger.source.clone(),
        class: trigger.class(),
        undecided: trigger.undecided.clone(),
        now: trigger.outcome(&now),
        defensive: trigger.outcome(&defensive),
        strictest: trigger.outcome(&strictest),
        http2_to_target: trigger.http2_to_target,
    });
    Some(Posture {
        schema: "posture-v1",
        load_balancer: lb.arn.clone(),
        name: lb.name.clone(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        kind: lb.kind,
        observed_at: lb.evidence.as_ref().map(|evidence| evidence.at),
        mode: lb.mode.clone(),
        drop_invalid_headers: if can_drop { lb.drop_invalid_headers.clone() } else { Observed::Absent },
        reachability: lb.reachability.clone(),
        target_groups: lb.target_groups.clone(),
        routing: lb.attributes.as_ref().map(|attributes| {
            let routing = attributes.iter().filter(|(key, _)| key.starts_with("routing."));
            routing.collect()
        }),
        recommended: RecommendedTarget::of(lb),
        triggers: triggers.collect(),
    })
}

/// Whether a load balancer that removes invalid header fields keeps one of this name: `[-A-Za-z0-9]+`, as AWS documents it.
fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
}
