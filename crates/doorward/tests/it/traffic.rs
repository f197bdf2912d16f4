//! Traffic from the command line: from a folder, from S3 and CloudWatch, and in the report.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use doorward_fakeaws::spec::MetricSpec;
use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bed::{Bed, REPOSITORY, Said, run, world};

pub(crate) const EDGE: &str = "app/storefront-edge/215931f2c7b87197";

fn offline(folder: &Path, arguments: &[&str]) -> Said {
    run(Command::new(env!("CARGO_BIN_EXE_doorward")).current_dir(folder).arg("-q").args(arguments))
}

pub(crate) fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {} {}", said.out, said.err))
}

/// A log file of one load balancer: compliant requests, and some of a client that sends odd ones and is served.
pub(crate) fn file(end: Timestamp, compliant: usize, odd: usize) -> String {
    let mut text = String::new();
    for n in 0..compliant + odd {
        let time = end - SignedDuration::from_secs(10 + (n % 280) as i64);
        let time = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z");
        let class = if n < odd { "\"Ambiguous\" \"UndefinedContentLengthSemantics\"" } else { "\"-\" \"-\"" };
        let client = if n < odd { "203.0.113.9" } else { "198.51.100.1" };
        let _ = writeln!(
            text,
            "https {time} {EDGE} {client}:4711 10.0.0.1:80 0.001 0.002 0.000 200 200 34 366 \
             \"GET https://shop.example:443/ HTTP/1.1\" \"till/1.0\" ECDHE TLSv1.3 \
             arn:aws:elasticloadbalancing:eu-west-1:100000000020:targetgroup/shop/73e2d6bc24d8a067 \"Root=1\" \"shop.example\" \
             \"-\" 0 {time} \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" {class} TID_1"
        );
    }
    text
}

/// Two files of five minutes, both of yesterday: only the later one holds odd requests. CloudWatch counts the same.
pub(crate) fn seeded(bed: &Bed) -> Timestamp {
    let world = bed.server.world();
    let hour = Timestamp::now().as_second() / 3600 * 3600 - 30 * 3600;
    let start = Timestamp::from_second(hour).unwrap();
    let mut counts = Vec::new();
    for (number, (compliant, odd)) in [(2_000, 0), (0, 0), (0, 0), (0, 0), (900, 4)].into_iter().enumerate() {
        counts.push((compliant + odd, odd));
        if compliant + odd == 0 {
            continue;
        }
        let end = start + SignedDuration::from_mins(5 * (number as i64 + 1));
        let key = format!(
            "storefront/AWSLogs/100000000020/elasticloadbalancing/eu-west-1/{}/100000000020_elasticloadbalancing_eu-west-1_app.storefront-edge.215931f2c7b87197_{}_10.0.0.{number}_abc{number}.log.gz",
            end.strftime("%Y/%m/%d"),
            end.strftime("%Y%m%dT%H%MZ")
        );
        assert!(world.put_object("acme-log-archive-alb-eu-west-1", &key, file(end, compliant, odd), end));
    }
    for (name, values) in [
        ("RequestCount", counts.iter().map(|(all, _)| *all as f64).collect()),
        (
            "DesyncMitigationMode_NonCompliant_Request_Count",
            counts.iter().map(|(_, odd)| *odd as f64).collect::<Vec<_>>(),
        ),
    ] {
        let spec = MetricSpec {
            account: "100000000020".to_owned(),
            region: "eu-west-1".to_owned(),
            name: name.to_owned(),
            load_balancer: Some("storefront-edge".to_owned()),
            from: Some(start.to_string()),
            every: Some(300),
            values,
            ..MetricSpec::default()
        };
        world.add_metric(&spec).unwrap();
    }
    start
}

pub(crate) fn scanned(bed: &Bed, folder: &Path) {
    let said = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json", "--save", "a.saved"]));
    assert_eq!(said.code, Some(3), "{}", said.err);
}

