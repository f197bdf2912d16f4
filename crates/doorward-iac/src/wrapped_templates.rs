//! Templates of CloudFormation that stand within another file: `serverless.yml`, a file of resources only, `.ebextensions`. And
//! resources of a template that create a load balancer without being one.

use std::rc::Rc;

use crate::indirect::{Indirect, beanstalk};
use crate::kubernetes::{ManifestOrigin, Manifests, of_values};
use crate::source_text::{SourceFile, SourceText};
use crate::synthetic::{document, map, parse_yaml, scalar};
use crate::tree::{Data, Document, Node};
use crate::{Action, ParseOutput, UnreadPart, signs};

const LOAD_BALANCERS: [&str; 2] =
    ["AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancing::LoadBalancer"];
const GENERATED: &str = "the template is generated; change its source";

/// The templates within a document that is no template itself.
pub(crate) fn within(path: &str, root: &Node) -> Vec<Document> {
    if root.get("service").is_some() && root.get("provider").is_some() {
        let resources = root.get("resources").into_iter();
        let parts = resources.flat_map(|node| node.as_seq().unwrap_or(std::slice::from_ref(node)));
        let extended: Vec<&Node> = parts.clone().filter_map(|part| part.get("extensions")).collect();
        let parts = parts.filter(|part| part.get("Resources").is_some());
        return parts.map(|part| document(opened(&substituted(part), &extended))).collect();
    }
    // The file is included below `Resources` of a template.
    let mut entries = root.as_map().unwrap_or_default().iter();
    let is_fragment = entries.any(|(_, value)| {
        value.text_at(&["Type"]).is_some_and(|kind| LOAD_BALANCERS.contains(&kind))
            && (value.get("Properties").is_some() || path.contains("resource"))
    });
    if is_fragment && root.get("Resources").is_none() {
        return vec![document(map([("Resources", substituted(root))], root.span.clone()))];
    }
    Vec::new()
}

/// A template whose resources are open where an extension changes them before deployment:
/// <https://www.serverless.com/framework/docs/providers/aws/guide/resources#override-aws-cloudformation-resource>
fn opened(template: &Node, extensions: &[&Node]) -> Node {
    let open = |(name, resource): &(Node, Node)| {
        let is_extended = name.as_str().is_some_and(|name| extensions.iter().any(|one| one.get(name).is_some()));
        match resource.as_map().filter(|_| is_extended) {
            Some(pairs) => {
                let at = name.span.clone();
                let open = (scalar("Fn::Transform", at.clone()), scalar("extensions", at));
                let pairs = pairs.iter().cloned().chain([open]).collect();
                (name.clone(), Node { data: Rc::new(Data::Map(pairs)), ..resource.clone() })
            }
            None => (name.clone(), resource.clone()),
        }
    };
    let pairs = template.as_map().unwrap_or_default().iter().map(|(key, value)| match (key.as_str(), value.as_map()) {
        (Some("Resources"), Some(resources)) if !extensions.is_empty() => {
            let resources = Data::Map(resources.iter().map(open).collect());
            (key.clone(), Node { data: Rc::new(resources), ..value.clone() })
        }
        _ => (key.clone(), value.clone()),
    });
    Node { data: Rc::new(Data::Map(pairs.collect())), ..template.clone() }
}

/// A reference of the Serverless Framework is resolved before deployment, as an intrinsic function is at deployment.
fn substituted(node: &Node) -> Node {
    let data = match &*node.data {
        Data::Scalar { text, .. } if text.contains("${") && node.tag.is_none() => {
            return Node { span: node.span.clone(), tag: Some("Sub".to_owned()), data: node.data.clone() };
        }
        Data::Scalar { .. } => return node.clone(),
        Data::Seq(nodes) => Data::Seq(nodes.iter().map(substituted).collect()),
        Data::Map(pairs) => Data::Map(pairs.iter().map(|(key, value)| (key.clone(), substituted(value))).collect()),
    };
    Node { span: node.span.clone(), tag: node.tag.clone(), data: Rc::new(data) }
}

