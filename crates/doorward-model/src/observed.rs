//! A value together with whether it was observed.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Gap;

/// A value together with whether it was observed. A rule passes or fails only on [`Observed::Known`]. There is deliberately no
/// `unwrap_or_default`: a default for an unread value would turn "unknown" into "pass".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Observed<T> {
    /// AWS responded with this value.
    Known(T),
    /// AWS responded, and the response did not contain the value.
    Absent,
    /// The value could not be read, for this reason. The gap is shared, because one failed call leaves several values unread.
    Unread(
        #[schemars(with = "Gap")]
        #[serde(deserialize_with = "shared_gap")]
        Arc<Gap>,
    ),
}

fn shared_gap<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Gap>, D::Error> {
    Gap::deserialize(deserializer).map(Gap::shared)
}

impl<T> Observed<T> {
    /// The value, if it was observed.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unread(_) => None,
        }
    }

    /// Why the value could not be read.
    pub fn gap(&self) -> Option<&Arc<Gap>> {
        match self {
            Self::Unread(gap) => Some(gap),
            Self::Known(_) | Self::Absent => None,
        }
    }

    /// The same observation of a reference.
    pub fn as_ref(&self) -> Observed<&T> {
        match self {
            Self::Known(value) => Observed::Known(value),
            Self::Absent => Observed::Absent,
            Self::Unread(gap) => Observed::Unread(gap.clone()),
        }
    }

    /// Maps a known value; absent and unread values stay so.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Observed<U> {
        self.and_then(|value| Observed::Known(f(value)))
    }

    /// Maps a known value to another observation; absent and unread values stay so.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Observed<U>) -> Observed<U> {
        match self {
            Self::Known(value) => f(value),
            Self::Absent => Observed::Absent,
            Self::Unread(gap) => Observed::Unread(gap),
        }
    }

    /// An observation that failed.
    pub fn unread(gap: Gap) -> Self {
        Self::Unread(gap.shared())
    }

    /// Known if present, absent otherwise: for optional members of a response that arrived.
    pub fn from_answer(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::GapReason;

    fn any_observed() -> impl Strategy<Value = Observed<u8>> {
        prop_oneof![
            any::<u8>().prop_map(Observed::Known),
            Just(Observed::Absent),
            Just(Observed::unread(Gap::new(GapReason::AccessDenied, "sts:AssumeRole"))),
        ]
    }

    proptest! {
        #[test]
        fn nothing_but_known_ever_becomes_known(seen in any_observed()) {
            let was_known = seen.known().is_some();
            prop_assert_eq!(seen.clone().map(|v| v).known().is_some(), was_known);
            if !was_known {
                prop_assert!(seen.and_then(Observed::Known).known().is_none());
            }
        }

        #[test]
        fn survives_its_serialized_form(seen in any_observed()) {
            let text = serde_json::to_string(&seen).expect("serializes");
            prop_assert_eq!(serde_json::from_str::<Observed<u8>>(&text).expect("reads back"), seen);
        }
    }
}
