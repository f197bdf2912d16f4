//! Corpora from folders against the truth that their writer kept, the example against its advice, and the sources of logs and
//! metrics against an emulator of AWS, over real connections.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod athena;
mod bed;
#[path = "../../examples/logs/corpus.rs"]
mod corpus;
mod count_cache;
#[path = "../../examples/logs/demo.rs"]
mod demo;
mod evidence;
mod example;
mod faults;
mod folder;
mod folder_names;
mod folder_repeats;
mod logs;
mod metrics;
mod permissions;
mod populations;
mod posture;
#[path = "../../examples/logs/words.rs"]
mod words;
