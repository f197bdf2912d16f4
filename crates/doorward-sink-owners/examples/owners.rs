//! Renders a report, as `--format json-v1` wrote it, to a folder: `cargo run --example owners -- scan.json folder`.

use std::path::Path;

use doorward_model::{Mode, Policy, PolicyRule, RequiredMode, ScanReport};
use doorward_rules::Requirement;
use doorward_sink_owners::{OwnersContext, write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("takes a report and a folder".into());
    };
    let report: ScanReport = serde_json::from_reader(std::io::BufReader::new(std::fs::File::open(from)?))?;
    // The policy is not in the report: this one is that of examples/acme-org.
    let card_data =
        PolicyRule { tags: [("pci".to_owned(), "yes".into())].into(), ..rule("card data", Mode::Strictest) };
    let policy =
        Policy { required_mode: Mode::Defensive, rules: vec![card_data], disabled: Vec::new(), ..Policy::default() };
    let required = report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).map(|lb| {
        let required = Requirement::of(lb, &policy);
        (
            lb.arn.clone(),
            RequiredMode { lowest: required.lowest(), highest: required.highest(), by: required.to_string() },
        )
    });
    let context = OwnersContext {
        required: required.collect(),
        rules: doorward_rules::catalogue().iter().map(|meta| **meta).collect(),
        cost_centre_tags: vec!["cost-center".into(), "CostCenter".into(), "Cost Center".into()],
        due_days: 14,
        ask: Some("the security team".into()),
        ..OwnersContext::default()
    };
    let receipt = write(Path::new(&to), &report, &context)?;
    if receipt.adds_up() { Ok(()) } else { Err("findings are unaccounted for".into()) }
}

fn rule(name: &str, required_mode: Mode) -> PolicyRule {
    PolicyRule {
        name: name.to_owned(),
        required_mode,
        accounts: Vec::new(),
        ous: Vec::new(),
        kinds: Vec::new(),
        scheme: None,
        reachable: None,
        names: Vec::new(),
        tags: std::collections::BTreeMap::new(),
        environments: Vec::new(),
        applications: Vec::new(),
    }
}
