//! Changes of modes from the command line: planned, applied, killed, watched, rolled back, and notified of everywhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use serde_json::Value;

use crate::bed::{Bed, Said, run, world};

pub(crate) fn scan(bed: &Bed, folder: &Path) -> Value {
    let said = run(bed.doorward(folder).args(["-q", "scan", "--format", "json-v1=a.json", "--save", "a.saved"]));
    assert!(matches!(said.code, Some(0 | 3)), "{}", said.err);
    serde_json::from_str(&std::fs::read_to_string(folder.join("a.json")).unwrap()).unwrap()
}

pub(crate) fn doorward(bed: &Bed, folder: &Path, arguments: &[&str]) -> Said {
    run(bed.doorward(folder).arg("-q").args(arguments))
}

/// The plan as JSON, and its hash.
pub(crate) fn plan(bed: &Bed, folder: &Path, arguments: &[&str]) -> (Value, String) {
    let said = doorward(bed, folder, &[&["plan"], arguments].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("change-plan.json")).unwrap()).unwrap();
    let hash = plan["digest"].as_str().unwrap().to_owned();
    (plan, hash)
}

pub(crate) fn apply(bed: &Bed, folder: &Path, hash: &str, more: &[&str]) -> (Said, Value) {
    let all =
        [&["apply", "change-plan.json", "--yes", "--hash", hash, "--by", "mia", "--format", "json"], more].concat();
    let said = doorward(bed, folder, &all);
    let json = serde_json::from_str(&said.out).unwrap_or(Value::Null);
    (said, json)
}

/// The modes that the emulator has, of the load balancers in a plan.
pub(crate) fn modes(bed: &Bed, plan: &Value) -> BTreeMap<String, String> {
    let world = bed.server.world();
    let steps = plan["steps"].as_array().unwrap().iter();
    let mode = |step: &Value| {
        let [account, region, name] = ["account", "region", "name"].map(|key| step[key].as_str().unwrap());
        let key = if step["kind"] == "classic" { "elb.http.desyncmitigationmode" } else { DESYNC_MODE };
        let mode = world.attribute(account, region, name, key).unwrap();
        (format!("{account} {region} {name}"), mode)
    };
    steps.map(mode).collect()
}

pub(crate) fn sets(bed: &Bed) -> usize {
    bed.server.calls().iter().filter(|call| call.action == "ModifyLoadBalancerAttributes").count()
}

