//! Control mapping: the requirements that each rule supports, with the results of the rule.

use doorward_model::{Control, Framework, VerdictKind};

use super::{SheetContext, title_of};
use crate::sheet::{Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Control mapping",
    file: "controls",
    about: "Which requirements each rule supports. It supports them; the assessor decides whether they are \
     satisfied.",
};

struct Row<'p> {
    framework: &'p Framework,
    control: &'p Control,
    rule: &'p str,
    title: &'p str,
    counts: Option<&'p std::collections::BTreeMap<VerdictKind, usize>>,
}

impl Row<'_> {
    fn count(&self, kind: VerdictKind) -> Value<'static> {
        self.counts.map(|counts| counts.get(&kind).copied().unwrap_or(0)).into()
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Framework", 26, "The standard.", |r| r.framework.name.as_str().into())
        .text("Version", 12, "Its version.", |r| r.framework.version.as_str().into())
        .text("Control", 14, "The requirement or control, by its number there.", |r| r.control.id.as_str().into())
        .prose("Topic", 44, "What it is about, in our words; read the standard for its own.", |r| {
            r.control.title.as_str().into()
        })
        .text("Rule", 28, "The rule that supports it.", |r| r.rule.into())
        .prose("Rule title", 34, "What the rule is called.", |r| r.title.into())
        .prose(
            "Supports by",
            60,
            "What the rule's result contributes. It supports; it never satisfies by itself.",
            |r| r.control.supports.as_str().into(),
        )
        .count("Fail", "Rows of the sheet Results where the rule fails; blank where it did not run.", |r| {
            r.count(VerdictKind::Fail)
        })
        .count("Unknown", "Rows where the rule could not be judged.", |r| r.count(VerdictKind::Unknown))
        .count("Excepted", "Rows where an exception permits the failure.", |r| r.count(VerdictKind::Excepted))
        .count("Pass", "Rows where the rule passes.", |r| r.count(VerdictKind::Pass))
        .count("Not applicable", "Rows where the rule does not apply.", |r| r.count(VerdictKind::NotApplicable))
        .count("Not asked", "Rows where the run did not collect the evidence that the rule needs.", |r| {
            r.count(VerdictKind::NotAsked)
        })
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let mut rows = Vec::new();
    for framework in &cx.pack.context.controls {
        for control in &framework.controls {
            rows.extend(control.rules.iter().map(|rule| Row {
                framework,
                control,
                rule,
                title: title_of(&cx.pack.context.rules, rule),
                counts: cx.report().tally.verdicts.get(rule),
            }));
        }
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
