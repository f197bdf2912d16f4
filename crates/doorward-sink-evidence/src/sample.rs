//! A random sample that can be reproduced with SHA-256 alone.
//!
//! Every load balancer in scope gets the SHA-256 of the seed, a line feed and its ARN, all in UTF-8; the smallest hashes
//! are the sample. Which ones those are depends on the seed and the population alone, not on any order or random number
//! generator, and one load balancer more or less moves no other.

use aws_lc_rs::digest::{SHA256, digest};
use doorward_model::{LoadBalancer, ScanReport};

use crate::Sampling;

/// One load balancer of the sample.
pub(crate) struct Drawn<'p> {
    /// Its number in the population, from 1, in the order of the sheet.
    pub(crate) number: usize,
    /// The load balancer.
    pub(crate) lb: &'p LoadBalancer,
    /// Its hash, in hexadecimal.
    pub(crate) hash: String,
}

/// Draws, smallest hash first.
pub(crate) fn draw<'p>(report: &'p ScanReport, sampling: &Sampling) -> Vec<Drawn<'p>> {
    let in_scope = (1..).zip(&report.load_balancers).filter(|(_, lb)| lb.effective_mode().applies());
    let mut ranked: Vec<([u8; 32], usize, &LoadBalancer)> =
        in_scope.map(|(number, lb)| (rank(&sampling.seed, lb.arn.as_str()), number, lb)).collect();
    ranked.sort_unstable_by_key(|(hash, number, _)| (*hash, *number));
    ranked.truncate(sampling.size);
    ranked.into_iter().map(|(hash, number, lb)| Drawn { number, lb, hash: hex::encode(hash) }).collect()
}

fn rank(seed: &str, arn: &str) -> [u8; 32] {
    let hash = digest(&SHA256, format!("{seed}\n{arn}").as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.as_ref());
    bytes
}
