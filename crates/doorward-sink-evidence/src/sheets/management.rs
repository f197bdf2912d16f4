//! Management summary: the pack in sentences.

use doorward_model::{FIGURES, KeyFigures, percent, share};

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

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let report = cx.report();
    let figures = KeyFigures::of(report);
    let mut rows = Vec::new();
    let mut add = |topic, sentence: String| rows.push(Row { topic, sentence });
    add(
        "Verdict",
        format!(
            "{} of the load balancers whose mode was judged are weaker than the policy requires; {} more are \
             permitted by an exception, and for {} this could not be determined.",
            share(figures.weaker, figures.judged),
            figures.weaker_excepted,
            figures.undetermined
        ),
    );
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
    add(
        "Open findings",
        format!(
            "{} findings are open as far as is known, {} of them of severity critical or high; {} verdicts are unknown, {}.",
            figures.open_known(),
            figures.pressing,
            figures.unknown,
            percent(figures.unknown, report.findings.len())
                .map_or_else(|| "of none".to_owned(), |part| format!("{part} of {}", report.findings.len()))
        ),
    );
    let comparison = match &cx.pack.context.previous_figures {
        None => "There is no earlier run to compare with.".to_owned(),
        Some(before) => match before.failing_known() {
            None => format!("The run of {} read nothing, so there is nothing to compare with.", before.at),
            Some(was) => {
                let basis = if cx.figures.is_comparable(before) {
                    "Both runs observed everything that is known."
                } else {
                    "The two runs did not observe the same load balancers; what a run did not observe counts in its \
                     last known state."
                };
                format!(
                    "At the end of the previous period ({}), {was} findings were open as far as is known; now {}. {basis}",
                    before.at,
                    figures.open_known()
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
                let soon = all.iter().filter(|one| (0..=31).contains(&one.days_left)).count();
                format!(
                    "The register holds {} exceptions; {expired} expired, {soon} end within 31 days. {} findings are under an exception.",
                    all.len(),
                    figures.excepted
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
