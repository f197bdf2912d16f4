//! CBOR of the Smithy RPC v2 protocol: requests become JSON values, responses are written with tagged times.

use bytes::Bytes;
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

/// The tag of seconds since the epoch.
const EPOCH: u64 = 1;

/// A request's document; null if it is not CBOR. Times become seconds; bytes, and keys that are not text, are left out.
pub(crate) fn read(body: &[u8]) -> Value {
    ciborium::from_reader::<Cbor, _>(body).map_or(Value::Null, json)
}

fn json(value: Cbor) -> Value {
    match value {
        Cbor::Bool(value) => Value::Bool(value),
        Cbor::Text(text) => Value::String(text),
        Cbor::Integer(number) => i64::try_from(number).map_or(Value::Null, Value::from),
        Cbor::Float(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Cbor::Tag(_, inner) => json(*inner),
        Cbor::Array(items) => items.into_iter().map(json).collect(),
        Cbor::Map(entries) => Value::Object(
            entries
                .into_iter()
                .filter_map(|(key, value)| Some((key.into_text().ok()?, json(value))))
                .collect::<Map<_, _>>(),
        ),
        _ => Value::Null,
    }
}

/// A moment, in whole seconds since the epoch.
pub(crate) fn time(seconds: i64) -> Cbor {
    Cbor::Tag(EPOCH, Box::new(Cbor::Integer(seconds.into())))
}

/// A structure within a response.
pub(crate) fn structure<const N: usize>(entries: [(&str, Cbor); N]) -> Cbor {
    Cbor::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// A whole document.
pub(crate) fn map<const N: usize>(entries: [(&str, Cbor); N]) -> Bytes {
    write(&structure(entries))
}

/// The bytes of a response.
pub(crate) fn write(document: &Cbor) -> Bytes {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _ = ciborium::into_writer(document, &mut out);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_documents_are_read_back() {
        let written = map([
            ("text", "é".into()),
            ("number", Cbor::Float(1.5)),
            ("when", time(7)),
            ("many", Cbor::Array(vec![Cbor::from(1)])),
        ]);
        assert_eq!(read(&written), serde_json::json!({"text": "é", "number": 1.5, "when": 7, "many": [1]}));
        assert_eq!(read(b"\xff not cbor"), Value::Null);
    }
}
