//! Counts a plan with what is remembered of it: objects whose count is known are not fetched, and the result is the same.

use std::collections::BTreeMap;

use doorward_model::Gap;

use super::Source;
use super::fetch::{Counted, counter};
use super::plan::{LogPlan, Planned};
use crate::count_cache::{CachePage, CachedCount, CachedCounts, CountCache};
use crate::tally::Tally;
use crate::window::Window;

/// Objects whose counts are held at once, give or take a page.
const HELD: usize = 4096;
/// New counts after which a page is written although it goes on, so that little is lost with a run that is killed.
const OFTEN: u64 = 256;

/// Some pages of a plan: its objects from one on, and what is known of them.
#[derive(Default)]
struct Stretch<'a> {
    objects: Vec<&'a Planned>,
    pages: Vec<(CachePage, CachedCounts)>,
    /// The page of each object.
    page_of: Vec<usize>,
}

impl Source {
    /// What [`Source::count_logs`] gives, byte for byte, fetching only objects of which `cache` does not know the count, and
    /// remembering those. It sees every object in `each`, recalled or read. Memory is bounded by a few thousand
    /// objects' counts.
    pub async fn recount_logs(
        &self,
        plan: &LogPlan,
        threads: usize,
        window: Option<Window>,
        cache: &mut CountCache,
        mut each: impl FnMut(&Planned, Result<&Tally, &Gap>),
    ) -> Counted {
        let mut counted = Counted::begin(plan);
        let mut objects = plan.objects.iter().peekable();
        while objects.peek().is_some() {
            let mut stretch = Stretch::default();
            for object in objects.by_ref() {
                let page = CachePage::of(&object.bucket, &object.key, &object.object);
                if stretch.pages.last().is_none_or(|(last, _)| *last != page) {
                    let notes = cache.recall(&page);
                    stretch.pages.push((page, notes));
                }
                stretch.page_of.push(stretch.pages.len() - 1);
                stretch.objects.push(object);
                if stretch.objects.len() >= HELD {
                    break;
                }
            }
            self.recount(stretch, threads, window, cache, &mut counted, &mut each).await;
        }
        counted
    }

    async fn recount(
        &self,
        stretch: Stretch<'_>,
        threads: usize,
        window: Option<Window>,
        cache: &mut CountCache,
        counted: &mut Counted,
        each: &mut impl FnMut(&Planned, Result<&Tally, &Gap>),
    ) {
        let Stretch { objects, mut pages, page_of } = stretch;
        let is_known = |number: usize, pages: &[(CachePage, CachedCounts)]| {
            recalled(objects[number], &pages[page_of[number]].1, window).is_some()
        };
        let known: Vec<bool> = (0..objects.len()).map(|number| is_known(number, &pages)).collect();
        let unknown: Vec<usize> = (0..objects.len()).filter(|number| !known[*number]).collect();
        let rest =
            LogPlan { objects: unknown.iter().map(|number| objects[*number].clone()).collect(), ..LogPlan::default() };
        // What the page of an object still has to read, and what it has read without being written.
        let mut left: BTreeMap<usize, usize> = BTreeMap::new();
        unknown.iter().for_each(|number| *left.entry(page_of[*number]).or_default() += 1);
        let mut new: BTreeMap<usize, u64> = BTreeMap::new();
        let (mut next, mut place) = (0, 0);
        self.read_logs(&rest, threads, counter(window, &self.protected), |planned, result| {
            let number = unknown[place];
            place += 1;
            for known in next..number {
                recall(objects[known], &pages[page_of[known]].1, window, cache, counted, each);
            }
            next = number + 1;
            each(planned, result.as_ref());
            cache.used.read += 1;
            let page = page_of[number];
            match result {
                Ok(tally) => {
                    counted.tally.merge(&tally);
                    if let Some(note) = CachedCount::of(&planned.object, &planned.etag, planned.bytes, &tally) {
                        pages[page].1.insert(note.name().to_owned(), note);
                        *new.entry(page).or_default() += 1;
                    }
                }
                Err(gap) => counted.miss(planned, gap),
            }
            let left = left.entry(page).or_default();
            *left = left.saturating_sub(1);
            let unwritten = new.entry(page).or_default();
            if (*left == 0 && *unwritten > 0) || *unwritten >= OFTEN {
                cache.keep(&pages[page].0, &pages[page].1, *unwritten);
                *unwritten = 0;
            }
        })
        .await;
        for known in next..objects.len() {
            recall(objects[known], &pages[page_of[known]].1, window, cache, counted, each);
        }
    }
}

fn recalled<'a>(planned: &Planned, notes: &'a CachedCounts, window: Option<Window>) -> Option<&'a Tally> {
    notes.get(&planned.object.name)?.recall(&planned.etag, planned.bytes, window)
}

/// Counts an object that is known.
fn recall(
    planned: &Planned,
    notes: &CachedCounts,
    window: Option<Window>,
    cache: &mut CountCache,
    counted: &mut Counted,
    each: &mut impl FnMut(&Planned, Result<&Tally, &Gap>),
) {
    if let Some(tally) = recalled(planned, notes, window) {
        cache.used.recalled += 1;
        each(planned, Ok(tally));
        counted.tally.merge(tally);
    }
}
