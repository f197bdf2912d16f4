//! Text from outside on a terminal: names and tags are data, never escape codes.

pub(crate) use doorward_model::harmless_lines as harmless;
