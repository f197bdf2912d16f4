//! The sentences of advice: which requests would be blocked, whose they are, and what no figure covers.

use doorward_model::Mode;

use super::Judge;
use crate::affected::{AffectedRequests, ClientKind};
use crate::forecast::{BoundUnit, ModeForecast, RequestShare, UpperBound};
use crate::tally::{Answered, Tier};

/// Sources that a sentence names.
const NAMED: usize = 3;
/// Sources that it names where so many may be users; the others are in the list of sources.
const NAMED_USERS: usize = 8;

impl Judge<'_> {
    /// How much of all a mode would block: newly, and already.
    pub(super) fn blocked(&self, mode: &ModeForecast, newly: &AffectedRequests) -> String {
        let RequestShare { count, of, denominator, per_day } = mode.blocked;
        let verb = if mode.mode == Mode::Strictest { "Strictest" } else { "Defensive" };
        let label = denominator.label();
        if count == 0 {
            let bound = mode.hurt_at_most.map_or(String::new(), |bound| {
                format!("; with 95% confidence, it affects users on at most {}", bound_text(bound))
            });
            return format!("{verb} would have blocked none of the {of} {label}{bound}.");
        }
        let already = match newly.already {
            0 => String::new(),
            already => format!("; the mode in force already blocks {already}"),
        };
        let new = newly.newly();
        if new == 0 {
            return format!("{verb} would have blocked none of the {of} {label} that are not blocked now{already}.");
        }
        let share = if of > 0 { format!("{}, ", percent(new as f64 / of as f64)) } else { String::new() };
        let daily = if count > 0 { per_day * new as f64 / count as f64 } else { 0.0 };
        format!("{verb} would have newly blocked {new} of {of} {label} ({share}{daily:.1} a day){already}.")
    }

    /// Whose requests a mode would block newly; none if there are none.
    pub(super) fn clients_of(&self, mode: &ModeForecast, newly: &AffectedRequests) -> Option<String> {
        let AffectedRequests { users, logins, unknown, scanners, .. } = *newly;
        if newly.newly() == 0 {
            return None;
        }
        let mut parts = Vec::new();
        for (count, what) in [(users, "answered: users"), (logins, "redirected to a login, or refused there: users")] {
            if count > 0 {
                parts.push(format!("{count} {} {what}", if count == 1 { "was" } else { "were" }));
            }
        }
        for (count, what) in [
            (
                unknown,
                "failed, or came from a regular client that is refused: it is unknown whether the sender is a \
                 user",
            ),
            (scanners, "came from a client that was always refused: a scanner"),
        ] {
            match count {
                0 => {}
                1 => parts.push(format!("1 {what}")),
                _ => parts.push(format!("{count} {}", several(what))),
            }
        }
        let sources = self.sources(mode.mode, |_| true);
        // Those that may be users come first.
        let may_be_users = sources.iter().filter(|source| source.hurt() > 0 || source.protected).count();
        let shown = may_be_users.clamp(NAMED, NAMED_USERS);
        let names: Vec<String> = sources.iter().take(shown).map(super::SourceToFix::name).collect();
        let more = match sources.len().saturating_sub(shown) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let of = if names.is_empty() { String::new() } else { format!(" They came from {}{more}.", names.join(", ")) };
        // Where a mode is advised although it blocks requests, this is the reason.
        let unanswered = match (users + logins, newly.newly()) {
            (0, 1) => " It got no answer with a status below 400.".to_owned(),
            (0, all) => format!(" None of the {all} got an answer with a status below 400."),
            _ => String::new(),
        };
        Some(format!("Of these, {}.{unanswered}{of}", parts.join("; ")))
    }

    /// The limits of the figures behind a raise.
    pub(super) fn beyond(&self, mode: &ModeForecast) -> Option<String> {
        let bound = mode.hurt_at_most?;
        let days = self.forecast.evidence.observed.as_ref()?.days_with_traffic;
        Some(format!(
            "No figure covers clients that sent nothing in these {}, such as a monthly job or a new customer.{}",
            counted(u64::from(days), "day"),
            match bound.unit {
                BoundUnit::ClientDays => "",
                BoundUnit::HoursWithTraffic => " CloudWatch does not count clients.",
            }
        ))
    }

    /// Severe requests that targets answered although they can be an attack; none if the mode blocks them.
    pub(super) fn alarm(&self) -> Option<String> {
        if self.current.is_some_and(|current| current > Mode::Monitor) {
            return None;
        }
        let severe = self.tally?.causes.iter().filter(|(cause, _)| cause.tier == Tier::Severe);
        let answered: u64 = severe.map(|(_, answered): (_, &Answered)| answered.served).sum();
        if answered == 0 {
            return None;
        }
        let answering =
            self.clients.iter().filter(|known| known.client.cause.tier == Tier::Severe && known.tally.served > 0);
        let clients = match answering.count() {
            0 => String::new(),
            clients => format!(" of {}", counted(clients as u64, "client")),
        };
        Some(format!(
            "POSSIBLE REQUEST SMUGGLING: targets answered {}{clients}. Defensive mode blocks these; ask the owner who sends them.",
            counted(answered, "Severe request")
        ))
    }
}

/// A clause about one request, for several.
fn several(clause: &str) -> String {
    [
        ("a regular client that is", "regular clients that are"),
        ("its sender is a user is", "the senders are users is"),
        ("a client that was", "clients that were"),
        (": a scanner", ": scanners"),
    ]
    .into_iter()
    .fold(clause.to_owned(), |clause, (one, more)| clause.replace(one, more))
}

/// `0.12% of client-days like these (at least 2301 were seen)`.
pub(crate) fn bound_text(bound: UpperBound) -> String {
    format!("{} of {} like these (at least {} were seen)", percent(bound.fraction), bound.unit.label(), bound.among)
}

/// `1 source`, `2 sources`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    doorward_model::counted(count, what)
}

/// `1 request`, `2 requests`.
pub(super) fn requests(count: u64) -> String {
    counted(count, "request")
}

/// A fraction as a percentage, with enough digits to distinguish it from zero and from all.
pub(crate) fn percent(fraction: f64) -> String {
    let percent = fraction * 100.0;
    let digits = if percent >= 1.0 { 1 } else { (1.0 - percent.max(1e-9).log10().floor()) as usize };
    let percent = if fraction < 1.0 { percent.min(99.9) } else { percent };
    format!("{percent:.digits$}%")
}

/// The kind of a source, in a word.
pub(crate) const fn kind_label(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::User => "user",
        ClientKind::Login => "login",
        ClientKind::Unknown => "unknown",
        ClientKind::Regular => "regular client, unknown",
        ClientKind::Scanner => "scanner",
    }
}