pub(crate) fn statuses(applied: &Value) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for load_balancer in applied["load_balancers"].as_array().unwrap() {
        *counts.entry(load_balancer["change"]["status"].as_str().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn planned_applied_reported_and_rolled_back() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let (plan, hash) = plan(&bed, folder, &[]);
    let steps = plan["steps"].as_array().unwrap().len();
    assert!(steps >= 3, "{plan}");
    let patched = plan["patches"].as_array().unwrap();
    assert!(patched.iter().any(|patch| patch["manager"].as_str().unwrap().starts_with("CloudFormation")), "{plan}");
    assert!(patched.iter().all(|patch| !patch["snippets"].as_array().unwrap().is_empty()), "{plan}");
    let review = std::fs::read_to_string(folder.join("change-plan.md")).unwrap();
    assert!(review.contains(&hash) && review.contains("## Wave 2"), "{review}");
    let before = modes(&bed, &plan);
    assert!(before.values().all(|mode| mode == "monitor"));

    // Nobody approves by accident.
    bed.server.clear_calls();
    for (arguments, about) in [
        (vec!["apply", "change-plan.json"], "stdin is not a terminal"),
        (vec!["apply", "change-plan.json", "--yes"], "--yes requires --hash"),
        (vec!["apply", "change-plan.json", "--yes", "--hash", "00"], "not the plan that was reviewed"),
    ] {
        let said = doorward(&bed, folder, &arguments);
        assert!(said.code == Some(2) && said.err.contains(about), "{}", said.err);
    }
    let said = doorward(&bed, folder, &["apply", "change-plan.json", "--dry-run"]);
    assert!(said.code == Some(0) && said.out.contains("0 of"), "{} {}", said.out, said.err);
    assert_eq!((sets(&bed), modes(&bed, &plan)), (0, before.clone()));

    let (said, applied) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
    assert_eq!(statuses(&applied), [("changed", steps)].into());
    assert!(modes(&bed, &plan).values().all(|mode| mode == "defensive"));
    assert_eq!(sets(&bed), steps);
    let (said, _) = apply(&bed, folder, &hash, &[]);
    assert_eq!((said.code, sets(&bed)), (Some(0), steps), "applied again, nothing is sent");

    // The next scan knows; one that somebody sets back is found.
    let change = plan["id"].as_str().unwrap();
    let first = &plan["steps"][0];
    let [account, region, name] = ["account", "region", "name"].map(|key| first[key].as_str().unwrap());
    assert!(bed.server.world().set_attribute(account, region, name, DESYNC_MODE, Some("monitor")));
    let report = scan(&bed, folder);
    let finding = |report: &Value| {
        let all = report["findings"].as_array().unwrap();
        let of = |f: &&Value| f["rule"] == "desync-mode-reverted" && f["load_balancer"] == first["arn"];
        all.iter().find(of).unwrap()["verdict"].clone()
    };
    assert_eq!(finding(&report), "fail");
    let load_balancers = report["load_balancers"].as_array().unwrap();
    let reported = load_balancers.iter().filter(|lb| lb["changes"][0]["change"] == change).count();
    assert_eq!(reported, steps);
    let said = doorward(&bed, folder, &["verify-change", change]);
    assert!(said.code == Some(8) && said.out.contains("NOT in defensive any more"), "{}", said.out);

    // Set right again by hand to what the change had made of it, everything goes back; another one was raised meanwhile.
    assert!(bed.server.world().set_attribute(account, region, name, DESYNC_MODE, Some("defensive")));
    let raised = &plan["steps"][1];
    let [account, region, name] = ["account", "region", "name"].map(|key| raised[key].as_str().unwrap());
    assert!(bed.server.world().set_attribute(account, region, name, DESYNC_MODE, Some("strictest")));
    let said =
        doorward(&bed, folder, &["rollback", &change[..12], "--yes", "--reason", "complaints", "--format", "json"]);
    assert_eq!(said.code, Some(8), "{} {}", said.err, said.out);
    let rolled: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(statuses(&rolled), [("restored", steps - 1), ("restore-refused", 1)].into());
    let after = modes(&bed, &plan);
    for (place, mode) in &after {
        let wanted = if place.ends_with(name) { "strictest" } else { "monitor" };
        assert_eq!(mode, wanted, "{place}");
    }
    let (said, refused) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(8));
    assert!(refused["stopped"].as_str().unwrap().contains("rolled back by arn:aws:iam::"), "{refused}");
    let listed = doorward(&bed, folder, &["verify-change"]);
    assert!(listed.code == Some(0) && listed.out.contains(change), "{}", listed.out);

    // What was done to one that is gone stays in the evidence, of the saved scan too.
    assert!(bed.server.world().remove_load_balancer(account, region, name));
    let report = scan(&bed, folder);
    let unfound = &report["changes_unfound"][raised["arn"].as_str().unwrap()];
    assert_eq!(unfound[0]["status"], "restore-refused", "{unfound}");
    let again = doorward(&bed, folder, &["report", "--from", "a.saved", "--format", "json-v1=b.json"]);
    assert_eq!(again.code, Some(3), "{}", again.err);
    assert_eq!(std::fs::read(folder.join("a.json")).unwrap(), std::fs::read(folder.join("b.json")).unwrap());
}

#[test]
fn killed_while_a_change_is_under_way_the_next_one_goes_on() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let (plan, hash) = plan(&bed, folder, &[]);
    bed.server.clear_calls();
    // The change of the second load balancer takes effect and is answered a minute later: its process dies before that.
    let second = plan["steps"][1]["arn"].as_str().unwrap();
    let late = What::SlowDrip { bytes: 1, interval: std::time::Duration::from_secs(5) };
    bed.server.set_faults(vec![Fault::new(late).action("ModifyLoadBalancerAttributes").resource(second)]);
    let mut child = bed
        .doorward(folder)
        .args(["-q", "apply", "change-plan.json", "--yes", "--hash", &hash])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while sets(&bed) < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the second change");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    bed.server.set_faults(vec![]);
    let listed = doorward(&bed, folder, &["verify-change"]);
    assert!(listed.out.contains("1 unknown whether it was changed"), "{}", listed.out);

    let (said, applied) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
    assert!(modes(&bed, &plan).values().all(|mode| mode == "defensive"));
    assert_eq!(sets(&bed), plan["steps"].as_array().unwrap().len(), "the one under way was not sent again: {applied}");
}

