//! What bounds a plan, from the command line: its organization, the age of its readings, the text that people review, and what has become
//! of a load balancer since.

use std::path::Path;
use std::time::Duration;

use doorward_fakeaws::DESYNC_MODE;
use serde_json::Value;

use crate::bed::{Bed, run, world};
use crate::change::{apply, doorward, modes, plan, scan, sets, statuses};

const DAY: Duration = Duration::from_secs(86_400);

fn start() -> jiff::Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn settings(folder: &Path, text: &str) {
    std::fs::write(folder.join("doorward.toml"), text).unwrap();
}

fn part<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key].as_str().unwrap()
}

#[test]
fn a_plan_refused_in_a_freeze_is_not_valid_for_ever() {
    let bed = Bed::start_at(&world("acme-org"), vec![], start());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    bed.pass(DAY);
    let (made, hash) = plan(&bed, folder, &[]);
    settings(folder, "[change]\nfreezes = [{ from = \"2026-03-01\", until = \"2026-03-31\", reason = \"sale\" }]\n");
    let (said, applied) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(8), "{}", said.err);
    assert_eq!(statuses(&applied), [("refused", 1)].into());
    settings(folder, "");
    // Six days after the plan was made, and seven after its modes were read.
    for days in [6, 194] {
        bed.pass(DAY * days + Duration::from_secs(3600));
        let reported = "2026-03-02T09";
        let (said, applied) = apply(&bed, folder, &hash, &[]);
        assert_eq!(said.code, Some(8), "{}", said.err);
        let stopped = applied["stopped"].as_str().unwrap();
        assert!(stopped.contains(reported) && stopped.contains("scan again and make a new plan"), "{stopped}");
        let rehearsed = doorward(&bed, folder, &["apply", "change-plan.json", "--dry-run"]);
        assert!(rehearsed.code == Some(8) && rehearsed.out.contains(reported), "{}", rehearsed.out);
    }
    assert_eq!(sets(&bed), 0);
    assert!(modes(&bed, &made).values().all(|mode| mode == "monitor"));
}

#[test]
fn a_plan_is_not_made_from_an_old_scan() {
    let bed = Bed::start_at(&world("acme-org"), vec![], start());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    for (days, from) in [(4, None), (0, Some("a.saved")), (296, None)] {
        bed.pass(DAY * days);
        let arguments = from.map_or(vec!["plan"], |from| vec!["plan", "--from", from]);
        let said = doorward(&bed, folder, &arguments);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains("days ago") && said.err.contains("change.scan_days"), "{}", said.err);
        assert!(!folder.join("change-plan.json").exists() && !folder.join("change-plan.md").exists());
    }
    settings(folder, "[change]\nscan_days = 30\n");
    let said = doorward(&bed, folder, &["plan"]);
    assert!(said.code == Some(2) && said.err.contains("change.valid_days"), "{}", said.err);
    // A newer scan is a newer reading; what an event read since counts for its load balancer alone.
    settings(folder, "");
    scan(&bed, folder);
    plan(&bed, folder, &[]);
}

