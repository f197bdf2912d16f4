//! The short way, portable and with vectors, against the full parser over hostile lines: every count has to be equal.

use proptest::prelude::*;

use super::*;
use crate::tally::Tally;

const ODD: &str = include_str!("../../tests/lines/odd.tsv");
const OFFICIAL: &str = include_str!("../../tests/lines/official.log");
/// Found by mutation once, or made to be close to the border of the short way.
const FOUND: &str = include_str!("../../tests/lines/found.txt");

fn lines() -> Vec<Vec<u8>> {
    let odd = ODD.lines().filter_map(|case| case.split_once('\t')).map(|(_, line)| line);
    odd.chain(OFFICIAL.lines()).chain(FOUND.lines()).map(|line| line.as_bytes().to_vec()).collect()
}

fn count(engine: Engine, text: &[u8]) -> (Tally, u64) {
    let mut counter = Counter::new(None);
    counter.begin(None);
    engine.count(text, &mut counter);
    let mut tally = counter.take();
    let short = std::mem::take(&mut tally.reading.short_way);
    tally.reading.full_parser = 0;
    (tally, short)
}

/// Compares all engines; returns how many lines took the short way.
fn agree(text: &[u8]) -> Result<u64, TestCaseError> {
    let (truth, none) = count(Engine::Reference, text);
    prop_assert_eq!(none, 0);
    let (portable, short) = count(Engine::Portable, text);
    prop_assert_eq!(&portable, &truth, "portable: {}", String::from_utf8_lossy(text));
    let (fastest, same) = count(Engine::fastest(), text);
    prop_assert_eq!(&fastest, &truth, "fastest: {}", String::from_utf8_lossy(text));
    prop_assert_eq!(short, same);
    Ok(short)
}

#[derive(Debug, Clone)]
enum Mutation {
    /// Puts these bytes in.
    Insert(Vec<u8>),
    /// Writes these bytes over what is there.
    Overwrite(Vec<u8>),
    Cut(usize),
    /// Ends the line here.
    End,
    /// Copies a stretch from another place.
    Move(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["\"", " ", "\\", "\" \"", "\" ", " \"", "\"\"", "\\\"", "\\\\", "-", "\n", "\r", "\r\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(vec![
            "\"-\" \"-\"", "\"Severe\" \"BadUri\"", " \"-\" \"-\" TID_1", "400", "\" \"- http://", "  ", " - ",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => (1_usize..200).prop_map(|length| vec![b'x'; length]),
    ];
    prop_oneof![
        5 => piece.clone().prop_map(Mutation::Insert),
        3 => piece.prop_map(Mutation::Overwrite),
        2 => (1_usize..40).prop_map(Mutation::Cut),
        1 => Just(Mutation::End),
        2 => (any::<usize>(), 1_usize..60).prop_map(|(from, length)| Mutation::Move(from, length)),
    ]
}

fn apply(line: &mut Vec<u8>, at: usize, mutation: Mutation) {
    let at = at % (line.len() + 1);
    match mutation {
        Mutation::Insert(bytes) => drop(line.splice(at..at, bytes)),
        Mutation::Overwrite(bytes) => {
            let end = line.len().min(at + bytes.len());
            line.splice(at..end, bytes);
        }
        Mutation::Cut(length) => drop(line.drain(at..line.len().min(at + length))),
        Mutation::End => line.truncate(at),
        Mutation::Move(from, length) => {
            let from = from % (line.len() + 1);
            let piece = line[from..line.len().min(from + length)].to_vec();
            line.splice(at..at, piece);
        }
    }
}

fn hostile_line() -> impl Strategy<Value = Vec<u8>> {
    let mutations = prop_oneof![
        3 => Just(Vec::new()).boxed(),
        7 => prop::collection::vec((any::<usize>(), mutation()), 1..4).boxed(),
    ];
    (prop::sample::select(lines()), mutations).prop_map(|(mut line, mutations)| {
        for (at, mutation) in mutations {
            apply(&mut line, at, mutation);
        }
        line
    })
}

fn cases() -> ProptestConfig {
    let slow = std::env::var_os("DOORWARD_SLOW").is_some();
    ProptestConfig { cases: if slow { 100_000 } else { 1_000 }, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn all_engines_count_the_same(lines in prop::collection::vec(hostile_line(), 1..12), feed in any::<bool>()) {
        let mut text = lines.join(&b'\n');
        if feed {
            text.push(b'\n');
        }
        agree(&text)?;
    }

    #[test]
    fn any_bytes_are_counted_the_same(text in prop::collection::vec(
        prop::sample::select(b" \"\\\n\n-aZ0\r\xff".to_vec()), 0..500,
    )) {
        agree(&text)?;
    }
}

#[test]
fn known_lines_are_counted_the_same_wherever_they_stand() {
    let all = lines();
    for line in &all {
        for before in 0..70 {
            let mut text = vec![b'x'; before];
            text.push(b'\n');
            text.extend_from_slice(line);
            agree(&text).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    let text = all.join(&b'\n');
    let short = agree(&text).unwrap_or_else(|error| panic!("{error}"));
    assert!(short >= 20, "only {short} lines took the short way, so that the comparison shows little");
}
