//! Environment variables: empty means unset, blanks and line ends around a value do not count, other programs' variables are ignored,
//! and a settings file of another user is not used.

use crate::bed::{Bed, doorward, run, world};

/// The origin that `doorward config show --origin` prints for a setting.
fn shown(folder: &std::path::Path, variables: &[(&str, &str)], setting: &str) -> String {
    let said = run(doorward(folder).args(["config", "show", "--origin"]).envs(variables.iter().copied()));
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{variables:?}");
    let line = said.out.lines().find(|line| line.starts_with(&format!("{setting} = ")));
    line.unwrap_or_default().to_owned()
}

#[test]
fn an_empty_or_blank_setting_is_unset() {
    let folder = tempfile::tempdir().unwrap();
    let all = run(doorward(folder.path()).args(["config", "show", "--origin"]));
    let keys: Vec<String> = all.out.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect();
    assert!(keys.len() > 90, "{}", all.out);
    let optional = ["access.external_id", "access.profile", "access.home_region", "ledger.path", "access.overrides"];
    for value in ["", " ", "\n", " \t\r\n"] {
        let mut command = doorward(folder.path());
        command.args(["config", "show", "--origin"]).env("DOORWARD_CONFIG", value).env("DOORWARD_LOG", value);
        for key in keys.iter().map(String::as_str).chain(optional) {
            command.env(format!("DOORWARD_{}", key.replace('.', "__").to_ascii_uppercase()), value);
        }
        let said = run(&mut command);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{value:?}");
        assert_eq!(said.out, all.out, "{value:?}");
    }
}

#[test]
fn blanks_and_line_ends_around_a_value_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, value, line) in [
        ("DOORWARD_ACCESS__ROLE_NAME", "auditor\n", "access.role_name = \"auditor\""),
        ("DOORWARD_REGIONS__INCLUDE", " eu-west-1, us-east-1\r\n", "regions.include = [\"eu-west-1\", \"us-east-1\"]"),
        ("DOORWARD_CALLS__TRIES", "\t3\n", "calls.tries = 3"),
        ("DOORWARD_LEDGER__ENABLED", " false ", "ledger.enabled = false"),
        ("DOORWARD_SCAN__DEADLINE", "2h\n", "scan.deadline = \"2h\""),
        ("DOORWARD_LEDGER__PATH", "/var/x.sqlite\n", "ledger.path = \"/var/x.sqlite\""),
    ] {
        let setting = line.split_once(" = ").unwrap().0;
        let found = shown(folder.path(), &[(variable, value)], setting);
        assert!(found.starts_with(line) && found.ends_with(&format!("# {variable}")), "{found}");
    }
    let path = folder.path().join("named.toml");
    std::fs::write(&path, "[calls]\ntries = 5\n").unwrap();
    let value = format!(" {}\n", path.display());
    assert!(shown(folder.path(), &[("DOORWARD_CONFIG", &value)], "calls.tries").contains("= 5"));
}

