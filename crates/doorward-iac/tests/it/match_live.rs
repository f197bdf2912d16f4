//! Matching load balancers with declarations: properties over generated files and scans, and single cases.

use std::collections::BTreeSet;

use doorward_iac::{Declared, Deployment, ParseOutput, SourceFile, Subject, match_live, parse};
use doorward_model::{
    Arn, Certainty, Gap, GapReason, InCode, Kind, LoadBalancer, Manager, Mode, Observed, Region, TextMap,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// Few names, so that they meet, and some that are markup, paths or escapes elsewhere.
const NAMES: [&str; 6] = ["web", "web-2", "edge", "<b>&\"'", "a\u{1b}[31m\u{202e}b", "../../etc\n`x`"];
const LOGICAL: [&str; 2] = ["Alb", "Edge"];

/// One declaration of the generated files.
#[derive(Debug, Clone)]
enum Code {
    Plan { name: usize, kind: Kind, exists: Option<usize> },
    Hcl { name: usize, kind: Kind, region: Option<usize>, prefix: bool },
    Template { logical: usize, name: Option<usize>, kind: Kind },
    Ingress { name: usize },
}

fn arn(number: usize) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/x/{number:016x}")
}

fn source(number: usize, code: &Code) -> SourceFile {
    let (name, text) = match code {
        Code::Plan { name, kind, exists } => {
            let mut change = json!({
                "actions": ["create"], "before": null, "after_unknown": {},
                "after": {"name": NAMES[*name], "load_balancer_type": kind.as_str(), "desync_mitigation_mode": "monitor"},
            });
            if let Some(one) = exists {
                change["actions"] = json!(["no-op"]);
                change["after"]["arn"] = json!(arn(*one));
                change["before"] = change["after"].clone();
            }
            let change = json!({"address": "aws_lb.a", "mode": "managed", "type": "aws_lb", "change": change});
            (format!("{number}.json"), json!({"format_version": "1.2", "resource_changes": [change]}).to_string())
        }
        Code::Hcl { name, kind, region, prefix } => {
            let region = region.map(|n| format!("provider \"aws\" {{\n  region = \"{}\"\n}}\n", REGIONS[n]));
            // Only plain names can be written without escapes.
            let (argument, name) = (if *prefix { "name_prefix" } else { "name" }, NAMES[name % 3]);
            let text = format!(
                "{}resource \"aws_lb\" \"a\" {{\n  {argument} = \"{name}\"\n  load_balancer_type = \"{kind}\"\n}}\n",
                region.unwrap_or_default()
            );
            (format!("{number}/main.tf"), text)
        }
        Code::Template { logical, name, kind } => {
            let mut properties = json!({"Type": kind.as_str()});
            if let Some(name) = name {
                properties["Name"] = json!(NAMES[*name]);
            }
            let resource = json!({"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": properties});
            let template =
                json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {LOGICAL[*logical]: resource}});
            (format!("{number}.template"), template.to_string())
        }
        Code::Ingress { name } => {
            let ingress = json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {"name": NAMES[*name], "namespace": "shop"}, "spec": {"ingressClassName": "alb"},
            });
            (format!("{number}.yaml"), ingress.to_string())
        }
    };
    SourceFile::new(name, text.into_bytes(), true).unwrap()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Application), Just(Kind::Network)]
}

fn codes() -> impl Strategy<Value = Code> {
    let (name, region) = (0..NAMES.len(), 0..REGIONS.len());
    prop_oneof![
        (name.clone(), kinds(), prop::option::of(0..4_usize)).prop_map(|(name, kind, exists)| Code::Plan {
            name,
            kind,
            exists
        }),
        (name.clone(), kinds(), prop::option::of(region), any::<bool>())
            .prop_map(|(name, kind, region, prefix)| Code::Hcl { name, kind, region, prefix }),
        (0..LOGICAL.len(), prop::option::of(name.clone()), kinds()).prop_map(|(logical, name, kind)| Code::Template {
            logical,
            name,
            kind
        }),
        name.prop_map(|name| Code::Ingress { name }),
    ]
}

/// The creator of a live load balancer, by its tags.
#[derive(Debug, Clone)]
enum Maker {
    None,
    Stack(usize),
    Controller(usize),
    Unread,
}

