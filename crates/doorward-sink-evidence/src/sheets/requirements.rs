//! Requirements: one line for each control, with counts and where its rows are.

use doorward_model::{Control, FindingsOfControls, Framework, RequirementResult};

use super::SheetContext;
use crate::sheet::{ColumnKind, Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Requirements",
    file: "requirements",
    about: "One line for each requirement: how many load balancers fail, are unknown, excepted or pass the rules that support it, \
     what is not known of it, and where its rows are. The assessor decides whether a requirement is satisfied.",
};

struct Row<'p> {
    framework: &'p Framework,
    control: &'p Control,
    result: RequirementResult,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Requirement", 14, "The requirement or control, by its number in the standard.", |r| {
            r.control.id.as_str().into()
        })
        .text("Framework", 22, "The standard and its version.", |r| {
            format!("{} {}", r.framework.name, r.framework.version).into()
        })
        .prose("Topic", 36, "The subject, in Doorward's words.", |r| r.control.title.as_str().into())
        .with(
            ColumnKind::Word,
            "Result",
            12,
            "fail if a load balancer fails; otherwise unknown as long as anything is not known (see Not known); then the worst result \
             of any load balancer (excepted or pass); not judged if everything was read and no rule judged a load balancer.",
            |r| r.result.outcome().into(),
        )
        .prose(
            "Not known",
            50,
            "Why a load balancer that was not judged may fail: account-Regions that were not read completely, rules that did not run, \
             and what earlier scans saw and this one did not; blank if nothing is missing.",
            |r| r.result.unknown_in_words().into(),
        )
        .count(
            "Load balancers",
            "Load balancers that a supporting rule judged; each counts once, by its worst verdict.",
            |r| r.result.load_balancers.judged().into(),
        )
        .count("Fail", "Load balancers for which at least one rule fails.", |r| r.result.load_balancers.fail.into())
        .count("Unknown", "Load balancers for which at least one verdict is unknown and no rule fails.", |r| r.result.load_balancers.unknown.into())
        .count("Excepted", "Load balancers with an exception whose other verdicts pass.", |r| r.result.load_balancers.excepted.into())
        .count("Pass", "Load balancers for which every rule passes.", |r| r.result.load_balancers.pass.into())
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
            let result = findings.requirement(control);
            Row { framework, control, result }
        }));
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
