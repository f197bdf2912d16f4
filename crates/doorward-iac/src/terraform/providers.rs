//! Where the providers of a module work: their Region, and their account where they are bound to one.

use std::collections::BTreeMap;

use doorward_model::{AccountId, Region};
use hcl::Expression;

use super::evaluate::{Scope, reference, text_of};
use super::module::{File, blocks};
use super::section::Argument;

/// Where one provider works, as far as the files say.
#[derive(Debug, Clone, Default)]
pub(super) struct Site {
    pub(super) region: Option<Region>,
    pub(super) account: Option<AccountId>,
}

/// The providers of a module by alias; the default one has none.
#[derive(Debug, Clone, Default)]
pub(super) struct Providers(BTreeMap<String, Site>);

impl Providers {
    /// Those that the files configure, beside the inherited default.
    pub(super) fn of<'a>(files: &'a [File<'a>], scope: &Scope<'a>, inherited: Option<&Self>) -> Self {
        let mut sites = BTreeMap::new();
        if let Some(default) = inherited.and_then(|inherited| inherited.0.get("")) {
            sites.insert(String::new(), default.clone());
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
            sites.insert(alias, Site { region, account });
        }
        Self(sites)
    }

    /// Where the provider that a resource names works, or the default one.
    pub(super) fn site(&self, named: Option<&Argument>) -> Site {
        let alias = match named.map(|argument| &argument.value) {
            None => "",
            Some(Expression::Variable(name)) if name.as_str() == "aws" => "",
            Some(other) => match reference(other) {
                Some(("aws", alias)) => alias,
                _ => return Site::default(),
            },
        };
        self.0.get(alias).cloned().unwrap_or_default()
    }
}
