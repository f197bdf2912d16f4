//! Control mapping: the requirements that each rule supports, with the results of the rule.

use std::collections::BTreeMap;
use std::fmt::Display;

use doorward_model::{Control, Framework, Kind, Scheme, VerdictKind};

use super::{SheetContext, title_of};
use crate::sheet::{Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Control mapping",
    file: "controls",
    about: "The requirements that each rule supports. The assessor decides whether a requirement is satisfied.",
};

struct Row<'p> {
    framework: &'p Framework,
    control: &'p Control,
    rule: &'p str,
    title: &'p str,
    /// Absent where the rule did not run.
    counts: Option<BTreeMap<VerdictKind, usize>>,
}

impl Row<'_> {
    fn count(&self, kind: VerdictKind) -> Value<'static> {
        self.counts.as_ref().map(|counts| counts.get(&kind).copied().unwrap_or(0)).into()
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Framework", 26, "The standard.", |r| r.framework.name.as_str().into())
        .text("Version", 12, "Its version.", |r| r.framework.version.as_str().into())
        .text("Control", 14, "The requirement or control, by its number in the standard.", |r| {
            r.control.id.as_str().into()
        })
        .prose("Topic", 44, "The subject, in Doorward's words; the standard has the exact text.", |r| {
            r.control.title.as_str().into()
        })
        .text("Rule", 28, "The rule that supports it.", |r| r.rule.into())
        .prose("Rule title", 34, "The title of the rule.", |r| r.title.into())
        .prose(
            "Supports by",
            60,
            "What the result of the rule contributes. A rule supports a requirement; it never satisfies one by itself.",
            |r| r.control.supports.as_str().into(),
        )
        .text("Kinds", 20, "The kinds of load balancers to which the control applies; only these are counted.", |r| {
            every(&r.control.kinds).into()
        })
        .text(
            "Schemes",
            18,
            "The schemes that are counted. A load balancer whose scheme could not be read counts for every control.",
            |r| every(&r.control.schemes).into(),
        )
        .count(
            "Fail",
            "Rows of the sheet Results, of these kinds and schemes, in which the rule fails; blank if the rule did \
             not run.",
            |r| r.count(VerdictKind::Fail),
        )
        .count("Unknown", "Rows in which the verdict is unknown.", |r| r.count(VerdictKind::Unknown))
        .count("Excepted", "Rows in which an exception permits the failure.", |r| r.count(VerdictKind::Excepted))
        .count("Pass", "Rows in which the rule passes.", |r| r.count(VerdictKind::Pass))
        .count("Not applicable", "Rows in which the rule does not apply.", |r| r.count(VerdictKind::NotApplicable))
        .count("Not asked", "Rows for which the run did not collect the evidence that the rule needs.", |r| {
            r.count(VerdictKind::NotAsked)
        })
}

fn every<T: Display>(some: &[T]) -> String {
    if some.is_empty() { "all".to_owned() } else { some.iter().map(T::to_string).collect::<Vec<_>>().join(", ") }
}

/// Results by rule, then by the kind and scheme of the load balancer.
type RuleResults<'p> = BTreeMap<&'p str, BTreeMap<(Kind, Option<Scheme>), BTreeMap<VerdictKind, usize>>>;

fn results<'p>(cx: &SheetContext<'p>) -> RuleResults<'p> {
    let mut results = RuleResults::new();
    for finding in &cx.report().findings {
        let scheme = cx.load_balancer_named(&finding.load_balancer).and_then(|lb| lb.scheme.known().copied());
        let of = results.entry(&finding.rule).or_default().entry((finding.kind, scheme)).or_default();
        *of.entry(finding.verdict.kind()).or_default() += 1;
    }
    results
}

/// The results of a rule that count for a control; absent where the rule did not run.
fn counts(results: &RuleResults<'_>, control: &Control, rule: &str) -> Option<BTreeMap<VerdictKind, usize>> {
    let mut counts = BTreeMap::new();
    let about = results.get(rule)?.iter().filter(|((kind, scheme), _)| control.is_about(*kind, *scheme));
    for (kind, count) in about.flat_map(|(_, counted)| counted) {
        *counts.entry(*kind).or_default() += count;
    }
    Some(counts)
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let results = results(cx);
    let mut rows = Vec::new();
    for framework in &cx.pack.context.controls {
        for control in &framework.controls {
            rows.extend(control.rules.iter().map(|rule| Row {
                framework,
                control,
                rule,
                title: title_of(&cx.pack.context.rules, rule),
                counts: counts(&results, control, rule),
            }));
        }
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
