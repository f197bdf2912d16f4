//! Declarations of load balancers in infrastructure as code, before they are deployed.
//!
//! In the data flow this is the counterpart of *collect* and *normalize*: [`parse`] turns files (Terraform plans and configuration,
//! CloudFormation templates, Kubernetes manifests, Pulumi previews, ECS gateway definitions) into
//! [`LoadBalancer`](doorward_model::LoadBalancer)s, each with its place in a file. The caller judges them by the rules of a
//! scan. A value that cannot be known before deployment is unread, with the reason: a reference that the files do not
//! resolve, a value known only after apply, an attribute that is not set and keeps its live value.
//!
//! It judges nothing, opens no file, renders no template, runs no provider and guesses no value. Changes to files leave it
//! as [`ModeEdit`]s, which the caller writes.

mod attributes;
mod builder;
mod cloudformation;
mod declared;
mod declared_groups;
mod detect;
mod ecs;
mod error;
mod incapable;
mod indirect;
mod kubernetes;
mod match_live;
mod mode_edit;
mod outcomes;
mod pulumi;
mod signs;
mod source_text;
mod synthetic;
mod terraform;
mod tree;
mod variable_values;
mod wrapped_templates;

use std::cell::RefCell;
use std::collections::BTreeMap;

use doorward_model::{AccountId, Pattern, Region};

pub use declared::{
    Action, Declared, Dialect, MatchHints, ModeEdit, ParseOutput, Subject, Unexamined, UnexaminedReason, UnreadPart,
};
pub use detect::{TEMPLATES, cut_off, may_declare};
pub use doorward_file::encoding::Encoding;
pub use error::{FileError, PartlyRead};
pub use match_live::match_live;
pub use source_text::{SourceFile, SourceRange};

pub use outcomes::agreed;
pub use variable_values::{VariableOption, VariableValues};

use detect::Content;
use source_text::SourceText;

/// Facts about the deployment that the files do not contain.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    /// None of the declared load balancers exists yet: an attribute that is not set gets AWS's default.
    pub new: bool,
    /// The account to deploy to.
    pub account: Option<AccountId>,
    /// The Region to deploy to.
    pub region: Option<Region>,
    /// Tags that deployment adds. If not empty, these and the tags in the files are complete.
    pub tags: BTreeMap<String, String>,
    /// Sources of Terraform modules and of remote manifests that create no load balancer, besides those that are known.
    pub modules_without_load_balancers: Vec<Pattern>,
    /// The values that Terraform's variables are given besides the files in the root folder.
    pub variables: VariableValues,
}

/// The message of the error of a file that git-crypt encrypts. No tool deploys such a file before it is decrypted.
pub const ENCRYPTED: &str = "is encrypted by git-crypt";

/// The last part of a path that stands for all files below a folder.
pub const ALL_FILES: &str = "**";

/// Reads the Terraform files directly in a folder, given its path; empty if the folder does not exist. The path of a file
/// gives this file alone, of any kind. A path that ends in [`ALL_FILES`] gives all files below its folder, without their texts. The caller decides what may be read: a folder or file is requested because a
/// configuration, which may be hostile, names it. An error contains the files that could be read, because the others do not change
/// what these say.
pub type ReadFolder<'a> = &'a dyn Fn(&str) -> Result<Vec<SourceFile>, PartlyRead>;

