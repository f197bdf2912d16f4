//! Decides what a plan does with one load balancer: the guards, one after the other.

use doorward_model::{Kind, LoadBalancer, Mode, Observed, Traffic, TrafficStep, Verdict, owner_key};

use super::{ChangeTarget, Effect, Goal, Insistence, PlanRequest, Risk, SkipReason, Step, owner};
use crate::{Current, SettingValue};

/// The decision about one load balancer.
pub(super) enum GuardDecision {
    Already,
    Skip(SkipReason, String),
    Patch { manager: String, from: SettingValue, to: SettingValue, reason: String },
    Change(Box<Step>),
}

pub(super) fn decide(
    lb: &LoadBalancer,
    verdict: Option<&Verdict>,
    required: &dyn Fn() -> Option<Mode>,
    order: &PlanRequest,
    insisted: Insistence,
) -> GuardDecision {
    if order.goal == Goal::DropInvalidHeaders {
        return decide_headers(lb, verdict, insisted);
    }
    let from = match &lb.mode {
        Observed::Known(mode) => *mode,
        Observed::Absent => {
            return GuardDecision::Skip(
                SkipReason::ModeUnknown,
                "AWS's response does not contain its mode.".to_owned(),
            );
        }
        Observed::Unread(gap) => {
            return GuardDecision::Skip(SkipReason::ModeUnknown, format!("Its mode could not be read: {gap}."));
        }
    };
    match verdict {
        Some(Verdict::NotApplicable { because, .. }) => {
            return GuardDecision::Skip(SkipReason::NotApplicable, because.clone());
        }
        Some(Verdict::Excepted { exception, expires, .. }) => {
            let because = format!("Exception {exception} covers it until {expires}.");
            return GuardDecision::Skip(SkipReason::Excepted, because);
        }
        _ => {}
    }
    let (to, reason) = match target(lb, verdict, required, order.goal, from) {
        Ok(Some(target)) => target,
        Ok(None) => return GuardDecision::Already,
        Err((reason, because)) => return GuardDecision::Skip(reason, because),
    };
    if to == from {
        return GuardDecision::Already;
    }
    if to < from && !order.lower {
        let because = format!("It is in {from}, which is stronger than {to}; to lower it, pass --lower.");
        // A mode that is stronger than required meets the policy.
        return if order.goal == Goal::Required {
            GuardDecision::Already
        } else {
            GuardDecision::Skip(SkipReason::Stronger, because)
        };
    }
    let evidence = match (weigh(lb.traffic.as_deref(), from, to), &insisted.without_evidence) {
        (Err((reason, because)), None) => return GuardDecision::Skip(reason, because),
        (Err((_, because)), Some(_)) => because,
        (Ok(sentence), _) => sentence,
    };
    let effect = lb.traffic.as_deref().and_then(|traffic| effect(traffic, to));
    let risk = if !insisted.is_empty() || to < from {
        Risk::High
    } else if advised(lb.traffic.as_deref(), to) {
        Risk::Low
    } else {
        Risk::Medium
    };
    directly_or_by_manager(lb, Proposal { from: from.into(), to: to.into(), reason, effect, evidence, risk, insisted })
}

/// The decision about the treatment of invalid header fields. Its effect on clients is unknown, whatever the traffic evidence is.
fn decide_headers(lb: &LoadBalancer, verdict: Option<&Verdict>, insisted: Insistence) -> GuardDecision {
    let unknown = |because: String| GuardDecision::Skip(SkipReason::HeadersUnknown, because);
    if lb.kind != Kind::Application {
        let because = "Only an application load balancer can remove invalid header fields.".to_owned();
        return GuardDecision::Skip(SkipReason::NotApplicable, because);
    }
    if let Some(Verdict::Excepted { exception, expires, .. }) = verdict {
        let because = format!("Exception {exception} covers it until {expires}.");
        return GuardDecision::Skip(SkipReason::Excepted, because);
    }
    match &lb.drop_invalid_headers {
        Observed::Known(true) => GuardDecision::Already,
        Observed::Known(false) => {
            let risk = if insisted.is_empty() { Risk::Medium } else { Risk::High };
            let proposal = Proposal {
                from: SettingValue::KeepInvalidHeaders,
                to: SettingValue::DropInvalidHeaders,
                reason: "The removal of invalid header fields was requested.".to_owned(),
                effect: None,
                evidence: HEADERS_EVIDENCE.to_owned(),
                risk,
                insisted,
            };
            directly_or_by_manager(lb, proposal)
        }
        Observed::Absent => unknown(format!("AWS's response does not contain {}.", doorward_model::DROP_INVALID)),
        Observed::Unread(gap) => unknown(format!("It is not known whether it removes invalid header fields: {gap}.")),
    }
}

