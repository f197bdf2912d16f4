//! XML answers of the query protocol: complete, no element twice, no split text, only entries in lists.

use std::hash::{DefaultHasher, Hash, Hasher};

use quick_xml::events::Event;

/// An answer that is not one complete, unambiguous XML document.
#[derive(Debug, thiserror::Error)]
pub(super) enum IncompleteXml {
    #[error("the response is not a complete XML document: {0}")]
    IllFormed(#[from] quick_xml::Error),
    #[error("the response ends before its last element is closed")]
    EndsEarly,
    #[error("the response contains the element {0} twice in one place")]
    Repeated(String),
    #[error("the text of an element of the response is split")]
    SplitText,
    #[error("the list {0} of the response contains an element that is not an entry")]
    NoEntry(String),
    #[error("the element {0} of the response lacks its {1}")]
    Lacks(&'static str, &'static str),
    #[error("an element of the response contains more different elements than AWS documents")]
    TooMany,
}

/// The element name of a list entry in the query protocol.
const ENTRY: &str = "member";

/// The lists in answers that Doorward reads. The SDK drops an entry under another name.
const LISTS: [&str; 9] = [
    "LoadBalancers",
    "LoadBalancerDescriptions",
    "Attributes",
    "AdditionalAttributes",
    "TagDescriptions",
    "Tags",
    "Listeners",
    "ListenerDescriptions",
    "AvailabilityZones",
];

/// Lists of other protocols, with the name of their entries.
const NAMED_LISTS: [(&str, &str); 1] = [("Items", "VpcOriginSummary")];

/// Elements with a part that AWS always sends; the SDK decodes a missing one as a default value.
const REQUIRED: [(&str, &str); 4] = [
    ("AccessLog", "Enabled"),
    ("ConnectionDraining", "Enabled"),
    ("ConnectionSettings", "IdleTimeout"),
    ("CrossZoneLoadBalancing", "Enabled"),
];

/// Most different elements within one. AWS's largest structures have about twenty; the check of each costs time in proportion.
const MOST: usize = 100;

/// An element that is open.
#[derive(Default)]
struct Open {
    /// Digests of the names of the elements in it; entries of lists are not kept.
    children: Vec<u64>,
    is_list: bool,
    /// The name of its entries, where they are not called [`ENTRY`].
    entry: Option<&'static str>,
    required: Vec<&'static (&'static str, &'static str)>,
    has_text: bool,
    has_markup: bool,
}

impl Open {
    fn new(name: &str) -> Self {
        let required = REQUIRED.iter().filter(|(element, _)| *element == name).collect();
        let entry = NAMED_LISTS.iter().find(|(list, _)| *list == name).map(|(_, entry)| *entry);
        Self { is_list: entry.is_some() || LISTS.contains(&name), entry, required, ..Self::default() }
    }

