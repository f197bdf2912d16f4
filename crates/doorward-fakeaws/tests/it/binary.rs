//! The binary: its output and its errors.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_doorward-fakeaws");
const ACME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/acme-org/org.toml");

#[test]
fn prints_the_environment_and_serves() {
    let mut child = Command::new(BINARY).args(["--world", ACME]).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap()).lines().take(4).map(Result::unwrap).collect();
    let address = lines[0].strip_prefix("export AWS_ENDPOINT_URL=http://").unwrap();
    let connected = std::net::TcpStream::connect(address);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(connected.is_ok());
    assert_eq!(lines[1], "export AWS_ACCESS_KEY_ID=AKIAEXAMPLEACMESEC01");
    assert_eq!(lines[3], "export AWS_REGION=eu-west-1");
}

#[test]
fn refuses_unknown_arguments() {
    let cases: [(&[&str], &str); 5] = [
        (&[], "--world is missing"),
        (&["--world"], "--world needs a file"),
        (&["--world", "/nonexistent.toml"], "/nonexistent.toml: "),
        (&["--world", ACME, "--port", "x"], "\"x\" is not a port"),
        (&["--colour"], "unknown argument \"--colour\""),
    ];
    for (arguments, words) in cases {
        let output = Command::new(BINARY).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(words) && said.contains("usage: "), "{said}");
    }
}