#[test]
fn a_folder_of_logs_gives_advice() {
    let folder = tempfile::tempdir().unwrap();
    let logs = format!("{REPOSITORY}/examples/traffic");
    let scan = format!("{REPOSITORY}/reports/samples/acme-org/scan.saved");
    let said = offline(folder.path(), &["advise", "--logs", &logs, "--from", &scan, "--format", "json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let advice = json(&said);
    let of = |key: &str| (advice["advice"][key]["step"]["step"].clone(), advice["advice"][key]["recommended"].clone());
    assert_eq!(of(&format!("100000000020/eu-west-1/{EDGE}")), ("raise".into(), "strictest".into()));
    let us = "100000000020/us-east-1/app/storefront-edge/c6451a849a476031";
    assert_eq!(of(us), ("fix-and-raise".into(), "strictest".into()));
    assert_eq!(
        of("100000000021/eu-west-1/app/partner-api/f09573d0cf14c780"),
        ("fix-and-raise".into(), "defensive".into())
    );
    let none = "100000000020/ap-southeast-2/app/storefront-edge/36ebdc2606d0ad1f";
    assert_eq!(of(none), ("not-enough-evidence".into(), Value::Null));
    for (arguments, says) in [
        (["traffic", "--logs", &logs], "from clients that were served, or may have been"),
        (["advise", "--logs", &logs], "RAISE"),
    ] {
        let said = offline(folder.path(), &arguments);
        assert!(said.code == Some(0) && (said.out.contains(says) || arguments[0] == "advise"), "{}", said.out);
    }
    let compared = offline(
        folder.path(),
        &["traffic", "compare", "--logs", &logs, "--change", "2026-10-30", "--load-balancer", "partner-api"],
    );
    assert!(compared.code == Some(4) && compared.out.contains("too few days"), "{} {}", compared.out, compared.err);
    let missing = offline(folder.path(), &["traffic", "--logs", "nowhere"]);
    assert!(missing.code == Some(2) && missing.err.contains("nowhere"), "{}", missing.err);
}

/// An entry that can match no client protects none, so that it is refused before a log is read.
#[test]
fn protected_clients_that_match_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let logs = format!("{REPOSITORY}/examples/traffic");
    for (entry, code) in [("198.51.100.9:443", 2), ("198.51.100.*", 2), (" 198.51.100.9", 0)] {
        let settings = format!("[traffic.thresholds]\nprotected_clients = [{entry:?}]\n");
        std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
        let said = offline(folder.path(), &["--config", "doorward.toml", "advise", "--logs", &logs]);
        assert_eq!(said.code, Some(code), "{}", said.err);
        let named = said.err.contains("traffic.thresholds.protected_clients") && said.err.contains(entry);
        assert_eq!(named, code == 2, "{}", said.err);
    }
}

#[test]
fn only_the_files_around_the_metric_are_read_and_the_report_says_what_follows() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let place = ("100000000020", "eu-west-1", "storefront-edge");
    assert!(bed.server.world().set_attribute(place.0, place.1, place.2, DESYNC_MODE, Some("defensive")));
    scanned(&bed, folder);
    let start = seeded(&bed);
    let gets = |bed: &Bed| bed.server.calls().iter().filter(|call| call.action == "GetObject").count();

    bed.server.clear_calls();
    let dry = run(bed.doorward(folder).args(["traffic", "--from", "a.saved", "--dry-run"]));
    assert_eq!((dry.code, gets(&bed)), (Some(0), 0), "{}", dry.err);
    assert!(dry.err.contains("to read: 1 objects") && dry.err.contains("dollars"), "{}", dry.err);

    let said = run(bed.doorward(folder).args(["traffic", "--from", "a.saved", "--save", "t.json", "--format", "json"]));
    assert_eq!((said.code, gets(&bed)), (Some(0), 1), "{}", said.err);
    let found = json(&said);
    let forecasts = found["forecasts"].as_array().unwrap();
    let edge = forecasts.iter().find(|f| f["load_balancer"] == format!("100000000020/eu-west-1/{EDGE}")).unwrap();
    assert_eq!(edge["evidence"]["cross_check"]["agrees"]["logs"], 4, "{edge:#}");
    let strictest = edge["modes"].as_array().unwrap().iter().find(|m| m["mode"] == "strictest").unwrap();
    // The file without odd requests was not read; its requests are in the denominator all the same.
    assert_eq!((&strictest["blocked"]["count"], &strictest["blocked"]["of"]), (&4.into(), &2_904.into()), "{edge:#}");

    // All of it read: the same answer from other evidence.
    let all = run(bed.doorward(folder).args(["advise", "--from", "a.saved", "--all-logs", "--format", "json"]));
    let all = json(&all);
    let key = format!("100000000020/eu-west-1/{EDGE}");
    assert_eq!(all["advice"][&key]["forecast"]["modes"][2]["blocked"]["of"], 2_904, "{all:#}");

    // All of that is one hour: no evidence for any other.
    let advised = |folder: &Path| {
        let said = run(bed.doorward(folder).args(["-q", "advise", "--from", "a.saved", "--format", "json"]));
        json(&said)["advice"][&key]["step"]["step"].clone()
    };
    assert_eq!(advised(folder), "not-enough-evidence");
    let days: Vec<MetricSpec> = (1..8)
        .map(|days| MetricSpec {
            account: "100000000020".to_owned(),
            region: "eu-west-1".to_owned(),
            name: "RequestCount".to_owned(),
            load_balancer: Some("storefront-edge".to_owned()),
            from: Some((start - SignedDuration::from_hours(24 * days)).to_string()),
            every: Some(300),
            values: vec![100.0],
            ..MetricSpec::default()
        })
        .collect();
    days.iter().for_each(|day| bed.server.world().add_metric(day).unwrap());
    assert_eq!(advised(folder), "fix-and-raise");
    let said = run(bed.doorward(folder).args(["-q", "traffic", "--from", "a.saved", "--save", "t.json"]));
    assert_eq!(said.code, Some(0), "{}", said.err);

    // Joined to a report, and saved with a scan: the same for ever.
    let formats = ["--format", "json-v1=r.json", "--format", "owners=owners", "--format", "html=r.html"];
    let said =
        run(bed.doorward(folder).args(["-q", "report", "--from", "a.saved", "--traffic", "t.json"]).args(formats));
    assert_eq!(said.code, Some(3), "{}", said.err);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("r.json")).unwrap()).unwrap();
    let lb = report["load_balancers"].as_array().unwrap().iter().find(|lb| lb["arn"].as_str().unwrap().ends_with(EDGE));
    assert_eq!(lb.unwrap()["traffic"]["step"], "fix-and-raise", "{}", lb.unwrap()["traffic"]);
    let page = std::fs::read_to_string(folder.join("owners/storefront-032778fa.md")).unwrap();
    assert!(page.contains("## Traffic") && page.contains("203.0.113.9"), "{page}");
    let scan = ["-q", "scan", "--traffic", "t.json", "--save", "b.saved", "--format", "json-v1=b.json"];
    assert_eq!(run(bed.doorward(folder).args(scan)).code, Some(3));
    let again = run(bed.doorward(folder).args(["-q", "report", "--from", "b.saved", "--format", "json-v1=c.json"]));
    assert_eq!(again.code, Some(3), "{}", again.err);
    assert_eq!(std::fs::read(folder.join("b.json")).unwrap(), std::fs::read(folder.join("c.json")).unwrap());
}