fn live(number: usize, name: usize, kind: Kind, region: usize, maker: &Maker) -> LoadBalancer {
    let arn = Arn::new(&arn(number)).unwrap();
    let region = Region::new(REGIONS[region]).unwrap();
    let (managed_by, tags) = match maker {
        Maker::None => (Observed::Absent, Observed::Known(TextMap::default())),
        Maker::Stack(logical) => (
            Observed::Known(Manager::CloudFormation("s".into())),
            Observed::Known([("aws:cloudformation:logical-id".to_owned(), LOGICAL[*logical].to_owned())].into()),
        ),
        Maker::Controller(name) => (
            Observed::Known(Manager::Kubernetes("c".into())),
            Observed::Known([("ingress.k8s.aws/stack".to_owned(), format!("shop/{}", NAMES[*name]))].into()),
        ),
        Maker::Unread => (Observed::unread(denied()), Observed::unread(denied())),
    };
    LoadBalancer { arn, name: NAMES[name].to_owned(), kind, region, managed_by, tags, placeholder: None, ..pattern() }
}

fn denied() -> Gap {
    Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags")
}

/// Any load balancer, for the fields that do not matter here.
fn pattern() -> LoadBalancer {
    let plan = source(0, &Code::Plan { name: 0, kind: Kind::Application, exists: Some(0) });
    let output = output(&[plan]);
    output.declared[0].load_balancer().unwrap().clone()
}

fn output(sources: &[SourceFile]) -> ParseOutput {
    let output = parse(sources, &Deployment::default(), &|_| Ok(Vec::new()));
    assert!(output.errors.is_empty(), "{:?}", output.errors);
    output
}

fn makers() -> impl Strategy<Value = Maker> {
    prop_oneof![
        3 => Just(Maker::None),
        2 => (0..LOGICAL.len()).prop_map(Maker::Stack),
        2 => (0..NAMES.len()).prop_map(Maker::Controller),
        1 => Just(Maker::Unread),
    ]
}

/// Whether the creator of a load balancer uses this dialect and, where it records the declaration, this declaration.
fn fits(lb: &LoadBalancer, declared: &Declared) -> bool {
    let dialect = declared.dialect.as_str();
    let tag = |key: &str| lb.tags.known().and_then(|tags| tags.get(key));
    match &lb.managed_by {
        Observed::Known(Manager::CloudFormation(_)) => {
            dialect == "cloudformation"
                && tag("aws:cloudformation:logical-id") == declared.address.strip_prefix("Resources.")
        }
        Observed::Known(Manager::Kubernetes(_)) => {
            dialect == "kubernetes" && tag("ingress.k8s.aws/stack") == declared.address.strip_prefix("Ingress ")
        }
        Observed::Absent => dialect == "hcl" || dialect == "terraform-plan",
        _ => true,
    }
}

