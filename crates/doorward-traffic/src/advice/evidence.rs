//! Whether the evidence suffices for any recommendation, and what is missing.

use super::Judge;
use super::sentences::{counted, percent};
use crate::affected::hides_regular_clients;
use crate::forecast::{Basis, CrossCheck};
use crate::metric::Metric;
use crate::protected::ProtectedClients;
use crate::tally::{ClientTable, Tier, Treatment};

impl Judge<'_> {
    /// The reasons that prevent any recommendation.
    pub(super) fn missing(&self) -> Vec<String> {
        let evidence = &self.forecast.evidence;
        let mut missing = Vec::new();
        missing.extend(evidence.problems.iter().map(|problem| format!("Correct the logs: {problem}.")));
        if evidence.basis == Basis::None && !missing.is_empty() {
            return missing;
        }
        if evidence.basis == Basis::None {
            if evidence.lines > 0 && evidence.absent == evidence.lines {
                missing.push("The logs are older than AWS's classifications; read newer ones.".to_owned());
            } else {
                missing.push(format!(
                    "Turn on access logs and collect them for {} days, or allow cloudwatch:GetMetricData.",
                    self.thresholds.minimum_days
                ));
            }
            return missing;
        }
        if let Some(why) = &evidence.uncounted {
            missing.push(format!("Allow Doorward to read CloudWatch; the total number of requests is unknown: {why}."));
        }
        missing.extend(self.too_short());
        missing.extend(self.too_few_logs());
        let requests = self.forecast.modes.first().map_or(0, |mode| mode.blocked.of);
        if !self.forecast.modes.is_empty() && requests < self.thresholds.minimum_requests.max(1) {
            missing.push(format!(
                "Wait until there are at least {} requests; so far there are {requests}.",
                self.thresholds.minimum_requests
            ));
        }
        if evidence.basis == Basis::PartialLogs
            && (evidence.problems.is_empty() || evidence.unparsed + evidence.absent > 0)
        {
            missing.push(format!(
                "Read all logs of the window: objects are missing or damaged, or lines could not be parsed ({}) or have no \
                 classification ({}).",
                evidence.unparsed, evidence.absent
            ));
        }
        if evidence.unlogged > 0 && !self.tolerates(evidence.unlogged, requests) {
            missing.push(format!(
                "Find the missing logs: CloudWatch counts {} in hours without log lines, so their clients are unknown.",
                counted(evidence.unlogged, "non-compliant request")
            ));
        }
        if let Some(unseen) = self.unseen()
            && !self.tolerates(unseen, requests)
        {
            missing.push(format!("Find the missing logs: {}", self.unseen_sentence(unseen)));
        }
        if let Some((unchecked, why)) = self.unchecked()
            && !self.tolerates(unchecked, requests)
        {
            let are = if unchecked == 1 { "is" } else { "are" };
            missing.push(format!(
                "Allow Doorward to read CloudWatch's {}: {} {are} counted and not logged, and how many of them are not compliant is \
                 unknown ({why}).",
                Metric::NonCompliant.application(),
                counted(unchecked, "request")
            ));
        }
        missing.extend(self.of_another_mode());
        missing.extend(self.lost_clients());
        missing.extend(self.hidden_clients());
        missing
    }

    /// Requests of which nothing is known but that CloudWatch counts them: they may be of users too. The kinds overlap.
    pub(super) fn unaccounted(&self) -> u64 {
        let unchecked = self.unchecked().map_or(0, |(requests, _)| requests);
        self.forecast.evidence.unlogged.max(self.unseen().unwrap_or(0)).max(unchecked)
    }

    /// How many requests CloudWatch counts and no log holds, where its count of those that are not compliant is unknown; and why it is.
    fn unchecked(&self) -> Option<(u64, &str)> {
        let evidence = &self.forecast.evidence;
        let CrossCheck::NotPossible(why) = &evidence.cross_check else { return None };
        let observed = evidence.observed.as_ref()?;
        let unlogged = observed.counted?.saturating_sub(observed.logged?);
        (unlogged > 0).then_some((unlogged, why))
    }

    /// How many requests that are not compliant CloudWatch counts and no log holds.
    fn unseen(&self) -> Option<u64> {
        match self.forecast.evidence.cross_check {
            CrossCheck::Differs { logs, metric } if metric > logs => Some(metric - logs),
            _ => None,
        }
    }

    fn unseen_sentence(&self, unseen: u64) -> String {
        let (CrossCheck::Agrees { logs, metric } | CrossCheck::Differs { logs, metric }) =
            self.forecast.evidence.cross_check
        else {
            return String::new();
        };
        let are = if unseen == 1 { "is" } else { "are" };
        format!(
            "{} {are} counted but not logged: CloudWatch counts {metric}, but the logs contain {logs}.",
            counted(unseen, "non-compliant request")
        )
    }

    /// Evidence that the mode was another one in a part of the window: clients that it blocked may have gone away.
    fn of_another_mode(&self) -> Option<String> {
        if let Some(changed) = self.forecast.evidence.changed {
            return Some(format!(
                "Collect evidence from {} UTC on, when the mode was changed: clients that the previous mode blocked \
                 may have stopped sending requests.",
                changed.strftime("%Y-%m-%d %H:%M")
            ));
        }
        let (tally, current) = (self.tally?, self.current?);
        let blocks = |tier: &Tier| tier.in_mode(current) == Treatment::Blocked;
        let passed = tally.causes.iter().filter(|(cause, _)| !blocks(&cause.tier));
        let blocked: u64 = passed.map(|(_, answered)| answered.blocked).sum();
        if blocked > 0 {
            return Some(format!(
                "Collect evidence in {current} alone: {} blocked with 400, which {current} does not do. The mode was \
                 stricter for some time, and clients that it blocked may have stopped sending requests.",
                were(blocked)
            ));
        }
        // What defensive does with a tier that this version does not know is unknown, so that it proves nothing.
        let severe = tally.causes.iter().filter(|(cause, _)| cause.tier == Tier::Severe && blocks(&cause.tier));
        let served: u64 = severe.map(|(_, answered)| answered.served).sum();
        (served > 0).then(|| {
            format!(
                "Collect evidence in {current} alone: {} served that {current} blocks, so the mode was weaker for \
                 some time.",
                were(served)
            )
        })
    }

    /// Protected clients that cannot be found among addresses that were saved without their host part.
    fn hidden_clients(&self) -> Option<String> {
        let (evidence, entries) = (&self.forecast.evidence, &self.thresholds.protected_clients);
        // What lines were found to be of a protected client is known as long as all of those entries are still there.
        let kept = evidence.protected.iter().all(|entry| entries.contains(entry));
        let compared = |entry: &String| kept && evidence.protected.contains(entry);
        let may_be = |entry: &&String| {
            let entry = ProtectedClients::new(std::slice::from_ref(*entry));
            self.clients.iter().any(|known| entry.may_cover_truncated(&known.client.address))
        };
        let hidden: Vec<&str> =
            entries.iter().filter(|entry| !compared(entry)).filter(may_be).map(String::as_str).collect();
        (evidence.truncated && !hidden.is_empty()).then(|| {
            format!(
                "Gather evidence again: addresses were saved without their host part, and lines were not compared with these protected \
                 clients, so that they may be among the clients: {}.",
                hidden.join(", ")
            )
        })
    }

    /// Clients that are not covered, because there were more than are stored.
    fn lost_clients(&self) -> Option<String> {
        let clients = &self.tally?.sources.clients;
        let lost = hides_regular_clients(clients.bound());
        // Those that each line was compared with are kept whatever else there is.
        let compared = &self.forecast.evidence.protected;
        let looked_up = self.thresholds.protected_clients.iter().any(|entry| !compared.contains(entry));
        let protected = looked_up && clients.bound() + clients.unkept() > 0;
        (lost || protected).then(|| {
            let which = if protected { "protected" } else { "regular" };
            format!(
                "Collect evidence for a shorter window: there were more than {} clients, and it is unknown whether a \
                 {which} client is among those that were not stored{}.",
                ClientTable::KEPT,
                if protected { ", because lines were not compared with these protected clients" } else { "" }
            )
        })
    }

    /// Whether too few days were observed.
    fn too_short(&self) -> Option<String> {
        let observed = self.forecast.evidence.observed.clone().unwrap_or_default();
        let minimum = self.thresholds.minimum_days;
        let days = f64::from(observed.continuous_hours) / 24.0;
        (days < minimum).then(|| {
            let by_lines = matches!(self.forecast.evidence.basis, Basis::FullLogs | Basis::PartialLogs);
            let silent = observed.days > observed.days_with_traffic && observed.counted.is_none();
            let hint = if by_lines && silent {
                "; also allow Doorward to read CloudWatch, to distinguish quiet days from missing logs"
            } else {
                ""
            };
            format!("Collect evidence for at least {minimum} consecutive days with traffic; there are {days:.1}{hint}.")
        })
    }

    /// Whether the logs hold too few of the requests that CloudWatch counts.
    fn too_few_logs(&self) -> Option<String> {
        let observed = self.forecast.evidence.observed.as_ref()?;
        // Before the first log, CloudWatch alone is the evidence.
        let (logged, counted) =
            (observed.logged?, observed.counted?.saturating_sub(observed.counted_before.unwrap_or(0)));
        let few = (logged as f64) < self.thresholds.minimum_logged_share * counted as f64;
        few.then(|| {
            format!(
                "Find the missing logs: the logs contain {logged} of the {counted} requests that CloudWatch counts \
                 in the same time ({}).",
                percent(logged as f64 / counted.max(1) as f64)
            )
        })
    }

    /// The observed time, with its gaps.
    pub(super) fn evidence(&self) -> String {
        let evidence = &self.forecast.evidence;
        let observed = evidence.observed.clone().unwrap_or_default();
        let (summary, lines) = (observed.summary(), counted(evidence.lines, "line"));
        let hours = format!("traffic in {} of {} hours", observed.hours_with_traffic, observed.hours);
        let mut text = match evidence.basis {
            Basis::FullLogs => format!("Access logs were read: {summary}, {lines}; {hours}."),
            Basis::PeriodLogs => format!(
                "CloudWatch was read: {summary}; {hours}. Of the access logs, only those around the periods with non-compliant \
                 requests were read, {lines}."
            ),
            Basis::PartialLogs => format!("Access logs were partly read: {summary}, {lines}; {hours}."),
            Basis::MetricOnly => format!("Only CloudWatch's metrics were read: {summary}; {hours}."),
            Basis::None => "There is no evidence: neither logs nor metrics.".to_owned(),
        };
        if let Some(unseen) = self.unseen() {
            text.push(' ');
            text.push_str(&self.unseen_sentence(unseen));
        }
        if let (CrossCheck::NotPossible(why), Some(_)) = (&evidence.cross_check, observed.counted) {
            text.push_str(&format!(" Logs and CloudWatch's count of non-compliant requests were not compared: {why}."));
        }
        if let (Some(begin), Some(before @ 1..)) = (observed.logs_begin, observed.counted_before) {
            text.push_str(&format!(
                " The logs begin on {} UTC; CloudWatch counts {} before.",
                begin.strftime("%Y-%m-%d %H:%M"),
                counted(before, "request")
            ));
        }
        if let Some(unknown @ 1..) = self.tally.map(|tally| tally.without_actions) {
            text.push_str(&format!(
                " The logs have no column for actions, so it is unknown whether the mode in force blocked {} that {} \
                 answered with 400, or a rule refused {}.",
                counted(unknown, "request"),
                if unknown == 1 { "was" } else { "were" },
                if unknown == 1 { "it" } else { "them" },
            ));
        }
        for sentence in observed.missing().iter().chain(&observed.unknown) {
            text.push(' ');
            text.push_str(sentence);
        }
        text
    }
}

/// `1 request was`, `2 requests were`.
fn were(requests: u64) -> String {
    format!("{} {}", counted(requests, "request"), if requests == 1 { "was" } else { "were" })
}
