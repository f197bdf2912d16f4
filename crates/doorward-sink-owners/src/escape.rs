//! Escapes text from outside for Markdown, CSV cells and file names.

pub(crate) use doorward_model::markdown;
use doorward_model::{code_span, guarded, harmless};

/// A sentence for a line of Markdown: what it holds between backticks is code, the rest plain.
pub(crate) fn markdown_prose(text: &str) -> String {
    let (mut safe, mut rest) = (String::new(), text);
    while let Some((plain, code, more)) = code_span(rest) {
        safe.push_str(&markdown(plain));
        safe.push_str(&markdown_code(code));
        rest = more;
    }
    safe.push_str(&markdown(rest));
    safe
}

/// Text as code inside a line of Markdown, fenced by more backticks than it holds.
pub(crate) fn markdown_code(text: &str) -> String {
    let text = harmless(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text in a cell of a CSV file: nothing in it steers, and no spreadsheet calculates any of it.
pub(crate) fn cell(text: &str) -> String {
    guarded(&harmless(text)).into_owned()
}

/// The letters and digits of a text in lower case, for a file name; at most 40 characters, never empty.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if slug.len() >= 40 {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "owner".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_readable_and_markup_does_not_act() {
        for (text, expected) in [
            ("storefront-edge", "storefront-edge"),
            ("a_b *c*", "a\\_b \\*c\\*"),
            ("- list", "\\- list"),
            ("12. list", "12\\. list"),
            ("1.5 of 2", "1.5 of 2"),
            ("arn:aws:x", "arn:aws:x"),
            ("mailto:a", "mailto\\:a"),
            ("http://x.example", "http\\://x.example"),
            ("www.x.example", "www\\.x.example"),
            ("Kubernetes shop: web", "Kubernetes shop: web"),
            ("<b>", "\\<b\\>"),
            ("a\nb", "a\\\\u\\{a\\}b"),
        ] {
            assert_eq!(markdown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn code_is_fenced_by_more_than_it_holds() {
        for (text, expected) in
            [("web", "`web`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("", "`  `"), ("a|b", "`a\\|b`")]
        {
            assert_eq!(markdown_code(text), expected, "{text:?}");
        }
    }

    #[test]
    fn no_part_of_a_cell_begins_like_a_formula() {
        for text in ["=1+1", " =1", "+1", "-1", "@SUM(A1)", "＝1"] {
            assert!(cell(text).starts_with('\''), "{text:?}");
        }
        for (text, expected) in
            [("a;=1", "a;'=1"), ("a,=1", "a,'=1"), ("a|=1", "a|'=1"), ("\"=1", "\"'=1"), ("007", "'007")]
        {
            assert_eq!(cell(text), expected);
        }
        assert_eq!(cell("storefront-edge"), "storefront-edge");
        assert_eq!(cell("\t=1"), "\\u{9}=1");
    }

    #[test]
    fn slugs_are_plain_words() {
        for (text, expected) in [
            ("Payments Team", "payments-team"),
            ("../../etc/passwd", "etc-passwd"),
            ("支払い", "owner"),
            ("", "owner"),
            ("con", "con"),
        ] {
            assert_eq!(slug(text), expected, "{text:?}");
        }
        assert!(slug(&"x".repeat(5000)).len() <= 40);
    }
}
