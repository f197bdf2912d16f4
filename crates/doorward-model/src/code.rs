//! Where a load balancer that was seen is declared, as far as files that somebody gave say so.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mode;

/// How sure it is that a declaration is that of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// A plan or preview names its ARN, and the file at hand does not say otherwise.
    Certain,
    /// One declaration fits, and no other.
    Likely,
    /// Several fit, or the one that fits may be another load balancer's: none is chosen.
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
    /// How sure it is.
    pub certainty: Certainty,
    /// How it was found, and what stands in the way of being sure; sentences of ours.
    pub because: String,
    /// The declaration; where none could be chosen all that fit, ordered by file, line and address.
    pub places: Vec<CodePlace>,
}

impl InCode {
    /// The declaration, where one could be chosen.
    pub fn place(&self) -> Option<&CodePlace> {
        match (self.certainty, self.places.as_slice()) {
            (Certainty::Certain | Certainty::Likely, [place]) => Some(place),
            _ => None,
        }
    }
}

impl fmt::Display for InCode {
    /// `main.tf:12:28 (aws_lb.web), likely`: every place, then how sure it is. Holds outside text as it came.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, place) in self.places.iter().enumerate() {
            let joint = if n == 0 { "" } else { " or " };
            write!(f, "{joint}{place} ({})", place.address)?;
        }
        write!(f, ", {}", self.certainty.as_str())
    }
}

/// One declaration. Lines and columns count from 1, columns in characters. File, address, way and the lines of the patch are
/// outside text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodePlace {
    /// The language, as in `doorward check`: `hcl`, `cloudformation`, `kubernetes`, ...
    pub dialect: String,
    /// What the language calls it: `module.edge.aws_lb.this[0]`, `Resources.Alb`, `Ingress shop/web`.
    pub address: String,
    /// The file.
    pub file: String,
    /// The line on which the mode is written, or the declaration begins if it is not.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How the mode is set there, up to its value; empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub way: String,
    /// The change to the file that sets a mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<ModePatch>,
    /// Why there is no patch, where the mode could be set.
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
    /// The line at which it begins, from 1.
    pub line: usize,
    /// The lines that go; none where lines are only put in.
    pub old: Vec<String>,
    /// The text of the new lines up to the mode.
    pub before: String,
    /// The text of the new lines behind the mode.
    pub after: String,
}

impl ModePatch {
    /// The change as people read it: the line at which it begins, the lines that go, and the lines that come. Lines that stay
    /// as they are at either end are left out.
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
