//! Shares in words.

/// `96.6 %`, rounded down, so that short of all is never all; none of nothing.
pub(crate) fn percent(part: usize, whole: usize) -> Option<String> {
    let tenths = (part * 1000).checked_div(whole)?;
    Some(format!("{}.{} %", tenths / 10, tenths % 10))
}

/// `96.6 % (56 of 58)`: a percentage never goes without its denominator.
pub(crate) fn share(part: usize, whole: usize) -> String {
    percent(part, whole).map_or_else(|| "none in scope".to_owned(), |percent| format!("{percent} ({part} of {whole})"))
}
