//! The way in as lines for a person: what is used, and which variable, file or setting decides it. Never a secret.

use doorward_model::Region;
use hyper::Uri;
use serde::Serialize;

use super::{EndpointHints, Ground, Sourced, WayInError};
use crate::access::AccessSettings;
use crate::http_policy::HttpPolicy;
use crate::variables::{ValueOrigin, Variables};

/// Seconds of difference to AWS's clock from which AWS refuses signatures.
const REFUSED: u64 = 300;

/// One line of the way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayInLine {
    /// The part: `profile`, `credentials`, `region`, `endpoint`, `trust store`, and so on.
    pub topic: &'static str,
    /// The value in use, or the problem.
    pub text: String,
    /// The variable, setting, or file and line that decides it; `default` where nothing does.
    pub origin: String,
    /// Whether this keeps AWS from being called.
    pub is_problem: bool,
}

impl WayInLine {
    /// The line of the clock, by the seconds that it is ahead of AWS's; none where AWS did not answer.
    pub fn of_clock(offset: Option<i64>) -> Self {
        let (text, origin) = match offset {
            None => ("unknown, because AWS did not respond".to_owned(), ""),
            Some(offset) => {
                let way = if offset < 0 { "behind" } else { "ahead of" };
                let seconds = offset.unsigned_abs();
                (format!("{seconds} s {way} AWS's clock; AWS refuses requests from {REFUSED} s on"), "AWS's answer")
            }
        };
        let is_problem = offset.is_some_and(|offset| offset.unsigned_abs() >= REFUSED);
        Self { topic: "clock", text, origin: origin.to_owned(), is_problem }
    }
}

fn line(topic: &'static str, text: impl Into<String>, origin: &ValueOrigin) -> WayInLine {
    WayInLine { topic, text: text.into(), origin: origin.to_string(), is_problem: false }
}

fn problem(topic: &'static str, error: &WayInError) -> WayInLine {
    let origin = match error {
        WayInError::Value { origin, .. } => origin.to_string(),
        _ => String::new(),
    };
    WayInLine { topic, text: error.to_string(), origin, is_problem: true }
}

