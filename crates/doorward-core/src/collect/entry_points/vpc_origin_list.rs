//! A page of CloudFront's list of VPC origins, in XML.

use quick_xml::events::Event;

/// A VPC origin.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct VpcOrigin {
    pub(super) id: String,
    /// The ARN of the load balancer or the instance that it leads to.
    pub(super) endpoint: String,
    /// The account that owns it, where AWS names it.
    pub(super) owner: Option<String>,
}

/// The VPC origins of a page and the marker of the next one, or the problem with the page.
pub(super) fn page(body: &[u8]) -> Result<(Vec<VpcOrigin>, Option<String>), String> {
    let mut origins: Vec<VpcOrigin> = Vec::new();
    let (mut truncated, mut next, mut quantity) = (None, None, None);
    for (path, text) in texts(body)? {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names[..] {
            ["VpcOriginList", "IsTruncated"] => truncated = Some(text == "true"),
            ["VpcOriginList", "NextMarker"] => next = Some(text).filter(|text| !text.is_empty()),
            ["VpcOriginList", "Quantity"] => quantity = text.parse().ok(),
            ["VpcOriginList", "Items", "VpcOriginSummary"] => origins.push(VpcOrigin::default()),
            ["VpcOriginList", "Items", "VpcOriginSummary", name] => {
                let Some(origin) = origins.last_mut() else { continue };
                match name {
                    "Id" => origin.id = text,
                    "OriginEndpointArn" => origin.endpoint = text,
                    "AccountId" => origin.owner = Some(text).filter(|text| !text.is_empty()),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    if origins.iter().any(|origin| origin.id.is_empty() || origin.endpoint.is_empty()) {
        return Err("the list contains a VPC origin without id or endpoint".to_owned());
    }
    if quantity != Some(origins.len()) {
        return Err("the list of VPC origins does not have the length that it states".to_owned());
    }
    match (truncated, next) {
        (Some(true), Some(next)) => Ok((origins, Some(next))),
        (Some(false), _) => Ok((origins, None)),
        (Some(true), None) => Err("the list of VPC origins continues, but has no marker".to_owned()),
        (None, _) => Err("the response is not a list of VPC origins".to_owned()),
    }
}

/// Every element by its path, in the order of their beginnings, with the text in it.
fn texts(body: &[u8]) -> Result<Vec<(Vec<String>, String)>, String> {
    let mut reader = quick_xml::Reader::from_reader(body);
    let mut path: Vec<String> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut found: Vec<(Vec<String>, String)> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(element) => {
                path.push(element.local_name().as_ref().to_owned());
                open.push(found.len());
                found.push((path.clone(), String::new()));
            }
            Event::Empty(element) => {
                let mut here = path.clone();
                here.push(element.local_name().as_ref().to_owned());
                found.push((here, String::new()));
            }
            Event::End(_) => {
                path.pop();
                open.pop();
            }
            Event::Text(text) => {
                if let Some((_, inner)) = open.last().and_then(|at| found.get_mut(*at)) {
                    inner.push_str(text.trim());
                }
            }
            Event::GeneralRef(reference) => {
                let text = format!("&{};", &*reference);
                let plain = quick_xml::escape::unescape(&text).map_err(|error| error.to_string())?;
                if let Some((_, inner)) = open.last().and_then(|at| found.get_mut(*at)) {
                    inner.push_str(&plain);
                }
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/50dc6c495c0c9188";

    fn list(rest: &str, items: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<VpcOriginList xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">{rest}<Items>{items}\
             </Items></VpcOriginList>"
        )
    }

    fn summary(id: &str, rest: &str) -> String {
        format!(
            "<VpcOriginSummary><Id>{id}</Id><Name>x</Name><OriginEndpointArn>{ARN}</OriginEndpointArn>{rest}\
             </VpcOriginSummary>"
        )
    }

    #[test]
    fn a_page_has_its_entries_and_its_marker() {
        let both = summary("vo_1", "<AccountId>999900001111</AccountId>") + &summary("vo_2", "");
        let body = list(
            "<IsTruncated>true</IsTruncated><NextMarker>a&amp;b</NextMarker><Quantity>2</Quantity><MaxItems>100</MaxItems>",
            &both,
        );
        let (origins, next) = page(body.as_bytes()).expect("a page");
        let owners: Vec<_> = origins.iter().map(|origin| (origin.id.as_str(), origin.owner.as_deref())).collect();
        assert_eq!(owners, [("vo_1", Some("999900001111")), ("vo_2", None)]);
        assert!(origins.iter().all(|origin| origin.endpoint == ARN));
        assert_eq!(next.as_deref(), Some("a&b"));
        let empty = page(list("<IsTruncated>false</IsTruncated><Quantity>0</Quantity>", "").as_bytes());
        assert_eq!(empty, Ok((vec![], None)));
    }

    #[test]
    fn an_answer_that_is_not_a_whole_list_is_none() {
        let one = summary("vo_1", "");
        for (body, problem) in [
            (list("<IsTruncated>true</IsTruncated><Quantity>1</Quantity>", &one), "has no marker"),
            (list("<IsTruncated>false</IsTruncated><Quantity>2</Quantity>", &one), "does not have the length"),
            (list("<IsTruncated>false</IsTruncated>", &one), "does not have the length"),
            (list("<Quantity>1</Quantity>", &one), "is not a list"),
            (list("<IsTruncated>false</IsTruncated><Quantity>1</Quantity>", &summary("", "")), "without id"),
            (
                list(
                    "<IsTruncated>false</IsTruncated><Quantity>1</Quantity>",
                    "<VpcOriginSummary><Id>a</Id></VpcOriginSummary>",
                ),
                "without id or endpoint",
            ),
            ("<html/>".to_owned(), "does not have the length"),
        ] {
            let found = page(body.as_bytes());
            assert!(found.as_ref().is_err_and(|found| found.contains(problem)), "{body}: {found:?}");
        }
    }
}
