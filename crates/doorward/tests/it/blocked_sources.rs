//! A change that blocks users and a scanner: what verify-change says of the sources, from access logs.

use std::fmt::Write as _;

use doorward_fakeaws::spec::MetricSpec;
use doorward_fakeaws::{Fault, What};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bed::{Bed, world};
use crate::change::{apply, doorward, plan, scan};
use crate::traffic::EDGE;

/// Non-compliant requests a minute: of a user that targets serve, and of a scanner that they refuse.
const USER: usize = 100;
const SCANNER: usize = 40;

/// A log file of five minutes. Before the change targets answer, after it the load balancer does.
fn log_file(end: Timestamp, is_blocked: bool) -> String {
    let mut text = String::new();
    for n in 0..5 * (USER + SCANNER) {
        let time = end - SignedDuration::from_secs(10 + (n % 280) as i64);
        let time = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z");
        let (client, agent, status) =
            if n < 5 * USER { ("198.51.100.7", "till/1.0", 200) } else { ("203.0.113.9", "zgrab/0.x", 404) };
        let request = format!("\"GET https://shop.example:443/ HTTP/1.1\" \"{agent}\" ECDHE TLSv1.3");
        let line = if is_blocked {
            format!(
                "https {time} {EDGE} {client}:4711 - -1 -1 -1 400 - 34 366 {request} - \"-\" \"-\" \"-\" - {time} \"-\" \"-\" \"-\" \
                 \"-\" \"-\" \"Severe\" \"BadHeader\" TID_1"
            )
        } else {
            format!(
                "https {time} {EDGE} {client}:4711 10.0.0.1:80 0.001 0.002 0.000 {status} {status} 34 366 {request} \
                 arn:aws:elasticloadbalancing:eu-west-1:100000000020:targetgroup/shop/73e2d6bc24d8a067 \"Root=1\" \
                 \"shop.example\" \"-\" 0 {time} \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"{status}\" \"Severe\" \"BadHeader\" TID_1"
            )
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Three hours before the change and one after it, by minute.
fn metrics(bed: &Bed, changed: Timestamp) {
    let all = USER + SCANNER;
    let series = |before: usize, after: usize| -> Vec<f64> {
        (0..240).map(|minute| if minute < 180 { before as f64 } else { after as f64 }).collect()
    };
    for (name, values) in [
        ("RequestCount", series(1_000, 1_000 - all)),
        ("HTTPCode_ELB_4XX_Count", series(0, all)),
        ("HTTPCode_Target_4XX_Count", series(SCANNER, 0)),
        ("DesyncMitigationMode_NonCompliant_Request_Count", series(all, all)),
    ] {
        let spec = MetricSpec {
            account: "100000000020".to_owned(),
            region: "eu-west-1".to_owned(),
            name: name.to_owned(),
            load_balancer: Some("storefront-edge".to_owned()),
            from: Some((changed - SignedDuration::from_hours(3)).to_string()),
            every: Some(60),
            values,
            ..MetricSpec::default()
        };
        bed.server.world().add_metric(&spec).unwrap();
    }
}

#[test]
fn verify_change_names_the_sources_of_what_the_change_blocks() {
    let stack = "\"aws:cloudformation:stack-name\" = \"storefront-edge-prod\"";
    let start: Timestamp = "2026-11-30T08:00:00Z".parse().unwrap();
    let bed = Bed::start_at(&world("acme-org").replace(stack, "tier = \"edge\""), vec![], start);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let (document, hash) = plan(&bed, folder, &[]);
    let (said, _) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
    metrics(&bed, start);
    for number in -12..12_i64 {
        let end = start + SignedDuration::from_mins(5 * (number + 1));
        let key = format!(
            "storefront/AWSLogs/100000000020/elasticloadbalancing/eu-west-1/{}/100000000020_elasticloadbalancing_eu-west-1_app.storefront-edge.215931f2c7b87197_{}_10.0.0.1_abc.log.gz",
            end.strftime("%Y/%m/%d"),
            end.strftime("%Y%m%dT%H%MZ")
        );
        let text = log_file(end, number >= 0);
        assert!(bed.server.world().put_object("acme-log-archive-alb-eu-west-1", &key, text, end));
    }
    bed.pass(std::time::Duration::from_secs(3600));
    let change = document["id"].as_str().unwrap();
    let verified = || {
        let said = doorward(&bed, folder, &["verify-change", change, "--format", "json"]);
        assert_eq!(said.code, Some(8), "{} {}", said.err, said.out);
        let all: Value = serde_json::from_str(&said.out).unwrap();
        let edge = |one: &&Value| {
            one["load_balancer"].as_str().unwrap().contains(&format!("eu-west-1:100000000020:loadbalancer/{EDGE}"))
        };
        all["load_balancers"].as_array().unwrap().iter().find(edge).unwrap().clone()
    };
    let one = verified();
    let since = one["since"].as_str().unwrap();
    let (user, scanner) = (60 * USER, 60 * SCANNER);
    assert!(since.starts_with("WORSE: requests answered with 4xx by the load balancer"), "{since}");
    assert!(since.contains(&format!("{user} came from 198.51.100.7 (till/1.0), not known as a scanner")), "{since}");
    assert!(since.contains(&format!("{scanner} came from 203.0.113.9 (zgrab/0.x), a scanner")), "{since}");
    let source = |address: &str, agent: &str, requests: usize, is_scanner: bool| json!({"address": address, "agent": agent, "requests": requests, "is_scanner": is_scanner});
    let expected =
        json!([source("198.51.100.7", "till/1.0", user, false), source("203.0.113.9", "zgrab/0.x", scanner, true)]);
    assert_eq!(one["blocked_sources"], expected);

    // Without the logs the verdict is the same, and says why no source is named.
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).service("s3")]);
    let one = verified();
    let since = one["since"].as_str().unwrap();
    assert!(since.contains("WORSE") && since.contains("access logs were not read: "), "{since}");
    assert!(since.contains("s3:ListBucket") && one["blocked_sources"].is_null(), "{since}");
}
