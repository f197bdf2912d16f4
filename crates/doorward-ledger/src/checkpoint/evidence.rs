//! Takes apart what changes in a cell from scan to scan (times and request ids) and what does not (all the rest), so
//! that a cell without changes costs 25 bytes per load balancer instead of a kilobyte or two.

use std::borrow::Cow;

use doorward_model::{Evidence, RegionInventory};

use crate::error::LedgerFault;
use crate::timestamp::{nanos, timestamp};

const NONE: u8 = 0;
const UUID: u8 = 1;
const TEXT: u8 = 2;
const BARE: u8 = 3;

/// The packed evidence and the cell without it and without the time of its reading. Evidence that cannot be packed without loss
/// stays where it is.
pub(super) fn split(cell: &RegionInventory) -> (Option<Vec<u8>>, Cow<'_, RegionInventory>) {
    let any = cell.load_balancers.iter().any(|lb| lb.evidence.is_some());
    let packed = if any { pack(cell) } else { None };
    if packed.is_none() && cell.read_at.is_none() {
        return (None, Cow::Borrowed(cell));
    }
    let mut bare = cell.clone();
    bare.read_at = None;
    if packed.is_some() {
        bare.load_balancers.iter_mut().for_each(|lb| lb.evidence = None);
    }
    (packed, Cow::Owned(bare))
}

/// Puts packed evidence back where it was.
pub(super) fn join(cell: &mut RegionInventory, packed: &[u8]) -> Result<(), LedgerFault> {
    let found = unpack(packed, cell.load_balancers.len());
    let found = found.ok_or_else(|| LedgerFault::Text("packed evidence is cut short".to_owned()))?;
    for (lb, evidence) in cell.load_balancers.iter_mut().zip(found) {
        lb.evidence = evidence;
    }
    Ok(())
}

/// The operations' names once, then per load balancer: a tag, the operation's place, the time, the request id.
fn pack(cell: &RegionInventory) -> Option<Vec<u8>> {
    let mut operations: Vec<&str> = Vec::new();
    let mut out = Vec::with_capacity(64 + cell.load_balancers.len() * 26);
    for lb in &cell.load_balancers {
        let Some(evidence) = &lb.evidence else {
            out.push(NONE);
            continue;
        };
        let at = nanos(evidence.at);
        if timestamp(at) != evidence.at {
            return None;
        }
        let place = operations.iter().position(|known| *known == evidence.operation).unwrap_or_else(|| {
            operations.push(&evidence.operation);
            operations.len() - 1
        });
        let uuid = evidence.request_id.as_deref().map(uuid_bytes);
        out.push(match uuid {
            None => BARE,
            Some(None) => TEXT,
            Some(Some(_)) => UUID,
        });
        out.push(u8::try_from(place).ok()?);
        out.extend(at.to_le_bytes());
        match (uuid, &evidence.request_id) {
            (Some(Some(bytes)), _) => out.extend(bytes),
            (_, Some(text)) => {
                out.extend(u16::try_from(text.len()).ok()?.to_le_bytes());
                out.extend(text.as_bytes());
            }
            (_, None) => {}
        }
    }
    let mut packed = vec![u8::try_from(operations.len()).ok()?];
    for operation in operations {
        packed.push(u8::try_from(operation.len()).ok()?);
        packed.extend(operation.as_bytes());
    }
    packed.extend(out);
    Some(packed)
}

fn unpack(packed: &[u8], count: usize) -> Option<Vec<Option<Evidence>>> {
    let mut rest = packed;
    let mut take = |n: usize| {
        let (head, tail) = rest.split_at_checked(n)?;
        rest = tail;
        Some(head)
    };
    let mut operations = Vec::new();
    for _ in 0..*take(1)?.first()? {
        let length = usize::from(*take(1)?.first()?);
        operations.push(String::from_utf8(take(length)?.to_vec()).ok()?);
    }
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let tag = *take(1)?.first()?;
        if tag == NONE {
            found.push(None);
            continue;
        }
        let operation = operations.get(usize::from(*take(1)?.first()?))?.clone();
        let at = timestamp(i64::from_le_bytes(take(8)?.try_into().ok()?));
        let request_id = match tag {
            UUID => Some(uuid_text(take(16)?)),
            TEXT => {
                let length = u16::from_le_bytes(take(2)?.try_into().ok()?);
                Some(String::from_utf8(take(usize::from(length))?.to_vec()).ok()?)
            }
            _ => None,
        };
        found.push(Some(Evidence { operation: operation.into(), at, request_id }));
    }
    Some(found)
}

/// The bytes of a UUID in the one spelling that [`uuid_text`] gives back.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (uuid_text(&bytes) == text).then_some(bytes)
}

fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_a_uuid() {
        let text = "8f2b6a1c-0d3e-4f50-9a6b-7c8d9e0f1a2b";
        assert_eq!(uuid_bytes(text).map(|b| uuid_text(&b)).as_deref(), Some(text));
        for other in [
            "",
            "8F2B6A1C-0D3E-4F50-9A6B-7C8D9E0F1A2B",
            "8f2b6a1c0d3e4f509a6b7c8d9e0f1a2b",
            "+f2b6a1c-0d3e-4f50-9a6b-7c8d9e0f1a2b",
            "äöü",
        ] {
            assert_eq!(uuid_bytes(other), None, "{other}");
        }
    }
}
