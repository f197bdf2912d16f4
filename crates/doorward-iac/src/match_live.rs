//! Matches scanned load balancers with their declarations.
//!
//! The criteria, from the most to the least certain: the ARN in a plan or preview; the tags that CloudFormation and the Kubernetes
//! controllers set; the name; the prefix of a generated name. A criterion applies only if no better one matches. Several
//! matches are all reported and none is chosen: kind, Region, account and manager only exclude declarations.

use std::collections::BTreeMap;

use doorward_model::{Arn, Certainty, CodePlace, InCode, LoadBalancer, Manager, Observed};

use crate::{Action, Declared, Dialect, ParseOutput, SourceFile, Unexamined, UnexaminedReason};

mod patch;

const LOGICAL_ID: &str = "aws:cloudformation:logical-id";
const STACK_NAME: &str = "aws:cloudformation:stack-name";
/// The tags in which Kubernetes controllers record the object that a load balancer was created for.
const STACK_TAGS: [&str; 7] = [
    "ingress.k8s.aws/stack",
    "gateway.k8s.aws/stack",
    "gateway.k8s.aws.alb/stack",
    "service.k8s.aws/stack",
    "ingress.eks.amazonaws.com/stack",
    "service.eks.amazonaws.com/stack",
    "kubernetes.io/service-name",
];

/// The declarations of each load balancer that has any. `sources` are the parsed files.
pub fn match_live(output: &ParseOutput, sources: &[SourceFile], live: &[LoadBalancer]) -> BTreeMap<Arn, InCode> {
    let index = Index::of(output);
    let texts = patch::texts(sources);
    let mut names: BTreeMap<&str, Vec<&LoadBalancer>> = BTreeMap::new();
    for lb in live {
        names.entry(&lb.name).or_default().push(lb);
    }
    let is_unknown = |one: &&Unexamined| one.reason == UnexaminedReason::UnknownModule;
    let unknown = output.unexamined.iter().filter(is_unknown).count();
    let unread = match output.errors.len() + output.unread.len() + unknown {
        0 => String::new(),
        parts => format!(" Parts that could not be read ({parts}) may declare it as well."),
    };
    let found = live.iter().filter_map(|lb| {
        let (found, matched_by) = index.find(lb)?;
        let (places, followed) = index.in_configuration(found, matched_by, lb);
        // A template or manifest may be deployed several times; any other declaration is for one load balancer.
        let single = |one: &DeclaredLoadBalancer<'_>| {
            !matches!(one.declared.dialect, Dialect::CloudFormation | Dialect::Kubernetes)
        };
        let rivals = places.iter().filter(|one| single(one)).any(|one| match matched_by {
            MatchedBy::Arn | MatchedBy::LogicalId | MatchedBy::Stack(_) => false,
            MatchedBy::Name => names.get(lb.name.as_str()).is_some_and(|same| has_rival(one, same.iter().copied())),
            MatchedBy::Prefix => has_rival(one, live.iter()),
        });
        // An address is unique within one configuration, but the files may contain several.
        let is_certain = !followed || places.iter().all(|one| one.is_named(lb));
        let mut matched = describe(&places, matched_by, followed, is_certain, rivals)?;
        matched.because.push_str(&unread);
        matched.places = places.iter().map(|one| place(one.declared, lb, &texts)).collect();
        Some((lb.arn.clone(), matched))
    });
    found.collect()
}

/// Whether a declaration for one load balancer matches several.
fn has_rival<'a>(declared: &DeclaredLoadBalancer<'_>, mut live: impl Iterator<Item = &'a LoadBalancer>) -> bool {
    let fits = |lb: &&LoadBalancer| declared.admits(lb) && (declared.is_named(lb) || declared.is_prefixed(lb));
    live.by_ref().filter(fits).nth(1).is_some()
}

/// The criterion of a match.
#[derive(Clone, Copy)]
enum MatchedBy {
    Arn,
    LogicalId,
    Stack(&'static str),
    Name,
    Prefix,
}

/// A declaration with its load balancer.
#[derive(Clone, Copy)]
struct DeclaredLoadBalancer<'a> {
    declared: &'a Declared,
    lb: &'a LoadBalancer,
}

