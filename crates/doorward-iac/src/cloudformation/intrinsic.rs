//! Intrinsic functions, evaluated to the values that they may have at deployment.
//!
//! A condition may be true or false, and a parameter may have each of its `AllowedValues`, whatever its default.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use doorward_model::{GapReason, Observed};

use crate::builder::gap;
use crate::source_text::SourceText;
use crate::tree::{Data, Document, Node};

/// The maximum number of possible values of one property.
const MAX_OUTCOMES: usize = 16;
/// The maximum nesting of functions.
const MAX_NESTING: usize = 16;

/// The possible values of a property, in the order of the template; `None` stands for no value. An empty list stands for
/// values that the template does not limit.
pub(super) type Outcomes = Vec<Option<String>>;

/// Whether a property is unset: null, or a reference to AWS::NoValue, which removes it.
pub(super) fn is_nothing(node: &Node) -> bool {
    let no_value = |node: &Node| matches!(&*node.data, Data::Scalar { text, .. } if text == "AWS::NoValue");
    node.is_null()
        || (node.tag.as_deref() == Some("Ref") && no_value(node))
        || matches!(node.as_map(), Some([(key, value)]) if key.as_str() == Some("Ref") && no_value(value))
}

/// Whether a node is a call of a function.
pub(super) fn is_intrinsic(node: &Node) -> bool {
    node.tag.is_some() || matches!(node.as_map(), Some([(key, _)]) if function(key).is_some())
}

fn function(key: &Node) -> Option<&str> {
    key.as_str().filter(|key| *key == "Ref" || key.starts_with("Fn::"))
}

/// The function with its argument: `Ref Mode`, `Fn::If`.
pub(super) fn describe(node: &Node) -> String {
    let (function, of) = match (&node.tag, node.as_map()) {
        (Some(tag), _) => (tag.as_str(), Some(node)),
        (None, Some([(key, value)])) => (key.as_str().unwrap_or("a function"), Some(value)),
        _ => ("a function", None),
    };
    match of.map(|of| &*of.data) {
        Some(Data::Scalar { text, .. }) => format!("{function} {text}"),
        _ => function.to_owned(),
    }
}

/// The name of a called function without `Fn::`, and its argument.
pub(super) fn call(node: &Node) -> Option<(String, Node)> {
    match (&node.tag, node.as_map()) {
        (Some(tag), _) => Some((tag.clone(), Node { tag: None, ..node.clone() })),
        (None, Some([(key, value)])) => {
            let name = function(key)?;
            Some((name.strip_prefix("Fn::").unwrap_or(name).to_owned(), value.clone()))
        }
        _ => None,
    }
}

/// The nodes that an `Fn::If`, or several within each other, choose from; the node itself if it is none.
pub(super) fn branches(node: &Node) -> Vec<Node> {
    let mut found = Vec::new();
    add_branches(node, MAX_NESTING, &mut found);
    found
}

fn add_branches(node: &Node, depth: usize, found: &mut Vec<Node>) {
    let parts = match call(node) {
        Some((name, argument)) if name == "If" && depth > 0 => argument,
        _ => {
            found.push(node.clone());
            return;
        }
    };
    match parts.as_seq() {
        Some([_, then, otherwise]) if found.len() < MAX_OUTCOMES => {
            add_branches(then, depth - 1, found);
            add_branches(otherwise, depth - 1, found);
        }
        _ => found.push(node.clone()),
    }
}

/// The values of a template's functions.
#[derive(Clone, Copy)]
pub(super) struct Intrinsics<'t> {
    pub(super) text: &'t SourceText<'t>,
    pub(super) document: &'t Document,
}

