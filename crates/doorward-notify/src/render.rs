//! The content of a digest, before it is formatted for a channel.
//!
//! What is said is decided once, as a [`Message`] of parts that know whether they come from outside; each channel turns parts
//! into its own format, and outside text into something that shows as it is there: no markup, no mention, no link.

use doorward_model::{counted, harmless};

use crate::digest::{Digest, DigestChange, DigestLine, DueLine};
use crate::notified_state::{DigestStanding, Due};
use grouping::sections;

mod grouping;
pub(crate) mod mail;
pub(crate) mod posture_words;
pub(crate) mod slack;
pub(crate) mod sns;
pub(crate) mod teams;
pub(crate) mod text;

/// Longest name and longest sentence from outside, in characters.
const NAME: usize = 120;
const SENTENCE: usize = 400;

/// The most lines of a message about a scan, its title and its foot among them.
const LINES: usize = 12;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MessagePart {
    /// Our own words.
    Ours(String),
    /// A name from outside.
    Name(String),
    /// A sentence that may hold words from outside.
    Prose(String),
}

/// A line of parts.
pub(crate) type Parts = Vec<MessagePart>;

/// Lines under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageSection {
    pub(crate) heading: String,
    pub(crate) items: Vec<Parts>,
}

/// The content of a digest, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) title: Parts,
    pub(crate) lead: Vec<Parts>,
    pub(crate) sections: Vec<MessageSection>,
    pub(crate) foot: Parts,
}

impl Message {
    /// A digest in words.
    pub(crate) fn of(digest: &Digest) -> Self {
        let lead = lead(digest);
        let sections = sections(digest, LINES.saturating_sub(lead.len() + 2));
        let own = digest.headline();
        let label = digest.audience.label();
        let title = vec![ours(own.strip_suffix(label).unwrap_or(&own)), MessagePart::Name(clip(label, NAME))];
        let foot = vec![
            ours(format!(
                "Doorward {}, {} ",
                digest.scan.tool_version,
                if digest.scan.only.is_some() { "event" } else { "scan" }
            )),
            MessagePart::Name(clip(&digest.scan.run, NAME)),
            ours(" of "),
            MessagePart::Name(clip(&digest.scan.organization, NAME)),
            ours(format!(
                ", ended {}. Digest {}.",
                digest.scan.finished.strftime("%Y-%m-%d %H:%M UTC"),
                digest.id.get(..12).unwrap_or(&digest.id)
            )),
        ];
        let foot = match &digest.link {
            None => foot,
            Some(link) => foot.into_iter().chain([ours(format!(" Full report: {link}"))]).collect(),
        };
        Self { title, lead, sections, foot }
    }
}

fn ours(text: impl Into<String>) -> MessagePart {
    MessagePart::Ours(text.into())
}

/// What comes before the changes: whether it may be a repeat, the state as a whole, and what was not observed.
fn lead(digest: &Digest) -> Vec<Parts> {
    let (totals, scan) = (&digest.totals, &digest.scan);
    let mut lead = Vec::new();
    let mut say = |text: String| lead.push(vec![ours(text)]);
    if digest.may_repeat {
        say("This may be a duplicate: an earlier attempt to send it may have arrived.".to_owned());
    }
    if scan.only.is_some() {
        say("This digest covers one load balancer, which was read again because it was changed.".to_owned());
        if let Some(edited) = &scan.edited {
            lead.push(vec![MessagePart::Prose(clip(edited, SENTENCE))]);
        }
        return lead;
    }
    let begin = match digest.since {
        None => "First report: everything that is open.".to_owned(),
        Some(since) => format!("Since the digest of {}.", since.strftime("%Y-%m-%d %H:%M UTC")),
    };
    let (read, all) = (scan.account_regions_complete, scan.account_regions);
    let (covered, rest) = if read == all && scan.accounts_listed {
        (format!("The scan read all {} completely", counted(all, "account-Region")), "")
    } else {
        (format!("The scan read {read} of {} completely", counted(all, "account-Region")), "; the rest is unknown")
    };
    let read = scan.observed.as_ref().map(|period| format!(", {period}")).unwrap_or_default();
    let listed =
        if scan.accounts_listed { "" } else { " The list of accounts is not complete, so there may be more accounts." };
    let stopped = if scan.interrupted { " The scan was interrupted." } else { "" };
    say(format!("{begin} {covered}{read}{rest}.{listed}{stopped}"));
    let unknown = match totals.load_balancers_unknown {
        0 => String::new(),
        n => format!("; {} with unknown verdicts", counted(n, "load balancer")),
    };
    say(format!(
        "Failing: {} of {}, with {}; {} under an exception{unknown}.",
        totals.load_balancers_failing,
        counted(totals.load_balancers, "load balancer"),
        counted(totals.failing, "finding"),
        counted(totals.excepted, "finding"),
    ));
    if totals.unseen_failing + totals.unseen_excepted + totals.load_balancers_unseen > 0 {
        say(format!(
            "Not included in these figures, because this scan did not see them: {} that failed when last seen, {} \
             under an exception, {}.",
            counted(totals.unseen_failing, "finding"),
            totals.unseen_excepted,
            counted(totals.load_balancers_unseen, "load balancer"),
        ));
    } else if totals.unseen > 0 {
        say(format!("Not included in these figures, because this scan did not see them: {}.", totals.unseen));
    }
    if totals.unassigned_failing + totals.unassigned_excepted + totals.unassigned_load_balancers > 0 {
        say(format!(
            "The risk profile of {} is unknown, because this scan did not see them or could not read it: {} that failed when last seen \
             and {} under an exception may belong here.",
            counted(totals.unassigned_load_balancers, "load balancer"),
            counted(totals.unassigned_failing, "finding"),
            totals.unassigned_excepted,
        ));
    }
    if !digest.kpis.is_empty() {
        let figures = digest.kpis.iter().map(|one| format!("{}: {}, {}", one.label, one.figure, one.of));
        say(format!("{}.", figures.collect::<Vec<_>>().join(". ")));
    }
    if totals.sources > 0 {
        say(format!(
            "Sources of non-compliant requests: {} of {} gone, {} overdue, {} back.",
            totals.sources_gone, totals.sources, totals.sources_overdue, totals.sources_back,
        ));
    }
    if totals.raise_now > 0 {
        say(format!(
            "Raise now: the traffic of {} supports a stronger mode.",
            counted(totals.raise_now, "load balancer")
        ));
    }
    lead
}

