//! Least privilege through the program: with exactly the policies that `config/iam/` ships, every command works, and what it calls is
//! all that they allow.

use std::collections::BTreeSet;
use std::path::Path;

use doorward_fakeaws::spec::{AthenaSpec, LoadBalancerSpec};
use doorward_fakeaws::{Fault, Form, What};
use serde_json::{Value, json};

use crate::athena::answer;
use crate::bed::{Bed, REPOSITORY, Said, run, world};
use crate::traffic::seeded;

const SETTINGS: &str = r#"
[collect]
alb_listeners = true
[owner]
account_tags = ["team"]
[traffic.athena]
output = "s3://acme-athena-{account}-{region}/doorward/"
[notify]
fallback = ["topic"]
unowned = ["topic"]
[notify.channels]
topic = { kind = "sns", topic = "arn:aws:sns:eu-west-1:100000000002:owners" }
"#;

/// A shipped policy.
fn policy(name: &str) -> Value {
    let path = format!("{REPOSITORY}/config/iam/{name}.policy.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What policies allow.
fn allowed(policies: &[Value]) -> BTreeSet<String> {
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let allowing = statements.filter(|statement| statement["Effect"] == "Allow");
    let actions = allowing.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// The example's organization in which the traffic role and everybody else have what is shipped. `paths` as AWS answers with them or
/// without.
fn bed(traffic: &str, paths: bool) -> Bed {
    let mut world: toml::Table = world("acme-org").parse().unwrap();
    world["organization"].as_table_mut().unwrap().insert("paths".to_owned(), paths.into());
    let grant = |entry: &mut toml::Value, policy: &Value| {
        let entry = entry.as_table_mut().unwrap();
        entry.remove("allow");
        entry.insert("policy".to_owned(), policy.to_string().into());
    };
    for role in world["role"].as_array_mut().unwrap() {
        let name = role["name"].as_str().unwrap().to_owned();
        let name = name.strip_prefix("doorward-").unwrap();
        grant(role, &policy(&format!("{}-role", if name == "traffic" { traffic } else { name })));
    }
    let base = base_identities();
    let statements: Vec<Value> =
        base.iter().flat_map(|policy| policy["Statement"].as_array().unwrap().clone()).collect();
    let caller = &mut world["caller"].as_array_mut().unwrap()[0];
    grant(caller, &json!({"Version": "2012-10-17", "Statement": statements}));
    Bed::start(&toml::to_string(&world).unwrap(), vec![])
}

fn base_identities() -> Vec<Value> {
    let names = ["base-identity", "traffic-base-identity", "publish-base-identity", "change-base-identity"];
    let more = ["athena-base-identity", "metrics-base-identity", "notify-base-identity"];
    names.into_iter().chain(more).map(policy).collect()
}

/// Runs a command, and forgets what was called before it.
fn doorward(bed: &Bed, folder: &Path, arguments: &[&str], codes: &[i32]) -> Said {
    bed.server.clear_calls();
    let said = run(bed.doorward(folder).arg("-q").args(arguments));
    assert!(codes.contains(&said.code.unwrap()), "{arguments:?}: {:?} {} {}", said.code, said.err, said.out);
    said
}

/// What was called by sessions of roles (true) or by the base identity (false); nothing was refused.
fn called(bed: &Bed, by_roles: bool) -> BTreeSet<String> {
    let calls = bed.server.calls();
    let refused: Vec<_> = calls.iter().filter(|call| call.outcome.contains("Denied")).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let by = calls.into_iter().filter(|call| call.access_key.starts_with("ASIA") == by_roles);
    // Everybody may ask who they are.
    by.map(|call| call.iam_action).filter(|action| action != "sts:GetCallerIdentity").collect()
}

#[test]
fn what_is_called_is_what_is_shipped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("doorward.toml"), SETTINGS).unwrap();
    let mut at_base = BTreeSet::new();
    let mut scanned = BTreeSet::new();
    for paths in [false, true] {
        let bed = bed("traffic", paths);
        // In the base identity's own account, one whose logs are found only by asking for deliveries.
        let spec = LoadBalancerSpec {
            account: "100000000002".to_owned(),
            region: "eu-west-1".to_owned(),
            name: "vended".to_owned(),
            vended_logs: true,
            ..LoadBalancerSpec::default()
        };
        bed.server.world().add_load_balancer(&spec).unwrap();
        if paths {
            // An account that the scan before listed is missing now, so that it is asked for.
            bed.server.set_faults(vec![Fault::new(What::Form(Form::Shortened)).action("ListAccounts")]);
            doorward(&bed, folder, &["scan"], &[5]);
            at_base.extend(called(&bed, false));
            bed.server.set_faults(vec![]);
        }
        doorward(&bed, folder, &["scan", "--save", "a.saved"], &[3]);
        scanned.extend(called(&bed, true));
        at_base.extend(called(&bed, false));
    }
    assert_eq!(scanned, allowed(&[policy("scan-role")]), "scan");

    let seen = |bed: &Bed, arguments: &[&[&str]], codes: &[i32], at_base: &mut BTreeSet<String>| {
        let mut seen = BTreeSet::new();
        for arguments in arguments {
            doorward(bed, folder, arguments, codes);
            seen.extend(called(bed, true));
            at_base.extend(called(bed, false));
        }
        seen
    };
    let reading = bed("traffic", true);
    seeded(&reading);
    assert!(reading.server.world().add_topic("100000000002", "eu-west-1", "owners"));
    let traffic = seen(&reading, &[&["traffic", "--from", "a.saved"]], &[0], &mut at_base);
    assert_eq!(traffic, allowed(&[policy("traffic-role")]), "traffic");
    let compare: &[&str] = &["report", "--from", "a.saved", "--compare-securityhub"];
    let publish = seen(&reading, &[&["publish"], &["publish", "--reconcile"], compare], &[0, 3], &mut at_base);
    assert_eq!(publish, allowed(&[policy("publish-role")]), "publish");
    assert_eq!(seen(&reading, &[&["notify"]], &[0], &mut at_base), BTreeSet::new(), "notify");

    // A watch needs metrics and no logs.
    let changing = bed("metrics", true);
    doorward(&changing, folder, &["plan"], &[0]);
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("change-plan.json")).unwrap()).unwrap();
    let [hash, change] = ["digest", "id"].map(|key| plan[key].as_str().unwrap());
    let apply: &[&str] = &["apply", "change-plan.json", "--yes", "--by", "mia", "--hash", hash];
    let changes = seen(&changing, &[apply, &["verify-change", change]], &[0, 8], &mut at_base);
    assert_eq!(changes, allowed(&[policy("change-role"), policy("metrics-role")]), "change and metrics");

    // Athena reads the logs, keeps the table and writes the result itself, in the role's name. A query that takes too long is ended.
    let mut athena = BTreeSet::new();
    for (endless, patience, code) in [(false, "10m", 0), (true, "1ms", 4)] {
        let counting = bed("athena", true);
        let hour = seeded(&counting);
        counting.server.world().add_athena(&AthenaSpec { endless, ..answer(hour) }).unwrap();
        let settings = SETTINGS.replace("[traffic.athena]", &format!("[traffic.athena]\npatience = \"{patience}\""));
        std::fs::write(folder.join("doorward.toml"), settings).unwrap();
        let arguments: &[&str] = &["traffic", "--from", "a.saved", "--engine", "athena"];
        athena.extend(seen(&counting, &[arguments], &[code], &mut at_base));
    }
    let shipped = allowed(&[policy("athena-role")]);
    let by_athena: Vec<&String> = shipped.difference(&athena).collect();
    assert!(athena.is_subset(&shipped), "{athena:?}");
    assert_eq!(
        by_athena,
        ["glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "s3:AbortMultipartUpload", "s3:GetBucketLocation"]
            .iter()
            .chain(&["s3:GetObject", "s3:PutObject"])
            .collect::<Vec<_>>()
    );

    assert_eq!(at_base, allowed(&base_identities()), "the base identity");
}
