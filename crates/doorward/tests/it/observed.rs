//! Advice, plans and reports stand on the days in which traffic was observed, not on the days that were asked for.

use std::path::Path;
use std::process::Command;

use doorward_fakeaws::spec::MetricSpec;
use doorward_fakeaws::{Fault, What};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bed::{Bed, run, world};
use crate::traffic::{EDGE, file, json};

const ACCOUNT: &str = "100000000020";
/// Half a minute before the hour: the commands take a moment, and the hour that has only begun is no evidence.
const NOW: &str = "2026-09-14T23:59:30Z";
/// The hours of the 14 days that are asked for by default.
const HOURS: i64 = 336;

/// What there is of one load balancer; hours count from the beginning of the window.
struct Row {
    name: &'static str,
    /// Hours with a log file of 20 lines.
    logs: Vec<i64>,
    /// Hours in which CloudWatch counts 20 requests; none where it may not be read.
    requests: Option<Vec<i64>>,
    /// Requests in each of these hours, where they are not 20.
    each: f64,
    created: &'static str,
    more: &'static [&'static str],
    /// What advice and plan have to say.
    says: &'static str,
    raises: bool,
}

fn row(name: &'static str, logs: impl IntoIterator<Item = i64>, requests: Option<Vec<i64>>, says: &'static str) -> Row {
    let logs = logs.into_iter().collect();
    Row {
        name,
        logs,
        requests,
        each: 20.0,
        created: "2022-09-14T08:12:44Z",
        more: &["--all-logs"],
        says,
        raises: false,
    }
}

fn all() -> Vec<i64> {
    (0..HOURS).collect()
}

fn at(hour: i64) -> Timestamp {
    "2026-09-15T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour - HOURS)
}

impl Row {
    /// An organization in which one load balancer, managed by nothing, has this traffic.
    fn bed(&self) -> Bed {
        let text = world("acme-org")
            .replacen("created = \"2022-09-14T08:12:44Z\"", &format!("created = {:?}", self.created), 1)
            .replacen(", \"aws:cloudformation:stack-name\" = \"storefront-edge-prod\"", "", 1);
        let faults =
            if self.requests.is_some() { vec![] } else { vec![Fault::new(What::AccessDenied).service("cloudwatch")] };
        let bed = Bed::start_at(&text, faults, NOW.parse().unwrap());
        let world = bed.server.world();
        for hour in &self.logs {
            let end = at(*hour) + SignedDuration::from_mins(30);
            let key = format!(
                "storefront/AWSLogs/{ACCOUNT}/elasticloadbalancing/eu-west-1/{}/{ACCOUNT}_elasticloadbalancing_eu-west-1_app.storefront-edge.215931f2c7b87197_{}_10.0.0.1_abc.log.gz",
                end.strftime("%Y/%m/%d"),
                end.strftime("%Y%m%dT%H%MZ")
            );
            assert!(world.put_object("acme-log-archive-alb-eu-west-1", &key, file(end, 20, 0), end));
        }
        for hour in self.requests.iter().flatten() {
            let spec = MetricSpec {
                account: ACCOUNT.to_owned(),
                region: "eu-west-1".to_owned(),
                name: "RequestCount".to_owned(),
                load_balancer: Some("storefront-edge".to_owned()),
                from: Some((at(*hour) + SignedDuration::from_mins(25)).to_string()),
                every: Some(300),
                values: vec![self.each],
                ..MetricSpec::default()
            };
            world.add_metric(&spec).unwrap();
        }
        bed
    }
}

fn command<'a>(bed: &Bed, folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = bed.doorward(folder);
    command.arg("-q").args(arguments);
    // The fewer requests, the sooner the test ends; how many are needed is not what it is about.
    command.env("DOORWARD_TRAFFIC__THRESHOLDS__MINIMUM_REQUESTS", "10");
    command
}

