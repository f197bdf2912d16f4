//! CloudFormation templates, including those of SAM and the CDK.
//!
//! An attribute that a template does not set keeps its value when a stack is updated, because the API changes only the
//! attributes in the request: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyLoadBalancerAttributes.html>

use std::sync::Arc;

use doorward_model::{Gap, GapReason, Kind, Listener, Manager, Observed};

use self::intrinsic::{Intrinsics, is_intrinsic, is_nothing};
use crate::attributes::Attributes;
use crate::builder::{LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, LoadBalancerBuilder, gap, listener, scheme};
use crate::declared_groups::DeclaredGroups;
use crate::incapable::incapable;
use crate::source_text::SourceText;
use crate::tree::{Document, Node, duplicate_key};
use crate::{Deployment, Dialect, ParseOutput, Unexamined, UnexaminedReason, UnreadPart, detect, mode_edit};

mod attribute_outcomes;
mod conditions;
mod forwarded_groups;
mod intrinsic;
mod nested;

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

/// The maximum nesting of `Fn::ForEach` and `<<` among the resources. It ends the recursion into merges
/// of merges.
const MAX_NESTING: usize = 8;

/// Sections of a template on which no load balancer depends, so that it does not matter if they are repeated.
const FREE_SECTIONS: [&str; 3] = ["Description", "Metadata", "Outputs"];

/// Macros that neither add nor change load balancers.
const HARMLESS: [&str; 6] = [
    "AWS::Serverless-2016-10-31",
    "AWS::LanguageExtensions",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::CodeDeployBlueGreen",
    "AWS::CodeStar",
];

/// Parses a template.
pub(crate) fn parse(text: &SourceText<'_>, document: &Document, deployment: &Deployment, output: &mut ParseOutput) {
    output.files.push((text.path.to_owned(), Dialect::CloudFormation));
    let root = &document.root;
    if let Err(error) = root.check_unique_keys_except(text, &FREE_SECTIONS) {
        output.errors.push(error);
        return;
    }
    let transforms = [root.get("Transform"), root.get("Fn::Transform")];
    let macro_gap = transforms.into_iter().flatten().filter_map(|transform| macros(text, transform, output)).next();
    let has_modules = nested::modules(text, root, output);
    let Some(resources) = root.get("Resources") else {
        if has_modules {
            return;
        }
        output.unexamined.push(Unexamined {
            address: text.path.to_owned(),
            place: text.place(0..0),
            reason: UnexaminedReason::BrokenFile,
            detail: "has no section Resources, as if it was cut off".to_owned(),
        });
        return;
    };
    let deliveries = detect::contains_any(text.text, &["AWS::Logs::DeliverySource"]);
    let mut template =
        Template { text, document, deployment, deliveries, macro_gap, groups: DeclaredGroups::default() };
    template.groups = template.target_groups(resources);
    template.resources(resources, "Resources", output, 0);
}

/// A macro of the whole template may add load balancers and change the declared ones. Returns the gap for every value in the
/// template if there is such a macro.
fn macros(text: &SourceText<'_>, transform: &Node, output: &mut ParseOutput) -> Option<Arc<Gap>> {
    let mut macro_gap = None;
    for entry in transform.as_seq().unwrap_or(std::slice::from_ref(transform)) {
        let name = entry.as_str().or_else(|| entry.text_at(&["Name"])).unwrap_or("a macro");
        if HARMLESS.contains(&name) {
            continue;
        }
        let message = format!("the macro {name} may change the template");
        macro_gap.get_or_insert_with(|| gap(text, GapReason::Unresolved, entry.span.clone(), message));
        output.unread.push(UnreadPart {
            address: format!("Transform {name}"),
            place: text.place(entry.span.clone()),
            because:
                "The macro may add or change load balancers; check the processed template, which `aws cloudformation \
                      get-template --template-stage Processed` prints."
                    .to_owned(),
        });
    }
    macro_gap
}

struct Template<'a> {
    text: &'a SourceText<'a>,
    document: &'a Document,
    deployment: &'a Deployment,
    deliveries: bool,
    /// The gap for every value in the template: a macro of the whole template.
    macro_gap: Option<Arc<Gap>>,
    groups: DeclaredGroups,
}

