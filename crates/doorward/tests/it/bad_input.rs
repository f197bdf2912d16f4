//! Bad input: one clear sentence that names the key, the call or the file, and the right exit code.

use crate::bed::{Bed, doorward, run, world};

/// Runs with a settings file; the sentence must contain every fragment.
fn check(settings: &str, arguments: &[&str], variables: &[(&str, &str)], code: i32, fragments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    if !settings.is_empty() {
        std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
    }
    let said = run(doorward(folder.path()).args(arguments).envs(variables.iter().copied()));
    let what = format!("{settings:?} {arguments:?} {variables:?}: {}", said.err);
    assert_eq!(said.code, Some(code), "{what}");
    for fragment in fragments {
        assert!(said.err.contains(fragment), "lacks {fragment:?}: {what}");
    }
    assert!(!said.err.contains("panicked") && !said.err.contains("RUST_BACKTRACE"), "{what}");
    assert!(said.out.is_empty(), "{what}");
    let sentences = said.err.lines().filter(|line| line.starts_with("error: ")).count();
    assert!(sentences == 1 && !said.err.contains("doorward: "), "one sentence, with the one prefix: {what}");
}

#[test]
fn settings() {
    let scan = &["scan"][..];
    for (file, fragments) in [
        ("[access]\n\nrole_nam = \"x\"\n", &["doorward.toml:3:", "access.role_nam", "did you mean role_name?"][..]),
        ("[acess]\nrole_name = \"x\"\n", &["doorward.toml:1:", "acess", "did you mean access?"]),
        ("[access]\nrole_name = \"arn:aws:iam::1:role/x\"\n", &["doorward.toml:2:", "role name"]),
        ("[access]\nrole_name = 7\n", &["doorward.toml:2:", "access.role_name"]),
        ("[scope]\ninclude_accounts = [\"1234\"]\n", &["doorward.toml:2:", "1234", "12 digits"]),
        ("[scope]\ninclude_accounts = [12345678901]\n", &["doorward.toml:2:", "include_accounts"]),
        ("[regions]\ninclude = [\"Ireland\"]\n", &["doorward.toml:2:", "Ireland", "Region"]),
        ("[calls]\nread_timeout = 15\n", &["doorward.toml:2:", "calls.read_timeout"]),
        ("[calls]\nread_timeout = \"soon\"\n", &["doorward.toml:2:", "soon", "20s"]),
        ("[calls]\nconcurrency = 0\n", &["doorward.toml:2:", "calls.concurrency"]),
        ("[policy]\nrequired_mode = \"strict\"\n", &["doorward.toml:2:", "strict", "strictest"]),
        (
            "[policy]\ndisabled = [\"desync-mode-belov-required\"]\n",
            &["doorward.toml:2:", "did you mean desync-mode-below-required?"],
        ),
        (
            "[[policy.rules]]\nname = \"x\"\nrequired_mode = \"strictest\"\ntag = { a = \"b\" }\n",
            &["doorward.toml:4:", "tag", "did you mean tags?"],
        ),
        ("[calls]\nshare_of_limits = 1e-300\n", &["doorward.toml:2:", "calls.share_of_limits"]),
        ("[scope]\nexclude_ous = [\"Sandbox\"]\n", &["doorward.toml:2:", "Sandbox", "/Workloads/Prod"]),
        (
            "[[policy.rules]]\nname = \"x\"\nrequired_mode = \"strictest\"\nous = [\"Security\"]\n",
            &["doorward.toml:4:", "Security"],
        ),
        ("[scope]\nsingle_account = true\nexclude_ous = [\"/Sandbox\"]\n", &["doorward.toml:3:", "single_account"]),
        ("[report]\nminimum_coverage = 101\n", &["doorward.toml:2:", "report.minimum_coverage"]),
        ("[access\n", &["doorward.toml:1:", "not TOML"]),
    ] {
        check(file, scan, &[], 2, fragments);
    }
}

