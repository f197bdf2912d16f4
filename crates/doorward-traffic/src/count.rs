//! Counts lines into a tally: one by one those that the full parser took apart, in bulk those that took the short way.
//!
//! Almost every line is compliant, and of those only the hour, the protocol, the two statuses and the target group matter.
//! They are counted in small tables of fixed size for one load balancer and hour at a time, and moved into the tally when
//! either changes.

use std::sync::Arc;

use crate::line::{self, Class, Line, Status};
use crate::outcome::by;
use crate::protected::ProtectedClients;
use crate::protocol::{PROTOCOLS, protocol};
use crate::request_origin::excerpt;
use crate::tally::{AnsweredKind, Cause, ClientSketch, LoadBalancerKey, LoadBalancerTally, Tally, Tier, add};
use crate::window::{Hour, STAMP, STAMP_HOUR, Window, is_stamp};

mod counted;

pub(crate) use counted::answered;
use counted::{NO_TARGET_GROUP, UNROUTED, before_port, begins_bare, is_status, sources, unrouted};

/// Of samples this much is kept.
const SAMPLE: usize = 300;
/// Entries of the small tables; a power of two.
const SLOTS: usize = 64;
/// Lines after which the small tables are emptied, so that their counts cannot overflow.
const FULL: u32 = 1 << 30;

/// Where the spaces stand that separate fields, counted from the beginning of the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spaces {
    pub(crate) fourth: usize,
    pub(crate) eighth: usize,
    pub(crate) sixteenth: usize,
    pub(crate) seventeenth: usize,
    pub(crate) twenty_seventh: usize,
}

/// Counts the lines of one object after the other.
pub(crate) struct Counter {
    window: Option<Window>,
    /// The load balancer that the object's key names, to which its unparsed lines belong. The account and the Region of the key hold for
    /// its lines only: a file may have been renamed.
    named: Option<LoadBalancerKey>,
    protected: Arc<ProtectedClients>,
    run: Run,
    tally: Tally,
}

/// Lines in a row of one load balancer and hour.
struct Run {
    /// The load balancer's id and a space.
    load_balancer: Vec<u8>,
    stamp: [u8; STAMP_HOUR],
    hour: Option<Hour>,
    inside: bool,
    lines: u32,
    protocols: [u32; PROTOCOLS.len()],
    /// The three digits of the status and the first byte of the target's, with its highest bit set where no target group was chosen; and
    /// how often.
    statuses: [([u8; 4], u32); SLOTS],
    target_groups: Vec<(Vec<u8>, u32)>,
    clients: ClientSketch,
}

impl Counter {
    pub(crate) fn new(window: Option<Window>) -> Self {
        let run = Run {
            load_balancer: Vec::new(),
            stamp: [0; STAMP_HOUR],
            hour: None,
            inside: false,
            lines: 0,
            protocols: [0; PROTOCOLS.len()],
            statuses: [([0; 4], 0); SLOTS],
            target_groups: vec![(Vec::new(), 0); SLOTS],
            clients: ClientSketch::default(),
        };
        Self { window, named: None, protected: Arc::default(), run, tally: Tally::default() }
    }

    /// The same, comparing clients with protected ones.
    pub(crate) fn protecting(self, protected: Arc<ProtectedClients>) -> Self {
        Self { protected, ..self }
    }

    /// Begins an object. What was not taken before is still there.
    pub(crate) fn begin(&mut self, named: Option<LoadBalancerKey>) {
        self.flush();
        self.run.hour = None;
        self.named = named;
    }

    /// What was counted since the last time.
    pub(crate) fn take(&mut self) -> Tally {
        self.flush();
        std::mem::take(&mut self.tally)
    }

    /// How reading goes, to be added to.
    pub(crate) fn reading(&mut self) -> &mut crate::tally::Reading {
        &mut self.tally.reading
    }

    /// Counts a line that cannot be understood.
    pub(crate) fn unparsed(&mut self, line: &[u8]) {
        let unparsed = match &self.named {
            Some(named) => &mut self.tally.load_balancers.entry(named.clone()).or_default().unparsed,
            None => &mut self.tally.reading.unparsed,
        };
        unparsed.add(|| excerpt(line, SAMPLE));
    }

    /// Counts a line, of whatever kind.
    pub(crate) fn full(&mut self, line: &[u8]) {
        if line.is_empty() || line == b"\r" {
            return;
        }
        self.tally.reading.full_parser += 1;
        match line::read(line) {
            Some(line) => self.understood(&line),
            None => self.unparsed(line),
        }
    }