/// Records resources of a template that create load balancers without being one.
pub(crate) fn indirect<'a>(
    text: &'a SourceText<'a>,
    root: &Node,
    sources: &[SourceFile],
    manifests: &mut Manifests<'a>,
    output: &mut ParseOutput,
) {
    for (name, resource) in root.get("Resources").and_then(Node::as_map).unwrap_or_default() {
        let (Some(id), Some(kind)) = (name.as_str(), resource.text_at(&["Type"])) else { continue };
        let address = format!("Resources.{id}");
        let empty = map(Vec::<(String, Node)>::new(), name.span.clone());
        let properties = resource.get("Properties").unwrap_or(&empty);
        let origin = |address: &str| ManifestOrigin {
            address: address.to_owned(),
            action: Action::Unspecified,
            scope: String::new(),
            unfixable: GENERATED,
            note: None,
        };
        let unread = |because: &str| vec![Indirect::Unread(because.to_owned())];
        // The AWS CDK names the file of a nested stack beside the address in a bucket.
        let asset = resource.get("Metadata").and_then(|metadata| metadata.get("aws:asset:path"));
        let is_read =
            is_among(properties.get("TemplateURL"), text.path, sources) || is_among(asset, text.path, sources);
        if kind == "AWS::CloudFormation::Stack" && is_read {
            let is_this = |unread: &UnreadPart| unread.address == address && unread.place.file == text.path;
            output.unread.retain(|unread| !is_this(unread));
            output.unexamined.retain(|other| !(other.address == address && other.place.file == text.path));
            continue;
        }
        let found = match kind {
            "AWS::ElasticBeanstalk::Environment" => beanstalk(properties).into_iter().map(Indirect::Unread).collect(),
            "AWS::ECS::ExpressGatewayService" => unread(
                "Amazon ECS creates an application load balancer for it, which the template does not configure; check the load \
                 balancer after deployment.",
            ),
            "Custom::AWSCDK-EKS-KubernetesResource" | "AWSQS::Kubernetes::Resource" => {
                match properties.get("Manifest").and_then(|node| parse_yaml(node.as_str()?, &node.span)) {
                    Some(objects) => {
                        let objects =
                            objects.iter().flat_map(|node| node.as_seq().unwrap_or(std::slice::from_ref(node)));
                        objects.map(|object| Indirect::Object(document(object.clone()), origin(&address))).collect()
                    }
                    None if mentions_controller(properties) => unread(
                        "Its manifest is composed at deployment, and may create a load balancer; check the cluster.",
                    ),
                    None => Vec::new(),
                }
            }
            "Custom::AWSCDK-EKS-HelmChart" | "AWSQS::Kubernetes::Helm" => {
                let values = ["Values", "values"].iter().find_map(|key| properties.get(key));
                match values.and_then(|node| parse_yaml(node.as_str()?, &node.span)).and_then(|mut nodes| nodes.pop()) {
                    Some(values) => {
                        let found = of_values(&values, &address, Action::Unspecified).into_iter();
                        found.map(|(document, origin)| Indirect::Object(document, origin)).collect()
                    }
                    None if mentions_controller(properties) => {
                        unread("The values of its chart are composed at deployment; check the rendered chart.")
                    }
                    None => Vec::new(),
                }
            }
            _ => continue,
        };
        crate::indirect::record(found, (text, &name.span, &address), output, &mut |document, origin| {
            manifests.add_from(text, document, origin);
        });
    }
}

/// Whether the template of a nested stack is among the checked files, by its path or, in a bucket, by its name.
fn is_among(url: Option<&Node>, path: &str, sources: &[SourceFile]) -> bool {
    let Some(url) = url.and_then(last_text) else { return false };
    let name = url.rsplit('/').next().unwrap_or_default();
    let is_template = [".yaml", ".yml", ".json", ".template"].iter().any(|ending| name.ends_with(ending));
    let others = || sources.iter().filter(|source| source.path != path && source.name() == name);
    is_template && !name.contains(['$', '{']) && others().any(|source| source.text.contains("Resources"))
}

/// The last text of a value: that of a string, or of the parts that a function joins. Of a substitution it is the text that names
/// are substituted in.
pub(crate) fn last_text(node: &Node) -> Option<&str> {
    match &*node.data {
        Data::Scalar { text, .. } => Some(text),
        Data::Seq(nodes) if node.tag.as_deref() == Some("Sub") => nodes.first().and_then(last_text),
        Data::Seq(nodes) => nodes.iter().rev().find_map(last_text),
        Data::Map(pairs) => pairs.iter().rev().find_map(|(key, value)| match key.as_str() {
            Some("Fn::Sub") if value.as_seq().is_some() => value.as_seq()?.first().and_then(last_text),
            _ => last_text(value),
        }),
    }
}

fn mentions_controller(node: &Node) -> bool {
    match &*node.data {
        Data::Scalar { text, .. } => signs::of_controller(text),
        Data::Seq(nodes) => nodes.iter().any(mentions_controller),
        Data::Map(pairs) => pairs.iter().any(|(key, value)| mentions_controller(key) || mentions_controller(value)),
    }
}

/// Modules of Ansible that deploy templates and charts, with and without the name of their collection.
const ANSIBLE_DEPLOYERS: [&str; 2] = ["cloudformation", "helm"];

/// Whether a document has tasks of Ansible that deploy manifests, charts or templates.
pub(crate) fn is_of_ansible(root: &Node) -> bool {
    root.as_seq().is_some_and(|entries| entries.iter().any(|entry| !tasks(entry, &|_| true).is_empty()))
}