impl DeclaredLoadBalancer<'_> {
    fn arn(&self) -> Option<&Arn> {
        // The ARN of a load balancer that is created or replaced is not known yet.
        self.lb.known_arn().known().copied().filter(|_| self.declared.action != Action::Create)
    }

    fn name(&self) -> Option<&str> {
        self.lb.known_name().known().copied()
    }

    fn is_named(&self, live: &LoadBalancer) -> bool {
        self.name() == Some(live.name.as_str())
    }

    fn is_prefixed(&self, live: &LoadBalancer) -> bool {
        let prefix = self.declared.match_hints.name_prefix.as_deref();
        self.name().is_none() && prefix.is_some_and(|prefix| live.name.starts_with(prefix))
    }

    /// Whether nothing contradicts the match: kind, Region, account, name and manager.
    fn admits(&self, live: &LoadBalancer) -> bool {
        let undecided = self.lb.placeholder.as_deref();
        let region = undecided.is_none_or(|undecided| undecided.region.is_some()) || self.lb.region == live.region;
        let account = undecided.is_none_or(|undecided| undecided.account.is_some()) || self.lb.account == live.account;
        let provider = self.declared.match_hints.account.as_ref().is_none_or(|account| *account == live.account);
        let named = self.name().is_none_or(|name| name == live.name);
        self.lb.kind == live.kind
            && region
            && account
            && provider
            && named
            && self.may_manage(live)
            && self.is_marked(live)
    }

    /// Whether the tags that identify a declaration, if there are any, identify this one.
    fn is_marked(&self, live: &LoadBalancer) -> bool {
        let (Some(mark), Some(tags)) = (&self.declared.match_hints.tag, live.tags.known()) else { return true };
        let of = |keys: &[&str]| {
            let mut values = keys.iter().filter_map(|key| tags.get(key)).peekable();
            values.peek().is_none() || values.any(|value| value == mark)
        };
        match self.declared.dialect {
            Dialect::CloudFormation => of(&[LOGICAL_ID]),
            Dialect::Kubernetes => of(&STACK_TAGS),
            Dialect::TerraformPlan | Dialect::Hcl | Dialect::Pulumi | Dialect::EcsGateway => true,
        }
    }

    /// Whether the manager of the load balancer can be that of the declaration. CloudFormation, the Kubernetes controllers and
    /// ECS tag the load balancers that they create.
    fn may_manage(&self, live: &LoadBalancer) -> bool {
        let dialect = self.declared.dialect;
        let terraform = matches!(dialect, Dialect::Hcl | Dialect::TerraformPlan);
        match &live.managed_by {
            Observed::Known(Manager::CloudFormation(_)) => dialect == Dialect::CloudFormation,
            Observed::Known(Manager::Kubernetes(_)) => dialect == Dialect::Kubernetes,
            Observed::Known(Manager::EcsGateway(_)) => dialect == Dialect::EcsGateway,
            Observed::Known(Manager::ElasticBeanstalk(_)) => false,
            Observed::Known(Manager::Terraform(_)) => terraform,
            Observed::Absent => terraform || dialect == Dialect::Pulumi,
            Observed::Unread(_) => true,
        }
    }
}

/// The declarations by criterion.
#[derive(Default)]
struct Index<'a> {
    arns: BTreeMap<&'a str, Vec<DeclaredLoadBalancer<'a>>>,
    names: BTreeMap<&'a str, Vec<DeclaredLoadBalancer<'a>>>,
    tags: BTreeMap<&'a str, Vec<DeclaredLoadBalancer<'a>>>,
    prefixed: Vec<DeclaredLoadBalancer<'a>>,
    configuration: BTreeMap<&'a str, Vec<DeclaredLoadBalancer<'a>>>,
}

impl<'a> Index<'a> {
    fn of(output: &'a ParseOutput) -> Self {
        let mut index = Self::default();
        let all = output.declared.iter();
        for one in all.filter_map(|declared| Some(DeclaredLoadBalancer { declared, lb: declared.load_balancer()? })) {
            if let (Some(arn), Some(_)) = (one.lb.known_arn().known(), one.arn()) {
                index.arns.entry(arn.as_str()).or_default().push(one);
            }
            if let Observed::Known(name) = one.lb.known_name() {
                index.names.entry(name).or_default().push(one);
            } else if one.declared.match_hints.name_prefix.is_some() {
                index.prefixed.push(one);
            }
            if let Some(tag) = &one.declared.match_hints.tag {
                index.tags.entry(tag).or_default().push(one);
            }
            if one.declared.dialect == Dialect::Hcl {
                index.configuration.entry(&one.declared.address).or_default().push(one);
            }
        }
        index
    }

    /// The declarations that match by the most certain criterion.
    fn find(&self, live: &LoadBalancer) -> Option<(Vec<DeclaredLoadBalancer<'a>>, MatchedBy)> {
        let of =
            |map: &BTreeMap<&str, Vec<DeclaredLoadBalancer<'a>>>, key: &str| map.get(key).cloned().unwrap_or_default();
        let mut by_arn = of(&self.arns, live.arn.as_str());
        by_arn.retain(|one| one.lb.kind == live.kind);
        if !by_arn.is_empty() {
            return Some((by_arn, MatchedBy::Arn));
        }
        let tag = |key: &str| live.tags.known().and_then(|tags| tags.get(key));
        let stacks = STACK_TAGS.into_iter().map(|key| (key, Dialect::Kubernetes, MatchedBy::Stack(key)));
        for (key, dialect, matched_by) in
            [(LOGICAL_ID, Dialect::CloudFormation, MatchedBy::LogicalId)].into_iter().chain(stacks)
        {
            let mut tagged = tag(key).map(|value| of(&self.tags, value)).unwrap_or_default();
            tagged.retain(|one| one.declared.dialect == dialect && one.admits(live));
            // The CDK names a template after its stack.
            let stack = tag(STACK_NAME).filter(|_| dialect == Dialect::CloudFormation);
            let of_stack: Vec<_> =
                tagged.iter().filter(|one| stack.is_some_and(|stack| is_of_stack(one, stack))).copied().collect();
            if !tagged.is_empty() {
                return Some((if of_stack.is_empty() { tagged } else { of_stack }, matched_by));
            }
        }
        let mut named = of(&self.names, &live.name);
        named.retain(|one| one.admits(live));
        if !named.is_empty() {
            return Some((named, MatchedBy::Name));
        }
        let prefixed = self.prefixed.iter().filter(|one| one.is_prefixed(live) && one.admits(live));
        let prefixed: Vec<_> = prefixed.copied().collect();
        (!prefixed.is_empty()).then_some((prefixed, MatchedBy::Prefix))
    }

