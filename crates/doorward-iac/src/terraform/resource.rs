//! One load balancer of a configuration: a resource, or a call of the public module.

use std::collections::BTreeMap;

use doorward_model::{Gap, GapReason, Listener, Observed, Region};
use hcl::{Expression, Value};

use super::configuration::is_override;
use super::evaluate::{Meaning, Scope, Spot, text_of};
use super::fill;
use super::module::{File, blocks};
use super::providers::Providers;
use super::section::Section;
use crate::draft::{DROP_INVALID, Draft, LOGS_BUCKET, LOGS_ENABLED, LOGS_PREFIX, gap};
use crate::splice::newline;
use crate::{Declared, Dialect, Edit, Options};

const MODE: &str = "desync_mitigation_mode";

/// One instance of a resource, by count or for_each.
pub(super) struct Instance<'a> {
    /// `[0]`, `["a"]`, or nothing.
    pub(super) suffix: String,
    pub(super) scope: Scope<'a>,
}

/// A resource as it is written: its block, and what override files say of it.
pub(super) struct Resource<'a> {
    parts: Vec<(&'a File<'a>, &'a Section)>,
    deliveries: bool,
}

impl<'a> Resource<'a> {
    /// Every resource of the given types. A block in an override file replaces arguments of the one it overrides:
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
    pub(super) fn of_call(file: &'a File<'a>, section: &'a Section) -> Self {
        Self { parts: vec![(file, section)], deliveries: false }
    }

