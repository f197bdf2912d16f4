//! How a digest reads in each channel: looked at by people, kept as goldens.

use doorward_model::HistoryContext;
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
