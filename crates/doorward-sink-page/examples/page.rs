//! Renders a report, as `--format json-v1` wrote it, to a page: `cargo run --example page -- scan.json page.html`. A third
//! argument names a history, as `doorward history --format json` prints it.

use std::collections::BTreeMap;
use std::path::Path;

use doorward_model::{CoverageCounts, Mode, NotObserved, Policy, PolicyRule, RequiredMode, RunPoint, ScanReport};
use doorward_rules::Requirement;
use doorward_sink_page::{PageContext, write};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("takes a report and a file".into());
    };
    let report: ScanReport = serde_json::from_reader(std::io::BufReader::new(std::fs::File::open(from)?))?;
    let trend = arguments.next().map(|history| trend(&history)).transpose()?.unwrap_or_default();
    // The policy is not in the report: this one is that of examples/acme-org.
    let policy =
        Policy { required_mode: Mode::Defensive, rules: vec![card_data()], disabled: Vec::new(), ..Policy::default() };
    let required = report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).map(|lb| {
        let required = Requirement::of(lb, &policy);
        (
            lb.arn.clone(),
            RequiredMode { lowest: required.lowest(), highest: required.highest(), by: required.to_string() },
        )
    });
    let rules = doorward_rules::catalogue().iter().map(|meta| **meta).collect();
    let cost_centre_tags = vec!["cost-center".to_owned()];
    let context =
        PageContext { required: required.collect(), rules, trend, cost_centre_tags, ..PageContext::default() };
    let receipt = write(Path::new(&to), &report, &context)?;
    if receipt.adds_up() { Ok(()) } else { Err("findings are unaccounted for".into()) }
}

fn trend(path: &str) -> Result<Vec<RunPoint>, Failure> {
    let document: serde_json::Value = serde_json::from_reader(std::fs::File::open(path)?)?;
    let runs = document["scans"].as_array().ok_or("the history lists no scans")?;
    let count = |value: &serde_json::Value| value.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let row = |run: &serde_json::Value| -> Result<RunPoint, Failure> {
        let coverage: CoverageCounts = serde_json::from_value(run["coverage"].clone())?;
        let modes: BTreeMap<Mode, usize> = serde_json::from_value(run["modes"].clone())?;
        Ok(RunPoint {
            run: run["run"]["id"].as_str().unwrap_or_default().to_owned(),
            at: run["run"]["at"].as_str().ok_or("a run has no time")?.parse()?,
            coverage,
            modes,
            mode_unknown: count(&run["mode_unknown"]),
            open: serde_json::from_value(run["open"].clone())?,
            excepted: count(&run["excepted"]),
            unknown: count(&run["unknown"]),
            unseen: Some(NotObserved {
                everything: run["open_known"].is_null(),
                failing: count(&run["not_seen"]["open_total"]),
                excepted: count(&run["not_seen"]["excepted"]),
                load_balancers: count(&run["not_seen"]["load_balancers"]),
            }),
            policy: serde_json::from_value(run["policy"].clone())?,
        })
    };
    runs.iter().map(row).collect()
}

fn card_data() -> PolicyRule {
    PolicyRule {
        name: "card data".to_owned(),
        required_mode: Mode::Strictest,
        accounts: Vec::new(),
        ous: Vec::new(),
        kinds: Vec::new(),
        scheme: None,
        reachable: None,
        names: Vec::new(),
        tags: [("pci".to_owned(), "yes".into())].into(),
        environments: Vec::new(),
        applications: Vec::new(),
    }
}
