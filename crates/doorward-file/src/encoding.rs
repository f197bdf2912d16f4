//! Decoding and encoding of texts: UTF-8 and UTF-16, with or without a byte order mark.
//!
//! Windows PowerShell redirects output as UTF-16, and editors on Windows write byte order marks, so that every text of a user may
//! have either.

/// The character encoding of a file. A changed file keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
}

/// A decoded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The encoding of the bytes.
    pub encoding: Encoding,
    /// Whether the bytes begin with a byte order mark, which `text` does not contain.
    pub marked: bool,
    /// The text, without a byte order mark.
    pub text: String,
}

/// Bytes that are not text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// The line of the first invalid byte, from 1.
    pub line: usize,
    /// A predicate whose subject is the file: "is not UTF-8 from this line on; save it as UTF-8".
    pub problem: &'static str,
}

impl std::fmt::Display for Undecodable {
    /// `line 3: it is not UTF-8 from this line on; save it as UTF-8`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: it {}", self.line, self.problem)
    }
}

impl std::error::Error for Undecodable {}

const NOT_UTF8: &str = "is not UTF-8 from this line on; save it as UTF-8";
const NOT_UTF16: &str = "begins as UTF-16, but is not UTF-16 from this line on; save it as UTF-8";
const UTF32: &str = "is UTF-32; save it as UTF-8";
const BINARY: &str = "contains zero bytes and is neither UTF-8 nor UTF-16 text; save it as UTF-8";

/// Decodes the bytes of a text.
///
/// # Errors
///
/// Bytes that are neither UTF-8 nor UTF-16, with the line of the first invalid byte.
pub fn decode(bytes: Vec<u8>) -> Result<Decoded, Undecodable> {
    match *bytes.as_slice() {
        // The byte order mark of UTF-32 begins with that of UTF-16.
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Err(Undecodable { line: 1, problem: UTF32 }),
        [0xff, 0xfe, ..] => wide(&bytes[2..], Encoding::Utf16Le, true),
        [0xfe, 0xff, ..] => wide(&bytes[2..], Encoding::Utf16Be, true),
        // Without a mark: every text that Doorward reads begins with an ASCII character and contains no NUL.
        [1..=255, 0, ..] => wide(&bytes, Encoding::Utf16Le, false),
        [0, 1..=255, ..] => wide(&bytes, Encoding::Utf16Be, false),
        _ => narrow(bytes),
    }
}

fn narrow(bytes: Vec<u8>) -> Result<Decoded, Undecodable> {
    let lines = |bytes: &[u8]| 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Undecodable { line: lines(&bytes[..at]), problem: BINARY });
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            let marked = text.starts_with('\u{feff}');
            if marked {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Ok(Decoded { encoding: Encoding::Utf8, marked, text })
        }
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            Err(Undecodable { line: lines(valid), problem: NOT_UTF8 })
        }
    }
}

fn wide(bytes: &[u8], encoding: Encoding, marked: bool) -> Result<Decoded, Undecodable> {
    let unit = |pair: &[u8; 2]| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes(*pair),
        Encoding::Utf16Le | Encoding::Utf8 => u16::from_le_bytes(*pair),
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len() / 2);
    let wrong = |text: &str| Undecodable { line: 1 + text.matches('\n').count(), problem: NOT_UTF16 };
    for character in char::decode_utf16(pairs.iter().map(unit)) {
        match character {
            Ok('\0') | Err(_) => return Err(wrong(&text)),
            Ok(character) => text.push(character),
        }
    }
    if rest.is_empty() { Ok(Decoded { encoding, marked, text }) } else { Err(wrong(&text)) }
}

/// Encodes a text as it was before [`decode`].
pub fn encode(text: &str, encoding: Encoding, marked: bool) -> Vec<u8> {
    let mark = if marked { "\u{feff}" } else { "" };
    let units = || mark.encode_utf16().chain(text.encode_utf16());
    match encoding {
        Encoding::Utf8 => [mark.as_bytes(), text.as_bytes()].concat(),
        Encoding::Utf16Le => units().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => units().flat_map(u16::to_be_bytes).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_every_encoding() {
        for text in ["a: b\n", "{\"a\": \"é支😀\"}\r\n", "x"] {
            for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
                for marked in [false, true] {
                    let decoded = decode(encode(text, encoding, marked)).expect("a text");
                    assert_eq!((decoded.text.as_str(), decoded.encoding, decoded.marked), (text, encoding, marked));
                }
            }
        }
        assert_eq!(decode(Vec::new()).expect("a text").text, "");
    }

    #[test]
    fn other_bytes_are_refused_with_their_line() {
        for (bytes, line, problem) in [
            (&b"a: 1\nb: caf\xe9\n"[..], 2, NOT_UTF8),
            (b"\x80", 1, NOT_UTF8),
            (b"\xff\xfe\0\0a\0\0\0", 1, UTF32),
            (b"\0\0\xfe\xff\0\0\0a", 1, UTF32),
            (b"\xff\xfea\0\n\0\x00\xd8", 2, NOT_UTF16),
            (b"\xff\xfea\0\n", 1, NOT_UTF16),
            (b"a\0\0\0b\0\0\0", 1, NOT_UTF16),
            (b"ab\n\0cd", 2, BINARY),
            (b"\0", 1, BINARY),
            (b"\0\0\0\0", 1, BINARY),
            (b"\x1f\x8b\x08\0\0", 1, BINARY),
        ] {
            let wrong = decode(bytes.to_vec()).expect_err("no text");
            assert_eq!((wrong.line, wrong.problem), (line, problem), "{bytes:?}");
        }
    }
}
