//! The channels against receivers that misbehave: what arrived is known, what did not is tried again, and nothing follows a
//! redirect or shows a secret.

use doorward_model::HistoryContext;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use doorward_notify::{
    ChannelSettings, DigestFate, Dispatcher, Environment, NotifyOutcome, Settings, SmtpSettings, SmtpTls,
    plan_statement,
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::bed::{RULES, directory, exec, report, settings, slack, teams};
use crate::doubles::{Act, Book, Receiver, time};

const SCENE: &str = "a:high@web";

/// Delivers a report; answers what became of it and how many milliseconds were paused.
async fn deliver(settings: Settings, variables: &[(&str, String)], book: &Book, scene: &str) -> (NotifyOutcome, i64) {
    let environment = Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let (time, waited) = time();
    let courier = Dispatcher::new(directory(settings), &environment, book.clone(), None, time).expect("opens");
    let outcome = courier.deliver(&report(1, scene), &RULES, &HistoryContext::default()).await;
    assert!(outcome.receipt().adds_up(), "{outcome:#?}");
    let shown = format!("{outcome:?} {}", serde_json::to_string(&outcome).expect("writes"));
    assert!(!shown.contains("sEcReT"), "{shown}");
    (outcome, waited.load(Ordering::SeqCst))
}

/// A receiver that acts in this order, and then takes everything.
async fn acting(acts: Vec<Act>) -> Receiver {
    let mut acts = acts.into_iter();
    Receiver::start(Arc::default(), move || acts.next().unwrap_or(Act::Take)).await
}

fn only(outcome: &NotifyOutcome) -> &DigestFate {
    let reported: Vec<_> = outcome.lines.iter().filter(|line| line.fate != DigestFate::Unchanged).collect();
    assert_eq!(reported.len(), 1, "{outcome:#?}");
    &reported[0].fate
}

#[tokio::test]
async fn trouble_passes_and_the_digest_arrives() {
    for (acts, messages, repeat) in [
        (vec![], 1, false),
        (vec![Act::Confirmation(429, "Retry-After: 7\r\n")], 1, false),
        (vec![Act::Confirmation(429, "")], 1, false),
        (vec![Act::Confirmation(503, ""), Act::Confirmation(500, "")], 1, true),
        (vec![Act::Hangup], 1, true),
        (vec![Act::TakeAndHangup], 2, true),
        (vec![Act::TakeAndCut], 2, true),
        (vec![Act::TakeAndAnswer(200)], 2, true),
        (vec![Act::TakeAndAnswer(502), Act::Confirmation(429, "Retry-After: 1\r\n")], 2, true),
    ] {
        let receiver = acting(acts.clone()).await;
        let book = Book::new();
        let all = || settings(&["web"], vec![("chat", slack("HOOK"))]);
        let variables = [("HOOK", receiver.url())];
        let (outcome, waited) = deliver(all(), &variables, &book, SCENE).await;
        assert_eq!(only(&outcome), &DigestFate::Delivered { may_repeat: repeat }, "{acts:?}");
        let bodies = receiver.bodies();
        assert_eq!(bodies.len(), messages, "{acts:?}");
        let says_so = |body: &Value| body.to_string().contains("This may be a duplicate");
        assert!(!says_so(&bodies[0]) || messages == 1, "{acts:?}");
        assert_eq!(bodies.last().map(says_so), Some(repeat), "{acts:?}");
        if acts == [Act::Confirmation(429, "Retry-After: 7\r\n")] {
            assert!((7_000..8_100).contains(&waited), "{waited}");
        }
        // It is known to have arrived: the same report says nothing more.
        let (again, _) = deliver(all(), &variables, &book, SCENE).await;
        assert!(again.lines.iter().all(|line| line.fate == DigestFate::Unchanged), "{again:#?}");
        assert_eq!(receiver.bodies().len(), messages, "{acts:?}");
    }
}

#[tokio::test]
async fn what_cannot_arrive_is_listed_and_tried_by_the_next_run() {
    for (act, tries, unclear, reason) in [
        (Act::Confirmation(302, "Location: /elsewhere\r\n"), 1, false, "redirect (302), which is not followed"),
        (
            Act::Confirmation(307, "Location: http://127.0.0.1:1/\r\n"),
            1,
            false,
            "redirect (307), which is not followed",
        ),
        (Act::Confirmation(403, ""), 1, false, "refused or no longer exists (403)"),
        (Act::Confirmation(400, ""), 1, false, "the message was refused (400)"),
        (Act::Confirmation(429, "Retry-After: 3600\r\n"), 1, false, "throttled the request"),
        (Act::Confirmation(429, ""), 4, false, "throttled the request"),
        (Act::Confirmation(500, ""), 4, true, "the response was 500"),
        (Act::Hangup, 4, true, "the connection ended before a response arrived"),
    ] {
        let mut acts = vec![act.clone(); 4].into_iter();
        let open = Arc::new(Mutex::new(false));
        let opened = Arc::clone(&open);
        let receiver = Receiver::start(Arc::default(), move || match *opened.lock().expect("no panic") {
            true => Act::Take,
            false => acts.next().unwrap_or(Act::Confirmation(500, "")),
        })
        .await;
        let book = Book::new();
        let all = || settings(&["web"], vec![("chat", slack("HOOK"))]);
        let variables = [("HOOK", receiver.url())];
        let (outcome, _) = deliver(all(), &variables, &book, SCENE).await;
        let DigestFate::Failed { unclear: was, reason: said } = only(&outcome) else { panic!("{act:?}: {outcome:#?}") };
        assert!(*was == unclear && said.contains(reason), "{act:?}: {was} {said}");
        assert_eq!(receiver.requests.load(Ordering::SeqCst), tries, "{act:?}");
        let page = book.page("owner:web", "chat");
        assert_eq!((page.open.is_some(), page.delivered, page.attempts), (unclear, None, 1), "{act:?}");
        assert_eq!(page.failure.as_ref(), Some(said));
        *open.lock().expect("no panic") = true;
        let (outcome, _) = deliver(all(), &variables, &book, SCENE).await;
        assert_eq!(only(&outcome), &DigestFate::Delivered { may_repeat: unclear }, "{act:?}");
        assert_eq!(outcome.lines.iter().filter_map(|line| line.digest.as_ref()).count(), 1);
    }
}

#[tokio::test]
async fn a_slow_receiver_is_given_up_and_a_closed_port_is_no_arrival() {
    let receiver = acting(vec![Act::TakeAndSleep]).await;
    let mut hasty = settings(&["web"], vec![("chat", slack("HOOK"))]);
    hasty.tries = 1;
    let ChannelSettings::Slack { timeout_seconds, .. } = hasty.channels.get_mut("chat").expect("there") else {
        panic!()
    };
    *timeout_seconds = 1;
    let book = Book::new();
    let (outcome, _) = deliver(hasty, &[("HOOK", receiver.url())], &book, SCENE).await;
    let DigestFate::Failed { unclear: true, reason } = only(&outcome) else { panic!("{outcome:#?}") };
    assert!(reason.contains("within 1 seconds"), "{reason}");

    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let variables = [("HOOK", format!("http://127.0.0.1:{closed}/sEcReT"))];
    let all = settings(&["web", "pay"], vec![("chat", slack("HOOK"))]);
    let (outcome, _) = deliver(all, &variables, &Book::new(), "a:high@web b:low@pay").await;
    let reasons: Vec<_> = outcome.failures().map(|line| &line.fate).collect();
    assert!(
        matches!(reasons[0], DigestFate::Failed { unclear: false, reason } if reason.contains("could not be reached"))
    );
    assert!(
        matches!(reasons[1], DigestFate::Failed { unclear: false, reason } if reason.starts_with("not tried")),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn teams_gets_a_card_and_its_failures_are_read() {
    let receiver = Receiver::kind().await;
    let book = Book::new();
    let all = settings(&["web"], vec![("room", teams("HOOK"))]);
    let (outcome, _) = deliver(all, &[("HOOK", receiver.url())], &book, SCENE).await;
    assert_eq!(only(&outcome), &DigestFate::Delivered { may_repeat: false });
    let card = &receiver.bodies()[0];
    assert_eq!(card["type"], "message");
    assert_eq!(card["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["attachments"][0]["content"]["type"], "AdaptiveCard");
    let path = &receiver.taken.lock().expect("no panic")[0].0;
    assert_eq!(path, "/services/t0/b0/secret");
}

/// Writes a script that can be run.
fn script(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("writes");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("sets");
    path.display().to_string()
}

#[tokio::test]
async fn a_command_reads_json_and_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept.json").display().to_string();
    let program = script(
        folder.path(),
        "take",
        &format!("/bin/cat > {kept}; printf '%s|' \"$@\" >> {kept}.args; /usr/bin/env >> {kept}.env"),
    );
    let hostile = ["$(touch /tmp/x)", "; id", "`id`", "a b"];
    let command: Vec<&str> = [program.as_str()].into_iter().chain(hostile).collect();
    let mut all = settings(&["web"], vec![("own", exec(&command))]);
    if let Some(ChannelSettings::Exec { pass_env, .. }) = all.channels.get_mut("own") {
        pass_env.push("TOKEN".to_owned());
    }
    let variables = [("TOKEN", "sEcReT".to_owned()), ("AWS_SECRET_ACCESS_KEY", "other".to_owned())];
    let (outcome, _) = deliver(all, &variables, &Book::new(), SCENE).await;
    assert_eq!(only(&outcome), &DigestFate::Delivered { may_repeat: false });
    let document: Value = serde_json::from_slice(&std::fs::read(&kept).expect("there")).expect("JSON");
    assert_eq!(document["format"], "doorward-digest-v1");
    assert_eq!(document["audience"], serde_json::json!({"kind": "owner", "name": "web"}));
    assert_eq!(document["changes"][0]["change"], "new");
    assert_eq!(document["changes"][0]["standing"], serde_json::json!({"is": "failing", "severity": "high"}));
    let arguments = std::fs::read_to_string(format!("{kept}.args")).expect("there");
    assert_eq!(arguments, hostile.map(|word| format!("{word}|")).concat(), "as they are");
    let environment = std::fs::read_to_string(format!("{kept}.env")).expect("there");
    assert!(environment.contains("TOKEN=sEcReT") && !environment.contains("AWS_SECRET"), "{environment}");

    for (text, unclear, tries, reason) in [
        ("echo x >> $0.tries; exit 1", false, 1, "refused the digest (exit code 1)"),
        ("echo x >> $0.tries; exit 75", false, 4, "requests another attempt"),
        ("echo x >> $0.tries; kill -9 $$", true, 4, "ended by a signal"),
        ("echo x >> $0.tries; exec /bin/sleep 30", true, 4, "did not end within 1 seconds"),
    ] {
        let program = script(folder.path(), &format!("fail{}", text.len()), text);
        let mut all = settings(&["web"], vec![("own", exec(&[&program]))]);
        if let Some(ChannelSettings::Exec { timeout_seconds, .. }) = all.channels.get_mut("own") {
            *timeout_seconds = if text.contains("sleep") { 1 } else { 20 };
        }
        let (outcome, _) = deliver(all, &[], &Book::new(), SCENE).await;
        let DigestFate::Failed { unclear: was, reason: said } = only(&outcome) else { panic!("{text}: {outcome:#?}") };
        assert!(*was == unclear && said.contains(reason), "{text}: {was} {said}");
        let tried = std::fs::read_to_string(format!("{program}.tries")).expect("tried").lines().count();
        assert_eq!(tried, tries, "{text}");
    }
    let (outcome, _) =
        deliver(settings(&["web"], vec![("own", exec(&["/nowhere/x"]))]), &[], &Book::new(), SCENE).await;
    assert!(
        matches!(only(&outcome), DigestFate::Failed { unclear: false, reason } if reason.contains("could not be started"))
    );
    // A command that reads nothing may still decide.
    let deaf = script(folder.path(), "deaf", "exit 0");
    let (outcome, _) = deliver(settings(&["web"], vec![("own", exec(&[&deaf]))]), &[], &Book::new(), SCENE).await;
    assert_eq!(only(&outcome), &DigestFate::Delivered { may_repeat: false });
}

/// A mail server that answers DATA as reported; keeps envelopes and messages.
pub(crate) async fn post(answers: Vec<&'static str>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (mails, mut answers) = (Arc::clone(&kept), answers.into_iter());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answers.next().unwrap_or("250 taken");
            let _ = talk(stream, answer, &mails).await;
        }
    });
    (port, kept)
}

async fn talk(stream: tokio::net::TcpStream, answer: &str, mails: &Mutex<Vec<String>>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 here\r\n").await.ok()?;
    let mut mail = String::new();
    loop {
        let line = lines.next_line().await.ok()??;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => "250-here\r\n250 8BITMIME",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                loop {
                    let line = lines.next_line().await.ok()??;
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                if answer != "hang up" || !mail.is_empty() {
                    mails.lock().expect("no panic").push(std::mem::take(&mut mail));
                }
                if answer == "hang up" {
                    return None;
                }
                answer
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await.ok(),
            _ => {
                mail.push_str(&format!("{line}\n"));
                "250 ok"
            }
        };
        write.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
    }
}

pub(crate) fn mailing(port: u16, to: &[&str]) -> Settings {
    let to = to.iter().map(|address| (*address).to_owned()).collect();
    let mut settings = settings(&["web"], vec![("post", ChannelSettings::Mail { to, timeout_seconds: 20 })]);
    settings.smtp = Some(SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        tls: SmtpTls::None,
        from: "doorward@x.example".to_owned(),
        user: None,
        password_file: None,
        password_env: None,
    });
    settings
}