fn of<'r>(output: &'r ParseOutput, found: &InCode) -> Vec<&'r Declared> {
    let at = |place: &doorward_model::CodePlace| {
        let mut all = output.declared.iter();
        all.find(|one| {
            (&one.place.file, one.place.line, one.place.column, &one.address)
                == (&place.file, place.line, place.column, &place.address)
        })
        .unwrap_or_else(|| panic!("{place} is no declaration"))
    };
    found.places.iter().map(at).collect()
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(512);
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2026), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn no_match_has_another_kind_place_or_manager(
        codes in prop::collection::vec(codes(), 0..8),
        lives in prop::collection::vec((0..NAMES.len(), kinds(), 0..REGIONS.len(), makers()), 1..8),
        turn in 0_usize..8,
    ) {
        let mut sources: Vec<SourceFile> = codes.iter().enumerate().map(|(n, code)| source(n, code)).collect();
        let live: Vec<LoadBalancer> =
            lives.iter().enumerate().map(|(n, (name, kind, region, maker))| live(n, *name, *kind, *region, maker)).collect();
        let parsed = output(&sources);
        let matched = match_live(&parsed, &sources, &live);

        for lb in &live {
            let Some(found) = matched.get(&lb.arn) else { continue };
            let places = of(&parsed, found);
            prop_assert!(!places.is_empty());
            prop_assert_eq!(found.place().is_some(), found.certainty != Certainty::Ambiguous);
            let names_arn = |declared: &Declared| {
                let code = declared.load_balancer().filter(|code| code.kind == lb.kind);
                code.is_some_and(|code| code.known_arn().known().copied() == Some(&lb.arn))
            };
            for declared in &places {
                let code = declared.load_balancer().unwrap();
                prop_assert_eq!(code.kind, lb.kind, "{:?}", found);
                let named = code.known_name().known().is_none_or(|name| *name == lb.name);
                // A plan with the ARN links to its configuration.
                let is_arn = names_arn(declared) || parsed.declared.iter().any(names_arn);
                let region_open = code.placeholder.as_ref().is_some_and(|open| open.region.is_some());
                prop_assert!(is_arn || (named && (region_open || code.region == lb.region)), "{:?} {:?}", lb, found);
                prop_assert!(is_arn || fits(lb, declared), "{:?} {:?}", lb, found);
            }
            let is_named = |one: &&Declared| {
                one.dialect.as_str() == "terraform-plan"
                    || one.load_balancer().is_some_and(|code| code.known_name().known().copied() == Some(&*lb.name))
            };
            let certain = places.len() == 1 && parsed.declared.iter().any(names_arn) && places.iter().all(is_named);
            prop_assert_eq!(found.certainty == Certainty::Certain, certain, "{:?}", found);
            // If one matched by its name, no other file declares this name for the kind, Region and manager.
            if found.certainty == Certainty::Likely && found.because.starts_with("The declaration contains its name") {
                let same: BTreeSet<(&str, usize)> = parsed
                    .declared
                    .iter()
                    .filter(|one| one.load_balancer().is_some_and(|code| {
                        let open = code.placeholder.as_ref().unwrap();
                        code.kind == lb.kind
                            && open.name.is_none()
                            && code.name == lb.name
                            && (open.region.is_some() || code.region == lb.region)
                            && fits(lb, one)
                    }))
                    // The plans and configurations here all have one address, so that a plan stands for its configuration.
                    .filter(|one| one.dialect.as_str() != "terraform-plan" || places[0].dialect.as_str() == "terraform-plan")
                    .map(|one| (one.place.file.as_str(), one.place.line))
                    .collect();
                prop_assert!(same.len() <= 1, "{:?} {:?}", found, same);
            }
        }

        // The order in which files are named changes nothing.
        if !sources.is_empty() {
            let turn = turn % sources.len();
            sources.rotate_left(turn);
        }
        prop_assert_eq!(match_live(&output(&sources), &sources, &live), matched.clone());
        sources.reverse();
        prop_assert_eq!(match_live(&output(&sources), &sources, &live), matched);
    }
}

/// A case: files, live load balancers, and the expected match of the first.
fn check(files: &[(&str, &str)], live: &[LoadBalancer], expected: &str) {
    let sources: Vec<SourceFile> =
        files.iter().map(|(name, text)| SourceFile::new(*name, text.as_bytes().to_vec(), true).unwrap()).collect();
    let matched = match_live(&output(&sources), &sources, live);
    let found = matched.get(&live[0].arn).map_or_else(|| "nothing".to_owned(), ToString::to_string);
    assert_eq!(found, expected, "{files:?}");
}

