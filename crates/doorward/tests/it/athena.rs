//! Counting by Athena from the command line: shown and bounded before it costs anything, and the same counts as the other engine's.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use doorward_fakeaws::spec::{AthenaSpec, LoadBalancerSpec};
use doorward_fakeaws::{Fault, What};
use jiff::Timestamp;
use serde_json::Value;

use crate::bed::{Bed, Said, run, world};
use crate::shipped::{OUTPUT, Shipped, VENDED};
use crate::traffic::{EDGE, json, scanned, seeded};

const HOME: (&str, &str) = ("100000000020", "eu-west-1");
const COLUMNS: [&str; 10] = ["what", "account", "region", "elb", "key1", "key2", "key3", "key4", "requests", "served"];
const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:100000000020:targetgroup/shop/73e2d6bc24d8a067";

/// The example's organization, with a traffic role that has what `doorward setup` writes for Athena, and nothing else.
fn bed() -> Bed {
    Shipped::of_acme().bed("athena", true)
}

/// What Athena would find in the logs that `seeded` wrote.
pub(crate) fn answer(hour: Timestamp) -> AthenaSpec {
    let (day, hour) = (hour.strftime("%Y-%m-%d").to_string(), hour.strftime("%Y-%m-%dT%H"));
    let (tier, reason) = ("Ambiguous", "UndefinedContentLengthSemantics");
    let row = |what: &str, [a, b, c, d]: [&str; 4], requests: u64, served: u64| -> Vec<String> {
        let texts = [what, HOME.0, HOME.1, EDGE, a, b, c, d].map(str::to_owned);
        texts.into_iter().chain([requests, served].map(|number| number.to_string())).collect()
    };
    let rows = vec![
        row("addresses", ["203.0.113.9", "", "", ""], 4, 4),
        row("agents", ["till/1.0", "", "", ""], 4, 4),
        row("client_day", [&day, "", "", ""], 2, 2),
        row("clients", ["203.0.113.9", "till/1.0", &format!("{tier} {reason}"), &format!("{hour} served")], 4, 4),
        row("domains", ["shop.example", "", "", ""], 4, 4),
        row("group", [GROUP, "", "", ""], 2_904, 2_904),
        row("groups", [GROUP, "", "", ""], 4, 4),
        row("hour", [&format!("{hour} compliant"), "served 2 2+", "-", "-"], 2_900, 2_900),
        row("hour", [&format!("{hour} tier"), "served 2 2+", tier, reason], 4, 4),
        row("shapes", ["GET /", "", "", ""], 4, 4),
        row("status", ["200", "", "", ""], 2_904, 2_904),
        row("type", ["https", "", "", ""], 2_904, 2_904),
    ];
    AthenaSpec {
        account: HOME.0.to_owned(),
        region: HOME.1.to_owned(),
        contains: "GROUPING SETS".to_owned(),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        rows,
        scanned: 123_456,
        fails: None,
        endless: false,
    }
}

/// The binary, with the settings that the role is set up for.
fn counting(bed: &Bed, folder: &Path) -> Command {
    let mut command = bed.doorward(folder);
    command.env("DOORWARD_TRAFFIC__ATHENA__OUTPUT", OUTPUT).env("DOORWARD_TRAFFIC__ATHENA__DATABASE", "traffic_logs");
    command
}

fn traffic(bed: &Bed, folder: &Path, arguments: &[&str]) -> Said {
    run(counting(bed, folder).args(["traffic", "--from", "a.saved", "--engine", "athena"]).args(arguments))
}

fn queries(bed: &Bed) -> Vec<String> {
    bed.server.world().athena_queries(HOME.0, HOME.1)
}

/// Athena counts requests and keeps none of them as an example, and it counts the clients of a day where the other engine sketches them.
fn comparable(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|key, _| key != "example" && key != "client_days");
            members.values_mut().for_each(|member| *member = comparable(member.take()));
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| *entry = comparable(entry.take())),
        _ => {}
    }
    value
}

