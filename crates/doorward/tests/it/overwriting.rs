//! No output takes the place of what Doorward keeps, of what a command reads, or of another output, however its path is written.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bed::{Bed, REPOSITORY, Said, doorward, run, world};

const LB: &str = "resource \"aws_lb\" \"a\" {\n  name = \"a\"\n  load_balancer_type = \"application\"\n}\n";
const REGISTER: &str = "[[exception]]\nid = \"EX-1\"\nrule = \"desync-mode-below-required\"\nscope = { names = [\"tenant-admin\"] }\nreason = \"r\"\nrequester = \"a\"\napprover = \"b\"\nstart = 2026-10-01\nexpires = 2026-12-01\n";

/// A folder with everything that must stay as it is, and links to it.
fn stage(bed: &Bed) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for folder in ["state", "sub/deep", "logs", "templates"] {
        std::fs::create_dir_all(at(folder)).unwrap();
    }
    let settings = "[ledger]\npath = \"state/ledger.sqlite\"\n[exceptions]\nfiles = [\"exceptions.toml\"]\n[evidence]\nsigning_key_file = \"key\"\n[owners]\ntemplates_dir = \"templates\"\n[notify.channels]\nchat = { kind = \"slack\", url_file = \"hook\" }\n";
    let (program, script) = (at("program.py").display().to_string(), at("digest.py").display().to_string());
    let settings = format!(
        "{settings}pager = {{ kind = \"exec\", command = [\"/usr/bin/env\", {script:?}] }}\n[reports.mine]\ncommand = [{program:?}]\n"
    );
    for (name, text) in [
        ("doorward.toml", settings.as_str()),
        ("program.py", "#!/usr/bin/env python3\n"),
        ("digest.py", ""),
        ("exceptions.toml", REGISTER),
        ("key", &"01".repeat(32)),
        ("hook", "https://hooks.example.com/secret"),
        ("templates/style.css", ""),
        ("lb.tf", LB),
        ("logs/a.log", ""),
    ] {
        std::fs::write(at(name), text).unwrap();
    }
    let said = run(bed.doorward(place.path()).args(["-q", "scan", "--save", "a.saved"]));
    assert!(matches!(said.code, Some(0..=5)), "{}", said.err);
    let logs = format!("{REPOSITORY}/examples/traffic");
    let said = run(doorward(place.path()).args(["-q", "traffic", "--logs", &logs, "--save", "traffic.json"]));
    assert!(matches!(said.code, Some(0 | 4)), "{}", said.err);
    symlink("state/ledger.sqlite", at("link")).unwrap();
    symlink("state", at("linked")).unwrap();
    symlink("program.py", at("linked-program")).unwrap();
    symlink("a.json", at("to-be-a.json")).unwrap();
    std::fs::hard_link(at("state/ledger.sqlite"), at("hard")).unwrap();
    symlink("state/ledger.sqlite", at("scan-role.policy.json")).unwrap();
    symlink("doorward.toml", at("doorward-scan.1")).unwrap();
    place
}

