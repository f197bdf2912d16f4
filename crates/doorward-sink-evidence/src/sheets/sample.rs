//! Sample: load balancers drawn at random from a seed; the draw can be repeated.

use std::collections::BTreeMap;

use doorward_model::{Arn, VerdictKind};

use super::{SheetContext, seen};
use crate::figures::unit;
use crate::sample::Drawn;
use crate::sheet::{Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Sample",
    file: "sample",
    about: "A random sample of the load balancers in scope, with columns for the tester. The seed is on the sheet \
         Cover. The same sample can be drawn again, and assessors can draw one with their own seed (--seed).",
};

struct Row<'p> {
    draw: usize,
    drawn: &'p Drawn<'p>,
    verdicts: String,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .count("Draw", "Its place in the sample, from 1.", |r| r.draw.into())
        .count("Population number", "Its number on the sheet Population.", |r| r.drawn.number.into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.drawn.lb.account.as_str().into())
        .text("Unit", 20, "The organizational unit, as a path of names.", |r| unit(r.drawn.lb).into())
        .text("Region", 15, "The AWS Region.", |r| r.drawn.lb.region.as_str().into())
        .text("Load balancer", 28, "Its name.", |r| r.drawn.lb.name.as_str().into())
        .text("Kind", 12, "application or classic.", |r| r.drawn.lb.kind.as_str().into())
        .text("Scheme", 16, "internet-facing or internal.", |r| seen(&r.drawn.lb.scheme).into())
        .text("Observed mode", 22, "The desync mitigation mode that AWS returned, or why there is none.", |r| {
            seen(&r.drawn.lb.mode).into()
        })
        .text("Owner", 22, "The owner.", |r| r.drawn.lb.owner_label().into())
        .prose("Verdicts", 40, "The verdict of every rule.", |r| r.verdicts.as_str().into())
        .text("Tested by", 18, "Filled in by the tester.", |_| Value::Blank)
        .text("Tested on", 12, "Filled in by the tester.", |_| Value::Blank)
        .text(
            "Agrees",
            10,
            "Filled in by the tester: whether the mode in the console or the AWS CLI equals the observed mode.",
            |_| Value::Blank,
        )
        .text("Remark", 30, "Filled in by the tester.", |_| Value::Blank)
        .text("Evidence: request id", 38, "AWS's id of the call that returned the attributes.", |r| {
            r.drawn.lb.evidence.as_ref().and_then(|evidence| evidence.request_id.as_deref()).into()
        })
        .text("ARN", 80, "Its ARN.", |r| r.drawn.lb.arn.as_str().into())
        .id(
            "Draw key",
            66,
            "SHA-256 of the seed, a line feed and the ARN, in UTF-8. The load balancers in scope with the smallest \
             keys are the sample.",
            |r| r.drawn.hash.as_str().into(),
        )
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let mut verdicts: BTreeMap<&Arn, Vec<(&str, VerdictKind)>> =
        cx.drawn.iter().map(|drawn| (&drawn.lb.arn, Vec::new())).collect();
    for finding in &cx.report().findings {
        if let Some(of) = verdicts.get_mut(&finding.load_balancer) {
            of.push((&finding.rule, finding.verdict.kind()));
        }
    }
    let rows = (1..).zip(&cx.drawn).map(move |(draw, drawn)| {
        let said = verdicts.get(&drawn.lb.arn).into_iter().flatten();
        let said: Vec<String> = said.map(|(rule, kind)| format!("{rule}: {kind}")).collect();
        Row { draw, drawn, verdicts: said.join("\n") }
    });
    Sheet::new(TITLE, columns(), cx.drawn.len(), rows).unknown_if(cx.without_reading())
}
