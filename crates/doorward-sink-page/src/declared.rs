//! Where a load balancer is declared in code, for the page's script.

use doorward_model::{CodeLink, CodePlace, InCode, Mode, harmless};
use serde::Serialize;

/// The declaration, or all that fit where none could be chosen.
#[derive(Serialize)]
pub(crate) struct DeclaredData {
    certainty: &'static str,
    because: String,
    /// Place, address in the language, and link of each; the link is empty where there is none.
    places: Vec<[String; 3]>,
    /// What to do there, where something is to be done and one was chosen.
    way: String,
    /// File and line of the change.
    at: String,
    /// The lines that go.
    old: Vec<String>,
    /// The lines that come.
    new: Vec<String>,
}

impl DeclaredData {
    /// `mode` is the one that it should be set to, where it should.
    pub(crate) fn of(declared: &InCode, mode: Option<Mode>, code_link: Option<&CodeLink>) -> Self {
        let text = |text: &str| harmless(text).into_owned();
        let chosen = declared.place().filter(|place| !place.way.is_empty()).zip(mode);
        let patch = chosen.and_then(|(place, mode)| {
            let patch = place.patch.as_ref()?;
            let (line, old, new) = patch.lines(mode);
            Some((format!("{}:{line}", text(&patch.file)), old, new))
        });
        let (at, old, new) = patch.unwrap_or_default();
        let all = |lines: Vec<String>| lines.iter().map(|line| text(line)).collect();
        let link = |place: &CodePlace| code_link.and_then(|link| link.of(place)).unwrap_or_default();
        let place = |place: &CodePlace| [text(&place.to_string()), text(&place.address), link(place)];
        Self {
            certainty: declared.certainty.as_str(),
            because: declared.because.clone(),
            places: declared.places.iter().map(place).collect(),
            way: chosen.map_or_else(String::new, |(place, mode)| format!("{} {mode}.", text(&place.way))),
            at,
            old: all(old),
            new: all(new),
        }
    }
}
