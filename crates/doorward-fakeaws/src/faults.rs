//! Faults: which calls fail, when and how. Schedules are deterministic, and every fault counts how often it fired.

mod entry_point_forms;
mod form;
mod spec;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use form::Form;
pub use spec::FaultSpec;

use crate::digest::{digest, mix};
use crate::iam::pattern::Pattern;

/// The effect of a fault on a call.
///
/// A call that gets an error, a reset, or no response at all has no effect. A call whose response is damaged or
/// late ([`What::LostAnswer`], [`What::ErrorAfter`], [`What::HalfClose`], [`What::Truncated`], [`What::Malformed`], [`What::EmptyBody`], [`What::SlowDrip`]) does
/// have its effect: the caller does not know whether the change was made.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The protocol's own throttling error.
    Throttle,
    /// A server error with this status (500, 502, 503 …) and an HTML body, as a load balancer would send.
    ServerError(u16),
    /// The call takes effect and then gets a server error of this status, so that its caller cannot know.
    ErrorAfter(u16),
    /// The error of S3 for a conditional write that meets another write of the same key: 409, without effect.
    Conflict,
    /// Access denied because no identity-based policy allows the action.
    AccessDenied,
    /// Access denied with an explicit deny in the service control policy of this ARN.
    ScpDenied(String),
    /// The security token is expired.
    ExpiredToken,
    /// The connection is reset (RST) after the request was read; there is no response.
    Reset,
    /// The call takes effect, and then the connection is reset: its caller cannot know.
    LostAnswer,
    /// BatchImportFindings reports an error for every second finding and keeps the others.
    PartialFailure,
    /// BatchImportFindings refuses every call with a finding whose id contains this, as if its data model forbade it.
    InvalidFinding(String),
    /// Headers with the full length, part of the body (a fraction from 0 to 1), then the end of the connection.
    HalfClose(f64),
    /// The request is read and gets no response.
    BlackHole,
    /// The body arrives in pieces of `bytes`, one every `interval`.
    SlowDrip {
        /// Size of a piece.
        bytes: usize,
        /// Pause before each piece.
        interval: Duration,
    },
    /// An intact HTTP response whose document ends at this fraction of its length.
    Truncated(f64),
    /// Status 200 with an HTML page instead of the document.
    Malformed,
    /// Status 200 with an empty body.
    EmptyBody,
    /// AssumeRole returns a working session of another account.
    WrongAccount,
    /// The request is refused as signed too long ago.
    ClockSkew,
    /// The call succeeds this much later.
    Latency(Duration),
    /// The response can be parsed and is wrong. Calls whose response has nothing to rewrite do not match.
    Form(Form),
}

/// The matching calls at which a fault fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Every matching call.
    Always,
    /// Only the n-th, counted from 1.
    Nth(u64),
    /// Every n-th.
    Every(u64),
    /// The first `n` attempts of each different call (service, action, account, Region, resource). A client that retries often enough
    /// succeeds with every call, in whatever order the calls arrive.
    FirstOfEach(u64),
    /// Each with this probability. The draw depends on the seed, on which call it is (service, action, account, Region,
    /// resource) and on how often that call was made before, but not on the order in which different calls arrive.
    Random {
        /// From 0 to 1.
        probability: f64,
        /// Another seed is another run.
        seed: u64,
    },
}

/// A fault: which calls, when, and what. Parts of the match that are not set match every call; all of them accept wildcards.
#[derive(Debug, Clone)]
pub struct Fault {
    what: What,
    schedule: Schedule,
    times: Option<u64>,
    service: Option<Pattern>,
    action: Option<Pattern>,
    account: Option<Pattern>,
    region: Option<Pattern>,
    resource: Option<Pattern>,
}

impl Fault {
    /// A fault on every call.
    #[must_use]
    pub fn new(what: What) -> Self {
        Self {
            what,
            schedule: Schedule::Always,
            times: None,
            service: None,
            action: None,
            account: None,
            region: None,
            resource: None,
        }
    }

    /// Only calls to a service: `sts`, `organizations`, `account`, `elbv2`, `elb`, `logs`, `securityhub`, `s3`, `cloudwatch`, `athena`, or a signing name such as
    /// `elasticloadbalancing`.
    #[must_use]
    pub fn service(mut self, pattern: &str) -> Self {
        self.service = Some(Pattern::action(pattern));
        self
    }

    /// Only calls of an action, such as `DescribeTags` or `Describe*`.
    #[must_use]
    pub fn action(mut self, pattern: &str) -> Self {
        self.action = Some(Pattern::action(pattern));
        self
    }

    /// Only calls made with credentials of an account; for AssumeRole: of the caller's account.
    #[must_use]
    pub fn account(mut self, pattern: &str) -> Self {
        self.account = Some(Pattern::exact_case(pattern));
        self
    }

    /// Only calls signed for a Region.
    #[must_use]
    pub fn region(mut self, pattern: &str) -> Self {
        self.region = Some(Pattern::exact_case(pattern));
        self
    }

    /// Only calls that name a matching resource (ARN, role ARN, load balancer name).
    #[must_use]
    pub fn resource(mut self, pattern: &str) -> Self {
        self.resource = Some(Pattern::exact_case(pattern));
        self
    }

