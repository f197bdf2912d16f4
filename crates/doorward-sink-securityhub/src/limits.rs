//! The length limits of ASFF. A text that does not fit is cut, and the finding says so.

use std::collections::BTreeMap;

use doorward_model::harmless;

use crate::asff::Asff;

/// Largest finding, in bytes of JSON.
pub const FINDING_BYTES: usize = 240_000;

/// Ends every text that was cut.
const CUT: &str = "… (cut)";

/// Notes which parts were cut or left out.
#[derive(Debug, Default)]
pub(crate) struct Cuts(Vec<String>);

impl Cuts {
    /// A text of at most `most` UTF-16 units, as AWS counts, that is not blank. `place` is how a cut is named.
    pub(crate) fn text(&mut self, place: &str, text: &str, most: usize) -> String {
        let clean = visible(text);
        if clean.encode_utf16().count() <= most {
            return clean;
        }
        self.note(place.to_owned());
        let room = most.saturating_sub(CUT.encode_utf16().count());
        let mut kept = String::new();
        let mut used = 0;
        for character in clean.chars() {
            used += character.len_utf16();
            if used > room {
                break;
            }
            kept.push(character);
        }
        kept + CUT
    }

    /// A map of at most `pairs` entries, keys and values made to fit. Keys that become the same keep the first.
    pub(crate) fn map<'a>(
        &mut self,
        place: &str,
        map: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
        pairs: usize,
        key: usize,
        value: usize,
    ) -> BTreeMap<String, String> {
        let (all, mut kept) = (map.len(), BTreeMap::new());
        for (name, entry) in map.take(pairs) {
            let name = self.text(place, name, key);
            let entry = self.text(place, entry, value);
            kept.entry(name).or_insert(entry);
        }
        if kept.len() < all {
            self.note(format!("{place} ({} of {all} left out)", all - kept.len()));
        }
        kept
    }

    /// Remembers that something was cut, once.
    pub(crate) fn note(&mut self, place: String) {
        if !self.0.contains(&place) {
            self.0.push(place);
        }
    }

    /// What was cut, ready for a field; none when nothing was.
    pub(crate) fn summary(&self) -> Option<String> {
        let all = self.0.join(", ");
        // The summary is the one text whose own cut nothing else could report.
        (!all.is_empty()).then(|| Self::default().text("", &all, 1024))
    }
}

/// A text in which nothing is invisible: Security Hub refuses blank texts, so these are replaced too.
fn visible(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    if text.trim().is_empty() {
        return "(blank)".to_owned();
    }
    harmless(text).into_owned()
}

/// Bytes of a finding as JSON.
pub(crate) fn bytes(finding: &Asff) -> usize {
    finding.to_json().map_or(usize::MAX, |json| json.len())
}

/// Makes a finding fit into [`FINDING_BYTES`] by leaving out, in this order, tags, attributes, and the ends of long
/// fields. What is left is far below the limit, because every remaining text has a limit of its own.
pub(crate) fn fit(finding: &mut Asff, cuts: &mut Cuts) {
    if bytes(finding) <= FINDING_BYTES {
        return;
    }
    for resource in &mut finding.resources {
        if !resource.tags.is_empty() {
            cuts.note("Resources.Tags (all left out)".to_owned());
            resource.tags.clear();
        }
    }
    if bytes(finding) > FINDING_BYTES {
        cuts.note("Resources.Details (attributes left out)".to_owned());
        for resource in &mut finding.resources {
            if let Some(details) = &mut resource.details.v2 {
                details.load_balancer_attributes.clear();
                details.security_groups.truncate(10);
            }
            if let Some(details) = &mut resource.details.classic {
                details.load_balancer_attributes = None;
                details.security_groups.truncate(10);
            }
        }
    }
    if bytes(finding) > FINDING_BYTES {
        let short = cuts.map("ProductFields", texts(&finding.product_fields), 50, 128, 256);
        finding.product_fields = short;
    }
}

/// The entries of a map, borrowed.
pub(crate) fn texts(map: &BTreeMap<String, String>) -> impl ExactSizeIterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_fits_and_says_when_it_was_cut(text in "\\PC{0,80}|[\\s\\x00-\\x1f]{0,5}|(😀|é|a){0,90}", most in 10_usize..60) {
            let mut cuts = Cuts::default();
            let kept = cuts.text("Title", &text, most);
            prop_assert!(kept.encode_utf16().count() <= most);
            prop_assert!(!kept.trim().is_empty());
            prop_assert!(!kept.chars().any(char::is_control));
            prop_assert_eq!(cuts.summary().is_some(), kept.ends_with(CUT) && !text.ends_with(CUT));
        }

        #[test]
        fn every_map_fits_and_says_what_it_left_out(map in prop::collection::btree_map("\\PC{0,9}", "\\PC{0,9}", 0..12)) {
            let mut cuts = Cuts::default();
            let kept = cuts.map("Tags", texts(&map), 5, 128, 256);
            prop_assert!(kept.len() <= 5);
            prop_assert_eq!(cuts.summary().is_some(), kept.len() < map.len());
        }
    }
}
