//! How AWS is called: whose credentials sign, which hosts are asked through a proxy, and what a failure says.

use std::path::Path;
use std::process::Command;

use crate::bed::{Said, doorward, run};
use crate::recorder::Recorder;

const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile plain]\nregion = eu-west-1\naws_access_key_id = PLAIN\n\
    aws_secret_access_key = s\n[profile \"My Team Audit\"]\nregion = eu-west-1\naws_access_key_id = TEAM\n\
    aws_secret_access_key = s\n[profile console]\nregion = eu-west-1\nlogin_session = arn:aws:iam::111122223333:user/me\n\
    [sectionless]\nregion = eu-west-1\n";

/// A scan in this environment; its home has the configuration above.
fn scan(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
    run(command(folder, variables).args(["scan", "--no-ledger", "-q"]).args(arguments))
}

fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    std::fs::create_dir_all(folder.join(".aws")).unwrap();
    std::fs::write(folder.join(".aws/config"), CONFIG).unwrap();
    let mut command = doorward(folder);
    command.env_clear().env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
    command
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ENVKEY"), ("AWS_SECRET_ACCESS_KEY", "s")];

#[test]
fn the_profile_that_is_named_signs() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, profile, signer) in [
        (&["--profile", "plain"][..], "", "PLAIN"),
        (&["--profile", "My Team Audit"], "", "TEAM"),
        (&[], "My Team Audit", "ENVKEY"),
        (&[], " ", "ENVKEY"),
        (&["--profile", "plain"], "My Team Audit", "PLAIN"),
    ] {
        let aws = Recorder::start(403, "AccessDenied", "enough");
        let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL", &aws.url), ("AWS_PROFILE", profile)]].concat();
        let said = scan(folder.path(), &variables, arguments);
        assert_eq!(said.code, Some(6), "{}", said.err);
        assert_eq!(aws.signers(), [signer], "{arguments:?} {profile:?}: {}", said.err);
    }
    // Without keys in the environment, the variable's profile signs, blanks in its name included.
    let aws = Recorder::start(403, "AccessDenied", "enough");
    scan(folder.path(), &[("AWS_PROFILE", "My Team Audit"), ("AWS_ENDPOINT_URL", &aws.url)], &[]);
    assert_eq!(aws.signers(), ["TEAM"]);
}

type Variables<'a> = &'a [(&'a str, &'a str)];

#[test]
fn what_cannot_be_used_is_named_before_any_call() {
    let folder = tempfile::tempdir().unwrap();
    let aws = Recorder::start(403, "AccessDenied", "enough");
    let missing = folder.path().join("no-such.pem");
    let missing = missing.to_str().unwrap();
    let cases: &[(Variables<'_>, &[&str], &[&str])] = &[
        (&[], &["--profile", "typo"], &["`typo`", ".aws/config"]),
        (&[("AWS_PROFILE", "typo")], &[], &["`typo`", "AWS_PROFILE", ".aws/config"]),
        (&[("AWS_REGION", "eu-west-1a")], &[], &["AWS_REGION", "\"eu-west-1a\""]),
        (&[("AWS_ENDPOINT_URL_STS", "127.0.0.1:5555")], &[], &["AWS_ENDPOINT_URL_STS", "127.0.0.1:5555", "http://"]),
        (&[("AWS_USE_FIPS_ENDPOINT", "maybe")], &[], &["AWS_USE_FIPS_ENDPOINT", "maybe"]),
        (&[("AWS_CA_BUNDLE", missing)], &[], &["AWS_CA_BUNDLE", "no-such.pem"]),
        (&[("AWS_CA_BUNDLE", "/dev/null")], &[], &["AWS_CA_BUNDLE", "contains no certificate"]),
        (&[("HTTPS_PROXY", "socks5://p:1")], &[], &["HTTPS_PROXY", "SOCKS"]),
        (&[("AWS_ACCESS_KEY_ID", "A\nB")], &[], &["AWS_ACCESS_KEY_ID"]),
        (&[("AWS_SECRET_ACCESS_KEY", " ")], &[], &["AWS_SECRET_ACCESS_KEY"]),
        (&[("AWS_ACCESS_KEY_ID", "\"A\"")], &[], &["AWS_ACCESS_KEY_ID", "quote"]),
        (&[("AWS_CONFIG_FILE", "/")], &[], &["no Region to start from", "; / cannot be read"]),
        (
            &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SHARED_CREDENTIALS_FILE", "/")],
            &[],
            &["no source of credentials", "; / cannot be read"],
        ),
        (
            &[],
            &["--profile", "sectionless"],
            &["config:14 has that name, but in this file write [profile sectionless]"],
        ),
        (&[], &["--profile", "console"], &["aws login", "credential_process = aws configure export-credentials"]),
    ];
    for (variables, arguments, fragments) in cases {
        let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL", &aws.url)], variables].concat();
        let said = scan(folder.path(), &variables, arguments);
        assert_eq!(said.code, Some(6), "{variables:?} {arguments:?}: {}", said.err);
        for fragment in *fragments {
            assert!(said.err.contains(fragment), "lacks {fragment:?}: {}", said.err);
        }
    }
    let token =
        [("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"), ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/r")];
    let said = scan(folder.path(), &[&token[..], &[("AWS_ENDPOINT_URL", &aws.url)]].concat(), &[]);
    assert!(said.code == Some(6) && said.err.contains("/nowhere/token"), "{}", said.err);
    assert_eq!(aws.lines(), [""; 0], "nothing was called");
}

#[test]
fn empty_variables_are_unset_and_padded_ones_are_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    for extra in [
        &[("AWS_ENDPOINT_URL_STS", "")][..],
        &[("AWS_ENDPOINT_URL_ORGANIZATIONS", " \n"), ("AWS_CA_BUNDLE", ""), ("HTTPS_PROXY", ""), ("NO_PROXY", "")],
        &[("AWS_ACCESS_KEY_ID", "ENVKEY\r\n"), ("AWS_SECRET_ACCESS_KEY", " s\n"), ("AWS_SESSION_TOKEN", "\n")],
        &[("AWS_REGION", " "), ("AWS_DEFAULT_REGION", "eu-west-1\n")],
        &[("AWS_REGION", "eu-west-1\n"), ("AWS_PROFILE", ""), ("SSL_CERT_FILE", "")],
    ] {
        let aws = Recorder::start(403, "AccessDenied", "enough");
        let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL", &aws.url)], extra].concat();
        let said = scan(folder.path(), &variables, &[]);
        assert_eq!((said.code, aws.signers()), (Some(6), vec!["ENVKEY".to_owned()]), "{extra:?}: {}", said.err);
    }
}

#[test]
fn refused_credentials_have_their_true_cause() {
    let folder = tempfile::tempdir().unwrap();
    for (code, message, fragments, never) in [
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match.",
            &["credentials-refused", "secret key does not belong", "ends in VKEY (AWS_ACCESS_KEY_ID)"][..],
            "clock-skew",
        ),
        (
            "SignatureDoesNotMatch",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
            &["clock-skew", "Signature expired"],
            "secret key",
        ),
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            &["another partition"],
            "expired",
        ),
    ] {
        let aws = Recorder::start(403, code, message);
        let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL", &aws.url), ("DOORWARD_CALLS__TRIES", "2")]].concat();
        let said = scan(folder.path(), &variables, &[]);
        assert_eq!(said.code, Some(6), "{}", said.err);
        for fragment in fragments.iter().chain([&message.trim_end_matches('.')]) {
            assert_eq!(said.err.matches(fragment).count(), 1, "{fragment:?} once: {}", said.err);
        }
        assert!(!said.err.contains(never), "{}", said.err);
    }
}

