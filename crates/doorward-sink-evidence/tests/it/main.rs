//! The evidence pack from outside: what is written, what it says, and what `verify` finds.

mod bytes;
mod hostile;
mod scene;
mod sheets;
mod tampering;
