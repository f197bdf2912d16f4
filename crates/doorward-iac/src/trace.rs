//! From a load balancer that was seen back to the declaration that it comes from.
//!
//! What is weighed, the surest first: the ARN that a plan or preview names; the tags that CloudFormation and the controllers of
//! Kubernetes leave; the name; what a name begins with. A weaker sign is looked at only where no stronger one leads anywhere,
//! and nothing is ever chosen among several: kind, Region, account and manager rule out, they do not choose.

use std::collections::BTreeMap;

use doorward_model::{Arn, Certainty, CodePlace, InCode, LoadBalancer, Manager, Observed};

use crate::{Action, Declared, Dialect, Reading, Source};

mod patch;

const LOGICAL_ID: &str = "aws:cloudformation:logical-id";
const STACK_NAME: &str = "aws:cloudformation:stack-name";
/// Tags in which controllers of Kubernetes write what they made a load balancer for.
const STACKS: [&str; 7] = [
    "ingress.k8s.aws/stack",
    "gateway.k8s.aws/stack",
    "gateway.k8s.aws.alb/stack",
    "service.k8s.aws/stack",
    "ingress.eks.amazonaws.com/stack",
    "service.eks.amazonaws.com/stack",
    "kubernetes.io/service-name",
];

/// Where each load balancer is declared, for those of which something was found. `sources` are the files that were read.
pub fn trace(reading: &Reading, sources: &[Source], live: &[LoadBalancer]) -> BTreeMap<Arn, InCode> {
    let index = Index::of(reading);
    let texts = patch::texts(sources);
    let mut names: BTreeMap<&str, Vec<&LoadBalancer>> = BTreeMap::new();
    for lb in live {
        names.entry(&lb.name).or_default().push(lb);
    }
    let unread = match reading.problems.len() + reading.unread.len() {
        0 => String::new(),
        parts => format!(" What could not be read ({parts} files or parts) may declare it as well."),
    };
    let found = live.iter().filter_map(|lb| {
        let (found, why) = index.find(lb)?;
        let (places, followed) = index.in_configuration(found, why, lb);
        // A template or manifest may be deployed many times over; anything else declares one load balancer.
        let single =
            |one: &Candidate<'_>| !matches!(one.declared.dialect, Dialect::CloudFormation | Dialect::Kubernetes);
        let rivals = places.iter().filter(|one| single(one)).any(|one| match why {
            Why::Arn | Why::LogicalId | Why::Stack(_) => false,
            Why::Name => names.get(lb.name.as_str()).is_some_and(|same| has_rival(one, same.iter().copied())),
            Why::Prefix => has_rival(one, live.iter()),
        });
        // An address is unique in one configuration, and the files may hold several.
        let sure = !followed || places.iter().all(|one| one.is_named(lb));
        let mut told = tell(&places, why, followed, sure, rivals)?;
        told.because.push_str(&unread);
        told.places = places.iter().map(|one| place(one.declared, lb, &texts)).collect();
        Some((lb.arn.clone(), told))
    });
    found.collect()
}

/// Whether a declaration of one load balancer fits several.
fn has_rival<'a>(declared: &Candidate<'_>, mut live: impl Iterator<Item = &'a LoadBalancer>) -> bool {
    let fits = |lb: &&LoadBalancer| declared.admits(lb) && (declared.is_named(lb) || declared.is_prefixed(lb));
    live.by_ref().filter(fits).nth(1).is_some()
}

/// How a declaration was found.
#[derive(Clone, Copy)]
enum Why {
    Arn,
    LogicalId,
    Stack(&'static str),
    Name,
    Prefix,
}

/// A declaration of a load balancer.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    declared: &'a Declared,
    lb: &'a LoadBalancer,
}

