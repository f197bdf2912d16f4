//! A declaration: one load balancer, or the reason why it cannot set a mode.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use doorward_model::{AccountId, Gap, LoadBalancer};

use crate::{FileError, SourceRange, signs};

/// The format of a declaration.
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
    /// The stable name, as in JSON.
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

/// The effect of deployment on the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is created or replaced.
    Create,
    /// It exists and is changed.
    Update,
    /// It exists and is not changed.
    Keep,
    /// The declaration does not determine whether it exists.
    Unspecified,
}

impl Action {
    /// The stable name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Keep => "keep",
            Self::Unspecified => "unspecified",
        }
    }
}

/// The declared resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A load balancer as the rules judge it. It has no tags yet, which are [`Declared::tags`], and no owner, environment and
    /// application, which follow from them.
    LoadBalancer(Box<LoadBalancer>),
    /// A resource that creates a load balancer without a mode, with the reason as a sentence.
    Incapable(String),
}

/// A change to a file that sets the mode: `span` is replaced by `before`, the mode and `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeEdit {
    /// The file.
    pub file: String,
    /// The byte range to replace; empty to insert.
    pub span: Range<usize>,
    /// The text before the mode.
    pub before: String,
    /// The text after the mode.
    pub after: String,
}

/// One declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its dialect.
    pub dialect: Dialect,
    /// Its address in its dialect: `module.edge.aws_lb.this[0]`, `Resources.Alb`, `Ingress shop/web`.
    pub address: String,
    /// Where the mode is set, or where the declaration begins if it is not.
    pub place: SourceRange,
    /// The effect of deployment.
    pub action: Action,
    /// The load balancer, or the reason why there is no mode.
    pub subject: Subject,
    /// The possible load balancers, if the files leave a mode or type open but allow few values. Empty if they determine
    /// it, or do not limit it.
    pub outcomes: Vec<LoadBalancer>,
    /// The known tags.
    pub tags: BTreeMap<String, String>,
    /// The reason why there may be further tags; `None` if `tags` is complete.
    pub more_tags: Option<Arc<Gap>>,
    /// Where the mode comes from, if it is not a literal at `place`.
    pub note: Option<String>,
    /// How to set the mode, up to the value, if that is not the argument of a Terraform resource.
    pub(crate) mode_instruction: String,
    /// How to enable access logs, if that is not the block of a Terraform resource.
    pub(crate) logs_instruction: String,
    /// The edit that sets the mode, or the reason why there is no safe one.
    pub fix: Result<ModeEdit, String>,
    /// Properties that identify its load balancer in a scan, besides name and ARN.
    pub match_hints: MatchHints,
    /// The Terraform folder or the kustomization that it is deployed from, if that is not the folder of its file. One module
    /// or base that several of them use declares one load balancer for each.
    pub root: Option<String>,
}

/// Properties of the deployed load balancer that follow from its declaration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatchHints {
    /// The prefix of a generated name.
    pub name_prefix: Option<String>,
    /// The value of the manager's tag: the logical id in a CloudFormation stack, the stack name of a Kubernetes controller.
    pub tag: Option<String>,
    /// The only account that its provider may use.
    pub account: Option<AccountId>,
}

impl Declared {
    /// Records the folder that it is deployed from.
    pub(crate) fn set_root(&mut self, root: &str) {
        let folder = self.place.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.root = (folder != root).then(|| root.to_owned());
    }

    /// How to set the mode in this dialect, up to the value: "In aws_lb.a, set desync_mitigation_mode to". A plan may have tens of
    /// thousands of resources, so that the sentence for them is composed when it is needed.
    pub fn mode_instruction(&self) -> Cow<'_, str> {
        match self.mode_instruction.as_str() {
            "" => format!("In {}, set desync_mitigation_mode to", self.address).into(),
            text => text.into(),
        }
    }

    /// How to enable access logs in this dialect, as a sentence.
    pub fn logs_instruction(&self) -> Cow<'_, str> {
        match self.logs_instruction.as_str() {
            "" => format!("In {}, add an access_logs block with bucket and enabled = true.", self.address).into(),
            text => text.into(),
        }
    }

    /// The load balancer; `None` for a resource without a mode.
    pub fn load_balancer(&self) -> Option<&LoadBalancer> {
        match &self.subject {
            Subject::LoadBalancer(lb) => Some(lb),
            Subject::Incapable(_) => None,
        }
    }
}