/// All lines. A part that cannot be used does not hide the others. No call is made.
pub(crate) async fn lines(settings: &AccessSettings, variables: Variables) -> Vec<WayInLine> {
    let ground = match Ground::new(settings, variables) {
        Ok(ground) => ground,
        Err(error) => return vec![problem("profile", &error)],
    };
    let mut lines = Vec::new();
    let profile = &ground.profile;
    let is_there = ground.config.has(&profile.name);
    let text = if is_there { profile.name.clone() } else { format!("{} (not in the AWS configuration)", profile.name) };
    lines.push(line("profile", text, &profile.origin));
    lines.push(match ground.source() {
        Ok(source) => {
            let (text, origin) = source.described();
            let why = if profile.is_explicit() && ground.variables.get("AWS_ACCESS_KEY_ID").is_some() {
                "; AWS_ACCESS_KEY_ID is set and not used, because a profile is named"
            } else {
                ""
            };
            line("credentials", text + why, &origin)
        }
        Err(error) => problem("credentials", &error.into()),
    });
    let region = ground.region(settings);
    lines.push(match &region {
        Ok(Some(region)) => line("region", region.value.as_str(), &region.origin),
        Ok(None) => match ground.chain().metadata_endpoint(&profile.name) {
            Some(_) => line("region", "none is set; the instance metadata is read for it", &ValueOrigin::Metadata),
            None => WayInLine { is_problem: true, ..line("region", "none is set", &ValueOrigin::Default) },
        },
        Err(error) => problem("region", error),
    });
    let mut on = [false; 2];
    let flags = [("FIPS", ground.fips()), ("dual-stack", ground.dual_stack())];
    let kinds = ground.endpoints().and_then(|endpoints| ground.kinds(&endpoints));
    for (place, (on, (topic, flag))) in on.iter_mut().zip(flags).enumerate() {
        lines.push(match (flag, &kinds) {
            (Ok(flag), Ok(kinds)) => {
                *on = kinds.get(place).is_some_and(|kind| kind.value);
                let text = match (*on, flag.value) {
                    (true, _) => "on",
                    (false, true) => "off, because the endpoint of every service is set",
                    (false, false) => "off",
                };
                line(topic, text, &flag.origin)
            }
            (Ok(flag), Err(error @ WayInError::TwoEndpoints { kind, .. })) if *kind == topic => {
                WayInLine { origin: flag.origin.to_string(), ..problem(topic, error) }
            }
            (Ok(flag), Err(_)) => line(topic, if flag.value { "on" } else { "off" }, &flag.origin),
            (Err(error), _) => problem(topic, &error),
        });
    }
    let policy = ground.policy(EndpointHints::default());
    if let Ok(policy) = &policy {
        let text = format!("{} certificates of {}", policy.trust.len(), policy.trust.described());
        let empty = policy.trust.len() == 0;
        let origin = match super::bundle_of(&ground.variables, &ground.config, &profile.name) {
            Some((_, origin)) => origin,
            None => ground
                .variables
                .first(&["SSL_CERT_FILE", "SSL_CERT_DIR"])
                .map_or(ValueOrigin::Default, |(name, _)| ValueOrigin::variable(name)),
        };
        lines.push(WayInLine { is_problem: empty, ..line("trust store", text, &origin) });
    }
    match (policy, region.ok().flatten()) {
        (Ok(policy), Some(region)) => lines.extend(endpoints(&ground, &policy, &region, on).await),
        (Err(error), _) => lines.push(problem("proxy and trust store", &error)),
        (Ok(_), None) => {}
    }
    lines
}

/// The endpoint of each service that every scan calls, and the proxy on the way to it.
async fn endpoints(
    ground: &Ground,
    policy: &HttpPolicy,
    region: &Sourced<Region>,
    [fips, dual_stack]: [bool; 2],
) -> Vec<WayInLine> {
    macro_rules! of_aws {
        ($sdk:ident) => {{
            use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
            let params =
                Params::builder().region(region.value.as_str()).use_fips(fips).use_dual_stack(dual_stack).build();
            match params {
                Ok(params) => match DefaultResolver::new().resolve_endpoint(&params).await {
                    Ok(endpoint) => Ok(endpoint.url().to_owned()),
                    Err(error) => Err(error.to_string()),
                },
                Err(error) => Err(error.to_string()),
            }
        }};
    }
    let configured = match ground.endpoints() {
        Ok(configured) => configured,
        Err(error) => return vec![problem("endpoint", &error)],
    };
    let resolved = [
        ("STS", of_aws!(aws_sdk_sts)),
        ("Organizations", of_aws!(aws_sdk_organizations)),
        ("Account", of_aws!(aws_sdk_account)),
        ("Elastic Load Balancing v2", of_aws!(aws_sdk_elasticloadbalancingv2)),
        ("Elastic Load Balancing", of_aws!(aws_sdk_elasticloadbalancing)),
    ];
    let lines = resolved.into_iter().map(|(service, resolved)| {
        let (url, origin) = match (configured.endpoint(service), resolved) {
            (Some(own), _) => (own.value.clone(), own.origin.clone()),
            (None, Ok(url)) => (url, ValueOrigin::Default),
            (None, Err(error)) => {
                let text = format!("{service}: no endpoint in {}: {error}", region.value);
                return WayInLine { is_problem: true, ..line("endpoint", text, &region.origin) };
            }
        };
        let way = url.parse::<Uri>().map_or_else(|_| "directly".to_owned(), |uri| policy.proxies.way(&uri));
        line("endpoint", format!("{service}: {url}, {way}"), &origin)
    });
    lines.collect()
}
