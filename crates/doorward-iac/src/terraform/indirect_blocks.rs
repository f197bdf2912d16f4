//! Blocks of configuration that create load balancers without being one, as trees of their arguments.

use std::ops::Range;

use super::configuration::is_override;
use super::evaluation::Scope;
use super::expression::{self, Bound};
use super::module::{File, Instance, RootEvaluation};
use super::section::Section;
use super::syntax::{self, Expression, Part};
use super::types::as_bool;
use super::value::ConfigValue;
use crate::indirect::{
    KEYS_OF_LOOP, OF_LOOP, ONE_OF_SEVERAL, is_evaluated, is_unevaluated_manifest, of_resource, record,
};
use crate::kubernetes::unknown;
use crate::synthetic::{list, map, merge, parse_yaml, scalar};
use crate::tree::Node;
use crate::{Action, ParseOutput};

/// Records the blocks of a module. `is_checked` are the files that are checked.
pub(super) fn declare<'a>(
    root: &RootEvaluation<'a>,
    (files, scope): (&'a [File<'a>], &Scope<'a>),
    is_checked: &dyn Fn(&File<'_>) -> bool,
    prefix: &str,
    output: &mut ParseOutput,
) {
    for (file, section) in super::module::blocks(files, "resource").filter(|(file, _)| is_checked(file)) {
        let [kind, name] = section.labels.as_slice() else { continue };
        let address = format!("{prefix}{kind}.{name}");
        let raw = section.inside.clone().and_then(|inside| file.text.text.get(inside)).unwrap_or_default();
        if !is_evaluated(kind) {
            // A manifest within a resource of another provider, or within a script.
            if is_unevaluated_manifest(kind, raw) {
                let found =
                    of_resource(kind, &map(Vec::<(String, Node)>::new(), 0..0), &address, Action::Unspecified, raw);
                record(found, (&file.text, &section.head, &address), output, &mut |_, _| {});
            }
            continue;
        }
        // An override file may decide how many there are.
        let overriding = files.iter().filter(|file| is_override(file.text.path));
        let blocks = overriding.flat_map(|file| file.section.sections.iter().map(move |section| (file, section)));
        let counts = |section: &Section| ["count", "for_each"].into_iter().any(|name| section.argument(name).is_some());
        let same = |other: &Section| other.name == "resource" && other.labels == section.labels && counts(other);
        let (counted_file, counted) = blocks.filter(|(_, other)| same(other)).last().unwrap_or((file, section));
        for Instance { suffix, scope } in root.instances(counted_file, counted, scope).list {
            let address = format!("{address}{suffix}");
            let node = BlockReader { scope: &scope }.section(section);
            let found = of_resource(kind, &node, &address, Action::Unspecified, raw);
            record(found, (&file.text, &section.head, &address), output, &mut |document, origin| {
                root.objects.borrow_mut().add(&file.text, document, origin);
            });
        }
    }
}

struct BlockReader<'s, 'a> {
    scope: &'s Scope<'a>,
}