    /// Replaces a match in a plan by the declaration of the same address in the configuration, which is the file to change.
    fn in_configuration(
        &self,
        found: Vec<DeclaredLoadBalancer<'a>>,
        matched_by: MatchedBy,
        live: &LoadBalancer,
    ) -> (Vec<DeclaredLoadBalancer<'a>>, bool) {
        let mut places: Vec<DeclaredLoadBalancer<'a>> = Vec::new();
        let mut followed = false;
        for one in found {
            let mut written = Vec::new();
            if one.declared.dialect == Dialect::TerraformPlan {
                written = self.configuration.get(one.declared.address.as_str()).cloned().unwrap_or_default();
                let known = written.len();
                written.retain(|written| written.admits(live));
                // If the configuration of the address contradicts the match, the plan matches by its ARN only.
                if known > 0 && written.is_empty() && !matches!(matched_by, MatchedBy::Arn) {
                    continue;
                }
            }
            followed |= !written.is_empty();
            let written = if written.is_empty() { vec![one] } else { written };
            for one in written {
                let at =
                    |one: &DeclaredLoadBalancer<'_>| (one.declared.place.file.clone(), one.declared.place.span.clone());
                if !places.iter().any(|there| at(there) == at(&one)) {
                    places.push(one);
                }
            }
        }
        places.sort_by(|a, b| {
            (a.declared.place.order(), &a.declared.address).cmp(&(b.declared.place.order(), &b.declared.address))
        });
        (places, followed)
    }
}

/// The certainty of a match, with its reason; `None` without a declaration.
fn describe(
    places: &[DeclaredLoadBalancer<'_>],
    matched_by: MatchedBy,
    followed: bool,
    is_certain: bool,
    rivals: bool,
) -> Option<InCode> {
    let mut because = match matched_by {
        MatchedBy::Arn => "The declaration contains its ARN.".to_owned(),
        MatchedBy::LogicalId => format!("Its tag {LOGICAL_ID} is the logical id of the resource."),
        MatchedBy::Stack(key) => format!("Its tag {key} identifies the Kubernetes object."),
        MatchedBy::Name => "The declaration contains its name.".to_owned(),
        MatchedBy::Prefix => "The declaration contains the prefix of its name.".to_owned(),
    };
    if followed {
        because.push_str(" A plan links it to the configuration by the address.");
    }
    let certainty = match (places.len(), rivals, matched_by) {
        (0, ..) => return None,
        (1, false, MatchedBy::Arn) if is_certain => Certainty::Certain,
        (1, false, _) => Certainty::Likely,
        (1, true, _) => {
            because.push_str(
                " Other load balancers of the scan match as well, and the files do not contain the account and Region.",
            );
            Certainty::Ambiguous
        }
        (several, ..) => {
            because.push_str(&format!(" {several} declarations match equally well."));
            Certainty::Ambiguous
        }
    };
    Some(InCode { certainty, because, places: Vec::new() })
}

/// Whether the file of a template has the name of a stack, as with the CDK.
fn is_of_stack(one: &DeclaredLoadBalancer<'_>, stack: &str) -> bool {
    let file = &one.declared.place.file;
    let name = file.rsplit_once('/').map_or(file.as_str(), |(_, name)| name);
    name.split('.').next() == Some(stack)
}

fn place(declared: &Declared, live: &LoadBalancer, texts: &patch::Texts<'_>) -> CodePlace {
    let can = live.kind.can_parse_http();
    let patch = if can { Some(patch::of(declared, texts)) } else { None };
    CodePlace {
        dialect: declared.dialect.as_str().to_owned(),
        address: declared.address.clone(),
        file: declared.place.file.clone(),
        line: declared.place.line,
        column: declared.place.column,
        way: if can { declared.mode_instruction().into_owned() } else { String::new() },
        unpatched: patch.as_ref().and_then(|patch| patch.as_ref().err().cloned()),
        patch: patch.and_then(Result::ok),
    }
}