#[test]
fn a_window_that_was_asked_for_raises_nothing() {
    let hole = || (0..HOURS).filter(|hour| !(96..240).contains(hour));
    let rows = [
        Row { each: 5_000.0, ..row("one point of five minutes", [], Some(vec![100]), "1 of 14 days") },
        row("logs of one hour, CloudWatch denied", [100], None, "traffic in 1 of 336 hours"),
        row("logging switched on an hour ago", [335], Some(all()), "1 of 336 hours, 0.3% of requests"),
        row("a hole of six days", hole(), None, "no log lines from 2026-09-05 00:00 to 2026-09-11 00:00"),
        row("first and last day", (0..24).chain(312..336), None, "2 of 14 days"),
        Row {
            created: "2026-09-14T01:00:00Z",
            ..row("created yesterday", [], Some((313..336).collect()), "23 of 23 hours")
        },
        Row { each: 200.0, ..row("a tenth of the requests", all(), Some(all()), "6720 of the 67200 requests") },
        row("requests in one hour", [100], Some(vec![100]), "1 of 14 days, 100.0% of requests"),
        Row { more: &[], ..row("idle", [], Some(vec![]), "no traffic in the window") },
        Row { raises: true, ..row("complete logs", all(), Some(all()), "14 of 14 days, 100.0% of requests") },
        Row {
            raises: true,
            more: &[],
            ..row("complete metrics", [], Some(all()), "Only CloudWatch's metrics were read: 14 of 14 days")
        },
    ];
    for row in rows {
        let name = row.name;
        let bed = row.bed();
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let scan =
            ["scan", "--account", ACCOUNT, "--region", "eu-west-1", "--save", "a.saved", "--format", "json-v1=a.json"];
        assert_eq!(run(&mut command(&bed, folder, scan)).code, Some(3), "{name}");
        let gather = ["traffic", "--from", "a.saved", "--save", "t.json", "--format", "json"];
        let said = run(&mut command(&bed, folder, gather.into_iter().chain(row.more.iter().copied())));
        let key = format!("{ACCOUNT}/eu-west-1/{EDGE}");
        assert!(matches!(said.code, Some(0 | 4)), "{name}: {}", said.err);

        let advise = ["advise", "--from", "a.saved", "--traffic", "t.json", "--format", "json"];
        let advice = json(&run(&mut command(&bed, folder, advise)))["advice"][&key].clone();
        let text = advice.to_string();
        assert_eq!(
            advice["step"]["step"],
            if row.raises { "raise" } else { "not-enough-evidence" },
            "{name}: {advice:#}"
        );
        assert!(text.contains(row.says), "{name}: {advice:#}");

        // The saved file says for itself what was observed.
        let saved: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("t.json")).unwrap()).unwrap();
        let observed = &saved["observed"][&key];
        assert_eq!(observed, &advice["forecast"]["evidence"]["observed"], "{name}: {observed:#}");
        assert!(saved["created"][&key].as_str().unwrap().starts_with(&row.created[..10]), "{name}");

        let plan = ["plan", "--from", "a.saved", "--traffic", "t.json", "--from-advice"];
        assert_eq!(run(&mut command(&bed, folder, plan)).code, Some(0), "{name}");
        let plan: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("change-plan.json")).unwrap()).unwrap();
        let of_edge = |list: &str| {
            let mut all = plan[list].as_array().unwrap().iter();
            all.find(|one| one["arn"].as_str().unwrap().ends_with(EDGE)).cloned().unwrap_or(Value::Null)
        };
        let (step, skip) = (of_edge("steps"), of_edge("skipped"));
        if row.raises {
            assert_eq!((&step["to"], &step["risk"]), (&"strictest".into(), &"low".into()), "{name}: {plan:#}");
            assert_eq!(step["effect"]["observed"]["days_with_traffic"], 14, "{name}: {step:#}");
            assert!(step["evidence"].as_str().unwrap().contains(row.says), "{name}: {step:#}");
            let reviewed = std::fs::read_to_string(folder.join("change-plan.md")).unwrap();
            assert!(reviewed.contains("observed: 14 of 14 days"), "{name}: {reviewed}");
        } else {
            assert_eq!((&step, &skip["reason"]), (&Value::Null, &"no-evidence".into()), "{name}: {plan:#}");
        }
        // Every report has the same days.
        let formats = ["--format", "owners=owners", "--format", "html=r.html", "--format", "json-v1=r.json"];
        let report = ["report", "--from", "a.saved", "--traffic", "t.json"].into_iter().chain(formats);
        assert_eq!(run(&mut command(&bed, folder, report)).code, Some(3), "{name}");
        if let Some(days) = observed["days"].as_u64().filter(|days| *days > 0) {
            let words = match observed["days_with_traffic"].as_u64() {
                // No day is counted whole, and the hours are said instead.
                Some(0) => row.says.to_owned(),
                counted => format!("{} of {days} days", counted.unwrap()),
            };
            let page = std::fs::read_to_string(folder.join("owners/storefront-032778fa.md")).unwrap();
            for (what, text) in [("owners", page), ("page", std::fs::read_to_string(folder.join("r.html")).unwrap())] {
                assert!(text.contains(&words), "{name}: {what} does not say {words}");
            }
        }
    }
}
