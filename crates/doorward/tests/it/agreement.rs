//! The same infrastructures twice: `doorward check` on the code, `doorward scan` on what AWS has after it was deployed. Every
//! verdict must be the same, or be unknown in the code where the data says so, and why. The data is in `tests/agreement`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::bed::{Bed, doorward, run};

/// The fewest infrastructures, and the most of them in which code alone may leave something open.
const LEAST: usize = 40;
const MOST_OPEN: usize = 6;

const MODE_RULE: &str = "desync-mode-below-required";
const HEADERS_RULE: &str = "invalid-headers-forwarded";
const UPSTREAM_RULE: &str = "upstream-http1";

/// Rules that only one of the two can ask.
const ONE_SIDED: [(&str, &str); 1] = [(
    "desync-mode-reverted",
    "it compares with a change that Doorward made, and only the ledger of scans and changes remembers those",
)];

/// An organization of one member account; what is deployed is added.
const WORLD: &str = r#"
[organization]
id = "o-agreement1"
management = "100000000001"
home_region = "eu-west-1"
regions = ["eu-west-1"]

[[caller]]
access_key = "AKIAEXAMPLEAGREE0001"
secret = "ExampleSecretAgree0000000000000000000001"
account = "100000000001"
arn = "arn:aws:iam::100000000001:user/security"
allow = ["sts:AssumeRole", "organizations:*", "elasticloadbalancing:Describe*", "account:ListRegions", "logs:Describe*"]

[[role]]
name = "doorward-scan"
accounts = ["*"]
trusts = ["100000000001"]
allow = ["elasticloadbalancing:*", "account:*", "logs:*"]

[[account]]
id = "100000000001"
name = "management"

[[account]]
id = "111122223333"
name = "workloads"
"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    infrastructure: Vec<Infrastructure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Infrastructure {
    name: String,
    /// What is said to the check besides the files.
    #[serde(default = "all_new")]
    check: Vec<String>,
    /// doorward.toml, for both.
    #[serde(default)]
    settings: String,
    /// exceptions.toml, for both.
    #[serde(default)]
    exceptions: String,
    files: BTreeMap<String, String>,
    deployed: Vec<Deployed>,
    /// Whether another emulator's CloudFormation deploys it too, and with which parameters: `cargo xtask e2e agreement`.
    #[serde(default)]
    #[expect(dead_code, reason = "read by the end-to-end tests")]
    e2e: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "read by the end-to-end tests")]
    parameters: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Deployed {
    /// What the code calls it; several where they share it.
    address: Vec<String>,
    name: String,
    /// By rule, the reason for which the code leaves the verdict open.
    #[serde(default)]
    unknown_in_code: BTreeMap<String, String>,
    /// The code does not show the scheme, so that a failure is rated by the worse one.
    #[serde(default)]
    scheme_open_in_code: bool,
    /// The rest of a `[[load_balancer]]` of the emulator.
    #[serde(flatten)]
    aws: toml::Table,
}

impl Deployed {
    /// Whether it is an internal application load balancer.
    fn is_internal(&self) -> bool {
        let is = |key: &str, value: &str| self.aws.get(key).and_then(toml::Value::as_str) == Some(value);
        is("scheme", "internal") && (is("type", "application") || !self.aws.contains_key("type"))
    }
}

fn all_new() -> Vec<String> {
    vec!["--new".to_owned()]
}

fn infrastructures() -> Vec<Infrastructure> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agreement")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let data: Data = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        all.extend(data.infrastructure);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl Infrastructure {
    fn world(&self) -> String {
        let mut world: toml::Table = toml::from_str(WORLD).unwrap();
        let load_balancers = self.deployed.iter().map(|deployed| {
            let mut table = deployed.aws.clone();
            table.insert("name".to_owned(), deployed.name.clone().into());
            for (key, value) in [("account", "111122223333"), ("region", "eu-west-1")] {
                table.entry(key).or_insert_with(|| value.into());
            }
            toml::Value::Table(table)
        });
        world.insert("load_balancer".to_owned(), load_balancers.collect::<Vec<_>>().into());
        toml::to_string(&world).unwrap()
    }

    fn write(&self, folder: &Path) {
        for (name, text) in &self.files {
            let path = folder.join("code").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        for (name, text) in [("doorward.toml", &self.settings), ("exceptions.toml", &self.exceptions)] {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }

    /// The rules that the check was reported to keep to; none means all.
    fn chosen(&self) -> BTreeSet<&str> {
        self.check.windows(2).filter(|pair| pair[0] == "--rule").map(|pair| pair[1].as_str()).collect()
    }
}

/// A verdict as it is compared: `fail high`, `pass`, and the reason of an unknown one.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    kind: String,
    severity: Option<String>,
    reason: Option<String>,
}

impl Said {
    fn of(finding: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kind = text(&finding["verdict"]).unwrap();
        Self { severity: text(&finding["severity"]), reason: text(&finding["gaps"][0]["reason"]), kind }
    }
}

/// Verdicts by load balancer (as `key` names it) and rule.
fn verdicts(document: &Value, key: &str) -> BTreeMap<(String, String), Said> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = document["findings"].as_array().unwrap();
    let all: BTreeMap<_, _> =
        findings.iter().map(|finding| ((text(&finding[key]), text(&finding["rule"])), Said::of(finding))).collect();
    assert_eq!(all.len(), findings.len(), "two verdicts of one rule on one {key}");
    all
}

fn severity(said: &Said) -> usize {
    let order = ["informational", "low", "medium", "high", "critical"];
    said.severity.as_deref().and_then(|own| order.iter().position(|known| *known == own)).unwrap_or_default()
}

