//! Certificates of servers, over real TLS: which are trusted and by which setting, and what a refusal says. A refused certificate ends the
//! call at once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::bed::{Bed, Said, doorward, run, world};
use crate::recorder::{CERTIFICATES, Recorder};

const ISSUER: &str = "CN=Example Inspection CA";
/// Variables of the environment.
type Variables<'a> = &'a [(&'a str, &'a str)];
/// Repeated tries of the default settings take more than this.
const AT_ONCE: Duration = Duration::from_secs(20);

fn authority() -> String {
    format!("{CERTIFICATES}/authority.pem")
}

fn scan(folder: &Path, variables: &[(&str, &str)]) -> Said {
    let mut command = doorward(folder);
    command.env("AWS_ACCESS_KEY_ID", "ENVKEY").env("AWS_SECRET_ACCESS_KEY", "s").env("AWS_REGION", "eu-west-1");
    run(command.envs(variables.iter().copied()).args(["scan", "--no-ledger", "-q"]))
}

#[test]
fn a_certificate_that_is_refused_ends_the_call_and_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority();
    let itself = format!("{CERTIFICATES}/self-signed.pem");
    let ways = ["AWS_CA_BUNDLE", "ca_bundle", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    for (certificate, trusted, fragments) in [
        (
            "server",
            "",
            &[
                "is not trusted: its issuer \"CN=Example Inspection CA, O=Example Corp\"",
                "certificates of this machine",
            ][..],
        ),
        ("self-signed", "", &["is a certificate of an authority", "CN=Self-signed Example", "CA:TRUE"]),
        ("self-signed", &itself, &["is a certificate of an authority", "CA:TRUE"]),
        ("other-host", &authority, &["other.example.com", ISSUER]),
        ("expired", &authority, &[ISSUER, "this machine's clock", "expired"]),
        ("future", &authority, &[ISSUER, "this machine's clock", "not valid yet"]),
        // Checked against another authority, which the bundle names alone.
        (
            "server",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authority.pem"),
            &["is not trusted: its issuer", ISSUER, "tests/authority.pem (AWS_CA_BUNDLE)"],
        ),
    ] {
        for through_proxy in [false, true] {
            let server = Recorder::presenting(certificate);
            let direct = format!("https://localhost:{}", server.port);
            let (host, way) = match through_proxy {
                false => ("localhost", ("AWS_ENDPOINT_URL", direct.as_str())),
                true => ("sts.eu-west-1.amazonaws.com", ("HTTPS_PROXY", server.url.as_str())),
            };
            let begun = Instant::now();
            let said = scan(folder.path(), &[way, ("AWS_CA_BUNDLE", trusted)]);
            let case = format!("{certificate} {trusted} {host}: {}", said.err);
            assert!(said.code == Some(6) && begun.elapsed() < AT_ONCE, "{:?} {case}", begun.elapsed());
            assert!(said.err.contains(&format!("the certificate of {host}")), "{case}");
            assert_eq!(said.err.contains("through the proxy http://127.0.0.1:"), through_proxy, "{case}");
            let named = if fragments[0].starts_with("is not trusted") { &ways[..] } else { &[] };
            // The self-signed certificate is for localhost; of a wrong name nothing else is said.
            let expected: Vec<&&str> = fragments.iter().chain(named).collect();
            let is_self = certificate == "self-signed" && through_proxy;
            for fragment in expected.into_iter().filter(|_| !is_self) {
                assert!(said.err.contains(*fragment), "lacks {fragment:?}: {case}");
            }
            // One try, and one connection that reads the issuer; nothing was sent.
            assert_eq!((server.handshakes(), server.lines().len()), (2, 0), "{case}");
        }
    }
}

