//! Webhooks: one POST without redirects; only the documented response counts as accepted.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::Value;

use super::{Again, SendFailure};
use doorward_aws::{HttpPolicy, Time, WebClient};

use crate::channels_config::{Route, SettingsError, is_local};
use crate::secret::{Environment, Secret};

/// Most of an answer that is read, in bytes.
const ANSWER: usize = 4_096;

/// The client of all webhooks, with the proxies and certificates of the environment.
#[derive(Clone)]
pub(super) struct WebhookClient {
    policy: HttpPolicy,
    http: WebClient,
}

impl WebhookClient {
    pub(super) fn new(environment: &Environment) -> Result<Self, SettingsError> {
        let made = environment.http_policy().and_then(|policy| {
            let http = policy.web_client()?;
            Ok(Self { policy, http })
        });
        made.map_err(|error| {
            SettingsError::new("notify.channels", format!("has webhooks, but no HTTP client could be created: {error}"))
        })
    }
}

/// The response that confirms the arrival of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirmation {
    /// A success that says `ok`.
    Ok,
    /// A success that does not speak of failure.
    Success,
}

impl Confirmation {
    pub(super) fn of(route: &Route) -> Self {
        if matches!(route, Route::Slack(_)) { Self::Ok } else { Self::Success }
    }

    fn is_given_by(self, body: &str) -> bool {
        match self {
            Self::Ok => body.trim() == "ok",
            Self::Success => !body.contains("failed with error"),
        }
    }
}

/// A webhook.
pub(crate) struct Hook {
    client: WebhookClient,
    url: Uri,
    answer: Confirmation,
    timeout: Duration,
}

impl Hook {
    /// Checks the URL; the error names the setting and never the URL, which is the secret.
    pub(super) fn new(
        client: WebhookClient,
        setting: &str,
        url: &Secret,
        answer: Confirmation,
        timeout: Duration,
    ) -> Result<Self, SettingsError> {
        let problem = |what: &str| SettingsError::new(setting, format!("leads to {what}"));
        let url: Uri = url.expose().trim().parse().map_err(|_| problem("text that is not a URL"))?;
        let host = url.host().ok_or_else(|| problem("a URL without a host"))?;
        if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(problem("a URL with a user name; remove the user name"));
        }
        match url.scheme_str() {
            Some("https") => {}
            Some("http") if is_local(host) => {}
            _ => return Err(problem("a URL that is not https; plain http is allowed only for this machine")),
        }
        Ok(Self { client, url, answer, timeout })
    }

    /// Posts a document, one try.
    pub(super) async fn post(&self, document: &Value, time: &Time) -> Result<(), SendFailure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, "doorward")
            .body(Full::new(Bytes::from(document.to_string())))
            .map_err(|_| SendFailure::refused("the request could not be built; check the webhook's URL"))?;
        let asked = async {
            let answer = match self.client.http.request(request).await {
                Ok(answer) => answer,
                Err(error) if error.is_connect() => {
                    let fault = self.client.policy.explain(&self.url, &error).await;
                    let reason = format!("the webhook's host could not be reached: {fault}");
                    return Err(if fault.is_permanent() {
                        SendFailure::refused(reason).of_channel()
                    } else {
                        SendFailure::lost(reason)
                    });
                }
                Err(_) => {
                    return Err(SendFailure::unclear(
                        "the connection ended before a response arrived; the next run tries again",
                    ));
                }
            };
            let (head, body) = answer.into_parts();
            // An answer that breaks off is judged by its status where that decides, and believed nowhere else.
            let body = Limited::new(body, ANSWER).collect().await;
            let body = body.ok().map(|whole| String::from_utf8_lossy(&whole.to_bytes()).into_owned());
            let wait = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            judge(head.status, body.as_deref(), wait, self.answer, time.now())
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(done) => done,
            Err(_) => Err(SendFailure::unclear(format!(
                "no response arrived within {} seconds; the next run tries again",
                self.timeout.as_secs()
            ))),
        }
    }
}

/// The effect of a response on the message.
fn judge(
    status: StatusCode,
    body: Option<&str>,
    wait: Option<&str>,
    answer: Confirmation,
    now: Timestamp,
) -> Result<(), SendFailure> {
    let code = status.as_u16();
    let said = body.map(word).unwrap_or_default();
    let again = wait.and_then(|wait| pause(wait, now)).map_or(Again::Soon, Again::After);
    match code {
        200..=299 => match body {
            Some(body) if answer.is_given_by(body) => Ok(()),
            Some(_) => Err(SendFailure::unclear(format!(
                "the response ({code}) is not the webhook's; check for a proxy or login page that responds in its place"
            ))),
            None => Err(SendFailure::unclear(format!("the response ({code}) was cut off; the next run tries again"))),
        },
        300..=399 => Err(SendFailure::refused(format!(
            "the response was a redirect ({code}), which is not followed; set the final URL"
        ))
        .of_channel()),
        408 => Err(SendFailure {
            again,
            ..SendFailure::unclear("the response was 408 (timeout); the next run tries again")
        }),
        429 => Err(SendFailure {
            again,
            ..SendFailure::lost(
                "the webhook throttled the request (429); the next run tries \
             again",
            )
        }),
        401 | 403 | 404 | 410 => Err(SendFailure::refused(format!(
            "the webhook is refused or no longer exists ({code}{said}); create a new one and set its URL"
        ))
        .of_channel()),
        400..=499 => Err(SendFailure::refused(format!(
            "the message was refused ({code}{said}); `--dry-run` shows what was sent"
        ))),
        _ => Err(SendFailure {
            again,
            ..SendFailure::unclear(format!(
                "the response was {code}{said}; the next run tries \
                 again"
            ))
        }),
    }
}

/// A service's own word for what is wrong, if the answer is nothing else: `: invalid_payload`. Anything longer stays unread,
/// because it may quote secrets.
fn word(body: &str) -> String {
    let body = body.trim();
    let is_word = !body.is_empty() && body.len() <= 40 && body.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if is_word { format!(": {body}") } else { String::new() }
}

/// `Retry-After`: seconds or a date.
fn pause(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_what_helps() {
        let now: Timestamp = "2026-11-02T09:00:00Z".parse().expect("a time");
        let date = "Mon, 02 Nov 2026 09:00:30 GMT";
        let after = |seconds| Again::After(Duration::from_secs(seconds));
        for (status, body, wait, expected) in [
            (200, Some("ok"), None, None),
            (200, Some("<html>log in</html>"), None, Some((true, Again::Soon))),
            (200, None, None, Some((true, Again::Soon))),
            (302, Some(""), None, Some((false, Again::Never))),
            (400, Some("invalid_payload"), None, Some((false, Again::Never))),
            (404, Some("no_service"), None, Some((false, Again::Never))),
            (429, Some(""), Some("7"), Some((false, after(7)))),
            (429, Some(""), Some(date), Some((false, after(30)))),
            (429, None, Some("soon"), Some((false, Again::Soon))),
            (500, Some(""), None, Some((true, Again::Soon))),
            (503, Some(""), Some("2"), Some((true, after(2)))),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let judged =
                judge(status, body, wait, Confirmation::Ok, now).err().map(|failure| (failure.unclear, failure.again));
            assert_eq!(judged, expected, "{status} {body:?}");
        }
        let quoted = judge(StatusCode::FORBIDDEN, Some("https://x/T0P not found"), None, Confirmation::Ok, now);
        assert!(!quoted.expect_err("refused").reason.contains("T0P"));
    }
}
