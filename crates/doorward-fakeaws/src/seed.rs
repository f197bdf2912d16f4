//! The seed of a random test.

/// The seed of this run: `DOORWARD_SEED`, which repeats a run that failed, or else `PROPTEST_RNG_SEED`, which is the same on every
/// machine, and which the nightly run draws anew. Printed, so that a failure shows it.
#[expect(clippy::print_stdout, reason = "the seed repeats a failed run")]
pub fn seed() -> u64 {
    let of = |name| std::env::var(name).ok().and_then(|text: String| text.trim().parse().ok());
    let seed = of("DOORWARD_SEED").or_else(|| of("PROPTEST_RNG_SEED")).unwrap_or(2026);
    println!("DOORWARD_SEED={seed}");
    seed
}
