//! Hostile texts in every text field: none of them is markup, and none steers.

use doorward_model::CodeLink;
use doorward_sink_page::{PageContext, render};

use crate::scene;

#[test]
fn there_are_enough_of_them() {
    assert!(scene::hostile().len() >= 300, "{}", scene::hostile().len());
}

#[test]
fn the_page_holds_only_its_own_markup() {
    let plain = render(&scene::large(1, 1), &PageContext::default()).expect("renders");
    let page = render(&scene::all_hostile(), &PageContext::default()).expect("renders");
    for tag in ["<script", "</script", "<style", "<head>", "<body", "<dialog", "<noscript", "<form", "<meta"] {
        assert_eq!(page.matches(tag).count(), plain.matches(tag).count(), "{tag}");
    }
    for tag in [
        "<img",
        "<iframe",
        "<object",
        "<embed",
        "<video",
        "<link",
        "<base",
        "<math",
        "<template",
        "<a href=\"j",
        "onerror=\"",
        "<!--",
    ] {
        assert!(!page.contains(tag), "{tag}");
    }
}

#[test]
fn no_control_or_direction_mark_reaches_the_page() {
    let page = render(&scene::all_hostile(), &PageContext::default()).expect("renders");
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
    };
    let found: Vec<_> = page.char_indices().filter(|(_, c)| steers(*c)).take(3).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// The files that declare load balancers have hostile names, and nothing of them but an encoded path becomes an address.
#[test]
fn files_of_declarations_are_encoded_paths_of_the_repository() {
    let base = "https://git.example.com/infra/";
    let code_link = CodeLink::new(&format!("{base}{{path}}#L{{line}}")).expect("a template");
    let report = scene::all_hostile();
    let page = render(&report, &PageContext { code_link: Some(code_link), ..PageContext::default() }).expect("renders");
    let links: Vec<&str> = page.match_indices(base).filter_map(|(at, _)| page[at..].split('"').next()).collect();
    assert!(links.len() >= 200, "{}", links.len());
    for link in links {
        let path = link.strip_prefix(base).and_then(|link| link.strip_suffix("#L3")).expect(link);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.%".contains(&b);
        assert!(path.bytes().all(is_plain) && !path.split('/').any(|part| part == ".."), "{link}");
    }
    let plain = render(&report, &PageContext::default()).expect("renders");
    assert!(!plain.contains(base), "without the setting there is no link");
}
