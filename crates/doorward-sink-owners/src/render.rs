//! Templates to text. Every value is made harmless and escaped for its kind of page as it is put in; a template cannot
//! forget to.

use std::path::Path;

use base64::Engine as _;
use doorward_model::{SinkError, harmless, harmless_lines, html_prose};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::index::OwnerIndex;
use crate::summary::OwnerPage;
use crate::{escape, problem};

/// The style sheet of every page. Not a template: the page's content security policy has its hash.
const STYLE: &str = "style.css";

/// The built-in templates.
const TEMPLATES: [(&str, &str); 6] = [
    ("owner.md", include_str!("../templates/owner.md")),
    ("owner.html", include_str!("../templates/owner.html")),
    ("index.md", include_str!("../templates/index.md")),
    ("index.html", include_str!("../templates/index.html")),
    ("figures.html", include_str!("../templates/figures.html")),
    (STYLE, include_str!("../templates/style.css")),
];

/// The templates, ready to be used.
pub(crate) struct PageRenderer {
    environment: Environment<'static>,
}

impl PageRenderer {
    /// Reads the built-in templates and, before them, those of the user's folder.
    pub(crate) fn new(own: Option<&Path>) -> Result<Self, SinkError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(|e| complaint("syntax", &e))?);
        environment.set_auto_escape_callback(|name| match name.rsplit('.').next() {
            Some("html") => AutoEscape::Html,
            _ => AutoEscape::Custom("markdown".into()),
        });
        environment.set_formatter(escaped);
        environment.add_filter("code", |text: &str| Value::from_safe_string(escape::markdown_code(text)));
        environment.add_filter("address", address);
        environment.add_filter("prose", prose);
        environment.add_filter("block", block);
        if let Some(folder) = own.filter(|folder| !folder.is_dir()) {
            return Err(problem(format!("{}: `templates_dir` is not a folder", folder.display())));
        }
        for (name, built_in) in TEMPLATES {
            let path = own.map(|folder| folder.join(name)).filter(|path| path.exists());
            let source = match &path {
                // A device or a pipe may never end.
                Some(path) if !path.is_file() => {
                    return Err(problem(format!("{}: the template is not a file", path.display())));
                }
                Some(path) => doorward_file::input::text(path)
                    .map_err(|e| problem(format!("{}: the template cannot be read: {e}", path.display())))?,
                None => built_in.to_owned(),
            };
            if name == STYLE {
                // The colours come first, so that a style sheet of the user may set others.
                let source = doorward_model::palette::palette_css() + &source;
                let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(source.as_bytes()));
                environment.add_global("style_hash", hash);
                environment.add_global("style", source);
                continue;
            }
            environment.add_template_owned(name, source).map_err(|e| complaint(name, &e))?;
        }
        Ok(Self { environment })
    }

    /// An owner's page in Markdown.
    pub(crate) fn owner_md(&self, page: &OwnerPage) -> Result<String, SinkError> {
        self.render("owner.md", page)
    }

    /// An owner's page in HTML.
    pub(crate) fn owner_html(&self, page: &OwnerPage) -> Result<String, SinkError> {
        self.render("owner.html", page)
    }

    /// The index in Markdown.
    pub(crate) fn index_md(&self, index: &OwnerIndex) -> Result<String, SinkError> {
        self.render("index.md", index)
    }

    /// The index in HTML.
    pub(crate) fn index_html(&self, index: &OwnerIndex) -> Result<String, SinkError> {
        self.render("index.html", index)
    }

    fn render(&self, name: &str, view: &impl Serialize) -> Result<String, SinkError> {
        let template = self.environment.get_template(name).map_err(|e| complaint(name, &e))?;
        template.render(Serde(view)).map_err(|e| complaint(name, &e))
    }
}

fn complaint(name: &str, error: &Error) -> SinkError {
    let line = error.line().map_or_else(String::new, |line| format!(":{line}"));
    problem(format!(
        "template {name}{line}: {error}; fix it in `templates_dir`, or remove it there to use the built-in one"
    ))
}

/// Puts a value into a page.
fn escaped(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = match value.as_str() {
        Some(text) if !value.is_safe() => text,
        _ if matches!(state.auto_escape(), AutoEscape::Custom(_)) => return Ok(write!(out, "{value}")?),
        _ => return minijinja::escape_formatter(out, state, value),
    };
    match state.auto_escape() {
        AutoEscape::Custom(_) => Ok(out.write_str(&escape::markdown(text))?),
        _ => minijinja::escape_formatter(out, state, &Value::from(harmless(text).as_ref())),
    }
}

/// A sentence in which what stands between backticks is code.
fn prose(state: &State<'_, '_>, text: &str) -> Result<Value, Error> {
    if matches!(state.auto_escape(), AutoEscape::Custom(_)) {
        return Ok(Value::from_safe_string(escape::markdown_prose(text)));
    }
    Ok(Value::from_safe_string(html_prose(text, html)))
}

/// Text to copy, for a `<pre>` element or a fenced block: its line feeds stay line feeds.
fn block(state: &State<'_, '_>, text: &str) -> Value {
    let text = harmless_lines(text);
    Value::from_safe_string(match state.auto_escape() {
        AutoEscape::Custom(_) => text.into_owned(),
        _ => minijinja::HtmlEscape(&text).to_string(),
    })
}

/// A web address as a link in Markdown; any other text stays text.
fn address(text: &str) -> Value {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>');
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    if is_web && text.chars().all(is_plain) { Value::from_safe_string(format!("<{text}>")) } else { Value::from(text) }
}

fn html(text: &str) -> String {
    minijinja::HtmlEscape(&harmless(text)).to_string()
}
