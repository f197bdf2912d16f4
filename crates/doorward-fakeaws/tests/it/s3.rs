//! S3: lists are complete, ranges and conditions work, and every refusal is that of AWS.

use std::collections::BTreeSet;

use doorward_fakeaws::{Fault, What};

use super::client::{APP, Answer, Client, WORLD, start_with};

fn world() -> String {
    let mut world = WORLD.replace("\"logs:Describe*\"", "\"logs:Describe*\", \"s3:ListBucket\", \"s3:GetObject\"");
    world.push_str(
        r#"
        [[bucket]]
        name = "logs.central"
        account = "000000000002"
        region = "eu-west-1"
        readers = ["111111111111"]
        [[bucket.object]]
        key = "a/ b+c%/é.txt"
        text = "0123456789"
        [[bucket]]
        name = "closed-logs"
        account = "000000000002"
        region = "eu-west-1"
        [[bucket]]
        name = "far-logs"
        account = "111111111111"
        region = "us-east-1"
        "#,
    );
    for number in 0..7 {
        let group = number % 3;
        world.push_str(&format!("[[bucket.object]]\nkey = \"day/{group}/file-{number}\"\ntext = \"<{number}>\"\n"));
    }
    world
}

async fn get(client: &Client, path: &str, extra: &str) -> Answer {
    client.send(&client.request("s3", path, extra, "").replacen("POST", "GET", 1)).await.unwrap()
}

#[tokio::test]
async fn pages_lose_nothing() {
    let (server, client) = start_with(&world(), |_| ()).await;
    let far = client.assume(APP, "scan", &[]).await.region("us-east-1");
    for (query, keys, groups) in [
        ("", 7, 0),
        ("&prefix=day/0/", 3, 0),
        ("&prefix=day/&delimiter=/", 0, 3),
        ("&start-after=day/1/file-1", 3, 0),
        ("&start-after=day/0/file-0&delimiter=/&prefix=day/", 0, 2),
        ("&prefix=none", 0, 0),
    ] {
        for most in [1, 2, 3, 1000] {
            let (mut found, mut grouped, mut token) = (Vec::new(), Vec::new(), String::new());
            loop {
                let path = format!("/far-logs?list-type=2&max-keys={most}{query}{token}");
                let answer = get(&far, &path, "").await;
                assert_eq!(answer.status, 200, "{}", answer.body);
                found.extend(answer.all("Key"));
                grouped.extend(answer.all("Prefix").into_iter().skip(1));
                match answer.all("NextContinuationToken").first() {
                    None => break,
                    Some(next) => token = format!("&continuation-token={next}"),
                }
            }
            assert!(found.is_sorted(), "{found:?}");
            assert_eq!((found.len(), grouped.len()), (keys, groups), "{query} by {most}: {found:?} {grouped:?}");
            assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), keys);
            assert_eq!(grouped.iter().collect::<BTreeSet<_>>().len(), groups, "{grouped:?}");
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn objects_ranges_and_conditions() {
    let (server, client) = start_with(&world(), |_| ()).await;
    let client = client.assume("000000000002", "scan", &[]).await;
    let path = "/logs.central/a/%20b+c%25/%C3%A9.txt";
    let whole = get(&client, path, "").await;
    assert_eq!((whole.status, whole.body.as_str()), (200, "0123456789"));
    let etag = whole.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    for (extra, status, body) in [
        ("range: bytes=4-\r\n".to_owned(), 206, "456789"),
        (format!("range: bytes=4-5\r\nif-match: {etag}\r\n"), 206, "45"),
        ("range: bytes=10-\r\n".to_owned(), 416, "InvalidRange"),
        ("range: bytes=4-\r\nif-match: \"other\"\r\n".to_owned(), 412, "PreconditionFailed"),
    ] {
        let answer = get(&client, path, &extra).await;
        let content = if status == 206 { answer.body.clone() } else { answer.code() };
        assert_eq!((answer.status, content.as_str()), (status, body), "{extra}");
    }
    // The same object in virtual-host style.
    let request = client.request("s3", "/a/%20b+c%25/%C3%A9.txt", "", "").replacen("POST", "GET", 1);
    for host in ["logs.central.localhost:80", "logs.central.s3.eu-west-1.amazonaws.com"] {
        let answer = client.send(&request.replacen("host: localhost", &format!("host: {host}"), 1)).await.unwrap();
        assert_eq!(answer.body, "0123456789", "{host}");
    }
    assert!(server.world().put_object("logs.central", "a/ b+c%/é.txt", "changed", client.clock.now()));
    assert_eq!(get(&client, path, &format!("if-match: {etag}\r\n")).await.status, 412);
    server.shutdown().await;
}

#[tokio::test]
async fn refusals() {
    let (server, client) = start_with(&world(), |_| ()).await;
    let app = client.assume(APP, "scan", &[]).await;
    let narrow = client.assume(APP, "scan", &[("Policy", ONLY_GET)]).await;
    for (client, path, status, code) in [
        (&app, "/no-such-logs?list-type=2", 404, "NoSuchBucket"),
        (&app, "/closed-logs?list-type=2", 403, "AccessDenied"),
        (&app, "/logs.central?list-type=2", 200, ""),
        (&app, "/logs.central/none", 404, "NoSuchKey"),
        // Without permission to list, access is denied instead of reporting that the key does not exist.
        (&narrow, "/logs.central/none", 403, "AccessDenied"),
        (&narrow, "/logs.central?list-type=2", 403, "AccessDenied"),
        (&app, "/far-logs?list-type=2", 301, "PermanentRedirect"),
        (&app, "/logs.central?acl", 501, "NotImplemented"),
    ] {
        let answer = get(client, path, "").await;
        let code_reported = if answer.status == 200 { String::new() } else { answer.code() };
        assert_eq!((answer.status, code_reported.as_str()), (status, code), "{path}: {}", answer.body);
    }
    let elsewhere = get(&app, "/far-logs?list-type=2", "").await;
    assert!(elsewhere.head.contains("x-amz-bucket-region: us-east-1"), "{}", elsewhere.head);
    let closed = get(&app, "/closed-logs?list-type=2", "").await;
    assert!(closed.message().ends_with(
        "is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::closed-logs\" because no \
         resource-based policy allows the s3:ListBucket action"
    ));
    let needed: BTreeSet<String> = server.calls().into_iter().map(|call| call.iam_action).collect();
    assert!(needed.contains("s3:ListBucket") && needed.contains("s3:GetObject"), "{needed:?}");
    server.shutdown().await;
}

const ONLY_GET: &str = r#"{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

#[tokio::test]
async fn faults() {
    let (server, client) = start_with(&world(), |_| ()).await;
    let client = client.assume("000000000002", "scan", &[]).await;
    let path = "/logs.central/a/%20b+c%25/%C3%A9.txt";
    server.set_faults(vec![Fault::new(What::Throttle).service("s3").nth(1), Fault::new(What::ExpiredToken).nth(1)]);
    let slow = get(&client, path, "").await;
    assert_eq!((slow.status, slow.code().as_str()), (503, "SlowDown"));
    let expired = get(&client, path, "").await;
    assert_eq!((expired.status, expired.code().as_str()), (400, "ExpiredToken"));
    server.set_faults(vec![Fault::new(What::HalfClose(0.5)).resource("arn:aws:s3:::logs.central/*")]);
    let cut = client.send(&client.request("s3", path, "", "").replacen("POST", "GET", 1)).await;
    assert_eq!(cut.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    server.shutdown().await;
}
