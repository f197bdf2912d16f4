//! Proxies: one that ends TLS and records what passes it. Addresses that serve credentials never pass it, whatever the variables say.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::bed::{doorward, run};
use crate::recorder::{CERTIFICATES, Recorder};

/// Variables of the environment.
type Variables<'a> = &'a [(&'a str, &'a str)];

/// How a proxy is named.
const NAMED: [&[&str]; 9] = [
    &[],
    &["HTTP_PROXY"],
    &["http_proxy"],
    &["HTTPS_PROXY"],
    &["https_proxy"],
    &["ALL_PROXY"],
    &["all_proxy"],
    &["HTTP_PROXY", "HTTPS_PROXY"],
    &["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
];
const EXEMPT: [&str; 5] = ["", "169.254.169.254", "127.0.0.1,localhost", "*", "*.amazonaws.com 10.0.0.0/8"];
/// Sources of credentials, with the key that signs; none for an address that does not answer.
const SOURCES: [(&str, Option<&str>); 7] = [
    ("instance", Some("INSTANCE")),
    ("instance, for the Region too", Some("INSTANCE")),
    ("ECS, whole URI", Some("CONTAINER")),
    ("EKS on this machine", Some("CONTAINER")),
    ("instance at a link-local address", None),
    ("ECS, relative URI", None),
    ("EKS", None),
];

/// One combination. The error is what is wrong with it.
fn check(folder: &std::path::Path, named: &[&str], exempt: &str, source: usize) -> Result<(), String> {
    let (name, signer) = SOURCES[source];
    let (proxy, local, aws) =
        (Recorder::presenting("server"), Recorder::start(500, "", ""), Recorder::presenting("server"));
    let token = folder.join("token");
    std::fs::write(&token, "t").unwrap();
    let mut command = doorward(folder);
    command.env("AWS_CA_BUNDLE", format!("{CERTIFICATES}/authority.pem"));
    if !name.contains("Region") {
        command.env("AWS_REGION", "eu-west-1");
    }
    command.env("NO_PROXY", exempt).env("DOORWARD_CALLS__TRIES", "1");
    for variable in named {
        command.env(variable, &proxy.url);
    }
    // Without a proxy for https, and where it is exempt, the real names must not be asked by a test.
    let is_proxied = named.iter().any(|name| !name.eq_ignore_ascii_case("HTTP_PROXY"));
    let direct = !is_proxied || exempt == "*" || exempt.contains("localhost") || exempt.contains("amazonaws");
    if direct {
        command.env("AWS_ENDPOINT_URL", format!("https://localhost:{}", aws.port));
        command.env("NO_PROXY", format!("{exempt},localhost"));
    }
    let container = |url: String| [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)];
    match name {
        "instance" | "instance, for the Region too" => {
            command.env("AWS_EC2_METADATA_DISABLED", "false").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &local.url)
        }
        // An address of this kind at which nothing answers.
        "instance at a link-local address" => command
            .env("AWS_EC2_METADATA_DISABLED", "false")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.0.9")
            .env("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1"),
        "ECS, whole URI" => command.envs(container(format!("{}/container", local.url))),
        "ECS, relative URI" => command.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/not-there"),
        "EKS on this machine" => command
            .envs(container(format!("{}/container", local.url.replace("127.0.0.1", "localhost"))))
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token),
        _ => command
            .envs(container("http://169.254.170.23/v1/not-there".to_owned()))
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token),
    };
    let said = run(command.args(["scan", "--no-ledger", "-q"]));
    let passed = (proxy.lines(), proxy.tunnels());
    let fault = |what: &str| Err(format!("{named:?} NO_PROXY={exempt:?} {name}: {what}: {passed:?} {}", said.err));
    let is_secret = |text: &String| {
        ["169.254", "127.0.0.1", "localhost", "meta-data", "token", "container", "credentials"]
            .iter()
            .any(|part| text.contains(part))
    };
    if passed.0.iter().chain(&passed.1).any(is_secret) {
        return fault("the proxy saw a request for credentials");
    }
    let server = if direct { &aws } else { &proxy };
    let signed = server.signers();
    match signer {
        _ if said.code != Some(6) => fault("exit code"),
        Some(signer) if signed != [signer] => fault("another key signed"),
        Some(_) if direct && !passed.1.is_empty() => fault("the proxy was used"),
        Some(_) if !direct && passed.1 != ["sts.eu-west-1.amazonaws.com:443"] => fault("the proxy was not used"),
        Some(_) if local.lines().is_empty() => fault("the endpoint was not asked"),
        None if !signed.is_empty() => fault("a key that is not there signed"),
        None if !said.err.contains("169.254.") => fault("the address is not named"),
        _ => Ok(()),
    }
}

