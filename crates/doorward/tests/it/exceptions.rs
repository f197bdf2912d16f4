//! The exception register from the command line: what it says, what it writes, what it refuses.

use serde_json::Value;

use crate::bed::{Bed, REPOSITORY, doorward, run, world};

const SETTINGS: &str = "[exceptions]\nfiles = [\"exceptions.toml\"]\n";

fn folder(register: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("doorward.toml"), SETTINGS).unwrap();
    std::fs::write(folder.path().join("exceptions.toml"), register).unwrap();
    folder
}

fn add<'a>(id: &'a str, expires: &'a str) -> Vec<&'a str> {
    let who = ["--reason", "a partner", "--requester", "Ines", "--approver", "Kim", "--name", "tenant-admin"];
    let what = ["exceptions", "add", "--id", id, "--rule", "desync-mode-below-required", "--start", "2026-11-01"];
    what.into_iter().chain(["--expires", expires]).chain(who).collect()
}

#[test]
fn an_exception_is_added_renewed_and_listed_and_comments_stay() {
    let folder = folder("# who changed what is in the history of this file\n");
    let said = run(doorward(folder.path()).args(add("EX-1", "2026-12-24")));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let renewal = ["--expires", "2027-01-20", "--start", "2026-12-20", "--approver", "Lee", "--ticket", "SEC-2"];
    let said = run(doorward(folder.path()).args(["exceptions", "renew", "EX-1"]).args(renewal));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let text = std::fs::read_to_string(folder.path().join("exceptions.toml")).unwrap();
    assert!(
        text.starts_with("# who changed what is in the history of this file\n") && text.contains("2027-01-20"),
        "{text}"
    );
    let said = run(doorward(folder.path()).args(["exceptions", "list", "--format", "json"]));
    let list: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(list["format"], "exceptions-v1");
    crate::formats::assert_valid(&crate::formats::schema("exceptions-v1"), &list);
    let list = &list["exceptions"];
    assert_eq!((&list[0]["id"], &list[0]["approver"]), (&"EX-1".into(), &"Lee".into()));
    assert!(run(doorward(folder.path()).args(["exceptions", "list"])).out.contains("EX-1"));
    assert_eq!(run(doorward(folder.path()).args(["exceptions", "check"])).code, Some(0));
}

#[test]
fn a_renewal_asks_for_a_review_date_that_lies_ahead() {
    let folder = folder("");
    let on = |day: &str, arguments: &[&str]| {
        let clock = format!("{day}T12:00:00Z still");
        run(doorward(folder.path()).env("DOORWARD_TEST_CLOCK", clock).args(arguments))
    };
    let added = [add("EX-1", "2026-12-24"), vec!["--review", "2026-12-10"]].concat();
    assert_eq!(on("2026-11-05", &added).code, Some(0));
    let renew = |more: &[&'static str]| {
        let base = ["exceptions", "renew", "EX-1", "--approver", "Lee", "--ticket", "SEC-2", "--expires"];
        [&base[..], more].concat()
    };
    let text = || std::fs::read_to_string(folder.path().join("exceptions.toml")).unwrap();
    let before = text();
    // The review of the term before is past, or lies outside of the new term.
    for (day, more) in [
        ("2026-12-12", &["2027-01-20"][..]),
        ("2026-12-01", &["2027-01-20", "--start", "2026-12-20"]),
        ("2026-12-01", &["2026-12-05"]),
        ("2026-12-12", &["2027-01-20", "--review", "2026-12-11"]),
        ("2026-12-12", &["2026-12-11", "--start", "2026-12-01"]),
    ] {
        let said = on(day, &renew(more));
        assert!(said.code == Some(2) && said.err.contains("EX-1"), "{day} {more:?}: {}", said.err);
        assert_eq!(text(), before, "{day} {more:?}");
    }
    let said = on("2026-12-01", &renew(&["2027-01-20"]));
    assert!(said.code == Some(0) && said.out.contains("its review date stays 2026-12-10"), "{}{}", said.out, said.err);
    let said = on("2026-12-12", &renew(&["2027-02-20", "--review", "2027-01-15"]));
    assert!(said.code == Some(0) && text().contains("review = 2027-01-15"), "{}{}", said.out, said.err);
}

#[test]
fn what_is_wrong_is_refused_and_nothing_is_written() {
    let folder = folder("");
    let before = || std::fs::read_to_string(folder.path().join("exceptions.toml")).unwrap();
    for (arguments, fragment) in [
        (add("EX-1", "2027-11-01"), "90"),
        (add("EX-1", "2026-10-01"), "start"),
        (vec!["exceptions", "renew", "EX-7", "--expires", "2027-01-20", "--approver", "Lee", "--ticket", "S"], "EX-7"),
    ] {
        let said = run(doorward(folder.path()).args(&arguments));
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(fragment), "{arguments:?}: {}", said.err);
        assert_eq!(before(), "", "{arguments:?}");
    }
}