impl BlockReader<'_, '_> {
    /// A block as a map: arguments by name, blocks as lists.
    fn section(&self, section: &Section) -> Node {
        let mut pairs: Vec<(String, Node)> = Vec::new();
        for argument in &section.arguments {
            pairs.push((argument.name.clone(), self.node(&argument.value, &argument.span)));
        }
        let mut blocks: Vec<(String, Vec<Node>, Range<usize>)> = Vec::new();
        for inner in &section.sections {
            let name = match (inner.name.as_str(), inner.labels.first()) {
                ("dynamic", Some(label)) => label.clone(),
                (name, _) => name.to_owned(),
            };
            // The content of a generated block is not known.
            let node = if inner.name == "dynamic" {
                unknown("a generated block", inner.head.clone())
            } else {
                self.section(inner)
            };
            match blocks.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, nodes, _)) => nodes.push(node),
                None => blocks.push((name, vec![node], inner.head.clone())),
            }
        }
        pairs.extend(blocks.into_iter().map(|(name, nodes, span)| (name, list(nodes, span))));
        map(pairs, section.head.clone())
    }

    /// A value as a tree, with scalars `${...}` for what is not known.
    fn node(&self, expression: &Expression, span: &Range<usize>) -> Node {
        match expression {
            Expression::Parenthesis(inner) => return self.node(inner, span),
            Expression::Tuple(items) => {
                return list(items.iter().map(|item| self.node(item, span)).collect(), span.clone());
            }
            Expression::Object(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| {
                    let key = match key {
                        Expression::Name(name) | Expression::Text(name) => name.clone(),
                        key => match expression::evaluate(key, self.scope, None).map(|key| key.scalar_text()) {
                            Ok(Some(key)) => key,
                            _ => self.text(key).unwrap_or_else(|| "${key}".to_owned()),
                        },
                    };
                    (key, self.node(value, span))
                });
                return map(pairs.collect::<Vec<_>>(), span.clone());
            }
            Expression::Call(call) if !call.expands => match (call.name.as_str(), call.arguments.as_slice()) {
                ("yamlencode" | "jsonencode" | "tomap" | "tolist" | "toset", [only]) => {
                    return self.node(only, span);
                }
                ("yamldecode" | "jsondecode", [only]) => {
                    if let Some(found) = self.decoded(only, span) {
                        return found;
                    }
                }
                ("merge", parts) => {
                    let empty = map(Vec::<(String, Node)>::new(), span.clone());
                    let parts = parts.iter().map(|part| self.node(part, span));
                    return parts.fold(empty, |merged, part| match part.as_map() {
                        Some(_) => merge_open(&merged, &part),
                        None => merge_open(&merged, &map([("${merged}", part)], span.clone())),
                    });
                }
                _ => {}
            },
            _ => {}
        }
        match expression::evaluate(expression, self.scope, None) {
            Ok(ConfigValue::Unknown(_)) | Err(_) => match self.text(expression) {
                Some(text) => scalar(text, span.clone()),
                None => self.of_loop(expression, span).unwrap_or_else(|| unknown("unknown", span.clone())),
            },
            Ok(value) => of_value(&value, span),
        }
    }

    /// The map that a loop over an unknown collection creates: neither its keys nor their number are known, but the form of its
    /// values is.
    fn of_loop(&self, expression: &Expression, span: &Range<usize>) -> Option<Node> {
        let Expression::For(repeated) = expression else { return None };
        repeated.key.as_ref().filter(|_| !repeated.groups)?;
        let names = repeated.names.key.iter().chain([&repeated.names.value]);
        let scope = names.fold(self.scope.clone(), |scope, name| scope.with_instance(name, []));
        let value = BlockReader { scope: &scope }.node(&repeated.value, span);
        value.as_map()?;
        Some(map([(KEYS_OF_LOOP, unknown("unknown", span.clone())), (OF_LOOP, value)], span.clone()))
    }

    /// The document of a text in YAML or JSON, parts of which may be unknown.
    fn decoded(&self, expression: &Expression, span: &Range<usize>) -> Option<Node> {
        let node = self.node(expression, span);
        let mut documents = parse_yaml(node.as_str()?, span)?;
        documents.pop().filter(|document| document.as_map().is_some() && documents.is_empty())
    }

    /// A text in which unknown parts are `${...}`; `None` if it is unknown as a whole.
    fn text(&self, expression: &Expression) -> Option<String> {
        let mut text = PartialText::default();
        match expression {
            Expression::Template(parts) => self.append(parts, None, &mut text)?,
            Expression::Call(call) if call.name == "templatefile" && !call.expands => {
                let [path, names] = call.arguments.as_slice() else { return None };
                let path = expression::evaluate(path, self.scope, None).ok()?.scalar_text()?;
                let template = self.scope.file(&path)?;
                let names = match expression::evaluate(names, self.scope, None) {
                    Ok(ConfigValue::Map(names)) if names.rest.is_none() => names,
                    _ => return None,
                };
                let names = names.entries.iter().map(|(name, value)| (&**name, value.clone())).collect();
                let parsed = syntax::parse_template(&template).ok()?;
                let bound = Bound::of_template(names);
                match &parsed {
                    Expression::Template(parts) => self.append(parts, Some(&bound), &mut text)?,
                    Expression::Text(only) => text.text.push_str(only),
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(if text.is_one_of_several { format!("{ONE_OF_SEVERAL}{}", text.text) } else { text.text })
    }

    fn append(&self, parts: &[Part], bound: Option<&Bound<'_>>, to: &mut PartialText) -> Option<()> {
        for part in parts {
            match part {
                Part::Literal(literal) => to.text.push_str(literal),
                Part::Interpolation(part) => match expression::evaluate(part, self.scope, bound) {
                    Ok(ConfigValue::Unknown(_) | ConfigValue::Null) | Err(_) => to.text.push_str("${unknown}"),
                    Ok(value) => to.text.push_str(&value.scalar_text()?),
                },
                Part::If { condition, then, otherwise } => {
                    match expression::evaluate(condition, self.scope, bound).and_then(|value| as_bool(&value)) {
                        Ok(truth) => self.append(if truth { then } else { otherwise }, bound, to)?,
                        Err(_) => {
                            to.is_one_of_several = true;
                            self.append(then, bound, to)?;
                            self.append(otherwise, bound, to)?;
                        }
                    }
                }
                // The names of a loop are unknown in its body.
                Part::For { body, .. } => {
                    to.is_one_of_several = true;
                    self.append(body, bound, to)?;
                }
            }
        }
        Some(())
    }
}

/// One map over another. Entries whose keys are not known stay beside each other, because their keys may differ.
fn merge_open(base: &Node, over: &Node) -> Node {
    let is_open = |(key, _): &&(Node, Node)| key.as_str().is_some_and(|key| key.starts_with("${"));
    let (open, known): (Vec<_>, Vec<_>) = over.as_map().unwrap_or_default().iter().partition(is_open);
    let of = |pairs: Vec<(Node, Node)>| Node {
        span: over.span.clone(),
        tag: None,
        data: std::rc::Rc::new(crate::tree::Data::Map(pairs)),
    };
    let merged = merge(base, &of(known.into_iter().cloned().collect()));
    of(merged.as_map().unwrap_or_default().iter().chain(open).cloned().collect())
}

/// A text whose parts may be unknown.
#[derive(Default)]
struct PartialText {
    text: String,
    /// Whether any part of it may be left out or repeated.
    is_one_of_several: bool,
}

/// A value as a tree, in which unknown parts are unknown scalars.
fn of_value(value: &ConfigValue, span: &Range<usize>) -> Node {
    match value {
        ConfigValue::List(values) => {
            list(values.items.iter().map(|value| of_value(value, span)).collect(), span.clone())
        }
        ConfigValue::Map(entries) => {
            let pairs = entries.entries.iter().map(|(key, value)| (key.to_string(), of_value(value, span)));
            // Further entries do not replace the known ones: those would be unknown.
            let rest = entries.rest.iter().map(|_| ("${key}".to_owned(), unknown("unknown", span.clone())));
            map(rest.chain(pairs).collect::<Vec<_>>(), span.clone())
        }
        ConfigValue::Null => Node {
            span: span.clone(),
            tag: None,
            data: std::rc::Rc::new(crate::tree::Data::Scalar { text: "null".to_owned(), quoted: false }),
        },
        ConfigValue::Unknown(_) => unknown("unknown", span.clone()),
        known => {
            known.scalar_text().map_or_else(|| unknown("unknown", span.clone()), |text| scalar(text, span.clone()))
        }
    }
}
