//! Counting with a memory is counting without one, byte for byte: whatever the windows, whatever became of the memory.

use std::path::{Path, PathBuf};

use doorward_fakeaws::{Fault, What};
use doorward_traffic::{CountCache, Counted, Window};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::bed::{APP, Bed, Log, at, logs_of};

/// What happens between two runs.
#[derive(Debug, Clone)]
enum Happens {
    Nothing,
    /// A file of the memory is spoiled at that place.
    Damage(prop::sample::Index, prop::sample::Index),
    /// Objects get other content.
    Rewrite(i64),
    /// The memory is lost.
    Forget,
    /// Every third object is refused, once.
    Refuse,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => Just(Happens::Nothing),
        2 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(file, at)| Happens::Damage(file, at)),
        1 => (0..60_i64).prop_map(Happens::Rewrite),
        1 => Just(Happens::Forget),
        1 => Just(Happens::Refuse),
    ]
}

fn hour(number: i64) -> jiff::Timestamp {
    at("2026-08-31T20:00:00Z") + SignedDuration::from_hours(number)
}

/// Objects of two load balancers, one every seven minutes, some at the edge of an hour and some with lines of an earlier one.
fn put(bed: &Bed, number: i64, severe: u64) {
    let end = hour(0) + SignedDuration::from_mins(7 * number);
    let name = if number % 3 == 0 { "api" } else { "web" };
    let log = Log { end, ..Log::of(APP, name, "2026-09-01T00:00:00Z", (2, severe)) };
    // The lines are a minute older than the object; a name that says later makes them as old as a WebSocket's.
    let said = if number % 11 == 0 {
        Log { end: end + SignedDuration::from_mins(90), ..Log::of(APP, name, "2026-09-01T00:00:00Z", (0, 0)) }
    } else {
        Log { end, ..Log::of(APP, name, "2026-09-01T00:00:00Z", (0, 0)) }
    };
    bed.put_at("central-logs", &said.key("alb"), &log);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn gets(bed: &Bed) -> usize {
    bed.server.calls().iter().filter(|call| call.action == "GetObject").count()
}

/// Counts without and with a memory.
async fn both(bed: &Bed, window: Window, folder: &Path, most: u64) -> (Counted, Counted, CountCache) {
    let spans = [(window.starts_at(), window.ends_at())];
    let places = ["web", "api"].map(|name| logs_of(APP, name, "central-logs", &spans));
    let plan = bed.source.plan_logs(&places).await;
    let plain = bed.source.count_logs(&plan, 2, Some(window), |_, _| ()).await;
    bed.server.clear_calls();
    let mut memory = CountCache::open(folder, hour(0).to_zoned(jiff::tz::TimeZone::UTC).date(), most).unwrap();
    let mut seen = 0;
    let counted = bed.source.recount_logs(&plan, 2, Some(window), &mut memory, |_, _| seen += 1).await;
    assert_eq!(seen, plan.objects.len());
    assert_eq!(memory.used.recalled + memory.used.read, plan.objects.len() as u64);
    (plain, counted, memory)
}

fn text(counted: &Counted) -> String {
    serde_json::to_string(&counted.tally).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_memory_changes_nothing(runs in proptest::collection::vec((0_i64..8, 1_i64..6, happens(), any::<bool>()), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bed = Bed::with_organization("page_size = 7").await;
            for number in 0..60 {
                put(&bed, number, (number % 4) as u64);
            }
            let folder = tempfile::tempdir().unwrap();
            for (from, hours, happens, little) in runs {
                match happens {
                    Happens::Nothing | Happens::Refuse => {}
                    Happens::Damage(file, place) => {
                        let files = files(folder.path());
                        if !files.is_empty() {
                            let path = &files[file.index(files.len())];
                            let mut bytes = std::fs::read(path).unwrap();
                            if !bytes.is_empty() {
                                let place = place.index(bytes.len());
                                bytes[place] ^= 0x20;
                            }
                            std::fs::write(path, bytes).unwrap();
                        }
                    }
                    Happens::Rewrite(number) => put(&bed, number, 9),
                    Happens::Forget => files(folder.path()).into_iter().for_each(|path| std::fs::remove_file(path).unwrap()),
                }
                let window = Window::covering(hour(from), hour(from + hours)).unwrap();
                // Sometimes there is hardly any room.
                let most = if little { 2_000 } else { 1_000_000 };
                let (plain, counted, _) = both(&bed, window, folder.path(), most).await;
                assert_eq!(text(&counted), text(&plain));
                assert_eq!(counted, plain);
                if matches!(happens, Happens::Refuse) {
                    bed.server.set_faults(vec![Fault::new(What::ServerError(500)).action("GetObject").every(3)]);
                    both(&bed, window, folder.path(), most).await;
                    bed.server.set_faults(vec![]);
                    let (plain, counted, _) = both(&bed, window, folder.path(), most).await;
                    assert_eq!(counted, plain);
                }
            }
            bed.server.shutdown().await;
        });
    }
}

#[tokio::test]
async fn only_what_is_new_is_read() {
    let bed = Bed::start().await;
    for number in 0..40 {
        put(&bed, number, 1);
    }
    let folder = tempfile::tempdir().unwrap();
    let day = |hours: i64| Window::covering(hour(0), hour(hours)).unwrap();
    let (_, counted, memory) = both(&bed, day(4), folder.path(), 1_000_000).await;
    let first = gets(&bed);
    assert!(first > 25 && memory.used.recalled == 0, "{first} {:?}", memory.used);
    let (_, again, memory) = both(&bed, day(4), folder.path(), 1_000_000).await;
    assert_eq!(text(&again), text(&counted));
    // The objects that end right after the window, and those with lines from before it, are not used.
    assert!(gets(&bed) <= 4, "{} of {first} were read again", gets(&bed));
    assert_eq!(memory.used.read, gets(&bed) as u64);
    // A rewritten object is another one.
    put(&bed, 13, 5);
    let before = gets(&bed);
    let (plain, again, _) = both(&bed, day(4), folder.path(), 1_000_000).await;
    assert_eq!((again == plain, gets(&bed)), (true, before + 1));
    bed.server.shutdown().await;
}
