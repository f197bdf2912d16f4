//! Bytes as they are stored to bytes of lines, in bounded memory.
//!
//! Whole members go through libdeflate, which is fastest but takes only all at once and does not say where a member ends. A
//! second member would be dropped without a word, so [`Inflater::whole`] proves that there is none. Everything else (large, concatenated,
//! damaged) goes through the streaming decoder.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use libdeflater::Decompressor;

/// The first bytes of every member: the magic, and deflate, which is the only method there is.
pub(crate) const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];
/// The shortest member: header, an empty block and the trailer.
const SHORTEST: usize = 20;

/// The length of the lines of an object, by its last bytes, if it is one member: a member ends with the length of what it holds.
pub(crate) fn length_of(tail: [u8; 4]) -> usize {
    u32::from_le_bytes(tail) as usize
}

/// Decodes whole objects.
pub(crate) struct Inflater {
    decompressor: Decompressor,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self { decompressor: Decompressor::new() }
    }

    /// How many bytes of lines an object has that is one undamaged member; they are in `out` then. None otherwise, or if `out` is
    /// too short.
    ///
    /// A member ends with the length of what it holds, and the next one would begin right there or after zeros. So if the first
    /// bytes of a member stand nowhere in the object behind that length or a zero, nothing follows. The last bytes of the object have to be
    /// the length as well, or something else follows.
    pub(crate) fn whole(&mut self, stored: &[u8], out: &mut [u8]) -> Option<usize> {
        if stored.len() < SHORTEST || !stored.starts_with(&MAGIC) {
            return None;
        }
        let length: [u8; 4] = *stored.last_chunk()?;
        let expected = length_of(length);
        if expected == 0 {
            return None;
        }
        let out = out.get_mut(..expected)?;
        let made = self.decompressor.gzip_decompress(stored, out).ok()?;
        let follows = |at: usize| stored[..at].ends_with(&length) || stored[..at].ends_with(&[0]);
        let alone = !memchr::memmem::find_iter(stored, &MAGIC).any(follows);
        (made == expected && alone).then_some(made)
    }
}

/// Decodes all members of a stream, and refuses what grows beyond all reason. Zeros between and behind members are padding, as for
/// `gzip`.
pub(crate) struct Stream<R> {
    /// None after the last member.
    decoder: Option<GzDecoder<Counted<R>>>,
    taken: u64,
    made: u64,
    members: u64,
    most: Growth,
}

/// How much a stream may grow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// Bytes that are fine whatever they came from.
    pub(crate) floor: u64,
    /// Bytes made for each byte stored.
    pub(crate) ratio: u64,
}

struct Counted<R> {
    inner: R,
    taken: u64,
}

impl<R: BufRead> Stream<R> {
    pub(crate) fn new(stored: R, most: Growth) -> Self {
        Self { decoder: Some(GzDecoder::new(Counted { inner: stored, taken: 0 })), taken: 0, made: 0, members: 1, most }
    }

    /// Stored bytes that were used up.
    pub(crate) fn taken(&self) -> u64 {
        self.decoder.as_ref().map_or(self.taken, |decoder| decoder.get_ref().taken)
    }

    /// Members that were begun.
    pub(crate) fn members(&self) -> u64 {
        self.members
    }

    /// Goes on to the next member.
    fn advance(&mut self) -> io::Result<()> {
        let Some(decoder) = self.decoder.take() else { return Ok(()) };
        let mut stored = decoder.into_inner();
        self.taken = stored.taken;
        loop {
            let next = stored.fill_buf()?;
            if next.is_empty() {
                self.taken = stored.taken;
                return Ok(());
            }
            let zeros = next.iter().take_while(|byte| **byte == 0).count();
            let member = zeros < next.len();
            stored.consume(zeros);
            if member {
                self.members += 1;
                self.decoder = Some(GzDecoder::new(stored));
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut made = 0;
        while let Some(decoder) = &mut self.decoder {
            made = decoder.read(buffer)?;
            if made > 0 || buffer.is_empty() {
                break;
            }
            self.advance()?;
        }
        self.made += made as u64;
        if self.made > self.most.floor && self.made / self.most.ratio > self.taken() {
            return Err(io::Error::other(format!(
                "it expands to more than {} times its size, which a log never does",
                self.most.ratio
            )));
        }
        Ok(made)
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.inner.read(buffer)?;
        self.taken += taken as u64;
        Ok(taken)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.taken += bytes as u64;
        self.inner.consume(bytes);
    }
}
