//! How a digest reads in each channel: looked at by people, kept as goldens.

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
    let (planned, _) = plan(&report(31, scene), &RULES, &directory(all), &Book::new()).expect("reads");
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
