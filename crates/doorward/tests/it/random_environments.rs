//! Random environments: known variables that are empty, blank, padded or junk. No command panics, every exit code is in the table, and a
//! refusal names the variable.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::process::Command;

use doorward_fakeaws::{Fault, What};

use crate::bed::{Bed, doorward, world};

/// The environments of one run. `DOORWARD_ENVIRONMENTS` sets another number, `DOORWARD_SEED` repeats a run.
const ENVIRONMENTS: usize = 500;

/// The exit codes of `doorward explain exit-codes`.
const EXIT_CODES: [i32; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143];

/// Variables that are not settings, each with values that a user may mean.
const OTHERS: [(&str, &[&str]); 49] = [
    ("DOORWARD_CONFIG", &["doorward.toml"]),
    ("DOORWARD_LOG", &["doorward=debug", "info"]),
    ("DOORWARD_PORT", &["tcp://10.0.0.1:80"]),
    ("DOORWARD_SERVICE_HOST", &["10.0.0.1"]),
    ("XDG_CONFIG_HOME", &["/nowhere", "relative"]),
    ("XDG_STATE_HOME", &["/nowhere", "relative"]),
    ("HOME", &["/nowhere", "relative"]),
    ("NO_COLOR", &["1"]),
    ("TERM", &["dumb", "xterm-256color"]),
    ("TZ", &["Europe/Berlin", "Nowhere/At_All"]),
    ("COLUMNS", &["80", "0"]),
    ("LANG", &["C", "tr_TR.UTF-8"]),
    ("LC_ALL", &["C", "de_DE.ISO-8859-1"]),
    ("SUDO_UID", &["1000"]),
    ("AWS_ACCESS_KEY_ID", &["AKIAEXAMPLEOTHER0001"]),
    ("AWS_SECRET_ACCESS_KEY", &["other"]),
    ("AWS_SESSION_TOKEN", &["token"]),
    ("AWS_REGION", &["us-east-1", "eu-west-1a", "eu-east-9"]),
    ("AWS_DEFAULT_REGION", &["us-east-1"]),
    ("AWS_PROFILE", &["default", "typo"]),
    ("AWS_DEFAULT_PROFILE", &["typo"]),
    ("AWS_CONFIG_FILE", &["/nowhere", "~/config", "/"]),
    ("AWS_SHARED_CREDENTIALS_FILE", &["/nowhere", "/"]),
    ("AWS_CA_BUNDLE", &["/nowhere", "/", "/dev/null"]),
    ("AWS_MAX_ATTEMPTS", &["3"]),
    ("AWS_RETRY_MODE", &["adaptive", "legacy"]),
    ("AWS_STS_REGIONAL_ENDPOINTS", &["legacy"]),
    ("AWS_USE_FIPS_ENDPOINT", &["false", "true"]),
    ("AWS_USE_DUALSTACK_ENDPOINT", &["false", "TRUE"]),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", &["false"]),
    ("AWS_ENDPOINT_URL", &["http://127.0.0.1:1", "127.0.0.1:1", "https://nothing.invalid"]),
    ("AWS_ENDPOINT_URL_STS", &["http://127.0.0.1:1", "ftp://127.0.0.1"]),
    ("AWS_ENDPOINT_URL_ORGANIZATIONS", &["http://127.0.0.1:1", "http://"]),
    ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", &["http://127.0.0.1:1"]),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", &["/nowhere/token"]),
    ("AWS_ROLE_ARN", &["arn:aws:iam::111122223333:role/x"]),
    ("AWS_ROLE_SESSION_NAME", &["x"]),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &["http://127.0.0.1:1/x", "http://example.com/x"]),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", &["token"]),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &["/nowhere"]),
    ("AWS_EC2_METADATA_DISABLED", &["true", "TRUE"]),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &["http://127.0.0.1:1", "127.0.0.1"]),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", &["IPv6"]),
    ("HTTPS_PROXY", &["http://127.0.0.1:1", "127.0.0.1:1", "socks5://127.0.0.1:1"]),
    ("HTTP_PROXY", &["http://127.0.0.1:1", "socks5://127.0.0.1:1"]),
    ("https_proxy", &["https://127.0.0.1:1"]),
    ("NO_PROXY", &["example.com,10.0.0.0/8", "[::1]:80"]),
    ("SSL_CERT_FILE", &["/nowhere", "/dev/null"]),
    ("SSL_CERT_DIR", &["/nowhere"]),
];

