//! Reads corpora from folders and holds the counts to the truth that their writer kept, and the example to its advice.

#![expect(clippy::expect_used, reason = "a corpus that cannot be written is a failed test")]

#[path = "../../examples/logs/corpus.rs"]
mod corpus;
#[path = "../../examples/logs/demo.rs"]
mod demo;
mod example;
mod folder;
#[path = "../../examples/logs/words.rs"]
mod words;