/// A part of the declarations that was not read, such as a module outside the files. It may declare load balancers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadPart {
    /// Its address: `module.vpc`.
    pub address: String,
    /// Where it is referenced.
    pub place: SourceRange,
    /// The reason, and what to do.
    pub because: String,
}

/// A part of the declarations that was not read, and in which nothing indicates a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexamined {
    /// Its address: `module.vpc`, or the path of a file.
    pub address: String,
    /// Where it is referenced, or where the file cannot be parsed.
    pub place: SourceRange,
    /// Why it was not read.
    pub reason: UnexaminedReason,
    /// The source of a module, or the problem of a file.
    pub detail: String,
}

/// Why a part was not read although nothing indicates a load balancer in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnexaminedReason {
    /// A module that is not installed and is known to create no load balancer.
    ModuleWithoutLoadBalancers,
    /// A module that is not installed and whose name is that of other resources, such as `iam-role`.
    ModuleOfOtherResources,
    /// A module that is not installed and of which nothing is known.
    UnknownModule,
    /// A manifest that is not known, of a resource that is named after objects of other kinds.
    ManifestOfOtherKinds,
    /// A nested template of CloudFormation that is not among the files and whose name is that of other resources.
    TemplateOfOtherResources,
    /// A resource of a kustomization that is not among the files, where nothing indicates a load balancer.
    MissingManifest,
    /// Manifests of another repository, of which nothing is known.
    RemoteManifests,
    /// Manifests of another repository that are known to create no load balancer.
    RemoteManifestsWithoutLoadBalancers,
    /// A chart with values that are not among the files.
    UnknownValues,
    /// A template that is still to be rendered.
    Template,
    /// A file that is not well-formed.
    BrokenFile,
    /// A file that git-crypt encrypts.
    EncryptedFile,
}

impl UnexaminedReason {
    /// Whether nothing is known of the part, not even that it is named after something else.
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::UnknownModule | Self::RemoteManifests | Self::UnknownValues)
    }

    /// The stable name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModuleWithoutLoadBalancers => "module-without-load-balancers",
            Self::ModuleOfOtherResources => "module-of-other-resources",
            Self::UnknownModule => "unknown-module",
            Self::ManifestOfOtherKinds => "manifest-of-other-kinds",
            Self::TemplateOfOtherResources => "template-of-other-resources",
            Self::MissingManifest => "missing-manifest",
            Self::RemoteManifests => "remote-manifests",
            Self::RemoteManifestsWithoutLoadBalancers => "remote-manifests-without-load-balancers",
            Self::UnknownValues => "unknown-values",
            Self::Template => "template",
            Self::BrokenFile => "broken-file",
            Self::EncryptedFile => "encrypted-file",
        }
    }
}

/// The result of parsing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParseOutput {
    /// The declarations, ordered by file, line and address.
    pub declared: Vec<Declared>,
    /// Files that the user named and that could not be parsed, ordered.
    pub errors: Vec<FileError>,
    /// Files that were found, could not be parsed and may declare load balancers, ordered.
    pub broken: Vec<FileError>,
    /// Parts that were not read, ordered.
    pub unread: Vec<UnreadPart>,
    /// Parts that were not read and in which nothing indicates a load balancer, ordered.
    pub unexamined: Vec<Unexamined>,
    /// The parsed files with their dialects, ordered.
    pub files: Vec<(String, Dialect)>,
}