#[test]
fn every_setting_that_names_certificates_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = authority();
    std::fs::create_dir_all(folder.join(".aws")).unwrap();
    std::fs::copy(&authority, folder.join("mine.pem")).unwrap();
    // The name that OpenSSL gives the file of this authority in a folder.
    std::fs::create_dir(folder.join("folder")).unwrap();
    std::fs::copy(&authority, folder.join("folder/61bb40c0.0")).unwrap();
    std::fs::write(
        folder.join(".aws/config"),
        format!("[profile of-file]\nca_bundle = {authority}\n[profile of-home]\nca_bundle = ~/mine.pem # near\n"),
    )
    .unwrap();
    let padded = format!(" {authority}\n");
    let in_folder = folder.join("folder").display().to_string();
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authority.pem");
    for variables in [
        &[("AWS_CA_BUNDLE", authority.as_str())][..],
        &[("AWS_CA_BUNDLE", &padded)],
        &[("AWS_CA_BUNDLE", "~/mine.pem")],
        &[("AWS_PROFILE", "of-file")],
        &[("AWS_PROFILE", "of-home")],
        &[("SSL_CERT_FILE", &authority)],
        &[("SSL_CERT_DIR", &in_folder)],
        &[("AWS_CA_BUNDLE", &authority), ("SSL_CERT_FILE", other)],
        &[("AWS_CA_BUNDLE", &authority), ("AWS_PROFILE", "of-file"), ("SSL_CERT_DIR", "/nowhere")],
    ] {
        let proxy = Recorder::presenting("server");
        let said = scan(folder, &[variables, &[("HTTPS_PROXY", proxy.url.as_str())]].concat());
        assert_eq!((said.code, proxy.signers()), (Some(6), vec!["ENVKEY".to_owned()]), "{variables:?}: {}", said.err);
        assert_eq!(proxy.tunnels(), ["sts.eu-west-1.amazonaws.com:443"], "{variables:?}");
        assert!(said.err.contains("enough"), "{}", said.err);
    }
    // A proxy that is asked over TLS, and one with a user and a password.
    let proxy = Recorder::presenting("server");
    let url = format!("https://us%40er:p%23w@localhost:{}", proxy.port);
    let said = scan(folder, &[("AWS_CA_BUNDLE", &authority), ("HTTPS_PROXY", &url)]);
    assert_eq!((said.code, proxy.signers()), (Some(6), vec!["ENVKEY".to_owned()]), "{}", said.err);
    // us@er:p#w
    assert_eq!(proxy.logins(), ["Basic dXNAZXI6cCN3"]);
    let other = scan(folder, &[("HTTPS_PROXY", &url)]);
    assert!(other.err.contains("the certificate of") && !other.err.contains("p%23w"), "{}", other.err);
}

