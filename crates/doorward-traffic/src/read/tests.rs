//! Objects that are whole, concatenated, cut, damaged, not packed or not logs at all.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const OFFICIAL: &str = include_str!("../../tests/lines/official.log");
const KEY: &str = "AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2026/09/23/111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_20260923T0720Z_198.51.100.60_abcdefgh.log.gz";

fn pack(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::new(6));
    packed.write_all(text).expect("packs");
    packed.finish().expect("packs")
}

fn read(stored: &[u8]) -> Tally {
    Reader::new(Limits::default(), None).read(KEY, stored)
}

fn lines(tally: &Tally) -> (u64, u64) {
    (tally.lines(), tally.unparsed())
}

#[test]
fn every_way_of_storing_gives_the_same_counts() {
    let text = OFFICIAL.as_bytes();
    let truth = read(text);
    assert_eq!(lines(&truth), (9, 0));
    let (first, second) = text.split_at(text.len() / 2);
    let two_members = [pack(first), pack(second)].concat();
    let one_by_one: Vec<u8> = text.iter().flat_map(|byte| pack(&[*byte])).collect();
    let with_empty = [pack(b""), pack(text), pack(b"")].concat();
    let unfed = pack(text.strip_suffix(b"\n").expect("ends in one"));
    let padded = [&pack(first)[..], &[0; 700], &pack(second), &[0; 1_000]].concat();
    let ends_in_zeros = [&pack(text)[..], &[0; 3]].concat();
    for stored in [pack(text), two_members, one_by_one, with_empty, unfed, padded, ends_in_zeros] {
        let tally = read(&stored);
        assert_eq!(tally.load_balancers, truth.load_balancers);
        assert_eq!((tally.reading.objects, tally.reading.damaged.count), (1, 0));
        let streamed = Reader::new(Limits::default(), None).read_stream(KEY, stored.as_slice());
        assert_eq!(streamed.load_balancers, truth.load_balancers);
        assert_eq!(streamed.reading.stored_bytes, stored.len() as u64);
    }
}

#[test]
fn members_of_equal_size_are_all_counted() {
    // The library's safe interface takes the first one and reports success.
    let text = OFFICIAL.as_bytes();
    for copies in 2..5 {
        let stored = pack(text).repeat(copies);
        let mut out = vec![0; text.len()];
        assert_eq!(libdeflater::Decompressor::new().gzip_decompress(&stored, &mut out), Ok(text.len()));
        assert_eq!(lines(&read(&stored)), (9 * copies as u64, 0));
        // Zeros between them are padding, behind which the next one is found too.
        let padded = [&pack(text)[..], &[0; 5]].concat().repeat(copies - 1);
        assert_eq!(lines(&read(&[&padded[..], &pack(text)].concat())), (9 * copies as u64, 0));
    }
}

#[test]
fn nothing_is_counted_as_empty() {
    let tally = read(b"");
    assert_eq!((tally.reading.empty, tally.reading.objects, tally.is_whole()), (1, 0, true));
}

#[test]
fn damage_is_counted_and_what_came_before_too() {
    let text = OFFICIAL.repeat(200);
    let whole = pack(text.as_bytes());
    let cut = &whole[..whole.len() * 2 / 3];
    let mut flipped = whole.clone();
    flipped[whole.len() - 6] ^= 1;
    let trailing = [&whole[..], b"and something else"].concat();
    for (what, stored) in [("cut", cut), ("flipped", &flipped), ("trailing", &trailing)] {
        let tally = read(stored);
        assert_eq!((tally.reading.damaged.count, tally.reading.objects), (1, 0), "{what}");
        assert!(!tally.is_whole() && tally.reading.damaged.samples[0].starts_with(KEY), "{what}");
        // Of the line that is cut short nothing is counted.
        assert_eq!(tally.unparsed(), 0, "{what}");
        assert!(tally.lines() > 500 && tally.lines() <= 1_800, "{what} {}", tally.lines());
    }
}

#[test]
fn a_line_without_end_is_one_unparsed_line() {
    let endless = [OFFICIAL.as_bytes(), &vec![b'x'; 3_000_000], b"\n", OFFICIAL.as_bytes()].concat();
    for limits in [Limits::default(), Limits { whole_bytes: 1, ..Limits::default() }] {
        let tally = Reader::new(limits, None).read(KEY, &pack(&endless));
        assert_eq!(lines(&tally), (18, 1));
        let sample = &tally
            .load_balancers
            .values()
            .find(|load_balancer| load_balancer.unparsed.count > 0)
            .expect("one")
            .unparsed;
        assert!(sample.samples[0].starts_with("xxx") && sample.samples[0].len() < 400);
    }
}

#[test]
fn a_bomb_is_stopped() {
    let bomb = pack(&vec![b'\n'; 24_000_000]);
    assert!(bomb.len() < 200_000);
    let tally = read(&bomb);
    assert_eq!(tally.reading.damaged.count, 1, "{:?}", tally.reading);
    assert!(tally.reading.damaged.samples[0].contains("400 times its size"), "{:?}", tally.reading.damaged);
}

#[test]
fn what_is_no_log_is_unparsed() {
    let tally = read(&[0xff, 0x00, 0x1f, 0x8b, b'\n', 0x08]);
    assert_eq!(lines(&tally), (0, 2));
}

#[test]
fn lines_outside_the_window_are_only_counted_as_such() {
    let window = Window::days_before("2018-07-03T00:00:00Z".parse().expect("a time"), 1).expect("a window");
    let tally = Reader::new(Limits::default(), Some(window)).read(KEY, OFFICIAL.as_bytes());
    assert_eq!(tally.lines(), 5);
    assert_eq!(tally.load_balancers.values().map(|load_balancer| load_balancer.outside).sum::<u64>(), 4);
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail(stored in prop::collection::vec(any::<u8>(), 0..600), magic in any::<bool>()) {
        let stored = if magic { [&MAGIC[..], &[0; 7], &stored].concat() } else { stored };
        let tally = read(&stored);
        let reading = &tally.reading;
        prop_assert_eq!(reading.objects + reading.empty + reading.damaged.count, 1);
    }

    #[test]
    fn damaged_members_are_never_taken_for_whole(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let whole = pack(OFFICIAL.repeat(20).as_bytes());
        let mut stored = whole.clone();
        let at = at.index(stored.len());
        stored[at] ^= 1 << bit;
        let tally = read(&stored);
        // Flags, times and names in the header may change without harm; then all is as it was.
        if tally.is_whole() && stored.starts_with(&MAGIC) {
            prop_assert_eq!(tally.lines(), 180);
        }
    }
}
