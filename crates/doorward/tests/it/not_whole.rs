//! Answers that parse and are not right, from scan to Security Hub: nothing is called gone, nothing is archived, nothing counts as
//! remediated, and the exit code says that not everything was seen.

use std::path::Path;
use std::time::Duration;

use doorward_fakeaws::{Fault, Form, What};
use serde_json::Value;

use crate::bed::{Bed, Said, run};

/// Two accounts with load balancers in monitor mode, in all but the strictest one.
const WORLD: &str = r#"
[organization]
id = "o-whole00001"
management = "400000000001"
home_region = "eu-west-1"
regions = ["eu-west-1", "us-east-1"]

[[caller]]
access_key = "AKIAEXAMPLEWHOLE0001"
secret = "ExampleSecretWhole0000000000000000000001"
account = "400000000002"
arn = "arn:aws:iam::400000000002:user/security"
delegated_admin = true
allow = [
  { actions = ["sts:AssumeRole"], resources = ["arn:aws:iam::*:role/doorward-*"] },
  "organizations:*", "elasticloadbalancing:Describe*", "account:ListRegions", "logs:Describe*",
]

[[role]]
name = "doorward-scan"
accounts = ["*"]
trusts = ["400000000002"]
allow = ["elasticloadbalancing:*", "account:*", "logs:*"]

[[role]]
name = "doorward-publish"
accounts = ["*"]
trusts = ["400000000002"]
allow = ["securityhub:BatchImportFindings", "securityhub:GetFindings"]

[[account]]
id = "400000000001"
name = "management"

[[account]]
id = "400000000002"
name = "security"

[[account]]
id = "400000000003"
name = "shop"

[[load_balancer]]
account = "400000000003"
region = "eu-west-1"
name = "front"
mode = "monitor"
tags = { owner = "web" }

[[load_balancer]]
account = "400000000003"
region = "eu-west-1"
name = "side"
mode = "monitor"

[[load_balancer]]
account = "400000000003"
region = "us-east-1"
name = "old"
type = "classic"
mode = "monitor"
listeners = ["HTTP:80"]

[[load_balancer]]
account = "400000000002"
region = "eu-west-1"
name = "portal"
mode = "monitor"
"#;

/// The account that most load balancers are in.
const SHOP: &str = "400000000003";

fn scan(bed: &Bed, folder: &Path) -> Said {
    run(bed.doorward(folder).args(["-q", "scan", "--ledger", "ledger.sqlite", "--format", "json-v1=a.json"]))
}

fn publish(bed: &Bed, folder: &Path) -> Said {
    run(bed.doorward(folder).args(["publish", "--ledger", "ledger.sqlite"]))
}

/// What the Security Hubs hold.
fn held(bed: &Bed) -> Vec<Value> {
    let world = bed.server.world();
    let accounts = ["400000000001", "400000000002", SHOP];
    let places = accounts.iter().flat_map(|account| ["eu-west-1", "us-east-1"].map(|region| (*account, region)));
    places.flat_map(|(account, region)| world.security_hub_findings(account, region)).collect()
}

/// The key figures of the ledger.
fn figures(bed: &Bed, folder: &Path) -> Value {
    let said = run(bed.doorward(folder).args(["history", "--ledger", "ledger.sqlite", "--format", "json"]));
    let history: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.err));
    history["kpis"][0].clone()
}

