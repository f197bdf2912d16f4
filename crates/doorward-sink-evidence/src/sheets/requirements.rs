//! Requirements: one line for each control, with counts and where its rows are.

use doorward_model::{Control, ControlResult, FindingsOfControls, Framework};

use super::SheetContext;
use crate::sheet::{Columns, Kind, Sheet, Title};

const TITLE: Title = Title {
    tab: "Requirements",
    file: "requirements",
    about: "One line for each requirement: how many load balancers fail, are unknown, excepted or pass the rules that support it, and \
     where their rows are. The assessor decides whether a requirement is satisfied.",
};

struct Row<'p> {
    framework: &'p Framework,
    control: &'p Control,
    result: ControlResult,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Requirement", 14, "The requirement or control, by its number in the standard.", |r| {
            r.control.id.as_str().into()
        })
        .text("Framework", 22, "The standard and its version.", |r| {
            format!("{} {}", r.framework.name, r.framework.version).into()
        })
        .prose("Topic", 40, "The subject, in Doorward's words.", |r| r.control.title.as_str().into())
        .with(
            Kind::Word,
            "Result",
            12,
            "The worst result of any load balancer (fail, unknown, excepted or pass); not judged if no rule ran.",
            |r| r.result.outcome().into(),
        )
        .count(
            "Load balancers",
            "Load balancers that a supporting rule judged; each counts once, by its worst verdict.",
            |r| r.result.judged().into(),
        )
        .count("Fail", "Load balancers for which at least one rule fails.", |r| r.result.fail.into())
        .count("Unknown", "Load balancers for which at least one verdict is unknown and no rule fails.", |r| {
            r.result.unknown.into()
        })
        .count("Excepted", "Load balancers with an exception whose other verdicts pass.", |r| r.result.excepted.into())
        .count("Pass", "Load balancers for which every rule passes.", |r| r.result.pass.into())
        .prose("Rows", 60, "How to find the rows.", |r| {
            format!("Sheet Results, column Rule: {}", r.control.rules.join(", ")).into()
        })
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let findings = FindingsOfControls::new(cx.report());
    let mut rows = Vec::new();
    for framework in &cx.pack.context.controls {
        rows.extend(framework.controls.iter().map(|control| {
            let result = findings.result(control);
            Row { framework, control, result }
        }));
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
