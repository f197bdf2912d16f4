//! The reason codes: what the client sent, typical clients, the fix, and the effect of each mode.

use std::sync::OnceLock;

use doorward_model::Mode;
use serde::{Deserialize, Serialize};

use crate::tally::{Tier, Treatment};

/// One reason code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonCode {
    /// The code, as in the log.
    pub code: String,
    /// The tier that AWS documents for it. The tier in a log line takes precedence.
    pub tier: Tier,
    /// Whether AWS documents it for load balancers; otherwise only AWS's library has it.
    pub documented: bool,
    /// The content that the client sent.
    pub sends: String,
    /// Typical clients.
    pub clients: String,
    /// The fix.
    pub fix: String,
    /// Where AWS's documentation of load balancers and its library are apart, and what follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
    /// Requests with this code, as AWS's library classifies them; none of a code that it does not know.
    #[serde(default)]
    pub examples: Vec<ReasonExample>,
    /// Requests that look alike and are classified otherwise.
    #[serde(default)]
    pub others: Vec<OtherRequest>,
}

/// A request with a reason code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonExample {
    /// The characteristic of the request, in a few words.
    pub what: String,
    /// Its bytes, from the request line to the empty line.
    pub request: String,
}

/// A request that looks like one with a reason code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherRequest {
    /// The characteristic of the request, in a few words.
    pub what: String,
    /// Its bytes, from the request line to the empty line.
    pub request: String,
    /// The code that it has, or `Compliant`.
    pub gives: String,
}

impl ReasonCode {
    /// The effect of each mode, from the weakest mode to the strictest.
    pub fn treatments(&self) -> [(Mode, Treatment); 3] {
        [Mode::Monitor, Mode::Defensive, Mode::Strictest].map(|mode| (mode, self.tier.in_mode(mode)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reason: Vec<ReasonCode>,
}

/// Every known code, in the order of the documentation. If the embedded file cannot be parsed there is none, and a test fails.
pub fn reasons() -> &'static [ReasonCode] {
    static READ: OnceLock<Vec<ReasonCode>> = OnceLock::new();
    READ.get_or_init(|| toml::from_str(include_str!("reasons.toml")).map(|file: File| file.reason).unwrap_or_default())
}

/// A code by its name, in large or small letters; none if it is newer than this version, or misspelt.
pub fn reason(code: &str) -> Option<&'static ReasonCode> {
    reasons().iter().find(|reason| reason.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::classify::classify;

    #[test]
    fn every_code_is_there_once() {
        let codes: BTreeSet<&str> = reasons().iter().map(|reason| reason.code.as_str()).collect();
        assert_eq!((reasons().len(), codes.len()), (26, 26));
        let of = |tier: Tier| reasons().iter().filter(|reason| reason.documented && reason.tier == tier).count();
        assert_eq!((of(Tier::Acceptable), of(Tier::Ambiguous), of(Tier::Severe)), (4, 7, 9));
        for reason in reasons() {
            for text in [&reason.sends, &reason.clients, &reason.fix] {
                assert!(text.ends_with('.') && text.len() > 20, "{reason:?}");
            }
        }
    }

    /// What the texts claim is what AWS's library does, request by request.
    #[test]
    fn every_example_is_classified_as_the_text_says() {
        let mut wrong = Vec::new();
        for reason in reasons() {
            let unknown_to_the_library = reason.code == "SuspiciousTeClPresent";
            assert_eq!(reason.examples.is_empty(), unknown_to_the_library, "{}", reason.code);
            assert!(!unknown_to_the_library || reason.differs.is_some(), "{}", reason.code);
            let examples = reason.examples.iter().map(|ReasonExample { what, request }| (what, request, &reason.code));
            let others = reason.others.iter().map(|OtherRequest { what, request, gives }| (what, request, gives));
            for (what, request, gives) in examples.chain(others) {
                let found = classify(request.as_bytes()).expect("is classified");
                if &found.reason != gives {
                    wrong.push(format!("{}: {what}: {} instead of {gives}", reason.code, found.reason));
                }
                if let Some(tier) = found.tier {
                    let of_code = super::reason(&found.reason).map(|known| &known.tier);
                    assert_eq!(of_code, Some(&tier), "{}: {what}", reason.code);
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// What a sentence says of a coding or a character, the examples show.
    #[test]
    fn the_sentences_name_what_the_examples_show() {
        let shows = |code: &str, gives: &str, part: &str| {
            let reason = reason(code).expect("known");
            let examples = reason.examples.iter().filter(|_| gives == code).map(|example| &example.request);
            let others = reason.others.iter().filter(|other| other.gives == gives).map(|other| &other.request);
            assert!(examples.chain(others).any(|request| request.contains(part)), "{code}: {part}");
        };
        for coding in ["identity", "gzip", "deflate"] {
            shows("BadTransferEncoding", "Compliant", coding);
            assert!(!reason("BadTransferEncoding").expect("known").clients.contains(coding));
        }
        shows("NonCompliantHeader", "Compliant", "Jürgen");
        shows("NonCompliantHeader", "NonCompliantHeader", "X-Größe");
        shows("EmptyHeader", "MultilineHeader", "\r\n   \r\n");
    }

    #[test]
    fn case_does_not_matter() {
        for code in ["getheadzerocontentlength", "GETHEADZEROCONTENTLENGTH", "GetHeadZeroContentLength"] {
            assert_eq!(reason(code).map(|reason| reason.code.as_str()), Some("GetHeadZeroContentLength"));
        }
        assert_eq!(reason("GetHead"), None);
    }

    #[test]
    fn modes_do_what_aws_says() {
        use Treatment::{Blocked, Forwarded, ForwardedAndClosed};
        for (code, wanted) in [
            ("SpaceInUri", [Forwarded, Forwarded, Blocked]),
            ("BothTeClPresent", [Forwarded, ForwardedAndClosed, Blocked]),
            ("BadHeader", [Forwarded, Blocked, Blocked]),
        ] {
            assert_eq!(reason(code).expect("known").treatments().map(|(_, treatment)| treatment), wanted, "{code}");
        }
        assert_eq!(reason("ComingSoon"), None);
    }
}