#[test]
fn a_register_that_cannot_be_read_stops_the_scan_before_it_starts() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    for (register, fragment) in [
        ("[[exception]]\nid = \"A\"\nexpiry = 2026-12-01\n", "exceptions.toml:3:"),
        ("[[exception\n", "exceptions.toml:1:"),
    ] {
        let folder = folder(register);
        let said = run(bed.doorward(folder.path()).args(["-q", "scan"]));
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains(fragment), "{}", said.err);
    }
    let folder = folder("");
    std::fs::remove_file(folder.path().join("exceptions.toml")).unwrap();
    let said = run(bed.doorward(folder.path()).args(["-q", "scan"]));
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("exceptions.toml") && said.err.contains("cannot be read"), "{}", said.err);
    assert!(bed.server.calls().is_empty());
}

#[test]
fn monitor_with_and_without_an_exception_reads_differently_everywhere() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (start, end) = (today.yesterday().unwrap(), today.saturating_add(jiff::Span::new().days(40)));
    let folder = folder(&format!(
        "[[exception]]\nid = \"EX-1\"\nrule = \"desync-mode-below-required\"\nscope = {{ names = [\"tenant-admin\"] }}\nreason = \"r\"\nrequester = \"a\"\napprover = \"b\"\nstart = {start}\nexpires = {end}\n"
    ));
    let all = [
        "--format",
        "table=a.txt",
        "--format",
        "json-v1=a.json",
        "--format",
        "ndjson-v1=a.ndjson",
        "--save",
        "a.saved",
    ];
    let said = run(bed.doorward(folder.path()).args(["-q", "scan"]).args(all));
    assert!(matches!(said.code, Some(3..=5)), "{}", said.err);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let json: Value = serde_json::from_str(&read("a.json")).unwrap();
    let verdicts: Vec<&Value> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["name"] == "tenant-admin" && f["rule"] == "desync-mode-below-required")
        .collect();
    assert_eq!((&verdicts[0]["verdict"], &verdicts[0]["exception"]), (&"excepted".into(), &"EX-1".into()));
    assert!(read("a.txt").contains("Excepted") && read("a.txt").contains("EX-1"), "{}", read("a.txt"));
    assert!(read("a.ndjson").contains("\"exception\":\"EX-1\""));

    // The register is saved with the scan: without the file, the same bytes.
    std::fs::remove_file(folder.path().join("exceptions.toml")).unwrap();
    let again = ["--format", "table=b.txt", "--format", "json-v1=b.json"];
    let rendered = run(doorward(folder.path()).args(["-q", "report", "--from", "a.saved"]).args(again));
    assert_eq!(rendered.code, said.code, "{}", rendered.err);
    assert_eq!((read("a.txt"), read("a.json")), (read("b.txt"), read("b.json")));
}

#[test]
fn an_exception_that_is_wider_than_it_says_is_an_error() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (start, end) = (today.yesterday().unwrap(), today.saturating_add(jiff::Span::new().days(40)));
    let text = |scope: &str, approver: &str, more: &str| {
        format!(
            "[[exception]]\nid = \"EX-1\"\nrule = \"desync-mode-below-required\"\nscope = {{ names = [{scope}] }}\nreason = \"r\"\nrequester = \"Ines\"\napprover = \"{approver}\"\nstart = {start}\nexpires = {end}\n{more}"
        )
    };
    // What the text alone shows stops everything before it starts.
    for (register, fragment) in [
        (text("\"*\"", "Kim", ""), "exceptions.toml:4: exception EX-1 covers every load balancer; narrow its scope"),
        (text("\"web\"", " ines", ""), "exceptions.toml:7: exception EX-1 is approved by its requester"),
    ] {
        let folder = folder(&register);
        for line in [&["exceptions", "check"][..], &["exceptions", "list"], &["-q", "scan"]] {
            let said = run(bed.doorward(folder.path()).args(line));
            assert_eq!(said.code, Some(2), "{line:?}: {}", said.err);
            assert!(said.err.contains(fragment), "{line:?}: {}", said.err);
        }
        assert!(bed.server.calls().is_empty());
    }
    // What only a scan shows is an error of the scan: its report is there, and says how wide the exception is.
    let wide = "\"*a*\", \"*e*\", \"*o*\"";
    let folder = folder(&text(wide, "Kim", ""));
    let scan =
        || run(bed.doorward(folder.path()).args(["-q", "scan", "--format", "json-v1=a.json", "--save", "a.saved"]));
    let said = scan();
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("exception-matches-many: exception EX-1 covers"), "{}", said.err);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join("a.json")).unwrap()).unwrap();
    assert!(report["findings"].as_array().unwrap().len() > 100);
    for line in [&["exceptions", "check", "--scan", "a.saved"][..], &["-q", "report", "--from", "a.saved"]] {
        let said = run(doorward(folder.path()).args(line));
        assert_eq!(said.code, Some(2), "{line:?}: {} {}", said.out, said.err);
        assert!(said.err.contains("exception-matches-many"), "{line:?}: {}", said.err);
    }
    // It is meant, and says so.
    std::fs::write(folder.path().join("exceptions.toml"), text(wide, "Kim", "many = true\n")).unwrap();
    assert_eq!(scan().code, Some(3));
}

