//! What a declaration says: one load balancer, or why it is none that could carry a mode.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use doorward_model::{AccountId, Gap, LoadBalancer};

use crate::{Place, Problem};

/// The language of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// `terraform show -json` of a plan, or OpenTofu's.
    TerraformPlan,
    /// Terraform or OpenTofu configuration.
    Hcl,
    /// A CloudFormation, SAM or CDK template.
    CloudFormation,
    /// A Kubernetes manifest.
    Kubernetes,
    /// `pulumi preview --json`.
    Pulumi,
    /// The input of `ecs:CreateGateway` or `ecs:UpdateGateway`.
    EcsGateway,
}

impl Dialect {
    /// The stable word, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TerraformPlan => "terraform-plan",
            Self::Hcl => "hcl",
            Self::CloudFormation => "cloudformation",
            Self::Kubernetes => "kubernetes",
            Self::Pulumi => "pulumi",
            Self::EcsGateway => "ecs-gateway",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What will happen to the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It does not exist yet, or is replaced.
    Create,
    /// It exists and is changed.
    Update,
    /// It exists and stays as it is.
    Keep,
    /// The declaration does not say whether it exists.
    Unsaid,
}

impl Action {
    /// The stable word, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Keep => "keep",
            Self::Unsaid => "unsaid",
        }
    }
}

/// What was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A load balancer, as the rules take it. Owner, environment and application are still to be read off its tags.
    LoadBalancer(Box<LoadBalancer>),
    /// Something that makes a load balancer and cannot carry a mode: one sentence on why.
    Incapable(String),
}

/// A change to a file that gives the load balancer a mode: `span` is replaced by `before`, the mode, `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub file: String,
    /// The bytes to replace; empty to insert.
    pub span: Range<usize>,
    /// What comes before the mode.
    pub before: String,
    /// What comes after it.
    pub after: String,
}

/// One declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The language.
    pub dialect: Dialect,
    /// What the language calls it: `module.edge.aws_lb.this[0]`, `Resources.Alb`, `Ingress shop/web`.
    pub address: String,
    /// Where the mode is written, or where the declaration begins if it is not.
    pub place: Place,
    /// What will happen to it.
    pub action: Action,
    /// The load balancer.
    pub subject: Subject,
    /// The tags that are known.
    pub tags: BTreeMap<String, String>,
    /// Why there may be more of them.
    pub more_tags: Option<Arc<Gap>>,
    /// Where the value comes from, if it is not simply written at the place.
    pub note: Option<String>,
    /// How the mode is set here, up to its value: ``set `desync_mitigation_mode` to``.
    pub way: String,
    /// How access logs are turned on here, as a sentence.
    pub logs_way: String,
    /// The change that sets the mode, or why none is made for anybody.
    pub fix: Result<Edit, String>,
    /// What finds its load balancer again besides name and ARN.
    pub marks: Marks,
}

/// What a declaration leaves on the load balancer that is made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// What the name begins with, where it is made up behind that.
    pub name_prefix: Option<String>,
    /// What the manager writes into its tag for it: the logical id in a stack, the stack of a controller.
    pub tag: Option<String>,
    /// The one account that its provider works in.
    pub account: Option<AccountId>,
}

impl Declared {
    /// The load balancer, where it is one.
    pub fn load_balancer(&self) -> Option<&LoadBalancer> {
        match &self.subject {
            Subject::LoadBalancer(lb) => Some(lb),
            Subject::Incapable(_) => None,
        }
    }
}

/// A part of what was declared that is not among the files, and so was not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What it is: `module.vpc`.
    pub address: String,
    /// Where it is asked for.
    pub place: Place,
    /// Why it was not read and what to do about it.
    pub because: String,
}

/// Everything that the files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The declarations, ordered by file, line and address.
    pub declared: Vec<Declared>,
    /// Files that could not be read as what they are, ordered.
    pub problems: Vec<Problem>,
    /// What is declared elsewhere, ordered.
    pub unread: Vec<Unread>,
    /// The files that were read, each with its dialect, ordered.
    pub files: Vec<(String, Dialect)>,
}

/// The most declarations that are kept of one run. An organization has no such number of load balancers; a file of a few
/// megabytes may ask for it.
pub(crate) const MOST: usize = 100_000;

impl Unread {
    /// A file that was found and not read.
    pub fn of_file(problem: Problem) -> Self {
        let Problem { file, line, column, problem } = problem;
        let place = Place { file: file.clone(), line, column, end_line: line, end_column: column, span: 0..0 };
        Self { address: file, place, because: format!("The file {problem}.") }
    }
}

impl Reading {
    pub(crate) fn settle(mut self) -> Self {
        self.declared.sort_by(|a, b| (a.place.order(), &a.address).cmp(&(b.place.order(), &b.address)));
        self.add_problems(Vec::new());
        self.add_unread(Vec::new());
        self.files.sort();
        self.files.dedup();
        self
    }

    /// Whether no more declarations are kept. What is left out from a place on is named as not read, once for a file.
    pub(crate) fn is_full(&mut self, at: impl FnOnce() -> Place) -> bool {
        if self.declared.len() < MOST {
            return false;
        }
        let place = at();
        let address = format!("the rest of {}", place.file);
        if !self.unread.iter().rev().any(|unread| unread.address == address) {
            let because = format!("More than {MOST} load balancers are not read in one run; check the files in parts.");
            self.unread.push(Unread { address, place, because });
        }
        true
    }

    /// Adds files that could not be read, in order.
    pub fn add_problems(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
        self.problems.sort();
        self.problems.dedup();
    }

    /// Adds what was not read, in order.
    pub fn add_unread(&mut self, unread: Vec<Unread>) {
        self.unread.extend(unread);
        self.unread.sort_by(|a, b| (a.place.order(), &a.address).cmp(&(b.place.order(), &b.address)));
        self.unread.dedup();
    }
}