impl Candidate<'_> {
    fn arn(&self) -> Option<&Arn> {
        // One that is still to be made has no ARN that anybody could know.
        self.lb.known_arn().known().copied().filter(|_| self.declared.action != Action::Create)
    }

    fn name(&self) -> Option<&str> {
        self.lb.known_name().known().copied()
    }

    fn is_named(&self, live: &LoadBalancer) -> bool {
        self.name() == Some(live.name.as_str())
    }

    fn is_prefixed(&self, live: &LoadBalancer) -> bool {
        let prefix = self.declared.marks.name_prefix.as_deref();
        self.name().is_none() && prefix.is_some_and(|prefix| live.name.starts_with(prefix))
    }

    /// Whether nothing that it says contradicts: kind, place, name, and what manages the load balancer.
    fn admits(&self, live: &LoadBalancer) -> bool {
        let open = self.lb.placeholder.as_deref();
        let region = open.is_none_or(|open| open.region.is_some()) || self.lb.region == live.region;
        let account = open.is_none_or(|open| open.account.is_some()) || self.lb.account == live.account;
        let bound = self.declared.marks.account.as_ref().is_none_or(|account| *account == live.account);
        let named = self.name().is_none_or(|name| name == live.name);
        self.lb.kind == live.kind
            && region
            && account
            && bound
            && named
            && self.may_manage(live)
            && self.is_marked(live)
    }

    /// Whether the tags that name a declaration name this one, where there are any.
    fn is_marked(&self, live: &LoadBalancer) -> bool {
        let (Some(mark), Some(tags)) = (&self.declared.marks.tag, live.tags.known()) else { return true };
        let of = |keys: &[&str]| {
            let mut said = keys.iter().filter_map(|key| tags.get(*key)).peekable();
            said.peek().is_none() || said.any(|said| said == mark)
        };
        match self.declared.dialect {
            Dialect::CloudFormation => of(&[LOGICAL_ID]),
            Dialect::Kubernetes => of(&STACKS),
            Dialect::TerraformPlan | Dialect::Hcl | Dialect::Pulumi | Dialect::EcsGateway => true,
        }
    }

    /// CloudFormation, the controllers and ECS leave tags on what they make, so that what has them is nobody else's and what
    /// lacks them is not theirs.
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

/// The declarations by what finds them.
#[derive(Default)]
struct Index<'a> {
    arns: BTreeMap<&'a str, Vec<Candidate<'a>>>,
    names: BTreeMap<&'a str, Vec<Candidate<'a>>>,
    tags: BTreeMap<&'a str, Vec<Candidate<'a>>>,
    prefixed: Vec<Candidate<'a>>,
    configuration: BTreeMap<&'a str, Vec<Candidate<'a>>>,
}

impl<'a> Index<'a> {
    fn of(reading: &'a Reading) -> Self {
        let mut index = Self::default();
        let all = reading.declared.iter();
        for one in all.filter_map(|declared| Some(Candidate { declared, lb: declared.load_balancer()? })) {
            if let (Some(arn), Some(_)) = (one.lb.known_arn().known(), one.arn()) {
                index.arns.entry(arn.as_str()).or_default().push(one);
            }
            if let Observed::Known(name) = one.lb.known_name() {
                index.names.entry(name).or_default().push(one);
            } else if one.declared.marks.name_prefix.is_some() {
                index.prefixed.push(one);
            }
            if let Some(tag) = &one.declared.marks.tag {
                index.tags.entry(tag).or_default().push(one);
            }
            if one.declared.dialect == Dialect::Hcl {
                index.configuration.entry(&one.declared.address).or_default().push(one);
            }
        }
        index
    }

