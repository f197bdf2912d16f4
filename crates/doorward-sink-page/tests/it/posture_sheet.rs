//! The posture sheet: its figures are those of the report, it says what is unknown, and outside text stays text.

use doorward_model::{HistoryContext, Mode, share};
use doorward_sink_page::render_sheet;

use crate::scene;

#[test]
fn the_figures_are_those_of_the_report() {
    let report = scene::large(40, 3);
    let sheet = render_sheet(&report, &HistoryContext::default(), &[]).expect("renders");
    let count = |mode| report.tally.modes.get(&mode).copied().unwrap_or(0);
    let protected = count(Mode::Strictest) + count(Mode::Defensive);
    assert!(sheet.contains(&share(protected, report.tally.mode_population())), "{sheet}");
    assert!(sheet.contains(&format!("<b>{}</b>", report.tally.open_findings())));
    assert!(sheet.contains("Unknown: no daily metrics were collected."));
    assert!(sheet.contains("There is no earlier scan to compare with."));
    assert_eq!(sheet, render_sheet(&report, &HistoryContext::default(), &[]).expect("renders"));
}

#[test]
fn nothing_read_is_unknown_and_has_no_figures() {
    let mut report = scene::large(5, 2);
    let counts = &mut report.coverage.counts;
    (counts.failed, counts.complete, counts.partial) = (counts.in_scope(), 0, 0);
    let sheet = render_sheet(&report, &HistoryContext::default(), &[]).expect("renders");
    assert!(sheet.contains("Nothing was read: the posture is unknown."), "{sheet}");
    for figure in ["Strictest or defensive", "Owners with the highest risk", "None, as far as it was read"] {
        assert!(!sheet.contains(&format!(">{figure}<")), "{figure}");
    }
}