#[test]
fn the_doctor_begins_with_the_way_in_even_where_it_ends_there() {
    let folder = tempfile::tempdir().unwrap();
    let aws = Recorder::start(403, "InvalidClientTokenId", "no");
    let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL_STS", &aws.url), ("AWS_REGION", "eu-west-1")]].concat();
    let said = run(command(folder.path(), &variables).args(["doctor", "--no-ledger", "--profile", "plain"]));
    assert_eq!(said.code, Some(6), "{}", said.err);
    for fragment in [
        "profile       plain  [`access.profile`, command line]",
        "ends in LAIN; AWS_ACCESS_KEY_ID is set and not used, because a profile is named",
        ".aws/config:5]",
        "region        eu-west-1  [AWS_REGION]",
        "trust store",
        &format!("STS: {}, directly  [AWS_ENDPOINT_URL_STS]", aws.url),
        "Organizations: https://organizations.us-east-1.amazonaws.com, directly  [default]",
        "clock         0 s ahead of AWS's clock; AWS refuses requests from 300 s on  [AWS's answer]",
    ] {
        assert!(said.out.contains(fragment), "lacks {fragment:?}: {}", said.out);
    }
    assert!(!said.out.contains("PLAIN") && said.err.contains("another partition"), "{} {}", said.out, said.err);
    let said = run(command(folder.path(), &variables).args(["doctor", "--no-ledger", "--format", "json"]));
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["way_in"][0]["topic"], "profile");
    assert_eq!(document["exit"]["code"], 6);
    // Where the profile and the Region are set: the file and line, or the variable.
    std::fs::write(
        folder.path().join("doorward.toml"),
        "# mine\n[access]\nprofile = \"plain\"\nhome_region = \"eu-west-2\"\n",
    )
    .unwrap();
    let of_variable = [&variables[..], &[("DOORWARD_ACCESS__PROFILE", "My Team Audit")]].concat();
    for (variables, fragments) in [
        (
            &variables,
            [
                "plain  [`access.profile`, ",
                "doorward.toml:3]",
                "eu-west-2  [`access.home_region`, ",
                "doorward.toml:4]",
            ],
        ),
        (
            &of_variable,
            [
                "Audit  [`access.profile`, DOORWARD_ACCESS__PROFILE]",
                "ends in TEAM",
                ".aws/config:9]",
                "doorward.toml:4]",
            ],
        ),
    ] {
        let said = run(command(folder.path(), variables).args(["doctor", "--no-ledger"]));
        for fragment in fragments {
            assert!(said.out.contains(fragment), "lacks {fragment:?}: {}", said.out);
        }
    }
    let said = run(command(folder.path(), &[]).args(["doctor", "--no-ledger", "--profile", "typo"]));
    assert!(said.out.contains("clock         unknown, because AWS did not respond"), "{}", said.out);
    assert!(said.err.contains("the profile `typo` (`access.profile`, command line) is not in"), "{}", said.err);
}
