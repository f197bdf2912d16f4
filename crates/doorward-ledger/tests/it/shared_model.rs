//! The protocol of a shared ledger, as a small model that is searched completely: writers that read, change and write back under a
//! condition, with any number of lost answers, requests that arrive late, refusals, kills at every step, and leases that expire at any
//! moment.
//!
//! Each step below is one request or one decision. The stored file is not kept as such: what matters of it is which writer holds the
//! lease, which runs are recorded, whose change is the last, and whose copies are still the newest. A copy that is outdated never becomes
//! the newest again, because every change gives the file a new state. Writers are alike, so that their order does not matter.
//!
//! What the model says about the protocol holds for the program as far as the program follows it:
//! `doorward-assemble/tests/it/schedules.rs` runs the program itself through such schedules.

use std::collections::HashSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Change {
    /// Takes the lease.
    Acquire,
    /// Records the writer's run and gives the lease back.
    Record,
}

/// Where a writer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum At {
    /// About to read the file.
    Fetch,
    /// Has read the file and decides what to do.
    Decide,
    /// About to send its change; it was sent so often already.
    Send(u8),
    /// Got no answer, or one that leaves the effect open: about to read the state of the file.
    Look(u8),
    /// Was not first: about to read the file and to look for its change in it.
    Reread,
    End(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum End {
    /// It reports that its run is recorded.
    Recorded,
    /// It reports that it lost the lease, and that nothing was written.
    Fenced,
    /// It reports that the effect of its last change is not known.
    Unknown,
    Killed,
}

/// Who held the lease in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Holder {
    Free,
    Me,
    Another,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Writer {
    at: At,
    wants: Change,
    /// Whether its copy is the newest state: the condition of its write holds.
    newest: bool,
    seen: Holder,
    /// Whether the change that it is making is in the file, and whether that is the last one.
    applied: bool,
    last: bool,
    /// Whether a request of it is still on its way, with a condition that holds.
    late: bool,
    /// Whether it holds the lease, and whether its run is recorded, in the file as it is now.
    holds: bool,
    recorded: bool,
}

impl Writer {
    const NEW: Self = Self {
        at: At::Fetch,
        wants: Change::Acquire,
        newest: false,
        seen: Holder::Free,
        applied: false,
        last: false,
        late: false,
        holds: false,
        recorded: false,
    };
}

/// How often the same bytes are sent before a writer gives up.
const SENDS: u8 = 2;

/// What can happen besides requests that are answered.
#[derive(Clone, Copy)]
struct Adversary {
    faults: bool,
    kills: bool,
    expiry: bool,
}

/// The writers, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World(Vec<Writer>);

impl World {
    /// The change of a writer takes effect, whatever the writer knows of that.
    fn apply(&mut self, number: usize) {
        let writer = self.0[number];
        assert!(!writer.applied, "a change is there twice: {self:?}");
        assert!(!matches!(writer.at, At::End(End::Recorded | End::Fenced)), "a change after its end: {self:?}");
        if writer.wants == Change::Record {
            assert!(writer.holds, "a record without the lease: {self:?}");
            assert!(!writer.recorded, "a run is recorded twice: {self:?}");
        }
        for one in &mut self.0 {
            // Every other copy, and every request that states it as condition, is outdated now.
            (one.newest, one.last, one.late, one.holds) = (false, false, false, false);
        }
        let writer = &mut self.0[number];
        (writer.applied, writer.last) = (true, true);
        match writer.wants {
            Change::Acquire => writer.holds = true,
            Change::Record => writer.recorded = true,
        }
    }

    /// A request arrives: false where its condition does not hold.
    fn arrive(&mut self, number: usize) -> bool {
        let holds = self.0[number].newest;
        if holds {
            self.apply(number);
        }
        holds
    }

    fn read(&mut self, number: usize) {
        let free = !self.0.iter().any(|writer| writer.holds);
        let writer = &mut self.0[number];
        writer.newest = true;
        writer.seen = match (free, writer.holds) {
            (true, _) => Holder::Free,
            (_, true) => Holder::Me,
            _ => Holder::Another,
        };
    }

    /// The writer knows that its change is in the file, and has the file as it is now.
    fn succeed(&mut self, number: usize) {
        self.read(number);
        let writer = &mut self.0[number];
        (writer.applied, writer.last) = (false, false);
        (writer.wants, writer.at) = match writer.wants {
            Change::Acquire => (Change::Record, At::Decide),
            Change::Record => (Change::Record, At::End(End::Recorded)),
        };
    }

    fn with(&self, act: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        act(&mut next);
        next.check();
        next.0.sort_unstable();
        next
    }

    /// Every world that one step leads to.
    fn next(&self, may: Adversary) -> Vec<Self> {
        let mut all = Vec::new();
        for (number, writer) in self.0.iter().copied().enumerate() {
            if writer.late {
                all.push(self.with(|world| {
                    world.0[number].late = false;
                    world.apply(number);
                }));
            }
            let at = |at: At| self.with(|world| world.0[number].at = at);
            if may.kills && !matches!(writer.at, At::End(_)) {
                all.push(at(At::End(End::Killed)));
            }
            match writer.at {
                At::End(_) => {}
                At::Fetch => all.push(self.with(|world| {
                    world.read(number);
                    world.0[number].at = At::Decide;
                })),
                At::Decide => match (writer.wants, writer.seen) {
                    (Change::Acquire, Holder::Another) => {
                        all.push(at(At::Fetch));
                        all.extend(may.expiry.then(|| at(At::Send(0))));
                    }
                    (Change::Acquire, _) | (Change::Record, Holder::Me) => all.push(at(At::Send(0))),
                    (Change::Record, _) => all.push(at(At::End(End::Fenced))),
                },
                At::Send(sent) => {
                    let sent = sent + 1;
                    // It arrives and is answered: done, or refused with 412.
                    all.push(self.with(|world| match world.arrive(number) {
                        true => world.succeed(number),
                        false => world.0[number].at = At::Look(sent),
                    }));
                    if may.faults {
                        // It arrives and its answer is lost; it does not arrive (or gets 409, 500); it arrives later.
                        all.push(self.with(|world| {
                            world.0[number].at = At::Look(sent);
                            world.arrive(number);
                        }));
                        all.push(at(At::Look(sent)));
                        all.push(self.with(|world| {
                            world.0[number].at = At::Look(sent);
                            world.0[number].late = writer.newest;
                        }));
                    }
                }
                At::Look(sent) => {
                    all.push(self.with(|world| match (writer.last && writer.applied, writer.newest) {
                        (true, _) => world.succeed(number),
                        (_, false) => world.0[number].at = At::Reread,
                        (_, true) if sent >= SENDS => world.0[number].at = At::End(End::Unknown),
                        (_, true) => world.0[number].at = At::Send(sent),
                    }));
                    all.extend(may.faults.then(|| at(At::End(End::Unknown))));
                }
                At::Reread => all.push(self.with(|world| match writer.applied {
                    true => world.succeed(number),
                    false => {
                        // The change is made anew, on what is stored now.
                        world.read(number);
                        world.0[number].at = At::Decide;
                    }
                })),
            }
        }
        all
    }

    /// What must hold in every world.
    fn check(&self) {
        assert!(self.0.iter().filter(|writer| writer.holds).count() <= 1, "two hold the lease: {self:?}");
        for writer in &self.0 {
            match writer.at {
                At::End(End::Recorded) => assert!(writer.recorded, "a record is lost: {self:?}"),
                At::End(End::Fenced) => assert!(!writer.recorded && !writer.late, "nothing was written: {self:?}"),
                _ => {}
            }
        }
    }
}

/// Searches every world that is reachable. Returns how many there are, and how many are ends.
fn explore(writers: usize, may: Adversary) -> (usize, usize) {
    let first = World(vec![Writer::NEW; writers]);
    let mut seen = HashSet::from([first.clone()]);
    let mut open = vec![first];
    let mut ends = 0;
    while let Some(world) = open.pop() {
        let next = world.next(may);
        if next.is_empty() {
            ends += 1;
            let all = world.0.iter().all(|writer| writer.at == At::End(End::Recorded));
            assert!(all || may.faults || may.kills || may.expiry, "without a fault, every run is recorded: {world:?}");
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
    let (calm, wild) = ((false, false, false), (true, true, true));
    // Four writers with everything that can happen take minutes.
    let all = std::env::var_os("DOORWARD_SCHEDULES").is_some_and(|wanted| wanted == "all");
    let widest = all.then_some((4, wild));
    let usual = [(2, calm), (2, wild), (3, calm), (3, wild), (4, calm), (4, (true, false, false))];
    for (writers, (faults, kills, expiry)) in usual.into_iter().chain(widest) {
        let (worlds, ends) = explore(writers, Adversary { faults, kills, expiry });
        println!("{writers} writers, faults {faults}, kills {kills}, expiry {expiry}: {worlds} worlds, {ends} ends");
        assert!(ends > 0 && worlds > 20, "{writers} writers: {worlds} worlds, {ends} ends");
    }
}

/// The search finds faults that are there.
#[test]
fn a_writer_that_breaks_the_protocol_would_be_found() {
    let found = |act: fn(&mut World)| {
        let mut world = World(vec![Writer::NEW; 2]);
        std::panic::catch_unwind(move || {
            act(&mut world);
            world.check();
        })
        .expect_err("the fault is not found");
    };
    // It records without the lease; twice; its record is replaced; it sends a change again although it took effect.
    found(|world| {
        world.0[0].wants = Change::Record;
        world.apply(0);
    });
    found(|world| {
        (world.0[0].wants, world.0[0].holds, world.0[0].recorded) = (Change::Record, true, true);
        world.apply(0);
    });
    found(|world| world.0[1].at = At::End(End::Recorded));
    found(|world| {
        world.apply(0);
        world.apply(0);
    });
}
