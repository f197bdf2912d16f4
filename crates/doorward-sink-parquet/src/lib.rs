//! Scan report -> Parquet files, for Athena, DuckDB, QuickSight and Power BI: a history that grows by one file a scan and table.
//!
//! ```text
//! FOLDER/findings/day=2026-11-30/20261130T090000.000000Z-111122223333.parquet
//! ```
//!
//! [`ParquetSink`] writes the tables `load_balancers`, `findings`, `coverage` and `runs` (`parquet_tables`), each in groups of rows with the
//! low-level writer of the Parquet crate (`parquet_file`): Arrow is not needed for columns of scalars. A file is named after its run, so that the same
//! report written again replaces it, and it is put in its place whole; that of `runs` comes last.
//!
//! A value that was not read is null, and the column `..._state` beside it is `unknown`: null alone never means that there is none.
//! Load balancers and failures that earlier scans observed and this one did not are rows with `observed` false and nothing else known:
//! a scan that reads less never looks like progress.

mod parquet_file;
mod parquet_sink;
mod parquet_tables;

pub use parquet_sink::ParquetSink;

/// The sink's name, as in `--format`.
pub const NAME: &str = "parquet";
