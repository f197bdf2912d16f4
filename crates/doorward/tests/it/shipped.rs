//! What `doorward setup iam` writes for the example's organization: the policies and trust policies that tests put into the emulator.

use std::path::Path;
use std::process::Command;

use doorward_fakeaws::CallRecord;
use serde_json::{Value, json};

use crate::bed::{Bed, doorward, run, world};

/// The buckets that Athena writes results to.
const RESULTS: &str = "acme-athena-100000000020-eu-west-1";
const RESULTS_THERE: &str = "acme-athena-100000000020-us-east-1";
/// The setting that names them.
pub(crate) const OUTPUT: &str = "s3://acme-athena-{account}-{region}/doorward/";
/// The setting that names the location of delivered logs.
pub(crate) const VENDED: &str = "s3://acme-log-archive-alb-{region}/vended/{account}/{region}/{day}";
/// The buckets that the example's load balancers log to.
pub(crate) const BUCKETS: [&str; 2] = ["acme-log-archive-alb-eu-west-1", "acme-log-archive-alb-us-east-1"];
const TOPIC: &str = "arn:aws:sns:eu-west-1:100000000002:owners";
const CALLER: &str = "arn:aws:iam::100000000002:user/security-scanner";

/// The files of every capability.
pub(crate) struct Shipped {
    folder: tempfile::TempDir,
}

/// One statement that allows something.
struct Allowed {
    actions: Vec<String>,
    resources: Vec<String>,
}

impl Shipped {
    /// For the example's organization, whose id is given.
    pub(crate) fn of_acme() -> Self {
        Self::with(&["--organization-id", "o-acme000001"], &BUCKETS)
    }

    /// With other flags, and logs in these buckets.
    pub(crate) fn with(flags: &[&str], buckets: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = setup(folder.path());
        command.args(flags);
        for capability in ["scan", "traffic", "athena", "metrics", "publish", "notify", "change"] {
            command.args(["--for", capability]);
        }
        for bucket in buckets {
            command.args(["--bucket", bucket]);
        }
        let said = run(&mut command);
        assert_eq!(said.code, Some(0), "{}", said.err);
        Self { folder }
    }

    /// A file, as JSON.
    pub(crate) fn file(&self, name: &str) -> Value {
        let path = self.folder.path().join(name);
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))).unwrap()
    }

    /// The policy of a role.
    pub(crate) fn role(&self, capability: &str) -> Value {
        self.file(&format!("{capability}-role.policy.json"))
    }

    /// The policies of the base identity, as one.
    pub(crate) fn base(&self) -> Value {
        let names = ["", "traffic-", "athena-", "metrics-", "publish-", "notify-", "change-"];
        let policies = names.map(|name| self.file(&format!("{name}base-identity.policy.json")));
        let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap().clone());
        json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
    }

    /// The example's organization with the generated policies of every role and of the base identity, and the generated trust policies;
    /// the traffic role has those of a capability. An account of another organization has the same roles.
    pub(crate) fn world(&self, traffic: &str, paths: bool) -> String {
        let mut world: toml::Table = world("acme-org").parse().unwrap();
        world["organization"].as_table_mut().unwrap().insert("paths".to_owned(), paths.into());
        let grant = |entry: &mut toml::Value, policy: &Value| {
            let entry = entry.as_table_mut().unwrap();
            entry.remove("allow");
            entry.insert("policy".to_owned(), policy.to_string().into());
        };
        for role in world["role"].as_array_mut().unwrap() {
            let name = role["name"].as_str().unwrap().strip_prefix("doorward-").unwrap().to_owned();
            let capability = if name == "traffic" { traffic } else { &name };
            grant(role, &self.role(capability));
            let trust = self.file(&format!("{capability}-role.trust.json"));
            role.as_table_mut().unwrap().remove("trusts");
            role.as_table_mut().unwrap().insert("trust_policy".to_owned(), trust.to_string().into());
        }
        grant(&mut world["caller"].as_array_mut().unwrap()[0], &self.base());
        let more: toml::Table = format!(
            "[[bucket]]\nname = \"{RESULTS}\"\naccount = \"100000000020\"\nregion = \"eu-west-1\"\n\
             [[bucket]]\nname = \"{RESULTS_THERE}\"\naccount = \"100000000020\"\nregion = \"us-east-1\"\n\
             [[bucket]]\nname = \"stranger\"\naccount = \"999999999999\"\nregion = \"eu-west-1\"\nreaders = [\"*\"]\n\
             [[account]]\nid = \"999999999999\"\nname = \"stranger\"\noutside = true\n"
        )
        .parse()
        .unwrap();
        for (section, entries) in more {
            world[&section].as_array_mut().unwrap().extend(entries.as_array().unwrap().clone());
        }
        toml::to_string(&world).unwrap()
    }

    /// A server of [`Shipped::world`].
    pub(crate) fn bed(&self, traffic: &str, paths: bool) -> Bed {
        Bed::start(&self.world(traffic, paths), vec![])
    }
}

