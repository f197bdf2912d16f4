//! Responses that can be parsed and are wrong: each form rewrites the correct response as a proxy, a broken cache or a defect of the
//! service might.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// The way in which a response is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Form {
    /// The first entry of a list has no name.
    EntryWithoutName,
    /// The first entry of a list belongs to another account.
    ForeignAccount,
    /// The first entry of a list belongs to another Region.
    ForeignRegion,
    /// The first entry of a list belongs to another partition.
    ForeignPartition,
    /// The first entry of a list is repeated.
    RepeatedEntry,
    /// The first entry of a list is repeated with contradictory values.
    ContradictoryEntry,
    /// The list is repeated, and empty the second time.
    RepeatedList,
    /// The entries of the list have a wrong element name, or are null.
    RenamedEntries,
    /// The list lacks entries.
    Shortened,
    /// The first attribute or tag is repeated with another value.
    RepeatedKey,
    /// The desync mitigation mode is repeated, as `strictest`.
    RepeatedMode,
    /// The value of the desync mitigation mode is repeated or split.
    SplitValue,
    /// Application load balancers are reported as network load balancers.
    OtherType,
    /// The requested load balancer is reported not to exist.
    NotFound,
    /// Access logs are enabled, and no bucket is named.
    NoBucket,
    /// The session belongs to another role.
    OtherRole,
    /// The session belongs to another partition.
    OtherPartition,
}

impl Form {
    /// All forms.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its name in a world file, such as `entry_without_name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The response in this form; none if it has nothing that can take the form. [`Form::NotFound`] replaces the whole response, and
    /// returns none here.
    pub(crate) fn of(self, service: &str, action: &str, body: &[u8]) -> Option<Bytes> {
        let text = std::str::from_utf8(body).ok()?;
        let rewritten = match service {
            "elbv2" | "elb" => self.of_load_balancers(action, text),
            "sts" => self.of_session(action, text),
            "cloudfront" => self.of_vpc_origins(text),
            "apigateway" => self.of_apis(text),
            "organizations" | "account" | "logs" => self.of_json(action, text),
            _ => None,
        };
        rewritten.filter(|rewritten| rewritten != text).map(Bytes::from)
    }

    fn of_session(self, action: &str, text: &str) -> Option<String> {
        (action == "AssumeRole").then_some(())?;
        match self {
            Self::OtherRole => Some(text.replacen(":assumed-role/", ":assumed-role/another-", 1)),
            Self::OtherPartition => Some(text.replacen("<Arn>arn:aws", "<Arn>arn:aws-other", 1)),
            _ => None,
        }
    }

