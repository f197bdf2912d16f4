//! Writes a part, each account-Region as soon as it was read, so that a shard holds none of them in memory.

use std::io::{self, Write};

use doorward_model::RegionInventory;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::part::{PartEnd, PartHead, PartPlan, PartTotals};

/// A part that is being written. Without [`PartWriter::finish`] it has no closing line, and no merge uses it.
pub struct PartWriter<W> {
    out: W,
    hash: Sha256,
    account_regions: usize,
    load_balancers: usize,
}

/// A part that was written, with its output, which the caller completes.
pub struct WrittenPart<W> {
    /// Where it was written to.
    pub out: W,
    /// Its closing line.
    pub totals: PartTotals,
}

impl<W: Write> PartWriter<W> {
    /// Writes the first two lines.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn begin<C: Serialize>(out: W, head: &PartHead<C>, plan: &PartPlan) -> io::Result<Self> {
        let mut writer = Self { out, hash: Sha256::new(), account_regions: 0, load_balancers: 0 };
        writer.line(head)?;
        writer.line(plan)?;
        Ok(writer)
    }

    /// Writes one account-Region.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn add(&mut self, cell: &RegionInventory) -> io::Result<()> {
        self.account_regions += 1;
        self.load_balancers += cell.load_balancers.len();
        self.line(cell)
    }

    /// Writes the closing line.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self, finished: Timestamp, interrupted: bool) -> io::Result<WrittenPart<W>> {
        let Self { account_regions, load_balancers, .. } = self;
        let end = PartTotals { finished, interrupted, account_regions, load_balancers };
        let sha256 = sealed(std::mem::take(&mut self.hash), &end)?;
        let end = PartEnd { end, sha256 };
        self.line(&end)?;
        self.out.flush()?;
        Ok(WrittenPart { out: self.out, totals: end.end })
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line)
    }
}

/// The hash of a part: of all its lines and of what its closing line states, in lower-case hexadecimal.
pub(crate) fn sealed(mut hash: Sha256, end: &PartTotals) -> serde_json::Result<String> {
    hash.update(serde_json::to_vec(end)?);
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
