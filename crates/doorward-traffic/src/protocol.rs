//! The protocols that a line can begin with, distinguished in a few steps without a branch.

/// Protocols of the fast path, and the bytes with which their lines begin.
pub(crate) const PROTOCOLS: [&str; 6] = ["http", "https", "h2", "grpcs", "ws", "wss"];

/// Which protocol a line begins with, and its length.
#[inline]
pub(crate) fn protocol(start: &[u8; 8]) -> Option<(usize, usize)> {
    /// The places of the names in a table in which no two collide.
    const fn place(length: usize, first: u8) -> usize {
        (length * 3 + first as usize) & 15
    }
    const TABLE: [(u64, u64, u8); 16] = {
        let mut table = [(0, 1, 0); 16];
        let mut name = 0;
        while name < PROTOCOLS.len() {
            let bytes = PROTOCOLS[name].as_bytes();
            let (mut word, mut at) = (0_u64, 0);
            while at < bytes.len() {
                word |= (bytes[at] as u64) << (8 * at);
                at += 1;
            }
            table[place(bytes.len(), bytes[0])] = ((1 << (8 * at)) - 1, word, name as u8);
            name += 1;
        }
        table
    };
    const SPACES: u64 = 0x2020_2020_2020_2020;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*start);
    // The lowest byte that is a space is found exactly; what lies above does not matter.
    let differs = word ^ SPACES;
    let found = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
    let length = (found.trailing_zeros() / 8) as usize;
    let (mask, name, index) = TABLE[place(length, start[0])];
    (found != 0 && word & mask == name && mask.count_ones() as usize == 8 * length).then_some((index as usize, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_found_and_nothing_else() {
        for (index, name) in PROTOCOLS.iter().enumerate() {
            let start = format!("{name} 2026-09");
            assert_eq!(
                protocol(start.as_bytes().first_chunk().expect("long enough")),
                Some((index, name.len())),
                "{name}"
            );
        }
        for other in
            ["        ", "httpx 20", "htt 2026", "h3 2026-", "https202", " http 20", "\0\0\0\0\0\0\0\0", "wssws 20"]
        {
            assert_eq!(protocol(other.as_bytes().first_chunk().expect("long enough")), None, "{other:?}");
        }
    }
}
