//! Every command that calls AWS takes the same way in: the same credentials, proxies, certificates and errors. `plan` calls nothing.

use std::path::Path;
use std::process::Command;

use crate::bed::{Bed, Said, doorward, run, world};
use crate::recorder::{CERTIFICATES, Recorder};

const COMMANDS: [&[&str]; 8] = [
    &["scan", "--no-ledger"],
    &["doctor", "--no-ledger"],
    &["publish", "--from", "a.saved", "--ledger", "l.sqlite"],
    &["notify", "--from", "a.saved", "--ledger", "l.sqlite"],
    &["traffic", "--from", "a.saved", "--ledger", "l.sqlite"],
    &["advise", "--from", "a.saved", "--ledger", "l.sqlite"],
    &["report", "--from", "a.saved", "--compare-securityhub"],
    &["apply", "change-plan.json", "--dry-run", "--ledger", "l.sqlite"],
];

/// A folder with a scan, its ledger, a plan, and a channel that calls AWS.
fn prepared() -> tempfile::TempDir {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let settings = "[notify]\nfallback = [\"topic\"]\n[notify.channels]\n\
        topic = { kind = \"sns\", topic = \"arn:aws:sns:eu-west-1:100000000002:owners\" }\n";
    std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
    let said = run(bed.doorward(folder.path()).args(["-q", "scan", "--save", "a.saved", "--ledger", "l.sqlite"]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    folder
}

fn environment(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    std::fs::create_dir_all(folder.join(".aws")).unwrap();
    let config = "[profile plain]\nregion = eu-west-1\naws_access_key_id = PLAIN\naws_secret_access_key = s\n";
    std::fs::write(folder.join(".aws/config"), config).unwrap();
    let mut command = doorward(folder);
    command.args(["-q"]).args(arguments).envs(variables.iter().copied());
    command
}

/// The sentence of the failure, without what names the command.
fn cause(said: &Said) -> String {
    let line = said
        .err
        .lines()
        .find(|line| !line.starts_with("warning:") && !line.starts_with("exit code"))
        .unwrap_or_default();
    line.to_owned()
}

#[test]
fn the_way_in_is_the_same_for_every_command() {
    let folder = prepared();
    let folder = folder.path();
    let plan = || run(&mut environment(folder, &["plan", "--from", "a.saved", "--ledger", "l.sqlite"], &[]));
    let planned = plan();
    assert!(matches!(planned.code, Some(0 | 4)), "{}", planned.err);
    let keys = [("AWS_ACCESS_KEY_ID", "ENVKEY"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "eu-west-1")];
    let bundle = format!("{CERTIFICATES}/authority.pem");
    // What is wrong before any call: one sentence.
    for (variables, fragment) in [
        (&[("AWS_PROFILE", "typo")][..], "the profile `typo` (AWS_PROFILE) is not in"),
        (&[("DOORWARD_ACCESS__PROFILE", "typo")], "`typo` (`access.profile`, DOORWARD_ACCESS__PROFILE)"),
        (&[("AWS_REGION", "eu-west-1a")], "AWS_REGION is \"eu-west-1a\""),
        (&[("AWS_ENDPOINT_URL", "localhost:1")], "AWS_ENDPOINT_URL is \"localhost:1\""),
        (&[("AWS_CA_BUNDLE", "/nowhere.pem")], "AWS_CA_BUNDLE: the certificate bundle /nowhere.pem cannot be read"),
        (&[("HTTPS_PROXY", "socks5://p:1")], "HTTPS_PROXY names a SOCKS proxy, socks5://p:1"),
        (&[("AWS_SECRET_ACCESS_KEY", "")], "AWS_ACCESS_KEY_ID: is set, but AWS_SECRET_ACCESS_KEY is not"),
    ] {
        let variables = [&keys[..], variables].concat();
        let said: Vec<Said> =
            COMMANDS.iter().map(|command| run(&mut environment(folder, command, &variables))).collect();
        for (command, said) in COMMANDS.iter().zip(&said) {
            assert_eq!(said.code, Some(6), "{command:?} {variables:?}: {}", said.err);
            assert!(said.err.contains(fragment), "{command:?} lacks {fragment:?}: {}", said.err);
        }
        let mut causes: Vec<String> = said.iter().map(cause).collect();
        causes.dedup();
        assert_eq!(causes.len(), 1, "{causes:#?}");
    }
    // Through a proxy that ends TLS, with the certificate of its authority and without.
    for (trusted, fragment) in
        [("", "is not trusted: its issuer \"CN=Example Inspection CA"), (bundle.as_str(), "enough")]
    {
        let mut causes = Vec::new();
        for command in COMMANDS {
            let (proxy, local) = (Recorder::presenting("server"), Recorder::start(500, "", ""));
            let container = format!("{}/container", local.url);
            let said = run(&mut environment(
                folder,
                command,
                &[
                    ("HTTPS_PROXY", &proxy.url),
                    ("HTTP_PROXY", &proxy.url),
                    ("AWS_REGION", "eu-west-1"),
                    ("AWS_CA_BUNDLE", trusted),
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container),
                ],
            ));
            assert_eq!(said.code, Some(6), "{command:?}: {}", said.err);
            assert!(said.err.contains(fragment), "{command:?}: {}", said.err);
            let tunnels = proxy.tunnels();
            assert!(tunnels.iter().all(|place| place == "sts.eu-west-1.amazonaws.com:443"), "{command:?} {tunnels:?}");
            assert_eq!(local.lines(), ["GET /container HTTP/1.1"], "{command:?}");
            let signers: &[&str] = if trusted.is_empty() { &[] } else { &["CONTAINER"] };
            assert_eq!(proxy.signers(), signers, "{command:?}");
            causes.push(cause(&said).replace(&proxy.url, "PROXY").replace(&local.url, "LOCAL"));
        }
        causes.dedup();
        assert_eq!(causes.len(), 1, "{causes:#?}");
    }
    // A plan is made of what was scanned: no variable of AWS matters to it.
    let elsewhere = [("AWS_PROFILE", "typo"), ("AWS_CA_BUNDLE", "/nowhere.pem"), ("HTTPS_PROXY", "socks5://p:1")];
    let again = run(&mut environment(folder, &["plan", "--from", "a.saved", "--ledger", "l.sqlite"], &elsewhere));
    assert_eq!((again.code, again.err), (planned.code, planned.err));
}