#[test]
fn what_cannot_be_read_is_named_and_advises_nothing() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scanned(&bed, folder);
    seeded(&bed);
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).service("s3")]);
    let said = run(bed.doorward(folder).args(["-q", "advise", "--from", "a.saved", "--format", "json"]));
    assert_eq!(said.code, Some(4), "{}", said.err);
    let advice = json(&said);
    let edge = &advice["advice"][format!("100000000020/eu-west-1/{EDGE}")];
    // The metric knows that four requests are odd, and nobody knows whose.
    let missing = edge["step"]["missing"].to_string();
    assert!(missing.contains("Read the logs in s3://acme-log-archive-alb-eu-west-1: allow s3:ListBucket"), "{missing}");
    assert_eq!(
        (&edge["step"]["step"], &edge["recommended"]),
        (&"not-enough-evidence".into(), &Value::Null),
        "{edge:#}"
    );
    let table = run(bed.doorward(folder).args(["-q", "traffic", "--from", "a.saved"]));
    assert!(table.code == Some(4) && table.out.contains("s3:ListBucket"), "{} {}", table.out, table.err);

    bed.server.set_faults(vec![
        Fault::new(What::AccessDenied).service("s3"),
        Fault::new(What::AccessDenied).service("cloudwatch"),
    ]);
    let said = run(bed.doorward(folder).args(["-q", "advise", "--from", "a.saved"]));
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert!(said.out.contains("NOT ENOUGH EVIDENCE") && said.out.contains("cloudwatch:GetMetricData"), "{}", said.out);
    assert!(!said.out.contains("RAISE"), "{}", said.out);
}

