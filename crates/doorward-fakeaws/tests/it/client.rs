//! A minimal HTTP client whose requests look signed, and the small world that most tests use.

use std::net::SocketAddr;
use std::time::Duration;

use doorward_fakeaws::{Clock, Options, Server, World};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const ELBV2: (&str, &str) = ("elasticloadbalancing", "2015-12-01");
pub(crate) const ELB: (&str, &str) = ("elasticloadbalancing", "2012-06-01");
pub(crate) const STS: (&str, &str) = ("sts", "2011-06-15");
pub(crate) const ORGANIZATIONS: &str = "AWSOrganizationsV20161128";
pub(crate) const LOGS: &str = "Logs_20140328";
pub(crate) const SECURITY: &str = "AKIASECURITY";
pub(crate) const MANAGEMENT: &str = "AKIAMANAGEMENT";
pub(crate) const APP: &str = "111111111111";

/// Three accounts and a suspended one, two default Regions and one opt-in Region.
pub(crate) const WORLD: &str = r#"
[organization]
id = "o-test000001"
management = "000000000001"
home_region = "eu-west-1"
regions = ["eu-west-1", "us-east-1", "af-south-1"]
opt_in = ["af-south-1"]

[[caller]]
access_key = "AKIASECURITY"
secret = "s"
account = "000000000002"
arn = "arn:aws:iam::000000000002:user/scanner"
delegated_admin = true
allow = ["organizations:*", "sts:AssumeRole", "elasticloadbalancing:Describe*"]

[[caller]]
access_key = "AKIAMANAGEMENT"
secret = "s"
account = "000000000001"
arn = "arn:aws:iam::000000000001:user/root-like"
allow = ["*"]

[[caller]]
access_key = "AKIASESSION"
secret = "s"
account = "000000000002"
arn = "arn:aws:sts::000000000002:assumed-role/ci/build-7"
allow = ["*"]

[[role]]
name = "scan"
accounts = ["*"]
trusts = ["000000000002"]
allow = ["elasticloadbalancing:*", "account:ListRegions", "logs:Describe*", "organizations:Describe*"]

[[ou]]
path = "/Work/Prod"

[[account]]
id = "000000000001"
name = "management"

[[account]]
id = "000000000002"
name = "security"

[[account]]
id = "111111111111"
name = "app"
ou = "/Work/Prod"
tags = { owner = "web", empty = "" }
opted_in = ["af-south-1"]
roles = [
  { name = "strict", trusts = ["000000000002"], external_id = "abc/1", source_identity = false, max_session = 1800, allow = ["elasticloadbalancing:DescribeLoadBalancers"] },
  { name = "picky", trusts = ["arn:aws:iam::000000000002:user/other"], allow = ["*"] },
]

[[account]]
id = "222222222222"
name = "closed"
ou = "/Work"
state = "SUSPENDED"

[[load_balancer]]
account = "111111111111"
region = "eu-west-1"
name = "web"
count = 5
mode = "monitor"
tags = { "owner " = "<a> & \"b\" 'c'\ttab" }
listeners = ["HTTP:80", "HTTPS:443"]

[[load_balancer]]
account = "111111111111"
region = "eu-west-1"
name = "net"
type = "network"

[[load_balancer]]
account = "111111111111"
region = "eu-west-1"
name = "old"
type = "classic"
mode = "strictest"
count = 3
tags = { owner = "old" }
listeners = ["HTTP:80", "TCP:22"]
"#;

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Contents of every `<tag>` element, unescaped.
    pub(crate) fn all(&self, tag: &str) -> Vec<String> {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let pieces = self.body.split(&open).skip(1);
        pieces.map(|piece| unescape(piece.split(&close).next().unwrap())).collect()
    }

    pub(crate) fn one(&self, tag: &str) -> String {
        let all = self.all(tag);
        assert_eq!(all.len(), 1, "{tag} in {}", self.body);
        all.into_iter().next().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Error code of either protocol.
    pub(crate) fn code(&self) -> String {
        if self.body.starts_with('{') { self.json()["__type"].as_str().unwrap().to_owned() } else { self.one("Code") }
    }

    pub(crate) fn message(&self) -> String {
        if self.body.starts_with('{') {
            self.json()["message"].as_str().unwrap().to_owned()
        } else {
            self.one("Message")
        }
    }
}