#[test]
fn credential_endpoints_are_never_asked_through_a_proxy() {
    let mut cases = Vec::new();
    for named in NAMED {
        for exempt in EXEMPT {
            for (source, (_, signer)) in SOURCES.iter().enumerate() {
                // Where nothing answers a case takes seconds, so that one list of exempt hosts is enough.
                if signer.is_some() || exempt.is_empty() {
                    cases.push((named, exempt, source));
                }
            }
        }
    }
    assert!(cases.len() > 150);
    let (next, faults) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                while let Some((named, exempt, source)) = { next.lock().unwrap().next() } {
                    if let Err(fault) = check(folder.path(), named, exempt, *source) {
                        faults.lock().unwrap().push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

#[test]
fn names_that_do_not_exist_and_proxies_that_refuse_end_soon_with_their_cause() {
    let folder = tempfile::tempdir().unwrap();
    // It accepts connections and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("https://{}", listener.local_addr().unwrap());
    let (login, refusing) = (Recorder::refusing(407), Recorder::refusing(403));
    let cases: [(Variables<'_>, &[&str]); 17] = [
        (
            &[("AWS_ENDPOINT_URL", "https://nothing.invalid")],
            &["nothing.invalid could not be resolved", "the endpoint is set by AWS_ENDPOINT_URL", "set HTTPS_PROXY"],
        ),
        (
            &[("AWS_ENDPOINT_URL_STS", "https://nothing.invalid"), ("AWS_USE_FIPS_ENDPOINT", "true")],
            &["AWS_USE_FIPS_ENDPOINT turns on FIPS endpoints, but AWS_ENDPOINT_URL_STS sets the endpoint of STS"],
        ),
        (
            &[("AWS_ENDPOINT_URL", "https://nothing.invalid"), ("AWS_USE_FIPS_ENDPOINT", "true")],
            &["nothing.invalid could not"],
        ),
        (&[("AWS_ENDPOINT_URL_STS", "https://nothing.invalid")], &["the endpoint is set by AWS_ENDPOINT_URL_STS"]),
        (
            &[("HTTPS_PROXY", "http://u:secret@nothing.invalid:1")],
            &["the name of the proxy", "nothing.invalid:1 (HTTPS_PROXY)"],
        ),
        (&[("https_proxy", "nothing.invalid:1")], &["the name of the proxy", "(https_proxy)", "check https_proxy"]),
        (
            &[
                ("HTTPS_PROXY", "http://127.0.0.1:1"),
                ("NO_PROXY", ".invalid"),
                ("AWS_ENDPOINT_URL", "https://nothing.invalid"),
            ],
            &["NO_PROXY exempts it from the proxy of HTTPS_PROXY"],
        ),
        (
            &[("HTTP_PROXY", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL", "https://nothing.invalid")],
            &["the proxy of HTTP_PROXY is for plain http"],
        ),
        (&[("HTTPS_PROXY", &login.url)], &["asks for a user and a password", "HTTPS_PROXY"]),
        (&[("HTTPS_PROXY", &refusing.url)], &["sts.eu-west-1.amazonaws.com", "refused the connection", "NO_PROXY"]),
        (
            &[("HTTPS_PROXY", "socks5://me:secret@relay:1080")],
            &["HTTPS_PROXY names a SOCKS proxy, socks5://relay:1080,"],
        ),
        (
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")],
            &["127.0.0.1 could not be reached", "the endpoint is set by AWS_ENDPOINT_URL"],
        ),
        (
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:2"), ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")],
            &["the endpoint is set by AWS_ENDPOINT_URL_STS"],
        ),
        (&[("HTTPS_PROXY", "127.0.0.1:1")], &["through the proxy http://127.0.0.1:1 (HTTPS_PROXY)"]),
        (
            &[("AWS_ENDPOINT_URL_STS", &silent), ("DOORWARD_CALLS__CONNECT_TIMEOUT", "1s")],
            &["127.0.0.1 did not respond in time", "AWS_ENDPOINT_URL_STS", "no proxy applies to it"],
        ),
        (&[("ALL_PROXY", "socks5h://relay:1080")], &["ALL_PROXY names a SOCKS proxy, socks5h://relay:1080,"]),
        (&[("all_proxy", "socks4://relay:1080")], &["all_proxy names a SOCKS proxy, socks4://relay:1080,"]),
    ];
    for (variables, fragments) in cases {
        let mut command = doorward(folder.path());
        command.env("AWS_ACCESS_KEY_ID", "ENVKEY").env("AWS_SECRET_ACCESS_KEY", "s").env("AWS_REGION", "eu-west-1");
        let begun = Instant::now();
        let said = run(command.envs(variables.iter().copied()).args(["scan", "--no-ledger", "-q"]));
        assert!(said.code == Some(6), "{variables:?}: {}", said.err);
        assert!(begun.elapsed() < Duration::from_secs(20), "{variables:?} took {:?}", begun.elapsed());
        for fragment in fragments {
            assert!(said.err.contains(fragment), "lacks {fragment:?}: {}", said.err);
        }
        assert!(!said.err.contains("secret"), "{}", said.err);
    }
    assert_eq!((login.tunnels().len(), login.lines()), (1, Vec::new()));
    assert!(refusing.tunnels().len() <= 4 && refusing.lines().is_empty(), "{:?}", refusing.tunnels());
}