    /// The block itself.
    pub(super) fn meta(&self) -> &'a Section {
        self.parts[0].1
    }

    /// The file of the block itself.
    pub(super) fn file(&self) -> &'a File<'a> {
        self.parts[0].0
    }

    fn argument(&self, scope: &Scope<'a>, name: &str) -> Meaning<'a> {
        let found = self.parts.iter().rev().find_map(|(file, section)| Some((file, section.argument(name)?)));
        found.map_or_else(Meaning::nothing, |(file, argument)| scope.evaluate(&file.text, argument))
    }

    fn block(&self, name: &str) -> Option<(&'a File<'a>, &'a Section)> {
        self.parts.iter().rev().find_map(|(file, section)| Some((*file, section.section(name)?)))
    }

    /// The load balancer of an `aws_lb`, `aws_alb` or `aws_elb`.
    pub(super) fn declare(
        &self,
        prefix: &str,
        instance: Instance<'a>,
        tags: Option<&Meaning<'a>>,
        providers: &Providers,
        options: &Options,
    ) -> Option<Declared> {
        let section = self.meta();
        let [kind, name] = section.labels.as_slice() else { return None };
        let classic = kind == "aws_elb";
        let Instance { suffix, scope } = instance;
        let text = &self.file().text;
        let mode = self.argument(&scope, MODE);
        let value = |path: &[&str]| match path {
            [MODE] => scalar(&mode),
            [outer, inner] => self.nested(&scope, outer, inner, classic),
            [name] => scalar(&self.argument(&scope, name)),
            _ => Observed::Absent,
        };
        let head = section.head.clone();
        let mut draft = draft(text, format!("{prefix}{kind}.{name}{suffix}"), head, &mode);
        fill(&mut draft, classic, &value);
        defaults(&mut draft);
        let ignored = self.ignored() && !options.new;
        if ignored {
            let message = "lifecycle.ignore_changes lets an existing load balancer keep its mode";
            let gap = gap(text, GapReason::KeepsLiveValue, section.head.clone(), message);
            draft.attributes.insert(draft.kind.mode_attribute().to_owned(), Observed::Unread(gap));
        }
        if classic {
            draft.listeners = self.listeners(&scope);
        }
        draft.deliveries = self.deliveries;
        let site = providers.site(section.argument("provider"));
        // The resource may name its own Region, which goes before the provider's.
        let own = scalar(&self.argument(&scope, "region")).known().and_then(|name| Region::new(name).ok());
        (draft.region, draft.marks.account) = (own.or(site.region), site.account);
        give_tags(&mut draft, &self.argument(&scope, "tags"), tags);
        draft.fix = if ignored {
            Err("lifecycle.ignore_changes keeps it from being applied".to_owned())
        } else {
            fix(&mode, self.file(), self.meta())
        };
        Some(draft.finish(options))
    }

    /// The load balancer of the public module, which is made unless `create` says no:
    /// <https://github.com/terraform-aws-modules/terraform-aws-alb>
    pub(super) fn declare_public(
        &self,
        prefix: &str,
        instance: Instance<'a>,
        tags: Option<&Meaning<'a>>,
        providers: Option<&Providers>,
        options: &Options,
    ) -> Option<Declared> {
        let scope = instance.scope;
        if scalar(&self.argument(&scope, "create")) == Observed::Known("false".to_owned()) {
            return None;
        }
        let text = &self.file().text;
        let mode = self.argument(&scope, MODE);
        let value = |path: &[&str]| match path {
            [MODE] => scalar(&mode),
            [outer, inner] => member(&self.argument(&scope, outer), inner),
            [name] => scalar(&self.argument(&scope, name)),
            _ => Observed::Absent,
        };
        let head = self.meta().head.clone();
        let mut draft = draft(text, format!("{prefix}aws_lb.this[0]"), head, &mode);
        fill(&mut draft, false, &value);
        // The module's own default, unlike the provider's.
        draft.attributes.entry(DROP_INVALID.to_owned()).and_modify(|value| {
            if *value == Observed::Absent {
                *value = Observed::Known("true".to_owned());
            }
        });
        defaults(&mut draft);
        let site = providers.map(|providers| providers.site(None)).unwrap_or_default();
        (draft.region, draft.marks.account) = (site.region, site.account);
        give_tags(&mut draft, &self.argument(&scope, "tags"), tags);
        draft.way = format!("In {}, set {MODE} to", prefix.trim_end_matches('.'));
        draft.fix = fix(&mode, self.file(), self.meta());
        Some(draft.finish(options))
    }

    /// An argument of a nested block, with the provider's default for it.
    fn nested(&self, scope: &Scope<'a>, outer: &str, inner: &str, classic: bool) -> Observed<String> {
        match self.block(outer) {
            Some((file, block)) => {
                let found = block.argument(inner).map(|argument| scalar(&scope.evaluate(&file.text, argument)));
                match (inner, found) {
                    ("enabled", None | Some(Observed::Absent)) => Observed::Known(classic.to_string()),
                    (_, found) => found.unwrap_or(Observed::Absent),
                }
            }
            None if self.meta().loops(outer) => {
                let message = format!("the {outer} block is made by a loop");
                let head = self.meta().head.clone();
                Observed::Unread(gap(&self.file().text, GapReason::Unresolved, head, message))
            }
            None => Observed::Absent,
        }
    }

    /// Whether Terraform is told to leave the mode alone.
    fn ignored(&self) -> bool {
        let Some((_, block)) = self.block("lifecycle") else { return false };
        let is = |expression: &Expression, word: &str| match expression {
            Expression::Variable(name) => name.as_str() == word,
            Expression::String(name) => name == word,
            _ => false,
        };
        match block.argument("ignore_changes").map(|argument| &argument.value) {
            Some(Expression::Array(names)) => names.iter().any(|name| is(name, MODE)),
            Some(word) => is(word, "all"),
            None => false,
        }
    }

    fn listeners(&self, scope: &Scope<'a>) -> Observed<Vec<Listener>> {
        if self.meta().loops("listener") {
            let message = "the listeners are made by a loop";
            return Observed::Unread(gap(&self.file().text, GapReason::Unresolved, self.meta().head.clone(), message));
        }
        let mut listeners = Vec::new();
        for block in self.meta().sections.iter().filter(|section| section.name == "listener") {
            let text = &self.file().text;
            let value = |name: &str| block.argument(name).map(|argument| scalar(&scope.evaluate(text, argument)));
            let port = value("lb_port").and_then(|port| port.known().and_then(|port| port.parse().ok()));
            match value("lb_protocol") {
                Some(Observed::Known(protocol)) => listeners.push(Listener { protocol: protocol.to_uppercase(), port }),
                Some(Observed::Unread(gap)) => return Observed::Unread(gap),
                _ => return Observed::Absent,
            }
        }
        Observed::Known(listeners)
    }
}

/// A draft that stands where the mode is written, and says how it got there.
fn draft<'a>(
    text: &'a crate::text::Text<'a>,
    address: String,
    head: std::ops::Range<usize>,
    mode: &Meaning<'a>,
) -> Draft<'a> {
    let (text, value) = match &mode.spot {
        Some(Spot { text, span, .. }) => (*text, Some(span.clone())),
        None => (text, None),
    };
    let mut draft = Draft::new(text, Dialect::Hcl, address, value.clone().unwrap_or(head));
    draft.value = value;
    draft.note.clone_from(&mode.note);
    draft
}