#[test]
fn the_example_register_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("[exceptions]\nfiles = [\"{REPOSITORY}/config/exceptions.example.toml\"]\n");
    std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
    let said = run(doorward(folder.path()).args(["exceptions", "check"]));
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[test]
fn a_list_refuses_what_neither_the_register_nor_the_newest_scan_knows() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let entry = |id: &str, scope: &str| {
        format!(
            "[[exception]]\nid = \"{id}\"\nrule = \"desync-mode-below-required\"\nscope = {{ {scope} }}\nreason = \"r\"\n\
             requester = \"a\"\napprover = \"b\"\nstart = 2026-10-01\nexpires = 2026-12-01\n"
        )
    };
    let closed = entry("EX-CLOSED", "accounts = [\"900000000001\"], ous = [\"/Closed\", \"ou-clos-ed000001\"]");
    let folder = folder(&(entry("EX-NAME", "names = [\"storefront-edge\"]") + &closed));
    let list = |arguments: &[&str]| run(bed.doorward(folder.path()).args(["exceptions", "list"]).args(arguments));
    // Before the first scan nothing but the form of a value can be wrong, and that is said.
    let said = list(&["--account", "100000000099"]);
    assert!(said.code == Some(0) && said.out.contains("EX-NAME"), "{}{}", said.out, said.err);
    assert!(said.err.contains("not compared with a scan"), "{}", said.err);
    for (flag, value, part) in [("--account", "1000", "1000"), ("--ou", "Workloads", "write the path")] {
        let said = list(&[flag, value]);
        assert!(said.code == Some(2) && said.err.contains(part), "{flag} {value}: {}", said.err);
    }
    let scan = run(bed.doorward(folder.path()).args(["-q", "scan", "--format", "json=scan.json"]));
    assert!(matches!(scan.code, Some(3..=5)), "{}", scan.err);
    for (flag, value) in [("--account", "100000000099"), ("--ou", "/Nowhere"), ("--ou", "ou-none-00000001")] {
        let said = list(&[flag, value]);
        assert!(said.code == Some(2) && said.err.contains("not one of"), "{flag} {value}: {}", said.err);
    }
    let json: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join("scan.json")).unwrap()).unwrap();
    let ou = &json["load_balancers"][0]["ou"]["known"];
    let (names, ids) = (ou["names"].as_str().unwrap(), ou["ids"].as_array().unwrap());
    let id = ids.last().unwrap().as_str().unwrap();
    for (flag, value, expected) in [
        ("--account", "100000000020", "EX-NAME"),
        ("--ou", names, "EX-NAME"),
        ("--ou", id, "EX-NAME"),
        ("--account", "900000000001", "EX-CLOSED"),
        ("--ou", "/Closed", "EX-CLOSED"),
        ("--ou", "ou-clos-ed000001", "EX-CLOSED"),
    ] {
        let said = list(&[flag, value]);
        assert!(
            said.code == Some(0) && said.out.contains(expected) && said.err.is_empty(),
            "{flag} {value}: {}",
            said.err
        );
    }
    // A report takes the id of a unit as its path.
    let saved = run(bed.doorward(folder.path()).args(["-q", "scan", "--no-ledger", "--save", "scan.saved"]));
    let of = |ou: &str| {
        let arguments = ["-q", "report", "--from", "scan.saved", "--format", "json", "--ou", ou];
        let said = run(bed.doorward(folder.path()).args(arguments));
        // The exit code is that of the whole scan, whatever is selected.
        assert_eq!(said.code, saved.code, "{ou}: {}", said.err);
        let report: Value = serde_json::from_str(&said.out).unwrap();
        report["load_balancers"].as_array().unwrap().iter().map(|lb| lb["arn"].to_string()).collect::<Vec<_>>()
    };
    assert!(!of(names).is_empty());
    assert_eq!(of(names), of(id));
}