/// Lists tasks of Ansible that deploy a chart or a template which may declare a load balancer. Manifests are judged as such.
pub(crate) fn of_ansible(text: &SourceText<'_>, root: &Node, output: &mut ParseOutput) {
    let is_one = |name: &str| ANSIBLE_DEPLOYERS.contains(&name);
    let entries = || root.as_seq().unwrap_or_default().iter();
    // A manifest that is a text is no part of the document.
    let is_text = |task: &&Node| task.get("definition").is_some_and(|definition| definition.as_str().is_some());
    let with_texts = entries().flat_map(|entry| tasks(entry, &|name| name == "k8s")).filter(is_text);
    for task in entries().flat_map(|entry| tasks(entry, &is_one)).chain(with_texts) {
        let raw = text.text.get(task.span.clone()).unwrap_or_default();
        if signs::of_any(raw) {
            let because = "An Ansible task deploys something that speaks of load balancers, and tasks are not evaluated; \
                           check what it deploys.";
            let place = text.place(task.span.start..task.span.start);
            output.unread.push(UnreadPart { address: text.path.to_owned(), place, because: because.to_owned() });
        }
    }
}

/// The arguments of tasks within a play, a block or a list of tasks.
fn tasks<'n>(node: &'n Node, wanted: &dyn Fn(&str) -> bool) -> Vec<&'n Node> {
    let mut found = Vec::new();
    for (key, value) in node.as_map().unwrap_or_default() {
        let key = key.as_str().unwrap_or_default();
        let module = key.rsplit('.').next().unwrap_or_default();
        let is_deployer = module == "k8s" || ANSIBLE_DEPLOYERS.contains(&module);
        match value.as_seq() {
            None if is_deployer && value.as_map().is_some() && wanted(module) => found.push(value),
            Some(entries)
                if ["tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"].contains(&key) =>
            {
                found.extend(entries.iter().flat_map(|entry| tasks(entry, wanted)));
            }
            _ => {}
        }
    }
    found
}

/// Files of other tools that create an application load balancer from a few words. The mode is set elsewhere.
pub(crate) fn of_other_tools(source: &SourceFile, text: &SourceText<'_>, all: &[SourceFile], output: &mut ParseOutput) {
    let mut unread = |word: &str, because: &str| {
        let at = source.text.find(word).unwrap_or_default();
        output.unread.push(UnreadPart {
            address: source.path.clone(),
            place: text.place(at..at + word.len()),
            because: because.to_owned(),
        });
    };
    let is_in = |word: &str| source.text.contains(word);
    if is_in("Load Balanced Web Service") && source.name().contains("manifest") {
        unread(
            "Load Balanced Web Service",
            "AWS Copilot creates an application load balancer for the service; check the template that `copilot env package` \
             and `copilot svc package` write.",
        );
    }
    let has_http = source.text.lines().any(|line| line.starts_with("http:"));
    if is_in("type: Backend Service") && has_http && source.name().contains("manifest") {
        unread(
            "type: Backend Service",
            "AWS Copilot creates an internal application load balancer for the service; check the template that `copilot env \
             package` and `copilot svc package` write.",
        );
    }
    for module in ["elb_application_lb", "elb_classic_lb", "ec2_elb_lb"] {
        if is_in(&format!("{module}:")) {
            unread(
                module,
                "An Ansible task creates the load balancer, and tasks are not evaluated; check the load balancer.",
            );
        }
    }
    if let Some(at) = extension_sign(source).filter(|_| is_first_extension(source, all)) {
        output.unread.push(UnreadPart {
            address: source.path.clone(),
            place: text.place(at),
            because: "Elastic Beanstalk creates a load balancer, and no file here sets its mode by the resource \
                      AWSEBV2LoadBalancer."
                .to_owned(),
        });
    }
}

/// The load balancer in the template of an environment of Elastic Beanstalk; the names of its other resources begin with it:
/// <https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/customize-containers-format-resources-eb.html>
const OF_BEANSTALK: &str = "AWSEBV2LoadBalancer";

/// Where a file in `.ebextensions` shows that the environment has an application or network load balancer: by its type, by
/// options in a namespace of theirs, or by resources that belong to one.
fn extension_sign(source: &SourceFile) -> Option<std::ops::Range<usize>> {
    if !is_extension(source) {
        return None;
    }
    let signs = ["LoadBalancerType", "aws:elbv2:", OF_BEANSTALK];
    statements(&source.text).find_map(|(start, line)| {
        let found = signs.iter().filter_map(|sign| Some((line.find(sign)?, sign.len()))).min();
        found.map(|(at, length)| start + at..start + at + length)
    })
}

/// Whether a file is the first of its folder that shows a load balancer, and no file of the folder declares it as a resource.
fn is_first_extension(source: &SourceFile, all: &[SourceFile]) -> bool {
    let mut beside = all.iter().filter(|other| other.folder() == source.folder());
    let declares = |other: &SourceFile| {
        statements(&other.text).any(|(_, line)| {
            line.split_once(OF_BEANSTALK)
                .is_some_and(|(_, after)| after.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
        })
    };
    let first = beside.clone().filter(|other| extension_sign(other).is_some()).map(|other| &other.path).min();
    first == Some(&source.path) && !beside.any(declares)
}

fn is_extension(source: &SourceFile) -> bool {
    source.path.contains("/.ebextensions/") || source.path.starts_with(".ebextensions/")
}

/// The lines of a text that are no comments, with their positions.
fn statements(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(move |line| {
        start += line.len();
        (start - line.len(), line)
    });
    lines.filter(|(_, line)| !line.trim_start().starts_with('#'))
}