/// What a dry run cannot list is no part of its plan.
#[test]
fn a_dry_run_with_refused_buckets_is_no_success() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scanned(&bed, folder);
    seeded(&bed);
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).service("s3")]);
    let dry = run(bed.doorward(folder).args(["traffic", "--from", "a.saved", "--dry-run"]));
    assert_eq!(dry.code, Some(4), "{} {}", dry.out, dry.err);
    assert!(dry.err.contains("the plan is incomplete") && dry.err.contains("s3:ListBucket"), "{}", dry.err);
}

/// Logs that hold less than CloudWatch counts are read in full: each file and each list counts once, and a file that failed the first time
/// is read again.
#[test]
fn a_second_reading_counts_each_file_once() {
    for denied in [false, true] {
        let bed = Bed::start(&world("acme-org"), vec![]);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        scanned(&bed, folder);
        let start = seeded(&bed);
        let spec = MetricSpec {
            account: "100000000020".to_owned(),
            region: "eu-west-1".to_owned(),
            name: "DesyncMitigationMode_NonCompliant_Request_Count".to_owned(),
            load_balancer: Some("storefront-edge".to_owned()),
            from: Some((start + SignedDuration::from_mins(20)).to_string()),
            every: Some(300),
            values: vec![3.0],
            ..MetricSpec::default()
        };
        bed.server.world().add_metric(&spec).unwrap();
        if denied {
            bed.server.set_faults(vec![Fault::new(What::AccessDenied).action("GetObject").nth(1)]);
        }
        bed.server.clear_calls();
        let said = run(bed.doorward(folder).args(["traffic", "--from", "a.saved", "--format", "json"]));
        let gets = bed.server.calls().iter().filter(|call| call.action == "GetObject").count();
        assert_eq!((said.code, gets), (Some(0), 2 + usize::from(denied)), "{}", said.err);
        assert!(said.err.contains("all of their logs are read"), "{}", said.err);
        let found = &json(&said)["found"];
        let reading = &found["tally"]["reading"];
        let counts = ["objects", "short_way", "full_parser"].map(|name| reading[name].as_u64().unwrap());
        assert_eq!((counts[0], counts[1] + counts[2]), (2, 2_904), "{reading:#}");
        assert_eq!(
            (&reading["listed"]["selected"], &reading["unread"]["count"]),
            (&2.into(), &0.into()),
            "{reading:#}"
        );
        assert_eq!((&found["missed"], &found["tally"]["incomplete"]), (&Value::Array(vec![]), &Value::Null));
        let edge = &found["tally"]["load_balancers"][format!("100000000020/eu-west-1/{EDGE}")];
        assert_eq!(edge["lines"], 2_904, "{edge:#}");
    }
}