    /// Fires according to `schedule`.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Fires at the n-th matching call only.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        self.schedule(Schedule::Nth(n))
    }

    /// Fires at every n-th matching call.
    #[must_use]
    pub fn every(self, n: u64) -> Self {
        self.schedule(Schedule::Every(n))
    }

    /// Fires at the first `n` attempts of each different call.
    #[must_use]
    pub fn first_of_each(self, n: u64) -> Self {
        self.schedule(Schedule::FirstOfEach(n))
    }

    /// Fires with a probability.
    #[must_use]
    pub fn random(self, probability: f64, seed: u64) -> Self {
        self.schedule(Schedule::Random { probability, seed })
    }

    /// Fires this many times at most.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, call: &Described<'_>) -> bool {
        let fits = |pattern: &Option<Pattern>, value: &str| pattern.as_ref().is_none_or(|p| p.matches(value));
        (fits(&self.service, call.service) || fits(&self.service, call.signing))
            && fits(&self.action, call.action)
            && fits(&self.account, call.account)
            && fits(&self.region, call.region)
            && self
                .resource
                .as_ref()
                .is_none_or(|pattern| call.resources.iter().any(|resource| pattern.matches(resource)))
    }
}

/// The properties of a call that faults match.
pub(crate) struct Described<'a> {
    pub(crate) service: &'a str,
    pub(crate) signing: &'a str,
    pub(crate) action: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) resources: &'a [String],
}

/// The faults armed on a server, with their counts.
#[derive(Debug, Default)]
pub struct FaultPlan {
    armed: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    matched: AtomicU64,
    fired: AtomicU64,
    /// How often each different call was made, for the schedules that depend on it.
    seen: Mutex<HashMap<u64, u64>>,
}

impl FaultPlan {
    /// Arms `faults`, all counts at zero.
    #[must_use]
    pub fn new(faults: Vec<Fault>) -> Self {
        let armed = faults
            .into_iter()
            .map(|fault| Armed {
                fault,
                matched: AtomicU64::new(0),
                fired: AtomicU64::new(0),
                seen: Mutex::new(HashMap::new()),
            })
            .collect();
        Self { armed }
    }

    /// How often each fault fired, in the order they were given.
    #[must_use]
    pub fn fired(&self) -> Vec<u64> {
        self.armed.iter().map(|armed| armed.fired.load(Ordering::SeqCst)).collect()
    }

    /// How often all faults fired together.
    #[must_use]
    pub fn fired_total(&self) -> u64 {
        self.fired().iter().sum()
    }

    /// The faults that fire for this call, in order: all latencies, and at most one other fault.
    pub(crate) fn effects_on(&self, call: &Described<'_>) -> Vec<What> {
        let mut effects = Vec::new();
        for armed in self.armed.iter().filter(|armed| !matches!(armed.fault.what, What::Form(_))) {
            let latency = matches!(armed.fault.what, What::Latency(_));
            let is_taken = effects.iter().any(|what| !matches!(what, What::Latency(_)));
            if (latency || !is_taken) && armed.fault.matches(call) && armed.due(call) {
                effects.push(armed.fault.what.clone());
            }
        }
        effects
    }

    /// The first form that fires for a successful call, with the response that `rewrite` returns. If it returns none, the form does not
    /// match the call, so that schedules count only responses that can take the form.
    pub(crate) fn rewrite<T>(&self, call: &Described<'_>, rewrite: impl Fn(Form) -> Option<T>) -> Option<(Form, T)> {
        self.armed.iter().find_map(|armed| {
            let What::Form(form) = armed.fault.what else { return None };
            let rewritten = armed.fault.matches(call).then(|| rewrite(form)).flatten()?;
            armed.due(call).then_some((form, rewritten))
        })
    }
}

/// The same for repetitions of a call, different for different calls.
fn identity(call: &Described<'_>) -> u64 {
    let mut parts = vec![call.service, call.action, call.account, call.region];
    parts.extend(call.resources.iter().map(String::as_str));
    digest(&parts)
}

impl Armed {
    /// How often this call was made, including this time.
    fn occurrence(&self, identity: u64) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let occurrence = seen.entry(identity).or_insert(0);
        *occurrence += 1;
        *occurrence
    }

    fn due(&self, call: &Described<'_>) -> bool {
        let number = self.matched.fetch_add(1, Ordering::SeqCst) + 1;
        let due = match self.fault.schedule {
            Schedule::Always => true,
            Schedule::Nth(n) => number == n,
            Schedule::Every(n) => n != 0 && number.is_multiple_of(n),
            Schedule::FirstOfEach(n) => self.occurrence(identity(call)) <= n,
            Schedule::Random { probability, seed } => {
                let identity = identity(call);
                let draw = mix(identity ^ mix(seed) ^ mix(self.occurrence(identity)));
                // 53 bits are what an f64 holds exactly.
                ((draw >> 11) as f64) < probability * (1_u64 << 53) as f64
            }
        };
        if !due {
            return false;
        }
        let limit = self.fault.times.unwrap_or(u64::MAX);
        self.fired
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |fired| (fired < limit).then_some(fired + 1))
            .is_ok()
    }
}
