//! Key figures over a period, in JSON and in words. Where nothing was ever read, the counts of the present are unknown.

use std::fmt::Write as _;

use doorward_ledger::{Durations, Kpi, Share};
use doorward_model::counted;
use jiff::SignedDuration;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::trend_table::share;

/// Key figures, and whether anything was ever read: without that, the counts of the present are null.
pub(super) struct TrendKpis {
    pub(super) kpis: Vec<Kpi>,
    pub(super) is_known: bool,
}

/// The counts of the present.
const COUNTS_OF_NOW: [&str; 9] = [
    "in_monitor",
    "in_monitor_unseen",
    "overdue",
    "overdue_unseen",
    "with_deadline",
    "open",
    "open_unseen",
    "excepted",
    "excepted_unseen",
];

impl Serialize for TrendKpis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_known {
            return self.kpis.serialize(serializer);
        }
        let mut kpis = Vec::new();
        for kpi in &self.kpis {
            let mut kpi = serde_json::to_value(kpi).map_err(S::Error::custom)?;
            if let Some(members) = kpi.as_object_mut() {
                let counts = members.iter_mut().filter(|(name, _)| COUNTS_OF_NOW.contains(&name.as_str()));
                counts.for_each(|(_, count)| *count = serde_json::Value::Null);
            }
            kpis.push(kpi);
        }
        kpis.serialize(serializer)
    }
}

/// The key figures; `is_known` says whether anything was ever read, without which no count of the present is known.
pub(super) fn figures(text: &mut String, kpi: &Kpi, is_known: bool) {
    if let (Some(_), false) = (kpi.in_monitor, is_known) {
        let left = durations(&kpi.time_in_monitor, "load balancer", "left monitor");
        let _ = writeln!(text, "  time in monitor       {left}; in monitor now: unknown");
    } else if let Some(in_monitor) = kpi.in_monitor {
        let since = kpi.in_monitor_since.map(|since| format!(", the longest since {}", since.strftime("%Y-%m-%d")));
        let _ = writeln!(
            text,
            "  time in monitor       {}; {in_monitor} in monitor now{}{}",
            durations(&kpi.time_in_monitor, "load balancer", "left monitor"),
            match kpi.in_monitor_unseen.unwrap_or(0) {
                0 => String::new(),
                unseen => format!(" ({unseen} of them not seen now)"),
            },
            since.unwrap_or_default()
        );
    }
    let resolved = |over: &Durations| durations(over, "finding", "was resolved");
    let _ = writeln!(text, "  time to remediate     {}", resolved(&kpi.time_to_remediate));
    let _ = writeln!(text, "  under exception       {}", resolved(&kpi.under_exception));
    let _ = writeln!(text, "  without exceptions    {}", resolved(&kpi.without_exception));
    if kpi.with_deadline > 0 || kpi.in_time.of + kpi.in_time_unknown > 0 {
        let overdue = Share { count: kpi.overdue, of: kpi.with_deadline };
        let unseen = match kpi.overdue_unseen {
            0 => String::new(),
            unseen => format!(" ({unseen} of them not seen now)"),
        };
        let _ = writeln!(
            text,
            "  deadlines             overdue now {}{unseen}; resolved in time {}{}",
            share(overdue),
            share(kpi.in_time),
            match kpi.in_time_unknown {
                0 => String::new(),
                unknown => format!(" ({unknown} more unknown: not observed up to the deadline)"),
            }
        );
    }
    let _ = writeln!(text, "  failing again         {}", share(kpi.came_back));
    if is_known {
        open_now(text, kpi);
    } else {
        let _ = writeln!(text, "  open now              unknown: nothing was read yet");
    }
    let _ = writeln!(text, "  ended otherwise       {} deleted, {} in closed accounts", kpi.gone, kpi.retired);
}

/// The findings that are open, and those under an exception.
fn open_now(text: &mut String, kpi: &Kpi) {
    let oldest = match (&kpi.oldest_open, &kpi.oldest_open_finding) {
        (Some(since), Some(id)) => format!(", the oldest since {} ({id})", since.strftime("%Y-%m-%d")),
        _ => String::new(),
    };
    let unseen = match kpi.open_unseen {
        0 => String::new(),
        unseen => format!(" ({} seen failing and {unseen} not seen now)", kpi.open - unseen),
    };
    let excepted = match kpi.excepted_unseen {
        0 => String::new(),
        unseen => format!(", {unseen} of them not seen now"),
    };
    let _ = writeln!(
        text,
        "  open now              {}{unseen}{oldest}; {} more under an exception{excepted}",
        kpi.open, kpi.excepted
    );
}

/// The durations in words: `noun` is what they are of, `ended` how each of them ended.
fn durations(over: &Durations, noun: &str, ended: &str) -> String {
    match (over.mean, over.median, over.percentile_90) {
        (Some(mean), Some(median), Some(percentile_90)) => {
            let (mean, median, most) = (days(mean), days(median), days(percentile_90));
            format!("mean {mean}, median {median}, 90% within {most} (of {})", counted(over.count, noun))
        }
        _ => format!("no {noun} {ended} in this period"),
    }
}

/// `12.5 days`
pub(super) fn days(span: SignedDuration) -> String {
    format!("{:.1} days", span.as_secs_f64() / 86_400.0)
}
