//! Conditions whose truth follows from the template: comparisons of literals, and of parameters with few allowed values.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html>

use super::intrinsic::{Intrinsics, call};
use crate::tree::Node;

/// The maximum nesting of conditions, which may refer to each other.
const MAX_NESTING: usize = 16;

impl Intrinsics<'_> {
    /// Whether a condition of the template holds; `None` if that depends on the deployment.
    pub(super) fn condition(&self, name: &str) -> Option<bool> {
        self.named(name, MAX_NESTING)
    }

    fn named(&self, name: &str, depth: usize) -> Option<bool> {
        self.truth(self.document.root.at(&["Conditions", name])?, depth.checked_sub(1)?)
    }

    fn truth(&self, node: &Node, depth: usize) -> Option<bool> {
        let depth = depth.checked_sub(1)?;
        if let Some([(key, value)]) = node.as_map()
            && key.as_str() == Some("Condition")
        {
            return self.named(value.as_str()?, depth);
        }
        let (function, argument) = call(node)?;
        let parts = argument.as_seq().unwrap_or_default();
        match function.as_str() {
            "Condition" => self.named(argument.as_str()?, depth),
            "Not" => parts.first().and_then(|part| self.truth(part, depth)).map(|truth| !truth),
            "And" => self.all(parts, depth, false),
            "Or" => self.all(parts, depth, true),
            "Equals" => match parts {
                [left, right] => {
                    let (left, right) = (self.outcomes(left), self.outcomes(right));
                    let mut pairs = left.iter().flat_map(|left| right.iter().map(move |right| left == right));
                    let first = pairs.next()?;
                    pairs.all(|same| same == first).then_some(first)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `decisive` if any part is, the opposite if no part is.
    fn all(&self, parts: &[Node], depth: usize, decisive: bool) -> Option<bool> {
        let truths: Vec<Option<bool>> = parts.iter().map(|part| self.truth(part, depth)).collect();
        if truths.contains(&Some(decisive)) {
            return Some(decisive);
        }
        truths.iter().all(Option::is_some).then_some(!decisive)
    }
}
