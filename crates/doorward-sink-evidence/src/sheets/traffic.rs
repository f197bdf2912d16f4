//! Traffic: the requests of each load balancer and the resulting advice.

use doorward_model::{LoadBalancer, Mode, ModeEffect, Traffic};

use super::SheetContext;
use crate::sheet::{Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Traffic",
    file: "traffic",
    about: "The effect of each mode according to access logs and CloudWatch, for the load balancers whose traffic \
         was read. For a load balancer that is not listed, no traffic was read.",
};

struct Row<'p> {
    lb: &'p LoadBalancer,
    traffic: &'p Traffic,
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn tier<'a>(row: &Row<'_>, name: &str) -> Value<'a> {
    row.traffic.tiers.get(name).map(|requests| count(*requests)).into()
}

fn effect<'a>(row: &Row<'_>, mode: Mode, read: fn(&ModeEffect) -> Option<u64>) -> Value<'a> {
    row.traffic.effect(mode).and_then(read).map(count).into()
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .text("Load balancer", 28, "Its name.", |r| r.lb.name.as_str().into())
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.lb.account.as_str().into())
        .text("Region", 15, "The AWS Region.", |r| r.lb.region.as_str().into())
        .text("Owner", 22, "The owner.", |r| r.lb.owner_label().into())
        .text("Observed mode", 16, "Its current mode.", |r| super::seen(&r.lb.mode).into())
        .text("Advice", 24, "The advice that follows from the traffic.", |r| r.traffic.advised().0.label().into())
        .text("Recommended mode", 14, "The mode that the advice leads to; blank if it is unknown.", |r| {
            r.traffic.advised().1.map(Mode::as_str).into()
        })
        .prose("Why", 60, "The reasons, with their denominators.", |r| r.traffic.because.join(" ").into())
        .text("Evidence", 34, "The kind of evidence, and how many days of the window were observed.", |r| {
            r.traffic.evidence().into()
        })
        .time("Window from", "The first instant of the window.", |r| r.traffic.from)
        .time("Window until", "The first instant after it.", |r| r.traffic.until)
        .count("Requests", "The denominator of all following counts.", |r| count(r.traffic.requests).into())
        .text("Requests of", 36, "What the denominator counts.", |r| r.traffic.denominator.as_str().into())
        .count("Compliant", "Requests of this AWS classification; blank if no logs were read.", |r| {
            tier(r, "Compliant")
        })
        .count("Acceptable", "Requests of this AWS classification; strictest blocks these.", |r| tier(r, "Acceptable"))
        .count("Ambiguous", "Requests of this AWS classification; strictest blocks these.", |r| tier(r, "Ambiguous"))
        .count("Severe", "Requests of this AWS classification; defensive and strictest block these.", |r| {
            tier(r, "Severe")
        })
        .count("Defensive would block", "Requests; blank if the number is unknown.", |r| {
            effect(r, Mode::Defensive, |effect| Some(effect.blocked))
        })
        .count(
            "Of these served successfully",
            "Of these, served by a target with a status below 400: users who would be affected.",
            |r| effect(r, Mode::Defensive, |effect| effect.hurt),
        )
        .count("Strictest would block", "Requests; blank if the number is unknown.", |r| {
            effect(r, Mode::Strictest, |effect| Some(effect.blocked))
        })
        .count(
            "Of those served successfully",
            "Of these, served by a target with a status below 400: users who would be affected.",
            |r| effect(r, Mode::Strictest, |effect| effect.hurt),
        )
        .prose("Logs against CloudWatch", 44, "Whether both counts agree.", |r| r.traffic.cross_check.as_str().into())
        .prose("Sources", 60, "Clients to fix or to review; the text comes from logs.", |r| {
            let sources = r.traffic.sources.iter();
            let lines = sources.map(|s| format!("{} {} {} ({}): {}", s.address, s.tier, s.reason, s.requests, s.agent));
            lines.collect::<Vec<_>>().join("\n").into()
        })
        .text("ARN", 80, "Its ARN.", |r| r.lb.arn.as_str().into())
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let all = cx.report().load_balancers.iter();
    let rows: Vec<Row<'p>> = all.filter_map(|lb| Some(Row { lb, traffic: lb.traffic.as_deref()? })).collect();
    Sheet::new(TITLE, columns(), rows.len(), rows).unknown_if(Some("the scan has no traffic evidence"))
}
