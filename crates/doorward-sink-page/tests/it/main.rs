//! The page against the report it is made of. What only a browser can tell is in `browser.py`, which `cargo xtask page` runs.

mod hostile;
mod laws;
mod scene;