/// The maximum number of declarations in one run. No organization has as many load balancers, but a file of a few megabytes
/// may declare more, and each takes a multiple of its text in memory: 3 kB, measured with plans, so that a check of the largest
/// files stays below 500 MB.
pub(crate) const MAX_DECLARATIONS: usize = 50_000;

impl UnreadPart {
    /// A file that was found in a folder and not read.
    pub fn of_file(error: FileError) -> Self {
        let FileError { file, line, column, message } = error;
        let place = SourceRange { file: file.clone(), line, column, end_line: line, end_column: column, span: 0..0 };
        Self { address: file, place, because: format!("The file {message}.") }
    }
}

impl ParseOutput {
    /// Sorts every list, so that the output does not depend on the order of the files.
    pub(crate) fn sorted(mut self) -> Self {
        self.declared.sort_by(|a, b| (a.place.order(), &a.address).cmp(&(b.place.order(), &b.address)));
        self.add_errors(Vec::new());
        self.add_unread(Vec::new());
        self.broken.sort();
        self.broken.dedup();
        let order = |one: &Unexamined| (one.place.file.clone(), one.place.line, one.address.clone());
        self.unexamined.sort_by_cached_key(order);
        self.unexamined.dedup();
        self.files.sort();
        self.files.dedup();
        self
    }

    /// Whether the maximum number of declarations is reached. The rest of the file, from `at` on, is then listed as not
    /// read, once per file.
    pub(crate) fn is_full(&mut self, at: impl FnOnce() -> SourceRange) -> bool {
        if self.declared.len() < MAX_DECLARATIONS {
            return false;
        }
        let place = at();
        let address = format!("the rest of {}", place.file);
        if !self.unread.iter().rev().any(|unread| unread.address == address) {
            let because = format!(
                "More than {MAX_DECLARATIONS} load balancers are not read in one run; check the files in parts."
            );
            self.unread.push(UnreadPart { address, place, because });
        }
        true
    }

    /// Records a file that cannot be parsed. It is an error only if the user named it: one that was found hides no verdict on another
    /// file. A found file that may declare load balancers is not read, and any other one is only counted. `text` is `None` for a file
    /// that a configuration reads and that is not among the files.
    pub(crate) fn refuse(&mut self, error: FileError, named: bool, text: Option<&str>) {
        if named {
            self.errors.push(error);
            return;
        }
        let is_template = text.is_some_and(signs::is_template);
        // A file that is read otherwise, such as one with a repeated key, may declare what it says.
        let is_parsed = !error.message.starts_with("is not ");
        let may_declare = |text: &str| match is_template {
            true => signs::of_any(text),
            false => is_parsed || signs::of_dialect(text),
        };
        match (text.is_none_or(may_declare), is_template) {
            (true, false) => self.broken.push(error),
            (true, true) => {
                let because = format!(
                    "The file is a template, and may declare load balancers; check the rendered file (`helm template`, `kubectl \
                     kustomize`). Unrendered, it {}.",
                    error.message
                );
                self.unread.push(UnreadPart { because, ..UnreadPart::of_file(error) });
            }
            (false, _) => {
                let reason = if is_template { UnexaminedReason::Template } else { UnexaminedReason::BrokenFile };
                let detail = error.message.clone();
                let UnreadPart { address, place, .. } = UnreadPart::of_file(error);
                self.unexamined.push(Unexamined { address, place, reason, detail });
            }
        }
    }

    /// Adds files that could not be read, and sorts.
    pub fn add_errors(&mut self, errors: Vec<FileError>) {
        self.errors.extend(errors);
        self.errors.sort();
        self.errors.dedup();
    }

    /// Adds parts that were not read, and sorts.
    pub fn add_unread(&mut self, unread: Vec<UnreadPart>) {
        self.unread.extend(unread);
        self.unread.sort_by(|a, b| (a.place.order(), &a.address).cmp(&(b.place.order(), &b.address)));
        self.unread.dedup();
    }
}
