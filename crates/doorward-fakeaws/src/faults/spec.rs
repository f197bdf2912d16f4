//! The declaration of a fault: `[[fault]]` in a world file and the JSON of `POST /_fake/faults`.

use std::time::Duration;

use serde::Deserialize;

use super::{Fault, Schedule, What};

/// A declared fault. Unknown keys are refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// `throttle`, `conflict`, `server_error`, `error_after`, `access_denied`, `scp_denied`, `expired_token`, `reset`, `lost_answer`, `partial_failure`,
    /// `invalid_finding`, `half_close`, `black_hole`,
    /// `slow_drip`, `truncated`, `malformed`, `empty_body`, `wrong_account`, `clock_skew`, `latency`, or the name of a
    /// [`Form`](super::Form).
    pub kind: String,
    /// Service: `sts`, `organizations`, `account`, `elbv2`, `elb`, `logs`, `securityhub`, `s3`, `cloudwatch`, `athena` or a signing name.
    pub service: Option<String>,
    /// Action, wildcards allowed.
    pub action: Option<String>,
    /// Account whose credentials sign the call.
    pub account: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// ARN or name that the call is about, wildcards allowed.
    pub resource: Option<String>,
    /// Only the n-th matching call.
    pub nth: Option<u64>,
    /// Every n-th matching call.
    pub every: Option<u64>,
    /// The first so many attempts of each different call.
    pub first_of_each: Option<u64>,
    /// With this probability (0 to 1).
    pub probability: Option<f64>,
    /// Seed of the probability; default 0.
    pub seed: Option<u64>,
    /// At most this many times.
    pub times: Option<u64>,
    /// Status of `server_error` and `error_after`; default 500.
    pub status: Option<u16>,
    /// Policy ARN of `scp_denied`.
    pub policy: Option<String>,
    /// Fraction of the body that `half_close` and `truncated` send; default 0.5.
    pub fraction: Option<f64>,
    /// Size of the pieces of `slow_drip`; default 16.
    pub bytes: Option<usize>,
    /// Pause of `slow_drip` and delay of `latency` in milliseconds; default 100.
    pub millis: Option<u64>,
}

impl FaultSpec {
    /// The declared fault.
    ///
    /// # Errors
    /// A message about the first key that is wrong or missing.
    pub fn to_fault(&self) -> Result<Fault, String> {
        let fraction = self.fraction.unwrap_or(0.5);
        let pause = Duration::from_millis(self.millis.unwrap_or(100));
        if !(0.0..=1.0).contains(&fraction) {
            return Err("fraction must be from 0 to 1".to_owned());
        }
        let what = match self.kind.as_str() {
            "throttle" => What::Throttle,
            "conflict" => What::Conflict,
            "server_error" => match self.status.unwrap_or(500) {
                status @ 500..=599 => What::ServerError(status),
                status => return Err(format!("status {status} is not a server error")),
            },
            "error_after" => match self.status.unwrap_or(500) {
                status @ 500..=599 => What::ErrorAfter(status),
                status => return Err(format!("status {status} is not a server error")),
            },
            "access_denied" => What::AccessDenied,
            "scp_denied" => What::ScpDenied(self.policy.clone().ok_or("scp_denied needs the policy's ARN")?),
            "expired_token" => What::ExpiredToken,
            "reset" => What::Reset,
            "lost_answer" => What::LostAnswer,
            "invalid_finding" => What::InvalidFinding(
                self.resource.clone().ok_or("invalid_finding needs a part of the finding's id as resource")?,
            ),
            "partial_failure" => What::PartialFailure,
            "half_close" => What::HalfClose(fraction),
            "black_hole" => What::BlackHole,
            "slow_drip" => What::SlowDrip { bytes: self.bytes.unwrap_or(16).max(1), interval: pause },
            "truncated" => What::Truncated(fraction),
            "malformed" => What::Malformed,
            "empty_body" => What::EmptyBody,
            "wrong_account" => What::WrongAccount,
            "clock_skew" => What::ClockSkew,
            "latency" => What::Latency(pause),
            other => match other.parse() {
                Ok(form) => What::Form(form),
                Err(_) => return Err(format!("there is no fault kind {other:?}")),
            },
        };
        let schedule = match (self.nth, self.every, self.first_of_each, self.probability) {
            (None, None, None, None) => Schedule::Always,
            (Some(n), None, None, None) => Schedule::Nth(n),
            (None, Some(n), None, None) => Schedule::Every(n),
            (None, None, Some(n), None) => Schedule::FirstOfEach(n),
            (None, None, None, Some(probability)) if (0.0..=1.0).contains(&probability) => {
                Schedule::Random { probability, seed: self.seed.unwrap_or(0) }
            }
            (None, None, None, Some(_)) => return Err("probability must be from 0 to 1".to_owned()),
            _ => return Err("nth, every, first_of_each and probability exclude each other".to_owned()),
        };
        let mut fault = Fault::new(what).schedule(schedule);
        if let Some(times) = self.times {
            fault = fault.times(times);
        }
        for (pattern, apply) in [
            (&self.service, Fault::service as fn(Fault, &str) -> Fault),
            (&self.action, Fault::action),
            (&self.account, Fault::account),
            (&self.region, Fault::region),
            (&self.resource.clone().filter(|_| self.kind != "invalid_finding"), Fault::resource),
        ] {
            if let Some(pattern) = pattern {
                fault = apply(fault, pattern);
            }
        }
        Ok(fault)
    }
}