#[test]
fn a_bundle_that_cannot_be_used_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &[u8]| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).display().to_string()
    };
    let key = std::fs::read(format!("{CERTIFICATES}/server.key")).unwrap();
    let cut = std::fs::read(authority()).unwrap();
    std::fs::create_dir_all(folder.join(".aws")).unwrap();
    let server = Recorder::presenting("server");
    for (path, words) in [
        (folder.join("none.pem").display().to_string(), "cannot be read"),
        (folder.display().to_string(), "cannot be read"),
        (write("empty.pem", b""), "contains no certificate"),
        (write("text.pem", b"not a certificate\n"), "contains no certificate"),
        (write("key.pem", &key), "contains no certificate"),
        (write("der.pem", &[0x30, 0x82, 0x01, 0xff, 0xfe]), "contains no certificate"),
        (write("cut.pem", &cut[..cut.len() / 2]), "is not valid PEM"),
        (write("junk.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "can be parsed"),
    ] {
        std::fs::write(folder.join(".aws/config"), format!("[profile p]\nregion = eu-west-1\nca_bundle = {path}\n"))
            .unwrap();
        for (variables, origin) in
            [([("AWS_CA_BUNDLE", path.as_str())], "AWS_CA_BUNDLE"), ([("AWS_PROFILE", "p")], ".aws/config:3")]
        {
            let endpoint = format!("https://localhost:{}", server.port);
            let said = scan(folder, &[&variables[..], &[("AWS_ENDPOINT_URL", &endpoint)]].concat());
            for part in [origin, &path, words] {
                assert!(said.err.contains(part), "lacks {part:?}: {}", said.err);
            }
            assert_eq!(said.code, Some(6), "{}", said.err);
        }
    }
    assert_eq!(server.handshakes(), 0, "nothing was called");
}

/// A scan with its ledger, for deliveries.
fn scanned(folder: &Path) -> PathBuf {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let ledger = folder.join("first.sqlite");
    let said = run(bed.doorward(folder).args(["-q", "scan", "--save", "a.saved", "--ledger"]).arg(&ledger));
    assert_eq!(said.code, Some(3), "{}", said.err);
    ledger
}

#[test]
fn webhooks_use_the_same_certificates_and_proxies() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = scanned(folder);
    let settings =
        "[notify]\nfallback = [\"chat\"]\n[notify.channels]\nchat = { kind = \"slack\", url_env = \"HOOK\" }\n";
    std::fs::write(folder.join("doorward.toml"), settings).unwrap();
    let authority = authority();
    std::fs::create_dir_all(folder.join(".aws")).unwrap();
    std::fs::write(folder.join(".aws/config"), format!("[profile of-file]\nca_bundle = {authority}\n")).unwrap();
    let trusted = [("AWS_CA_BUNDLE", authority.as_str())];
    let profile = [("DOORWARD_ACCESS__PROFILE", "of-file")];
    let cases: [(&str, Variables<'_>, &[&str]); 9] = [
        ("server", &trusted, &[]),
        ("server", &profile, &[]),
        ("server", &[("AWS_PROFILE", "of-file")], &[]),
        ("server", &[("SSL_CERT_FILE", &authority)], &[]),
        ("server", &[], &["is not trusted: its issuer", ISSUER, "AWS_CA_BUNDLE", "ca_bundle", "SSL_CERT_FILE"]),
        ("other-host", &trusted, &["other.example.com"]),
        ("expired", &trusted, &["clock"]),
        ("server", &[("AWS_CA_BUNDLE", "/nowhere.pem")], &["AWS_CA_BUNDLE", "/nowhere.pem", "cannot be read"]),
        (
            "server",
            &[("HTTPS_PROXY", "socks5h://me:secret@relay:1080")],
            &["HTTPS_PROXY", "SOCKS", "socks5h://relay:1080"],
        ),
    ];
    for (number, (certificate, variables, fragments)) in cases.into_iter().enumerate() {
        for through_proxy in [false, true] {
            let ledger = folder.join(format!("{number}-{through_proxy}.sqlite"));
            std::fs::copy(&first, &ledger).unwrap();
            let server = Recorder::presenting(certificate);
            let hook = match through_proxy {
                false => format!("https://localhost:{}/services/T0/B0/x", server.port),
                true => "https://hooks.slack.com/services/T0/B0/x".to_owned(),
            };
            let mut command = doorward(folder);
            command.env("HOOK", &hook).args(["notify", "--from", "a.saved", "--ledger"]).arg(&ledger);
            if through_proxy {
                command.env("HTTPS_PROXY", &server.url);
            }
            let begun = Instant::now();
            let said = run(command.envs(variables.iter().copied()));
            let case = format!("{certificate} {variables:?} {through_proxy}: {} {}", said.out, said.err);
            if fragments.is_empty() {
                assert_eq!(said.code, Some(0), "{case}");
                assert!(server.lines().iter().all(|line| line == "POST /services/T0/B0/x HTTP/1.1"), "{case}");
                assert!(!server.lines().is_empty(), "{case}");
                let tunnels = server.tunnels();
                assert!(tunnels.iter().all(|place| place == "hooks.slack.com:443"), "{tunnels:?} {case}");
                assert_eq!(tunnels.is_empty(), !through_proxy, "{case}");
                continue;
            }
            assert!(
                matches!(said.code, Some(2 | 6 | 7)) && begun.elapsed() < AT_ONCE,
                "{:?} {:?} {case}",
                said.code,
                begun.elapsed()
            );
            let all = said.out.clone() + &said.err;
            for fragment in fragments {
                assert!(all.contains(fragment), "lacks {fragment:?}: {case}");
            }
            assert!(server.lines().is_empty() && !all.contains("secret") && !all.contains("/services/"), "{case}");
            assert!(server.handshakes() <= 2, "not tried again: {} {case}", server.handshakes());
        }
    }
}
