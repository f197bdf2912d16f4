//! Wrong forms of the lists of CloudFront and API Gateway.

use serde_json::{Value, json};

use super::form::Form;

/// An account that no world has.
const ANOTHER: &str = "999999999999";

impl Form {
    /// The list of VPC origins in this form.
    pub(super) fn of_vpc_origins(self, text: &str) -> Option<String> {
        let (before, rest) = text.split_once("<VpcOriginSummary>")?;
        let (first, after) = rest.split_once("</VpcOriginSummary>")?;
        let with = |entry: &str| Some(format!("{before}<VpcOriginSummary>{entry}</VpcOriginSummary>{after}"));
        match self {
            Self::EntryWithoutName => {
                let (head, tail) = first.split_once("<OriginEndpointArn>")?;
                let (_, tail) = tail.split_once("</OriginEndpointArn>")?;
                with(&format!("{head}{tail}"))
            }
            Self::ForeignAccount => with(&foreign(first)?),
            Self::RepeatedEntry => {
                Some(format!("{before}<VpcOriginSummary>{first}</VpcOriginSummary><VpcOriginSummary>{rest}"))
            }
            Self::RepeatedList => Some(text.replacen("<Items>", "<Items></Items><Items>", 1)),
            Self::RenamedEntries => Some(text.replace("VpcOriginSummary>", "item>")),
            Self::Shortened => Some(format!("{before}{after}")),
            _ => None,
        }
    }

    /// A list of API Gateway in this form.
    pub(super) fn of_apis(self, text: &str) -> Option<String> {
        let mut answer: Value = serde_json::from_str(text).ok()?;
        let items = answer.get_mut("items")?.as_array_mut()?;
        match self {
            Self::EntryWithoutName => {
                let last = items.last_mut()?.as_object_mut()?;
                last.remove("apiId").or_else(|| last.remove("integrationUri"))?;
            }
            Self::ForeignAccount => {
                let uri = items.last_mut()?.get_mut("integrationUri")?;
                *uri = json!(foreign(uri.as_str()?)?);
            }
            Self::RepeatedList => return Some(format!("{}, \"items\": []}}", text.trim_end().strip_suffix('}')?)),
            Self::RenamedEntries => *items.first_mut()? = Value::Null,
            _ => return None,
        }
        Some(answer.to_string())
    }
}

/// The ARN of a load balancer or listener in the text with another account.
fn foreign(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(":elasticloadbalancing:")?;
    let mut parts = rest.splitn(3, ':');
    let (region, _, resource) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{before}:elasticloadbalancing:{region}:{ANOTHER}:{resource}"))
}
