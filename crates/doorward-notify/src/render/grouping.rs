//! Groups what a digest says, so that a message stays short: one line for findings of the same kind, rule and severity.

use std::collections::BTreeSet;

use doorward_model::{Severity, counted};

use super::{MessagePart, MessageSection, NAME, Parts, SENTENCE, clip, item, ours};
use crate::digest::{Digest, DigestChange, DigestLine, DueLine};
use crate::notified_state::{DigestStanding, Due};

/// The most names of a line; the others are counted.
const NAMES: usize = 5;

/// One line to be grouped: what it says before the rule, the rule with its severity, and the finding.
struct Grouped<'d> {
    label: String,
    change: Option<DigestChange>,
    line: &'d DigestLine,
    due: Option<&'d DueLine>,
}

impl Grouped<'_> {
    fn key(&self) -> (&str, &str, Option<Severity>) {
        (&self.label, &self.line.title, self.line.standing.as_ref().map(DigestStanding::severity))
    }
}

/// What is due and what changed, in at most `room` lines. A finding that is due is not repeated among the changes.
pub(super) fn sections(digest: &Digest, room: usize) -> Vec<MessageSection> {
    let is_event = digest.scan.only.is_some();
    let due =
        digest.due.iter().map(|due| Grouped { label: due_label(due), change: None, line: &due.line, due: Some(due) });
    let of_due: BTreeSet<&str> = digest.due.iter().map(|due| due.line.finding.as_str()).collect();
    let changes = digest.changes.iter().filter(|changed| !of_due.contains(changed.line.finding.as_str()));
    let changes = changes.map(|changed| Grouped {
        label: match changed.change {
            DigestChange::New if digest.first => "Failing".to_owned(),
            change => change.says().to_owned(),
        },
        change: Some(changed.change),
        line: &changed.line,
        due: None,
    });
    let (due, changes) = (groups(due.collect()), groups(changes.collect()));
    let kept = usize::from(!due.is_empty()) + usize::from(!changes.is_empty());
    let mut left = if is_event { usize::MAX } else { room.saturating_sub(kept).max(kept) };
    let mut sections = Vec::new();
    for (heading, groups, reserve) in [("Due", &due, usize::from(!changes.is_empty())), ("Changed", &changes, 0)] {
        let all: usize = groups.iter().map(Vec::len).sum();
        if all == 0 {
            continue;
        }
        let may = left.saturating_sub(reserve).max(1);
        let fits = groups.len() <= may;
        let shown = if fits { groups.len() } else { may - 1 };
        let mut items: Vec<Parts> = groups.iter().take(shown).map(|group| grouped(digest, group)).collect();
        if !fits {
            let rest: usize = groups.iter().skip(shown).map(Vec::len).sum();
            items.push(vec![ours(format!("and {} more", counted(rest, "finding")))]);
        }
        left = left.saturating_sub(items.len());
        sections.push(MessageSection { heading: format!("{heading} ({all})"), items });
    }
    sections
}

/// Lines of the same kind, in their order.
fn groups<'d>(lines: Vec<Grouped<'d>>) -> Vec<Vec<Grouped<'d>>> {
    let mut groups: Vec<Vec<Grouped<'d>>> = Vec::new();
    for line in lines {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.key() == line.key())) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    groups
}

/// One finding in full, or several of the same kind by their names.
fn grouped(digest: &Digest, group: &[Grouped<'_>]) -> Parts {
    let label = |group: &Grouped<'_>| MessagePart::Prose(clip(&format!("{}: ", group.label), SENTENCE));
    match group {
        [] => Vec::new(),
        [one] => match one.due {
            Some(due) => super::due(digest, due),
            None => [label(one)].into_iter().chain(item(digest, one.change, one.line)).collect(),
        },
        [first, ..] => {
            let severity = first.line.standing.as_ref().map(|standing| format!(" ({})", standing.severity()));
            let title = format!("{}{}", first.line.title, severity.unwrap_or_default());
            let mut parts = vec![label(first), MessagePart::Prose(clip(&title, SENTENCE))];
            parts.push(ours(format!(", {}: ", counted(group.len(), "load balancer"))));
            for (n, one) in group.iter().take(NAMES).enumerate() {
                if n > 0 {
                    parts.push(ours(", "));
                }
                parts.push(MessagePart::Name(clip(&one.line.name, NAME)));
                if digest.audience.is_shared() {
                    parts.extend([ours(" of "), MessagePart::Name(clip(&one.line.owner, NAME))]);
                }
            }
            if group.len() > NAMES {
                parts.push(ours(format!(" and {} more", group.len() - NAMES)));
            }
            parts
        }
    }
}

/// Why something is due, before the rule.
fn due_label(due: &DueLine) -> String {
    match &due.due {
        Due::ExceptionEnds { on } => format!("Exception ends on {on}"),
        Due::Overdue { after_days } => {
            format!("Overdue (allowed: {})", counted(usize::try_from(*after_days).unwrap_or(0), "day"))
        }
    }
}
