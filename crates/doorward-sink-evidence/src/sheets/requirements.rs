//! Requirements: one line for each control, with counts and where its rows are.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{Arn, Control, Framework, VerdictKind};

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
    /// Load balancers by the gravest verdict of the rules that support the control.
    counts: BTreeMap<Grade, usize>,
}

/// The gravest verdict of a load balancer, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Fail,
    Unknown,
    Excepted,
    Pass,
}

impl Grade {
    const fn of(kind: VerdictKind) -> Option<Self> {
        match kind {
            VerdictKind::Fail => Some(Self::Fail),
            VerdictKind::Unknown => Some(Self::Unknown),
            VerdictKind::Excepted => Some(Self::Excepted),
            VerdictKind::Pass => Some(Self::Pass),
            VerdictKind::NotApplicable | VerdictKind::NotAsked => None,
        }
    }
}

impl Row<'_> {
    fn count(&self, grade: Grade) -> usize {
        self.counts.get(&grade).copied().unwrap_or(0)
    }

    fn outcome(&self) -> &'static str {
        if self.count(Grade::Fail) > 0 {
            "fail"
        } else if self.count(Grade::Unknown) > 0 {
            "unknown"
        } else if self.count(Grade::Excepted) > 0 {
            "excepted"
        } else if self.count(Grade::Pass) > 0 {
            "pass"
        } else {
            "not judged"
        }
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Requirement", 14, "The requirement or control, by its number in the standard.", |r| {
            r.control.id.as_str().into()
        })
        .text("Framework", 22, "The standard and its version.", |r| {
            format!("{} {}", r.framework.name, r.framework.version).into()
        })
        .prose("Topic", 40, "What it is about, in our words.", |r| r.control.title.as_str().into())
        .with(
            Kind::Word,
            "Result",
            12,
            "The gravest result of any load balancer: fail, unknown, excepted or pass; not judged where no rule ran.",
            |r| r.outcome().into(),
        )
        .count(
            "Load balancers",
            "Those that a supporting rule judged; each counts once, by its gravest verdict.",
            |r| r.counts.values().sum::<usize>().into(),
        )
        .count("Fail", "Those of which at least one rule fails.", |r| r.count(Grade::Fail).into())
        .count("Unknown", "Those of which at least one verdict is unknown and none fails.", |r| {
            r.count(Grade::Unknown).into()
        })
        .count("Excepted", "Those with an exception whose other verdicts pass.", |r| r.count(Grade::Excepted).into())
        .count("Pass", "Those of which every rule passes.", |r| r.count(Grade::Pass).into())
        .prose("Rows", 60, "How to find the rows.", |r| {
            format!("Sheet Results, column Rule: {}", r.control.rules.join(", ")).into()
        })
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let mut rows = Vec::new();
    for framework in &cx.pack.context.controls {
        for control in &framework.controls {
            let rules: BTreeSet<&str> = control.rules.iter().map(String::as_str).collect();
            let mut grades: BTreeMap<&Arn, Grade> = BTreeMap::new();
            for finding in cx.report().findings.iter().filter(|finding| rules.contains(finding.rule.as_str())) {
                let scheme = cx.load_balancer_named(&finding.load_balancer).and_then(|lb| lb.scheme.known().copied());
                let Some(grade) = Grade::of(finding.verdict.kind()) else { continue };
                if control.is_about(finding.kind, scheme) {
                    let gravest = grades.entry(&finding.load_balancer).or_insert(grade);
                    *gravest = grade.min(*gravest);
                }
            }
            let mut counts = BTreeMap::new();
            grades.into_values().for_each(|grade| *counts.entry(grade).or_default() += 1);
            rows.push(Row { framework, control, counts });
        }
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