    /// Counts a compliant line in bulk if it is of the current load balancer and hour; returns whether it is.
    fn in_bulk(&mut self, line: &Line<'_>) -> bool {
        let protocol = PROTOCOLS.iter().position(|name| name.as_bytes() == line.protocol);
        let same =
            self.run.hour == Some(line.hour) && self.run.load_balancer.strip_suffix(b" ") == Some(line.load_balancer);
        let (Some(protocol), Some(_), true) = (protocol, line.status.family(), same && self.run.lines < FULL) else {
            return false;
        };
        self.run.lines += 1;
        self.run.protocols[protocol] += 1;
        let [a, b, c, target] = line.status.with_first_byte_of(line.target_status);
        self.status([a, b, c, unrouted(target, line.target_group)]);
        self.target_group(line.target_group);
        self.run.clients.add(line.address());
        true
    }

    fn understood(&mut self, line: &Line<'_>) {
        if line.class == Class::Compliant && self.in_bulk(line) {
            return;
        }
        let key = self.key(line.load_balancer);
        let load_balancer = self.tally.load_balancers.entry(key).or_default();
        if self.window.is_some_and(|window| !window.contains(line.hour)) {
            load_balancer.outside += 1;
            return;
        }
        let status = line.status.text();
        load_balancer.lines += 1;
        add(&mut load_balancer.statuses, &status, 1);
        add(&mut load_balancer.target_groups, &excerpt(line.target_group, SAMPLE), 1);
        add(&mut load_balancer.protocols, &excerpt(line.protocol, SAMPLE), 1);
        load_balancer.client_days.entry(line.hour.day()).or_default().add(line.address());
        let hour = load_balancer.hours.entry(line.hour).or_default();
        answered(hour, line.status, line.target_status, line.target_group != NO_TARGET_GROUP, 1);
        match line.class {
            Class::Compliant => {
                load_balancer.compliant += 1;
                hour.compliant += 1;
            }
            Class::Absent => {
                load_balancer.absent += 1;
                hour.absent += 1;
            }
            Class::Rejected => {
                load_balancer.rejected += 1;
                hour.rejected += 1;
            }
            Class::Tier(tier, reason) => {
                let tier = Tier::from(excerpt(tier, SAMPLE));
                *match tier {
                    Tier::Acceptable => &mut hour.acceptable,
                    Tier::Ambiguous => &mut hour.ambiguous,
                    Tier::Severe => &mut hour.severe,
                    Tier::Other(_) => &mut hour.other,
                } += 1;
                let by = by(line);
                hour.served += u64::from(by == AnsweredKind::Served);
                let cause = Cause { tier, reason: excerpt(reason, SAMPLE) };
                sources(load_balancer, line, &cause, by, &self.protected);
                load_balancer.causes.entry(cause).or_default().add(by, 1);
            }
        }
    }

    /// Counts a line that is known to be compliant if its first fields and its statuses are valid; returns whether they are. Nothing is counted otherwise. The caller has proved that the fields of the line begin where `spaces` say, that fields
    /// 27 and 28 are `"-"`, and that there is neither a backslash nor a quote inside a field.
    #[inline]
    pub(crate) fn short(&mut self, line: &[u8], spaces: Spaces) -> bool {
        self.try_short(line, spaces).is_some()
    }

    #[inline]
    fn try_short(&mut self, line: &[u8], spaces: Spaces) -> Option<()> {
        let (protocol, length) = protocol(line.first_chunk()?)?;
        let after = line.get(length + 1..)?;
        let stamp: &[u8; STAMP] = after.first_chunk()?;
        let after = after.get(STAMP..)?.strip_prefix(b" ")?;
        if !is_stamp(stamp) {
            return None;
        }
        let [status @ .., b' ', target] = *line.get(spaces.eighth + 1..)?.first_chunk::<5>()? else { return None };
        let [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] = status else { return None };
        // A 400 may be a request that could not be parsed; that takes a closer look.
        if status == *b"400" || !is_status(target, line.get(spaces.eighth + 6..)?) {
            return None;
        }
        let target_group = line.get(spaces.sixteenth + 1..spaces.seventeenth)?;
        if !begins_bare(target_group) {
            return None;
        }
        let same = after.starts_with(&self.run.load_balancer) && *stamp.first_chunk::<STAMP_HOUR>()? == self.run.stamp;
        let client = if same && self.run.hour.is_some() && self.run.lines < FULL {
            &after[self.run.load_balancer.len()..]
        } else {
            let space = memchr::memchr(b' ', after)?;
            let (load_balancer, client) = (&after[..space], &after[space + 1..]);
            if !begins_bare(load_balancer) || !begins_bare(client) {
                return None;
            }
            self.change(load_balancer, stamp.first_chunk()?)?;
            client
        };
        if !begins_bare(client) {
            return None;
        }
        let start = line.len() - client.len();
        let length = before_port(line.get(start..spaces.fourth)?);
        self.run.clients.add_start(client, length);
        self.tally.reading.short_way += 1;
        self.run.lines += 1;
        self.run.protocols[protocol] += 1;
        let [a, b, c] = status;
        self.status([a, b, c, unrouted(target, target_group)]);
        self.target_group(target_group);
        Some(())
    }

