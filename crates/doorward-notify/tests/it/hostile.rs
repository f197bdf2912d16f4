//! Hostile texts through every text field into every channel: nothing is markup, mention, link, header or address.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use doorward_model::{
    AccountState, Arn, CoverageStatus, Finding, HistoryContext, Observed, Organization, ScanReport, Severity, Verdict,
    VerdictReason,
};
use doorward_notify::{ChannelSettings, DigestFate, Dispatcher, Environment, Settings, plan};
use serde::Deserialize;
use serde_json::Value;

use crate::bed::{RULES, directory, exec, finding, gap, load_balancer, owned_by, settings, slack, teams, whole};
use crate::channels::{mailing, post};
use crate::doubles::{Book, Receiver, time};

#[derive(Deserialize)]
struct Corpus {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    repeat: usize,
    texts: Vec<String>,
}

/// The corpus of all sinks, and what only chat services would fall for.
fn corpus() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../doorward-sink-evidence/tests/hostile.toml");
    let corpus: Corpus = toml::from_str(&std::fs::read_to_string(path).expect("there")).expect("reads");
    let all = corpus.group.into_iter().flat_map(|group| {
        let repeat = group.repeat;
        group.texts.into_iter().map(move |text| text.repeat(repeat))
    });
    let own = [
        "<!channel>",
        "<!here|here>",
        "<!everyone>",
        "<@U012AB3CD>",
        "<#C123|general>",
        "<!subteam^S1>",
        "@channel",
        "@here",
        "<http://x.example|click>",
        "<mailto:a@x.example|mail>",
        "*bold* _it_ ~st~ `code`",
        "```pre```",
        "> quote",
        ":skull:",
        "<at>Everyone</at>",
        "{{DATE(2026-01-01T00:00:00Z,SHORT)}}",
        "${expression}",
        "@{triggerBody()}",
        "[a](http://x.example)",
        "[a](javascript:alert(1))",
        "![i](http://x.example/i.png)",
        "a\r\nBcc: evil@x.example",
        "a\r\n\r\n<html>",
        "\r\n.\r\n",
        "=?utf-8?q?=0D=0ABcc:_evil@x.example?=",
        "https://x.example/",
        "WWW.x.example",
        "evil@x.example",
        "&lt;!channel&gt;",
    ];
    all.chain(own.map(str::to_owned)).collect()
}

/// A report with this text in every text field that is not checked where it enters.
fn report(text: &str) -> ScanReport {
    let (mut load_balancers, mut findings) = (Vec::new(), Vec::new());
    let because = text.to_owned();
    let verdicts = [
        Verdict::Fail {
            reason: VerdictReason::ModeMonitor,
            because: because.clone(),
            severity: Severity::High,
            remedy: text.to_owned(),
        },
        Verdict::Excepted {
            reason: VerdictReason::ExceptionValid,
            because: because.clone(),
            severity: Severity::High,
            exception: text.to_owned(),
            expires: text.to_owned(),
        },
        Verdict::Unknown { reason: VerdictReason::ModeUnread, because, gaps: vec![Arc::new(gap().with_message(text))] },
    ];
    for (number, verdict) in verdicts.into_iter().enumerate() {
        for owner in ["web", text] {
            let mut lb = load_balancer(&format!("lb{number}-{}", owner == "web"), owned_by(owner));
            // An ARN holds no white space, and may hold much else.
            let odd: String = text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).take(200).collect();
            lb.arn = Arn::new(&format!("{}{odd}", lb.arn)).unwrap_or(lb.arn);
            let mut one = finding(&lb, verdict.clone());
            (lb.name, one.name, one.rule) = (text.to_owned(), text.into(), text.into());
            one.id = Finding::id_for(&lb.arn, &format!("{number}{text}"));
            findings.push(one);
            load_balancers.push(lb);
        }
    }
    let mut report = whole(1, load_balancers, findings, CoverageStatus::Complete, true, AccountState::Active);
    (report.run.id, report.run.tool_version) = (text.to_owned(), "0.1.0".to_owned());
    let management_account = report.run.account.clone();
    report.organization = Observed::Known(Organization { id: text.to_owned(), management_account });
    report
}

