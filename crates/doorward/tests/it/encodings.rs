//! Every text that a user hands over is read in the same encodings: with a byte order mark, in UTF-16 as PowerShell writes it, and with
//! the line of the first byte that is neither.

use std::process::Stdio;

use crate::bed::{Bed, Said, doorward, run, world};

const FORMS: [&str; 4] = ["UTF-8 with a mark", "UTF-16LE", "UTF-16BE", "UTF-16LE without a mark"];

fn encoded(text: &str, form: &str) -> Vec<u8> {
    let units = |mark: &str| -> Vec<u16> { mark.encode_utf16().chain(text.encode_utf16()).collect() };
    match form {
        "UTF-8 with a mark" => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        "UTF-16LE" => units("\u{feff}").into_iter().flat_map(u16::to_le_bytes).collect(),
        "UTF-16BE" => units("\u{feff}").into_iter().flat_map(u16::to_be_bytes).collect(),
        _ => units("").into_iter().flat_map(u16::to_le_bytes).collect(),
    }
}

const EXCEPTION: &str = r#"
[[exception]]
id = "EX-1"
rule = "desync-mode-below-required"
scope = { accounts = ["100000000010"] }
reason = "the vendor's client, café"
risk = "accepted"
requester = "ada"
approver = "grace"
ticket = "T-1"
start = 2026-11-01
expires = 2026-12-01
many = true
"#;

#[test]
fn settings_and_register() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, register) = (folder.path().join("doorward.toml"), folder.path().join("register.toml"));
    let show = || run(doorward(folder.path()).args(["config", "show"]));
    let list = || run(doorward(folder.path()).args(["exceptions", "list"]));
    let text = "[owner]\ntags = [\"équipe\"]\n[exceptions]\nfiles = [\"register.toml\"]\n";
    for form in FORMS {
        std::fs::write(&settings, encoded(text, form)).unwrap();
        std::fs::write(&register, encoded(EXCEPTION, form)).unwrap();
        let said = show();
        assert!(said.out.contains("owner.tags = [\"équipe\"]"), "{form}: {}", said.err);
        let said = list();
        assert!(said.code == Some(0) && said.out.contains("EX-1"), "{form}: {}", said.err);
        // A changed register keeps its encoding.
        let renew = ["exceptions", "renew", "EX-1", "--approver", "grace", "--ticket", "T-2", "--start", "2026-12-02"];
        let said = run(doorward(folder.path()).args(renew).args(["--expires", "2027-01-01"]));
        assert_eq!(said.code, Some(0), "{form}: {}", said.err);
        let bytes = std::fs::read(&register).unwrap();
        assert_eq!(bytes[..2], encoded(EXCEPTION, form)[..2], "{form}");
        assert!(list().out.contains("EX-1"), "{form}");
    }
    std::fs::write(&register, EXCEPTION).unwrap();
    for (file, said) in [(&settings, &show as &dyn Fn() -> Said), (&register, &list)] {
        let whole = std::fs::read(file).unwrap();
        std::fs::write(&settings, text).unwrap();
        std::fs::write(file, b"[owner]\n# caf\xe9\n").unwrap();
        let said = said();
        assert_eq!(said.code, Some(2), "{}", said.err);
        for part in [file.file_name().unwrap().to_str().unwrap(), "line 2: it is not UTF-8 from this line on"] {
            assert!(said.err.contains(part), "lacks {part:?}: {}", said.err);
        }
        std::fs::write(file, whole).unwrap();
    }
}

#[test]
fn scans_traffic_events_and_secrets() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let scan = ["-q", "scan", "--no-ledger", "--save", "x.saved", "--format", "json-v1=before.json"];
    let exit = run(bed.doorward(folder.path()).args(scan)).code;
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let end = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(30);
    let name = format!(
        "100000000020_elasticloadbalancing_eu-west-1_app.storefront-edge.215931f2c7b87197_{}_10.0.0.1_abc.log",
        end.strftime("%Y%m%dT%H%MZ")
    );
    std::fs::write(logs.join(name), crate::traffic::file(end, 50, 0)).unwrap();
    let traffic = ["-q", "traffic", "--logs", "logs", "--from", "x.saved", "--save", "traffic.json"];
    let said = run(bed.doorward(folder.path()).args(traffic));
    assert!(folder.path().join("traffic.json").exists(), "{:?} {}{}", said.code, said.out, said.err);
    let event = r#"{"detail-type": "é", "source": "aws.other", "detail": {}}"#;
    for form in FORMS {
        for name in ["x.saved", "traffic.json"] {
            let path = folder.path().join(name);
            let text = doorward_file::input::text(&path).unwrap();
            std::fs::write(&path, encoded(&text, form)).unwrap();
        }
        let report = ["-q", "report", "--from", "x.saved", "--format", "json-v1=after.json"];
        let said = run(bed.doorward(folder.path()).args(report));
        assert_eq!(said.code, exit, "{form}: {}", said.err);
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("before.json"), read("after.json"), "{form}");
        let said = run(bed.doorward(folder.path()).args(report).args(["--traffic", "traffic.json"]));
        assert_eq!(said.code, exit, "{form}: {}", said.err);

        // From a file and from stdin.
        let path = folder.path().join("event.json");
        std::fs::write(&path, encoded(event, form)).unwrap();
        let said = run(bed.doorward(folder.path()).args(["event", "event.json"]));
        assert_eq!(said.code, Some(0), "{form}: {}", said.err);
        let mut command = bed.doorward(folder.path());
        command.arg("event").stdin(Stdio::from(std::fs::File::open(&path).unwrap()));
        let said = run(&mut command);
        assert_eq!(said.code, Some(0), "{form}: {}", said.err);
    }
    for (bytes, line) in [
        (&b"{\n\n\"a\": \"\xff\"}"[..], "line 3: it is not UTF-8"),
        (b"\xff\xfe{\0\n\0\x00\xd8", "line 2: it begins as UTF-16"),
    ] {
        std::fs::write(folder.path().join("event.json"), bytes).unwrap();
        let said = run(bed.doorward(folder.path()).args(["event", "event.json"]));
        assert!(said.code == Some(2) && said.err.contains(line), "{}", said.err);
    }
    // A webhook's address from an editor on Windows.
    for form in FORMS {
        std::fs::write(folder.path().join("hook"), encoded("http://127.0.0.1:9/hook\r\n", form)).unwrap();
        let settings = "[notify]\nunowned = [\"chat\"]\nfallback = [\"chat\"]\n[notify.channels]\nchat = { kind = \"slack\", url_file = \"hook\" }\n";
        std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
        let said =
            run(bed.doorward(folder.path()).args(["notify", "--dry-run", "--from", "x.saved", "--ledger", "l.sqlite"]));
        assert!(!said.err.contains("no URL") && !said.err.contains("cannot be read"), "{form}: {}", said.err);
    }
}