#[test]
fn what_is_not_the_answer_to_the_question_closes_nothing() {
    let form = |form: Form| Fault::new(What::Form(form));
    let list = |f: Form| form(f).action("DescribeLoadBalancers");
    let shop = |f: Form| list(f).account(SHOP);
    let attributes = |f: Form| form(f).action("DescribeLoadBalancerAttributes");
    // Where something of the shop is still seen to fail, findings and coverage both speak; 4 where nothing is.
    let rows: Vec<(&str, Vec<Fault>)> = vec![
        ("an entry without an ARN or a name", vec![shop(Form::EntryWithoutName)]),
        ("an entry of another account", vec![shop(Form::ForeignAccount)]),
        ("an entry of another Region", vec![shop(Form::ForeignRegion)]),
        ("an entry of another partition", vec![shop(Form::ForeignPartition)]),
        ("an entry twice", vec![shop(Form::RepeatedEntry)]),
        ("an entry twice, with different contents", vec![shop(Form::ContradictoryEntry)]),
        ("the list twice, empty the second time", vec![shop(Form::RepeatedList)]),
        ("entries under another name", vec![shop(Form::RenamedEntries)]),
        ("the classic list twice", vec![shop(Form::RepeatedList).service("elb")]),
        ("a classic entry without a name", vec![shop(Form::EntryWithoutName).service("elb")]),
        ("a classic entry of another Region", vec![shop(Form::ForeignRegion).service("elb")]),
        ("a type that is not the ARN's", vec![shop(Form::OtherType)]),
        ("attributes that do not exist, of what is listed", vec![attributes(Form::NotFound)]),
        ("the mode twice", vec![attributes(Form::RepeatedMode)]),
        ("the value of the mode twice", vec![attributes(Form::SplitValue)]),
        ("an account's Regions without one", vec![form(Form::Shortened).action("ListRegions").account(SHOP)]),
        ("all lists of Regions without one", vec![form(Form::Shortened).action("ListRegions")]),
        ("a Region disabled and enabled", vec![form(Form::ContradictoryEntry).action("ListRegions")]),
        ("the Regions twice, none the second time", vec![form(Form::RepeatedList).action("ListRegions")]),
        ("the accounts without one", vec![form(Form::Shortened).action("ListAccounts")]),
        (
            "the accounts without one that cannot be asked for",
            vec![form(Form::Shortened).action("ListAccounts"), Fault::new(What::Throttle).action("DescribeAccount")],
        ),
        ("an account closed and active", vec![form(Form::ContradictoryEntry).action("ListAccounts")]),
        ("a session of another role", vec![form(Form::OtherRole).action("AssumeRole").resource("*doorward-scan")]),
    ];
    let bed = Bed::start_at(WORLD, vec![], "2026-03-01T08:00:00Z".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(scan(&bed, folder).code, Some(3));
    assert_eq!(publish(&bed, folder).code, Some(0));
    let (first, before) = (held(&bed), figures(&bed, folder));
    assert!(first.len() >= 12 && before["open"].as_u64() >= Some(4), "{before}");
    for (what, faults) in rows {
        bed.pass(Duration::from_secs(86_400));
        bed.server.set_faults(faults);
        let said = scan(&bed, folder);
        assert!(bed.server.faults().fired().iter().all(|fired| *fired > 0), "{what}: never fired");
        assert!(matches!(said.code, Some(4 | 5)), "{what}: {:?} {}", said.code, said.err);
        bed.server.set_faults(vec![]);
        let published = publish(&bed, folder);
        assert!(matches!(published.code, Some(0 | 4)), "{what}: {:?} {}", published.code, published.err);
        let now = held(&bed);
        for finding in &first {
            let kept = now.iter().find(|kept| kept["Id"] == finding["Id"]);
            let kept = kept.unwrap_or_else(|| panic!("{what}: {finding} is missing"));
            assert_eq!(kept["RecordState"], "ACTIVE", "{what}: {kept}");
        }
        let passed = |finding: &&Value| finding["Compliance"]["Status"] == "PASSED";
        for finding in now.iter().filter(passed) {
            assert!(first.iter().filter(passed).any(|f| f["Id"] == finding["Id"]), "{what}: {finding}");
        }
        let now = figures(&bed, folder);
        for figure in ["open", "gone", "retired"] {
            assert_eq!(now[figure], before[figure], "{what}: {figure}");
        }
        assert_eq!(now["time_to_remediate"]["count"], 0, "{what}");
    }
    // As soon as the answers are right again, everything is where it was.
    bed.pass(Duration::from_secs(86_400));
    assert_eq!(scan(&bed, folder).code, Some(3));
    assert_eq!(figures(&bed, folder)["open"], before["open"]);
}

#[test]
fn an_account_that_left_is_named_once_and_what_is_not_listed_until_it_is_known() {
    let bed = Bed::start_at(WORLD, vec![], "2026-03-01T08:00:00Z".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(scan(&bed, folder).code, Some(3));
    let again = |bed: &Bed| run(bed.doorward(folder).args(["scan", "--ledger", "ledger.sqlite"]));

    // The list lacks the account, and Organizations does not say why: again and again.
    let short = || {
        vec![
            Fault::new(What::Form(Form::Shortened)).action("ListAccounts"),
            Fault::new(What::AccessDenied).action("DescribeAccount"),
        ]
    };
    bed.server.set_faults(short());
    for day in 1..=2 {
        bed.pass(Duration::from_secs(86_400));
        let said = again(&bed);
        assert_eq!(said.code, Some(5), "day {day}: {}", said.err);
        assert!(
            said.out.contains(SHOP) && said.out.contains("organizations:DescribeAccount"),
            "day {day}: {}",
            said.out
        );
    }
    bed.server.set_faults(vec![]);

    // It has left: the same ledger meets the organization without it.
    let left = WORLD.replace("[[account]]\nid = \"400000000003\"\nname = \"shop\"\n", "");
    let left = left.split("[[load_balancer]]").filter(|part| !part.contains(&format!("account = \"{SHOP}\"")));
    let left = left.collect::<Vec<_>>().join("[[load_balancer]]");
    let later = bed.now().checked_add(jiff::SignedDuration::from_hours(24)).unwrap();
    let bed = Bed::start_at(&left, vec![], later);
    let said = again(&bed);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("400000000003") && said.err.contains("has left"), "{}", said.err);
    assert_eq!(figures(&bed, folder)["gone"], 0);
    bed.pass(Duration::from_secs(86_400));
    let said = again(&bed);
    assert!(said.code == Some(3) && !said.err.contains("has left"), "{}", said.err);
    assert_eq!(figures(&bed, folder)["gone"], 0);
}