const JUNK: [&str; 24] = [
    "x",
    "-1",
    "0",
    "1e309",
    "nan",
    "-inf",
    "99999999999999999999999",
    "18446744073709551615",
    "true",
    "[",
    "[]",
    "{}",
    "[1]",
    "\"",
    "'",
    "a=b\n[access]",
    "../../..",
    "\u{1b}[31mred",
    "é支😀",
    "\u{202e}",
    "1h 1h",
    "292277026596y",
    "9223372036854775807s",
    ",,,",
];

/// xorshift: the same environments on every machine, from a seed that a failure prints.
struct Dice(u64);

impl Dice {
    fn of(seed: u64, case: usize) -> Self {
        let mut dice = Self(seed.wrapping_add(case as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // The first numbers of seeds that differ in few bits are alike.
        (0..8).for_each(|_| {
            dice.below(2);
        });
        dice
    }

    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A value of a variable.
fn value(dice: &mut Dice, good: &[String]) -> OsString {
    let text = if dice.below(2) == 0 { dice.one(good).clone() } else { (*dice.one(&JUNK)).to_owned() };
    let value = match dice.below(7) {
        0 => String::new(),
        1 => (*dice.one(&[" ", "\n", "\t \r\n"])).to_owned(),
        2 => format!(" {text}\n"),
        3 => format!("{text}\r\n"),
        4 => text.repeat(1 + dice.below(400)),
        5 => return OsString::from_vec([text.as_bytes(), b"\xff\xfe"].concat()),
        _ => text,
    };
    value.into()
}

/// The environment in which nothing but the emulator can be reached, whatever a variable says: other hosts are asked of a proxy that
/// is not there.
const APART: [(&str, &str); 4] = [
    ("all_proxy", "http://127.0.0.1:1"),
    ("no_proxy", "127.0.0.1"),
    ("DOORWARD_CALLS__TRIES", "1"),
    ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1"),
];

#[test]
fn no_environment_makes_a_command_panic() {
    let seed = doorward_fakeaws::seed();
    let cases = std::env::var("DOORWARD_ENVIRONMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(ENVIRONMENTS);
    let folder = tempfile::tempdir().unwrap();
    // Every setting with its value, as the command itself prints them, and those without a default.
    let shown = doorward(folder.path()).args(["config", "show"]).output().unwrap();
    let mut known: BTreeMap<String, Vec<String>> =
        String::from_utf8(shown.stdout).unwrap().lines().map(setting).collect();
    for key in ["ACCESS__EXTERNAL_ID", "ACCESS__PROFILE", "ACCESS__HOME_REGION", "LEDGER__PATH", "SCAN__RESUME_WITHIN"]
    {
        known.insert(format!("DOORWARD_{key}"), vec!["eu-west-1".to_owned(), "1h".to_owned()]);
    }
    known.insert(
        "DOORWARD_ACCESS__OVERRIDES".to_owned(),
        vec!["[{ accounts = [\"111122223333\"], role_name = \"x\" }]".to_owned()],
    );
    known.extend(OTHERS.map(|(name, good)| (name.to_owned(), good.iter().map(|text| (*text).to_owned()).collect())));
    let names: Vec<&String> = known.keys().collect();
    assert!(names.len() > 100, "{names:?}");

    let denied = Fault::new(What::AccessDenied).service("organizations");
    let bed = Bed::start(&world("gaps-org"), vec![denied]);
    let (next, faults) = (std::sync::Mutex::new(0), std::sync::Mutex::new(Vec::new()));
    let run = || {
        loop {
            let case = {
                let mut next = next.lock().unwrap();
                *next += 1;
                *next - 1
            };
            if case >= cases {
                return;
            }
            let mut dice = Dice::of(seed, case);
            if let Err(fault) = check(&mut dice, &known, &names, &bed, folder.path()) {
                faults.lock().unwrap().push(format!("DOORWARD_SEED={seed} case {case}: {fault}"));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(run);
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} of {cases}:\n{}", faults.len(), faults.join("\n"));
}

/// Runs one command in one environment.
fn check(
    dice: &mut Dice,
    known: &BTreeMap<String, Vec<String>>,
    names: &[&String],
    bed: &Bed,
    folder: &std::path::Path,
) -> Result<(), String> {
    let chosen: BTreeMap<&String, OsString> = (0..=dice.below(4))
        .map(|_| {
            let name = *dice.one(names);
            (name, value(dice, &known[name]))
        })
        .collect();
    // A scan that ends at the organization, which it may not read; or what needs no AWS at all.
    let mut command = match dice.below(6) {
        0 | 1 => with(bed.doorward(folder), &["-q", "scan", "--ledger", "l.sqlite", "--format", "json-v1=x.json"]),
        2 => with(bed.doorward(folder), &["-q", "doctor", "--no-ledger", "--format", "json"]),
        3 => with(doorward(folder), &["config", "show", "--origin"]),
        _ => with(doorward(folder), &["exceptions", "list"]),
    };
    command.envs(APART).envs(&chosen);
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    let known_code = code.filter(|code| EXIT_CODES.contains(code) && *code != 1);
    let problem = match known_code {
        None => Some("no exit code of the table"),
        Some(_) if err.contains("panicked") || err.contains("internal error") => Some("a panic"),
        Some(2) if !chosen.keys().any(|name| names_it(&err, name)) => Some("no variable is named"),
        // Without a value nothing is set.
        Some(code) if !matches!(code, 0 | 6) && chosen.values().all(is_blank) => Some("not unset"),
        // The scan of an environment without fault ends at the organization, and without an endpoint at the proxy that is not there.
        Some(6) if !["the organization could not be read", "(all_proxy)"].iter().any(|words| err.contains(words)) => {
            let may_slow = chosen.keys().any(|name| name.starts_with("DOORWARD_"));
            let is_named = chosen.keys().any(|name| is_named(&err, name));
            (!may_slow && !is_named).then_some("no variable is named")
        }
        Some(_) => None,
    };
    problem.map_or(Ok(()), |problem| Err(format!("{problem}: {chosen:?}: {code:?} {err}")))
}

fn is_blank(value: &OsString) -> bool {
    value.to_str().is_some_and(|value| value.trim().is_empty())
}

/// Whether a message about the way in names a variable: itself, or by the words for what it sets.
fn is_named(message: &str, name: &str) -> bool {
    let by_words = match name {
        // Without a home directory there is no path of a ledger, and without keys other sources are tried.
        "HOME" | "XDG_STATE_HOME" => "ledger",
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "no source of credentials is configured",
        // A Region that does not exist refuses every key; the message names it.
        "AWS_REGION" | "AWS_DEFAULT_REGION" => "were not accepted in eu-east-9",
        // The addresses that a variable leads to.
        "AWS_EC2_METADATA_DISABLED" => "instance metadata",
        _ => return names_it(message, name),
    };
    names_it(message, name) || message.contains(by_words)
}

/// Whether a message names a variable, or the setting that it sets.
fn names_it(message: &str, name: &str) -> bool {
    let key = name.trim_start_matches("DOORWARD_").to_ascii_lowercase().replace("__", ".");
    message.contains(name) || (name.contains("__") && message.contains(&key))
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

/// The variable of a line of `doorward config show`, and its value as a variable has it.
fn setting(line: &str) -> (String, Vec<String>) {
    let (key, value) = line.split_once(" = ").unwrap();
    let text = value.trim_matches('"').to_owned();
    (format!("DOORWARD_{}", key.replace('.', "__").to_ascii_uppercase()), vec![text, value.to_owned()])
}
