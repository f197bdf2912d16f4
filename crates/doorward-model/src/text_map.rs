//! Attributes and tags: texts by key, in memory once for all load balancers that have the same.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::SharedText;
use crate::pool::Pool;

static MAPS: Pool<[(SharedText, SharedText)]> = Pool::new();

/// Texts by key, ordered by key. Maps with the same content are in memory once, and so is each key and each value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextMap(Arc<[(SharedText, SharedText)]>);

impl TextMap {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| value.as_str())
    }

    /// Whether there is a value for a key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Every key with its value, ordered by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for TextMap {
    fn default() -> Self {
        BTreeMap::<String, String>::new().into()
    }
}

impl<K: Into<SharedText>, V: Into<SharedText>> From<BTreeMap<K, V>> for TextMap {
    fn from(map: BTreeMap<K, V>) -> Self {
        map.into_iter().collect()
    }
}

impl<K: Into<SharedText>, V: Into<SharedText>, const N: usize> From<[(K, V); N]> for TextMap {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<SharedText>, V: Into<SharedText>> FromIterator<(K, V)> for TextMap {
    /// Of several values of one key the last counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let map: BTreeMap<SharedText, SharedText> =
            pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let pairs: Vec<(SharedText, SharedText)> = map.into_iter().collect();
        Self(MAPS.share(&pairs, || pairs.as_slice().into()))
    }
}

impl From<&TextMap> for BTreeMap<String, String> {
    fn from(map: &TextMap) -> Self {
        map.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

impl fmt::Debug for TextMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for TextMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for TextMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<SharedText, SharedText>::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for TextMap {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, String>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_for_programs(map in proptest::collection::btree_map(".{0,4}", ".{0,4}", 0..8), key in ".{0,4}") {
            let shared = TextMap::from(map.clone());
            prop_assert_eq!(shared.get(&key), map.get(&key).map(String::as_str));
            prop_assert!(map.iter().all(|(key, value)| shared.get(key) == Some(value)));
            prop_assert_eq!((shared.len(), shared.is_empty()), (map.len(), map.is_empty()));
            prop_assert_eq!(serde_json::to_string(&shared).expect("JSON"), serde_json::to_string(&map).expect("JSON"));
            prop_assert_eq!(format!("{shared:?} {shared:#?}"), format!("{map:?} {map:#?}"));
            let read: TextMap = serde_json::from_str(&serde_json::to_string(&map).expect("JSON")).expect("reads");
            prop_assert!(Arc::ptr_eq(&read.0, &shared.0));
            prop_assert_eq!(BTreeMap::from(&shared), map);
        }
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        assert_eq!(TextMap::from([("b", "1"), ("a", "2"), ("b", "3")]), TextMap::from([("a", "2"), ("b", "3")]));
    }
}
