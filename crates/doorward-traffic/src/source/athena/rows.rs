//! Rows of the query become a tally.

use std::collections::BTreeMap;

use doorward_model::{AccountId, Region};

use super::AthenaError;
use super::sql::{CLIENTS, SOURCES, UNKNOWN_ID};
use crate::count::answered as answered_lines;
use crate::line::Status;
use crate::tally::{
    Answered, AnsweredKind, Cause, Client, ClientSketch, ClientTable, ClientTally, LoadBalancerKey, LoadBalancerTally,
    Tally, Tier, add,
};
use crate::top::{Top, Weight};
use crate::window::{Hour, Window};

/// Samples of rows that name no load balancer, of all accounts and Regions together.
const SAMPLES: usize = 5;

/// One row by name of column.
type Row = BTreeMap<String, String>;
/// The keys of a source, and its weight; the most frequent first.
type Ranked = Vec<([String; 4], Weight)>;

/// Collects rows.
pub(super) struct Rows {
    window: Window,
    tally: Tally,
    sources: BTreeMap<(LoadBalancerKey, String), Ranked>,
}

impl Rows {
    pub(super) fn new(window: Window) -> Self {
        Self { window, tally: Tally::default(), sources: BTreeMap::new() }
    }

    /// Adds a row; an error where the query does not produce such a row.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), AthenaError> {
        self.read(row).ok_or_else(|| AthenaError::Row(row.values().cloned().collect::<Vec<_>>().join(" ")))
    }

    fn read(&mut self, row: &Row) -> Option<()> {
        let text = |name: &str| row.get(name).map(String::as_str);
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let key = LoadBalancerKey {
            account: Some(AccountId::new(text("account")?).ok()?),
            region: Some(Region::new(text("region")?).ok()?),
            id: text("elb")?.to_owned(),
        };
        let (what, requests) = (text("what")?, number("requests")?);
        let keys = [text("key1")?, text("key2")?, text("key3")?, text("key4")?];
        if key.id == UNKNOWN_ID {
            let unparsed = &mut self.tally.reading.unparsed;
            match what {
                "hour" if keys[0].ends_with(" unparsed") => unparsed.count += requests,
                "odd" if unparsed.samples.len() < SAMPLES => unparsed.samples.push(keys[0].to_owned()),
                "odd" => {}
                _ => return None,
            }
            return Some(());
        }
        let load_balancer = self.tally.load_balancers.entry(key.clone()).or_default();
        match what {
            "hour" => return hour(load_balancer, self.window, keys, requests),
            "client_day" => {
                load_balancer.client_days.insert(keys[0].parse().ok()?, ClientSketch::counted(requests));
            }
            "status" => add(&mut load_balancer.statuses, keys[0], requests),
            "type" => add(&mut load_balancer.protocols, keys[0], requests),
            "group" => add(&mut load_balancer.target_groups, keys[0], requests),
            "odd" => load_balancer.unparsed.samples.push(keys[0].to_owned()),
            "addresses" | "agents" | "shapes" | "domains" | "groups" | "clients" => {
                let weight = Weight { requests, served: number("served")? };
                let ranked = self.sources.entry((key, what.to_owned())).or_default();
                ranked.push((keys.map(str::to_owned), weight));
            }
            _ => return None,
        }
        Some(())
    }

    /// The tally, with its sources.
    pub(super) fn finish(mut self) -> Result<Tally, AthenaError> {
        for ((key, what), ranked) in self.sources {
            let Some(load_balancer) = self.tally.load_balancers.get_mut(&key) else { continue };
            let total = load_balancer.causes.values().map(Answered::total).sum();
            let sources = &mut load_balancer.sources;
            let texts = |ranked: Ranked| top(total, ranked, |[text, ..]| text);
            match what.as_str() {
                "addresses" => sources.addresses = texts(ranked),
                "agents" => sources.agents = texts(ranked),
                "shapes" => sources.shapes = texts(ranked),
                "domains" => sources.domains = texts(ranked),
                "groups" => sources.target_groups = texts(ranked),
                _ => {
                    sources.clients =
                        clients(ranked).ok_or_else(|| AthenaError::Row("a client without an hour".to_owned()))?;
                }
            }
        }
        Ok(self.tally)
    }
}

