//! `--iac`: live load balancers traced to the examples' declarations, in every output.

use std::path::Path;

use serde_json::Value;

use crate::bed::{Bed, REPOSITORY, Said, doorward, run};

/// What was deployed of `examples/iac`, and what only looks like it.
const DEPLOYED: &str = r#"
[organization]
id = "o-traced0001"
management = "100000000020"
home_region = "eu-west-1"
regions = ["eu-west-1", "us-east-1"]

[[caller]]
access_key = "AKIAEXAMPLETRACED001"
secret = "ExampleSecretTraced000000000000000000001"
account = "100000000020"
arn = "arn:aws:iam::100000000020:user/security"
allow = ["organizations:*", "elasticloadbalancing:Describe*", "account:ListRegions", "logs:Describe*"]

[[account]]
id = "100000000020"
name = "shop"

[[load_balancer]]
account = "100000000020"
region = "eu-west-1"
name = "shop"
tags = { owner = "storefront", environment = "prod" }

# The module's load balancer, and one of its name in a Region that the provider is not configured for.
[[load_balancer]]
account = "100000000020"
region = "eu-west-1"
name = "edge"
mode = "strictest"
tags = { owner = "storefront", environment = "prod" }

[[load_balancer]]
account = "100000000020"
region = "us-east-1"
name = "edge"
tags = { owner = "storefront" }

[[load_balancer]]
account = "100000000020"
region = "eu-west-1"
name = "pay-Named-1A2B3C4D5E6F"
mode = "monitor"
tags = { owner = "payments", "aws:cloudformation:stack-name" = "pay", "aws:cloudformation:logical-id" = "Named" }

# A name that a template writes, and no stack.
[[load_balancer]]
account = "100000000020"
region = "eu-west-1"
name = "left-out"
tags = { owner = "payments" }

[[load_balancer]]
account = "100000000020"
region = "eu-west-1"
name = "k8s-shop-catalog-3f1c7a90d2"
mode = "monitor"
tags = { owner = "search", "elbv2.k8s.aws/cluster" = "prod", "ingress.k8s.aws/stack" = "shop/catalog" }

# The name of an application load balancer of the preview.
[[load_balancer]]
account = "100000000020"
region = "eu-west-1"
name = "media"
type = "network"
"#;

struct Stand {
    bed: Bed,
    folder: tempfile::TempDir,
}

