//! How a digest reads in each channel: looked at by people, kept as goldens.

use std::sync::Arc;

use doorward_model::{Certainty, CodeLink, CodePlace, HistoryContext, InCode};
use doorward_notify::{ChannelSettings, Settings, plan};

use crate::bed::{RULES, directory, exec, report, settings, slack, teams};
use crate::doubles::Book;

#[test]
fn a_digest_reads_well_everywhere() {
    let topic = ChannelSettings::Sns { topic: "arn:aws:sns:eu-west-1:111122223333:x".to_owned(), timeout_seconds: 20 };
    let mail = ChannelSettings::Mail { to: vec!["a@x.example".to_owned()], timeout_seconds: 20 };
    let channels =
        vec![("chat", slack("S")), ("room", teams("T")), ("topic", topic), ("post", mail), ("own", exec(&["/x"]))];
    let smtp = toml::from_str("host = \"localhost\"\nfrom = \"doorward@x.example\"\ntls = \"none\"").expect("reads");
    let all = Settings { smtp: Some(smtp), fallback: Vec::new(), unowned: Vec::new(), ..settings(&["web"], channels) };
    let scene = "shop-edge:high@web shop-old:unknown@web shop-api:ex=2026-12-09@web shop-static:pass@web !half";
    let (planned, _) =
        plan(&report(31, scene), &RULES, &HistoryContext::default(), &directory(all), &Book::new()).expect("reads");
    assert_eq!(planned.len(), 5);
    for planned in planned {
        let payload = planned.payload.expect("a digest");
        match planned.kind {
            "slack" => {
                insta::assert_snapshot!("text", planned.text.expect("text"));
                insta::assert_json_snapshot!("slack", payload);
            }
            "teams" => insta::assert_json_snapshot!("teams", payload),
            "sns" => insta::assert_snapshot!("sns", payload["subject"].as_str().expect("text")),
            "mail" => insta::assert_snapshot!("mail", payload["html"].as_str().expect("text").replace("><", ">\n<")),
            _ => insta::assert_json_snapshot!("exec", payload),
        }
    }
}

/// However much changed, a message about a scan has at most 12 lines and a link, and names no finding twice.
#[test]
fn a_digest_has_at_most_twelve_lines_and_a_link() {
    let all = |many: usize| {
        let one = |n: usize| {
            let verdict = ["high", "low", "critical", "medium", "unknown", "ex=2026-12-09", "ex=2026-12-20"][n % 7];
            format!("lb-{n:03}:{verdict}@web")
        };
        (0..many).map(one).collect::<Vec<_>>().join(" ")
    };
    let settings = Settings {
        link_base: Some("https://reports.example.com/scan.html".to_owned()),
        ..settings(&["web"], vec![("own", exec(&["/x"]))])
    };
    for many in [1, 7, 40, 300] {
        let (planned, _) = plan(
            &report(31, &all(many)),
            &RULES,
            &HistoryContext::default(),
            &directory(settings.clone()),
            &Book::new(),
        )
        .expect("reads");
        let text = planned.iter().find_map(|one| one.text.clone()).expect("a digest");
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert!(lines.len() <= 12, "{many}: {} lines\n{text}", lines.len());
        assert!(text.contains("https://reports.example.com/scan.html#?owner=web"), "{text}");
        assert!(text.contains("First report") && !text.contains("New"), "{text}");
        for n in 0..many {
            assert!(text.matches(&format!("lb-{n:03}")).count() <= 1, "lb-{n:03} is named twice\n{text}");
        }
    }
}

/// A digest names the line that declares a load balancer, and leads to it where the settings name a repository.
#[test]
fn a_digest_leads_to_the_line_of_the_declaration() {
    let place = |file: &str| CodePlace {
        dialect: "hcl".to_owned(),
        address: "aws_lb.web".to_owned(),
        file: file.to_owned(),
        line: 12,
        column: 3,
        way: String::new(),
        patch: None,
        unpatched: None,
    };
    let base = "https://git.example.com/infra/";
    let code_link = CodeLink::new(&format!("{base}{{path}}#L{{line}}")).expect("a template");
    for (file, is_chosen, at, link) in [
        ("edge/main.tf", true, "edge/main.tf:12", Some("edge/main.tf")),
        ("javascript:alert(1)\u{7}", true, "javascript:alert(1)\\u{7}:12", Some("javascript%3Aalert%281%29%07")),
        ("a b<@everyone>.tf", true, "a b<＠everyone>.tf:12", Some("a%20b%3C%40everyone%3E.tf")),
        ("/etc/main.tf", true, "/etc/main.tf:12", None),
        ("edge/main.tf", false, "edge/main.tf:12", Some("edge/main.tf")),
    ] {
        let mut scan = report(31, "shop-edge:high@web");
        let places = vec![place(file); if is_chosen { 1 } else { 2 }];
        let certainty = if is_chosen { Certainty::Likely } else { Certainty::Ambiguous };
        let because = "It has the name.".to_owned();
        scan.load_balancers[0].declared = Some(Arc::new(InCode { certainty, because, places }));
        for repository in [None, Some(code_link.clone())] {
            let has_link = repository.is_some();
            let settings = Settings { code_link: repository, ..settings(&["web"], vec![("own", exec(&["/x"]))]) };
            let directory = directory(settings);
            let (planned, _) =
                plan(&scan, &RULES, &HistoryContext::default(), &directory, &Book::new()).expect("reads");
            let text = planned.iter().find_map(|one| one.text.clone()).expect("a digest");
            assert_eq!(text.contains(&format!("Declared at {at}")), is_chosen, "{file:?}: {text}");
            let expected = link.filter(|_| has_link && is_chosen).map(|path| format!("{base}{path}#L12"));
            assert_eq!(text.contains(base), expected.is_some(), "{file:?}: {text}");
            assert!(expected.is_none_or(|link| text.contains(&format!(": {link} "))), "{file:?}: {text}");
        }
    }
}
