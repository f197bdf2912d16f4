//! Hostile texts in every text field: none of them is markup, and none steers.

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
