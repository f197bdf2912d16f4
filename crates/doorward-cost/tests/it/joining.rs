//! Costs belong to the load balancer of their ARN; list prices fill in, and what has no price has no amount.

use std::sync::Arc;

use as_json::load_balancer;
use doorward_cost::{CostInputs, CostSettings};
use doorward_model::{CostBasis, CostSum, Kind, Usage};

/// A load balancer as JSON gives it: there is no other builder that this crate may use.
mod as_json {
    use doorward_model::LoadBalancer;

    pub(super) fn load_balancer(region: &str, kind: &str, path: &str) -> LoadBalancer {
        let text = format!(
            r#"{{"arn": "arn:aws:elasticloadbalancing:{region}:111122223333:loadbalancer/{path}", "account": "111122223333",
                "account_name": "absent", "ou": "absent", "region": "{region}", "name": "x", "kind": "{kind}", "scheme": "absent",
                "mode": "absent", "drop_invalid_headers": "absent", "waf_fail_open": "absent", "access_logs": "absent",
                "listeners": "absent", "tags": "absent", "managed_by": "absent", "owner": "absent", "environment": "absent",
                "application": "absent", "attributes": "absent", "zones": ["a", "b", "c"]}}"#
        );
        serde_json::from_str(&text).expect("a load balancer")
    }
}

fn inputs(list_prices: bool, export: Option<&str>) -> CostInputs {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports");
    let export = export.map(|name| folder.join(name));
    let settings = CostSettings { list_prices, price_file: None, export: None };
    CostInputs::read(&settings, export.as_deref()).expect("reads")
}

#[test]
fn an_export_comes_first_and_list_prices_fill_in() {
    let at = "2026-11-02T09:00:00Z".parse().expect("a time");
    let web = load_balancer("eu-west-1", "application", "app/web/50dc6c495c0c9188");
    let other = load_balancer("us-east-1", "application", "app/other/50dc6c495c0c9188");
    let gateway = load_balancer("us-east-1", "gateway", "gwy/inspect/50dc6c495c0c9188");
    let nowhere = load_balancer("eu-north-1", "application", "app/far/50dc6c495c0c9188");
    let all = [web, other, gateway, nowhere];
    let costs = inputs(true, Some("focus.csv")).costs(&all, at);
    let words = |n: usize| costs.get(&all[n].arn).map(|cost| (cost.basis, cost.amounts_in_words()));
    assert_eq!(words(0), Some((CostBasis::Export, "USD 15.90".to_owned())));
    assert_eq!(words(1), Some((CostBasis::ListPrice, "at least USD 16.43".to_owned())));
    assert_eq!(words(2), Some((CostBasis::ListPrice, "at least USD 27.38".to_owned())), "for each Availability Zone");
    assert_eq!(words(3), None, "a Region without a price has no amount");
    assert!(inputs(false, None).costs(&all, at).is_empty());
}

#[test]
fn sums_name_what_has_no_price_and_never_add_currencies() {
    let at = "2026-11-02T09:00:00Z".parse().expect("a time");
    let mut all = vec![
        load_balancer("eu-west-1", "application", "app/web/50dc6c495c0c9188"),
        load_balancer("eu-west-1", "classic", "old"),
        load_balancer("eu-north-1", "application", "app/far/50dc6c495c0c9188"),
    ];
    let costs = inputs(true, Some("focus.csv")).costs(&all, at);
    all.iter_mut().for_each(|lb| lb.cost = costs.get(&lb.arn).cloned());
    let sum = CostSum::of(&all);
    assert_eq!(sum.sentence(), "at least EUR 7.25 and USD 34.55 (2 of 3 load balancers have a price)");
    assert_eq!(sum.basis().as_deref(), Some("for 2026-10-01 to 2026-10-31, FOCUS export focus.csv"));
    assert_eq!(CostSum::of(&all[2..]).sentence(), "1 load balancer, no price known");
    assert_eq!(CostSum::default().sentence(), "none");
}

#[test]
fn only_what_surely_uses_no_capacity_has_an_exact_list_price() {
    let at = "2026-11-02T09:00:00Z".parse().expect("a time");
    let usage = |days_read, count| {
        let day = "2026-10-01".parse().expect("a day");
        Some(Arc::new(Usage { from: day, until: day, days: 30, days_read, count, last_traffic: None }))
    };
    for (kind, path, usage, at_least) in [
        (Kind::Network, "net/a/50dc6c495c0c9188", usage(30, 0), false),
        (Kind::Network, "net/a/50dc6c495c0c9188", usage(29, 0), true),
        (Kind::Network, "net/a/50dc6c495c0c9188", usage(30, 1), true),
        (Kind::Network, "net/a/50dc6c495c0c9188", None, true),
        (Kind::Classic, "a", usage(30, 0), false),
        (Kind::Application, "app/a/50dc6c495c0c9188", usage(30, 0), true),
    ] {
        let mut lb = load_balancer("us-east-1", &kind.to_string(), path);
        lb.usage = usage;
        let costs = inputs(true, None).costs(std::slice::from_ref(&lb), at);
        assert_eq!(costs[&lb.arn].at_least, at_least, "{kind} {:?}", lb.usage);
    }
}
