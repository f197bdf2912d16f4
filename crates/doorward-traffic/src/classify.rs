//! Classifies a captured request with AWS's own library, from which the classification of load balancers was made.
//!
//! Access logs have no headers, so a log line cannot be classified again; this is for requests that were captured, to see which
//! mode would block them. The library is of 2020: it knows neither `SuspiciousTeClPresent` nor HTTP/2, so that its
//! classification may be milder than that of a load balancer today.

use std::fmt;

use http_desync_guardian::RequestSafetyTier;
use http_desync_guardian::request_analyzer::{HttpRequestData, RequestAnalysisResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request_origin::excerpt;
use crate::tally::Tier;

/// The longest request that is looked at, in bytes: load balancers admit 64 KiB of headers.
const LONGEST: usize = 1024 * 1024;
/// Of the library's message this much is kept.
const MESSAGE: usize = 300;

/// The classification of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Classified {
    /// The tier; none of a compliant request.
    pub tier: Option<Tier>,
    /// The reason code, `Compliant` of a compliant request.
    pub reason: String,
    /// The explanation of the library.
    pub message: Option<String>,
}

/// The tier and the reason, and where each is explained: a line each.
impl fmt::Display for Classified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.tier.as_ref().map_or("Compliant", Tier::as_str), self.reason)?;
        if let Some(message) = &self.message {
            writeln!(f, "{message}")?;
        }
        match crate::reason(&self.reason) {
            Some(_) => writeln!(f, "`doorward explain {}` describes typical clients and the fix", self.reason),
            None => Ok(()),
        }
    }
}

/// A request that cannot be classified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassifyError {
    /// There is nothing in it.
    #[error("the request is empty; pass the bytes of one HTTP/1 request, beginning with its request line")]
    Empty,
    /// It is too long.
    #[error("the request has {0} bytes, but the limit is 1 MiB; leave out its body")]
    TooLong(usize),
    /// It is not HTTP/1. The library classifies every version that sorts after it as compliant, which has no meaning.
    #[error(
        "the version of the request is above HTTP/1, and AWS's classifier does not examine such requests; a load \
         balancer accepts HTTP/2, and classifies a malformed version as BadVersion"
    )]
    NotHttp1,
}

/// Classifies the bytes of one request: request line, headers, an empty line; a body is not looked at.
pub fn classify(request: &[u8]) -> Result<Classified, ClassifyError> {
    if request.is_empty() {
        return Err(ClassifyError::Empty);
    }
    if request.len() > LONGEST {
        return Err(ClassifyError::TooLong(request.len()));
    }
    let line = request.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Method, target and version, or method and target of a request without a version.
    let version = line.split(|byte| *byte == b' ').skip(2).last().unwrap_or_default();
    if version >= b"HTTP/2".as_slice() {
        return Err(ClassifyError::NotHttp1);
    }
    let RequestAnalysisResult { tier, reason, message } = HttpRequestData::analyze_raw_request(request);
    let tier = match tier {
        RequestSafetyTier::Compliant => None,
        RequestSafetyTier::Acceptable => Some(Tier::Acceptable),
        RequestSafetyTier::Ambiguous => Some(Tier::Ambiguous),
        RequestSafetyTier::Severe => Some(Tier::Severe),
    };
    let message = message.map(|message| excerpt(message.as_bytes(), MESSAGE));
    Ok(Classified { tier, reason: format!("{reason:?}"), message })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reasons::reason;

    #[test]
    fn captured_requests_get_their_tier() {
        for (request, tier, code) in [
            ("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", None, "Compliant"),
            (
                "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n",
                Some(Tier::Acceptable),
                "GetHeadZeroContentLength",
            ),
            ("GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n", Some(Tier::Acceptable), "SpaceInUri"),
            (
                "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
                Some(Tier::Ambiguous),
                "BothTeClPresent",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: four\r\n\r\n",
                Some(Tier::Severe),
                "BadContentLength",
            ),
        ] {
            let classified = classify(request.as_bytes()).expect("is classified");
            assert_eq!((classified.tier.clone(), classified.reason.as_str()), (tier.clone(), code), "{request}");
            if let Some(tier) = tier {
                assert_eq!(reason(code).map(|known| &known.tier), Some(&tier), "{code}");
            }
        }
    }

    #[test]
    fn what_was_not_classified_is_not_compliant() {
        for version in ["HTTP/2.0", "HTTP/2", "HTTP/3", "RTSP/1.0", "http/1.1", "\u{16}\u{3}", "HTTP/9"] {
            let request = format!("GET / {version}\r\nHost: a\r\n\r\n");
            let looked_at = version.as_bytes() < b"HTTP/2".as_slice();
            assert_eq!(classify(request.as_bytes()) == Err(ClassifyError::NotHttp1), !looked_at, "{version}");
        }
        assert!(classify(b"GET zzz\r\n\r\n").is_ok(), "a target is not a version");
        assert_eq!(classify(b""), Err(ClassifyError::Empty));
        assert_eq!(classify(&vec![b'a'; LONGEST + 1]), Err(ClassifyError::TooLong(LONGEST + 1)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(
            prop_oneof![prop::sample::select(b"GET / HTTP/1.1\r\n: \t\0".to_vec()), any::<u8>()], 1..300,
        )) {
            prop_assert!(!matches!(classify(&bytes), Err(ClassifyError::Empty)));
        }

        #[test]
        fn headers_of_any_bytes_do_not_either(name in "[ -~]{0,12}", value in prop::collection::vec(any::<u8>(), 0..60)) {
            let request = [b"POST / HTTP/1.1\r\nHost: a\r\n", name.as_bytes(), b": ", &value, b"\r\n\r\n"].concat();
            prop_assert!(classify(&request).is_ok());
        }
    }
}
