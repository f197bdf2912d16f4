//! The comparison as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;

use super::{BeforeAfter, Change, Compared, ComparedBy, Figure};
use crate::tally::LoadBalancerKey;

/// The days before and after a change, a line for each figure.
pub fn render_comparison(compared: &BTreeMap<LoadBalancerKey, BeforeAfter>, change: Date) -> String {
    let mut text = format!("Before and after {change}, by weekday; {change} itself is not included.\n");
    for (key, BeforeAfter { by, figures }) in compared {
        let by = match by {
            ComparedBy::Logs => "by its access logs",
            ComparedBy::Metrics => "by CloudWatch's metrics",
            ComparedBy::Nothing => "not compared",
        };
        let _ = writeln!(text, "\n{key} ({by})");
        for figure in figures {
            line(&mut text, figure);
        }
    }
    text.push_str(
        "\nAt most 1 in 100 load balancers on which nothing changed shows a change, if days vary as they did before.\n",
    );
    text
}

fn line(text: &mut String, figure: &Compared) {
    let percent = |fraction: f64| format!("{:.4}%", fraction * 100.0);
    let name = match figure.figure {
        Figure::NonCompliant => "not compliant, of classified requests",
        Figure::Client4xx => "4xx to clients, of all lines",
        Figure::Client5xx => "5xx to clients, of all lines",
        Figure::LoadBalancer4xx => "4xx of the load balancer itself, of all requests",
        Figure::Target5xx => "5xx of targets, of all requests",
    };
    let verdict = match figure.change {
        Change::Rose => "ROSE beyond the usual variation",
        Change::Fell => "fell beyond the usual variation",
        Change::WithinNoise => "within the usual variation",
        Change::TooFewDays => {
            "too few days: a comparison needs two whole days of the same weekday before the change, one after it, \
             and a few more to know how much days vary"
        }
        Change::NotRead => "unknown",
    };
    let _ = write!(text, "  {name}: {verdict}");
    if let (Some(before), Some(after), Some((low, high))) = (figure.before, figure.after, figure.usual) {
        let (before, after, low, high) = (percent(before), percent(after), percent(low), percent(high));
        let days = figure.days_after;
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let _ = write!(text, " ({before} before, {after} after; usual for {days}: {low} to {high})");
    }
    if let Some(unread) = &figure.unread {
        let _ = write!(text, ": {unread}");
    }
    text.push('\n');
}