fn due(digest: &Digest, due: &DueLine) -> Parts {
    let mut parts = item(digest, None, &due.line);
    parts.push(match &due.due {
        Due::ExceptionEnds { on } => {
            let left = match due.days_left {
                None => "the date cannot be read".to_owned(),
                Some(left) if left < 0 => "it has ended".to_owned(),
                Some(0) => "today".to_owned(),
                Some(left) => format!("{} left", counted(usize::try_from(left).unwrap_or(usize::MAX), "day")),
            };
            MessagePart::Prose(clip(&format!(" Exception ends on {on} ({left})."), SENTENCE))
        }
        Due::Overdue { after_days } => ours(format!(" Overdue: the settings allow {}.", counted(*after_days, "day"))),
    });
    parts
}

/// `web` in `111122223333 eu-west-1`: Desync mitigation mode is weaker than required (high), open for 12 days. ...
fn item(digest: &Digest, change: Option<DigestChange>, line: &DigestLine) -> Parts {
    let mut parts = vec![
        MessagePart::Name(clip(&line.name, NAME)),
        ours(" in "),
        MessagePart::Name(clip(&format!("{} {}", line.account, line.region), NAME)),
    ];
    if digest.audience.is_shared() {
        parts.extend([ours(", owner "), MessagePart::Name(clip(&line.owner, NAME))]);
    }
    parts.extend([ours(": "), MessagePart::Prose(clip(&line.title, SENTENCE))]);
    let mut state = match &line.standing {
        Some(DigestStanding::Failing { severity }) => format!(" ({severity}"),
        Some(DigestStanding::Excepted { severity, exception, expires }) => {
            format!(" ({severity}, exception {exception} until {expires}")
        }
        // The heading says what ended; a repeat has to say it here.
        None if line.unseen => " (unknown".to_owned(),
        None if change == Some(DigestChange::Restated) => " (nothing is open".to_owned(),
        None => String::new(),
    };
    if !state.is_empty() {
        if line.unseen && line.standing.is_some() {
            state.push_str(match change {
                Some(DigestChange::NotAsked) => ", when last seen: not asked this time",
                _ => ", when last seen: it could not be read this time",
            });
        }
        state.push(')');
        parts.push(MessagePart::Prose(clip(&state, SENTENCE)));
    }
    if let Some(age) = line.age_days {
        parts.push(ours(format!(", open for {}", counted(usize::try_from(age).unwrap_or(0), "day"))));
    }
    parts.push(ours("."));
    for sentence in [&line.because, &line.remedy].into_iter().flatten() {
        parts.extend([ours(" "), MessagePart::Prose(clip(sentence, SENTENCE))]);
    }
    if let Some(at) = &line.declared_at {
        parts.extend([ours(" Declared at "), MessagePart::Name(clip(at, NAME))]);
        // The address is that of the settings; the path in it is encoded.
        parts.push(ours(line.declared_link.as_ref().map_or_else(|| ".".to_owned(), |link| format!(": {link}"))));
    }
    parts
}

/// At most so many characters, steering ones made visible, with a mark where something is missing.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let text = &*harmless(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The same line with little left of what comes from outside: for a channel that takes no long lines.
pub(crate) fn shortened(parts: &Parts) -> Parts {
    parts
        .iter()
        .map(|part| match part {
            MessagePart::Ours(text) => MessagePart::Ours(text.clone()),
            MessagePart::Name(text) => MessagePart::Name(clip(text, 40)),
            MessagePart::Prose(text) => MessagePart::Prose(clip(text, 40)),
        })
        .collect()
}

/// Outside text that steers nothing, and that no program takes for an address: `http: //x`, `www .x`, `a＠b`.
pub(crate) fn defanged(text: &str) -> String {
    let text = harmless(text).replace("://", ": //").replace('@', "＠");
    let mut safe = String::with_capacity(text.len() + 8);
    let mut rest = text.as_str();
    while let Some(at) = find_www(rest) {
        let (before, after) = rest.split_at(at + 3);
        safe.push_str(before);
        safe.push(' ');
        rest = after;
    }
    safe.push_str(rest);
    safe
}

/// Where `www.` begins, in any case.
fn find_www(text: &str) -> Option<usize> {
    text.as_bytes().windows(4).position(|four| four.eq_ignore_ascii_case(b"www."))
}

/// Says how much of a message did not fit.
fn more(left: usize) -> String {
    format!(
        "… and {}, which did not fit into this message. The owner's page and the scan report show everything.",
        counted(left, "more line")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_is_no_address() {
        for (text, expected) in [
            ("http://x.example/a", "http: //x.example/a"),
            ("see WWW.x.example", "see WWW .x.example"),
            ("wwww.www.x", "wwww .www .x"),
            ("<!channel> @here", "<!channel> ＠here"),
            ("a\nb", "a\\u{a}b"),
            ("ünï", "ünï"),
        ] {
            assert_eq!(defanged(text), expected, "{text:?}");
        }
    }

    #[test]
    fn clipped_text_says_so() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöüx", 3), "äöü…");
    }
}