#[test]
fn a_plan_of_another_organization_opens_no_session() {
    let home = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    settings(folder, "[access]\nexternal_id = \"a-secret-of-ours\"\n");
    scan(&home, folder);
    let (plan, hash) = plan(&home, folder, &[]);
    let change = part(&plan, "id");
    // Another organization with the same accounts; and the same organization, which one of the accounts has left.
    let of_others = world("acme-org").replace("o-acme000001", "o-evil000001");
    let mut left: toml::Table = world("acme-org").parse().unwrap();
    let gone = part(&plan["steps"][0], "account");
    for (name, all) in left.iter_mut() {
        let key = if name == "account" { "id" } else { "account" };
        if let Some(all) = all.as_array_mut() {
            all.retain(|one| one.get(key).and_then(|id| id.as_str()) != Some(gone));
        }
    }
    let left = toml::to_string(&left).unwrap();
    for (world, about) in [(of_others, "o-evil000001"), (left, "is not in organization o-acme000001")] {
        let other = Bed::start(&world, vec![]);
        let dry = doorward(&other, folder, &["apply", "change-plan.json", "--dry-run"]);
        let (applied, _) = apply(&other, folder, &hash, &[]);
        let foreign = about.starts_with("o-evil");
        let codes = if foreign { Some(2) } else { Some(8) };
        for said in [&dry, &applied] {
            let text = format!("{}{}", said.err, said.out);
            assert!(said.code == codes && text.contains(about), "{about}: {:?} {text}", said.code);
        }
        let assumed = |call: &doorward_fakeaws::CallRecord| {
            call.action == "AssumeRole" && (foreign || call.resource.contains(gone))
        };
        assert!(!other.server.calls().iter().any(assumed), "{about}");
        assert_eq!(sets(&other), 0);
    }
    // What was applied at home is neither looked at nor rolled back elsewhere.
    let (said, _) = apply(&home, folder, &hash, &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let other = Bed::start(&world("acme-org").replace("o-acme000001", "o-evil000001"), vec![]);
    for arguments in [vec!["verify-change", change], vec!["rollback", change, "--yes"]] {
        let said = doorward(&other, folder, &arguments);
        assert!(said.code == Some(2) && said.err.contains("o-evil000001"), "{arguments:?}: {}", said.err);
    }
    assert!(!other.server.calls().iter().any(|call| call.action == "AssumeRole"));
    let said = doorward(&home, folder, &["rollback", change, "--yes"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[test]
fn what_a_load_balancer_has_become_since_is_read_before_it_is_changed() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    settings(folder, "[change]\ncanary = 0\n");
    scan(&bed, folder);
    let (plan, hash) = plan(&bed, folder, &[]);
    let steps = plan["steps"].as_array().unwrap();
    let [taken, excepted] = [&steps[0], &steps[1]];
    let owner = taken["owner"].as_str().unwrap();
    let tags = [("owner", owner), ("aws:cloudformation:stack-name", "shop")];
    let world = bed.server.world();
    assert!(world.set_tags(part(taken, "account"), part(taken, "region"), part(taken, "name"), &tags));
    let today = bed.now().strftime("%Y-%m-%d").to_string();
    let register = format!(
        "[[exception]]\nid = \"EX-7\"\nrule = \"desync-mode-below-required\"\nscope = {{ names = [\"{}\"] }}\nreason = \
         \"A client needs it.\"\nrequester = \"Ines\"\napprover = \"Kim\"\nstart = {today}\nexpires = {today}\n",
        part(excepted, "name")
    );
    std::fs::write(folder.join("exceptions.toml"), register).unwrap();
    settings(folder, "[change]\ncanary = 0\n[exceptions]\nfiles = [\"exceptions.toml\"]\n");
    let dry = doorward(&bed, folder, &["apply", "change-plan.json", "--dry-run"]);
    assert!(dry.out.contains("2 of"), "{} {}", dry.out, dry.err);
    let (said, applied) = apply(&bed, folder, &hash, &[]);
    assert_eq!(said.code, Some(8), "{}", said.err);
    let detail = |step: &Value| {
        let all = applied["load_balancers"].as_array().unwrap();
        let of = all.iter().find(|one| one["load_balancer"] == step["arn"]).unwrap();
        assert_eq!(of["change"]["status"], "refused", "{of}");
        part(&of["change"], "detail").to_owned()
    };
    assert!(detail(taken).contains("CloudFormation stack shop now manages it"), "{}", detail(taken));
    assert!(detail(excepted).contains("EX-7"), "{}", detail(excepted));
    assert_eq!(sets(&bed), steps.len() - 2);
    for step in [taken, excepted] {
        let mode = world.attribute(part(step, "account"), part(step, "region"), part(step, "name"), DESYNC_MODE);
        assert_eq!(mode.as_deref(), Some("monitor"));
    }
}

#[test]
fn the_text_that_was_reviewed_is_the_text_of_the_plan_that_is_applied() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let (plan, hash) = plan(&bed, folder, &[]);
    let steps = plan["steps"].as_array().unwrap().len();
    let md = folder.join("change-plan.md");
    let text = std::fs::read_to_string(&md).unwrap();
    for part in
        [part(&plan, "id"), &hash, "o-acme000001", "100000000001", part(&plan["run"], "id"), "The modes were read"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // Another plan, whose text is then put beside this one, as after a review of something else.
    let said =
        doorward(&bed, folder, &["plan", "--account", part(&plan["steps"][0], "account"), "--out", "other.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let other = std::fs::read_to_string(folder.join("other.md")).unwrap();
    let edited = text.replacen("monitor -> defensive", "monitor -> monitor", 1);
    assert_ne!(edited, text);
    for (beside, about) in [(&other, "it is the Markdown of plan"), (&edited, "it was edited")] {
        std::fs::write(&md, beside).unwrap();
        for arguments in [vec!["--dry-run"], vec!["--yes", "--hash", &hash]] {
            let said = doorward(&bed, folder, &[&["apply", "change-plan.json"], &arguments[..]].concat());
            assert!(said.code == Some(2) && said.err.contains(about), "{about}: {}", said.err);
        }
        std::fs::write(&md, &text).unwrap();
        std::fs::write(folder.join("approved.txt"), beside).unwrap();
        let said = doorward(&bed, folder, &["apply", "change-plan.json", "--yes", "--reviewed", "approved.txt"]);
        assert!(said.code == Some(2) && said.err.contains(about), "{about}: {}", said.err);
    }
    let said = doorward(&bed, folder, &["apply", "change-plan.json", "--yes"]);
    assert!(said.code == Some(2) && said.err.contains("--reviewed"), "{}", said.err);
    assert_eq!(sets(&bed), 0);
    // The approved text alone suffices, in whatever line ends the reviewers' machine writes.
    std::fs::write(folder.join("approved.txt"), text.replace('\n', "\r\n")).unwrap();
    std::fs::remove_file(&md).unwrap();
    let said = doorward(&bed, folder, &["apply", "change-plan.json", "--yes", "--reviewed", "approved.txt"]);
    assert_eq!((said.code, sets(&bed)), (Some(0), steps), "{}", said.err);
}

#[test]
fn a_plan_takes_the_place_of_a_plan_and_of_nothing_else() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scan(&bed, folder);
    let files = ["README.md", "notes.json", "ledger.sqlite"];
    for file in files {
        std::fs::write(folder.join(file), format!("the text of {file}")).unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.join("README.md"), folder.join("linked.md")).unwrap();
    for (out, about) in [
        ("p.md", "use --out p.json"),
        ("P.MD", "use --out P.json"),
        ("README.json", "README.md: the Markdown of the plan would be written here"),
        ("notes.json", "exists and is not a plan"),
        ("ledger.sqlite", "exists and is not a plan"),
        (".", "is the folder of the ledger"),
        #[cfg(unix)]
        ("linked.json", "linked.md: the Markdown of the plan would be written here"),
    ] {
        let said = doorward(&bed, folder, &["plan", "--out", out]);
        assert!(said.code == Some(2) && said.err.contains(about), "{out}: {:?} {}", said.code, said.err);
        assert!(
            !folder.join("p.md").exists() && !folder.join("p.json").exists() && !folder.join("README.json").exists()
        );
    }
    for file in files {
        assert_eq!(std::fs::read_to_string(folder.join(file)).unwrap(), format!("the text of {file}"));
    }
    // A plan of ours is replaced, an edited or an unfinished one too.
    plan(&bed, folder, &[]);
    let first = std::fs::read_to_string(folder.join("change-plan.json")).unwrap();
    std::fs::write(folder.join("change-plan.json"), first.replacen("monitor", "strictest", 1)).unwrap();
    plan(&bed, folder, &[]);
    let said = run(bed.doorward(folder).args(["apply", "change-plan.json", "--dry-run"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
}
