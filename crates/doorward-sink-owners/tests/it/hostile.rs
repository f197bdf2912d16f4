//! Hostile texts in every text field: nothing lands outside the folder, nothing is markup, nothing is a formula.

use std::collections::BTreeSet;

use doorward_model::CodeLink;
use doorward_sink_owners::OwnersContext;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::{context, scene, written};

/// What our templates are made of.
const TAGS: [&str; 49] = [
    "!doctype",
    "a",
    "article",
    "bdi",
    "body",
    "br",
    "caption",
    "code",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "header",
    "html",
    "li",
    "main",
    "meta",
    "p",
    "pre",
    "section",
    "small",
    "span",
    "strong",
    "style",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "ol",
    "b",
    "i",
    "dfn",
    "nav",
];

#[test]
fn nothing_lands_outside_the_folder() {
    let outer = tempfile::tempdir().expect("a folder");
    let (_, files) = written(&outer.path().join("owners"), &scene::all_hostile(), &context());
    assert_eq!(std::fs::read_dir(outer.path()).expect("a folder").count(), 1);
    let fixed: BTreeSet<&str> =
        ["index.md", "index.html", "owners.csv", "cost-centres.csv", ".doorward-owners.json"].into();
    for name in files.keys().filter(|name| !fixed.contains(name.as_str())) {
        let stem = name.strip_suffix(".md").or_else(|| name.strip_suffix(".html")).expect("a page");
        assert!(
            stem.len() <= 110 && stem.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{name}"
        );
        assert!(!stem.starts_with('-'), "{name}");
    }
    let folded: BTreeSet<String> = files.keys().map(|name| name.to_lowercase()).collect();
    assert_eq!(folded.len(), files.len(), "no two names differ in case only");
}

#[test]
fn markdown_holds_no_markup_of_anybody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = written(folder.path(), &scene::all_hostile(), &context());
    let ours = |to: &str| to == "index.md" || files.contains_key(to);
    for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".md")) {
        for event in Parser::new_ext(text, Options::all()) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => panic!("{name}: HTML {html:?}"),
                Event::InlineMath(math) | Event::DisplayMath(math) => panic!("{name}: math {math:?}"),
                Event::FootnoteReference(note) => panic!("{name}: a footnote {note:?}"),
                Event::TaskListMarker(_) => panic!("{name}: a task"),
                Event::Start(Tag::Image { dest_url, .. }) => panic!("{name}: an image {dest_url:?}"),
                Event::Start(Tag::Link { dest_url, .. }) => assert!(ours(&dest_url), "{name}: a link to {dest_url:?}"),
                Event::Start(Tag::BlockQuote(_)) => panic!("{name}: a quotation"),
                _ => {}
            }
        }
    }
}

#[test]
fn html_holds_no_markup_of_anybody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = written(folder.path(), &scene::all_hostile(), &context());
    for (name, page) in files.iter().filter(|(name, _)| name.ends_with(".html")) {
        for tag in page.split('<').skip(1) {
            let word: String =
                tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').collect();
            assert!(TAGS.contains(&word.as_str()), "{name}: <{}", &tag.chars().take(40).collect::<String>());
            let inside = tag.split('>').next().unwrap_or_default();
            assert!(
                !inside.contains(" on") && !inside.contains("javascript:") && !inside.contains(" src"),
                "{name}: <{inside}"
            );
        }
        assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{name} has its policy");
    }
}

#[test]
fn no_text_steers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = written(folder.path(), &scene::all_hostile(), &context());
    let steers = |c: &char| {
        (c.is_control() && *c != '\n' && *c != '\r')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
    };
    for (name, text) in files.iter().filter(|(name, _)| *name != ".doorward-owners.json") {
        assert_eq!(text.chars().find(steers), None, "{name}");
        assert_eq!(
            text.matches('\r').count(),
            if name.ends_with(".csv") { text.matches("\r\n").count() } else { 0 },
            "{name}"
        );
    }
}

#[test]
fn no_cell_is_a_formula() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = written(folder.path(), &scene::all_hostile(), &context());
    for name in ["owners.csv", "cost-centres.csv"] {
        let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(files[name].as_bytes());
        let mut rows = 0;
        for row in reader.records() {
            rows += 1;
            for cell in &row.expect("as wide as the header") {
                // Excel splits at the list separator of its machine, and reads quotes as it likes from there.
                for part in cell.split([';', ',', '|', '\t', '\n', '\r', '"']) {
                    assert!(!part.trim_start().starts_with(['=', '+', '-', '@', '%']), "{name}: {cell:?}");
                }
            }
        }
        assert!(rows > 250, "{name} has {rows} rows");
    }
}

/// The files that declare load balancers have hostile names, and nothing of them but an encoded path becomes an address.
#[test]
fn files_of_declarations_are_encoded_paths_of_the_repository() {
    let base = "https://git.example.com/infra/";
    let code_link = CodeLink::new(&format!("{base}{{path}}#L{{line}}")).expect("a template");
    let folder = tempfile::tempdir().expect("a folder");
    let context = OwnersContext { code_link: Some(code_link), ..context() };
    let (_, files) = written(folder.path(), &scene::all_hostile(), &context);
    let is_plain = |link: &str| {
        let path = link.strip_prefix(base).and_then(|link| link.strip_suffix("#L3"));
        path.is_some_and(|path| path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.%".contains(&b)))
    };
    let (mut in_html, mut in_markdown) = (0, 0);
    for (name, text) in files.iter().filter(|(name, _)| !name.starts_with("index")) {
        if name.ends_with(".html") {
            for (at, begin) in text.match_indices("href=\"") {
                let link = text[at + begin.len()..].split('"').next().expect("an end").replace("&#x2f;", "/");
                let link = link.as_str();
                assert!(link.starts_with('#') || link == "index.html" || is_plain(link), "{name}: {link}");
                in_html += usize::from(is_plain(link));
            }
        } else if name.ends_with(".md") {
            for event in Parser::new_ext(text, Options::all()) {
                let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
                in_markdown += usize::from(is_plain(&dest_url));
                assert!(is_plain(&dest_url) || !dest_url.contains(':'), "{name}: {dest_url}");
            }
        }
    }
    assert!(in_html >= 100 && in_markdown >= 100, "{in_html} {in_markdown}");
}
