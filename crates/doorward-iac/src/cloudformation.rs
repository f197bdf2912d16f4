//! CloudFormation templates, written by hand, by SAM or by the CDK.
//!
//! An attribute that a template does not name keeps its value when a stack is updated, because the API changes the named ones
//! only: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyLoadBalancerAttributes.html>

use std::sync::Arc;

use doorward_model::{Gap, GapReason, Kind, Listener, Manager, Observed};

use crate::attributes::Attributes;
use crate::draft::{Draft, LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, gap, scheme};
use crate::text::Text;
use crate::tree::{Data, Document, Node};
use crate::{Dialect, Options, Reading, Unread, form, splice};

const V2: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const CLASSIC: &str = "AWS::ElasticLoadBalancing::LoadBalancer";
const NAMES: (&str, &str) = ("Key", "Value");

/// Resources that deploy another template.
const NESTED: [&str; 4] = [
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::StackSet",
    "AWS::Serverless::Application",
    "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
];

/// The deepest nesting of loops and merges among the resources that is followed.
const DEEPEST_LOOP: usize = 8;

/// Macros that add or change no load balancer.
const HARMLESS: [&str; 5] = [
    "AWS::Serverless-2016-10-31",
    "AWS::LanguageExtensions",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::CodeStar",
];

/// Reads a template.
pub(crate) fn read(text: &Text<'_>, document: &Document, options: &Options, reading: &mut Reading) {
    reading.files.push((text.path.to_owned(), Dialect::CloudFormation));
    let root = &document.root;
    if let Err(problem) = root.once(text) {
        reading.problems.push(problem);
        return;
    }
    let changed = [root.get("Transform"), root.get("Fn::Transform")];
    let changed = changed.into_iter().flatten().filter_map(|transform| macros(text, transform, reading)).next();
    let Some(resources) = root.get("Resources") else { return };
    let deliveries = form::has_any(text.text, &["AWS::Logs::DeliverySource"]);
    let template = Template { text, document, options, deliveries, changed };
    template.resources(resources, "Resources", reading, 0);
}

/// A macro of the whole template may add load balancers, and may change those that are written out. The answer is why no value
/// in the template is certain, where there is such a macro.
fn macros(text: &Text<'_>, transform: &Node, reading: &mut Reading) -> Option<Arc<Gap>> {
    let mut changed = None;
    for entry in transform.as_seq().unwrap_or(std::slice::from_ref(transform)) {
        let name = entry.as_str().or_else(|| entry.text_at(&["Name"])).unwrap_or("a macro");
        if HARMLESS.contains(&name) {
            continue;
        }
        let message = format!("the macro {name} may change what is written in the template");
        changed.get_or_insert_with(|| gap(text, GapReason::Unresolved, entry.span.clone(), message));
        reading.unread.push(Unread {
            address: format!("Transform {name}"),
            place: text.place(entry.span.clone()),
            because:
                "The macro may add or change load balancers; check the processed template, which `aws cloudformation \
                      get-template --template-stage Processed` has."
                    .to_owned(),
        });
    }
    changed
}

struct Template<'a> {
    text: &'a Text<'a>,
    document: &'a Document,
    options: &'a Options,
    deliveries: bool,
    /// Why no value is certain: a macro of the whole template.
    changed: Option<Arc<Gap>>,
}