/// Why no traffic evidence decides about invalid header fields.
const HEADERS_EVIDENCE: &str = "Its effect on clients cannot be predicted, because access logs contain no header \
     names. Header fields with an underscore in their name are removed too. Apply it with --watch; the first wave is \
     one load balancer.";

/// A change of one attribute that the guards before permit.
struct Proposal {
    from: SettingValue,
    to: SettingValue,
    reason: String,
    effect: Option<Effect>,
    evidence: String,
    risk: Risk,
    insisted: Insistence,
}

/// A direct change, or a patch where a direct change would be undone.
fn directly_or_by_manager(lb: &LoadBalancer, proposal: Proposal) -> GuardDecision {
    let Proposal { from, to, reason, effect, evidence, risk, insisted } = proposal;
    match (&lb.managed_by, &insisted.over_manager) {
        (Observed::Known(manager), None) => {
            return GuardDecision::Patch { manager: manager.to_string(), from, to, reason };
        }
        // The next deployment of that code would undo the change.
        (Observed::Absent, None) if let Some(declared) = &lb.declared => {
            return GuardDecision::Patch { manager: format!("Code at {declared}"), from, to, reason };
        }
        (Observed::Unread(gap), None) => {
            let because =
                format!("It is not known whether code or a stack manages it, which would undo the change: {gap}.");
            return GuardDecision::Skip(SkipReason::ManagerUnknown, because);
        }
        _ => {}
    }
    GuardDecision::Change(Box::new(Step {
        wave: 0,
        target: ChangeTarget::of(lb),
        owner: owner(lb),
        environment: lb.environment.known().cloned(),
        from,
        observed: None,
        created: None,
        to,
        reason,
        effect,
        evidence,
        risk,
        insisted,
    }))
}

/// Whether a step may still be applied, by the guards of planning and the current load balancer. The error is the reason why not.
/// Traffic evidence is not weighed again: it was weighed when the plan was made, and reviewed.
pub(crate) fn still_allowed(step: &Step, goal: Goal, current: &Current) -> Result<(), String> {
    let lb = &current.load_balancer;
    if lb.kind != step.target.kind {
        return Err(format!(
            "the plan is for a load balancer of kind {}, but it is of kind {} now",
            step.target.kind, lb.kind
        ));
    }
    if let Observed::Unread(gap) = &lb.tags {
        return Err(format!("its tags could not be read, so that its manager and its owner are unknown: {gap}"));
    }
    if let Some(because) = &current.may_be_excepted {
        return Err(because.clone());
    }
    let (planned, now) = (step.owner.as_deref(), owner(lb));
    if planned.map(owner_key) != now.as_deref().map(owner_key) {
        let name = |owner: Option<&str>| owner.map_or_else(|| "unknown".to_owned(), str::to_owned);
        let (planned, now) = (name(planned), name(now.as_deref()));
        return Err(format!("its owner was {planned} when the plan was made, but is {now} now"));
    }
    let goal = match (goal, step.to.mode()) {
        (Goal::Advice, Some(mode)) => Goal::Mode(mode),
        (goal, _) => goal,
    };
    let order = PlanRequest { lower: true, ..PlanRequest::new(goal) };
    let weighed = Some(step.evidence.clone());
    let insisted = Insistence { without_evidence: weighed, over_manager: step.insisted.over_manager.clone() };
    match decide(lb, current.verdict.as_ref(), &|| current.required, &order, insisted) {
        GuardDecision::Change(now) if now.to == step.to => Ok(()),
        GuardDecision::Change(now) => Err(format!("the plan sets {}, but the policy now requires {}", step.to, now.to)),
        GuardDecision::Already => Err("it meets the policy now".to_owned()),
        GuardDecision::Patch { manager, .. } => Err(format!(
            "{manager} now manages it and would undo the change; change the {} there, or make a new plan",
            step.to.noun()
        )),
        GuardDecision::Skip(_, because) => Err(because),
    }
}