    fn of_load_balancers(self, action: &str, text: &str) -> Option<String> {
        let list = match action {
            "DescribeLoadBalancers" if text.contains("<LoadBalancerDescriptions>") => "LoadBalancerDescriptions",
            "DescribeLoadBalancers" => "LoadBalancers",
            "DescribeTags" => "TagDescriptions",
            "DescribeLoadBalancerAttributes" if text.contains("<AdditionalAttributes>") => "AdditionalAttributes",
            "DescribeLoadBalancerAttributes" => "Attributes",
            _ => return None,
        };
        let xml = Parts::of(text, list)?;
        let lists_load_balancers = action == "DescribeLoadBalancers";
        let first = xml.entries.first().cloned();
        match self {
            Self::EntryWithoutName => {
                let names = ["LoadBalancerArn", "LoadBalancerName", "ResourceArn", "Key"];
                let name =
                    names.into_iter().find(|name| first.as_ref().is_some_and(|e| e.contains(&format!("<{name}>"))))?;
                Some(xml.with_first(without(&first?, name)?))
            }
            Self::ForeignAccount if lists_load_balancers => {
                let arn = inner(first.as_ref()?, "LoadBalancerArn")?;
                let account = arn.split(':').nth(4)?;
                Some(xml.with_first(first?.replace(account, "999999999999")))
            }
            Self::ForeignRegion if lists_load_balancers => {
                let first = first?;
                let arn = inner(&first, "LoadBalancerArn");
                let zone =
                    inner(&first, "ZoneName").or_else(|| inner(&inner(&first, "AvailabilityZones")?, "member"))?;
                let region = arn.and_then(|arn| arn.split(':').nth(3).map(str::to_owned));
                let region = region.unwrap_or_else(|| zone.trim_end_matches(|c: char| c.is_alphabetic()).to_owned());
                Some(xml.with_first(first.replace(&region, "xx-far-9")))
            }
            Self::ForeignPartition if lists_load_balancers => {
                Some(xml.with_first(first?.replacen(">arn:aws", ">arn:aws-other", 1)))
            }
            Self::RepeatedEntry => Some(xml.with_more(first?)),
            Self::ContradictoryEntry if lists_load_balancers => {
                let other = first
                    .as_ref()?
                    .replace("internet-facing", "internal-too")
                    .replace(">internal<", ">internet-facing<");
                Some(xml.with_more(other))
            }
            Self::RepeatedList => Some(xml.with_list(&format!("<{list}></{list}>"))),
            Self::RenamedEntries => {
                first?;
                Some(xml.rendered(|entry| format!("<item>{entry}</item>")))
            }
            Self::RepeatedKey if action == "DescribeTags" => {
                let first = first?;
                let tags = Parts::of(&first, "Tags")?;
                let again = swapped(tags.entries.first()?)?;
                Some(xml.with_first(tags.with_more(again)))
            }
            Self::RepeatedKey if !lists_load_balancers => Some(xml.with_more(swapped(&first?)?)),
            Self::RepeatedMode if !lists_load_balancers => {
                let mode = xml.entries.iter().find(|entry| entry.contains(MODE))?.clone();
                let value = inner(&mode, "Value")?;
                Some(xml.with_more(mode.replace(&value, if value == "strictest" { "monitor" } else { "strictest" })))
            }
            Self::SplitValue if !lists_load_balancers => {
                let mode = xml.entries.iter().find(|entry| entry.contains(MODE))?.clone();
                let value = inner(&mode, "Value")?;
                let split = mode.replace(&format!("<Value>{value}"), "<Value>strictest</Value><Value>monitor");
                Some(text.replacen(&mode, &split, 1))
            }
            Self::OtherType => Some(text.replace("<Type>application<", "<Type>network<")),
            Self::NoBucket => of_logs(text),
            _ => None,
        }
    }

    fn of_json(self, action: &str, text: &str) -> Option<String> {
        let Value::Object(mut answer) = serde_json::from_str(text).ok()? else { return None };
        let list =
            ["Accounts", "Regions", "Tags", "Roots", "OrganizationalUnits", "Parents", "deliverySources", "deliveries"];
        let list = list.into_iter().find(|list| answer.contains_key(*list))?;
        let Some(Value::Array(entries)) = answer.get_mut(list) else { return None };
        match self {
            Self::EntryWithoutName => {
                let names = ["Id", "RegionName", "Key", "name", "deliverySourceName"];
                let first = entries.first_mut().and_then(Value::as_object_mut)?;
                names.into_iter().find_map(|name| first.remove(name))?;
            }
            Self::ForeignAccount if action == "ListAccounts" => {
                let first = entries.first_mut().and_then(Value::as_object_mut)?;
                first.insert(
                    "Arn".into(),
                    json!("arn:aws:organizations::999999999999:account/o-another000/999999999999"),
                );
            }
            Self::RepeatedEntry => {
                let first = entries.first()?.clone();
                entries.push(first);
            }
            Self::ContradictoryEntry => {
                let other = contradicted(entries.last()?.as_object()?)?;
                entries.insert(0, other);
            }
            Self::RepeatedList => {
                entries.first()?;
                return Some(format!("{}, \"{list}\": []}}", text.trim_end().strip_suffix('}')?));
            }
            Self::RenamedEntries => *entries.first_mut()? = Value::Null,
            Self::Shortened if matches!(action, "ListAccounts" | "ListRegions") => {
                entries.pop()?;
            }
            Self::RepeatedKey => {
                let first = entries.first()?.as_object()?;
                let (name, value) = first
                    .iter()
                    .find(|(name, _)| matches!(name.as_str(), "State" | "RegionOptStatus" | "Key" | "Id" | "name"))?;
                let pair = format!("{}:{}", json!(name), value);
                return text
                    .contains(&pair)
                    .then(|| text.replacen(&pair, &format!("{pair},{}:\"SUSPENDED\"", json!(name)), 1));
            }
            _ => return None,
        }
        Some(Value::Object(answer).to_string())
    }
}