impl Stand {
    /// The examples beside a scan of what was deployed. The plan names the ARN that the emulator gave.
    fn new() -> Self {
        let bed = Bed::start(DEPLOYED, vec![]);
        let folder = crate::check::examples();
        let settings = Path::new(REPOSITORY).join("examples/iac/doorward.toml");
        std::fs::copy(settings, folder.path().join("doorward.toml")).unwrap();
        let stand = Self { bed, folder };
        let said = stand.scan(&["--save", "scan.saved"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        let scan = stand.report(&[]);
        let arn = of(&scan, "shop", "eu-west-1")["arn"].as_str().unwrap().to_owned();
        let plan = stand.read("plan.json");
        let known = "arn:aws:elasticloadbalancing:eu-west-1:100000000020:loadbalancer/app/shop/50dc6c495c0c9188";
        std::fs::write(stand.path("plan.json"), plan.replace(known, &arn)).unwrap();
        stand
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn scan(&self, arguments: &[&str]) -> Said {
        let mut command = self.bed.doorward(self.folder.path());
        run(command.args(["scan", "--single-account", "--no-ledger", "--fail-on", "never"]).args(arguments))
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let mut command = doorward(self.folder.path());
        let said = run(command
            .args(["report", "--from", "scan.saved", "--format", "json-v1", "--fail-on", "never"])
            .args(arguments));
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", said.out, said.err))
    }
}

fn of<'a>(report: &'a Value, name: &str, region: &str) -> &'a Value {
    let mut all = report["load_balancers"].as_array().unwrap().iter();
    all.find(|lb| lb["name"] == name && lb["region"] == region).unwrap_or_else(|| panic!("{name} {region}"))
}

/// `certain terraform/main.tf:13:28 aws_lb.shop`, or nothing.
fn reported(report: &Value, name: &str, region: &str) -> String {
    let declared = &of(report, name, region)["declared"];
    if declared.is_null() {
        return "nothing".to_owned();
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let place = |place: &Value| {
        format!("{}:{}:{} {}", text(&place["file"]), place["line"], place["column"], text(&place["address"]))
    };
    let places: Vec<String> = declared["places"].as_array().unwrap().iter().map(place).collect();
    format!("{} {}", text(&declared["certainty"]), places.join(" or "))
}

#[test]
fn live_load_balancers_are_traced_to_their_declarations() {
    let stand = Stand::new();
    let report = stand.report(&["--iac", "."]);
    for (name, region, expected) in [
        // The plan names its ARN, and the configuration has its address.
        ("shop", "eu-west-1", "certain terraform/main.tf:13:28 aws_lb.shop"),
        ("edge", "eu-west-1", "likely terraform/main.tf:24:12 module.edge.aws_lb.this"),
        ("edge", "us-east-1", "nothing"),
        ("pay-Named-1A2B3C4D5E6F", "eu-west-1", "likely template.yaml:14:18 Resources.Named"),
        ("left-out", "eu-west-1", "nothing"),
        ("k8s-shop-catalog-3f1c7a90d2", "eu-west-1", "likely ingress.yaml:9:93 Ingress shop/catalog"),
        ("media", "eu-west-1", "nothing"),
    ] {
        assert_eq!(
            reported(&report, name, region),
            expected,
            "{name} {region}: {}",
            of(&report, name, region)["declared"]
        );
    }
    // Without files nothing is said, and what is found changes no verdict.
    let plain = stand.report(&[]);
    assert_eq!(reported(&plain, "shop", "eu-west-1"), "nothing");
    assert_eq!(plain["findings"], report["findings"]);
    // A scan says the same, and a report of it remembers.
    let said = stand.scan(&["--iac", ".", "--save", "scan.saved", "--format", "json-v1=scan.json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let (scan, again): (Value, Value) = (serde_json::from_str(&stand.read("scan.json")).unwrap(), stand.report(&[]));
    for name in ["shop", "edge", "media"] {
        assert_eq!(reported(&scan, name, "eu-west-1"), reported(&report, name, "eu-west-1"));
        assert_eq!(of(&scan, name, "eu-west-1")["declared"], of(&again, name, "eu-west-1")["declared"]);
    }
}

#[test]
fn every_output_says_the_place_and_owners_the_change() {
    let stand = Stand::new();
    let mut command = doorward(stand.folder.path());
    command.args(["report", "--from", "scan.saved", "--fail-on", "never", "--iac", "."]);
    for format in ["owners=owners", "html=scan.html", "asff=scan.asff", "json-v1=scan.json", "evidence=evidence"] {
        command.args(["--format", format]);
    }
    let said = run(&mut command);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let index = stand.read("owners/owners.csv");
    let mut pages = std::fs::read_dir(stand.path("owners")).unwrap().map(|entry| entry.unwrap().path());
    let page = pages.find(|path| path.to_string_lossy().contains("storefront") && path.extension().unwrap() == "md");
    let markdown = std::fs::read_to_string(page.as_ref().unwrap_or_else(|| panic!("{index}"))).unwrap();
    let html = std::fs::read_to_string(page.unwrap().with_extension("html")).unwrap();
    for fragment in [
        "Declared here (certain):",
        "- `terraform/main.tf:13:28`: `aws_lb.shop`",
        "In aws\\_lb.shop, set desync\\_mitigation\\_mode to strictest.",
        "The change at `terraform/main.tf`, line 13:",
        "remove: `` desync_mitigation_mode = \"defensive\" ``",
        "add: `` desync_mitigation_mode = \"strictest\" ``",
    ] {
        let squeezed = markdown.split_whitespace().collect::<Vec<_>>().join(" ");
        let fragment = fragment.replace("`` ", "` ").replace(" ``", " `");
        assert!(squeezed.contains(&fragment), "lacks {fragment:?}:\n{markdown}");
    }
    assert!(!markdown.contains("Console"), "nothing is to be changed by hand:\n{markdown}");
    assert!(html.contains("+   desync_mitigation_mode = &quot;strictest&quot;"), "{html}");
    let page = stand.read("scan.html");
    assert!(page.contains("terraform/main.tf:13:28") && page.contains("desync_mitigation_mode = "), "the page");
    let security_hub: Value = serde_json::from_str(&stand.read("scan.asff")).unwrap();
    assert!(security_hub.to_string().contains("terraform/main.tf:13:28 (aws_lb.shop), certain"), "{security_hub}");
    let pack = walkdir::WalkDir::new(stand.path("evidence")).into_iter().flatten();
    let population = pack.into_iter().find(|entry| entry.file_name() == "population.csv").unwrap();
    let population = std::fs::read_to_string(population.path()).unwrap();
    assert!(population.contains("terraform/main.tf:13:28 (aws_lb.shop), certain"), "{population}");
    // Each document still has the shape that its schema promises.
    let shape: Value =
        serde_json::from_str(&run(doorward(stand.folder.path()).args(["schema", "json-v1"])).out).unwrap();
    let document: Value = serde_json::from_str(&stand.read("scan.json")).unwrap();
    let shape = jsonschema::validator_for(&shape).unwrap();
    let wrong: Vec<String> = shape.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let stand = Stand::new();
    let report = |arguments: &[&str]| {
        let mut command = doorward(stand.folder.path());
        run(command
            .args(["report", "--from", "scan.saved", "--format", "json-v1", "--fail-on", "never"])
            .args(arguments))
    };
    let said = report(&["--iac", "gone"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("gone: cannot be read"), "{}", said.err);
    std::fs::create_dir(stand.path("empty")).unwrap();
    assert_eq!(report(&["--iac", "empty"]).code, Some(2));

    // The report is still written, says what it lacks, and ends as a check of these files would.
    std::fs::write(stand.path("terraform/broken.tf"), "resource \"aws_lb\" \"x\" {\n").unwrap();
    let said = report(&["--iac", "terraform"]);
    assert_eq!(said.code, Some(4), "{}", said.err);
    assert!(said.err.contains("terraform/broken.tf:2:"), "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["exit_code"], 4);
    let because = of(&document, "shop", "eu-west-1")["declared"]["because"].as_str().unwrap();
    assert!(because.contains("Parts that could not be read"), "{because}");
}

/// A file that was only found and could not be read is named, and no report of these files is complete.
#[test]
fn what_was_found_and_not_read_is_said() {
    let stand = Stand::new();
    std::fs::create_dir(stand.path("odd")).unwrap();
    std::fs::copy(stand.path("template.yaml"), stand.path("odd/good.yaml")).unwrap();
    std::fs::write(
        stand.path("odd/bad.yaml"),
        b"Resources: {Web: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer}} # caf\xe9\n",
    )
    .unwrap();
    let mut command = doorward(stand.folder.path());
    let arguments = ["report", "--from", "scan.saved", "--format", "json-v1", "--fail-on", "never", "--iac", "odd"];
    let (report, scan) = (run(command.args(arguments)), stand.scan(&["--iac", "odd"]));
    for said in [&report, &scan] {
        assert_eq!(said.code, Some(4), "{}", said.err);
        assert!(said.err.contains("odd/bad.yaml:1:1: not read: The file is not UTF-8"), "{}", said.err);
    }
    let document: Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(document["exit_code"], 4);
    let because = of(&document, "pay-Named-1A2B3C4D5E6F", "eu-west-1")["declared"]["because"].as_str().unwrap();
    assert!(because.contains("Parts that could not be read"), "{because}");

    // What PowerShell wrote is read like anything else.
    std::fs::remove_file(stand.path("odd/bad.yaml")).unwrap();
    let text = stand.read("odd/good.yaml");
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(stand.path("odd/good.yaml"), wide).unwrap();
    let traced = reported(&stand.report(&["--iac", "odd"]), "pay-Named-1A2B3C4D5E6F", "eu-west-1");
    assert!(traced.contains("odd/good.yaml:14:18"), "{traced}");
}

/// A plan changes nothing behind the back of the code that declares it.
#[test]
fn what_code_declares_is_not_changed_by_hand() {
    let stand = Stand::new();
    let said = stand.scan(&["--iac", ".", "--save", "scan.saved"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let mut command = doorward(stand.folder.path());
    let arguments = ["plan", "--from", "scan.saved", "--to", "strictest", "--out", "plan-of-modes.json"];
    let shop = of(&stand.report(&[]), "shop", "eu-west-1")["arn"].as_str().unwrap().to_owned();
    let said = run(command.args(arguments).args(["--load-balancer", &shop, "--insist", &format!("{shop}=tried")]));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let plan: Value = serde_json::from_str(&stand.read("plan-of-modes.json")).unwrap();
    assert_eq!(plan["steps"], serde_json::json!([]));
    let expected =
        "It is declared at terraform/main.tf:13:28. In aws_lb.shop, set desync_mitigation_mode to strictest.";
    assert_eq!(plan["patches"][0]["remedy"], expected);
}

/// Two declarations of one name are both named, and nobody is reported to change either.
#[test]
fn none_is_chosen_among_several() {
    let stand = Stand::new();
    std::fs::create_dir_all(stand.path("envs/dev")).unwrap();
    for (file, mode) in [("envs/dev/main.tf", "monitor"), ("envs/main.tf", "strictest")] {
        let text =
            format!("resource \"aws_lb\" \"x\" {{\n  name = \"shop\"\n  desync_mitigation_mode = \"{mode}\"\n}}\n");
        std::fs::write(stand.path(file), text).unwrap();
    }
    let report = stand.report(&["--iac", "envs"]);
    let expected = "ambiguous envs/dev/main.tf:3:28 aws_lb.x or envs/main.tf:3:28 aws_lb.x";
    assert_eq!(reported(&report, "shop", "eu-west-1"), expected);
    let mut command = doorward(stand.folder.path());
    command.args([
        "report",
        "--from",
        "scan.saved",
        "--fail-on",
        "never",
        "--iac",
        "envs",
        "--format",
        "owners=owners",
    ]);
    assert_eq!(run(&mut command).code, Some(0));
    let pages = std::fs::read_dir(stand.path("owners")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.to_string_lossy().contains("storefront"));
    for page in pages.map(|path| std::fs::read_to_string(path).unwrap()) {
        assert!(page.contains("which one is not certain") && !page.contains("The change at"), "{page}");
    }
}