fn every_channel() -> Settings {
    let topic = ChannelSettings::Sns { topic: "arn:aws:sns:eu-west-1:111122223333:x".to_owned(), timeout_seconds: 20 };
    let mail = ChannelSettings::Mail { to: vec!["a@x.example".to_owned()], timeout_seconds: 20 };
    let channels =
        vec![("chat", slack("S")), ("room", teams("T")), ("topic", topic), ("post", mail), ("own", exec(&["/x"]))];
    let smtp = "host = \"localhost\"\nfrom = \"doorward@x.example\"\ntls = \"none\"";
    Settings { smtp: Some(toml::from_str(smtp).expect("reads")), ..settings(&["web"], channels) }
}

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{200b}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// Every string of a document, with the object it stands in.
fn strings<'a>(value: &'a Value, out: &mut Vec<(&'a Value, &'a str, &'a str)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) => out.push((value, name, text)),
                    other => strings(other, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        _ => {}
    }
}

fn no_address(text: &str, about: &str) {
    assert_eq!(text.chars().find(|c| steers(*c)), None, "{about}: {text:?}");
    for forbidden in ["://", "@", "www.", "WWW."] {
        assert!(!text.contains(forbidden), "{about}: {forbidden} in {text:?}");
    }
}

fn slack_is_safe(body: &Value, about: &str) {
    let blocks = body["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50, "{about}: {} blocks", blocks.len());
    let mut all = Vec::new();
    strings(body, &mut all);
    for (holder, _, text) in all.iter().filter(|(_, name, _)| *name == "text") {
        no_address(text, about);
        let plain = holder["type"] == "plain_text";
        let most = if plain { 150 } else { 3_000 };
        assert!(!text.is_empty() && text.chars().count() <= most, "{about}: {} characters", text.chars().count());
        if plain {
            continue;
        }
        assert!(holder["verbatim"] == true || holder["mrkdwn"] == false, "{about}: {holder}");
        assert!(!text.contains(['<', '>']), "{about}: {text:?}");
        for entity in text.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;"].iter().any(|known| entity.starts_with(known)), "{about}: &{entity}");
        }
        for line in text.lines() {
            assert_eq!(line.matches('`').count() % 2, 0, "{about}: {line:?}");
            // Outside of code, what stands is ours or has no markup in it.
            let prose: String = line.split('`').step_by(2).collect();
            let prose = prose.strip_prefix('*').and_then(|rest| rest.strip_suffix('*')).unwrap_or(&prose).to_owned();
            assert!(!prose.contains(['*', '~']), "{about}: {line:?}");
        }
    }
}

fn teams_is_safe(body: &Value, about: &str) {
    assert!(body.to_string().len() <= 28_000, "{about}: {} bytes", body.to_string().len());
    let card = &body["attachments"][0]["content"]["body"];
    let mut all = Vec::new();
    strings(card, &mut all);
    for (holder, name, text) in all {
        match (name, holder["type"].as_str().expect("a type")) {
            ("text", "TextRun") => {
                no_address(text, about);
                for forbidden in ["<", ">", "{{", "${", "@{"] {
                    assert!(!text.contains(forbidden), "{about}: {forbidden} in {text:?}");
                }
            }
            ("text", "TextBlock") => {
                assert!(["Due (", "Changed ("].iter().any(|ours| text.starts_with(ours)), "{about}: {text:?}")
            }
            ("type", kind) => assert!(["TextRun", "TextBlock", "RichTextBlock"].contains(&kind), "{about}: {kind}"),
            (name, _) => assert!(["weight", "spacing", "size", "fontType"].contains(&name), "{about}: {name}"),
        }
    }
}