impl Template<'_> {
    fn resources(&self, resources: &Node, path: &str, reading: &mut Reading, depth: usize) {
        if let Err(problem) = resources.once(self.text) {
            reading.problems.push(problem);
            return;
        }
        let Some(pairs) = resources.as_map().filter(|_| resources.tag.is_none() && depth < DEEPEST_LOOP) else {
            if !resources.is_null() {
                let because = "The resources are not written out; check the processed template.";
                self.elsewhere(resources, path.to_owned(), because, reading);
            }
            return;
        };
        for (name, resource) in pairs {
            let Some(id) = name.as_str() else {
                self.elsewhere(name, path.to_owned(), "The name of a resource is not written out.", reading);
                continue;
            };
            if reading.is_full(|| self.text.place(name.span.clone())) {
                return;
            }
            let address = format!("{path}.{id}");
            if id == "<<" {
                for merged in resource.as_seq().unwrap_or(std::slice::from_ref(resource)) {
                    self.resources(merged, path, reading, depth + 1);
                }
            } else if id.starts_with("Fn::ForEach::") {
                // [identifier, collection, body]: one resource for each member of the collection.
                let body = resource.as_seq().and_then(|parts| parts.get(2));
                match body.filter(|body| body.as_map().is_some()) {
                    Some(body) => self.resources(body, &address, reading, depth + 1),
                    None => self.elsewhere(name, address, "The loop's body is not written out.", reading),
                }
            } else if id.starts_with("Fn::") || is_intrinsic(resource) {
                let because = "What is included here may declare load balancers; check the processed template.";
                self.elsewhere(name, address, because, reading);
            } else {
                self.resource(name, resource, address, reading);
            }
        }
    }

    fn elsewhere(&self, name: &Node, address: String, because: &str, reading: &mut Reading) {
        let place = self.text.place(name.span.clone());
        reading.unread.push(Unread { address, place, because: because.to_owned() });
    }

    fn resource(&self, name: &Node, resource: &Node, address: String, reading: &mut Reading) {
        if let Err(problem) = resource.once(self.text) {
            reading.problems.push(problem);
            return;
        }
        match resource.text_at(&["Type"]) {
            Some(kind @ (V2 | CLASSIC)) => match resource.once_within(self.text) {
                Ok(()) if kind == V2 => {
                    reading.declared.push(self.load_balancer(name, resource, address).finish(self.options));
                }
                Ok(()) => reading.declared.push(self.classic(name, resource, address).finish(self.options)),
                Err(problem) => reading.problems.push(problem),
            },
            Some(kind) if NESTED.contains(&kind) => {
                let because = "A nested template was not read; check it by itself as well.";
                self.elsewhere(name, address, because, reading);
            }
            Some(kind) if kind.ends_with("::MODULE") => {
                let because = "A module of the CloudFormation registry was not read, and may declare load balancers; check \
                               the processed template.";
                self.elsewhere(name, address, because, reading);
            }
            Some(_) => {}
            None => {
                let because = "The resource has no Type that is written out, so that it may be a load balancer; check the \
                               processed template.";
                self.elsewhere(name, address, because, reading);
            }
        }
    }

    /// Why nothing that is written for a resource is certain: a macro, or a function beside what is written.
    fn uncertain(&self, resource: &Node) -> Option<Arc<Gap>> {
        let is_function = |key: &str| key.starts_with("Fn::");
        let beside = resource.key(&is_function);
        let within = resource.get("Properties").and_then(|properties| match properties.as_map() {
            Some(_) if !is_intrinsic(properties) => properties.key(&is_function),
            _ if properties.is_null() => None,
            _ => Some(properties),
        });
        let own = beside.or(within).map(|at| {
            let message = "the properties are not all written out";
            gap(self.text, GapReason::Unresolved, at.span.clone(), message)
        });
        own.or_else(|| self.changed.clone())
    }

    /// What both generations have in common.
    fn draft<'t>(&'t self, name: &Node, resource: &Node, address: String) -> Draft<'t> {
        let text = self.text;
        let mut draft = Draft::new(text, Dialect::CloudFormation, address, name.span.clone());
        draft.kind_gap = self.uncertain(resource);
        draft.scheme = scheme(self.property(resource, &["Scheme"]));
        self.tags(resource, &mut draft);
        draft.managed_by = Observed::Known(Manager::CloudFormation(text.path.to_owned()));
        draft.marks.tag = name.as_str().map(str::to_owned);
        if let Some(condition) = resource.text_at(&["Condition"]) {
            draft.note = Some(format!("it is made only where the condition {condition} holds"));
        }
        draft
    }

    /// The value of a property, by the keys that lead to it.
    fn property(&self, resource: &Node, path: &[&str]) -> Observed<String> {
        let mut node = match resource.get("Properties") {
            Some(node) => node,
            None => return Observed::Absent,
        };
        for key in path {
            // What stands around it may be decided when the template is deployed, and the property with it.
            if is_intrinsic(node) {
                break;
            }
            match node.get(key) {
                Some(next) => node = next,
                None => return Observed::Absent,
            }
        }
        literal(self.text, node)
    }

    fn load_balancer<'t>(&'t self, name: &Node, resource: &Node, address: String) -> Draft<'t> {
        let text = self.text;
        let mut draft = self.draft(name, resource, address);
        match self.property(resource, &["Type"]) {
            Observed::Absent => {}
            // What is written may be replaced.
            Observed::Known(_) if draft.kind_gap.is_some() => {}
            Observed::Known(kind) => match kind.as_str() {
                "application" => {}
                "network" => draft.kind = Kind::Network,
                "gateway" => draft.kind = Kind::Gateway,
                _ => draft.kind = Kind::Unrecognized,
            },
            Observed::Unread(gap) => draft.kind_gap = Some(gap),
        }
        draft.name = self.property(resource, &["Name"]);
        let mode = draft.kind.mode_attribute();
        let list = resource.at(&["Properties", "LoadBalancerAttributes"]).filter(|list| !is_nothing(list));
        if let Some(list) = list {
            let attributes = Attributes::of_list(text, list, NAMES, &|node| literal(text, node));
            draft.value = attributes.spans.get(mode).cloned();
            draft.attributes = attributes.named;
            draft.rest = draft.rest.or(attributes.rest);
        }
        draft.deliveries = self.deliveries;
        draft.way = format!("In LoadBalancerAttributes of {}, set the Value of the Key {mode} to", draft.address);
        draft.logs_way = format!(
            "In LoadBalancerAttributes of {}, put access_logs.s3.enabled (true) and access_logs.s3.bucket (BUCKET).",
            draft.address
        );
        draft.fix = match draft.kind_gap {
            Some(_) => Err("what is written here may be replaced when the template is deployed".to_owned()),
            None => self.fix(resource, list, mode),
        };
        draft
    }

    /// A classic load balancer, for whose mode there is no property: a new one takes AWS's default.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancing-loadbalancer.html>
    fn classic<'t>(&'t self, name: &Node, resource: &Node, address: String) -> Draft<'t> {
        let mut draft = self.draft(name, resource, address);
        draft.kind = Kind::Classic;
        draft.name = self.property(resource, &["LoadBalancerName"]);
        for (key, member) in [(LOGS_ENABLED, "Enabled"), (LOGS_BUCKET, "S3BucketName"), (LOGS_PREFIX, "S3BucketPrefix")]
        {
            draft.attributes.insert(key.to_owned(), self.property(resource, &["AccessLoggingPolicy", member]));
        }
        draft.listeners = match &draft.kind_gap {
            Some(gap) => Observed::Unread(gap.clone()),
            None => self.listeners(resource),
        };
        draft.way = format!(
            "CloudFormation has no property for it: once {} is deployed, set {} by elasticloadbalancing:ModifyLoadBalancerAttributes to",
            draft.address,
            Kind::Classic.mode_attribute()
        );
        draft.logs_way = format!("In AccessLoggingPolicy of {}, set Enabled and S3BucketName.", draft.address);
        draft.fix = Err("CloudFormation has no property for the mode of a classic load balancer".to_owned());
        draft
    }

    /// The listeners of a classic load balancer; nothing where they are not written out.
    fn listeners(&self, resource: &Node) -> Observed<Vec<Listener>> {
        let Some(list) = resource.at(&["Properties", "Listeners"]) else { return Observed::Absent };
        let unsure = |span| {
            let message = "the listeners are not a list that is written out";
            Observed::Unread(gap(self.text, GapReason::Unresolved, span, message))
        };
        let Some(entries) = list.as_seq().filter(|_| list.tag.is_none()) else { return unsure(list.span.clone()) };
        let mut listeners = Vec::new();
        for entry in entries {
            match entry.get("Protocol").map(|protocol| literal(self.text, protocol)) {
                Some(Observed::Known(protocol)) => {
                    let port = entry.text_at(&["LoadBalancerPort"]).and_then(|port| port.parse().ok());
                    listeners.push(Listener { protocol: protocol.to_uppercase(), port });
                }
                _ => return unsure(entry.span.clone()),
            }
        }
        Observed::Known(listeners)
    }

    /// Tags of the stack and of whoever deploys it are added to those of the template.
    fn tags(&self, resource: &Node, draft: &mut Draft<'_>) {
        let text = self.text;
        draft.more_tags = Some(draft.gap(GapReason::Undeclared, draft.head.clone(), "tags of the stack may be added"));
        if let Some(list) = resource.at(&["Properties", "Tags"]).filter(|list| !is_nothing(list)) {
            let tags = Attributes::of_list(text, list, NAMES, &|node| literal(text, node));
            draft.more_tags = tags.rest.or(draft.more_tags.take());
            for (key, value) in tags.named {
                match value {
                    Observed::Known(value) => drop(draft.tags.insert(key, value)),
                    Observed::Absent => {}
                    Observed::Unread(gap) => draft.more_tags = Some(gap),
                }
            }
        }
    }

    fn fix(&self, resource: &Node, list: Option<&Node>, mode: &str) -> Result<crate::Edit, String> {
        let (text, document) = (self.text, self.document);
        match list {
            Some(list) => {
                let entries = list.as_seq().unwrap_or_default();
                let named = entries.iter().rev().find(|entry| entry.text_at(&[NAMES.0]) == Some(mode));
                match named.and_then(|entry| entry.get(NAMES.1)) {
                    Some(value) if value.as_str().is_some() => splice::replace(text, document, value),
                    Some(_) => Err("the value is a reference; change what it refers to".to_owned()),
                    None => splice::into_list(text, document, list, NAMES, mode),
                }
            }
            None => {
                let properties = resource.get("Properties").ok_or("the resource has no Properties")?;
                if properties.entry("LoadBalancerAttributes").is_some() {
                    return Err("LoadBalancerAttributes is there and stands for nothing".to_owned());
                }
                let key = format!("  - Key: {mode}");
                let flow = format!("\"LoadBalancerAttributes\": [{{ \"Key\": \"{mode}\", \"Value\": \"");
                let block = ["LoadBalancerAttributes:", &key, "    Value: "];
                splice::into_map(text, document, properties, &block, (&flow, "\" }]"))
            }
        }
    }
}

