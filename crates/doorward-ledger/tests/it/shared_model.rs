//! The protocol of a shared ledger, as a small model that is searched completely: writers that read, change and write back under a
//! condition, with lost answers, requests that arrive late, refusals, kills at every step, and leases that expire at any moment.
//!
//! Each step below is one request or one decision. What the model says about the protocol holds for the program as far as the program
//! follows it: `doorward-assemble/tests/it/schedules.rs` runs the program itself through such schedules.

use std::collections::HashSet;

/// A change in the stored file: who made it, which try it was, and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Change {
    writer: u8,
    /// Every change that is made anew has another id; the same bytes sent again have the same.
    id: u8,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    /// Takes the lease.
    Acquire,
    /// Records the writer's run and gives the lease back.
    Record,
}

/// Where a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    /// About to read the file.
    Fetch,
    /// Has read the file and decides what to change.
    Decide,
    /// About to send its change.
    Send,
    /// Got no answer, or one that leaves the effect open: about to read the state of the file.
    Look,
    /// Was not first: about to read the file and to look for its change in it.
    Reread,
    Done(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    /// It reports that its run is recorded.
    Recorded,
    /// It reports that it lost the lease, and that nothing was written.
    Fenced,
    /// It reports that the effect of its last change is not known.
    Unknown,
    Killed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Writer {
    at: At,
    wants: What,
    /// The number of changes in its copy: the file only grows, so that a number names a state.
    copy: u8,
    /// The id of its next or its sent change.
    id: u8,
    /// How often the same bytes were sent.
    sent: u8,
    /// Whether it may still take another's lease for expired.
    may_expire: bool,
}

/// The stored file is the list of its changes; its ETag is the number of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    file: Vec<Change>,
    writers: Vec<Writer>,
    /// Requests without an answer that may still arrive, each with the state that it states as condition.
    late: Vec<(u8, Change)>,
    faults: u8,
    kills: u8,
}

/// How often the same bytes are sent before a writer gives up.
const SENDS: u8 = 2;

fn holder(file: &[Change]) -> Option<u8> {
    file.iter().rev().map(|change| (change.what == What::Acquire).then_some(change.writer)).next().flatten()
}

fn recorded(file: &[Change], writer: u8) -> usize {
    file.iter().filter(|change| change.writer == writer && change.what == What::Record).count()
}

impl World {
    fn new(writers: u8, faults: u8, kills: u8) -> Self {
        let writer = Writer { at: At::Fetch, wants: What::Acquire, copy: 0, id: 0, sent: 0, may_expire: true };
        Self { file: Vec::new(), writers: vec![writer; usize::from(writers)], late: Vec::new(), faults, kills }
    }

    fn state(&self) -> u8 {
        self.file.len() as u8
    }

    /// A request with a condition arrives: false where the condition does not hold.
    fn arrive(&mut self, condition: u8, change: Change) -> bool {
        let holds = condition == self.state();
        if holds {
            self.file.push(change);
        }
        holds
    }

    fn with(&self, number: usize, act: impl FnOnce(&mut Self, &mut Writer)) -> Self {
        let mut next = self.clone();
        let mut writer = next.writers[number].clone();
        act(&mut next, &mut writer);
        next.writers[number] = writer;
        next
    }

    /// Every world that one step leads to.
    fn next(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for number in 0..self.late.len() {
            let mut next = self.clone();
            let (condition, change) = next.late.remove(number);
            next.arrive(condition, change);
            all.push(next);
        }
        for (number, writer) in self.writers.iter().enumerate() {
            if matches!(writer.at, At::Done(_)) {
                continue;
            }
            if self.kills > 0 {
                all.push(self.with(number, |world, writer| {
                    world.kills -= 1;
                    writer.at = At::Done(End::Killed);
                }));
            }
            self.steps_of(number, writer, &mut all);
        }
        all
    }

    fn steps_of(&self, number: usize, writer: &Writer, all: &mut Vec<Self>) {
        let me = number as u8;
        let change = Change { writer: me, id: writer.id, what: writer.wants };
        match writer.at {
            At::Done(_) => {}
            At::Fetch => all.push(self.with(number, |world, writer| {
                writer.copy = world.state();
                writer.at = At::Decide;
            })),
            At::Decide => {
                let copy = &self.file[..usize::from(writer.copy)];
                let held = holder(copy);
                let send = |writer: &mut Writer| (writer.at, writer.sent) = (At::Send, 0);
                match (writer.wants, held) {
                    (What::Acquire, None) => all.push(self.with(number, |_, writer| send(writer))),
                    (What::Acquire, Some(_)) => {
                        all.push(self.with(number, |_, writer| writer.at = At::Fetch));
                        if writer.may_expire {
                            all.push(self.with(number, |_, writer| {
                                writer.may_expire = false;
                                send(writer);
                            }));
                        }
                    }
                    (What::Record, Some(held)) if held == me => all.push(self.with(number, |_, writer| send(writer))),
                    (What::Record, _) => all.push(self.with(number, |_, writer| writer.at = At::Done(End::Fenced))),
                }
            }
            At::Send => {
                let sent = |writer: &mut Writer| writer.sent += 1;
                // The request arrives and is answered: done, or refused with 412.
                all.push(self.with(number, |world, writer| {
                    sent(writer);
                    match world.arrive(writer.copy, change) {
                        true => Self::succeed(writer, world.file.len() as u8),
                        false => writer.at = At::Look,
                    }
                }));
                if self.faults == 0 {
                    return;
                }
                // It arrives and its answer is lost; it does not arrive (or gets 409, 500); it arrives later.
                for fault in 0..3 {
                    all.push(self.with(number, |world, writer| {
                        sent(writer);
                        world.faults -= 1;
                        writer.at = At::Look;
                        match fault {
                            0 => _ = world.arrive(writer.copy, change),
                            1 => {}
                            _ => world.late.push((writer.copy, change)),
                        }
                    }));
                }
            }
            At::Look => {
                all.push(self.with(number, |world, writer| {
                    if world.file.last() == Some(&change) {
                        Self::succeed(writer, world.state());
                    } else if world.state() != writer.copy {
                        writer.at = At::Reread;
                    } else if writer.sent >= SENDS {
                        writer.at = At::Done(End::Unknown);
                    } else {
                        writer.at = At::Send;
                    }
                }));
                if self.faults > 0 {
                    all.push(self.with(number, |world, writer| {
                        world.faults -= 1;
                        writer.at = At::Done(End::Unknown);
                    }));
                }
            }
            At::Reread => all.push(self.with(number, |world, writer| {
                writer.copy = world.state();
                if world.file.contains(&change) {
                    Self::succeed(writer, world.state());
                } else {
                    // The change is made anew.
                    writer.id += 1;
                    writer.at = At::Decide;
                }
            })),
        }
    }

