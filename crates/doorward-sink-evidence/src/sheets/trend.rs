//! Trend: the figures of the period's runs.

use doorward_model::Mode;

use super::SheetContext;
use crate::RunFigures;
use crate::sheet::{ColumnKind, Columns, Sheet, Title, Value};

pub(crate) const TITLE: Title = Title {
    tab: "Trend",
    file: "trend",
    about: "The counts of each run of the period, oldest first. The chart on the sheet Summary shows them. What a run that \
         read nothing would have counted is blank.",
};

/// What a run saw; blank where it read nothing, which is not zero.
fn seen<'v>(run: &RunFigures, count: usize) -> Value<'v> {
    if run.read_nothing() { Value::Blank } else { count.into() }
}

fn columns<'p>() -> Columns<'p, &'p RunFigures> {
    Columns::<&'p RunFigures>::new()
        .time("Run ended", "When the run ended.", |r| Some(r.at))
        .text("Run", 40, "Its id.", |r| r.run.as_str().into())
        .count("Account-Regions in scope", "All but the skipped ones.", |r| r.coverage.in_scope().into())
        .count("Complete", "Those that were read completely.", |r| r.coverage.complete.into())
        .with(
            ColumnKind::Share,
            "Coverage",
            10,
            "The share of account-Regions in scope that were read completely, rounded \
             down.",
            |r| Value::Share(r.coverage.complete, r.coverage.in_scope()),
        )
        .count("Load balancers", "Load balancers whose mode has an effect.", |r| seen(r, r.all.population()))
        .count("Monitor", "Those in monitor.", |r| seen(r, r.all.mode(Mode::Monitor)))
        .count("Defensive", "Those in defensive.", |r| seen(r, r.all.mode(Mode::Defensive)))
        .count("Strictest", "Those in strictest.", |r| seen(r, r.all.mode(Mode::Strictest)))
        .count("Mode unknown", "Those whose mode could not be read.", |r| seen(r, r.all.mode_unknown))
        .count("Failing", "Failures, without informational ones.", |r| seen(r, r.all.failing()))
        .count("Excepted", "Failures under an exception.", |r| seen(r, r.all.excepted))
        .count("Unknown", "Verdicts that are unknown.", |r| seen(r, r.all.unknown))
        .count(
            "Load balancers not seen",
            "Load balancers whose mode has an effect that earlier runs observed and this one did not; blank if they \
             were not counted.",
            |r| r.all.not_seen.map(|unseen| unseen.load_balancers).into(),
        )
        .count(
            "Failing, not seen",
            "Findings that failed when last seen and that this run did not observe; not included in Failing.",
            |r| r.all.not_seen.map(|unseen| unseen.failing).into(),
        )
        .count(
            "Failing as far as is known",
            "The sum of Failing and Failing, not seen: use it to compare runs. Blank if nothing was ever observed, \
             which is not zero.",
            |r| r.failing_known().into(),
        )
}

/// The sheet. Without a ledger it has the one run that there is.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let trend = &cx.pack.context.trend;
    let rows: Vec<&RunFigures> = if trend.is_empty() { vec![&cx.figures] } else { trend.iter().collect() };
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
