//! Where a load balancer is declared, and the change to that file.

use doorward_model::{CodeLink, CodePlace, LoadBalancer, Mode};
use serde::Serialize;

/// The declaration, or all that fit where none could be chosen.
#[derive(Serialize)]
pub(super) struct DeclaredPart {
    certainty: &'static str,
    because: String,
    places: Vec<Place>,
}

/// One declaration. Everything but the line is outside text.
#[derive(Serialize)]
struct Place {
    /// `main.tf:12:28`
    at: String,
    address: String,
    /// The address of the file in its repository, from the settings.
    link: Option<String>,
    /// The next step there; empty where nothing is to be done, or where this may not be the place.
    way: String,
    patch: Option<Patch>,
    /// Why there is no patch.
    unpatched: Option<String>,
}

/// The lines to change.
#[derive(Serialize)]
struct Patch {
    file: String,
    line: usize,
    old: Vec<String>,
    new: Vec<String>,
}

impl DeclaredPart {
    /// Reads it off a load balancer. `mode` is the one that it should be set to, where it should.
    pub(super) fn of(lb: &LoadBalancer, mode: Option<Mode>, code_link: Option<&CodeLink>) -> Option<Self> {
        let declared = lb.declared.as_deref()?;
        let mode = mode.filter(|_| declared.place().is_some());
        let place = |place: &CodePlace| {
            let mode = mode.filter(|_| !place.way.is_empty());
            Place {
                at: place.to_string(),
                address: place.address.clone(),
                link: code_link.and_then(|link| link.of(place)),
                way: mode.map_or_else(String::new, |mode| format!("{} {mode}.", place.way)),
                patch: mode.and_then(|mode| {
                    let patch = place.patch.as_ref()?;
                    let (line, old, new) = patch.lines(mode);
                    Some(Patch { file: patch.file.clone(), line, old, new })
                }),
                unpatched: mode.and(place.unpatched.clone()),
            }
        };
        Some(Self {
            certainty: declared.certainty.as_str(),
            because: declared.because.clone(),
            places: declared.places.iter().map(place).collect(),
        })
    }
}