/// Every file below a folder and what it holds.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => pending.push(entry.path()),
                kind if kind.is_file() => found.push((entry.path(), std::fs::read(entry.path()).unwrap())),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_output_never_replaces_what_is_kept_or_read() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let place = stage(&bed);
    let absolute = place.path().join("state/ledger.sqlite").display().to_string();
    let before = contents(place.path());
    let lines: Vec<(String, &str)> = [
        ("scan --format json-v1=state/ledger.sqlite", "is the ledger"),
        ("scan --format json-v1=./sub/../state/./ledger.sqlite", "is the ledger"),
        ("scan --format csv=link", "is the ledger"),
        ("scan --format csv=linked/ledger.sqlite", "is the ledger"),
        ("scan --format csv=hard", "is the ledger"),
        ("scan --no-ledger --format csv=hard", "is the ledger"),
        ("scan --format ndjson-v1=state/ledger.sqlite-wal", "is a file of the ledger"),
        ("scan --format csv-raw=state/ledger.sqlite-shm", "is a file of the ledger"),
        ("scan --save state/ledger.sqlite-journal", "is a file of the ledger"),
        ("scan --save linked/ledger.sqlite-lock", "is a file of the ledger"),
        ("scan --ledger other.sqlite --save other.sqlite-wal", "is a file of the ledger"),
        ("scan --format asff=doorward.toml", "is the settings file"),
        ("scan --format html=exceptions.toml", "is the exception register"),
        ("scan --save key", "is the signing key"),
        ("scan --signing-key a.saved --save a.saved", "is the signing key"),
        ("scan --format table=hook", "is the secret of the channel chat"),
        ("scan --format html=templates/style.css", "is a template"),
        ("scan --traffic traffic.json --format json-v1=sub/../traffic.json", "is the input of --traffic"),
        ("scan --iac lb.tf --format csv=lb.tf", "is a file of --iac"),
        ("scan --iac . --format csv=lb.tf", "is a file of --iac"),
        ("scan --format owners=.", "is the folder of the"),
        ("scan --format evidence=linked", "is the folder of the ledger"),
        ("scan --format json-v1=a.json --format csv=to-be-a.json", "two outputs would be written to the same file"),
        ("scan --format json-v1=a.json --save sub/../a.json", "two outputs would be written to the same file"),
        ("scan --format owners=out --format evidence=out", "two outputs would be written to the same folder"),
        ("scan --format owners=out --format json-v1=out/a.json", "is in out, the folder of --format owners"),
        ("scan --format mine=program.py", "is a file of the plugin mine"),
        ("scan --format json-v1=linked-program", "is a file of the plugin mine"),
        ("scan --format csv=digest.py", "is a file of the channel pager"),
        ("report --from a.saved --format csv=program.py", "is a file of the plugin mine"),
        ("report --from a.saved --format json-v1=a.saved", "is the saved scan"),
        ("report --from a.saved --format csv=doorward.toml", "is the settings file"),
        ("report --from a.saved --format csv=hard", "is the ledger"),
        ("report --from a.saved --traffic traffic.json --format csv=traffic.json", "is the input of --traffic"),
        ("report --from a.saved --format evidence=.", "is the folder of the"),
        ("plan --from a.saved --out a.saved", "is the input of --from"),
        ("plan --from a.saved --out link", "is the ledger"),
        ("plan --from a.saved --out new.md", "the plan is a JSON file"),
        ("traffic --logs logs --from a.saved --save a.saved", "is the input of --from"),
        ("traffic --logs logs --save logs/a.log", "is an access log"),
        ("traffic --logs logs --save hard", "is the ledger"),
        ("setup iam --out .", "is the ledger"),
        ("man --out .", "is the settings file"),
        ("check lb.tf --format json-v1=lb.tf", "is a file that is checked"),
        ("check . --format sarif=lb.tf", "is a file that is checked"),
        ("check lb.tf --format sarif=doorward.toml", "is the settings file"),
        ("check lb.tf --scan a.saved --format sarif=a.saved", "is the input of --scan"),
        ("exceptions add --file doorward.toml", "is the settings file"),
        ("exceptions add --file link", "is the ledger"),
        ("demo --out .", "is the folder of the"),
        ("demo --out state", "is the folder of the ledger"),
    ]
    .into_iter()
    .map(|(line, problem)| (line.to_owned(), problem))
    .chain([(format!("scan --format json-v1={absolute}"), "is the ledger")])
    .collect();
    bed.server.clear_calls();
    for (line, problem) in &lines {
        let mut arguments: Vec<&str> = line.split(' ').collect();
        if line.starts_with("exceptions add") {
            arguments.extend(["--id", "EX-2", "--rule", "owner-missing", "--reason", "r", "--requester", "a"]);
            arguments.extend(["--approver", "b", "--expires", "2027-01-01", "--start", "2026-12-01", "--name", "x"]);
        }
        let said = run(bed.doorward(place.path()).args(&arguments));
        assert_eq!(said.code, Some(2), "{line}: {} {}", said.out, said.err);
        assert!(said.err.contains(problem), "{line}: {}", said.err);
        assert!(contents(place.path()) == before, "{line}: something was written");
        assert!(bed.server.calls().is_empty(), "{line}: AWS was called first");
    }
}

#[test]
fn a_scheduled_scan_is_held_to_the_same_and_a_device_takes_any_output() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let place = stage(&bed);
    // A device takes any number of outputs.
    let said = run(bed.doorward(place.path()).args([
        "-q",
        "scan",
        "--format",
        "csv=/dev/null",
        "--format",
        "json-v1=/dev/null",
        "--save",
        "sub/new.saved",
    ]));
    assert!(matches!(said.code, Some(3..=5)), "{}", said.err);
    // What a scheduled scan in Lambda would write is checked before the first invocation.
    for (format, flags, problem) in [
        ("html=doorward.toml", &[][..], "is the settings file"),
        ("json-v1=link", &[], "is the ledger"),
        ("csv=other.sqlite-wal", &["--ledger", "other.sqlite"], "is a file of the ledger"),
        ("json-v1=traffic.json", &["--traffic", "traffic.json"], "is the input of --traffic"),
    ] {
        let mut event = doorward(place.path());
        event.args(["event", "--lambda"]).args(flags).env("DOORWARD_EVENT__FORMATS", format!("[{format:?}]"));
        let said = run(&mut event);
        assert_eq!(said.code, Some(2), "{format}: {}", said.err);
        assert!(said.err.contains(problem), "{format}: {}", said.err);
    }
    // Beside the ledger there is room for a report.
    let said = run(bed.doorward(place.path()).args(["-q", "scan", "--format", "csv=state/scan.csv"]));
    assert!(matches!(said.code, Some(3..=5)), "{}", said.err);
    let again = run(bed.doorward(place.path()).args(["-q", "scan", "--format", "csv=state/scan.csv"]));
    assert_eq!(again.code, said.code, "an output of an earlier scan is replaced: {}", again.err);
}