/// What disagrees in one infrastructure, one line each, and how many verdicts were compared.
fn compare(infrastructure: &Infrastructure) -> (Vec<String>, usize) {
    let folder = tempfile::tempdir().unwrap();
    infrastructure.write(folder.path());
    let bed = Bed::start(&infrastructure.world(), vec![]);
    let json = |said: crate::bed::Said, what: &str| -> Value {
        serde_json::from_str(&said.out)
            .unwrap_or_else(|e| panic!("{}: {what}: {e}: {}\n{}", infrastructure.name, said.out, said.err))
    };
    let mut check = doorward(folder.path());
    check.args(["check", "--format", "json-v1"]).args(&infrastructure.check).arg("code");
    let code = json(run(&mut check), "check");
    let mut scan = bed.doorward(folder.path());
    scan.args(["scan", "--format", "json-v1", "--no-ledger", "--fail-on", "never"]);
    let live = json(run(&mut scan), "scan");
    assert_eq!(code["problems"], serde_json::json!([]), "{}", infrastructure.name);

    let chosen = infrastructure.chosen();
    let (code, mut live) = (verdicts(&code, "address"), verdicts(&live, "name"));
    live.retain(|(_, rule), _| chosen.is_empty() || chosen.contains(rule.as_str()));
    let mut wrong = Vec::new();
    let mut matched = BTreeSet::new();
    let rules: BTreeSet<&String> = code.keys().chain(live.keys()).map(|(_, rule)| rule).collect();
    for deployed in &infrastructure.deployed {
        for (address, rule) in deployed.address.iter().flat_map(|a| rules.iter().map(move |rule| (a, *rule))) {
            let by = (address.clone(), rule.clone());
            let of = (deployed.name.clone(), rule.clone());
            let said = (code.get(&by), live.get(&of));
            matched.insert(by);
            let what = format!("{}: {address} ({}), {rule}", infrastructure.name, deployed.name);
            let (Some(by_code), Some(by_scan)) = said else {
                if ONE_SIDED.iter().all(|(one, _)| one != rule) {
                    wrong.push(format!("{what}: only one side answers: {said:?}"));
                }
                continue;
            };
            let agrees = match deployed.unknown_in_code.get(rule) {
                Some(reason) => {
                    by_code.kind == "unknown" && by_code.reason.as_ref() == Some(reason) && by_scan.kind != "unknown"
                }
                // A declaration shows target groups only where its files lead to them.
                None if rule == UPSTREAM_RULE => by_code.kind == "not-asked" || by_code.kind == by_scan.kind,
                None if deployed.scheme_open_in_code => {
                    by_code.kind == by_scan.kind && severity(by_code) >= severity(by_scan)
                }
                // A mode that the code leaves open counts as one that forwards invalid header fields.
                None if rule == HEADERS_RULE && deployed.unknown_in_code.contains_key(MODE_RULE) => {
                    by_code.kind == by_scan.kind && severity(by_code) >= severity(by_scan)
                }
                // What stands in front of an internal load balancer is another declaration, so the code rates it by the worse.
                None if deployed.is_internal() => {
                    by_code.kind == by_scan.kind && severity(by_code) >= severity(by_scan)
                }
                None => by_code.kind == by_scan.kind && by_code.severity == by_scan.severity,
            };
            if !agrees {
                wrong.push(format!("{what}: the code says {by_code:?}, the scan {by_scan:?}"));
            }
        }
    }
    for (address, rule) in code.keys().filter(|by| !matched.contains(*by)) {
        wrong.push(format!("{}: {address}, {rule}: nothing of the kind was deployed", infrastructure.name));
    }
    (wrong, matched.len())
}

#[test]
fn code_and_deployment_agree() {
    let all = infrastructures();
    let open =
        all.iter().filter(|infrastructure| infrastructure.deployed.iter().any(|d| !d.unknown_in_code.is_empty()));
    let open = open.count();
    assert!(all.len() >= LEAST && open <= MOST_OPEN, "{} infrastructures, {open} with something open", all.len());
    let mut names: Vec<&str> = all.iter().map(|infrastructure| infrastructure.name.as_str()).collect();
    names.dedup();
    assert_eq!(names.len(), all.len(), "two infrastructures have the same name");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for infrastructure in &all {
        let (disagreements, verdicts) = compare(infrastructure);
        wrong.extend(disagreements);
        compared += verdicts;
    }
    assert!(wrong.is_empty(), "{} of {compared} verdicts disagree:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared >= 300, "only {compared} verdicts were compared");
    println!("{} infrastructures, {compared} verdicts, {open} infrastructures with something open in code", all.len());
}

/// The comparison itself can fail: another mode in the deployment is a disagreement, and so is a load balancer that nobody
/// deployed.
#[test]
fn a_disagreement_is_reported() {
    let mut all = infrastructures();
    let infrastructure = all.iter_mut().find(|i| i.name == "hcl: each mode, required by a tag").unwrap();
    infrastructure.deployed[2].aws.insert("mode".to_owned(), "defensive".into());
    let (wrong, _) = compare(infrastructure);
    assert!(wrong.iter().any(|line| line.contains("aws_alb.tight") && line.contains("desync-mode-below")), "{wrong:?}");
    infrastructure.deployed.pop();
    let (wrong, _) = compare(infrastructure);
    assert!(
        wrong.iter().any(|line| line.contains("aws_alb.tight") && line.contains("nothing of the kind")),
        "{wrong:?}"
    );
}
