//! A call of a local module by Terragrunt: the module is evaluated with the inputs of the file.
//!
//! Included files may add inputs. A variable that the file does not set has its default only if no file that it may include
//! spells the name of the variable.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ReadFolder;
use crate::source_text::{SourceFile, SourceText};
use crate::terraform::evaluation::{Evaluated, Scope, Surroundings};
use crate::terraform::locals;
use crate::terraform::module::{File, blocks};
use crate::terraform::section::Section;
use crate::terraform::work::WorkBudget;

/// Functions that read inputs from files of any kind.
const DECODERS: [&str; 3] = ["yamldecode(", "jsondecode(", "read_tfvars_file("];

/// A file of Terragrunt that calls a module of the same project.
pub(crate) struct TerragruntUnit<'s> {
    pub(super) source: &'s SourceFile,
    pub(super) top: Rc<Section>,
    /// The inputs as arguments of a call.
    pub(super) call: Section,
    /// The folder of the module.
    pub(super) module: String,
    /// The texts of files whose inputs may be added; `None` if they are not among the files.
    pub(super) others: Option<Vec<&'s str>>,
    /// Whether the inputs are one object.
    pub(super) is_plain: bool,
}

impl TerragruntUnit<'_> {
    /// The folder of the module.
    pub(in crate::terraform) fn module(&self) -> &str {
        &self.module
    }

    /// The folder of the file.
    pub(in crate::terraform) fn folder(&self) -> &str {
        self.source.folder()
    }

    /// The prefix of the addresses in the module.
    pub(in crate::terraform) fn prefix(&self) -> String {
        format!("{}.{}.", self.call.name, self.call.labels.first().map(String::as_str).unwrap_or_default())
    }

    /// The file, as configuration is read.
    pub(in crate::terraform) fn file(&self) -> File<'_> {
        File { text: SourceText::new(self.source), section: &self.top }
    }

    /// The inputs for the module whose files are given. `own` is the file of the unit.
    pub(in crate::terraform) fn inputs<'a>(
        &'a self,
        own: &'a [File<'a>; 1],
        module: &[File<'_>],
        (work, read): (&Rc<WorkBudget>, ReadFolder<'a>),
    ) -> BTreeMap<String, Evaluated<'a>> {
        let [file] = own;
        let folder = self.source.folder();
        let scope = Scope::new(Surroundings { work: work.clone(), read, root: folder, folder });
        locals::define(own, &scope, &mut |_, _| {});
        let arguments = self.call.arguments.iter();
        let mut inputs: BTreeMap<String, Evaluated<'a>> =
            arguments.map(|argument| (argument.name.clone(), scope.evaluate(&file.text, argument))).collect();
        let is_plain = self.is_plain;
        let given = self.top.section("terraform").and_then(|terraform| given_by_arguments(self.source, terraform));
        let names = || blocks(module, "variable").filter_map(|(_, variable)| variable.labels.first());
        for name in names().filter(|name| given.is_some_and(|given| may_give(given, name))) {
            let cause = format!("arguments that Terragrunt adds may set var.{name}");
            inputs.insert(name.clone(), Evaluated::unresolved(&file.text, self.call.head.clone(), cause));
        }
        let has_includes = self.top.sections.iter().any(|section| section.name == "include");
        if is_plain && !has_includes {
            return inputs;
        }
        for name in names() {
            if inputs.contains_key(name) {
                continue;
            }
            let spells = |text: &str| is_word_of(name, text) || DECODERS.iter().any(|decoder| text.contains(decoder));
            let may_be_included = self.others.as_ref().is_none_or(|others| others.iter().any(|text| spells(text)));
            // Inputs that are not literal may come from locals of the same file.
            if may_be_included || (!is_plain && spells(&self.source.text)) {
                let cause = format!("files that Terragrunt includes may set var.{name}");
                let unknown = Evaluated::unresolved(&file.text, self.call.head.clone(), cause);
                inputs.insert(name.clone(), unknown);
            }
        }
        inputs
    }
}

/// The blocks with arguments that Terragrunt adds to the command, if they may set variables.
/// <https://docs.terragrunt.com/reference/hcl/blocks#terraform>
pub(super) fn given_by_arguments<'s>(source: &'s SourceFile, terraform: &Section) -> Option<&'s str> {
    let inside = terraform.inside.clone().and_then(|inside| source.text.get(inside))?;
    let has_blocks = terraform.sections.iter().any(|section| section.name == "extra_arguments");
    let sets_variables = ["-var", "var_files", "TF_VAR_"].iter().any(|word| inside.contains(word));
    (has_blocks && sets_variables).then_some(inside)
}

/// Whether such arguments may set a variable: they name it, or a file of values, which is not read.
pub(super) fn may_give(arguments: &str, name: &str) -> bool {
    arguments.contains("var_files")
        || arguments.contains("-var-file")
        || arguments.contains(&format!("TF_VAR_{name}"))
        || is_word_of(name, arguments)
}

/// Whether a text contains a name as a word.
fn is_word_of(name: &str, text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + name.len()..].chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::is_word_of;

    #[test]
    fn names_are_whole_words() {
        for (text, expected) in
            [("mode = 1", true), ("{mode:1}", true), ("my_mode", false), ("modes", false), ("", false)]
        {
            assert_eq!(is_word_of("mode", text), expected, "{text}");
        }
    }
}