#[tokio::test]
async fn mail_goes_to_the_addresses_of_the_directory() {
    let (port, mails) = post(Vec::new()).await;
    let book = Book::new();
    let (outcome, _) = deliver(mailing(port, &["a@x.example", "b@x.example"]), &[], &book, SCENE).await;
    assert_eq!(only(&outcome), &DigestFate::Delivered { may_repeat: false });
    let id = book.page("owner:web", "post").delivered.expect("delivered").id;
    let mail = mails.lock().expect("no panic")[0].clone();
    for line in [
        "MAIL FROM:<doorward@x.example>",
        "RCPT TO:<a@x.example>",
        "RCPT TO:<b@x.example>",
        "Subject: Doorward: 1 change, 1 failing finding for web",
        "Date: Wed, 10 Feb 2027 09:00:00 +0000",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain",
        "Content-Type: text/html",
    ] {
        assert!(mail.contains(line), "{line} in {mail}");
    }
    assert!(mail.contains(&format!("Message-ID: <doorward-{id}@x.example>")) || mail.contains(&id), "{mail}");
    assert_eq!(mail.matches("RCPT").count(), 2);
}

#[tokio::test]
async fn a_mail_server_that_refuses_is_distinguished_from_one_that_breaks_off() {
    for (answers, unclear, repeat, mails) in [
        (vec!["451 later"], None, false, 2),
        (vec!["hang up"], None, true, 2),
        (vec!["554 no"], Some(false), false, 1),
        (vec!["hang up"; 4], Some(true), false, 4),
        (vec!["451 later"; 4], Some(false), false, 4),
    ] {
        let (port, kept) = post(answers.clone()).await;
        let (outcome, _) = deliver(mailing(port, &["a@x.example"]), &[], &Book::new(), SCENE).await;
        match (only(&outcome), unclear) {
            (DigestFate::Delivered { may_repeat }, None) => assert_eq!(*may_repeat, repeat, "{answers:?}"),
            (DigestFate::Failed { unclear: was, .. }, Some(unclear)) => {
                assert_eq!(*was, unclear, "{answers:?}: {outcome:#?}")
            }
            other => panic!("{answers:?}: {other:?}"),
        }
        assert_eq!(kept.lock().expect("no panic").len(), mails, "{answers:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let (outcome, _) = deliver(mailing(closed, &["a@x.example"]), &[], &Book::new(), SCENE).await;
    assert!(
        matches!(only(&outcome), DigestFate::Failed { unclear: false, reason } if reason.contains("could not be reached"))
    );
}

/// A log-in is never sent in the clear, nor a message where protection was asked for and is not to be had.
#[tokio::test]
async fn nothing_is_sent_without_the_protection_that_was_asked_for() {
    for tls in [SmtpTls::Starttls, SmtpTls::Implicit] {
        let (port, mails) = post(Vec::new()).await;
        let mut all = mailing(port, &["a@x.example"]);
        let ChannelSettings::Mail { timeout_seconds, .. } = all.channels.get_mut("post").expect("there") else {
            panic!()
        };
        (*timeout_seconds, all.tries) = (1, 1);
        let smtp = all.smtp.as_mut().expect("there");
        (smtp.tls, smtp.user, smtp.password_env) = (tls, Some("u".to_owned()), Some("WORD".to_owned()));
        let (outcome, _) = deliver(all, &[("WORD", "sEcReT".to_owned())], &Book::new(), SCENE).await;
        assert!(matches!(only(&outcome), DigestFate::Failed { .. }), "{tls:?}: {outcome:#?}");
        assert!(mails.lock().expect("no panic").is_empty(), "{tls:?}");
    }
    let receiver = acting(vec![Act::Hangup; 4]).await;
    let url = receiver.url().replace("http:", "https:");
    let (outcome, _) =
        deliver(settings(&["web"], vec![("chat", slack("HOOK"))]), &[("HOOK", url)], &Book::new(), SCENE).await;
    assert!(
        matches!(only(&outcome), DigestFate::Failed { unclear: false, reason } if reason.contains("could not be reached"))
    );
}

#[tokio::test]
async fn owners_without_a_channel_are_counted() {
    let receiver = Receiver::kind().await;
    let mut all = settings(&["web"], vec![("chat", slack("HOOK"))]);
    (all.fallback, all.unowned) = (Vec::new(), Vec::new());
    let scene = "a:high@web b:low@pay c:pass@pay d:low@other e:low";
    let (outcome, _) = deliver(all, &[("HOOK", receiver.url())], &Book::new(), scene).await;
    let untold: Vec<_> = outcome.untold.iter().map(|one| (one.audience.key(), one.findings, one.owners)).collect();
    assert_eq!(untold, [("unlisted".to_owned(), 3, 2), ("unowned".to_owned(), 1, 1)]);
    // People read load balancers and open findings; a verdict that passes needs no recipient.
    let counts: Vec<_> = outcome.untold.iter().map(|one| (one.load_balancers, one.open_findings)).collect();
    assert_eq!(counts, [(3, 2), (1, 1)]);
    let planned = plan_statement(&[], &outcome.untold).text;
    for sentence in [
        "3 load balancers with 2 open findings have no recipient: the owner is not in notify.owners",
        "1 load balancer with 1 open finding has no recipient: the owner is not known",
    ] {
        assert!(planned.contains(sentence), "{planned}");
    }
    let receipt = outcome.receipt();
    assert_eq!((receipt.findings_in, receipt.written, receipt.skipped.len()), (5, 1, 2), "{receipt:?}");
    assert!(receipt.skipped[0].reason.contains("notify.fallback is empty"));
    assert_eq!(receiver.bodies().len(), 1);
}