fn setup(folder: &Path) -> Command {
    let mut command = doorward(folder);
    command.env("DOORWARD_TRAFFIC__ATHENA__OUTPUT", OUTPUT);
    command.env("DOORWARD_TRAFFIC__ATHENA__VENDED", VENDED);
    command.env("DOORWARD_TRAFFIC__ATHENA__DATABASE", "traffic_logs");
    command.args(["-q", "setup", "iam", "--out", ".", "--topic", TOPIC, "--caller-arn", CALLER]);
    command
}

/// Asserts that calls and policies are the same: every call is allowed, and every action, every action on a resource, and every pattern
/// of a resource was used by a call.
pub(crate) fn assert_same(what: &str, calls: &[CallRecord], policies: &[Value]) {
    let allowed: Vec<Allowed> = policies.iter().flat_map(allowing).collect();
    let calls: Vec<(&str, &str, &str)> = calls
        .iter()
        .filter(|call| call.iam_action != "sts:GetCallerIdentity")
        .flat_map(|call| call.resource.split(',').map(|arn| (call.iam_action.as_str(), arn, call.account.as_str())))
        .collect();
    assert!(!calls.is_empty() || allowed.is_empty(), "{what}: nothing was called");
    let fits = |pattern: &str, (_, arn, account): &(&str, &str, &str)| {
        glob(&pattern.replace("${aws:PrincipalAccount}", account), arn)
    };
    for call in &calls {
        let covered = |statement: &Allowed| {
            statement.actions.iter().any(|action| action == call.0)
                && statement.resources.iter().any(|pattern| fits(pattern, call))
        };
        assert!(allowed.iter().any(covered), "{what}: {call:?} is called and not allowed");
    }
    for Allowed { actions, resources } in &allowed {
        for action in actions {
            let called = calls.iter().any(|call| call.0 == action && resources.iter().any(|one| fits(one, call)));
            assert!(called, "{what}: {action} is allowed on {resources:?} and never called there");
        }
        for pattern in resources {
            let called = calls.iter().any(|call| actions.iter().any(|one| one == call.0) && fits(pattern, call));
            assert!(called, "{what}: {actions:?} is allowed on {pattern}, and nothing there is called");
        }
    }
}

fn allowing(policy: &Value) -> Vec<Allowed> {
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(list) => list.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            one => vec![one.as_str().unwrap().to_owned()],
        }
    };
    let statements = policy["Statement"].as_array().unwrap().iter();
    let allowing = statements.filter(|statement| statement["Effect"] == "Allow");
    allowing.map(|one| Allowed { actions: texts(&one["Action"]), resources: texts(&one["Resource"]) }).collect()
}

/// Whether a text matches a pattern of IAM.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn patterns_match_as_in_iam() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c", false),
        ("*AWSLogs/*/elasticloadbalancing/*", "alb/AWSLogs/1/elasticloadbalancing/x", true),
        ("*AWSLogs/*/elasticloadbalancing/*", "alb/AWSLogs/1/vpcflowlogs/x", false),
        ("ab*ba", "aba", false),
    ] {
        assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
    }
}
