//! The providers of a module: their Region, and their account if they are restricted to one.

use std::collections::BTreeMap;

use doorward_model::{AccountId, Region};

use super::evaluation::{Scope, reference};
use super::module::{File, blocks};
use super::section::Argument;
use super::syntax::Expression;
use super::value::ConfigValue;

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
    /// The providers that the files configure.
    pub(super) fn of<'a>(files: &'a [File<'a>], scope: &Scope<'a>) -> Self {
        let mut targets = BTreeMap::new();
        for (file, section) in blocks(files, "provider") {
            if section.labels.first().is_none_or(|label| label != "aws") {
                continue;
            }
            let value = |name: &str| {
                let argument = section.argument(name)?;
                Some(scope.evaluate(&file.text, argument).value)
            };
            let text = |name: &str| value(name).and_then(|value| value.scalar_text());
            let alias = text("alias").unwrap_or_default();
            let region = text("region").and_then(|name| Region::new(&name).ok());
            let account = match value("allowed_account_ids") {
                Some(ConfigValue::List(ids)) => match ids.items.as_slice() {
                    [only] => only.scalar_text().and_then(|id| AccountId::new(&id).ok()),
                    _ => None,
                },
                _ => None,
            };
            targets.insert(alias, ProviderTarget { region, account });
        }
        Self(targets)
    }

    /// These providers, and the default provider of the calling module unless there is one.
    pub(super) fn with_default_of(&self, calling: Option<&Self>) -> Self {
        let mut targets = self.0.clone();
        if let Some(default) = calling.and_then(|calling| calling.0.get("")) {
            targets.entry(String::new()).or_insert_with(|| default.clone());
        }
        Self(targets)
    }

    /// The target of the provider that a resource names, or of the default provider.
    pub(super) fn for_resource(&self, named: Option<&Argument>) -> ProviderTarget {
        let alias = match named.map(|argument| &argument.value) {
            None => "",
            Some(Expression::Name(name)) if name == "aws" => "",
            Some(other) => match reference(other) {
                Some(("aws", alias)) => alias,
                _ => return ProviderTarget::default(),
            },
        };
        self.0.get(alias).cloned().unwrap_or_default()
    }
}
