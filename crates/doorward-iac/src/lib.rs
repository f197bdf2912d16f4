//! Declarations of load balancers, in the languages that people deploy them with, before they are deployed.
//!
//! In the flow this stands beside *collect* and *normalize*: [`read`] turns files (Terraform plans and configuration,
//! CloudFormation templates, Kubernetes manifests, Pulumi previews, ECS gateway definitions) into
//! [`LoadBalancer`](doorward_model::LoadBalancer)s with a place in a file each, and whoever calls judges them with the rules
//! that a scan uses. What cannot be known before deployment is unread, with the reason: a reference that the files do not
//! resolve, a value known only after apply, an attribute that is not named and so keeps its live value.
//!
//! What it deliberately does not do: it judges nothing, opens no file itself, renders no template, runs no provider and
//! guesses no value. Only [`Edit`]s leave it; whoever calls writes them.

mod attributes;
mod cloudformation;
mod declared;
mod draft;
mod ecs;
mod encoding;
mod form;
mod kubernetes;
mod problem;
mod pulumi;
mod splice;
mod terraform;
mod text;
mod trace;
mod tree;

use std::collections::BTreeMap;

use doorward_model::{AccountId, Region};

pub use declared::{Action, Declared, Dialect, Edit, Marks, Reading, Subject, Unread};
pub use encoding::Encoding;
pub use form::may_declare;
pub use problem::Problem;
pub use text::{Place, Source};
pub use trace::trace;

use form::Form;
use text::Text;

/// What the caller knows and the files do not say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Nothing of what is declared exists yet, so that what is not named takes AWS's default.
    pub new: bool,
    /// The account it goes to.
    pub account: Option<AccountId>,
    /// The Region it goes to.
    pub region: Option<Region>,
    /// Tags that deployment adds. Where there are some, there are no others that the files do not show.
    pub tags: BTreeMap<String, String>,
}

/// The files directly in a folder that Terraform would read with a configuration there, by the folder's path; empty
/// where there are none. They must be the caller's to read: folders are asked for because a configuration names them.
pub type Folder<'a> = &'a dyn Fn(&str) -> Result<Vec<Source>, Problem>;

/// Reads files. Each is read by itself but for what belongs together: the configuration in one folder, and Kubernetes
/// manifests. A file that cannot be read is a problem and keeps no other from being read.
pub fn read(sources: &[Source], options: &Options, folder: Folder<'_>) -> Reading {
    let mut reading = Reading::default();
    let texts: Vec<Text<'_>> = sources.iter().map(Text::new).collect();
    let mut manifests = kubernetes::Manifests::default();
    let mut configurations = Vec::new();
    for (source, text) in sources.iter().zip(&texts) {
        let form = match form::recognise(source, text) {
            Ok(form) => form,
            Err(problem) => {
                reading.problems.push(problem);
                continue;
            }
        };
        let read = match form {
            Form::Nothing => Ok(()),
            Form::Configuration => {
                configurations.push(source);
                Ok(())
            }
            Form::Plan(pairs) => terraform::plan::read(text, &pairs, options, &mut reading),
            Form::Preview(pairs) => pulumi::read(text, &pairs, options, &mut reading),
            Form::Documents(documents) => {
                for document in documents {
                    match form::of_document(&document) {
                        Some(Dialect::CloudFormation) => {
                            cloudformation::read(text, &document, options, &mut reading);
                        }
                        Some(Dialect::EcsGateway) => ecs::read(text, &document, options, &mut reading),
                        Some(Dialect::Kubernetes) => {
                            reading.files.push((source.path.clone(), Dialect::Kubernetes));
                            manifests.add(text, document);
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
        };
        if let Err(problem) = read {
            reading.problems.push(problem);
        }
    }
    manifests.read(options, &mut reading);
    terraform::configuration::read(&configurations, options, folder, &mut reading);
    reading.settle()
}