#[test]
fn an_exception_is_added_to_what_is_there() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("doorward.toml"), "[exceptions]\nfiles = [\"exceptions.toml\"]\n").unwrap();
    for name in ["exceptions.toml", "more.toml"] {
        std::fs::write(folder.join(name), REGISTER.replace("EX-1", name.strip_suffix(".toml").unwrap())).unwrap();
    }
    for (id, file) in [("EX-2", "./exceptions.toml"), ("EX-3", "more.toml"), ("EX-4", "new.toml")] {
        let said = run(doorward(folder)
            .args(["exceptions", "add", "--file", file, "--id", id, "--rule", "owner-missing", "--reason", "r"])
            .args(["--requester", "a", "--approver", "b", "--start", "2026-12-01", "--expires", "2027-01-01"])
            .args(["--name", "x"]));
        assert_eq!(said.code, Some(0), "{file}: {}", said.err);
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(id), "{file}: {text}");
        assert!(
            file == "new.toml" || text.starts_with("[[exception]]\nid = \"") && text.contains("tenant-admin"),
            "{text}"
        );
    }
}

/// The same command with a umask of 0: nothing stands between a file and the world but what Doorward asks for.
fn without_umask(command: &Command) -> Said {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    run(shell.current_dir(command.get_current_dir().unwrap()))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

#[test]
fn what_holds_the_inventory_is_its_owners_alone() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let formats = [
        "table=out/a.txt",
        "json-v1=out/a.json",
        "ndjson-v1=out/a.ndjson",
        "html=out/a.html",
        "csv=out/a.csv",
        "csv-raw=out/raw.csv",
        "asff=out/a.asff",
        "ocsf=out/a.ocsf",
        "owners=owners",
        "evidence=deep/evidence",
    ];
    std::fs::create_dir(folder.join("out")).unwrap();
    // A file that the world could read so far.
    std::fs::write(folder.join("out/a.html"), "").unwrap();
    std::fs::set_permissions(folder.join("out/a.html"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let formats = formats.iter().flat_map(|format| ["--format", format]);
    let mut scan = bed.doorward(folder);
    scan.args(["-q", "scan", "--save", "out/a.saved", "--ledger", "ledger/a.sqlite"]).args(formats);
    let said = without_umask(&scan);
    assert_eq!(said.code, Some(3), "{}", said.err);
    for arguments in [
        "plan --from out/a.saved --out out/plan.json",
        "traffic --from out/a.saved --save out/traffic.json --state state",
    ] {
        let mut command = bed.doorward(folder);
        command.args(["-q"]).args(arguments.split(' '));
        let said = without_umask(&command);
        assert!(matches!(said.code, Some(0 | 4)), "{arguments}: {}", said.err);
    }
    let files = contents(folder);
    assert!(files.len() > 40, "{} files", files.len());
    for (path, _) in files {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    for made in ["owners", "deep", "deep/evidence", "ledger", "state", "state/doorward-traffic-state-v5"] {
        assert_eq!(mode(&folder.join(made)), 0o700, "{made}");
    }
    let pack = std::fs::read_dir(folder.join("deep/evidence")).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&pack), mode(&pack.join("csv"))), (0o700, 0o700));
}

#[test]
fn what_is_edited_keeps_its_readers_and_what_is_deployed_has_the_usual_ones() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::write(folder.join("doorward.toml"), "[exceptions]\nfiles = [\"exceptions.toml\"]\n").unwrap();
    let lb = LB.replace("}\n", "  desync_mitigation_mode = \"monitor\"\n}\n");
    for (name, text, mode) in [("exceptions.toml", REGISTER, 0o640), ("lb.tf", &lb, 0o664)] {
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let renew = "exceptions renew EX-1 --start 2026-12-01 --expires 2027-01-20 --approver Lee --ticket SEC-2";
    for (arguments, code) in
        [(renew, vec![0]), ("check lb.tf --fix", vec![0, 3, 4, 5]), ("setup iam --out iam", vec![0])]
    {
        let mut command = doorward(folder);
        let said = without_umask(command.args(arguments.split(' ')));
        assert!(said.code.is_some_and(|said| code.contains(&said)), "{arguments}: {}", said.err);
    }
    assert!(std::fs::read_to_string(folder.join("lb.tf")).unwrap().contains("defensive"));
    assert_eq!((mode(&folder.join("exceptions.toml")), mode(&folder.join("lb.tf"))), (0o640, 0o664));
    for (path, _) in contents(&folder.join("iam")) {
        assert_eq!(mode(&path), 0o666, "{}", path.display());
    }
}
