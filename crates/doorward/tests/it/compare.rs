//! Where Security Hub's own controls say otherwise, or see nothing, from the command line.

use doorward_fakeaws::{Fault, What};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bed::{Bed, run, world};

/// A finding as Security Hub writes those of its controls.
fn finding(line: &Value, status: &str) -> Value {
    let (account, region) = (line["account"].as_str().unwrap(), line["region"].as_str().unwrap());
    let (control, arn) = (line["control"].as_str().unwrap(), line["load_balancer"].as_str().unwrap());
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": format!("arn:aws:securityhub:{region}:{account}:security-control/{control}/finding/{arn}"),
        "ProductArn": format!("arn:aws:securityhub:{region}::product/aws/securityhub"),
        "GeneratorId": format!("security-control/{control}"),
        "AwsAccountId": account,
        "Region": region,
        "CreatedAt": "2026-11-01T00:00:00.000Z",
        "UpdatedAt": "2026-11-01T00:00:00.000Z",
        "Resources": [{"Type": "AwsElbv2LoadBalancer", "Id": arn, "Partition": "aws", "Region": region}],
        "Compliance": {"Status": status, "SecurityControlId": control},
    })
}

#[test]
fn disagreement_and_blindness_are_named() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let scanned = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json", "--save", "a.saved"]));
    assert_eq!(scanned.code, Some(3), "{}", scanned.err);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("a.json")).unwrap()).unwrap();
    let able = report["load_balancers"].as_array().unwrap().iter();
    let able = able.filter(|lb| ["application", "classic"].contains(&lb["kind"].as_str().unwrap())).count();
    let compare = |how: &str| run(bed.doorward(folder).args(["-q", "report", "--from", "a.saved", how]));
    let compared = || -> (Option<i32>, Vec<Value>) {
        let said = compare("--compare-securityhub=json");
        let json: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {} {}", said.out, said.err));
        assert_eq!(json["format"], "securityhub-comparison-v1");
        (said.code, json["lines"].as_array().unwrap().clone())
    };

    // Nobody switched the controls on: blind everywhere, each with a cause.
    bed.server.clear_calls();
    let (code, lines) = compared();
    assert_eq!((code, lines.len()), (Some(3), able));
    assert!(
        lines.iter().all(|line| line["standing"] == "blind" && line["why"]["cause"] == "control-off"),
        "{lines:#?}"
    );
    let writes =
        bed.server.calls().into_iter().filter(|call| call.service == "securityhub" && call.action != "GetFindings");
    assert_eq!(writes.count(), 0);

    // The controls say what they should of all but three.
    let put = |line: &Value, status: &str| {
        let (account, region) = (line["account"].as_str().unwrap(), line["region"].as_str().unwrap());
        let world = bed.server.world();
        assert!(world.put_security_hub_finding(account, region, finding(line, status), Timestamp::now()));
    };
    let status = |line: &Value| if line["mode"] == "monitor" { "FAILED" } else { "PASSED" };
    let lax = lines.iter().position(|line| line["mode"] == "monitor").unwrap();
    for (number, line) in lines.iter().enumerate().filter(|(number, _)| *number != 1) {
        put(line, if number == lax { "PASSED" } else { status(line) });
    }
    let (code, now) = compared();
    assert_eq!(code, Some(3));
    for (number, line) in now.iter().enumerate() {
        let expected: &[&str] = match number {
            1 => &["blind"],
            _ if number == lax => &["contradicts"],
            _ => &["agrees", "asks-less", "asks-more"],
        };
        assert!(expected.contains(&line["standing"].as_str().unwrap()), "{line:#}");
    }
    let table = compare("--compare-securityhub");
    let name = lines[lax]["name"].as_str().unwrap();
    let cause = "mode monitor; ELB.12 PASSED since 2026-11-01";
    let mut after = table.out.lines().skip_while(|line| !line.contains(cause));
    // The load balancers of a cause stand below it.
    assert!(after.next().is_some() && after.next().is_some_and(|line| line.contains(name)), "{}", table.out);
    assert_eq!(table.code, Some(3));

    // A Security Hub that nobody may read is unknown, not blind and not in agreement.
    let account = lines[lax]["account"].as_str().unwrap();
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).account(account).service("securityhub")]);
    let (code, now) = compared();
    assert!(code == Some(5) || code == Some(4), "{code:?}");
    assert!(now.iter().filter(|line| line["account"] == account).all(|line| line["standing"] == "unknown"));
}

#[test]
fn one_security_hub_for_all_is_shared_out_and_its_silence_is_unknown() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(run(bed.doorward(folder).args(["-q", "scan", "--save", "a.saved"])).code, Some(3));
    let (account, region) = ("100000000002", "eu-west-1");
    let compared = || -> (Option<i32>, Value) {
        let mut command = bed.doorward(folder);
        command.env("DOORWARD_PUBLISH__DELIVERY", "central").env("DOORWARD_PUBLISH__REGION", region);
        command.env("DOORWARD_PUBLISH__ACCOUNT", account);
        let said = run(command.args(["-q", "report", "--from", "a.saved", "--compare-securityhub=json"]));
        (said.code, serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.err)))
    };
    let (_, blind) = compared();
    let lines = blind["lines"].as_array().unwrap();
    let put = |finding: Value| {
        assert!(bed.server.world().put_security_hub_finding(account, region, finding, Timestamp::now()));
    };
    for line in lines {
        put(finding(line, if line["mode"] == "monitor" { "FAILED" } else { "PASSED" }));
    }
    // One that nothing of is left in its account-Region.
    let gone = json!({
        "account": "100000000040", "region": "us-west-2", "control": "ELB.12",
        "load_balancer": "arn:aws:elasticloadbalancing:us-west-2:100000000040:loadbalancer/app/gone/0123456789abcdef",
    });
    put(finding(&gone, "FAILED"));
    let (code, reported) = compared();
    assert!(
        reported["lines"]
            .as_array()
            .unwrap()
            .iter()
            .all(|line| { ["agrees", "asks-less", "asks-more"].contains(&line["standing"].as_str().unwrap()) })
    );
    assert_eq!((code, &reported["strays"][0]["resource"]), (Some(3), &gone["load_balancer"]), "{reported:#}");

    assert!(bed.server.world().set_security_hub(account, region, false));
    let (code, reported) = compared();
    assert!(reported["lines"].as_array().unwrap().iter().all(|line| line["standing"] == "unknown"));
    assert_eq!((code, &reported["answered"]), (Some(4), &json!(0)));
}