#[test]
fn environment_and_flags() {
    check(
        "",
        &["scan"],
        &[("DOORWARD_ACCESS__ROLE_NAM", "x")],
        2,
        &["DOORWARD_ACCESS__ROLE_NAM", "did you mean role_name?"],
    );
    // A setting that lacks an underscore is refused; another name may belong to another program, and is named.
    check(
        "",
        &["scan"],
        &[("DOORWARD_ACCESS_ROLE_NAME", "x")],
        2,
        &["DOORWARD_ACCESS_ROLE_NAME", "did you mean DOORWARD_ACCESS__ROLE_NAME?"],
    );
    check(
        "",
        &["scan"],
        &[("DOORWARD_ROLE", "x")],
        6,
        &["DOORWARD_ROLE is not a setting", "DOORWARD_ACCESS__ROLE_NAME"],
    );
    check(
        "",
        &["scan"],
        &[("DOORWARD_CONFIG", "nowhere.toml")],
        2,
        &["DOORWARD_CONFIG: nowhere.toml", "cannot be read"],
    );
    check(
        "",
        &["scan"],
        &[("DOORWARD_ACCESS__ROLE_NAME__X", "y")],
        2,
        &["DOORWARD_ACCESS__ROLE_NAME__X: access.role_name"],
    );
    check("", &["scan"], &[("DOORWARD___", "y")], 2, &["DOORWARD___ names no setting"]);
    check(
        "",
        &["scan"],
        &[("DOORWARD_SCOPE__INCLUDE_ACCOUNTS", "[\"12\"]")],
        2,
        &["DOORWARD_SCOPE__INCLUDE_ACCOUNTS", "12 digits"],
    );
    check("", &["scan", "--account", "42"], &[], 2, &["command line", "42", "12 digits"]);
    check("", &["scan", "--role-name", "a b"], &[], 2, &["command line", "a b", "role name"]);
    check("", &["scan", "--fail-on", "severe"], &[], 2, &["severe", "critical"]);
    check("", &["scan", "--format", "xml"], &[], 2, &["xml", "json-v1"]);
    check("", &["scan", "--format", "table", "--format", "json-v1"], &[], 2, &["stdout", "json-v1=scan.json"]);
    check("", &["scan", "--config", "nowhere.toml"], &[], 2, &["nowhere.toml", "cannot be read"]);
    check(
        "",
        &["scan", "--format", "json-v1=no/such/folder/x.json"],
        &[],
        6,
        &["no/such/folder/x.json", "cannot be written"],
    );
    // What cannot be written at all is exit code 6, whichever command writes it.
    for command in [
        &["man", "--out"][..],
        &["setup", "iam", "--out"],
        &["config", "init", "--out"],
        &["plugin", "new", "tickets", "--out"],
        &["demo", "--out"],
    ] {
        // A file is in the place of the folder above.
        check(
            "# no setting\n",
            &[command, &["doorward.toml/x"]].concat(),
            &[],
            6,
            &["doorward.toml/x", "cannot be written"],
        );
    }
    // `-` is stdout, which takes neither folders nor what is written beside the answer.
    for command in [
        &["man", "--out"][..],
        &["setup", "iam", "--out"],
        &["plugin", "new", "tickets", "--out"],
        &["demo", "--out"],
        &["plan", "--out"],
        &["scan", "--save"],
        &["traffic", "--logs", ".", "--save"],
        &["traffic", "--state"],
    ] {
        check("# no setting\n", &[command, &["-"]].concat(), &[], 2, &["does not go to stdout", "./-"]);
    }
    check("", &["guide", "trafic"], &[], 2, &["trafic", "did you mean traffic?"]);
    check("", &["history", "--since", "last week"], &[], 2, &["--since", "\"last week\" is neither a day"]);
    check("", &["history", "--since", "4w"], &[], 2, &["ledger"]);
    check("", &["exceptions", "list", "--rule", "owner-mising"], &[], 2, &["--rule", "did you mean owner-missing?"]);
    check("", &["nonsense"], &[], 2, &["error: unrecognized subcommand 'nonsense'"]);
    check("", &["report", "--from", "nothing.saved"], &[], 2, &["nothing.saved", "cannot be read"]);
    check("", &["explain", "desync"], &[], 2, &["desync", "doorward explain"]);
    check("", &["explain", "desync-mode-below-requird"], &[], 2, &["(did you mean desync-mode-below-required,"]);
    check("", &["explain", "exit-code"], &[], 2, &["did you mean exit-codes?"]);
    check("", &["demo", "nowhere"], &[], 2, &["nowhere/org.toml", "cannot be read"]);
}

#[test]
fn no_way_in() {
    check("", &["scan"], &[], 6, &["no Region", "AWS_REGION"]);
    check("", &["scan"], &[("AWS_REGION", "eu-west-1")], 6, &["no AWS credentials", "AWS_PROFILE"]);
    check("", &["scan"], &[("AWS_REGION", "eu-west-1"), ("AWS_PROFILE", "nobody")], 6, &["nobody"]);
    // Nobody listens there.
    let keys = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "nosecret"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("DOORWARD_CALLS__CALL_DEADLINE", "1s"),
    ];
    check("", &["scan"], &keys, 6, &["sts:GetCallerIdentity", "unreachable", "eu-west-1"]);
}

#[test]
fn not_a_saved_scan() {
    let folder = tempfile::tempdir().unwrap();
    for (text, fragment) in
        [("{}", "cannot read it as a saved scan"), ("[1, 2", "as a saved scan"), ("", "as a saved scan")]
    {
        std::fs::write(folder.path().join("x.saved"), text).unwrap();
        let said = run(doorward(folder.path()).args(["report", "--from", "x.saved"]));
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains("x.saved") && said.err.contains(fragment), "{}", said.err);
    }
}

#[test]
fn refused_credentials_and_no_organization() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let said = run(bed.doorward(folder.path()).arg("scan").env("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000"));
    assert_eq!(said.code, Some(6), "{}", said.err);
    assert!(said.err.contains("sts:GetCallerIdentity") && said.err.contains("InvalidClientTokenId"), "{}", said.err);

    let denied = doorward_fakeaws::Fault::new(doorward_fakeaws::What::AccessDenied).service("organizations");
    let bed = Bed::start(&world("gaps-org"), vec![denied]);
    let said = run(bed.doorward(folder.path()).arg("scan"));
    assert_eq!(said.code, Some(6), "{}", said.err);
    assert!(
        said.err.contains("organizations:DescribeOrganization") && said.err.contains("--single-account"),
        "{}",
        said.err
    );

    // The same credentials can still scan their own account.
    let said = run(bed.doorward(folder.path()).args(["scan", "--single-account", "--fail-on", "never"]));
    assert_eq!(said.code, Some(0), "{}\n{}", said.out, said.err);
}
