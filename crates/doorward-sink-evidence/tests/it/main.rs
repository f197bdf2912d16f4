//! The evidence pack from outside: what is written, what it says, and what `verify` finds.

mod scene;
