//! Writers of a shared ledger in every order of their requests, with lost answers, refusals and kills: no record is lost or doubled,
//! no writer reports what is not so, and a kill blocks no writer for longer than a lease.
//!
//! `DOORWARD_SCHEDULES=all` searches all schedules of two writers with one fault, instead of a part of them.

use std::sync::Arc;

use doorward_ledger::{Ledger, LedgerError};
use doorward_model::ScanReport;

use crate::scheduler::{Bed, Fate, Scheduler};

#[path = "../../../doorward-ledger/tests/it/scene.rs"]
#[allow(dead_code, reason = "the scenes of the ledger's own tests, of which this needs a part")]
mod scene;

use scene::{report, time};

/// How a writer ended.
#[derive(Debug)]
enum End {
    Recorded,
    /// It reports an error: whether its run is recorded may be unknown.
    Failed(LedgerError),
}

/// A scan of the same two load balancers, of which one fails. Later scans end later.
fn scan(number: usize) -> ScanReport {
    report(&format!("run-{number}"), 10 + number as i64, "1 full a:f; 2 full b:p")
}

/// Records a scan, as `doorward scan` does with a ledger in S3.
fn write(bed: &Bed, number: usize, scheduler: &Scheduler) -> Result<(), LedgerError> {
    let mut ledger = Ledger::open_shared(bed.store(number))?;
    let lease = loop {
        let ttl = ledger.lease_ttl();
        match ledger.acquire_lease(&format!("writer {number}"), time(scheduler.clock()), ttl) {
            Err(LedgerError::Held { .. }) if scheduler.wait_for_lease(number) => {}
            taken => break taken?,
        }
    };
    let scan = scan(number);
    ledger.together(|ledger| {
        ledger.record(&lease, &scan, &[])?;
        ledger.release_lease(lease.clone())
    })
}

/// Runs a schedule and checks its end.
fn run(runtime: &tokio::runtime::Runtime, writers: usize, choose: impl FnMut(&[(usize, bool)]) -> (usize, Fate)) {
    let bed = runtime.block_on(Bed::start(writers));
    let scheduler: Arc<Scheduler> = bed.scheduler.clone();
    let ends: Vec<End> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..writers)
            .map(|number| {
                let (bed, scheduler) = (&bed, &scheduler);
                scope.spawn(move || {
                    let done = write(bed, number, scheduler);
                    scheduler.ended();
                    done.map_or_else(End::Failed, |()| End::Recorded)
                })
            })
            .collect();
        scheduler.run(choose);
        running.into_iter().map(|writer| writer.join().expect("no panic")).collect()
    });
    let recorded: Vec<String> = match Ledger::read_shared(bed.reader()) {
        Ok(ledger) => {
            ledger.integrity().expect("sound");
            ledger.runs().expect("reads").into_iter().map(|run| run.id).collect()
        }
        Err(LedgerError::Missing { .. }) => Vec::new(),
        Err(error) => panic!("{error}"),
    };
    for (number, end) in ends.iter().enumerate() {
        let times = recorded.iter().filter(|run| **run == format!("run-{number}")).count();
        match end {
            End::Recorded => assert_eq!(times, 1, "writer {number}: {ends:?} {recorded:?}"),
            End::Failed(LedgerError::Fenced { .. } | LedgerError::Held { .. } | LedgerError::Contended { .. }) => {
                assert_eq!(times, 0, "writer {number}: {ends:?} {recorded:?}");
            }
            End::Failed(error) => {
                let known = scheduler.is_killed(number) || error.to_string().contains("s3:");
                assert!(times <= 1 && known, "writer {number}: {error}: {recorded:?}");
            }
        }
    }
    // Whatever happened, the next scan is recorded when the lease of a killed writer has expired.
    let mut ledger = Ledger::open_shared(bed.reader()).expect("opens");
    let now = scheduler.clock() + 10_000;
    let ttl = ledger.lease_ttl();
    let lease = ledger.acquire_lease("the next", time(now), ttl).expect("expired");
    ledger.record(&lease, &report("run-last", now, "1 full a:f; 2 full b:p"), &[]).expect("records");
    ledger.release_lease(lease).expect("its own");
    let open: Vec<String> = ledger.open_findings().expect("reads").into_iter().map(|finding| finding.name).collect();
    assert_eq!(open, ["a"], "one finding, neither lost nor doubled: {ends:?}");
}

/// The decisions of one schedule: those given, then the first possibility each time; and how many there were.
struct Search {
    given: Vec<usize>,
    taken: Vec<(usize, usize)>,
    faults: usize,
}

impl Search {
    fn choose(&mut self, requests: &[(usize, bool)]) -> (usize, Fate) {
        let mut possible: Vec<(usize, Fate)> = (0..requests.len()).map(|position| (position, Fate::Pass)).collect();
        if self.faults > 0 {
            for (position, (_, writes)) in requests.iter().enumerate() {
                let fates = Fate::FAULTS.into_iter().filter(|fate| *writes || *fate != Fate::Conflict);
                possible.extend(fates.map(|fate| (position, fate)));
            }
        }
        let number = self.given.get(self.taken.len()).copied().unwrap_or(0);
        self.taken.push((number, possible.len()));
        let chosen = possible[number];
        self.faults -= usize::from(chosen.1 != Fate::Pass);
        chosen
    }

    /// The next schedule in order; none after the last.
    fn next(mut self) -> Option<Vec<usize>> {
        while let Some((number, all)) = self.taken.pop() {
            if number + 1 < all {
                let mut given: Vec<usize> = self.taken.iter().map(|(number, _)| *number).collect();
                given.push(number + 1);
                return Some(given);
            }
        }
        None
    }
}

fn search(writers: usize, faults: usize, most: usize) -> usize {
    let runtime = runtime();
    let (mut given, mut schedules) = (Some(Vec::new()), 0);
    while let Some(decisions) = given {
        let mut search = Search { given: decisions, taken: Vec::new(), faults };
        run(&runtime, writers, |requests| search.choose(requests));
        schedules += 1;
        given = search.next().filter(|_| schedules < most);
    }
    schedules
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("starts")
}

/// Whether everything is searched.
fn everything() -> bool {
    std::env::var_os("DOORWARD_SCHEDULES").is_some_and(|wanted| wanted == "all")
}

#[test]
fn every_order_of_two_writers() {
    let most = if everything() { usize::MAX } else { 120 };
    let schedules = search(2, 0, most);
    println!("2 writers without a fault: {schedules} schedules");
    assert!(schedules > 20, "{schedules}");
    if everything() {
        println!("2 writers with one fault: {} schedules", search(2, 1, usize::MAX));
    }
}

#[test]
fn random_schedules_of_two_to_four_writers() {
    let runtime = runtime();
    let rounds = if everything() { 3000 } else { 24 };
    for seed in 0..rounds {
        let mut random = fastrand::Rng::with_seed(seed);
        let writers = random.usize(2..=4);
        let mut faults = random.usize(0..=4);
        run(&runtime, writers, |requests| {
            let position = random.usize(0..requests.len());
            let fate = if faults > 0 && random.u8(0..4) == 0 {
                faults -= 1;
                let fate = Fate::FAULTS[random.usize(0..Fate::FAULTS.len())];
                if requests[position].1 || fate != Fate::Conflict { fate } else { Fate::Lost }
            } else {
                Fate::Pass
            };
            (position, fate)
        });
    }
}
