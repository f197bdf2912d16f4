//! One load balancer of a configuration: a resource, or a call of the public module.

use std::collections::BTreeMap;

use doorward_model::{Gap, GapReason, Kind, Observed, Region};

use super::configuration::is_override;
use super::evaluation::{Evaluated, Scope, ValueSource};
use super::module::{File, Instance, blocks};
use super::providers::Providers;
use super::section::Section;
use super::set_arguments;
use super::syntax::Expression;
use super::value::ConfigValue;
use crate::builder::{DROP_INVALID, LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, LoadBalancerBuilder, WAF_FAIL_OPEN, gap};
use crate::{Declared, Deployment, Dialect, ModeEdit};

/// The argument for the mode.
pub(super) const MODE: &str = "desync_mitigation_mode";

/// A resource: its block, and the blocks of override files.
pub(super) struct Resource<'a> {
    pub(super) parts: Vec<(&'a File<'a>, &'a Section)>,
    pub(super) deliveries: bool,
}

impl<'a> Resource<'a> {
    /// All resources of the given types. A block in an override file replaces arguments of the one it overrides:
    /// <https://developer.hashicorp.com/terraform/language/files/override>
    pub(super) fn all(files: &'a [File<'a>], types: &[&str]) -> Vec<Self> {
        let mut resources: Vec<Self> = Vec::new();
        let mut by_name: BTreeMap<&'a [String], usize> = BTreeMap::new();
        let deliveries = blocks(files, "resource").any(|(_, section)| {
            section.labels.first().is_some_and(|kind| kind == "aws_cloudwatch_log_delivery_source")
        });
        let of_types = || {
            let of_type = |section: &Section| section.labels.first().is_some_and(|kind| types.contains(&kind.as_str()));
            blocks(files, "resource").filter(move |(_, section)| of_type(section))
        };
        for part in of_types().filter(|(file, _)| !is_override(file.text.path)) {
            by_name.entry(&part.1.labels).or_insert(resources.len());
            resources.push(Self { parts: vec![part], deliveries });
        }
        for part in of_types().filter(|(file, _)| is_override(file.text.path)) {
            if let Some(resource) = by_name.get(part.1.labels.as_slice()).and_then(|at| resources.get_mut(*at)) {
                resource.parts.push(part);
            }
        }
        resources
    }

    /// A call of a module whose arguments are those of its load balancer.
    /// `parts` are its block and those of override files.
    pub(super) fn of_call(parts: Vec<(&'a File<'a>, &'a Section)>) -> Self {
        Self { parts, deliveries: false }
    }

    /// The block of the resource.
    pub(super) fn meta(&self) -> &'a Section {
        self.parts[0].1
    }

    /// The file of the block.
    pub(super) fn file(&self) -> &'a File<'a> {
        self.parts[0].0
    }

    /// The block that decides how many instances there are: the last one with an argument for that.
    pub(super) fn counted(&self) -> (&'a File<'a>, &'a Section) {
        let counts = |section: &Section| ["count", "for_each"].into_iter().any(|name| section.argument(name).is_some());
        self.parts.iter().rev().find(|(_, section)| counts(section)).copied().unwrap_or(self.parts[0])
    }

    /// The value of an argument.
    pub(super) fn argument(&self, scope: &Scope<'a>, name: &str) -> Evaluated<'a> {
        let found = self.parts.iter().rev().find_map(|(file, section)| Some((file, section.argument(name)?)));
        found.map_or_else(Evaluated::absent, |(file, argument)| scope.evaluate(&file.text, argument))
    }

    /// The load balancer of an `aws_lb`, `aws_alb` or `aws_elb`.
    pub(super) fn declare(
        &self,
        prefix: &str,
        instance: Instance<'a>,
        tags: Option<&Evaluated<'a>>,
        providers: &Providers,
        deployment: &Deployment,
    ) -> Option<Declared> {
        let section = self.meta();
        let [kind, name] = section.labels.as_slice() else { return None };
        let classic = kind == "aws_elb";
        let Instance { suffix, scope } = instance;
        let text = &self.file().text;
        let mode = self.argument(&scope, MODE);
        let value = |path: &[&str]| match path {
            [MODE] => scalar(&mode, self),
            [outer, inner] => self.nested(&scope, outer, inner, classic),
            [name] => scalar(&self.argument(&scope, name), self),
            _ => Observed::Absent,
        };
        let head = section.head.clone();
        let mut builder = builder(text, format!("{prefix}{kind}.{name}{suffix}"), head, &mode);
        set_arguments(&mut builder, classic, &value);
        defaults(&mut builder);
        self.set_outcomes(&mut builder, &scope, &mode);
        let ignored = self.ignores(MODE) && !deployment.new;
        if ignored {
            let message = "lifecycle.ignore_changes lets an existing load balancer keep its mode";
            let gap = gap(text, GapReason::KeepsLiveValue, section.head.clone(), message);
            builder.attributes.insert(builder.kind.mode_attribute().to_owned(), Observed::Unread(gap));
            builder.outcomes.remove(builder.kind.mode_attribute());
        }
        if classic {
            builder.listeners = self.listeners(&scope);
        }
        builder.deliveries = self.deliveries;
        let provider = self.parts.iter().rev().find_map(|(_, section)| section.argument("provider"));
        let target = providers.for_resource(provider);
        // The Region of a resource has precedence over that of its provider.
        let own = scalar(&self.argument(&scope, "region"), self).known().and_then(|name| Region::new(name).ok());
        (builder.region, builder.match_hints.account) = (own.or(target.region), target.account);
        set_tags(&mut builder, &self.argument(&scope, "tags"), tags);
        builder.fix = if ignored {
            Err("lifecycle.ignore_changes prevents the change".to_owned())
        } else {
            fix(&mode, self.file(), self.meta())
        };
        Some(builder.finish(deployment))
    }

    /// The gap of a value, for a cause.
    pub(super) fn unread(&self, evaluated: &Evaluated<'a>, cause: &str) -> Observed<String> {
        Observed::Unread(evaluated.gap(cause, &self.file().text, &self.meta().head))
    }

    /// Sets the outcomes of the mode and of the type, where the files allow few.
    pub(super) fn set_outcomes(&self, builder: &mut LoadBalancerBuilder<'_>, scope: &Scope<'a>, mode: &Evaluated<'a>) {
        if let ConfigValue::Unknown(unknown) = &mode.value {
            let texts = unknown.outcomes.iter().map(|outcome| match outcome {
                // Of null, the provider takes its default.
                ConfigValue::Null => Some("defensive".to_owned()),
                outcome => outcome.scalar_text(),
            });
            if let Some(texts) = texts.collect::<Option<Vec<String>>>().filter(|texts| !texts.is_empty()) {
                let outcomes = texts.into_iter().map(Observed::Known).collect();
                builder.outcomes.insert(builder.kind.mode_attribute().to_owned(), outcomes);
            }
        }
        if builder.kind == Kind::Classic {
            return;
        }
        if let ConfigValue::Unknown(unknown) = self.argument(scope, "load_balancer_type").value {
            let text = |outcome: &ConfigValue| match outcome {
                ConfigValue::Null => Some("application".to_owned()),
                outcome => outcome.scalar_text(),
            };
            builder.kind_outcomes = match unknown.outcomes.as_slice() {
                // The provider accepts no other types.
                [] => vec![Kind::Application, Kind::Network, Kind::Gateway],
                outcomes => outcomes.iter().filter_map(text).map(|name| kind_of(&name)).collect(),
            };
        }
    }

    /// Whether `lifecycle.ignore_changes` contains an argument.
    pub(super) fn ignores(&self, argument: &str) -> bool {
        // Override files replace the arguments of this block one by one.
        let mut blocks = self.parts.iter().rev().filter_map(|(_, section)| section.section("lifecycle"));
        let ignored = blocks.find_map(|block| block.argument("ignore_changes"));
        let is = |expression: &Expression, word: &str| match expression {
            Expression::Name(name) | Expression::Text(name) => name == word,
            _ => false,
        };
        match ignored.map(|argument| &argument.value) {
            Some(Expression::Tuple(names)) => names.iter().any(|name| is(name, argument)),
            Some(word) => is(word, "all"),
            None => false,
        }
    }
}

