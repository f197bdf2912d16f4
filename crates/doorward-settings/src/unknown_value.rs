//! A value that is not among those that are known.

use crate::nearest;

/// The most values that an error names.
const NAMED: usize = 30;

/// The sentence about a value of a flag that is not among those that are known, with the nearest of them.
pub fn unknown_value(flag: &str, given: &str, known: &[String]) -> String {
    let near = nearest(given, &known.iter().map(String::as_str).collect::<Vec<_>>());
    let near = near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
    let more = known.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named: Vec<&str> = known.iter().take(NAMED).map(String::as_str).collect();
    format!("{flag} {given}: not one of {}{more}{near}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_value_is_named_and_the_list_is_short() {
        let known: Vec<String> = (0..40).map(|n| format!("team-{n}")).chain(["payments".to_owned()]).collect();
        let sentence = unknown_value("--owner", "paymets", &known);
        assert!(sentence.starts_with("--owner paymets: not one of team-0, "), "{sentence}");
        assert!(sentence.ends_with(" and 11 more (did you mean payments?)"), "{sentence}");
    }
}
