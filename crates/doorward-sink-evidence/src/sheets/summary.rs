//! Summary: coverage, then compliance, by organizational unit and owner, compared with the previous period.
//!
//! One figure to a row, each with its denominator, so that the sheet can be filtered and charted.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{CoverageCounts, Mode, Observed, VerdictKind};

use super::SheetContext;
use crate::sheet::{ColumnKind, Columns, Sheet, Title, Value};
use crate::{PackFigures, RunFigures, UnseenFigures};

pub(crate) const TITLE: Title = Title {
    tab: "Summary",
    file: "summary",
    about: "Coverage, then compliance by organizational unit and owner, compared with the previous period. Every \
         share has its denominator.",
};

/// The section that compares the coverage with the lists of accounts and Regions.
const RECONCILIATION: &str = "Reconciliation";
/// The section of what was read.
const COVERAGE: &str = "Coverage";
/// The section that the chart of modes draws.
pub(crate) const MODES: &str = "Modes";

/// One figure: a count, and what it is a part of.
struct Row {
    section: &'static str,
    group: String,
    measure: String,
    now: (usize, Option<usize>),
    before: Option<(usize, Option<usize>)>,
    /// Whether both count the same: what was seen is compared only if both runs saw everything.
    comparable: bool,
    /// Whether the count is unknown because nothing was read.
    unread: bool,
}

fn share<'a>((count, of): (usize, Option<usize>)) -> Value<'a> {
    of.map_or(Value::Blank, |of| Value::Share(count, of))
}