/// What the provider fills in, and sends, where an argument is not set.
fn defaults(draft: &mut Draft<'_>) {
    let mode = draft.kind.mode_attribute();
    for (key, value) in [(mode, "defensive"), (DROP_INVALID, "false"), (crate::draft::WAF_FAIL_OPEN, "false")] {
        let named = draft.attributes.entry(key.to_owned()).or_insert(Observed::Absent);
        if *named == Observed::Absent {
            *named = Observed::Known(value.to_owned());
            if key == mode && draft.note.is_none() {
                draft.note = Some("not set, so that the provider sets its default".to_owned());
            }
        }
    }
    for key in [LOGS_ENABLED, LOGS_BUCKET, LOGS_PREFIX] {
        if draft.attributes.get(key) == Some(&Observed::Absent) {
            draft.attributes.remove(key);
        }
    }
}

fn scalar(meaning: &Meaning<'_>) -> Observed<String> {
    meaning.value.as_ref().and_then(|value| {
        let open = || {
            let spot = meaning.spot.as_ref();
            let place = spot.map(|spot| spot.text.place(spot.span.clone()).to_string()).unwrap_or_default();
            Observed::unread(Gap::new(GapReason::Malformed, place).with_message("a single value is expected here"))
        };
        text_of(value).map_or_else(open, Observed::Known)
    })
}

/// A member of an argument that is a map.
fn member(meaning: &Meaning<'_>, name: &str) -> Observed<String> {
    meaning.value.as_ref().and_then(|value| match &**value {
        Value::Object(map) => match (map.get(name), name) {
            (Some(value), _) => Observed::from_answer(text_of(value)),
            // The module turns logs on where a bucket is given and nothing else is said.
            (None, "enabled") => Observed::Known("true".to_owned()),
            (None, _) => Observed::Absent,
        },
        _ => Observed::Absent,
    })
}

/// Its own tags over the provider's. Where no provider is configured in sight, there may be more.
fn give_tags(draft: &mut Draft<'_>, own: &Meaning<'_>, default: Option<&Meaning<'_>>) {
    draft.more_tags = match default {
        Some(_) => None,
        None => {
            let message = "the provider is configured elsewhere, and may add tags";
            Some(draft.gap(GapReason::Undeclared, draft.head.clone(), message))
        }
    };
    for meaning in default.into_iter().chain([own]) {
        match &meaning.value {
            Observed::Known(value) => {
                let tags = value.as_object().into_iter().flatten();
                draft.tags.extend(tags.filter_map(|(key, value)| Some((key.clone(), text_of(value)?))));
            }
            Observed::Absent => {}
            Observed::Unread(gap) => draft.more_tags = Some(gap.clone()),
        }
    }
}

/// The change that sets the mode: of the text where it is written, or a new argument at the head of the block.
fn fix(mode: &Meaning<'_>, file: &File<'_>, section: &Section) -> Result<Edit, String> {
    if let Some(Spot { text, span, literal }) = &mode.spot {
        let raw = &text.text[span.clone()];
        if *literal && raw.starts_with('"') && raw.ends_with('"') && !raw.contains('\n') {
            let quote = "\"".to_owned();
            return Ok(Edit { file: text.path.to_owned(), span: span.clone(), before: quote.clone(), after: quote });
        }
        return Err("the value is not written here; change it where it comes from".to_owned());
    }
    let inside = section.inside.clone().ok_or("the configuration is JSON, which is made by a program")?;
    let text = &file.text;
    if section.labels.is_empty() {
        return Err("the block has no name".to_owned());
    }
    let inner = text.text.get(inside.clone()).unwrap_or_default();
    let brace = inner.find('{').ok_or("the block has no body")?;
    let rest = &inner[brace + 1..];
    let line = rest.find('\n').ok_or("the block is written on one line")?;
    if !rest[..line].trim().is_empty() {
        return Err("the block's first line holds more than its brace".to_owned());
    }
    let at = inside.start + brace + 1 + line + 1;
    // In step with the arguments that follow, where they leave room for the name.
    let next = text.line_of(at);
    let indent: String = next.chars().take_while(|c| *c == ' ' || *c == '\t').collect();
    let indent = if next.trim() == "}" || next.trim().is_empty() { "  ".to_owned() } else { indent };
    let column = next.find(" = ").filter(|_| !next.trim_start().starts_with('#'));
    let width = column.map(|column| column - indent.len()).filter(|width| *width >= MODE.len());
    let end = newline(text);
    let apart = if width.is_some() || next.trim() == "}" || next.trim().is_empty() { "" } else { end };
    let before = format!("{indent}{MODE:<width$} = \"", width = width.unwrap_or(MODE.len()));
    Ok(Edit { file: text.path.to_owned(), span: at..at, before, after: format!("\"{end}{apart}") })
}
