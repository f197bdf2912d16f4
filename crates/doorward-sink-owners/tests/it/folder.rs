//! The folder across scans: what is ours is kept true, what is not is left alone.

use doorward_model::{CoverageStatus, Gap, GapReason, ScanReport};
use doorward_sink_owners::write;
use sha2::{Digest as _, Sha256};

use crate::{context, files, scene, written};

/// A report in which only these owners have anything.
fn of(owners: &[&str]) -> ScanReport {
    let mut report = scene::large(owners.len() as u64, 1);
    for (lb, owner) in report.load_balancers.iter_mut().zip(owners) {
        lb.owner = scene::owner(owner);
    }
    report
}

fn pages(folder: &std::path::Path, slug: &str) -> Vec<String> {
    files(folder).into_keys().filter(|name| name.starts_with(slug)).collect()
}

#[test]
fn the_page_of_an_owner_who_has_nothing_left_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &of(&["alpha", "beta"]), &context()).expect("written");
    assert_eq!(pages(folder.path(), "beta").len(), 2);
    let (_, files) = written(folder.path(), &of(&["alpha"]), &context());
    assert!(pages(folder.path(), "beta").is_empty());
    assert!(!files["index.md"].contains("Pages of earlier scans"));
}

#[test]
fn a_scan_that_did_not_look_everywhere_removes_nothing() {
    let narrow: [fn(&mut ScanReport); 4] = [
        |report| report.coverage.lines[0].fully_listed = false,
        |report| report.run.interrupted = true,
        |report| {
            report.coverage.lines[0].status = CoverageStatus::Skipped;
            report.coverage.lines[0].gaps = vec![Gap::new(GapReason::Excluded, "settings")];
        },
        |report| {
            let gap = Gap::new(GapReason::AccessDenied, "organizations:ListAccounts");
            report.coverage.accounts_listing = doorward_model::Listing::Unread(gap.into());
        },
    ];
    for (n, narrow) in narrow.into_iter().enumerate() {
        let folder = tempfile::tempdir().expect("a folder");
        let before = written(folder.path(), &of(&["alpha", "beta"]), &context()).1;
        let mut report = of(&["alpha"]);
        narrow(&mut report);
        let (_, after) = written(folder.path(), &report, &context());
        for page in pages(folder.path(), "beta") {
            assert_eq!(before[&page], after[&page], "{n}");
            assert!(after["index.html"].contains(&page), "{n}: the index names it");
        }
        assert_eq!(pages(folder.path(), "beta").len(), 2, "{n}");
        // A later scan that looks everywhere may still remove them.
        write(folder.path(), &of(&["alpha"]), &context()).expect("written");
        assert!(pages(folder.path(), "beta").is_empty(), "{n}");
    }
}

#[test]
fn a_closed_region_hides_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &of(&["alpha", "beta"]), &context()).expect("written");
    let mut report = of(&["alpha"]);
    let mut line = report.coverage.lines[0].clone();
    line.status = CoverageStatus::Skipped;
    line.fully_listed = false;
    line.region = Some(doorward_model::Region::new("af-south-1").expect("a Region"));
    line.gaps = vec![Gap::new(GapReason::RegionDisabled, "account:ListRegions")];
    report.coverage.lines.push(line);
    write(folder.path(), &report, &context()).expect("written");
    assert!(pages(folder.path(), "beta").is_empty());
}

#[test]
fn what_another_user_changed_stays_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &of(&["alpha", "beta"]), &context()).expect("written");
    let page = pages(folder.path(), "beta").into_iter().find(|name| name.ends_with(".md")).expect("a page");
    std::fs::write(folder.path().join(&page), "my notes").expect("written");
    let (_, files) = written(folder.path(), &of(&["alpha"]), &context());
    assert_eq!(files[&page], "my notes");
    assert!(files["index.md"].contains(&page) && files["index.md"].contains("it was changed since"));
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("owners");
    std::fs::create_dir_all(&folder).expect("a folder");
    let foreign = [folder.join("notes.md"), folder.join("team-0.html"), outer.path().join("outside.md")];
    for place in &foreign {
        std::fs::write(place, "mine").expect("written");
    }
    // A list that somebody wrote to have these removed: the names are not ours, or the bytes are not.
    let hash: String = Sha256::digest(b"mine").iter().map(|byte| format!("{byte:02x}")).collect();
    let entry = format!(r#"{{"owner":"x","sha256":"{hash}","at":"then"}}"#);
    let list = format!(
        r#"{{"format":"doorward-owners-v1","pages":{{"../outside.md":{entry},"/etc/hostname.md":{entry},"notes.md":{entry},"index.md":{entry},"../owners/notes.md":{entry},"team-0.html":{entry}}}}}"#
    );
    std::fs::write(folder.join(".doorward-owners.json"), list).expect("written");
    write(&folder, &of(&["alpha"]), &context()).expect("written");
    for place in &foreign {
        assert_eq!(std::fs::read_to_string(place).expect("still there"), "mine", "{}", place.display());
    }
}

#[test]
fn a_list_that_is_no_list_makes_nothing_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    for list in ["", "[]", "{\"format\":\"other\",\"pages\":{}}", "\u{0}"] {
        std::fs::write(folder.path().join(".doorward-owners.json"), list).expect("written");
        write(folder.path(), &of(&["alpha"]), &context()).expect("written");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("file");
    std::fs::write(&place, "x").expect("written");
    let error = write(&place.join("below"), &of(&["alpha"]), &context()).expect_err("a file is no folder");
    assert!(error.to_string().contains("below"), "{error}");
}

#[test]
fn an_index_of_another_program_is_not_replaced() {
    for name in ["index.md", "index.html", "owners.csv", "cost-centres.csv"] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(name), "mine").expect("written");
        let error = write(folder.path(), &of(&["alpha"]), &context()).expect_err(name).to_string();
        assert!(error.contains(name) && error.contains("another folder"), "{error}");
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).expect("stays"), "mine");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "{name}: nothing else is written");
    }
}
