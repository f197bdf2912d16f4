//! Outside text made harmless for a page.

use std::borrow::Cow;

use doorward_model::Observed;

/// The same text with every character made visible that steers instead of showing: controls, the marks that turn the
/// direction of writing, and what no interchange of text may hold. What comes out holds no control character at all.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e007f}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// A value as people should read it: what nobody read says why.
pub(crate) fn shown<T: ToString>(value: &Observed<T>) -> String {
    match value {
        Observed::Known(value) => value.to_string(),
        Observed::Absent => "none".to_owned(),
        Observed::Unread(gap) => format!("unknown ({})", gap.reason),
    }
}

/// `96.6 %`, rounded down, so that short of all is never all; none of nothing.
pub(crate) fn percent(part: usize, whole: usize) -> Option<String> {
    let tenths = (part * 1000).checked_div(whole)?;
    Some(format!("{}.{} %", tenths / 10, tenths % 10))
}

/// `96.6 % (56 of 58)`: a percentage never goes without its denominator.
pub(crate) fn share(part: usize, whole: usize) -> String {
    percent(part, whole).map_or_else(|| "none in scope".to_owned(), |percent| format!("{percent} ({part} of {whole})"))
}
