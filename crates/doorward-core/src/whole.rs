//! Refuses answers that are not whole.
//!
//! The SDK's XML decoder recovers silently from a document that ends early or whose tags do not match: a list that was
//! cut in the middle comes out as a shorter list. A shorter list of load balancers is a lie, so every XML answer is
//! checked for well-formedness before it is believed.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use quick_xml::events::Event;

/// Fails a call whose answer is an ill-formed XML document.
#[derive(Debug)]
pub(crate) struct WholeAnswer;

#[derive(Debug, thiserror::Error)]
enum NotWhole {
    #[error("the answer's body is missing")]
    Missing,
    #[error("the answer is not a whole XML document: {0}")]
    IllFormed(#[from] quick_xml::Error),
    #[error("the answer ends before its last element is closed")]
    EndsEarly,
}

impl Intercept for WholeAnswer {
    fn name(&self) -> &'static str {
        "WholeAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if !response.status().is_success() {
            return Ok(());
        }
        Ok(check(response.body().bytes().ok_or(NotWhole::Missing)?)?)
    }
}

fn check(body: &[u8]) -> Result<(), NotWhole> {
    let mut reader = quick_xml::Reader::from_reader(body);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.allow_unmatched_ends = false;
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        match reader.read_event()? {
            Event::Start(_) => {
                roots += usize::from(depth == 0);
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Empty(_) => roots += usize::from(depth == 0),
            Event::Eof => break,
            _ => {}
        }
    }
    if depth == 0 && roots == 1 { Ok(()) } else { Err(NotWhole::EndsEarly) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0"?><DescribeLoadBalancersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeLoadBalancersResult><LoadBalancers><member><LoadBalancerName>web &amp; api</LoadBalancerName></member><member/></LoadBalancers></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>
"#;

    #[test]
    fn a_whole_document_passes() {
        check(ANSWER.as_bytes()).expect("whole");
    }

    #[test]
    fn no_proper_prefix_passes() {
        let end = ANSWER.trim_end().len();
        for cut in 0..end {
            assert!(check(&ANSWER.as_bytes()[..cut]).is_err(), "cut at {cut}: {}", &ANSWER[..cut]);
        }
    }

    #[test]
    fn crossed_tags_do_not_pass() {
        for bad in ["<a><b></a></b>", "<a></a></a>", "<a/><b/>", "", "plain text", "<a><b></a>"] {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
