//! The declaration of a scanned load balancer in the infrastructure-as-code files that were given.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mode;

/// How certain it is that a declaration belongs to a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// A plan or preview contains its ARN, and the file does not contradict it.
    Certain,
    /// Exactly one declaration matches.
    Likely,
    /// Several declarations match, or the one that matches may belong to another load balancer: none is chosen.
    Ambiguous,
}

impl Certainty {
    /// The stable word, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// The declaration of a load balancer in code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InCode {
    /// How certain the match is.
    pub certainty: Certainty,
    /// How it was found, and why the match is not certain; sentences of Doorward.
    pub because: String,
    /// The declaration; if none could be chosen, all that match, ordered by file, line and address.
    pub places: Vec<CodePlace>,
}

impl InCode {
    /// The declaration, if one could be chosen.
    pub fn place(&self) -> Option<&CodePlace> {
        match (self.certainty, self.places.as_slice()) {
            (Certainty::Certain | Certainty::Likely, [place]) => Some(place),
            _ => None,
        }
    }
}

impl fmt::Display for InCode {
    /// `main.tf:12:28 (aws_lb.web), likely`: every place, then the certainty. Contains external text, unescaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, place) in self.places.iter().enumerate() {
            let joint = if n == 0 { "" } else { " or " };
            write!(f, "{joint}{place} ({})", place.address)?;
        }
        write!(f, ", {}", self.certainty.as_str())
    }
}

/// One declaration. Lines and columns count from 1, columns in characters. File, address, way and the lines of the patch are
/// external text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodePlace {
    /// The language, as in `doorward check`: `hcl`, `cloudformation`, `kubernetes`, ...
    pub dialect: String,
    /// Its address in the language: `module.edge.aws_lb.this[0]`, `Resources.Alb`, `Ingress shop/web`.
    pub address: String,
    /// The file.
    pub file: String,
    /// The line of the mode or, if it is not set, the first line of the declaration.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How the mode is set there, up to its value; empty if it cannot be set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub way: String,
    /// The change to the file that sets a mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<ModePatch>,
    /// Why there is no patch although the mode can be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpatched: Option<String>,
}

impl fmt::Display for CodePlace {
    /// `main.tf:12:28`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A change of whole lines that sets a mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModePatch {
    /// The file.
    pub file: String,
    /// Its first line, from 1.
    pub line: usize,
    /// The lines that are removed; empty if lines are only added.
    pub old: Vec<String>,
    /// The text of the new lines up to the mode.
    pub before: String,
    /// The text of the new lines after the mode.
    pub after: String,
}

impl ModePatch {
    /// The change as displayed: its first line, the lines that are removed, and the lines that are added. Unchanged lines at
    /// either end are left out.
    pub fn lines(&self, mode: Mode) -> (usize, Vec<String>, Vec<String>) {
        let (mut line, mut old) = (self.line, self.old.as_slice());
        let new: Vec<String> = format!("{}{mode}{}", self.before, self.after).lines().map(str::to_owned).collect();
        let mut new = new.as_slice();
        while let ([first, old_rest @ ..], [other, new_rest @ ..]) = (old, new)
            && first == other
        {
            (line, old, new) = (line + 1, old_rest, new_rest);
        }
        while let ([old_rest @ .., last], [new_rest @ .., other]) = (old, new)
            && last == other
        {
            (old, new) = (old_rest, new_rest);
        }
        (line, old.to_vec(), new.to_vec())
    }
}