/// The value of a property: what is written out. An intrinsic function is not evaluated, whatever its parameters default to,
/// because deployment decides those.
fn literal(text: &Text<'_>, node: &Node) -> Observed<String> {
    if is_nothing(node) {
        return Observed::Absent;
    }
    match (&*node.data, is_intrinsic(node)) {
        (Data::Scalar { text, .. }, false) => Observed::Known(text.clone()),
        (_, true) => {
            let message = format!("{} is decided when the template is deployed", named(node));
            Observed::Unread(gap(text, GapReason::Unresolved, node.span.clone(), message))
        }
        _ => {
            let message = "a single value is expected here";
            Observed::Unread(gap(text, GapReason::Malformed, node.span.clone(), message))
        }
    }
}

/// Whether it is left out: nothing, or a reference to AWS::NoValue, which removes the property.
fn is_nothing(node: &Node) -> bool {
    let no_value = |node: &Node| matches!(&*node.data, Data::Scalar { text, .. } if text == "AWS::NoValue");
    node.is_null()
        || (node.tag.as_deref() == Some("Ref") && no_value(node))
        || matches!(node.as_map(), Some([(key, value)]) if key.as_str() == Some("Ref") && no_value(value))
}

fn is_intrinsic(node: &Node) -> bool {
    node.tag.is_some() || matches!(node.as_map(), Some([(key, _)]) if function(key).is_some())
}

fn function(key: &Node) -> Option<&str> {
    key.as_str().filter(|key| *key == "Ref" || key.starts_with("Fn::"))
}

/// `Ref Mode`, `Fn::If`.
fn named(node: &Node) -> String {
    let (function, of) = match (&node.tag, node.as_map()) {
        (Some(tag), _) => (tag.as_str(), Some(node)),
        (None, Some([(key, value)])) => (key.as_str().unwrap_or("a function"), Some(value)),
        _ => ("a function", None),
    };
    match of.map(|of| &*of.data) {
        Some(Data::Scalar { text, .. }) => format!("{function} {text}"),
        _ => function.to_owned(),
    }
}