    fn succeed(writer: &mut Writer, state: u8) {
        writer.copy = state;
        writer.id += 1;
        (writer.wants, writer.at) = match writer.wants {
            What::Acquire => (What::Record, At::Decide),
            What::Record => (What::Record, At::Done(End::Recorded)),
        };
    }

    /// What must hold in every world.
    fn check(&self) {
        let mut ids = HashSet::new();
        for (n, change) in self.file.iter().enumerate() {
            assert!(ids.insert((change.writer, change.id)), "a change is there twice: {self:?}");
            if change.what == What::Record {
                let before = holder(&self.file[..n]);
                assert_eq!(before, Some(change.writer), "a record without the lease: {self:?}");
            }
        }
        for (number, writer) in self.writers.iter().enumerate() {
            let records = recorded(&self.file, number as u8);
            assert!(records <= 1, "a run is recorded twice: {self:?}");
            match writer.at {
                At::Done(End::Recorded) => assert_eq!(records, 1, "a record is lost: {self:?}"),
                At::Done(End::Fenced) => {
                    assert_eq!(records, 0, "a writer says that nothing was written: {self:?}");
                    let late = |(condition, change): &(u8, Change)| {
                        change.writer == number as u8 && *condition == self.state()
                    };
                    assert!(!self.late.iter().any(late), "a late request would still write: {self:?}");
                }
                _ => {}
            }
        }
    }
}

/// Searches every world that is reachable. Returns how many there are, and how many are ends.
fn explore(writers: u8, faults: u8, kills: u8) -> (usize, usize) {
    let first = World::new(writers, faults, kills);
    let mut seen = HashSet::from([first.clone()]);
    let mut open = vec![first];
    let mut ends = 0;
    while let Some(world) = open.pop() {
        world.check();
        let next = world.next();
        if next.is_empty() {
            ends += 1;
            let unhurt = faults == 0 && kills == 0;
            let without_expiry = world.writers.iter().all(|writer| writer.may_expire);
            let all = world.writers.iter().all(|writer| writer.at == At::Done(End::Recorded));
            assert!(!unhurt || !without_expiry || all, "without a fault, every run is recorded: {world:?}");
        }
        for world in next {
            if seen.insert(world.clone()) {
                open.push(world);
            }
        }
    }
    (seen.len(), ends)
}

#[test]
fn no_schedule_loses_doubles_or_misjudges_a_record() {
    // The numbers of worlds are printed by `--nocapture`. Three faults and two kills for two writers, fewer for more: each bound is
    // reached in a second or two.
    for (writers, faults, kills) in [(2, 0, 0), (2, 4, 2), (3, 0, 0), (3, 2, 1), (4, 0, 0), (4, 1, 0)] {
        let (worlds, ends) = explore(writers, faults, kills);
        println!("{writers} writers, {faults} faults, {kills} kills: {worlds} worlds, {ends} ends");
        assert!(ends > 0 && worlds > 100, "{writers} writers: {worlds} worlds, {ends} ends");
    }
}

/// The search finds faults that are there: a protocol that sends its change again without looking, or without a condition, fails.
#[test]
fn a_writer_that_does_not_look_would_be_found() {
    let change = |id| Change { writer: 0, id, what: What::Record };
    let acquire = |writer, id| Change { writer, id, what: What::Acquire };
    let mut world = World::new(2, 0, 0);
    world.file = vec![acquire(0, 0), change(1), acquire(0, 2), change(3)];
    std::panic::catch_unwind(|| world.check()).expect_err("recorded twice");
    let mut world = World::new(2, 0, 0);
    world.file = vec![acquire(0, 0), acquire(1, 0), change(1)];
    std::panic::catch_unwind(|| world.check()).expect_err("recorded without the lease");
    let mut world = World::new(2, 0, 0);
    world.writers[1].at = At::Done(End::Recorded);
    std::panic::catch_unwind(|| world.check()).expect_err("a record is lost");
}