    /// Adds an element within this one.
    fn child(&mut self, name: &str, parent: impl Fn() -> String) -> Result<(), IncompleteXml> {
        self.has_markup = true;
        if name == self.entry.unwrap_or(ENTRY) {
            return Ok(());
        }
        if self.is_list {
            return Err(IncompleteXml::NoEntry(parent()));
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let digest = hasher.finish();
        if self.children.contains(&digest) {
            return Err(IncompleteXml::Repeated(shown(name)));
        }
        if self.children.len() == MOST {
            return Err(IncompleteXml::TooMany);
        }
        self.children.push(digest);
        self.required.retain(|(_, part)| *part != name);
        Ok(())
    }

    fn close(&self) -> Result<(), IncompleteXml> {
        match self.required.first() {
            _ if self.has_text && self.has_markup => Err(IncompleteXml::SplitText),
            Some((element, part)) => Err(IncompleteXml::Lacks(element, part)),
            None => Ok(()),
        }
    }
}

/// A name from outside, shortened for a message.
fn shown(name: &str) -> String {
    name.chars().take(60).collect()
}

/// Checks the body of an answer. Names are compared without their prefixes, as the SDK does.
pub(super) fn check(body: &[u8]) -> Result<(), IncompleteXml> {
    let mut reader = quick_xml::Reader::from_reader(body);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.allow_unmatched_ends = false;
    let mut open: Vec<(Open, String)> = Vec::new();
    let mut roots = 0_usize;
    loop {
        let event = reader.read_event()?;
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                let name = element.local_name();
                let name = name.as_ref();
                match open.last_mut() {
                    Some((parent, its_name)) => parent.child(name, || shown(its_name))?,
                    None => roots += 1,
                }
                let inner = Open::new(name);
                if matches!(event, Event::Empty(_)) {
                    inner.close()?;
                } else {
                    open.push((inner, name.to_owned()));
                }
            }
            Event::End(_) => {
                if let Some((element, _)) = open.pop() {
                    element.close()?;
                }
            }
            Event::Text(text) => {
                if let Some((element, _)) = open.last_mut() {
                    element.has_text |= !text.bytes().all(|b| b.is_ascii_whitespace());
                }
            }
            Event::GeneralRef(_) => {
                if let Some((element, _)) = open.last_mut() {
                    element.has_text = true;
                }
            }
            // The SDK keeps only the text before or after it.
            Event::CData(_) => return Err(IncompleteXml::SplitText),
            Event::Comment(_) | Event::PI(_) => {
                if let Some((element, _)) = open.last_mut() {
                    element.has_markup = true;
                }
            }
            Event::Decl(_) | Event::DocType(_) => {}
            Event::Eof => break,
        }
    }
    if open.is_empty() && roots == 1 { Ok(()) } else { Err(IncompleteXml::EndsEarly) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0"?><DescribeLoadBalancersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeLoadBalancersResult><LoadBalancers><member><LoadBalancerName>web &amp; api</LoadBalancerName><!-- between --></member><member/></LoadBalancers></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>
"#;

    #[test]
    fn a_complete_document_passes() {
        check(ANSWER.as_bytes()).expect("complete");
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

    #[test]
    fn two_meanings_do_not_pass() {
        for (bad, said) in [
            ("<r><LoadBalancers/><LoadBalancers/></r>", "LoadBalancers twice"),
            ("<r><LoadBalancers><member/></LoadBalancers><x:LoadBalancers xmlns:x='u'/></r>", "LoadBalancers twice"),
            ("<r><m><Value>monitor</Value><Value>strictest</Value></m></r>", "Value twice"),
            ("<r><Value>strictest<!-- -->monitor</Value></r>", "is split"),
            ("<r><Value>strictest<b/></Value></r>", "is split"),
            ("<r><Value>strictest<?x y?>monitor</Value></r>", "is split"),
            ("<r><Value><![CDATA[strictest]]></Value></r>", "is split"),
            ("<r><Value>&#109;onitor<i>strictest</i></Value></r>", "is split"),
            ("<r><LoadBalancers><item><a/></item></LoadBalancers></r>", "list LoadBalancers"),
            ("<r><Tags><member/><Member/></Tags></r>", "list Tags"),
            ("<r><Items><VpcOriginSummary/><member/></Items></r>", "list Items"),
            ("<r><Items/><Items/></r>", "Items twice"),
            (
                "<r><AccessLog><S3BucketName>b</S3BucketName></AccessLog></r>",
                "AccessLog of the response lacks its Enabled",
            ),
            ("<r><AccessLog/></r>", "AccessLog of the response lacks its Enabled"),
        ] {
            let problem = check(bad.as_bytes()).expect_err(bad).to_string();
            assert!(problem.contains(said), "{bad}: {problem}");
        }
        for good in [
            "<r><a><Value>1</Value></a><b><Value>2</Value></b></r>",
            "<r><Tags><member><Key>k</Key></member><member><Key>k</Key></member></Tags></r>",
            "<r><Items><VpcOriginSummary><Id>1</Id></VpcOriginSummary><VpcOriginSummary/></Items></r>",
            "<r>\n <a>x &amp; y</a>\n <!-- between elements -->\n</r>",
            "<r><AccessLog><Enabled>false</Enabled></AccessLog></r>",
        ] {
            check(good.as_bytes()).unwrap_or_else(|e| panic!("{good}: {e}"));
        }
    }

    #[test]
    fn a_crowd_of_elements_does_not_cost_time() {
        let crowd: String = (0..200_000).map(|n| format!("<e{n}/>")).collect();
        assert!(matches!(check(format!("<r>{crowd}</r>").as_bytes()), Err(IncompleteXml::TooMany)));
    }
}