/// The kind that the provider's name stands for.
fn kind_of(name: &str) -> Kind {
    match name {
        "application" => Kind::Application,
        "network" => Kind::Network,
        "gateway" => Kind::Gateway,
        _ => Kind::Unrecognized,
    }
}

/// A builder whose place and note are those of the mode, if it is set.
pub(super) fn builder<'a>(
    text: &'a crate::source_text::SourceText<'a>,
    address: String,
    head: std::ops::Range<usize>,
    mode: &Evaluated<'a>,
) -> LoadBalancerBuilder<'a> {
    let (text, value) = match &mode.source {
        Some(ValueSource { text, span, .. }) => (*text, Some(span.clone())),
        None => (text, None),
    };
    let mut builder = LoadBalancerBuilder::new(text, Dialect::Hcl, address, value.clone().unwrap_or(head));
    builder.value = value;
    builder.note.clone_from(&mode.note);
    builder
}

/// Sets the defaults that the provider sends for unset arguments.
pub(super) fn defaults(builder: &mut LoadBalancerBuilder<'_>) {
    let mode = builder.kind.mode_attribute();
    for (key, value) in [(mode, "defensive"), (DROP_INVALID, "false"), (WAF_FAIL_OPEN, "false")] {
        let named = builder.attributes.entry(key.to_owned()).or_insert(Observed::Absent);
        if *named == Observed::Absent {
            *named = Observed::Known(value.to_owned());
            if key == mode && builder.note.is_none() {
                builder.note = Some("not set: the provider's default applies".to_owned());
            }
        }
    }
    for key in [LOGS_ENABLED, LOGS_BUCKET, LOGS_PREFIX] {
        if builder.attributes.get(key) == Some(&Observed::Absent) {
            builder.attributes.remove(key);
        }
    }
}

