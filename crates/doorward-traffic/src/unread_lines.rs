//! What could not be read, as text: load balancers with the same cause together, each cause once, and how many more there are.

use std::collections::BTreeMap;

use doorward_model::{Gap, GapReason};

use crate::evidence::TrafficEvidence;
use crate::source::{REQUESTER_PAYS, UnreadLogs};
use crate::tally::{LoadBalancerKey, Sampled};

/// How many causes and how many samples are spelled out.
const SHOWN: usize = 5;
/// How many load balancers are named for one cause.
const NAMED: usize = 3;

/// One line for each cause, with the load balancers and how many objects or prefixes of theirs; then samples of files that are damaged, not
/// read or not understood.
pub(crate) fn unread_lines(evidence: &TrafficEvidence) -> Vec<String> {
    let mut causes: Vec<(&UnreadLogs, Vec<&UnreadLogs>)> = Vec::new();
    for unread in &evidence.missed {
        match causes.iter_mut().find(|(first, _)| first.gap.has_same_fix(&unread.gap)) {
            Some((_, all)) => all.push(unread),
            None => causes.push((unread, vec![unread])),
        }
    }
    let mut lines: Vec<String> = causes.iter().take(SHOWN).map(|(first, all)| cause(first, all)).collect();
    lines.extend(more(causes.len(), "causes"));
    let reading = &evidence.tally.reading;
    // Objects of S3 that were not read are above, by their cause.
    let from_s3 = evidence.missed.len() as u64;
    let unread = if from_s3 == 0 { sampled("not read", &reading.unread) } else { Vec::new() };
    lines.extend(sampled("damaged", &reading.damaged).into_iter().chain(unread));
    lines.extend(sampled("not understood", &reading.unparsed));
    lines.extend(further_problems(evidence));
    lines
}

/// The other problems of lines, by load balancer: those of files that were refused are among the files that were not read.
fn further_problems(evidence: &TrafficEvidence) -> Vec<String> {
    let is_named = |problem: &String| evidence.tally.reading.unread.samples.contains(problem);
    let of_all = evidence.tally.problems.iter().flat_map(|(key, problems)| {
        problems.samples.iter().filter(|problem| !is_named(problem)).map(move |problem| format!("{key}: {problem}"))
    });
    let all: Vec<String> = of_all.collect();
    let mut lines: Vec<String> = all.iter().take(SHOWN).cloned().collect();
    lines.extend(more(all.len(), "problems"));
    lines
}

/// The steps that make the unread logs of a load balancer readable, one sentence for each cause.
pub(crate) fn remedies(evidence: &TrafficEvidence, key: &LoadBalancerKey) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for unread in evidence.missed.iter().filter(|unread| unread.load_balancer == *key) {
        let sentence = remedy(unread);
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}

/// The sentence names the bucket and no object, so that load balancers with the same cause have the same one.
fn remedy(UnreadLogs { what, gap, .. }: &UnreadLogs) -> String {
    let bucket = what.strip_prefix("s3://").and_then(|rest| rest.split('/').next()).unwrap_or(what);
    let todo = match (gap.reason, gap.action.as_deref(), gap.code.as_deref()) {
        (GapReason::AccessDenied, Some("kms:Decrypt"), _) => {
            "allow kms:Decrypt, in the policy of the role and in the policy of the KMS key that encrypts the \
             objects"
                .to_owned()
        }
        (GapReason::AccessDenied, Some(action), _) if action.starts_with("s3:") => format!(
            "allow {action}, in the policy of the role and, if the bucket belongs to another account, in the bucket \
             policy{}",
            if pays(gap) { format!("; {REQUESTER_PAYS}") } else { String::new() }
        ),
        (GapReason::Rejected, _, Some("InvalidObjectState")) => {
            "objects are archived in S3 Glacier: restore them (`aws s3api restore-object`), or start the window \
             later (--since)"
                .to_owned()
        }
        _ => format!("{gap}. {}", gap.remedy().trim_end_matches('.')),
    };
    format!("Read the logs in s3://{bucket}: {todo}.")
}

