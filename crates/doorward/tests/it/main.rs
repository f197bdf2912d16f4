//! The binary as its users meet it: arguments in, text, files and exit codes out.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say where")]

mod agreement;
#[cfg(unix)]
mod asff_import;
mod athena;
mod bad_input;
mod bed;
mod blocked_sources;
mod capabilities;
mod certificates;
mod change;
mod change_terms;
mod change_writes;
mod check;
mod code;
mod commands;
mod commented_settings;
mod compare;
mod completions;
mod controls;
mod demo;
mod doctor;
mod encodings;
mod environment;
mod event;
mod evidence;
mod exceptions;
mod formats;
mod hiding_outputs;
mod histories;
mod interrupt;
mod kills;
mod lambda;
mod ledger;
mod links;
mod logs;
mod merged_ledger;
mod named;
mod not_whole;
mod nothing_read;
mod notify;
mod observed;
mod oscal;
mod output_figures;
mod overwriting;
mod parquet_files;
mod plain_words;
mod plugins;
mod posture;
mod proxies;
mod publish;
mod queries;
mod random_environments;
mod recorder;
mod samples;
#[path = "../../../doorward-ledger/tests/it/scene.rs"]
#[expect(dead_code, reason = "tests of the ledger use the rest")]
mod scene;
mod secrets;
mod selections;
mod settings_shown;
mod setup;
mod shards;
mod shared_ledger;
mod shared_ledger_commands;
mod shipped;
mod state;
mod time;
mod traffic;
mod trail;
mod unique_ids;
mod unseen;
mod way_in;
mod widths;