fn html_is_safe(html: &str, about: &str) {
    // The style sheet is ours alone: it is the same whatever the text, loads nothing, and there is one.
    let (head, rest) = html.split_once("<style>").expect("a style sheet");
    let (style, body) = rest.split_once("</style>").expect("its end");
    assert!(!style.contains("url(") && !style.contains("@import") && !body.contains("<style"), "{about}: {style}");
    let dark = style.split_once("@media (prefers-color-scheme: dark)").expect("rules of the dark theme");
    no_address(&[head, dark.0, dark.1, body].concat(), about);
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let ours = [
            "!doctype html",
            "html lang=\"en\"",
            "meta charset=\"utf-8\"",
            "meta name=\"color-scheme\" content=\"light dark\"",
        ];
        let plain = ["html", "head", "style", "body", "h1", "h2", "p", "ul", "li", "code", "small"];
        assert!(ours.contains(&tag) || plain.contains(&tag.trim_start_matches('/')), "{about}: <{tag}>");
    }
}

#[test]
fn no_text_does_anything_anywhere() {
    let directory = directory(every_channel());
    let texts = corpus();
    assert!(texts.len() >= 300, "{} texts", texts.len());
    let mut seen = 0;
    for text in &texts {
        let about: String = text.chars().take(40).collect();
        let (planned, _) =
            plan(&report(text), &RULES, &HistoryContext::default(), &directory, &Book::new()).expect("reads");
        for planned in planned {
            let Some(payload) = planned.payload else { continue };
            seen += 1;
            let about = format!("{} {about:?}", planned.channel);
            no_address(planned.text.as_deref().expect("text"), &about);
            match planned.kind {
                "slack" => slack_is_safe(&payload, &about),
                "teams" => teams_is_safe(&payload, &about),
                "mail" => {
                    let subject = payload["subject"].as_str().expect("text");
                    assert!(subject.chars().count() <= 200 && !subject.contains('\n'), "{about}: {subject:?}");
                    no_address(subject, &about);
                    no_address(payload["text"].as_str().expect("text"), &about);
                    html_is_safe(payload["html"].as_str().expect("text"), &about);
                }
                "sns" => {
                    let subject = payload["subject"].as_str().expect("text");
                    assert!(
                        subject.len() <= 100 && subject.chars().all(|c| c.is_ascii_graphic() || c == ' '),
                        "{about}"
                    );
                    let message = payload["message"].as_str().expect("text");
                    assert!(message.len() <= 262_144, "{about}");
                    no_address(message, &about);
                }
                // Data for a program: whole, and as it came.
                "exec" => assert!(
                    payload["changes"].as_array().expect("changes").iter().any(|change| change["name"] == *text),
                    "{about}"
                ),
                other => panic!("{other}"),
            }
        }
    }
    assert!(seen >= texts.len() * 10, "{seen} digests of {} texts", texts.len());
}

/// A big digest fits everywhere, and says what it leaves out.
#[test]
fn what_does_not_fit_is_counted() {
    let (mut load_balancers, mut findings) = (Vec::new(), Vec::new());
    for number in 0..3_000 {
        let lb = load_balancer(&format!("lb{number}"), owned_by("web"));
        let because = "<&>".repeat(100);
        findings.push(finding(
            &lb,
            Verdict::Fail {
                reason: VerdictReason::ModeMonitor,
                because,
                severity: Severity::High,
                remedy: "&".repeat(400),
            },
        ));
        load_balancers.push(lb);
    }
    let report = whole(1, load_balancers, findings, CoverageStatus::Complete, true, AccountState::Active);
    let (planned, _) =
        plan(&report, &RULES, &HistoryContext::default(), &directory(every_channel()), &Book::new()).expect("reads");
    let mut kinds = 0;
    for planned in planned {
        let Some(payload) = planned.payload else { continue };
        kinds += 1;
        let text = match planned.kind {
            "slack" => {
                slack_is_safe(&payload, "big");
                payload.to_string()
            }
            "teams" => {
                teams_is_safe(&payload, "big");
                payload.to_string()
            }
            "mail" => {
                let text = payload["text"].as_str().expect("text");
                assert!(text.len() <= 256 * 1024 && payload["html"].as_str().expect("text").len() < 300 * 1024);
                text.to_owned()
            }
            "sns" => {
                let message = payload["message"].as_str().expect("text");
                assert!(message.len() <= 256 * 1024);
                message.to_owned()
            }
            _ => {
                assert_eq!(payload["changes"].as_array().expect("changes").len(), 3_000, "a program gets all of it");
                continue;
            }
        };
        assert!(text.contains("3000 load balancers: ") && text.contains(" and 2995 more"), "{}: {text}", planned.kind);
    }
    assert_eq!(kinds, 5);
}

