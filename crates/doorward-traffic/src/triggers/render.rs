//! The posture as text.

use std::fmt::Write as _;

use doorward_model::{Kind, Observed, TargetGroup};

use super::{Http2Effect, Posture, RecommendedTarget, TriggerOutcome, TriggerPosture};

/// The posture as a table: one line for each trigger, those that reach the targets first, and what would change that.
pub fn render_posture(posture: &Posture) -> String {
    let Posture { name, account, region, mode, drop_invalid_headers, triggers, kind, observed_at, .. } = posture;
    let mode = match mode {
        Observed::Known(mode) => format!("the mode is {mode}"),
        Observed::Absent => "AWS did not report the mode".to_owned(),
        Observed::Unread(gap) => format!("the mode is unknown ({gap})"),
    };
    let headers = match (kind, drop_invalid_headers) {
        (Kind::Classic, _) => "it cannot remove invalid header fields".to_owned(),
        (_, Observed::Known(true)) => "invalid header fields are removed".to_owned(),
        (_, Observed::Known(false)) => "invalid header fields are forwarded".to_owned(),
        (_, Observed::Absent) => "AWS did not report whether invalid header fields are removed".to_owned(),
        (_, Observed::Unread(gap)) => format!("it is unknown whether invalid header fields are removed ({gap})"),
    };
    let target = if *kind == Kind::Classic { "strictest" } else { "strictest + drop" };
    let read = observed_at.map(|at| format!(", as read on {}", at.strftime("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    let mut text = format!("{name} in {account} {region}: {mode}; {headers}{read}.\n");
    text.push_str(&hop(posture));
    text.push('\n');
    let _ = writeln!(text, "{:<20} {target:<20} {:<11} PUBLISHED TRIGGER", "NOW", "CLASS");
    let mut ordered: Vec<&TriggerPosture> = triggers.iter().collect();
    ordered.sort_by_key(|trigger| (trigger.now, trigger.strictest));
    for TriggerPosture { now, strictest, class, title, published, .. } in ordered {
        let class = class.as_deref().and_then(|class| class.split(' ').next()).unwrap_or("unknown");
        let year = published.get(..4).unwrap_or_default();
        let _ = writeln!(text, "{:<20} {:<20} {class:<11} {title} ({year})", now.as_str(), strictest.as_str());
    }
    text.push('\n');
    text.push_str(&summary(posture, target));
    text
}

/// Reachability, target groups and recommended target, one line each.
fn hop(posture: &Posture) -> String {
    let mut text = match &posture.reachability {
        Observed::Known(reachability) => format!("Reachability: {reachability}.\n"),
        Observed::Absent => "Reachability: unknown.\n".to_owned(),
        Observed::Unread(gap) => format!("Reachability: unknown ({gap}).\n"),
    };
    if posture.kind != Kind::Classic {
        let line = match &posture.target_groups {
            Observed::Known(groups) if groups.is_empty() => "Target groups: none.\n".to_owned(),
            Observed::Known(groups) => {
                let version = |group: &TargetGroup| match &group.protocol_version {
                    Some(version) => format!("{} ({}, {version})", group.name, group.target_type),
                    None => format!("{} ({})", group.name, group.target_type),
                };
                let each: Vec<String> = groups.iter().map(version).collect();
                format!("Target groups: {}.\n", each.join(", "))
            }
            Observed::Absent => "Target groups: unknown.\n".to_owned(),
            Observed::Unread(gap) => format!("Target groups: unknown ({gap}).\n"),
        };
        text.push_str(&line);
    }
    if let Some(RecommendedTarget { mode, drop_invalid_headers, because }) = &posture.recommended {
        let headers = if *drop_invalid_headers { " with invalid header fields removed" } else { "" };
        let _ = writeln!(text, "Recommended: {mode}{headers}, because {because}.");
    }
    text
}

/// One line for each load balancer: how many triggers reach its targets now, and how many would in strictest.
pub fn render_postures(postures: &[Posture]) -> String {
    let mut text = "Published triggers of request smuggling that reach the targets\n".to_owned();
    text += &format!("{:>5} {:>7} {:>9}  LOAD BALANCER\n", "NOW", "UNKNOWN", "STRICTEST");
    let counted = postures.iter().map(|posture| {
        let reaching = |outcome: fn(&TriggerPosture) -> TriggerOutcome| {
            posture.triggers.iter().map(outcome).filter(|outcome| outcome.reaches_target()).count()
        };
        let unknown = posture.triggers.iter().filter(|trigger| trigger.now == TriggerOutcome::Unknown).count();
        (posture, reaching(|trigger| trigger.now), unknown, reaching(|trigger| trigger.strictest))
    });
    let mut counted: Vec<_> = counted.collect();
    // What is unknown may reach the targets, so it counts for the order.
    counted.sort_by_key(|(_, now, unknown, _)| std::cmp::Reverse(now + unknown));
    for (Posture { name, account, region, observed_at, .. }, now, unknown, strictest) in counted {
        let read = observed_at.map(|at| format!(", read {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        let _ = writeln!(text, "{now:>5} {unknown:>7} {strictest:>9}  {name} ({account} {region}{read})");
    }
    text.push_str(
        "\nNOW counts triggers that reach the targets today; STRICTEST counts those that would still do so in \
         strictest with invalid header fields removed;\nUNKNOWN counts those for which this is not known today. \
         `doorward posture NAME` lists them.\n",
    );
    text
}

fn summary(posture: &Posture, target: &str) -> String {
    let triggers = &posture.triggers;
    let all = triggers.len();
    let count = |outcome: fn(&TriggerPosture) -> TriggerOutcome| {
        let outcomes = || triggers.iter().map(outcome);
        let reaching = outcomes().filter(|outcome| outcome.reaches_target()).count();
        (reaching, outcomes().filter(|outcome| *outcome == TriggerOutcome::Unknown).count())
    };
    let (now, unknown_now) = count(|trigger| trigger.now);
    let (then, unknown_then) = count(|trigger| trigger.strictest);
    let left = triggers.iter().filter(|trigger| trigger.strictest.reaches_target());
    let removed = left.filter(|trigger| trigger.http2_to_target == Http2Effect::Removes).count();
    let upstream = match &posture.target_groups {
        Observed::Known(groups) if groups.iter().any(TargetGroup::could_be_http2) => {
            "The load balancer sends HTTP/1.1 to some of its targets."
        }
        Observed::Known(_) => "The load balancer does not send HTTP/1.1 to any target that could be sent HTTP/2.",
        Observed::Absent | Observed::Unread(_) => {
            "It is unknown which version of HTTP the load balancer sends to \
             its targets."
        }
    };
    format!(
        "{now} of {all} published triggers reach the targets now, {unknown_now} are unknown.\n\
         With {target}: {then} reach them, {unknown_then} are unknown. HTTP/2 from the load balancer to the targets would \
         remove {removed} of these {then}; this is inferred from HTTP/2's framing. {upstream}\n\
         The classes come from AWS's http-desync-guardian library, which may be more lenient than current load \
         balancers. \
         `--format json` has the source of each trigger.\n"
    )
}
