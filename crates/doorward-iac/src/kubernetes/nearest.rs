//! Objects of one name in several folders, as repositories for several clusters contain them: a reference means the one that is
//! nearest to it.

use super::Object;

/// The maximum number of objects of one name that are compared for each object that refers to them.
const MAX_COMPARED: usize = 100;

/// The object that a name refers to.
pub(super) enum Nearest<'a> {
    /// None has the name.
    None,
    One(Object<'a>),
    /// Several are equally near and differ, or there are too many to compare.
    Several,
}

impl<'a> Nearest<'a> {
    pub(super) fn one(&self) -> Option<Object<'a>> {
        match self {
            Self::One(object) => Some(*object),
            Self::None | Self::Several => None,
        }
    }
}

/// The candidate whose folder has the most folders in common with that of an object. `properties` are what a difference matters in.
pub(super) fn nearest<'a, P: PartialEq>(
    candidates: &[Object<'a>],
    to: Object<'_>,
    properties: impl Fn(Object<'a>) -> P,
) -> Nearest<'a> {
    if candidates.len() > MAX_COMPARED {
        return Nearest::Several;
    }
    let common = |candidate: &Object<'_>| {
        let (own, other) = (folders(to.text.path), folders(candidate.text.path));
        own.zip(other).take_while(|(own, other)| own == other).count()
    };
    let most = candidates.iter().map(common).max();
    let mut near = candidates.iter().copied().filter(|candidate| Some(common(candidate)) == most);
    let Some(first) = near.next() else { return Nearest::None };
    let expected = properties(first);
    if near.all(|other| properties(other) == expected) { Nearest::One(first) } else { Nearest::Several }
}

/// The folders that a path leads through.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit_once('/').map_or("", |(folder, _)| folder).split('/').filter(|part| !part.is_empty())
}