    /// The declarations that the surest sign leads to.
    fn find(&self, live: &LoadBalancer) -> Option<(Vec<Candidate<'a>>, Why)> {
        let of = |map: &BTreeMap<&str, Vec<Candidate<'a>>>, key: &str| map.get(key).cloned().unwrap_or_default();
        let mut by_arn = of(&self.arns, live.arn.as_str());
        by_arn.retain(|one| one.lb.kind == live.kind);
        if !by_arn.is_empty() {
            return Some((by_arn, Why::Arn));
        }
        let tag = |key: &str| live.tags.known().and_then(|tags| tags.get(key)).map(String::as_str);
        let stacks = STACKS.into_iter().map(|key| (key, Dialect::Kubernetes, Why::Stack(key)));
        for (key, dialect, why) in [(LOGICAL_ID, Dialect::CloudFormation, Why::LogicalId)].into_iter().chain(stacks) {
            let mut tagged = tag(key).map(|value| of(&self.tags, value)).unwrap_or_default();
            tagged.retain(|one| one.declared.dialect == dialect && one.admits(live));
            // The CDK calls a template by its stack.
            let stack = tag(STACK_NAME).filter(|_| dialect == Dialect::CloudFormation);
            let of_stack: Vec<_> =
                tagged.iter().filter(|one| stack.is_some_and(|stack| is_of_stack(one, stack))).copied().collect();
            if !tagged.is_empty() {
                return Some((if of_stack.is_empty() { tagged } else { of_stack }, why));
            }
        }
        let mut named = of(&self.names, &live.name);
        named.retain(|one| one.admits(live));
        if !named.is_empty() {
            return Some((named, Why::Name));
        }
        let prefixed = self.prefixed.iter().filter(|one| one.is_prefixed(live) && one.admits(live));
        let prefixed: Vec<_> = prefixed.copied().collect();
        (!prefixed.is_empty()).then_some((prefixed, Why::Prefix))
    }

    /// A plan says what there is, and its configuration where to change it: the address is the same in both.
    fn in_configuration(&self, found: Vec<Candidate<'a>>, why: Why, live: &LoadBalancer) -> (Vec<Candidate<'a>>, bool) {
        let mut places: Vec<Candidate<'a>> = Vec::new();
        let mut followed = false;
        for one in found {
            let mut written = Vec::new();
            if one.declared.dialect == Dialect::TerraformPlan {
                written = self.configuration.get(one.declared.address.as_str()).cloned().unwrap_or_default();
                let known = written.len();
                written.retain(|written| written.admits(live));
                // What the configuration says is not this load balancer, the plan does not make it by a name.
                if known > 0 && written.is_empty() && !matches!(why, Why::Arn) {
                    continue;
                }
            }
            followed |= !written.is_empty();
            let written = if written.is_empty() { vec![one] } else { written };
            for one in written {
                let at = |one: &Candidate<'_>| (one.declared.place.file.clone(), one.declared.place.span.clone());
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

/// What is said of the declarations that were found; nothing where there are none.
fn tell(places: &[Candidate<'_>], why: Why, followed: bool, sure: bool, rivals: bool) -> Option<InCode> {
    let mut because = match why {
        Why::Arn => "Its ARN is named there.".to_owned(),
        Why::LogicalId => format!("Its tag {LOGICAL_ID} is the name of the resource."),
        Why::Stack(key) => format!("Its tag {key} is what the controller calls it."),
        Why::Name => "It has the name that is written there.".to_owned(),
        Why::Prefix => "Its name begins as it is written there.".to_owned(),
    };
    if followed {
        because.push_str(" A plan leads to the configuration by the address.");
    }
    let certainty = match (places.len(), rivals, why) {
        (0, ..) => return None,
        (1, false, Why::Arn) if sure => Certainty::Certain,
        (1, false, _) => Certainty::Likely,
        (1, true, _) => {
            because.push_str(
                " Other load balancers of the scan fit as well, and the files do not say which account and Region it is for.",
            );
            Certainty::Ambiguous
        }
        (several, ..) => {
            because.push_str(&format!(" {several} declarations fit, and nothing tells them apart."));
            Certainty::Ambiguous
        }
    };
    Some(InCode { certainty, because, places: Vec::new() })
}

/// Whether a template is called by a stack's name, as the CDK does.
fn is_of_stack(one: &Candidate<'_>, stack: &str) -> bool {
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
        way: if can { declared.way.clone() } else { String::new() },
        unpatched: patch.as_ref().and_then(|patch| patch.as_ref().err().cloned()),
        patch: patch.and_then(Result::ok),
    }
}
