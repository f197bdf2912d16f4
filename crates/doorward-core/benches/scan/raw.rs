//! The floor: the same load balancer calls as signed HTTP requests without an SDK. No retries, no timeouts, no types.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::loops::{self, APIS, Api};
use crate::world::{HOME, KEY, REGIONS, account_id, role_arn};
use crate::{Outcome, Place, xml};

type Http = Client<HttpConnector, Full<Bytes>>;

const STS: (&str, &str) = ("sts", "2011-06-15");
const CURRENT: (&str, &str) = ("elasticloadbalancing", "2015-12-01");
const CLASSIC: (&str, &str) = ("elasticloadbalancing", "2012-06-01");

fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Walks the organization, whose accounts and Regions it knows, and says how many load balancers it saw.
pub(crate) async fn run(place: &Place) -> Outcome<usize> {
    let floor = Floor { http: http(), url: format!("{}/", place.url) };
    let sessions = loops::all(0..place.accounts, |number| floor.session(number)).await?;
    let regions = sessions.iter().flat_map(|session| REGIONS.map(|region| (session, region)));
    let questions = regions.flat_map(|(session, region)| APIS.map(|api| (session, region, api)));
    let seen = loops::all(questions, |(session, region, api)| floor.read(session, region, api));
    Ok(seen.await?.into_iter().sum())
}

/// The emulator's counts, which then start anew. Here because this file has the plain HTTP client.
pub(crate) async fn counts(url: &str) -> Outcome<Value> {
    let http = http();
    let control = |method: &str, path: &str| -> Outcome<Request<Full<Bytes>>> {
        Ok(Request::builder().method(method).uri(format!("{url}{path}")).body(Full::default())?)
    };
    let answer = http.request(control("GET", "/_fake/counts")?).await?;
    let counts = serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?;
    http.request(control("DELETE", "/_fake/calls")?).await?;
    Ok(counts)
}

struct Floor {
    http: Http,
    url: String,
}

impl Floor {
    async fn session(&self, number: usize) -> Outcome<Identity> {
        let base: Identity = Credentials::new(KEY.0, KEY.1, None, None, "bench").into();
        if number == 0 {
            return Ok(base);
        }
        let role = role_arn(&account_id(number));
        let parameters = [("RoleArn", role.as_str()), ("RoleSessionName", "doorward"), ("DurationSeconds", "3600")];
        let answer = self.ask(STS, HOME, &base, "AssumeRole", &parameters).await?;
        let [key, secret, token] = xml::texts(&answer, ["AccessKeyId", "SecretAccessKey", "SessionToken"])?;
        let first = |texts: Vec<String>| texts.into_iter().next().ok_or("the answer holds no credentials");
        Ok(Credentials::new(first(key)?, first(secret)?, Some(first(token)?), None, "bench").into())
    }

    async fn read(&self, session: &Identity, region: &str, api: Api) -> Outcome<usize> {
        let (service, id, one, many) = match api {
            Api::Current => (CURRENT, "LoadBalancerArn", "LoadBalancerArn", "ResourceArns"),
            Api::Classic => (CLASSIC, "LoadBalancerName", "LoadBalancerName", "LoadBalancerNames"),
        };
        let (mut seen, mut wanted, mut marker) = (0, Vec::new(), None::<String>);
        loop {
            let mut parameters = vec![("PageSize", "400")];
            parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
            let answer = self.ask(service, region, session, "DescribeLoadBalancers", &parameters).await?;
            let [ids, types, next] = xml::texts(&answer, [id, "Type", "NextMarker"])?;
            seen += ids.len();
            match api {
                // Both come once for each load balancer, so they pair up.
                Api::Current => wanted
                    .extend(ids.into_iter().zip(types).filter(|(_, kind)| kind == "application").map(|(id, _)| id)),
                Api::Classic => wanted.extend(ids),
            }
            marker = next.into_iter().next();
            if marker.is_none() {
                break;
            }
        }
        for id in &wanted {
            let answer = self.ask(service, region, session, "DescribeLoadBalancerAttributes", &[(one, id)]).await?;
            xml::texts(&answer, ["Key", "Value"])?;
        }
        for batch in wanted.chunks(20) {
            let names: Vec<String> = (1..=batch.len()).map(|number| format!("{many}.member.{number}")).collect();
            let parameters: Vec<(&str, &str)> =
                names.iter().map(String::as_str).zip(batch.iter().map(String::as_str)).collect();
            let answer = self.ask(service, region, session, "DescribeTags", &parameters).await?;
            xml::texts(&answer, ["Key", "Value"])?;
        }
        let mut marker = None::<String>;
        while api == Api::Current && !wanted.is_empty() {
            let mut parameters = vec![("PageSize", "400")];
            parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
            let answer = self.ask(service, region, session, "DescribeTargetGroups", &parameters).await?;
            let [_, next] = xml::texts(&answer, ["TargetGroupArn", "NextMarker"])?;
            marker = next.into_iter().next();
            if marker.is_none() {
                break;
            }
        }
        Ok(seen)
    }

    async fn ask(
        &self,
        (service, version): (&str, &str),
        region: &str,
        session: &Identity,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Outcome<Bytes> {
        const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
        let body = form(action, version, parameters);
        let signing = v4::SigningParams::builder()
            .identity(session)
            .region(region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable =
            SignableRequest::new("POST", &self.url, [FORM].into_iter(), SignableBody::Bytes(body.as_bytes()))?;
        let (instructions, _) = sign(signable, &signing)?.into_parts();
        let mut request = Request::post(&self.url).header(FORM.0, FORM.1).body(Full::from(body))?;
        instructions.apply_to_request_http1x(&mut request);
        let answer = self.http.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("{action}: {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(body)
    }
}

/// The body of a call of the query protocol.
fn form(action: &str, version: &str, parameters: &[(&str, &str)]) -> String {
    let mut body = format!("Action={action}&Version={version}");
    for (name, value) in parameters {
        body.push('&');
        body.push_str(name);
        body.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => body.push(char::from(byte)),
                _ => body.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    body
}
