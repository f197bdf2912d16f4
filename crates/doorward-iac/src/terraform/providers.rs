//! The providers of a module: their Region, and their account if they are restricted to one.

use std::collections::BTreeMap;

use doorward_model::{AccountId, Region};
use hcl::Expression;

use super::evaluate::{Scope, reference, text_of};
use super::module::{File, blocks};
use super::section::Argument;

/// The Region and account of a provider, as far as the files determine them.
#[derive(Debug, Clone, Default)]
pub(super) struct ProviderTarget {
    pub(super) region: Option<Region>,
    pub(super) account: Option<AccountId>,
}

/// The providers of a module by alias; the default provider has an empty one.
#[derive(Debug, Clone, Default)]
pub(super) struct Providers(BTreeMap<String, ProviderTarget>);

impl Providers {
    /// The providers that the files configure, and the inherited default provider.
    pub(super) fn of<'a>(files: &'a [File<'a>], scope: &Scope<'a>, inherited: Option<&Self>) -> Self {
        let mut targets = BTreeMap::new();
        if let Some(default) = inherited.and_then(|inherited| inherited.0.get("")) {
            targets.insert(String::new(), default.clone());
        }
        for (file, section) in blocks(files, "provider") {
            if section.labels.first().is_none_or(|label| label != "aws") {
                continue;
            }
            let value = |name: &str| {
                let argument = section.argument(name)?;
                scope.evaluate(&file.text, argument).value.known().cloned()
            };
            let alias = value("alias").as_deref().and_then(text_of).unwrap_or_default();
            let region = value("region").as_deref().and_then(text_of).and_then(|name| Region::new(&name).ok());
            let account = value("allowed_account_ids").and_then(|ids| match ids.as_array().map(Vec::as_slice) {
                Some([only]) => text_of(only).and_then(|id| AccountId::new(&id).ok()),
                _ => None,
            });
            targets.insert(alias, ProviderTarget { region, account });
        }
        Self(targets)
    }

    /// The target of the provider that a resource names, or of the default provider.
    pub(super) fn for_resource(&self, named: Option<&Argument>) -> ProviderTarget {
        let alias = match named.map(|argument| &argument.value) {
            None => "",
            Some(Expression::Variable(name)) if name.as_str() == "aws" => "",
            Some(other) => match reference(other) {
                Some(("aws", alias)) => alias,
                _ => return ProviderTarget::default(),
            },
        };
        self.0.get(alias).cloned().unwrap_or_default()
    }
}