/// Adds lines of one hour, kind and way of being answered.
fn hour(load_balancer: &mut LoadBalancerTally, window: Window, keys: [&str; 4], requests: u64) -> Option<()> {
    let [when, answered, tier, reason] = keys;
    let (hour, kind) = when.split_once(' ')?;
    let mut answered = answered.split(' ');
    let (by, family, target) = (answered.next()?, answered.next()?, answered.next()?);
    // The query marks requests for which a target group was chosen.
    let (target, routed) = target.strip_suffix('+').map_or((target, false), |target| (target, true));
    if kind == "unparsed" {
        load_balancer.unparsed.count += requests;
        return Some(());
    }
    if hour == "outside" {
        load_balancer.outside += requests;
        return Some(());
    }
    // Days that a month does not have: nothing else in such a line is used either.
    let Ok(hour) = format!("{hour}Z").parse::<Hour>() else {
        load_balancer.unparsed.count += requests;
        return Some(());
    };
    if !window.contains(hour) {
        return None;
    }
    load_balancer.lines += requests;
    let tally = load_balancer.hours.entry(hour).or_default();
    let status = |family: &str| Status::of_first_byte(family.bytes().next().unwrap_or(b'-'));
    answered_lines(tally, status(family), status(target), routed, requests);
    match kind {
        "compliant" => {
            load_balancer.compliant += requests;
            tally.compliant += requests;
        }
        "absent" => {
            load_balancer.absent += requests;
            tally.absent += requests;
        }
        "rejected" => {
            load_balancer.rejected += requests;
            tally.rejected += requests;
        }
        "tier" => {
            if by == "unknown" {
                load_balancer.without_actions += requests;
            }
            let (by, _) = handled_by(by)?;
            let tier = Tier::from(tier.to_owned());
            *match tier {
                Tier::Acceptable => &mut tally.acceptable,
                Tier::Ambiguous => &mut tally.ambiguous,
                Tier::Severe => &mut tally.severe,
                Tier::Other(_) => &mut tally.other,
            } += requests;
            if by == AnsweredKind::Served {
                tally.served += requests;
            }
            load_balancer.causes.entry(Cause { tier, reason: reason.to_owned() }).or_default().add(by, requests);
        }
        _ => return None,
    }
    Some(())
}

/// Who answered requests, by the query's word, and whether the client was refused.
fn handled_by(word: &str) -> Option<(AnsweredKind, bool)> {
    Some(match word {
        "served" => (AnsweredKind::Served, false),
        "refused" => (AnsweredKind::Refused, false),
        "denied" => (AnsweredKind::Refused, true),
        "failed" => (AnsweredKind::Failed, false),
        "answered" => (AnsweredKind::Answered, false),
        "login" => (AnsweredKind::Login, false),
        "load_balancer" => (AnsweredKind::LoadBalancer, false),
        "firewall" => (AnsweredKind::LoadBalancer, true),
        // Without the actions, a 400 of the load balancer is of the mode in force or of a rule.
        "unanswered" | "unknown" => (AnsweredKind::Unanswered, false),
        "blocked" => (AnsweredKind::Blocked, false),
        _ => return None,
    })
}

/// The clients, by rows of one hour and way of being answered each; none if a row is malformed.
fn clients(mut ranked: Ranked) -> Option<ClientTable> {
    let mut table = ClientTable::default();
    if ranked.len() > CLIENTS {
        // What is missing was no more frequent than the first row that is left out, in each of any number of hours.
        if !ranked.split_off(CLIENTS).is_empty() {
            table.lose(1, u32::MAX.into());
        }
    }
    for ([address, agent, class, handled], weight) in ranked {
        let (tier, reason) = class.split_once(' ')?;
        let (hour, word) = handled.split_once(' ')?;
        let (by, denied) = handled_by(word)?;
        let hour: Hour = format!("{hour}Z").parse().ok()?;
        let cause = Cause { tier: Tier::from(tier.to_owned()), reason: reason.to_owned() };
        table.add(Client { address, agent, cause }, ClientTally::of(by, denied, weight.requests, hour));
    }
    Some(table)
}

/// A table of sources from the most frequent ones. Where there is one more than are kept, nothing that is missing was more
/// frequent than that one.
fn top<K: Ord + Clone>(total: u64, mut ranked: Ranked, key: impl Fn([String; 4]) -> K) -> Top<K> {
    let bound = if ranked.len() > SOURCES {
        ranked.split_off(SOURCES).first().map_or(0, |(_, weight)| weight.requests)
    } else {
        0
    };
    Top::counted(SOURCES, total, bound, ranked.into_iter().map(|(keys, weight)| (key(keys), weight)))
}