impl Template<'_> {
    fn resources(&self, resources: &Node, path: &str, output: &mut ParseOutput, depth: usize) {
        // Of resources with the same name, each of which is something else, no load balancer depends on which one counts.
        let is_other = |id: &str| resources.all(id).all(nested::makes_none);
        if let Some(key) = resources.repeated(&is_other) {
            let message = duplicate_key(key.as_str().unwrap_or_default());
            output.errors.push(self.text.error(key.span.start, message));
            return;
        }
        let Some(pairs) = resources.as_map().filter(|_| resources.tag.is_none() && depth < MAX_NESTING) else {
            if !resources.is_null() {
                let because = "The resources are not literal; check the processed template.";
                self.elsewhere(resources, path.to_owned(), because, output);
            }
            return;
        };
        for (name, resource) in pairs {
            let Some(id) = name.as_str() else {
                self.elsewhere(name, path.to_owned(), "The name of a resource is not a literal.", output);
                continue;
            };
            if output.is_full(|| self.text.place(name.span.clone())) {
                return;
            }
            let address = format!("{path}.{id}");
            if id == "<<" {
                for merged in resource.as_seq().unwrap_or(std::slice::from_ref(resource)) {
                    self.resources(merged, path, output, depth + 1);
                }
            } else if id.starts_with("Fn::ForEach::") {
                // [identifier, collection, body]: one resource for each member of the collection.
                let body = resource.as_seq().and_then(|parts| parts.get(2));
                match body.filter(|body| body.as_map().is_some()) {
                    Some(body) => self.resources(body, &address, output, depth + 1),
                    None => self.elsewhere(name, address, "The body of the loop is not literal.", output),
                }
            } else if id.starts_with("Fn::") || is_intrinsic(resource) {
                let because = "The included part may declare load balancers; check the processed template.";
                self.elsewhere(name, address, because, output);
            } else {
                self.resource(name, resource, address, output);
            }
        }
    }

    fn elsewhere(&self, name: &Node, address: String, because: &str, output: &mut ParseOutput) {
        let place = self.text.place(name.span.clone());
        output.unread.push(UnreadPart { address, place, because: because.to_owned() });
    }

    fn resource(&self, name: &Node, resource: &Node, address: String, output: &mut ParseOutput) {
        if nested::makes_none(resource) {
            return;
        }
        if let Err(error) = resource.check_unique_keys_except(self.text, &nested::FREE_ATTRIBUTES) {
            output.errors.push(error);
            return;
        }
        match resource.text_at(&["Type"]) {
            Some(V2 | CLASSIC) if self.is_never_made(resource) => {
                let because = "It is not created: its condition is false by the values of the template.".to_owned();
                let declared = incapable(self.text, Dialect::CloudFormation, address, name.span.clone(), because);
                output.declared.push(declared);
            }
            Some(kind @ (V2 | CLASSIC)) => match nested::check_unique_keys(resource, self.text) {
                Ok(()) if kind == V2 => {
                    let mut declared = self.load_balancer(name, resource, address).finish(self.deployment);
                    declared.set_target_groups(self.groups.of(name.as_str().unwrap_or_default()));
                    output.declared.push(declared);
                }
                Ok(()) => output.declared.push(self.classic(name, resource, address).finish(self.deployment)),
                Err(error) => output.errors.push(error),
            },
            Some(kind) if NESTED.contains(&kind) => {
                if let Some(other) = nested::of_other_resources(self.text, name, resource, &address) {
                    output.unexamined.push(other);
                    return;
                }
                let because = "A nested template was not read; check it as well.";
                self.elsewhere(name, address, because, output);
            }
            Some(kind) if kind.ends_with("::MODULE") => {
                let because = "A module of the CloudFormation registry was not read, and may declare load balancers; check \
                               the processed template.";
                self.elsewhere(name, address, because, output);
            }
            Some(_) => {}
            None => {
                let because = "The resource has no literal Type, so that it may be a load balancer; check the \
                               processed template.";
                self.elsewhere(name, address, because, output);
            }
        }
    }

    /// Whether the condition of a resource is false whatever the deployment is.
    fn is_never_made(&self, resource: &Node) -> bool {
        let intrinsics = Intrinsics { text: self.text, document: self.document };
        let condition = resource.text_at(&["Condition"]).filter(|_| self.macro_gap.is_none());
        condition.and_then(|name| intrinsics.condition(name)) == Some(false)
    }

    /// The gap for every property of a resource: a macro, or a function beside the properties.
    fn resource_gap(&self, resource: &Node) -> Option<Arc<Gap>> {
        let is_function = |key: &str| key.starts_with("Fn::");
        let beside = resource.key(&is_function);
        let within = resource.get("Properties").and_then(|properties| match properties.as_map() {
            Some(_) if !is_intrinsic(properties) => properties.key(&is_function),
            _ if properties.is_null() => None,
            _ => Some(properties),
        });
        let own = beside.or(within).map(|at| {
            let message = "the properties are not all literal";
            gap(self.text, GapReason::Unresolved, at.span.clone(), message)
        });
        own.or_else(|| self.macro_gap.clone())
    }

    /// The properties that both generations of load balancers have in common.
    fn builder<'t>(&'t self, name: &Node, resource: &Node, address: String) -> LoadBalancerBuilder<'t> {
        let text = self.text;
        let mut builder = LoadBalancerBuilder::new(text, Dialect::CloudFormation, address, name.span.clone());
        builder.kind_gap = self.resource_gap(resource);
        builder.scheme = scheme(self.property(resource, &["Scheme"]));
        self.tags(resource, &mut builder);
        builder.managed_by = Observed::Known(Manager::CloudFormation(text.path.to_owned()));
        builder.match_hints.tag = name.as_str().map(str::to_owned);
        if let Some(condition) = resource.text_at(&["Condition"]) {
            builder.note = Some(format!("created only if the condition {condition} is true"));
        }
        builder
    }

    /// The value of the property at a path of keys.
    fn property(&self, resource: &Node, path: &[&str]) -> Observed<String> {
        let mut node = match resource.get("Properties") {
            Some(node) => node,
            None => return Observed::Absent,
        };
        for key in path {
            // If an outer value is determined at deployment, so is the property.
            if is_intrinsic(node) {
                break;
            }
            match node.get(key) {
                Some(next) => node = next,
                None => return Observed::Absent,
            }
        }
        self.intrinsics().value(node)
    }

    /// The node of a property of a resource.
    fn node<'n>(&self, resource: &'n Node, name: &str) -> Option<&'n Node> {
        resource.get("Properties").filter(|properties| !is_intrinsic(properties))?.get(name)
    }

    fn intrinsics(&self) -> Intrinsics<'_> {
        Intrinsics { text: self.text, document: self.document }
    }

    fn load_balancer<'t>(&'t self, name: &Node, resource: &Node, address: String) -> LoadBalancerBuilder<'t> {
        let mut builder = self.builder(name, resource, address);
        let is_certain = builder.kind_gap.is_none();
        builder.set_kind(self.property(resource, &["Type"]));
        if is_certain && builder.kind_gap.is_some() {
            let outcomes = self.node(resource, "Type").map(|kind| self.intrinsics().outcomes(kind)).unwrap_or_default();
            builder.kind_outcomes = possible_kinds(&outcomes);
        }
        builder.name = self.property(resource, &["Name"]);
        let mode = builder.kind.mode_attribute();
        let list = resource.at(&["Properties", "LoadBalancerAttributes"]).filter(|list| !is_nothing(list));
        let mut is_conditional = false;
        if let Some(list) = list {
            let possible = attribute_outcomes::of_list(self.intrinsics(), list, NAMES);
            builder.set_attributes(possible.attributes);
            builder.outcomes = possible.outcomes;
            is_conditional = possible.conditional.contains(mode);
        }
        builder.deliveries = self.deliveries;
        builder.mode_instruction =
            format!("In LoadBalancerAttributes of {}, set the Value of the Key {mode} to", builder.address);
        builder.logs_instruction = format!(
            "In LoadBalancerAttributes of {}, set access_logs.s3.enabled (true) and access_logs.s3.bucket (BUCKET).",
            builder.address
        );
        builder.fix = match builder.kind_gap {
            Some(_) => Err("the template may be changed when it is deployed".to_owned()),
            None if is_conditional => Err("the mode depends on a condition; change its branches".to_owned()),
            None => self.fix(resource, list, mode),
        };
        builder
    }

    /// A classic load balancer. CloudFormation has no property for its mode, so that a new one gets AWS's default.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancing-loadbalancer.html>
    fn classic<'t>(&'t self, name: &Node, resource: &Node, address: String) -> LoadBalancerBuilder<'t> {
        let mut builder = self.builder(name, resource, address);
        builder.kind = Kind::Classic;
        builder.name = self.property(resource, &["LoadBalancerName"]);
        for (key, member) in [(LOGS_ENABLED, "Enabled"), (LOGS_BUCKET, "S3BucketName"), (LOGS_PREFIX, "S3BucketPrefix")]
        {
            builder.attributes.insert(key.to_owned(), self.property(resource, &["AccessLoggingPolicy", member]));
        }
        builder.listeners = match &builder.kind_gap {
            Some(gap) => Observed::Unread(gap.clone()),
            None => self.listeners(resource),
        };
        builder.without_setting("CloudFormation has no property for it");
        builder.logs_instruction =
            format!("In AccessLoggingPolicy of {}, set Enabled and S3BucketName.", builder.address);
        builder.fix = Err("CloudFormation has no property for the mode of a classic load balancer".to_owned());
        builder
    }

    /// The listeners of a classic load balancer.
    fn listeners(&self, resource: &Node) -> Observed<Vec<Listener>> {
        let Some(list) = resource.at(&["Properties", "Listeners"]) else { return Observed::Absent };
        let unresolved = |span| {
            let message = "the listeners are not a literal list";
            Observed::Unread(gap(self.text, GapReason::Unresolved, span, message))
        };
        let Some(entries) = list.as_seq().filter(|_| list.tag.is_none()) else { return unresolved(list.span.clone()) };
        let mut listeners = Vec::new();
        for entry in entries {
            match entry.get("Protocol").map(|protocol| self.intrinsics().value(protocol)) {
                Some(Observed::Known(protocol)) => {
                    listeners.push(listener(&protocol, entry.text_at(&["LoadBalancerPort"])));
                }
                _ => return unresolved(entry.span.clone()),
            }
        }
        Observed::Known(listeners)
    }

    /// The tags of the template. Deployment adds the tags of the stack.
    fn tags(&self, resource: &Node, builder: &mut LoadBalancerBuilder<'_>) {
        let text = self.text;
        builder.more_tags =
            Some(builder.gap(GapReason::Undeclared, builder.head.clone(), "tags of the stack may be added"));
        if let Some(list) = resource.at(&["Properties", "Tags"]).filter(|list| !is_nothing(list)) {
            let tags = Attributes::of_list(text, list, NAMES, &|node| self.intrinsics().value(node));
            builder.more_tags = tags.incomplete.or(builder.more_tags.take());
            for (key, value) in tags.named {
                match value {
                    Observed::Known(value) => drop(builder.tags.insert(key, value)),
                    Observed::Absent => {}
                    Observed::Unread(gap) => builder.more_tags = Some(gap),
                }
            }
        }
    }

    fn fix(&self, resource: &Node, list: Option<&Node>, mode: &str) -> Result<crate::ModeEdit, String> {
        let (text, document) = (self.text, self.document);
        match list {
            Some(list) => mode_edit::set_in_list(text, document, list, NAMES, mode),
            None => {
                let properties = resource.get("Properties").ok_or("the resource has no Properties")?;
                if properties.entry("LoadBalancerAttributes").is_some() {
                    return Err("LoadBalancerAttributes is set to nothing".to_owned());
                }
                let key = format!("  - Key: {mode}");
                let flow = format!("\"LoadBalancerAttributes\": [{{ \"Key\": \"{mode}\", \"Value\": \"");
                let block = ["LoadBalancerAttributes:", &key, "    Value: "];
                mode_edit::insert_into_map(text, document, properties, &block, (&flow, "\" }]"))
            }
        }
    }
}

/// The kinds that possible values of `Type` stand for. Without a value it is an application load balancer.
fn possible_kinds(outcomes: &[Option<String>]) -> Vec<Kind> {
    let kind = |name: &Option<String>| match name.as_deref() {
        None | Some("application") => Kind::Application,
        Some("network") => Kind::Network,
        Some("gateway") => Kind::Gateway,
        Some(_) => Kind::Unrecognized,
    };
    // CloudFormation accepts no other types.
    let any = || vec![Kind::Application, Kind::Network, Kind::Gateway];
    if outcomes.is_empty() { any() } else { outcomes.iter().map(kind).collect() }
}
