//! Merges the counts of files in the order of their names, whichever thread read them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use super::joined::{Joined, KnownLines, Use};
use super::twins::{self, Differing, FileLines, Twin};
use super::{FolderProgress, LogFile};
use crate::fingerprint::Fingerprint;
use crate::object::Key;
use crate::tally::{LoadBalancerKey, Tally};

/// How many objects a thread may be ahead of the one that is merged next: it bounds the tallies in memory.
const AHEAD: usize = 64;
/// The most counts of suspicious files that are kept until all are read; further ones are read again.
const HELD: usize = 256;

/// Merges tallies in the order of their objects, and limits how far a thread may be ahead.
pub(super) struct InOrder<'a> {
    files: &'a [LogFile],
    state: Mutex<State>,
    moved: Condvar,
}

/// The count of a file, and what its lines are.
pub(super) type ReadFile = (Tally, Option<Fingerprint>);

struct State {
    next: usize,
    waiting: BTreeMap<usize, ReadFile>,
    tally: Tally,
    known: KnownLines,
    /// Files that may hold lines of others.
    held: Vec<(usize, Option<Tally>)>,
    /// Files that have lines more than once, with the load balancers of those lines.
    repeating: Vec<(usize, BTreeSet<LoadBalancerKey>)>,
    /// What the lines of each file are, by its number.
    contents: BTreeMap<usize, FileLines>,
    /// Files that have the name of another one, and not its lines.
    differing: Vec<Differing>,
    copies: u64,
    progress: FolderProgress,
}

impl<'a> InOrder<'a> {
    pub(super) fn new(files: &'a [LogFile], progress: FolderProgress) -> Self {
        let state = State {
            next: 0,
            waiting: BTreeMap::new(),
            tally: Tally::default(),
            known: KnownLines::default(),
            held: Vec::new(),
            repeating: Vec::new(),
            contents: BTreeMap::new(),
            differing: Vec::new(),
            copies: 0,
            progress,
        };
        Self { files, state: Mutex::new(state), moved: Condvar::new() }
    }

    /// Waits until the objects before this one are nearly done. The thread that works on the next one never waits.
    pub(super) fn wait_for(&self, number: usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_while(state, |state| number >= state.next + AHEAD);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn put(&self, number: usize, read: ReadFile, bytes: u64) -> FolderProgress {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.insert(number, read);
        let State { next, waiting, tally, known, held, repeating, contents, differing, copies, .. } = &mut *state;
        while let Some((ready, fingerprint)) = waiting.remove(next) {
            let content = FileLines::of(&ready, fingerprint.as_ref());
            let original = self.files.get(*next).and_then(|file| file.copy_of);
            if let Some((original, other)) = original.and_then(|number| Some((number, *contents.get(&number)?))) {
                match content.beside(&other) {
                    Twin::Copy => *copies += 1,
                    twin => {
                        let concerned = keys(&ready);
                        differing.push(Differing { number: *next, original, concerned, content, twin });
                    }
                }
                *next += 1;
                continue;
            }
            contents.insert(*next, content);
            let used = match (fingerprint, self.files.get(*next)) {
                (Some(fingerprint), Some(file)) => known.add(*next, &file.key(), &ready, &fingerprint),
                _ => Use::New,
            };
            match used {
                Use::New => tally.merge(&ready),
                Use::Copy => *copies += 1,
                Use::Repeating => repeating.push((*next, keys(&ready))),
                Use::Suspicious => {
                    let kept = (held.len() < HELD).then_some(ready);
                    held.push((*next, kept));
                }
            }
            *next += 1;
        }
        state.progress.done += 1;
        state.progress.bytes += bytes;
        self.moved.notify_all();
        state.progress
    }

    /// The count, and how many files have the same lines as others. `again` reads a file whose count was not kept.
    pub(super) fn finish(self, again: &mut dyn FnMut(&LogFile) -> Tally) -> (Tally, u64) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let State { mut tally, mut known, held, repeating, differing, mut copies, .. } = state;
        for file in differing {
            let original = self.files.get(file.original);
            if original.is_some_and(|original| file.is_beginning_of(&original.path)) {
                copies += 1;
            } else if let Some(own) = self.files.get(file.number) {
                refuse(&mut tally, own, file.concerned, &twins::why(original));
            }
        }
        for (number, concerned) in repeating {
            let Some(file) = self.files.get(number) else { continue };
            refuse(&mut tally, file, concerned, REPEATS);
        }
        let (mut compared, mut counts) = (BTreeMap::new(), Vec::new());
        for (number, kept) in held {
            let Some(file) = self.files.get(number) else { continue };
            let counted = kept.unwrap_or_else(|| again(file));
            match known.compare(number, &file.path, &counted) {
                Ok(common) => {
                    compared.insert(number, common);
                    counts.push((number, file, (counts.len() < HELD).then_some(counted)));
                }
                Err(error) => refuse(&mut tally, file, keys(&counted), &error.to_string()),
            }
        }
        let decided = known.decide(&compared);
        for (number, file, kept) in counts {
            let mut count = || kept.clone().unwrap_or_else(|| again(file));
            match decided.get(&number) {
                Some(Joined::Copy) => copies += 1,
                Some(Joined::PartOf(other)) => {
                    let other = self.files.get(*other).map(|file| file.path.as_path());
                    refuse(&mut tally, file, keys(&count()), &doubled(other));
                }
                Some(Joined::Own) | None => tally.merge(&count()),
            }
        }
        (tally, copies)
    }
}

/// Why a file that has lines more than once is not counted.
const REPEATS: &str = "it has lines more than once, as files have that were merged from folders that overlap; remove the repeated lines, as with `sort -u`";

fn doubled(other: Option<&Path>) -> String {
    let other = other.map(|path| path.display().to_string()).unwrap_or_default();
    format!(
        "it contains lines of {other} and other lines, so some would count twice; keep either the joined file or its \
         parts"
    )
}

fn keys(counted: &Tally) -> BTreeSet<LoadBalancerKey> {
    counted.load_balancers.keys().cloned().collect()
}

/// Counts nothing of a file, and says so for the load balancers whose lines it has.
fn refuse(tally: &mut Tally, file: &LogFile, mut concerned: BTreeSet<LoadBalancerKey>, why: &str) {
    tally.reading.unread.add(|| format!("{}: {why}", file.key()));
    if concerned.is_empty()
        && let Key::AccessLog(object) = Key::read(&file.key())
    {
        concerned.insert(object.load_balancer);
    }
    // Without a name of AWS the account of its lines is not known.
    let same = |key: &&LoadBalancerKey| concerned.iter().any(|one| one.id == key.id);
    let others: Vec<LoadBalancerKey> = tally.load_balancers.keys().filter(same).cloned().collect();
    concerned.extend(others);
    // It is one file that was not read, whatever the number of load balancers.
    for (number, load_balancer) in concerned.into_iter().enumerate() {
        tally.problems.entry(load_balancer.clone()).or_default().add(|| format!("{}: {why}", file.key()));
        *tally.incomplete.entry(load_balancer).or_default() += u64::from(number == 0);
    }
}
