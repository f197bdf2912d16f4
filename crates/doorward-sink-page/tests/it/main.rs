//! The page against the report it is made of. What only a browser can tell is in `browser.py`, which `cargo xtask page` runs.

#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

mod hostile;
mod laws;
mod posture_sheet;
mod scene;
mod unknown;