fn columns<'p>() -> Columns<'p, Row> {
    Columns::<Row>::new()
        .text("Section", 16, "Coverage, Reconciliation, Modes, Verdicts, Failures, By unit, By owner.", |r| {
            r.section.into()
        })
        .text("Group", 34, "The rule, organizational unit or owner; blank for the total.", |r| r.group.as_str().into())
        .text("Measure", 48, "What is counted.", |r| r.measure.as_str().into())
        .count("Count", "How many; blank if it is unknown because nothing was read.", |r| {
            if r.unread { Value::Blank } else { r.now.0.into() }
        })
        .count("Of", "The denominator of the count.", |r| r.now.1.into())
        .with(
            ColumnKind::Share,
            "Share",
            9,
            "Count divided by Of, rounded down to 0.01%, so that 100% means all.",
            |r| share(r.now),
        )
        .count(
            "Count before",
            "The same count in the last run of the previous period or, in the first pack, in the \
             run before this one; blank if there is none.",
            |r| r.before.map(|(count, _)| count).into(),
        )
        .count("Of before", "Its denominator.", |r| r.before.and_then(|(_, of)| of).into())
        .with(ColumnKind::Share, "Share before", 9, "The share before.", |r| r.before.map_or(Value::Blank, share))
        .count(
            "Change",
            "Count minus Count before. Blank if one of the two runs did not observe everything that is known: then \
             compare only the rows \"as far as is known\".",
            |r| {
                let before = r.before.filter(|_| r.comparable && !r.unread);
                before.map(|(before, _)| count(r.now.0).saturating_sub(count(before))).into()
            },
        )
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The name of the count and its place.
type Measure<T> = (&'static str, fn(&T) -> usize);

/// The rows under way.
struct Rows {
    rows: Vec<Row>,
    /// Whether what the two runs saw can be compared.
    whole: bool,
    /// Whether the run read nothing, so that none of its counts is a zero.
    nothing: bool,
}

impl Rows {
    /// A row of what the run saw.
    fn add(
        &mut self,
        (section, group, measure): (&'static str, &str, &str),
        now: (usize, Option<usize>),
        before: Option<(usize, Option<usize>)>,
    ) {
        let (comparable, unread) = (self.whole, self.nothing && now.0 == 0 && section != RECONCILIATION);
        let (group, measure) = (group.to_owned(), measure.to_owned());
        self.rows.push(Row { section, group, measure, now, before, comparable, unread });
    }

    /// A row that counts what was not seen as well, or that counts what was looked at: it is compared whatever was seen.
    fn add_known(
        &mut self,
        names: (&'static str, &str, &str),
        now: (usize, Option<usize>),
        before: Option<(usize, Option<usize>)>,
    ) {
        self.add(names, now, before);
        if let Some(row) = self.rows.last_mut() {
            row.comparable = true;
            row.unread &= row.section != COVERAGE;
        }
    }

    fn coverage(&mut self, now: CoverageCounts, before: Option<CoverageCounts>) {
        let measures: [Measure<CoverageCounts>; 3] = [
            ("account-Regions in scope, complete", |c| c.complete),
            ("account-Regions in scope, partial", |c| c.partial),
            ("account-Regions in scope, failed", |c| c.failed),
        ];
        for (measure, read) in measures {
            let part = |c: CoverageCounts| (read(&c), Some(c.in_scope()));
            self.add_known((COVERAGE, "", measure), part(now), before.map(part));
        }
        let skipped = |c: CoverageCounts| (c.skipped, Some(c.all));
        self.add_known((COVERAGE, "", "account-Regions skipped, of all"), skipped(now), before.map(skipped));
    }

    /// The share of the known load balancers that was seen.
    fn known(&mut self, now: &RunFigures, before: Option<&RunFigures>) {
        let seen = |figures: &RunFigures| {
            let unseen = figures.all.not_seen?;
            let seen = figures.all.population();
            Some((seen, Some(seen + unseen.load_balancers)))
        };
        if let Some(share) = seen(now) {
            self.add_known((COVERAGE, "", "known load balancers that were seen"), share, before.and_then(seen));
        }
        let places = |figures: &RunFigures| figures.unseen_places.map(|places| (places, None));
        if let Some(count) = places(now) {
            let measure = "account-Regions not read by this run, read earlier or never";
            self.add_known((COVERAGE, "", measure), count, before.and_then(places));
        }
    }

    fn modes(&mut self, section: &'static str, group: &str, now: &PackFigures, before: Option<&PackFigures>) {
        let measures: [Measure<PackFigures>; 4] = [
            ("in monitor", |f| f.mode(Mode::Monitor)),
            ("in defensive", |f| f.mode(Mode::Defensive)),
            ("in strictest", |f| f.mode(Mode::Strictest)),
            ("mode unknown", |f| f.mode_unknown),
        ];
        for (measure, read) in measures {
            let part = |f: &PackFigures| (read(f), Some(f.population()));
            self.add((section, group, measure), part(now), before.map(part));
        }
    }

    fn failures(&mut self, section: &'static str, group: &str, now: &PackFigures, before: Option<&PackFigures>) {
        let measures: [Measure<PackFigures>; 3] = [
            ("failures without informational ones", PackFigures::failing),
            ("failures under an exception", |f| f.excepted),
            ("verdicts unknown", |f| f.unknown),
        ];
        for (measure, read) in measures {
            self.add((section, group, measure), (read(now), None), before.map(|f| (read(f), None)));
        }
        if now.not_seen.is_none() {
            return;
        }
        let known: [Measure<PackFigures>; 2] = [
            ("failures as far as is known, seen or not", PackFigures::failing_known),
            ("failures under an exception as far as is known, seen or not", PackFigures::excepted_known),
        ];
        for (measure, read) in known {
            let before = before.filter(|f| f.not_seen.is_some());
            self.add_known((section, group, measure), (read(now), None), before.map(|f| (read(f), None)));
        }
        let unseen: [Measure<UnseenFigures>; 2] = [
            ("failures when last seen, not seen now", |unseen| unseen.failing),
            ("load balancers not seen now", |unseen| unseen.load_balancers),
        ];
        for (measure, read) in unseen {
            let part = |f: &PackFigures| f.not_seen.map(|unseen| (read(&unseen), None));
            if let Some(count) = part(now) {
                self.add_known((section, group, measure), count, before.and_then(part));
            }
        }
    }

    fn groups(
        &mut self,
        section: &'static str,
        now: &BTreeMap<String, PackFigures>,
        before: Option<&BTreeMap<String, PackFigures>>,
    ) {
        let nothing = PackFigures::default();
        let before = before.filter(|groups| !groups.is_empty());
        let names: BTreeSet<&String> = now.keys().chain(before.into_iter().flat_map(BTreeMap::keys)).collect();
        for name in names {
            let of_now = now.get(name).unwrap_or(&nothing);
            let of_before = before.map(|groups| groups.get(name).unwrap_or(&nothing));
            self.modes(section, name, of_now, of_before);
            self.failures(section, name, of_now, of_before);
        }
    }
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let (now, before) = (&cx.figures, cx.pack.context.previous_figures.as_ref());
    let whole = before.is_none_or(|before| now.is_comparable(before));
    let nothing = cx.report().read_nothing() && !cx.report().is_whole();
    let mut rows = Rows { rows: Vec::new(), whole, nothing };
    rows.coverage(now.coverage, before.map(|figures| figures.coverage));
    rows.known(now, before);
    reconciliation(cx, &mut rows);
    rows.modes(MODES, "", &now.all, before.map(|figures| &figures.all));
    for (rule, kinds) in &cx.report().tally.verdicts {
        let of = |kind: VerdictKind| kinds.get(&kind).copied().unwrap_or(0);
        let all: usize = kinds.values().sum();
        let judged = all - of(VerdictKind::NotApplicable) - of(VerdictKind::NotAsked);
        for kind in [VerdictKind::Fail, VerdictKind::Unknown, VerdictKind::Excepted, VerdictKind::Pass] {
            let measure = format!("{kind}, of those that the rule applies to");
            rows.add(("Verdicts", rule, &measure), (of(kind), Some(judged)), None);
        }
        rows.add(
            ("Verdicts", rule, "not applicable, of all load balancers"),
            (of(VerdictKind::NotApplicable), Some(all)),
            None,
        );
        if of(VerdictKind::NotAsked) > 0 {
            let measure = "not asked because the evidence was not collected, of all load balancers";
            rows.add(("Verdicts", rule, measure), (of(VerdictKind::NotAsked), Some(all)), None);
        }
    }
    rows.failures("Failures", "", &now.all, before.map(|figures| &figures.all));
    rows.groups("By unit", &now.by_unit, before.map(|figures| &figures.by_unit));
    rows.groups("By owner", &now.by_owner, before.map(|figures| &figures.by_owner));
    Sheet::new(TITLE, columns(), rows.rows.len(), rows.rows)
}

/// Compares the coverage with what Organizations and account:ListRegions say there is.
fn reconciliation(cx: &SheetContext<'_>, rows: &mut Rows) {
    let report = cx.report();
    let mut covered: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in &report.coverage.lines {
        covered.entry(&line.account).or_default().extend(&line.region);
    }
    let accounts = report.accounts.len();
    let with_lines = report.accounts.iter().filter(|account| covered.contains_key(&account.id)).count();
    rows.add(
        (RECONCILIATION, "", "accounts in Organizations with a line of coverage"),
        (with_lines, Some(accounts)),
        None,
    );
    let listed = report.accounts.iter().filter(|account| account.regions.known().is_some()).count();
    rows.add((RECONCILIATION, "", "accounts whose enabled Regions were listed"), (listed, Some(accounts)), None);
    let (mut enabled, mut with_line) = (0, 0);
    for account in &report.accounts {
        let Observed::Known(regions) = &account.regions else { continue };
        enabled += regions.len();
        let lines = covered.get(&account.id);
        with_line += regions.iter().filter(|region| lines.is_some_and(|lines| lines.contains(region))).count();
    }
    rows.add((RECONCILIATION, "", "enabled account-Regions with a line of coverage"), (with_line, Some(enabled)), None);
    let full = usize::from(report.coverage.accounts_listing.is_full());
    rows.add((RECONCILIATION, "", "list of accounts is complete (1 yes, 0 no)"), (full, None), None);
}