/// Both attribute keys of the mode contain this.
const MODE: &str = "desync";

/// An entry that names the same thing and says something else of it.
fn contradicted(entry: &Map<String, Value>) -> Option<Value> {
    let mut other = entry.clone();
    for (name, value) in [
        ("State", "CLOSED"),
        ("Status", "SUSPENDED"),
        ("RegionOptStatus", "DISABLED"),
        ("Value", "another"),
        ("Name", "another"),
    ] {
        if other.contains_key(name) {
            other.insert(name.to_owned(), json!(value));
        }
    }
    (other != *entry).then_some(Value::Object(other))
}

/// The same key with another value.
fn swapped(entry: &str) -> Option<String> {
    let value = inner(entry, "Value")?;
    let other = if value == "true" { "false" } else { "true" };
    Some(entry.replacen(&format!("<Value>{value}</Value>"), &format!("<Value>{other}</Value>"), 1))
}

/// Access logs on, to no bucket; in the shape of either API.
fn of_logs(text: &str) -> Option<String> {
    if text.contains("<AccessLog>") {
        let log = inner(text, "AccessLog")?;
        return Some(text.replacen(&log, "<Enabled>true</Enabled>", 1));
    }
    let value = |text: &str, key: &str, value: &str| {
        let before = format!("<Key>{key}</Key><Value>");
        let (head, tail) = text.split_once(&before)?;
        let (_, tail) = tail.split_once("</Value>")?;
        Some(format!("{head}{before}{value}</Value>{tail}"))
    };
    let on = value(text, "access_logs.s3.enabled", "true")?;
    Some(value(&on, "access_logs.s3.bucket", "").unwrap_or(on))
}

/// The text between the first tag of a name and its end tag.
fn inner(text: &str, tag: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>"))?.0.to_owned())
}

fn without(text: &str, tag: &str) -> Option<String> {
    let value = inner(text, tag)?;
    Some(text.replacen(&format!("<{tag}>{value}</{tag}>"), "", 1))
}

/// A list in an XML answer, taken apart.
struct Parts<'a> {
    before: &'a str,
    list: &'a str,
    entries: Vec<String>,
    after: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, list: &'a str) -> Option<Self> {
        let (before, rest) = text.split_once(&format!("<{list}>"))?;
        let (within, after) = rest.split_once(&format!("</{list}>"))?;
        let mut entries = Vec::new();
        let mut rest = within;
        while let Some(at) = rest.find("<member>") {
            let entry = &rest[at + "<member>".len()..];
            let end = end_of_entry(entry)?;
            entries.push(entry[..end].to_owned());
            rest = &entry[end + "</member>".len()..];
        }
        Some(Self { before, list, entries, after })
    }

    fn rendered(&self, entry: impl Fn(&str) -> String) -> String {
        let entries: String = self.entries.iter().map(|text| entry(text)).collect();
        let Self { before, list, after, .. } = self;
        format!("{before}<{list}>{entries}</{list}>{after}")
    }

    fn whole(&self) -> String {
        self.rendered(|entry| format!("<member>{entry}</member>"))
    }

    fn with_first(mut self, first: String) -> String {
        if let Some(entry) = self.entries.first_mut() {
            *entry = first;
        }
        self.whole()
    }

    fn with_more(mut self, entry: String) -> String {
        self.entries.push(entry);
        self.whole()
    }

    /// A second list behind the first.
    fn with_list(&self, more: &str) -> String {
        let whole = self.whole();
        let end = format!("</{}>", self.list);
        whole.replacen(&end, &format!("{end}{more}"), 1)
    }
}

/// The position of the end tag of an entry, which may contain entries.
fn end_of_entry(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let end = at + text[at..].find("</member>")?;
        let starts = text[at..end].matches("<member>").count();
        depth += starts;
        if depth == 0 {
            return Some(end);
        }
        depth -= 1;
        at = end + "</member>".len();
    }
}
