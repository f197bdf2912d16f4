//! Combines template, style and script, with the hashes for the content security policy.

use base64::Engine as _;
use doorward_model::palette::palette_css;
use doorward_model::{harmless, html_prose};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::view::View;

const PAGE: &str = include_str!("../assets/page.html");
const STYLE: &str = include_str!("../assets/page.css");
const SCRIPT: &str = include_str!("../assets/page.js");

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    view: &'a View,
    style: &'a str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    data: &'a str,
}

/// Puts the page together.
pub(crate) fn render(view: &View, data: &str) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(escaped);
    environment.add_filter("prose", |text: &str| {
        Value::from_safe_string(html_prose(text, |part| minijinja::HtmlEscape(&harmless(part)).to_string()))
    });
    environment.add_template("page.html", PAGE)?;
    let style = palette_css() + STYLE;
    let whole =
        Whole { view, style: &style, style_hash: hash(&style), script: SCRIPT, script_hash: hash(SCRIPT), data };
    environment.get_template("page.html")?.render(Serde(whole))
}

/// As a content security policy names what it admits.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Puts a value into the page: made harmless, then escaped. Only what the template calls safe is neither.
pub(crate) fn escaped(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => {
            minijinja::escape_formatter(out, state, &Value::from(harmless(text).as_ref()))
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}