#[test]
fn variables_of_other_programs_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("DOORWARD_PORT", "tcp://10.0.0.1:80"),
        ("DOORWARD_SERVICE_HOST", "10.0.0.1"),
        ("DOORWARD_SERVICE_PORT", "80"),
        ("DOORWARD_SERVICE_PORT_HTTP", "80"),
        ("DOORWARD_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("DOORWARD_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("DOORWARD_METRICS_PORT_9090_TCP_PROTO", "tcp"),
    ] {
        assert!(shown(folder.path(), &[(name, value)], "calls.tries").contains("= 12"), "{name}");
    }
    // Other names are named once, and change nothing.
    let said = run(doorward(folder.path()).args(["config", "show"]).env("DOORWARD_VERSION", "1.2"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.starts_with("warning: DOORWARD_VERSION is not a setting and is ignored"), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    let said = run(doorward(folder.path()).args(["-q", "config", "show"]).env("DOORWARD_VERSION", "1.2"));
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

#[test]
fn folders_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, tries: u32| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("[calls]\ntries = {tries}\n")).unwrap();
    };
    write("home/.config/doorward/doorward.toml", 3);
    write("xdg/doorward/doorward.toml", 4);
    // Taken if an empty variable were a path relative to the working folder.
    write("work/doorward/doorward.toml", 5);
    write("work/.config/doorward/doorward.toml", 6);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let work = folder.path().join("work");
    for (home, xdg, tries) in [
        (at("home"), Some(String::new()), 3),
        (at("home"), Some(" \n".to_owned()), 3),
        (at("home"), Some("../xdg".to_owned()), 3),
        (at("home"), None, 3),
        (at("home"), Some(at("xdg")), 4),
        (at("home"), Some(at("xdg") + "\n"), 4),
        (String::new(), Some(at("xdg")), 4),
        (String::new(), None, 12),
        (".".to_owned(), Some(String::new()), 12),
    ] {
        let mut command = doorward(&work);
        command.args(["-q", "config", "show"]).env("HOME", &home);
        xdg.iter().for_each(|xdg| {
            command.env("XDG_CONFIG_HOME", xdg);
        });
        let said = run(&mut command);
        assert!(said.out.contains(&format!("calls.tries = {tries}\n")), "{home:?} {xdg:?}: {}{}", said.out, said.err);
    }
    let keys = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")];
    for home in ["", ".", " "] {
        let said = run(doorward(&work).arg("history").env("HOME", home).envs(keys));
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains("HOME is not set to an absolute path"), "{}", said.err);
    }
    assert!(!work.join(".local").exists());
}

#[cfg(unix)]
#[test]
fn a_settings_file_that_others_can_write_to_is_not_used() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let file = folder.path().join("doorward.toml");
    std::fs::write(&file, "[calls]\ntries = 3\n").unwrap();
    let set = |mode: u32| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let show = |arguments: &[&str]| run(doorward(&below).args(["-q", "config", "show"]).args(arguments));
    set(0o644);
    assert!(show(&[]).out.contains("calls.tries = 3\n"));
    let refused = |what: &str| {
        let said = show(&[]);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.err);
        for part in [what, "doorward.toml", "--config ", "DOORWARD_CONFIG="] {
            assert!(said.err.contains(part), "lacks {part:?}: {}", said.err);
        }
        // Naming it allows it.
        assert!(show(&["--config", "../doorward.toml"]).out.contains("calls.tries = 3\n"));
        let named = run(doorward(&below).args(["-q", "config", "show"]).env("DOORWARD_CONFIG", &file));
        assert!(named.out.contains("calls.tries = 3\n"), "{}", named.err);
        // A command that needs no settings does not refuse.
        assert_eq!(run(doorward(&below).args(["explain", "exit-codes"])).code, Some(0));
    };
    set(0o666);
    refused("every user can write to");
    set(0o644);
    if file.metadata().unwrap().uid() == 0 {
        chown(&file, Some(65_534), None).unwrap();
        refused("belongs to user 65534");
    }
}

#[test]
fn a_panic_is_exit_code_1_and_names_the_outputs_that_are_missing() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let said = run(bed
        .doorward(folder.path())
        .args(["scan", "--format", "table", "--format", "json-v1=a.json", "--format", "csv=b.csv", "--save", "c.saved"])
        .env("DOORWARD_TEST_PANIC", "json-v1=a.json"));
    assert_eq!(said.code, Some(1), "{}", said.err);
    for part in
        ["error: internal error at ", "please report it", "not written: json-v1=a.json;", "not written: csv=b.csv;"]
    {
        assert!(said.err.contains(part), "lacks {part:?}: {}", said.err);
    }
    assert!(!said.err.contains("not written: table") && !said.err.contains("not written: --save"), "{}", said.err);
    assert!(!said.err.contains("thread '"), "{}", said.err);
    assert!(folder.path().join("c.saved").exists() && !folder.path().join("a.json").exists());
}
