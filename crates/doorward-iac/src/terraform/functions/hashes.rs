//! Hashes of texts and of files.

use std::fmt::Write as _;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::encodings::base64;
use super::{Function, missing, only, text};
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "md5" => |arguments| of_text(arguments, "md5"),
        "sha1" => |arguments| of_text(arguments, "sha1"),
        "sha256" => |arguments| of_text(arguments, "sha256"),
        "sha512" => |arguments| of_text(arguments, "sha512"),
        "base64sha256" => |arguments| of_text(arguments, "base64sha256"),
        "base64sha512" => |arguments| of_text(arguments, "base64sha512"),
        "uuidv5" => uuid,
        _ => return None,
    })
}

fn of_text(arguments: &[ConfigValue], name: &str) -> Evaluation {
    let text = text(only(arguments)?)?;
    of_bytes(name, text.as_bytes()).map(ConfigValue::text).ok_or_else(missing)
}

/// The result of the function of a name, such as `base64sha256`, over bytes; `None` if it is no hash.
pub(super) fn of_bytes(name: &str, bytes: &[u8]) -> Option<String> {
    Some(match name {
        "md5" => hexadecimal(&Md5::digest(bytes)),
        "sha1" => hexadecimal(&Sha1::digest(bytes)),
        "sha256" => hexadecimal(&Sha256::digest(bytes)),
        "sha512" => hexadecimal(&Sha512::digest(bytes)),
        "base64" => base64(bytes),
        "base64sha256" => base64(&Sha256::digest(bytes)),
        "base64sha512" => base64(&Sha512::digest(bytes)),
        _ => return None,
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A UUID of version 5: the hash of a namespace and a name. <https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-5>
fn uuid(arguments: &[ConfigValue]) -> Evaluation {
    let [namespace, name] = arguments else { return Err(missing()) };
    let (namespace, name) = (text(namespace)?, text(name)?);
    let namespace = match &*namespace {
        "dns" => "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "url" => "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
        "oid" => "6ba7b812-9dad-11d1-80b4-00c04fd430c8",
        "x500" => "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
        other => other,
    };
    let unsure = || EvaluationFailure::unsure("the namespace of a UUID is not in its usual form");
    let is_usual = namespace.len() == 36 && [8, 13, 18, 23].iter().all(|at| namespace.as_bytes()[*at] == b'-');
    let digits: String = namespace.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| is_usual && digits.len() == 32);
    let number = number.ok_or_else(unsure)?;
    let hash = Sha1::digest([&number.to_be_bytes()[..], name.as_bytes()].concat());
    let mut bytes: Vec<u8> = hash.iter().take(16).copied().collect();
    if let [_, _, _, _, _, _, version, _, variant, ..] = bytes.as_mut_slice() {
        *version = *version & 0x0f | 0x50;
        *variant = *variant & 0x3f | 0x80;
    }
    let text = hexadecimal(&bytes);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| text.get(part).unwrap_or_default().to_owned());
    Ok(ConfigValue::text(parts.join("-")))
}