#[test]
fn a_count_by_athena_is_the_count_of_the_other_engine() {
    let bed = bed();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scanned(&bed, folder);
    let hour = seeded(&bed);
    bed.server.world().add_athena(&answer(hour)).unwrap();

    let dry = traffic(&bed, folder, &["--dry-run"]);
    assert_eq!((dry.code, queries(&bed).len()), (Some(0), 0), "{}", dry.err);
    assert!(dry.err.contains("to scan: 2 objects") && dry.err.contains("dollars"), "{}", dry.err);

    let mut poor = counting(&bed, folder);
    poor.env("DOORWARD_TRAFFIC__ATHENA__BUDGET_GIGABYTES", "0.000001");
    let poor = run(poor.args(["traffic", "--from", "a.saved", "--engine", "athena"]));
    assert_eq!((poor.code, queries(&bed).len()), (Some(2), 0), "{}", poor.err);
    assert!(poor.err.contains("traffic.athena.budget_gigabytes"), "{}", poor.err);

    let said = traffic(&bed, folder, &["--format", "json", "--save", "t.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let counted = json(&said);
    assert_eq!(counted["found"]["athena"]["scanned_bytes"], 123_456);
    assert_eq!(queries(&bed).len(), 2, "one table, one query");
    let embedded = ["-q", "traffic", "--from", "a.saved", "--all-logs", "--format", "json"];
    let embedded = json(&run(bed.doorward(folder).args(embedded)));
    let key = format!("100000000020/eu-west-1/{EDGE}");
    let of = |said: &Value| comparable(said["found"]["tally"]["load_balancers"][&key].clone());
    assert_eq!(of(&counted), of(&embedded));
    let modes = |said: &Value| {
        let forecasts = said["forecasts"].as_array().unwrap();
        let found = forecasts.iter().find(|forecast| forecast["load_balancer"] == key.as_str());
        comparable(found.unwrap().clone())
    };
    assert_eq!(modes(&counted), modes(&embedded));

    // The same again makes no second table of another name, and advice stands on it like on any other count.
    let table = traffic(&bed, folder, &["-q"]);
    assert!(table.out.contains("Athena scanned 0.000 GB of 2 log files with 1 query"), "{}", table.out);
    let all = queries(&bed);
    assert_eq!((all.len(), &all[0]), (4, &all[2]));
    let mut advise = bed.doorward(folder);
    // All of it is of one hour, which is a third of a day with what the window holds besides.
    advise.env("DOORWARD_TRAFFIC__THRESHOLDS__MINIMUM_DAYS", "0.2");
    let advice = run(advise.args(["-q", "advise", "--from", "a.saved", "--traffic", "t.json"]));
    assert!(advice.code == Some(0) && advice.out.contains("RAISE to defensive"), "{} {}", advice.out, advice.err);
}

#[test]
fn what_athena_did_not_count_is_named_and_advises_nothing() {
    let bed = bed();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scanned(&bed, folder);
    let hour = seeded(&bed);
    let failing =
        AthenaSpec { fails: Some("GENERIC_INTERNAL_ERROR: \u{1b}[2Jno such bucket".to_owned()), ..answer(hour) };
    bed.server.world().add_athena(&failing).unwrap();
    for (faults, says) in [
        (vec![], "no such bucket"),
        (vec![Fault::new(What::AccessDenied).action("StartQueryExecution")], "athena:StartQueryExecution"),
        (vec![Fault::new(What::AccessDenied).action("ListObjectsV2")], "s3:ListBucket"),
    ] {
        bed.server.set_faults(faults);
        let said = traffic(&bed, folder, &["-q"]);
        assert!(said.code == Some(4) && said.out.contains(says), "{says}: {:?} {} {}", said.code, said.out, said.err);
        assert!(!said.out.contains('\u{1b}'), "{}", said.out);
        let advice = ["-q", "advise", "--from", "a.saved", "--engine", "athena", "--format", "json"];
        let advice = run(counting(&bed, folder).args(advice));
        let edge = &json(&advice)["advice"][format!("100000000020/eu-west-1/{EDGE}")];
        assert_eq!((advice.code, &edge["step"]["step"]), (Some(4), &"not-enough-evidence".into()), "{edge:#}");
    }
    // A folder is read here, by nobody else.
    let both = run(bed.doorward(folder).args(["traffic", "--logs", ".", "--engine", "athena"]));
    assert_eq!(both.code, Some(2), "{}", both.err);
}

#[test]
fn stopped_it_stops_its_query() {
    let bed = bed();
    let folder = tempfile::tempdir().unwrap();
    scanned(&bed, folder.path());
    let hour = seeded(&bed);
    bed.server.world().add_athena(&AthenaSpec { contains: String::new(), endless: true, ..answer(hour) }).unwrap();
    let mut command = counting(&bed, folder.path());
    let mut child = command.args(["-q", "traffic", "--from", "a.saved", "--engine", "athena"]).spawn().unwrap();
    let begun = Instant::now();
    while queries(&bed).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no query was started");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(bed.server.calls().iter().any(|call| call.action == "StopQueryExecution"));
    assert_eq!(queries(&bed).len(), 1, "a query was started after the end");
}

#[test]
fn logs_that_a_delivery_writes_are_counted_where_the_settings_say() {
    let bed = bed();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let spec = LoadBalancerSpec {
        account: HOME.0.to_owned(),
        region: HOME.1.to_owned(),
        name: "vended".to_owned(),
        vended_logs: true,
        ..LoadBalancerSpec::default()
    };
    bed.server.world().add_load_balancer(&spec).unwrap();
    scanned(&bed, folder);
    let hour = seeded(&bed);
    let arn = bed.server.world().arn(HOME.0, HOME.1, "vended").unwrap();
    let id = arn.split_once(":loadbalancer/").unwrap().1.to_owned();
    let rows = answer(hour).rows.into_iter().map(|mut row| {
        row[3].clone_from(&id);
        row
    });
    bed.server.world().add_athena(&AthenaSpec { contains: id.clone(), rows: rows.collect(), ..answer(hour) }).unwrap();
    let day = hour.strftime("%Y/%m/%d");
    let key = format!("vended/{}/{}/{day}/07/x.parquet", HOME.0, HOME.1);
    assert!(bed.server.world().put_object("acme-log-archive-alb-eu-west-1", &key, vec![0; 5_000], hour));

    // Not said where they lie: nothing is known of it, and nothing is asked.
    let of_it =
        |said: &Said| json(said)["found"]["tally"]["load_balancers"][format!("{}/{}/{id}", HOME.0, HOME.1)].clone();
    let without = traffic(&bed, folder, &["-q", "--days", "3", "--format", "json"]);
    assert!(
        of_it(&without).is_null() && !queries(&bed).iter().any(|query| query.contains("PARQUET")),
        "{}",
        without.out
    );
    let mut command = counting(&bed, folder);
    command.env("DOORWARD_TRAFFIC__ATHENA__VENDED", VENDED);
    command.args([
        "traffic",
        "--from",
        "a.saved",
        "--engine",
        "athena",
        "--all-logs",
        "--days",
        "3",
        "--format",
        "json",
    ]);
    let said = run(&mut command);
    // Another load balancer of the example delivers its logs in a Region whose bucket there is none of.
    assert!(said.code == Some(4) && said.err.contains("app/events-collector/"), "{:?} {}", said.code, said.err);
    assert!(said.err.contains("to scan: 3 objects, 0.001 GB, with 2 queries"), "{}", said.err);
    assert_eq!(of_it(&said)["compliant"], 2_900, "{}", said.out);
    let all = queries(&bed);
    let table = all.iter().find(|query| query.contains("STORED AS PARQUET")).unwrap();
    assert!(table.contains("LOCATION 's3://acme-log-archive-alb-eu-west-1/vended/'"), "{table}");
    assert!(table.contains("  `classification_reason` string"), "{table}");
}

#[test]
fn where_results_go_has_to_be_set() {
    let bed = bed();
    let folder = tempfile::tempdir().unwrap();
    scanned(&bed, folder.path());
    bed.server.clear_calls();
    let said = run(bed.doorward(folder.path()).args(["traffic", "--from", "a.saved", "--engine", "athena"]));
    assert!(said.code == Some(2) && said.err.contains("traffic.athena.output is not set"), "{}", said.err);
    assert_eq!(bed.server.calls(), []);
}

#[test]
fn settings_of_athena_that_make_no_sense_are_refused_by_name() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    for (key, value) in [
        ("WORKGROUP", "a'; DROP TABLE x --"),
        ("DATABASE", "`"),
        ("OUTPUT", "results"),
        ("OUTPUT", "s3://results/*"),
        ("OUTPUT", "s3://*/x/"),
        ("BUDGET_GIGABYTES", "0.0"),
        ("BUDGET_GIGABYTES", "nan"),
        ("PATIENCE", "soon"),
        ("VENDED", "s3://vended/{account}/{day}"),
        ("COLUMNS__CLIENT", "client\\\"port"),
    ] {
        let mut command = bed.doorward(folder.path());
        command.env(format!("DOORWARD_TRAFFIC__ATHENA__{key}"), value);
        let said = run(command.args(["traffic", "--engine", "athena"]));
        let names = key.split("__").next().unwrap().to_lowercase();
        assert!(
            said.code == Some(2) && said.err.to_lowercase().contains(&names),
            "{key}={value}: {:?} {}",
            said.code,
            said.err
        );
    }
}