/// No text becomes a header, a recipient or the end of a message.
#[tokio::test]
async fn a_mail_has_our_headers_and_the_directorys_recipients() {
    let (port, mails) = post(Vec::new()).await;
    // Those made for mail and chat are the last; of the others, every fourth.
    let texts =
        corpus().into_iter().rev().enumerate().filter(|(n, text)| (*n < 29 || n % 4 == 0) && text.len() < 1_000);
    let texts: Vec<String> = texts.map(|(_, text)| text).collect();
    for text in &texts {
        let all = directory(mailing(port, &["a@x.example"]));
        let courier = Dispatcher::new(all, &Environment::default(), Book::new(), None, time().0).expect("opens");
        let outcome = courier.deliver(&report(text), &RULES, &HistoryContext::default()).await;
        assert!(outcome.is_complete(), "{text:?}: {outcome:#?}");
    }
    let mails = mails.lock().expect("no panic");
    assert!(mails.len() > texts.len(), "{} mails", mails.len());
    for mail in mails.iter() {
        let (envelope, message) =
            mail.split_at(mail.find("\nFrom:").or_else(|| mail.find("\nSubject:")).expect("a head") + 1);
        let recipients: Vec<&str> = envelope.lines().filter(|line| line.starts_with("RCPT")).collect();
        assert_eq!(recipients, ["RCPT TO:<a@x.example>"], "{envelope}");
        let head = message.split("\n\n").next().expect("a head");
        for line in head.lines().filter(|line| !line.starts_with([' ', '\t'])) {
            let name = line.split(':').next().expect("a name");
            let ours =
                ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
            assert!(ours.contains(&name), "{line:?} in {head}");
            assert!(!line.contains("evil") || name == "Subject", "{line:?}");
        }
        assert!(message.is_ascii(), "8-bit text is encoded");
    }
}

/// Addresses in tags and names lead nowhere: what is sent goes to the directory's addresses only.
#[tokio::test]
async fn nothing_goes_where_a_tag_says() {
    let (receiver, canary) = (Receiver::kind().await, Receiver::kind().await);
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("mark").display().to_string();
    let environment = Environment::new([("HOOK".to_owned(), receiver.url())]);
    let (time, _) = time();
    let book = Book::new();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    for text in [
        canary.url(),
        format!("{}#", canary.url()),
        format!("file://{mark}"),
        format!("$(touch {mark})"),
        format!("; touch {mark}"),
        "evil@x.example".to_owned(),
        "arn:aws:sns:eu-west-1:111122223333:evil".to_owned(),
        "chat".to_owned(),
        "HOOK".to_owned(),
        "owner:web".to_owned(),
        "../web".to_owned(),
    ] {
        let all = settings(&["web"], vec![("chat", slack("HOOK"))]);
        let courier = Dispatcher::new(directory(all), &environment, book.clone(), None, time.clone()).expect("opens");
        let outcome = courier.deliver(&report(&text), &RULES, &HistoryContext::default()).await;
        assert!(outcome.lines.iter().all(|line| !matches!(line.fate, DigestFate::Failed { .. })), "{outcome:#?}");
        let keys: Vec<String> = outcome.lines.iter().map(|line| line.audience.key()).collect();
        assert_eq!(keys, ["owner:web", "unlisted", "unowned"], "no tag makes a line of the directory");
        seen.lock().expect("no panic").extend(outcome.lines.into_iter().map(|line| line.channel));
    }
    assert_eq!(canary.requests.load(Ordering::SeqCst), 0);
    assert!(!std::path::Path::new(&mark).exists());
    assert!(receiver.taken.lock().expect("no panic").iter().all(|(path, _)| path == "/services/t0/b0/secret"));
    assert!(seen.lock().expect("no panic").iter().all(|channel| channel == "chat"));
}
