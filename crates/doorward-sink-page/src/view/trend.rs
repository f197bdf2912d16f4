//! The trend: the share of each mode and the failures, scan by scan.

use doorward_model::{Mode, RunPoint, share};
use serde::Serialize;

use crate::chart::{ChartPart, stacked};

/// How many scans are drawn; the table beside the chart has them all.
const DRAWN: usize = 30;

/// The size of the drawing, in its own units.
const WIDTH: usize = 720;
const HEIGHT: usize = 120;
/// How far apart columns are at most, so that two scans do not make two walls.
const WIDEST: usize = 180;

/// The section.
#[derive(Serialize)]
pub(super) struct TrendView {
    rows: Vec<Row>,
    columns: Vec<Column>,
    earlier: usize,
    /// The most failures of any column: the top of the second chart.
    most: usize,
    words_modes: String,
    words_failing: String,
    width: usize,
    height: usize,
}

/// One scan in figures.
#[derive(Serialize)]
struct Row {
    at: String,
    coverage: String,
    monitor: String,
    defensive: String,
    strictest: String,
    unknown: String,
    unseen: usize,
    failing: usize,
    /// Failing as far as is known: seen or not.
    known: String,
    excepted: usize,
    unreached: usize,
}

/// One scan as a column.
#[derive(Serialize)]
struct Column {
    x: usize,
    width: usize,
    label: String,
    modes: Vec<Block>,
    /// Over the column: how many fail as far as is known, or `unknown`.
    failing: String,
    /// From the top down: what was not seen now, what was seen.
    blocks: Vec<Block>,
    failing_y: usize,
}

/// A part of a column.
#[derive(Serialize)]
struct Block {
    class: &'static str,
    y: usize,
    height: usize,
}

/// Draws the scans in the order given.
pub(super) fn of(trend: &[RunPoint]) -> TrendView {
    let rows: Vec<Row> = trend.iter().map(row).collect();
    let earlier = trend.len().saturating_sub(DRAWN);
    let drawn = trend.get(earlier..).unwrap_or_default();
    let most = drawn.iter().filter_map(|row| row.failing_known()).max().unwrap_or(0);
    let step = WIDTH.checked_div(drawn.len()).unwrap_or(WIDTH).min(WIDEST);
    let columns = drawn.iter().enumerate().map(|(n, row)| {
        let seen = scaled(row.failing(), most);
        // Of the whole, so that a column is as high whether its part was seen or not.
        let unseen = scaled(row.failing_known().unwrap_or(0), most).saturating_sub(seen);
        let top = HEIGHT - seen - unseen;
        let blocks = [
            Block { class: "unknown", y: top, height: unseen },
            Block { class: "failing", y: HEIGHT - seen, height: seen },
        ];
        Column {
            x: n * step,
            width: (step * 7 / 10).min(WIDEST / 2),
            label: label(n, drawn),
            modes: stacked(&counts(row), population(row)).into_iter().map(block).collect(),
            failing: known(row),
            blocks: blocks.into_iter().filter(|block| block.height > 0).collect(),
            failing_y: top,
        }
    });
    let first_and_last = |say: fn(&RunPoint) -> String| match (drawn.first(), drawn.last()) {
        (Some(first), Some(last)) if drawn.len() > 1 => {
            format!("from {} on {} to {} on {}", say(first), day(first), say(last), day(last))
        }
        _ => String::new(),
    };
    TrendView {
        columns: columns.collect(),
        earlier,
        most,
        words_modes: format!(
            "Load balancers in monitor, over {} scans: {}",
            drawn.len(),
            first_and_last(|row| format!("{}{}", share(mode(row, Mode::Monitor), population(row)), not_seen(row)))
        ),
        words_failing: format!("Failing findings, over {} scans: {}", drawn.len(), first_and_last(failing_words)),
        rows,
        width: WIDTH,
        height: HEIGHT,
    }
}

fn row(row: &RunPoint) -> Row {
    let population = population(row);
    let part = |count| share(count, population);
    Row {
        at: row.at.strftime("%Y-%m-%d %H:%M").to_string(),
        coverage: share(row.coverage.complete, row.coverage.all.saturating_sub(row.coverage.skipped)),
        monitor: part(mode(row, Mode::Monitor)),
        defensive: part(mode(row, Mode::Defensive)),
        strictest: part(mode(row, Mode::Strictest)),
        unknown: part(row.mode_unknown),
        unseen: row.load_balancers_unseen(),
        failing: row.failing(),
        known: known(row),
        excepted: row.excepted,
        unreached: row.unknown,
    }
}

fn mode(row: &RunPoint, mode: Mode) -> usize {
    row.modes.get(&mode).copied().unwrap_or(0)
}

/// All load balancers that are known: a scan that sees fewer has no other shares.
fn population(row: &RunPoint) -> usize {
    row.mode_population() + row.load_balancers_unseen()
}

fn not_seen(row: &RunPoint) -> String {
    match row.load_balancers_unseen() {
        0 => String::new(),
        n => format!(", {n} not seen,"),
    }
}

/// Failures that are known and were not seen.
fn unseen(row: &RunPoint) -> usize {
    row.failing_known().map_or(0, |known| known.saturating_sub(row.failing()))
}

fn known(row: &RunPoint) -> String {
    row.failing_known().map_or_else(|| "unknown".to_owned(), |known| known.to_string())
}

fn failing_words(row: &RunPoint) -> String {
    match unseen(row) {
        0 => known(row),
        unseen => format!("{} ({} seen, {unseen} not seen then)", known(row), row.failing()),
    }
}

/// From the top of a column down.
fn counts(row: &RunPoint) -> [(&'static str, usize); 4] {
    [
        ("unknown", row.mode_unknown + row.load_balancers_unseen()),
        ("monitor", mode(row, Mode::Monitor)),
        ("defensive", mode(row, Mode::Defensive)),
        ("strictest", mode(row, Mode::Strictest)),
    ]
}

fn block(part: ChartPart) -> Block {
    let y = part.from * HEIGHT / 1000;
    let end = (part.from + part.length) * HEIGHT / 1000;
    Block { class: part.class, y, height: end - y }
}

/// Something is never drawn as nothing.
fn scaled(count: usize, most: usize) -> usize {
    match (count * HEIGHT).checked_div(most) {
        Some(height) if count > 0 => height.max(2),
        _ => 0,
    }
}

fn day(row: &RunPoint) -> String {
    row.at.strftime("%Y-%m-%d").to_string()
}

/// The date below a column: on as many as fit, the last one always.
fn label(n: usize, drawn: &[RunPoint]) -> String {
    let every = drawn.len().div_ceil(7).max(1);
    let from_end = drawn.len() - 1 - n;
    if from_end.is_multiple_of(every) {
        drawn.get(n).map(|row| row.at.strftime("%b %d").to_string()).unwrap_or_default()
    } else {
        String::new()
    }
}