/// A window in which there is nothing is an error that says what there is, not an empty answer.
#[test]
fn a_window_beside_the_logs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let line = include_str!("../../../doorward-traffic/tests/lines/official.log").lines().next().unwrap();
    let name = "111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_20180702T2225Z_198.51.100.60_abcdefgh.log";
    for (name, says) in
        [(name, "1 log file of the time from 2018-07-02T22:25:00Z"), ("renamed.log", "1 line, of other times")]
    {
        let logs = folder.path().join(name.split('_').next().unwrap());
        std::fs::create_dir(&logs).unwrap();
        std::fs::write(logs.join(name), format!("{line}\n")).unwrap();
        let logs = logs.display().to_string();
        for flags in [
            vec!["--until", "2026-10-25"],
            vec!["--since", "30d"],
            vec!["--days", "3", "--until", "2026-10-25T05:30:00Z"],
        ] {
            let said = offline(folder.path(), &[&["traffic", "--logs", &logs], flags.as_slice()].concat());
            assert_eq!(said.code, Some(2), "{flags:?} {}", said.out);
            assert!(
                said.err.contains("contains no access logs of 20") && said.err.contains(says),
                "{flags:?} {}",
                said.err
            );
        }
        let said =
            offline(folder.path(), &["traffic", "--logs", &logs, "--since", "2018-07-02", "--until", "2018-07-02"]);
        assert!(said.code == Some(0) && said.out.contains("1 lines understood"), "{} {}", said.out, said.err);
    }
    let said = offline(folder.path(), &["traffic", "--logs", ".", "--until", "yesterday"]);
    assert!(said.code == Some(2) && said.err.contains("neither a day (2026-11-02), a time"), "{}", said.err);
    // Three days are 72 hours, wherever the last hour ends.
    let said = offline(folder.path(), &["traffic", "--logs", ".", "--days", "3", "--until", "2026-10-25T05:30:00Z"]);
    assert!(said.err.contains("of 2026-10-22T06Z to 2026-10-25T06Z"), "{}", said.err);
}

/// `gunzip -k` leaves both files: the requests are counted once, and the copy is named.
#[test]
fn a_log_beside_its_packed_form_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../../doorward-traffic/tests/lines/official.log");
    for name in ["web.log", "web (1).log", "copy of web.log"] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let said = offline(folder.path(), &["traffic", "--logs", "."]);
    assert!(said.out.contains("9 lines understood"), "{}", said.out);
    assert!(said.out.contains("left out: 2 further copies of logs that are counted once"), "{}", said.out);
    let mut advise = Command::new(env!("CARGO_BIN_EXE_doorward"));
    let said = run(advise.current_dir(folder.path()).args(["advise", "--logs", "."]));
    assert!(said.err.contains("left out: 2 further copies"), "{}", said.err);
}

#[test]
fn reason_codes_are_found_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let said = offline(folder.path(), &["explain", "getheadzerocontentlength"]);
    assert!(said.code == Some(0) && said.out.contains("GetHeadZeroContentLength"), "{}", said.err);
    let said = offline(folder.path(), &["explain", "GetHead"]);
    assert!(said.code == Some(2) && said.err.contains("did you mean GetHeadZeroContentLength"), "{}", said.err);
}

#[test]
fn every_reason_code_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let topics = offline(folder.path(), &["explain"]);
    for code in ["BothTeClPresent", "UndefinedContentLengthSemantics", "BadHeader"] {
        let said = offline(folder.path(), &["explain", code]);
        assert!(said.code == Some(0) && topics.out.contains(code), "{code}: {}", said.err);
        for mode in ["monitor", "defensive", "strictest"] {
            assert!(said.out.contains(mode), "{}", said.out);
        }
    }
}

#[test]
fn captured_requests_are_classified() {
    let folder = tempfile::tempdir().unwrap();
    for (name, request, says) in [
        ("good", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "Compliant"),
        (
            "both",
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "BothTeClPresent",
        ),
    ] {
        std::fs::write(folder.path().join(name), request).unwrap();
        let said = offline(folder.path(), &["traffic", "classify", name]);
        assert!(said.code == Some(0) && said.out.contains(says), "{} {}", said.out, said.err);
    }
    std::fs::write(folder.path().join("empty"), "").unwrap();
    assert_eq!(offline(folder.path(), &["traffic", "classify", "empty"]).code, Some(2));
}