#[test]
fn cases() {
    let web = |region: usize| live(region, 0, Kind::Application, region, &Maker::None);
    let hcl = "resource \"aws_lb\" \"a\" {\n  name = \"web\"\n}\n";
    let sited = |region: &str, more: &str| format!("provider \"aws\" {{\n  region = \"{region}\"\n{more}}}\n{hcl}");
    check(&[("a.tf", hcl)], &[web(0)], "a.tf:1:1 (aws_lb.a), likely");
    // One declaration and two load balancers of its name: the provider's Region tells them apart, and so does its account.
    check(&[("a.tf", hcl)], &[web(0), web(1)], "a.tf:1:1 (aws_lb.a), ambiguous");
    check(&[("a.tf", &sited("eu-west-1", ""))], &[web(0), web(1)], "a.tf:4:1 (aws_lb.a), likely");
    check(&[("a.tf", &sited("us-east-1", ""))], &[web(0), web(1)], "nothing");
    let other = sited("eu-west-1", "  allowed_account_ids = [\"444455556666\"]\n");
    check(&[("a.tf", &other)], &[web(0)], "nothing");
    // A Region of the resource's own, and a provider by alias.
    let own = hcl.replace("name =", "region = \"us-east-1\"\n  name =");
    check(&[("a.tf", &own)], &[web(0)], "nothing");
    let alias = "provider \"aws\" {\n  alias  = \"us\"\n  region = \"us-east-1\"\n}\n";
    let by_alias = format!("{alias}{}", hcl.replace("name =", "provider = aws.us\n  name ="));
    check(&[("a.tf", &by_alias)], &[web(0)], "nothing");
    check(&[("a.tf", &by_alias)], &[web(1)], "a.tf:5:1 (aws_lb.a), likely");
    // A module with passed providers has no Region of its own.
    let module = "module \"m\" {\n  source    = \"./m\"\n  providers = { aws = aws.us }\n}\n";
    let files = [("a.tf", &*format!("{}{module}", sited("eu-west-1", "").replace("web", "x"))), ("m/m.tf", hcl)];
    check(&files, &[web(1)], "m/m.tf:1:1 (module.m.aws_lb.a), likely");
    // A load balancer of a stack or controller is not Terraform's, and a name in a template alone is no match.
    check(&[("a.tf", hcl)], &[live(0, 0, Kind::Application, 0, &Maker::Stack(0))], "nothing");
    let template =
        "Resources:\n  Alb:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties: {Name: web}\n";
    check(&[("t.yaml", template)], &[web(0)], "nothing");
    check(
        &[("t.yaml", template)],
        &[live(0, 0, Kind::Application, 0, &Maker::Stack(0))],
        "t.yaml:2:3 (Resources.Alb), likely",
    );
    check(&[("t.yaml", template)], &[live(0, 1, Kind::Application, 0, &Maker::Stack(0))], "nothing");
    check(
        &[("t.yaml", template)],
        &[live(0, 0, Kind::Application, 0, &Maker::Unread)],
        "t.yaml:2:3 (Resources.Alb), likely",
    );
    // A prefix matches if a single load balancer has it.
    let prefix = hcl.replace("name =", "name_prefix =");
    let web_2 = live(2, 1, Kind::Application, 0, &Maker::None);
    check(&[("a.tf", &prefix)], std::slice::from_ref(&web_2), "a.tf:1:1 (aws_lb.a), likely");
    check(&[("a.tf", &prefix)], &[web_2, web(0)], "a.tf:1:1 (aws_lb.a), ambiguous");
}

/// A patch, applied to its lines, is the edit that `--fix` writes.
#[test]
fn patches_are_what_a_fix_writes() {
    let mut patched = 0;
    for case in crate::cases::all() {
        let before = case.read();
        let sources = case.sources(case.text.clone().into_bytes()).unwrap_or_default();
        for declared in &before.declared {
            let Ok(edit) = &declared.fix else { continue };
            // The open parts of the identity are settled, so that it matches.
            let mut settled = declared.clone();
            let Subject::LoadBalancer(code) = &mut settled.subject else { continue };
            code.placeholder = None;
            let one = LoadBalancer { managed_by: Observed::unread(denied()), ..(**code).clone() };
            let only = ParseOutput { declared: vec![settled], ..ParseOutput::default() };
            let matched = match_live(&only, &sources, std::slice::from_ref(&one));
            let Some(patch) = matched.get(&one.arn).and_then(InCode::place).and_then(|place| place.patch.clone())
            else {
                continue;
            };
            let source = sources.iter().find(|source| source.path == edit.file).unwrap();
            let fixed = format!(
                "{}{}strictest{}{}",
                &source.text[..edit.span.start],
                edit.before,
                edit.after,
                &source.text[edit.span.end..]
            );
            let (line, old, new) = patch.lines(Mode::Strictest);
            let mut lines: Vec<&str> = source.text.lines().collect();
            assert_eq!(lines[line - 1..line - 1 + old.len()], old, "{}", case.name);
            lines.splice(line - 1..line - 1 + old.len(), new.iter().map(String::as_str));
            assert_eq!(lines, fixed.lines().collect::<Vec<_>>(), "{}", case.name);
            patched += 1;
        }
    }
    assert!(patched >= 60, "{patched} patches");
}
