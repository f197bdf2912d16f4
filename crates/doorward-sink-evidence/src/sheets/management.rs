//! Management summary: the pack in sentences.

use doorward_model::{ENDING_DAYS, FIGURES, KeyFigures, counted, percent, share};

use super::SheetContext;
use crate::sheet::{Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Management summary",
    file: "management",
    about: "The result in sentences, each with its counts, and the definition of every figure.",
};

struct Row {
    topic: &'static str,
    sentence: String,
}

fn columns<'p>() -> Columns<'p, Row> {
    Columns::<Row>::new().text("Topic", 26, "The topic.", |r| r.topic.into()).prose(
        "Sentence",
        120,
        "The sentence.",
        |r| r.sentence.as_str().into(),
    )
}

/// How many load balancers are weaker than required, and what the figure leaves out.
fn verdict(figures: &KeyFigures, nothing: bool) -> String {
    let mut sentence = if nothing {
        "Unknown: nothing was read, so it is not known how many load balancers are weaker than the policy requires."
            .to_owned()
    } else {
        format!(
            "{} of the load balancers whose mode was judged are weaker than the policy requires; {} more are \
             permitted by an exception, and for {} this could not be determined.",
            share(figures.weaker, figures.judged),
            figures.weaker_excepted,
            figures.undetermined
        )
    };
    if figures.judged_unseen + figures.weaker_unseen > 0 {
        let bounds = figures.weaker_bounds();
        sentence.push_str(&format!(
            " {} more were weaker when they were last seen and were not seen now; counted both ways, between {} and {} of {} are weaker.",
            figures.weaker_unseen, bounds.least, bounds.most, bounds.of
        ));
    }
    sentence
}

/// How many findings are open, seen or not.
fn open(figures: &KeyFigures, nothing: bool, verdicts: usize) -> String {
    if nothing && figures.open_unseen == 0 {
        return "Unknown: nothing was read, so it is not known how many findings are open.".to_owned();
    }
    let split = match figures.open_unseen {
        0 => String::new(),
        n => format!(" ({} seen, {n} not seen now)", figures.open),
    };
    let unknown = match percent(figures.unknown, verdicts) {
        Some(part) => format!("{} verdicts are unknown, {part} of {verdicts}", figures.unknown),
        None => "no load balancer was judged".to_owned(),
    };
    format!(
        "{} findings are open as far as is known{split}, {} of them of severity critical or high; {unknown}.",
        figures.open_known(),
        figures.pressing_known()
    )
}

/// How many findings are under an exception, seen or not.
fn under_exception(figures: &KeyFigures, nothing: bool) -> String {
    match (figures.excepted, figures.excepted_unseen) {
        (_, 0) if nothing => "How many findings are under an exception is unknown: nothing was read.".to_owned(),
        (seen, 0) => format!("{seen} findings are under an exception."),
        (seen, unseen) => {
            format!(
                "{} findings are under an exception as far as is known ({seen} seen, {unseen} not seen now).",
                seen + unseen
            )
        }
    }
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let report = cx.report();
    let figures = KeyFigures::of(report);
    let mut rows = Vec::new();
    let mut add = |topic, sentence: String| rows.push(Row { topic, sentence });
    if let Some(part) = cx.part() {
        add("Scope", part);
    }
    let nothing = report.read_nothing() && !report.is_whole();
    add("Verdict", verdict(&figures, nothing));
    let counts = report.coverage.counts;
    add(
        "Coverage",
        format!(
            "{} of the account-Regions in scope were read completely; {} were skipped, each with its reason on the sheet Scope & \
             coverage.",
            share(counts.complete, counts.in_scope()),
            counts.skipped
        ),
    );
    match &report.unseen {
        None => add("Not seen", "No ledger was read, so it is unknown what earlier scans observed.".to_owned()),
        Some(unseen) if unseen.is_empty() => {
            add(
                "Not seen",
                "This scan observed everything that earlier scans observed and that still \
                 exists."
                    .to_owned(),
            );
        }
        Some(unseen) => add(
            "Not seen",
            format!(
                "{} known load balancers and {} failures were not seen by this scan; they count as last seen (sheet Not seen now). {} \
                 account-Regions that an earlier scan read were not read, and {} were never read.",
                unseen.load_balancers.len(),
                unseen.findings.len(),
                unseen.account_regions,
                unseen.never_read
            ),
        ),
    }
    add("Open findings", open(&figures, nothing, report.findings.len()));
    let comparison = match &cx.pack.context.previous_figures {
        None => cx.without_ledger().map_or_else(
            || "The ledger has no earlier run to compare with.".to_owned(),
            |why| format!("There is no comparison: {why}, and this pack follows no other."),
        ),
        Some(before) => match before.failing_known() {
            None => format!("The run of {} read nothing, so there is nothing to compare with.", before.at),
            Some(was) => {
                let basis = if cx.figures.is_comparable(before) {
                    "Both runs observed everything that is known."
                } else {
                    "The two runs did not observe the same load balancers; what a run did not observe counts in its \
                     last known state."
                };
                let now = match figures.open_known() {
                    0 if nothing => "their number is unknown, because nothing was read".to_owned(),
                    known => known.to_string(),
                };
                format!(
                    "At the end of the previous period ({}), {was} findings were open as far as is known; now {now}. {basis}",
                    before.at
                )
            }
        },
    };
    add("Since the previous period", comparison);
    let exceptions = cx.pack.context.exceptions.as_ref();
    add(
        "Exceptions",
        exceptions.map_or_else(
            || "No register of exceptions is configured.".to_owned(),
            |all| {
                let expired = all.iter().filter(|one| one.days_left < 0).count();
                let soon = all.iter().filter(|one| (0..=i64::from(ENDING_DAYS)).contains(&one.days_left)).count();
                format!(
                    "The register holds {}; {expired} expired, {soon} {} within {ENDING_DAYS} days. {}",
                    counted(all.len(), "exception"),
                    if soon == 1 { "ends" } else { "end" },
                    under_exception(&figures, nothing)
                )
            },
        ),
    );
    add(
        "Sample",
        format!(
            "{} load balancers were drawn for testing, by the seed on the sheet Cover; the sheet Sample has columns for the tester.",
            cx.drawn.len()
        ),
    );
    for figure in FIGURES {
        add("What the figures count", format!("{}: {}", figure.name, figure.definition));
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
