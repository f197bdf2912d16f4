//! Variables of the environment: trimmed, and unset where they hold nothing.

use std::ffi::OsString;
use std::path::PathBuf;

/// The value of a variable, without blanks and line ends around it: values from mounted secrets and files often end in a line end. A
/// variable without a value is unset.
pub fn variable(name: &str) -> Option<OsString> {
    trimmed(std::env::var_os(name)?)
}

/// The folder that a variable names. A path that is not absolute counts as unset, as the XDG specification requires.
pub fn folder(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// A value without blanks and line ends around it; none where nothing is left. A value that is no text is left as it is.
pub fn trimmed(value: OsString) -> Option<OsString> {
    match value.to_str().map(str::trim) {
        Some("") => None,
        Some(text) => Some(text.into()),
        None => Some(value),
    }
}