    /// Changes to another load balancer or hour; none if the hour does not exist.
    #[cold]
    fn change(&mut self, load_balancer: &[u8], stamp: &[u8; STAMP_HOUR]) -> Option<()> {
        let hour = Hour::of_stamp(stamp)?;
        self.flush();
        self.run.load_balancer.clear();
        self.run.load_balancer.extend_from_slice(load_balancer);
        self.run.load_balancer.push(b' ');
        self.run.stamp = *stamp;
        self.run.hour = Some(hour);
        self.run.inside = self.window.is_none_or(|window| window.contains(hour));
        Some(())
    }

    #[inline]
    fn status(&mut self, key: [u8; 4]) {
        let slot = (u32::from_le_bytes(key).wrapping_mul(0x9e37_79b1) >> 26) as usize % SLOTS;
        let entry = &mut self.run.statuses[slot];
        if entry.0 == key {
            entry.1 += 1;
            return;
        }
        let (old, count) = std::mem::replace(entry, (key, 1));
        if count > 0 {
            self.put_status(old, count);
        }
    }

    #[inline]
    fn target_group(&mut self, name: &[u8]) {
        // Names of one load balancer differ at their ends, which are random.
        let end = name.last_chunk::<8>().map_or(0, |end| u64::from_le_bytes(*end));
        let slot = (end.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % SLOTS;
        let Some(entry) = self.run.target_groups.get_mut(slot) else { return };
        if entry.0 == name {
            entry.1 += 1;
            return;
        }
        let (old, count) = std::mem::replace(entry, (name.to_vec(), 1));
        if count > 0 {
            self.put_target_group(&old, count);
        }
    }

    fn flush(&mut self) {
        if self.run.lines == 0 {
            return;
        }
        let lines = std::mem::take(&mut self.run.lines);
        if let Some((load_balancer, _)) = self.running() {
            load_balancer.lines += u64::from(lines);
            load_balancer.compliant += u64::from(lines);
        } else {
            self.outside().outside += u64::from(lines);
        }
        let protocols = std::mem::take(&mut self.run.protocols);
        let clients = std::mem::take(&mut self.run.clients);
        if let Some((load_balancer, hour)) = self.running() {
            load_balancer.client_days.entry(hour.day()).or_default().merge(&clients);
            for (name, count) in PROTOCOLS.iter().zip(protocols).filter(|(_, count)| *count > 0) {
                add(&mut load_balancer.protocols, name, u64::from(count));
            }
        }
        for slot in 0..SLOTS {
            let (key, count) = std::mem::take(&mut self.run.statuses[slot]);
            if count > 0 {
                self.put_status(key, count);
            }
            // The name stays, because the next hour has the same ones.
            let Some(entry) = self.run.target_groups.get_mut(slot) else { continue };
            let (name, count) = (std::mem::take(&mut entry.0), std::mem::take(&mut entry.1));
            if count > 0 {
                self.put_target_group(&name, count);
            }
            if let Some(entry) = self.run.target_groups.get_mut(slot) {
                entry.0 = name;
            }
        }
    }

    #[cold]
    fn put_status(&mut self, key: [u8; 4], count: u32) {
        let [a, b, c, target] = key;
        let Some((load_balancer, hour)) = self.running() else { return };
        let status = Status::of_digits([a, b, c]);
        add(&mut load_balancer.statuses, &status.text(), u64::from(count));
        let tally = load_balancer.hours.entry(hour).or_default();
        tally.compliant += u64::from(count);
        answered(tally, status, Status::of_first_byte(target & !UNROUTED), target & UNROUTED == 0, u64::from(count));
    }

    #[cold]
    fn put_target_group(&mut self, name: &[u8], count: u32) {
        if let Some((load_balancer, _)) = self.running() {
            add(&mut load_balancer.target_groups, &excerpt(name, SAMPLE), u64::from(count));
        }
    }

    /// The load balancer with an id.
    fn key(&self, id: &[u8]) -> LoadBalancerKey {
        match &self.named {
            Some(named) if named.id.as_bytes() == id => named.clone(),
            _ => LoadBalancerKey { account: None, region: None, id: excerpt(id, SAMPLE) },
        }
    }

    fn running_key(&self) -> LoadBalancerKey {
        self.key(self.run.load_balancer.strip_suffix(b" ").unwrap_or_default())
    }

    /// The load balancer and hour of consecutive lines; none if the hour is outside the window.
    fn running(&mut self) -> Option<(&mut LoadBalancerTally, Hour)> {
        let hour = self.run.hour.filter(|_| self.run.inside)?;
        let key = self.running_key();
        Some((self.tally.load_balancers.entry(key).or_default(), hour))
    }

    fn outside(&mut self) -> &mut LoadBalancerTally {
        let key = self.running_key();
        self.tally.load_balancers.entry(key).or_default()
    }
}
