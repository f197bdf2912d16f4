//! What is kept comes back as it was or not at all, and takes no more room than it may.

use proptest::prelude::*;

use super::*;
use crate::object::Key;
use crate::read::{Limits, Reader};

const FOLDER_OF_KEYS: &str = "alb/AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2026/09";

fn key(day: u8, number: usize) -> (String, LogObject) {
    let name = format!(
        "111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_202609{day:02}T0005Z_192.0.2.1_{number:08}.log.gz"
    );
    let Key::AccessLog(object) = Key::read(&name) else { panic!("{name}") };
    (format!("{FOLDER_OF_KEYS}/{day:02}/{name}"), object)
}

fn tally(day: u8, lines: usize) -> Tally {
    let (key, _) = key(day, 0);
    let line = format!(
        "https 2026-09-{day:02}T00:01:00.123456Z app/web/50dc6c495c0c9188 203.0.113.1:4711 10.0.0.1:80 0.001 0.002 0.000 200 200 34 366 \
         \"GET https://a.example:443/ HTTP/1.1\" \"a\" - - arn:t \"Root=1\" \"a.example\" \"-\" 0 2026-09-{day:02}T00:01:00.123456Z \
         \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"Severe\" \"BadUri\" TID_1\n"
    );
    Reader::new(Limits::default(), None).read(&key, line.repeat(lines).as_bytes())
}

fn page(day: u8, notes: usize) -> (CachePage, CachedCounts) {
    let one = |number: usize| {
        let (_, object) = key(day, number);
        let note = CachedCount::of(&object, "\"tag\"", 7, &tally(day, number % 5)).expect("all of it is inside");
        (object.name, note)
    };
    let (key, object) = key(day, 0);
    (CachePage::of("logs", &key, &object), (0..notes).map(one).collect())
}

fn oldest() -> Date {
    jiff::civil::date(2026, 9, 1)
}

#[test]
fn what_is_kept_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, notes) = page(3, 20);
    let mut memory = CountCache::open(folder.path(), oldest(), 1 << 20).expect("a memory");
    assert_eq!(memory.recall(&page), CachedCounts::new());
    memory.keep(&page, &notes, 20);
    let mut again = CountCache::open(folder.path(), oldest(), 1 << 20).expect("a memory");
    assert_eq!(again.recall(&page), notes);
    assert_eq!((memory.used, again.used), (CacheUse::default(), CacheUse::default()));
    let other = CachePage { bucket: "other".to_owned(), ..page };
    assert_eq!(
        CountCache::open(folder.path(), oldest(), 1 << 20).expect("a memory").recall(&other),
        CachedCounts::new()
    );
}

#[test]
fn another_object_and_another_window_are_not_it() {
    let (_, object) = key(3, 1);
    let note = CachedCount::of(&object, "\"tag\"", 7, &tally(3, 2)).expect("all of it is inside");
    let window = |from: &str, to: &str| {
        Some(Window { first: from.parse().expect("an hour"), end: to.parse().expect("an hour") })
    };
    assert!(note.recall("\"tag\"", 7, None).is_some());
    assert!(note.recall("\"tag\"", 7, window("2026-09-03T00Z", "2026-09-03T01Z")).is_some());
    assert!(note.recall("\"tag\"", 7, window("2026-09-03T01Z", "2026-09-04T00Z")).is_none());
    assert!(note.recall("\"gat\"", 7, None).is_none());
    assert!(note.recall("\"tag\"", 8, None).is_none());
    let mut outside = tally(3, 2);
    outside.load_balancers.values_mut().for_each(|load_balancer| load_balancer.outside = 1);
    assert!(CachedCount::of(&object, "\"tag\"", 7, &outside).is_none());
}

#[test]
fn old_days_go_and_the_limit_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let mine = folder.path().join("2026-08-01");
    std::fs::create_dir(&mine).expect("a folder of another program");
    let open = |oldest, most| CountCache::open(folder.path(), oldest, most).expect("a memory");
    let mut memory = open(oldest(), 1 << 20);
    for day in 1..=6 {
        let (page, notes) = page(day, 40);
        memory.keep(&page, &notes, 40);
    }
    let used = (1 << 20) - memory.room;
    let holds = |memory: &mut CountCache| {
        (1..=6).filter(|day| !memory.recall(&page(*day, 1).0).is_empty()).collect::<Vec<u8>>()
    };
    assert_eq!(holds(&mut open(jiff::civil::date(2026, 9, 3), 1 << 20)), [3, 4, 5, 6]);
    // Less than there is: the oldest go, and nothing more is written than fits.
    let mut small = open(oldest(), used * 11 / 20);
    assert_eq!(holds(&mut small), [4, 5, 6]);
    let (page, notes) = page(7, 400);
    small.keep(&page, &notes, 400);
    assert_eq!(small.used.crowded, 400);
    assert!(mine.exists());
}

#[test]
fn another_version_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, notes) = page(3, 2);
    let mut memory = CountCache::open(folder.path(), oldest(), 1 << 20).expect("a memory");
    memory.keep(&page, &notes, 2);
    let path = memory.folder.join(page.file().expect("a file"));
    let mut text = String::new();
    GzDecoder::new(File::open(&path).expect("a file")).read_to_string(&mut text).expect("text");
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.replace(&version, "\"version\":\"0.0.0\"").as_bytes()).expect("packed");
    std::fs::write(&path, packed.finish().expect("packed")).expect("written");
    assert_eq!(memory.recall(&page), CachedCounts::new());
    assert_eq!((memory.used.outdated, memory.used.damaged.count), (1, 0));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    let error = CountCache::open(&file, oldest(), 1).expect_err("a file is no folder");
    assert!(error.to_string().contains("file"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever happens to a file, it gives the cached counts afterwards, or none.
    #[test]
    fn damage_is_never_believed(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let (page, notes) = page(3, 5);
        let mut memory = CountCache::open(folder.path(), oldest(), 1 << 20).expect("a memory");
        memory.keep(&page, &notes, 5);
        let path = memory.folder.join(page.file().expect("a file"));
        let mut bytes = std::fs::read(&path).expect("a file");
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = to }
        std::fs::write(&path, bytes).expect("written");
        let recalled = memory.recall(&page);
        prop_assert!(recalled == notes || recalled.is_empty());
        prop_assert_eq!(recalled.is_empty(), memory.used.damaged.count + memory.used.outdated == 1);
    }
}