type TargetMode = Result<Option<(Mode, String)>, (SkipReason, String)>;

/// The target mode and the reason for it; none if the mode stays.
fn target(
    lb: &LoadBalancer,
    verdict: Option<&Verdict>,
    required: &dyn Fn() -> Option<Mode>,
    goal: Goal,
    from: Mode,
) -> TargetMode {
    match goal {
        Goal::Mode(mode) => Ok(Some((mode, format!("{mode} was requested.")))),
        Goal::DropInvalidHeaders => Ok(None),
        Goal::Required => match (verdict, required()) {
            (Some(Verdict::Pass { .. }), _) => Ok(None),
            (_, Some(mode)) => Ok(Some((mode, format!("The policy requires {mode}.")))),
            (Some(Verdict::Unknown { because, .. }), None) => Err((SkipReason::DemandUnknown, because.clone())),
            (_, None) => {
                let because = "The required mode depends on a value that could not be read.".to_owned();
                Err((SkipReason::DemandUnknown, because))
            }
        },
        Goal::Advice => {
            let Some(traffic) = lb.traffic.as_deref() else {
                return Err((SkipReason::NoEvidence, "Its traffic was not read.".to_owned()));
            };
            match traffic.advised() {
                (TrafficStep::Raise, Some(mode)) if mode > from => {
                    Ok(Some((mode, format!("Its traffic supports raising it to {mode} now."))))
                }
                (TrafficStep::NotEnoughEvidence, _) => Err((SkipReason::NoEvidence, evidence(traffic))),
                (TrafficStep::FixAndRaise, _) => Err((SkipReason::AgainstAdvice, evidence(traffic))),
                _ => Ok(None),
            }
        }
    }
}

/// Whether the evidence suffices for a mode: the evidence in a sentence, or why it does not.
fn weigh(traffic: Option<&Traffic>, from: Mode, to: Mode) -> Result<String, (SkipReason, String)> {
    if to < from {
        return Ok("A weaker mode blocks no additional request; it forwards more.".to_owned());
    }
    let Some(traffic) = traffic else {
        let because = "Its traffic was not read; run `doorward traffic`.".to_owned();
        return if to == Mode::Strictest { Err((SkipReason::NoEvidence, because)) } else { Ok(because) };
    };
    if traffic.advised().0 == TrafficStep::NotEnoughEvidence {
        return if to == Mode::Strictest {
            Err((SkipReason::NoEvidence, evidence(traffic)))
        } else {
            Ok(evidence(traffic))
        };
    }
    if advised(Some(traffic), to) { Ok(evidence(traffic)) } else { Err((SkipReason::AgainstAdvice, evidence(traffic))) }
}

/// Whether its traffic supports a mode: it advises to raise that far now, or, below strictest, no user would be blocked.
fn advised(traffic: Option<&Traffic>, to: Mode) -> bool {
    let Some(traffic) = traffic.filter(|traffic| traffic.advised().0 != TrafficStep::NotEnoughEvidence) else {
        return false;
    };
    let raise = traffic.step == TrafficStep::Raise && traffic.recommended.is_some_and(|mode| mode >= to);
    let harmless = || traffic.basis.names_clients() && traffic.effect(to).is_some_and(|effect| effect.hurt == Some(0));
    raise || (to < Mode::Strictest && harmless())
}

/// The evidence of its traffic, in a sentence.
fn evidence(traffic: &Traffic) -> String {
    let mut sentence = format!("Traffic advice: {}.", traffic.advised().0.label());
    if traffic.observed.is_none() && traffic.step != TrafficStep::NotEnoughEvidence {
        sentence.push_str(" The saved evidence does not contain the observed days; run `doorward traffic` again.");
    }
    for because in &traffic.because {
        sentence.push(' ');
        sentence.push_str(because);
        if !because.ends_with(['.', '!', '?']) {
            sentence.push('.');
        }
    }
    sentence
}

fn effect(traffic: &Traffic, to: Mode) -> Option<Effect> {
    let effect = traffic.effect(to)?;
    Some(Effect {
        from: traffic.from,
        until: traffic.until,
        observed: traffic.observed.clone(),
        requests: traffic.requests,
        denominator: traffic.denominator.clone(),
        blocked: effect.blocked,
        closed: effect.closed,
        hurt: effect.hurt,
        hurt_per_million: effect.hurt_per_million,
    })
}