/// Parses files. Each file is parsed on its own, except for Terraform configuration in one folder and Kubernetes
/// manifests, which are evaluated together. A file that cannot be parsed is an error in the output and does not affect other files.
pub fn parse(sources: &[SourceFile], deployment: &Deployment, folder: ReadFolder<'_>) -> ParseOutput {
    let mut output = ParseOutput::default();
    let resources = kubernetes::resource_sources(sources, folder);
    let all: Vec<SourceFile> = sources.iter().chain(&resources).cloned().collect();
    let sources = all.as_slice();
    let texts: Vec<SourceText<'_>> = sources.iter().map(SourceText::new).collect();
    let patches = kubernetes::patch_sources(sources, folder);
    let patch_texts: Vec<SourceText<'_>> = patches.iter().map(SourceText::new).collect();
    let mut manifests = kubernetes::Manifests::default();
    let mut configurations = Vec::new();
    let mut units = Vec::new();
    for (source, text) in sources.iter().zip(&texts) {
        let content = match detect::detect(source, text) {
            Ok(content) => content,
            Err(error) => {
                output.refuse(error, source.named, Some(&source.text));
                continue;
            }
        };
        let parsed = match content {
            Content::Terragrunt => {
                match terraform::terragrunt::parse(source, sources, deployment, &mut output) {
                    Ok(unit) => units.extend(unit),
                    Err(error) => output.refuse(error, source.named, Some(&source.text)),
                }
                Ok(())
            }
            Content::Nothing => Ok(()),
            Content::Configuration => {
                configurations.push(source);
                Ok(())
            }
            Content::Plan(pairs) => terraform::plan::parse(text, &pairs, deployment, &mut output)
                .and_then(|()| indirect::plan::parse(text, &pairs, &mut manifests, &mut output)),
            Content::Preview(pairs) => pulumi::parse(text, &pairs, deployment, &mut output)
                .and_then(|()| indirect::preview::parse(text, &pairs, &mut manifests, &mut output)),
            Content::Documents(documents) => {
                for document in documents {
                    match detect::dialect_of(&document) {
                        Some(Dialect::CloudFormation) => {
                            cloudformation::parse(text, &document, deployment, &mut output);
                            wrapped_templates::indirect(text, &document.root, sources, &mut manifests, &mut output);
                        }
                        Some(Dialect::EcsGateway) => ecs::parse(text, &document, deployment, &mut output),
                        Some(Dialect::Kubernetes) => {
                            output.files.push((source.path.clone(), Dialect::Kubernetes));
                            manifests.add(text, document);
                        }
                        _ if source.named && kubernetes::is_kustomization(source.name()) => {
                            output.files.push((source.path.clone(), Dialect::Kubernetes));
                        }
                        _ if kubernetes::is_values(source.name(), &document.root) => {
                            manifests.add_values(text, document);
                        }
                        _ if wrapped_templates::is_of_ansible(&document.root) => {
                            wrapped_templates::of_ansible(text, &document.root, &mut output);
                            manifests.add(text, document);
                        }
                        _ => {
                            for template in wrapped_templates::within(&source.path, &document.root) {
                                cloudformation::parse(text, &template, deployment, &mut output);
                                wrapped_templates::indirect(text, &template.root, sources, &mut manifests, &mut output);
                            }
                        }
                    }
                }
                wrapped_templates::of_other_tools(source, text, sources, &mut output);
                Ok(())
            }
        };
        if let Err(error) = parsed {
            output.errors.push(error);
        }
    }
    let found = RefCell::default();
    terraform::configuration::parse((&configurations, &units), deployment, folder, &found, &mut output);
    let found = found.into_inner();
    let found_texts = found.texts();
    found.add_to(&found_texts, &mut manifests);
    let with_patches: Vec<SourceFile> = sources.iter().chain(&patches).cloned().collect();
    let built = kubernetes::build_kustomizations(&with_patches, texts.iter().chain(&patch_texts), &mut manifests);
    manifests.parse(deployment, &mut output);
    kubernetes::mark_deployed(&manifests, sources, &deployment.modules_without_load_balancers, &mut output);
    kubernetes::mark_kustomizations(&with_patches, &built, &mut output);
    kubernetes::mark_missing(sources, &deployment.modules_without_load_balancers, folder, &mut output);
    let is_given = |file: &str| {
        let mut options = deployment.variables.options.iter();
        options.any(|option| matches!(option, VariableOption::File(source) if source.path == file))
    };
    for error in std::mem::take(&mut output.errors) {
        let source = sources.iter().find(|source| source.path == error.file);
        let is_named = source.is_some_and(|source| source.named) || is_given(&error.file);
        output.refuse(error, is_named, source.map(|source| source.text.as_str()));
    }
    output.sorted()
}
