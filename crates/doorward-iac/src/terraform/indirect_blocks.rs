//! Blocks of configuration that create load balancers without being one, as trees of their arguments.

use std::cell::RefCell;
use std::ops::Range;

use doorward_model::Observed;
use hcl::template::Element;
use hcl::{Expression, ObjectKey, Template, Value};

use super::evaluate::{Scope, text_of};
use super::module::File;
use super::section::{Argument, Section};
use crate::indirect::{FoundObjects, is_evaluated, of_resource, record};
use crate::kubernetes::unknown;
use crate::synthetic::{list, map, merge, parse_yaml, scalar};
use crate::tree::Node;
use crate::{Action, ParseOutput, UnreadPart};

/// Records the blocks of a module. `is_checked` are the files that are checked.
pub(super) fn declare<'a>(
    files: &'a [File<'a>],
    is_checked: &dyn Fn(&File<'_>) -> bool,
    prefix: &str,
    scope: &Scope<'a>,
    objects: &RefCell<FoundObjects>,
    output: &mut ParseOutput,
) {
    for (file, section) in super::module::blocks(files, "resource").filter(|(file, _)| is_checked(file)) {
        let [kind, name] = section.labels.as_slice() else { continue };
        let address = format!("{prefix}{kind}.{name}");
        let raw = section.inside.clone().and_then(|inside| file.text.text.get(inside)).unwrap_or_default();
        if !is_evaluated(kind) {
            // A manifest within a resource of another provider, or within a script.
            if !kind.starts_with("aws_") && raw.contains("alb.ingress.kubernetes.io/") {
                let because = "The resource speaks of the AWS Load Balancer Controller and is not evaluated; check the \
                               manifest that it deploys.";
                output.unread.push(UnreadPart {
                    address,
                    place: file.text.place(section.head.clone()),
                    because: because.to_owned(),
                });
            }
            continue;
        }
        if is_never_made(section, file, scope) {
            continue;
        }
        let reader = BlockReader { file, scope };
        let node = reader.section(section);
        let found = of_resource(kind, &node, &address, Action::Unspecified, raw);
        record(found, (&file.text, &section.head, &address), output, &mut |document, origin| {
            objects.borrow_mut().add(&file.text, document, origin);
        });
    }
}

/// Whether `count` is 0.
fn is_never_made<'a>(section: &'a Section, file: &'a File<'a>, scope: &Scope<'a>) -> bool {
    let count = section.argument("count").map(|count| scope.evaluate(&file.text, count).value);
    matches!(count, Some(Observed::Known(value)) if text_of(&value).is_some_and(|text| text == "0" || text == "0.0"))
}

struct BlockReader<'s, 'a> {
    file: &'a File<'a>,
    scope: &'s Scope<'a>,
}

impl<'a> BlockReader<'_, 'a> {
    /// A block as a map: arguments by name, blocks as lists.
    fn section(&self, section: &'a Section) -> Node {
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
            Expression::Array(items) => {
                return list(items.iter().map(|item| self.node(item, span)).collect(), span.clone());
            }
            Expression::Object(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| {
                    let key = match key {
                        ObjectKey::Identifier(name) => name.as_str().to_owned(),
                        ObjectKey::Expression(Expression::String(name)) => name.clone(),
                        ObjectKey::Expression(key) => self.text(key, span).unwrap_or_else(|| "${key}".to_owned()),
                        _ => "${key}".to_owned(),
                    };
                    (key, self.node(value, span))
                });
                return map(pairs.collect::<Vec<_>>(), span.clone());
            }
            Expression::FuncCall(call) if call.name.namespace.is_empty() && !call.expand_final => {
                match (call.name.name.as_str(), call.args.as_slice()) {
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
                            Some(_) => merge(&merged, &part),
                            None => merge(&merged, &map([("${merged}", part)], span.clone())),
                        });
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        let argument = Argument { name: String::new(), value: expression.clone(), span: span.clone() };
        match self.scope.evaluate(&self.file.text, &argument).value {
            Observed::Known(value) => of_value(&value, span),
            Observed::Absent => Node {
                span: span.clone(),
                tag: None,
                data: std::rc::Rc::new(crate::tree::Data::Scalar { text: "null".to_owned(), quoted: false }),
            },
            Observed::Unread(_) => match self.text(expression, span) {
                Some(text) => scalar(text, span.clone()),
                None => unknown("unknown", span.clone()),
            },
        }
    }

    /// The document of a text in YAML or JSON, parts of which may be unknown.
    fn decoded(&self, expression: &Expression, span: &Range<usize>) -> Option<Node> {
        let node = self.node(expression, span);
        let mut documents = parse_yaml(node.as_str()?, span)?;
        documents.pop().filter(|document| document.as_map().is_some() && documents.is_empty())
    }

    /// A text in which unknown parts are `${...}`; `None` if it is unknown as a whole.
    fn text(&self, expression: &Expression, span: &Range<usize>) -> Option<String> {
        let Expression::TemplateExpr(template) = expression else { return None };
        let template = Template::from_expr(template).ok()?;
        let mut text = String::new();
        for element in template.elements() {
            match element {
                Element::Literal(literal) => text.push_str(literal),
                Element::Interpolation(part) => {
                    let argument = Argument { name: String::new(), value: part.expr.clone(), span: span.clone() };
                    match self.scope.evaluate(&self.file.text, &argument).value {
                        Observed::Known(value) => text.push_str(&text_of(&value)?),
                        _ => text.push_str("${unknown}"),
                    }
                }
                // A condition or loop may leave out any part of the text.
                Element::Directive(_) => return None,
            }
        }
        Some(text)
    }
}

fn of_value(value: &Value, span: &Range<usize>) -> Node {
    match value {
        Value::Array(values) => list(values.iter().map(|value| of_value(value, span)).collect(), span.clone()),
        Value::Object(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| (key.clone(), of_value(value, span)));
            map(pairs.collect::<Vec<_>>(), span.clone())
        }
        scalar_value => scalar(text_of(scalar_value).unwrap_or_default(), span.clone()),
    }
}
