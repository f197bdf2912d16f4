//! A signed HTTP request: access key, service and Region of its signature, and its parameters.

use hyper::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

/// The credential scope of a SigV4 `Authorization` header. The signature itself is not verified here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Scope {
    /// Reads `AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/sts/aws4_request, SignedHeaders=…, Signature=…`.
    pub(crate) fn parse(authorization: &str) -> Option<Self> {
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256")?;
        let credential = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
        let mut parts = credential.split('/');
        let (access_key, _date) = (parts.next()?, parts.next()?);
        let (region, service) = (parts.next()?, parts.next()?);
        (parts.next()? == "aws4_request" && parts.next().is_none()).then(|| Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

/// The value of a header when it is readable text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads the basic ISO form of `X-Amz-Date`.
pub(crate) fn amz_date(text: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The parameters of a call: a form for query services, a document for JSON services.
#[derive(Debug)]
pub(crate) enum Params {
    Form(Vec<(String, String)>),
    Json(Value),
}

impl Params {
    /// Reads a form body.
    pub(crate) fn form(body: &str) -> Self {
        let pairs = body.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        });
        Self::Form(pairs.collect())
    }

    /// A text parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match self {
            Self::Form(pairs) => pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()),
            Self::Json(document) => document.get(name)?.as_str(),
        }
    }

    /// The whole document of a JSON service.
    pub(crate) fn document(&self) -> Option<&Value> {
        match self {
            Self::Form(_) => None,
            Self::Json(document) => Some(document),
        }
    }

    /// A number parameter: `Some(Err)` if it is present and not a number.
    pub(crate) fn number(&self, name: &str) -> Option<Result<i64, ()>> {
        match self {
            Self::Form(_) => self.get(name).map(|text| text.parse().map_err(|_| ())),
            Self::Json(document) => match document.get(name)? {
                Value::Null => None,
                value => Some(value.as_i64().ok_or(())),
            },
        }
    }

    /// A list of texts: `Name.member.N` of a form, an array of a document. In order.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        match self {
            Self::Form(_) => self.indexed(name, "").into_iter().map(|(_, value)| value).collect(),
            Self::Json(document) => document
                .get(name)
                .and_then(Value::as_array)
                .map(|items| items.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default(),
        }
    }

    /// `Name.member.N.field` of a form: the number and the value, in order of the numbers.
    pub(crate) fn indexed(&self, name: &str, field: &str) -> Vec<(usize, &str)> {
        let Self::Form(pairs) = self else { return Vec::new() };
        let mut found: Vec<(usize, &str)> = pairs
            .iter()
            .filter_map(|(key, value)| {
                let rest = key.strip_prefix(name)?.strip_prefix(".member.")?;
                let number = match field {
                    "" => rest,
                    field => rest.strip_suffix(field)?.strip_suffix('.')?,
                };
                Some((number.parse().ok()?, value.as_str()))
            })
            .collect();
        found.sort_by_key(|(number, _)| *number);
        found
    }
}

/// Decodes `application/x-www-form-urlencoded`.
pub(crate) fn decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok()))
            .flatten();
        match (byte, escaped) {
            (_, Some(decoded)) => {
                out.push(decoded);
                at += 3;
            }
            (b'+', None) => {
                out.push(b' ');
                at += 1;
            }
            (other, None) => {
                out.push(other);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_scope_and_form() {
        let header =
            "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=ab";
        let scope = Scope::parse(header).unwrap();
        assert_eq!((scope.access_key.as_str(), scope.region.as_str()), ("AKIA1", "eu-west-1"));
        assert_eq!(Scope::parse("AWS4-HMAC-SHA256 Credential=AKIA1/20260101"), None);

        let params = Params::form("Action=X&A.member.2=two&A.member.1=%C3%A9+n&Attributes.member.1.Key=k%2");
        assert_eq!(params.list("A"), ["é n", "two"]);
        assert_eq!(params.indexed("Attributes", "Key"), [(1, "k%2")]);
        assert_eq!(amz_date("20260102T030405Z").unwrap().to_string(), "2026-01-02T03:04:05Z");
    }
}