impl Intrinsics<'_> {
    /// The value of a property: known if it is a literal, or a function with one possible value.
    pub(super) fn value(&self, node: &Node) -> Observed<String> {
        match self.outcomes(node).as_slice() {
            [Some(only)] => Observed::Known(only.clone()),
            [None] => Observed::Absent,
            _ => self.unread(node),
        }
    }

    fn unread(&self, node: &Node) -> Observed<String> {
        let (reason, message) = if is_intrinsic(node) {
            (GapReason::Unresolved, format!("{} is determined when the template is deployed", describe(node)))
        } else {
            (GapReason::Malformed, "a single value is expected here".to_owned())
        };
        Observed::Unread(gap(self.text, reason, node.span.clone(), message))
    }

    /// The possible values of a property.
    pub(super) fn outcomes(&self, node: &Node) -> Outcomes {
        let mut outcomes = self.within(node, MAX_NESTING).unwrap_or_default();
        let mut seen = std::collections::BTreeSet::new();
        outcomes.retain(|outcome| seen.insert(outcome.clone()));
        if outcomes.len() > MAX_OUTCOMES { Vec::new() } else { outcomes }
    }

    /// `None` for values that the template does not limit.
    fn within(&self, node: &Node, depth: usize) -> Option<Outcomes> {
        if is_nothing(node) {
            return Some(vec![None]);
        }
        let depth = depth.checked_sub(1)?;
        let Some((name, argument)) = call(node) else { return node.as_str().map(|text| vec![Some(text.to_owned())]) };
        match name.as_str() {
            "Ref" => self.parameter(argument.as_str()?),
            "If" => match argument.as_seq()? {
                [condition, then, otherwise] => {
                    match condition.as_str().and_then(|name| self.condition(name)) {
                        Some(true) => return self.within(then, depth),
                        Some(false) => return self.within(otherwise, depth),
                        None => {}
                    }
                    let mut all = self.within(then, depth)?;
                    all.extend(self.within(otherwise, depth)?);
                    (all.len() <= MAX_OUTCOMES).then_some(all)
                }
                _ => None,
            },
            "Sub" => self.substituted(&argument, depth),
            "FindInMap" => self.found_in_map(argument.as_seq()?, depth),
            "Join" => match argument.as_seq()? {
                [separator, list] => {
                    let separator = separator.as_str()?;
                    let mut texts = vec![String::new()];
                    for (at, part) in list.as_seq().filter(|_| list.tag.is_none())?.iter().enumerate() {
                        let part = self.texts(part, depth)?;
                        texts = product(&texts, &part, if at == 0 { "" } else { separator })?;
                    }
                    Some(texts.into_iter().map(Some).collect())
                }
                _ => None,
            },
            "Select" => match argument.as_seq()? {
                [at, list] => {
                    let at: usize = at.as_str()?.parse().ok()?;
                    if let Some((name, parts)) = call(list)
                        && name == "Split"
                        && let Some([separator, whole]) = parts.as_seq()
                    {
                        let separator = separator.as_str().filter(|separator| !separator.is_empty())?;
                        let texts = self.texts(whole, depth)?;
                        let part = |text: &String| text.split(separator).nth(at).map(|part| Some(part.to_owned()));
                        return texts.iter().map(part).collect();
                    }
                    let items = list.as_seq().filter(|_| list.tag.is_none())?;
                    self.within(items.get(at)?, depth)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The possible texts of a node. A node that may have no value has none.
    fn texts(&self, node: &Node, depth: usize) -> Option<Vec<String>> {
        self.within(node, depth)?.into_iter().collect()
    }

    /// The allowed values of a parameter. Those with a pattern only, or without any rule, are not limited.
    fn parameter(&self, name: &str) -> Option<Outcomes> {
        let allowed = self.document.root.at(&["Parameters", name, "AllowedValues"])?;
        let values = allowed.as_seq().filter(|_| allowed.tag.is_none())?;
        let values: Outcomes =
            values.iter().map(|value| value.as_str().map(|text| Some(text.to_owned()))).collect::<Option<_>>()?;
        // A list parameter may have several of them.
        let kind = self.document.root.text_at(&["Parameters", name, "Type"]).unwrap_or_default();
        let is_single = matches!(kind, "String" | "Number");
        (is_single && !values.is_empty() && values.len() <= MAX_OUTCOMES).then_some(values)
    }

    /// `Fn::Sub`: a text, or a list of a text and a map of names.
    fn substituted(&self, argument: &Node, depth: usize) -> Option<Outcomes> {
        let (text, names) = match (argument.as_str(), argument.as_seq()) {
            (Some(text), _) => (text, None),
            (None, Some([text, names])) => (text.as_str()?, Some(names)),
            _ => return None,
        };
        let mut texts = vec![String::new()];
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            let values = match name.strip_prefix('!') {
                // ${!Name} stands for the text ${Name}.
                Some(literal) => vec![format!("${{{literal}}}")],
                None => match names.and_then(|names| names.get(name)) {
                    Some(value) => self.texts(value, depth)?,
                    None => self.parameter(name)?.into_iter().collect::<Option<_>>()?,
                },
            };
            texts = product(&texts, &[before.to_owned()], "")?;
            texts = product(&texts, &values, "")?;
            rest = after;
        }
        Some(product(&texts, &[rest.to_owned()], "")?.into_iter().map(Some).collect())
    }

    /// `Fn::FindInMap`: every value that the keys may lead to.
    fn found_in_map(&self, parts: &[Node], depth: usize) -> Option<Outcomes> {
        let (name, first, second, default) = match parts {
            [name, first, second] => (name, first, second, None),
            [name, first, second, default] => (name, first, second, default.get("DefaultValue")),
            _ => return None,
        };
        let mappings = self.document.root.get("Mappings")?;
        let map = mappings.get(name.as_str()?)?;
        // An included part may add keys.
        if is_open(mappings) || is_open(map) {
            return None;
        }
        let keys = |node: &Node| self.texts(node, depth);
        let (firsts, seconds) = (keys(first), keys(second));
        let is_wanted = |wanted: &Option<Vec<String>>, key: &Node| match (wanted, key.as_str()) {
            (Some(wanted), Some(key)) => wanted.iter().any(|one| one == key),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let mut found = Vec::new();
        for (_, inner) in map.as_map()?.iter().filter(|(key, _)| is_wanted(&firsts, key)) {
            if is_open(inner) {
                return None;
            }
            for (_, value) in inner.as_map()?.iter().filter(|(key, _)| is_wanted(&seconds, key)) {
                found.push(Some(value.as_str()?.to_owned()));
            }
        }
        if let Some(default) = default {
            found.extend(self.within(default, depth)?);
        }
        // Without a value, deployment ends with an error.
        (!found.is_empty()).then_some(found)
    }
}

/// Whether a map gets further entries by a transform, or by a merge (`<<`).
fn is_open(map: &Node) -> bool {
    map.key(&|key| key.starts_with("Fn::") || key == "<<").is_some()
}

/// Every text continued by every part; `None` if there are too many.
fn product(texts: &[String], parts: &[String], separator: &str) -> Option<Vec<String>> {
    if texts.len() * parts.len() > MAX_OUTCOMES {
        return None;
    }
    Some(texts.iter().flat_map(|text| parts.iter().map(move |part| format!("{text}{separator}{part}"))).collect())
}