/// The value of an argument as the provider converts it.
pub(super) fn scalar<'a>(evaluated: &Evaluated<'a>, resource: &Resource<'a>) -> Observed<String> {
    match &evaluated.value {
        ConfigValue::Null => Observed::Absent,
        ConfigValue::Unknown(unknown) => resource.unread(evaluated, &unknown.cause),
        value => value.scalar_text().map_or_else(
            || {
                let source = evaluated.source.as_ref();
                let place = source.map(|source| source.text.place(source.span.clone()).to_string()).unwrap_or_default();
                Observed::unread(Gap::new(GapReason::Malformed, place).with_message("a single value is expected here"))
            },
            Observed::Known,
        ),
    }
}

/// Sets the tags: the provider's default tags, overridden by the resource's own. If the files do not configure the provider,
/// it may add tags.
pub(super) fn set_tags(builder: &mut LoadBalancerBuilder<'_>, own: &Evaluated<'_>, default: Option<&Evaluated<'_>>) {
    builder.more_tags = match default {
        Some(_) => None,
        None => {
            let message = "the provider is configured outside these files and may add tags";
            Some(builder.gap(GapReason::Undeclared, builder.head.clone(), message))
        }
    };
    for evaluated in default.into_iter().chain([own]) {
        let gap = |cause: &str| evaluated.gap(cause, builder.text, &builder.head);
        match &evaluated.value {
            ConfigValue::Map(map) => {
                // Each tag may be replaced by one whose key is not known.
                if let Some(cause) = &map.rest {
                    builder.more_tags = Some(gap(cause));
                    builder.tags.clear();
                }
                for (key, value) in &map.entries {
                    match (value.scalar_text(), value.cause()) {
                        (Some(text), _) => drop(builder.tags.insert(key.to_string(), text)),
                        (None, Some(cause)) => {
                            builder.more_tags = Some(gap(cause));
                            builder.tags.remove(&**key);
                        }
                        (None, None) => {}
                    }
                }
            }
            ConfigValue::Unknown(unknown) => {
                builder.more_tags = Some(gap(&unknown.cause));
                builder.tags.clear();
            }
            _ => {}
        }
    }
}

/// The edit that sets the mode: replaces its literal, or inserts an argument at the beginning of the block.
pub(super) fn fix(mode: &Evaluated<'_>, file: &File<'_>, section: &Section) -> Result<ModeEdit, String> {
    if let Some(ValueSource { text, span, literal }) = &mode.source {
        let raw = &text.text[span.clone()];
        if *literal && raw.starts_with('"') && raw.ends_with('"') && !raw.contains('\n') {
            let quote = "\"".to_owned();
            return Ok(ModeEdit {
                file: text.path.to_owned(),
                span: span.clone(),
                before: quote.clone(),
                after: quote,
            });
        }
        return Err("the value is not a literal; change it at its origin".to_owned());
    }
    let inside =
        section.inside.clone().ok_or("the configuration is JSON, which is usually generated; change its source")?;
    let text = &file.text;
    if section.labels.is_empty() {
        return Err("the block has no name".to_owned());
    }
    let inner = text.text.get(inside.clone()).unwrap_or_default();
    let brace = inner.find('{').ok_or("the block has no body")?;
    let rest = &inner[brace + 1..];
    let line = rest.find('\n').ok_or("the block is on one line")?;
    if !rest[..line].trim().is_empty() {
        return Err("the first line of the block contains more than its brace".to_owned());
    }
    let at = inside.start + brace + 1 + line + 1;
    // Aligned with the next arguments, as `terraform fmt` does, if their column leaves room for the name.
    let next = text.line_of(at);
    let indent: String = next.chars().take_while(|c| *c == ' ' || *c == '\t').collect();
    let indent = if next.trim() == "}" || next.trim().is_empty() { "  ".to_owned() } else { indent };
    let column = next.find(" = ").filter(|_| !next.trim_start().starts_with('#'));
    let width = column.map(|column| column - indent.len()).filter(|width| *width >= MODE.len());
    let end = text.newline;
    let apart = if width.is_some() || next.trim() == "}" || next.trim().is_empty() { "" } else { end };
    let before = format!("{indent}{MODE:<width$} = \"", width = width.unwrap_or(MODE.len()));
    Ok(ModeEdit { file: text.path.to_owned(), span: at..at, before, after: format!("\"{end}{apart}") })
}
