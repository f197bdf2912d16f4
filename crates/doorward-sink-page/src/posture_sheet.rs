//! The posture sheet: one page (A4 when printed) for those who decide and do not fix. Its figures are those of
//! [`doorward_model::PostureSummary`].

use doorward_model::{HistoryContext, PostureSummary, ScanReport};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};

/// The template.
const SHEET: &str = include_str!("../assets/posture.html");

/// The sheet as HTML. The same report and history give the same bytes.
pub(crate) fn render(
    report: &ScanReport,
    history: &HistoryContext,
    cost_centre_tags: &[String],
) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(crate::page::escaped);
    environment.add_template("posture.html", SHEET)?;
    environment.get_template("posture.html")?.render(Serde(PostureSummary::of(report, history, cost_centre_tags)))
}