fn cause(first: &UnreadLogs, all: &[&UnreadLogs]) -> String {
    let mut of: BTreeMap<String, usize> = BTreeMap::new();
    for unread in all {
        *of.entry(unread.load_balancer.to_string()).or_default() += 1;
    }
    let mut names: Vec<String> = of.keys().take(NAMED).cloned().collect();
    if let rest @ 1.. = of.len().saturating_sub(NAMED) {
        names.push(format!("{rest} more"));
    }
    let example = if all.len() == 1 { first.what.clone() } else { format!("{} such as {}", all.len(), first.what) };
    let remedy = if pays(&first.gap) { format!("; {REQUESTER_PAYS}") } else { String::new() };
    format!("not read: {}: {example}: {}{remedy}", names.join(", "), first.gap)
}

/// Whether the requester of the bucket may have to pay.
fn pays(gap: &Gap) -> bool {
    gap.message.as_deref().is_some_and(|message| message.ends_with(REQUESTER_PAYS))
}

fn sampled(what: &str, sampled: &Sampled) -> Vec<String> {
    let shown = sampled.samples.iter().take(SHOWN);
    let lines = shown.map(|sample| format!("{what}: {sample}"));
    lines.chain(more(sampled.count as usize, what)).collect()
}

fn more(all: usize, what: &str) -> Option<String> {
    let rest = all.saturating_sub(SHOWN);
    (rest > 0).then(|| format!("and {rest} more {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;

    #[test]
    fn every_cause_is_named_and_the_rest_is_counted() {
        let mut evidence = TrafficEvidence::new(None, Tally::default());
        let mut denied = Gap::new(GapReason::AccessDenied, "s3:GetObject");
        denied.action = Some("kms:Decrypt".to_owned());
        for number in 0..20 {
            evidence.missed.push(UnreadLogs {
                load_balancer: format!("111122223333/eu-west-1/app/kms-{}/1", number % 7).parse().expect("a key"),
                what: format!("s3://sealed/{number}"),
                gap: denied.clone(),
            });
        }
        let mut archived = Gap::new(GapReason::Rejected, "s3:GetObject").with_message("it is archived");
        archived.code = Some("InvalidObjectState".to_owned());
        evidence.missed.push(UnreadLogs {
            load_balancer: "111122223333/eu-west-1/app/old/1".parse().expect("a key"),
            what: "s3://old/1".to_owned(),
            gap: archived,
        });
        for number in 0..9 {
            evidence.tally.reading.damaged.add(|| format!("file-{number}: cut"));
        }
        let lines = unread_lines(&evidence);
        assert_eq!(lines.len(), 2 + 5 + 1, "{lines:#?}");
        assert!(
            lines[0].contains("20 such as s3://sealed/0") && lines[0].contains("allow kms:Decrypt"),
            "{}",
            lines[0]
        );
        assert!(lines[0].contains("app/kms-2/1, 4 more"), "{}", lines[0]);
        assert!(lines[1].contains("s3://old/1") && lines[1].contains("it is archived"), "{}", lines[1]);
        assert_eq!(lines[7], "and 4 more damaged");
        let remedies = |key: &str| remedies(&evidence, &key.parse().expect("a key"));
        assert_eq!(remedies("111122223333/eu-west-1/app/kms-0/1"), remedies("111122223333/eu-west-1/app/kms-6/1"));
        let sealed = remedies("111122223333/eu-west-1/app/kms-0/1").concat();
        assert!(sealed.starts_with("Read the logs in s3://sealed: allow kms:Decrypt"), "{sealed}");
        let old = remedies("111122223333/eu-west-1/app/old/1").concat();
        assert!(old.contains("archived in S3 Glacier: restore"), "{old}");
        assert!(remedies("111122223333/eu-west-1/app/other/1").is_empty());
    }
}