#[test]
fn without_its_role_nothing_is_changed_and_everything_is_said() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let (plan, hash) = plan(&bed, folder, &[]);
    let before = modes(&bed, &plan);
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).service("sts").resource("*role/doorward-change")]);
    let (said, applied) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(8));
    assert!(applied["stopped"].as_str().unwrap().contains("no load balancer of the first wave"), "{applied}");
    assert_eq!(statuses(&applied), [("refused", 1)].into());
    assert_eq!(modes(&bed, &plan), before);
}

#[test]
fn an_unknown_key_of_its_settings_is_an_error_with_its_line() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), "[change]\ncanari = 2\n").unwrap();
    let said = doorward(&bed, folder.path(), &["plan"]);
    assert!(
        said.code == Some(2) && said.err.contains("doorward.toml:2") && said.err.contains("canary"),
        "{}",
        said.err
    );
}

#[test]
fn invalid_headers_are_planned_applied_and_rolled_back_like_modes() {
    const ATTRIBUTE: &str = "routing.http.drop_invalid_header_fields.enabled";
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let (plan, hash) = plan(&bed, folder, &["--drop-invalid"]);
    let steps = plan["steps"].as_array().unwrap();
    assert!(steps.len() >= 3 && plan["goal"] == "drop-invalid-headers", "{plan}");
    assert!(steps.iter().all(|step| step["kind"] == "application" && step["effect"].is_null()), "{plan}");
    let unknown =
        |step: &Value| step["evidence"].as_str().unwrap().contains("Its effect on clients cannot be predicted");
    assert!(steps.iter().all(unknown) && steps.iter().filter(|step| step["wave"] == 1).count() == 1, "{plan}");
    let patches = plan["patches"].as_array().unwrap();
    assert!(patches.iter().any(|patch| patch["remedy"].as_str().unwrap().contains(ATTRIBUTE)), "{plan}");
    let treatments = || -> Vec<String> {
        let place = |step: &Value| ["account", "region", "name"].map(|key| step[key].as_str().unwrap().to_owned());
        let value =
            |[account, region, name]: [String; 3]| bed.server.world().attribute(&account, &region, &name, ATTRIBUTE);
        steps.iter().map(|step| value(place(step)).unwrap()).collect()
    };
    assert!(treatments().iter().all(|value| value == "false"));
    let before = modes(&bed, &plan);
    let (said, applied) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
    assert_eq!(statuses(&applied), [("changed", steps.len())].into());
    assert!(treatments().iter().all(|value| value == "true"));
    assert_eq!(modes(&bed, &plan), before);

    // The next scan finds it; none of it is a change of a mode.
    let report = scan(&bed, folder);
    let of_first = |f: &&Value| f["rule"] == "invalid-headers-forwarded" && f["load_balancer"] == steps[0]["arn"];
    assert_eq!(report["findings"].as_array().unwrap().iter().find(of_first).unwrap()["verdict"], "pass");
    assert!(report["load_balancers"].as_array().unwrap().iter().all(|lb| lb["changes"].is_null()));
    let change = plan["id"].as_str().unwrap();
    let said = doorward(&bed, folder, &["verify-change", change]);
    assert!(said.out.contains("still in drop-invalid-headers"), "{} {}", said.out, said.err);
    let said = doorward(&bed, folder, &["rollback", change, "--yes", "--reason", "complaints"]);
    assert_eq!(said.code, Some(0), "{} {}", said.err, said.out);
    assert!(treatments().iter().all(|value| value == "false"));
    assert_eq!(modes(&bed, &plan), before);
}
