//! What happens to parts between the shard and the merge.

use std::path::{Path, PathBuf};

use doorward_shard::Shard;
use fastrand::Rng;

use crate::random_scan::RandomScan;

/// One fault of the storage or of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    Lost,
    Truncated,
    Changed,
    Twice,
    ExtraText,
    LineLost,
    LinesSwapped,
    OtherPolicy,
    Old,
    OtherNumberOfShards,
    OtherShardsContent,
    NotAPart,
}

use Damage::*;

impl Damage {
    pub(crate) fn random(random: &mut Rng) -> Self {
        let all = [
            Lost,
            Truncated,
            Changed,
            Twice,
            ExtraText,
            LineLost,
            LinesSwapped,
            OtherPolicy,
            Old,
            OtherNumberOfShards,
            OtherShardsContent,
            NotAPart,
        ];
        all[random.usize(..all.len())]
    }

    /// Damages a random part. Gives the shard that no intact part is left of; none where the damage adds a file that changes nothing.
    pub(crate) fn apply(
        self,
        scan: &RandomScan,
        of: u32,
        folder: &Path,
        parts: &mut Vec<PathBuf>,
        intact: &[Shard],
        random: &mut Rng,
    ) -> (Self, Option<Shard>) {
        let number = random.u32(1..=of);
        let shard: Shard = format!("{number}/{of}").parse().unwrap();
        let path = folder.join(format!("part-{number}.json"));
        // A second damage could undo the first.
        if !intact.contains(&shard) {
            return (self, None);
        }
        let bytes = std::fs::read(&path).unwrap();
        let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let extra = folder.join(format!("extra-{}.json", random.u32(..)));
        match self {
            Lost => std::fs::remove_file(&path).unwrap(),
            Truncated => std::fs::write(&path, &bytes[..random.usize(..bytes.len())]).unwrap(),
            Changed => {
                let mut bytes = bytes.clone();
                let at = random.usize(..bytes.len());
                bytes[at] ^= 1 << random.u32(0..7);
                std::fs::write(&path, bytes).unwrap();
            }
            Twice => {
                std::fs::write(&extra, &bytes).unwrap();
                parts.push(extra);
            }
            ExtraText => std::fs::write(&path, [&bytes[..], b"{}\n"].concat()).unwrap(),
            LineLost => {
                lines.remove(random.usize(..lines.len()));
                std::fs::write(&path, lines.concat()).unwrap();
            }
            LinesSwapped => {
                let at = random.usize(..lines.len() - 1);
                lines.swap(at, at + 1);
                std::fs::write(&path, lines.concat()).unwrap();
            }
            OtherPolicy | Old => {
                scan.write_one(&path, shard, |mut head| {
                    if self == OtherPolicy {
                        head.criteria.policy = "other".to_owned();
                    } else {
                        head.run.started -= jiff::SignedDuration::from_hours(30);
                    }
                    head
                });
                // Damaged parts may be the most of few: then they are not the foreign ones.
                if self == OtherPolicy && of < 8 {
                    std::fs::remove_file(&path).unwrap();
                }
            }
            OtherNumberOfShards => {
                scan.write_one(&extra, format!("{number}/{}", of + 1).parse().unwrap(), |head| head);
                // One part of two shards is as many as one part of one.
                if of < 8 {
                    std::fs::remove_file(&extra).unwrap();
                }
                parts.push(extra);
                return (self, None);
            }
            OtherShardsContent => {
                let other: Shard = format!("{}/{of}", number % of + 1).parse().unwrap();
                scan.write_as(&path, shard, other);
                let shares = scan.shares(of);
                if scan.cells_of(&shares, shard) == scan.cells_of(&shares, other) {
                    return (self, None);
                }
            }
            NotAPart => {
                std::fs::write(&extra, b"{\"format\":\"doorward-scan-v1\"}\n").unwrap();
                parts.push(extra);
                return (self, None);
            }
        }
        (self, Some(shard))
    }
}