fn unescape(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#9;", "\t"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Credentials and an address to send requests to.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) token: Option<String>,
    pub(crate) region: String,
    pub(crate) clock: Clock,
}

/// A server on `world` with a manual clock, and a client with the security account's key.
pub(crate) async fn start_with(world: &str, change: impl FnOnce(&mut Options)) -> (Server, Client) {
    let clock = Clock::manual("2026-05-06T07:08:09Z".parse().unwrap());
    let mut options = Options { clock: clock.clone(), ..Options::default() };
    change(&mut options);
    let server = Server::start(World::from_toml(world).unwrap(), options).await.unwrap();
    let client =
        Client { address: server.addr(), key: SECURITY.to_owned(), token: None, region: "eu-west-1".to_owned(), clock };
    (server, client)
}

pub(crate) async fn start() -> (Server, Client) {
    start_with(WORLD, |_| ()).await
}

/// The test world with lines added to its first section.
pub(crate) fn organization_with(lines: &str) -> String {
    WORLD.replacen("opt_in =", &format!("{lines}\nopt_in ="), 1)
}

impl Client {
    pub(crate) fn key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), token: None, ..self.clone() }
    }

    pub(crate) fn region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    pub(crate) fn request(&self, service: &str, path: &str, extra: &str, body: &str) -> String {
        let date = self.clock.now().strftime("%Y%m%dT%H%M%SZ");
        let token = self.token.as_ref().map(|token| format!("x-amz-security-token: {token}\r\n")).unwrap_or_default();
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-amz-date: {date}\r\n{token}{extra}content-length: {}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={}/20260506/{}/{service}/aws4_request, \
             SignedHeaders=host, Signature=00\r\n\r\n{body}",
            body.len(),
            self.key,
            self.region
        )
    }

    pub(crate) async fn send(&self, request: &str) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address).await?;
        exchange(&mut stream, request).await
    }

    pub(crate) fn form(action: &str, version: &str, parameters: &[(&str, &str)]) -> String {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            body.push_str(&format!("&{name}={value}"));
        }
        body
    }

    pub(crate) async fn try_query(
        &self,
        service: (&str, &str),
        action: &str,
        parameters: &[(&str, &str)],
    ) -> std::io::Result<Answer> {
        let body = Self::form(action, service.1, parameters);
        self.send(&self.request(service.0, "/", "content-type: application/x-www-form-urlencoded\r\n", &body)).await
    }

    pub(crate) async fn query(&self, service: (&str, &str), action: &str, parameters: &[(&str, &str)]) -> Answer {
        self.try_query(service, action, parameters).await.unwrap()
    }

    pub(crate) async fn call(&self, target: &str, action: &str, body: Value) -> Answer {
        let service = if target == LOGS { "logs" } else { "organizations" };
        let extra = format!("x-amz-target: {target}.{action}\r\ncontent-type: application/x-amz-json-1.1\r\n");
        self.send(&self.request(service, "/", &extra, &body.to_string())).await.unwrap()
    }

    pub(crate) async fn list_regions(&self, body: Value) -> Answer {
        let extra = "content-type: application/json\r\n";
        self.send(&self.request("account", "/listRegions", extra, &body.to_string())).await.unwrap()
    }

    /// A client with a session on a role.
    pub(crate) async fn assume(&self, account: &str, role: &str, more: &[(&str, &str)]) -> Self {
        let arn = format!("arn:aws:iam::{account}:role/{role}");
        let mut parameters = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "test")];
        parameters.extend_from_slice(more);
        let answer = self.query(STS, "AssumeRole", &parameters).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Self { key: answer.one("AccessKeyId"), token: Some(answer.one("SessionToken")), ..self.clone() }
    }

    /// A control request.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &str) -> Answer {
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.send(&request).await.unwrap()
    }
}

/// Sends a request and reads the whole response; an early end is an error.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &str) -> std::io::Result<Answer> {
    stream.write_all(request.as_bytes()).await?;
    let mut received = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        if let Some(answer) = complete(&received) {
            return Ok(answer);
        }
        let count = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer)).await??;
        if count == 0 {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, format!("after {}", received.len())));
        }
        received.extend_from_slice(&buffer[..count]);
    }
}

fn complete(received: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(received).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().unwrap();
    (body.len() >= length).then(|| Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
