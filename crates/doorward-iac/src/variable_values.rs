//! The values that Terraform's variables are given on its command line and in its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::SourceFile;

/// Values of variables besides those that Terraform finds in the root folder.
#[derive(Debug, Clone, Default)]
pub struct VariableValues {
    /// The values of environment variables `TF_VAR_name`, by name of the variable. Every other value has precedence.
    pub environment: BTreeMap<String, String>,
    /// The values of options, in their order. The last value of a variable counts.
    pub options: Vec<VariableOption>,
}

impl VariableValues {
    /// The values of the variables of an environment.
    ///
    /// # Errors
    ///
    /// One of `TF_VAR_` is not UTF-8.
    pub fn of_environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, String> {
        let mut values = Self::default();
        for (name, value) in variables {
            let Some(variable) = name.to_str().and_then(|name| name.strip_prefix("TF_VAR_")) else { continue };
            let text = value.to_str().ok_or_else(|| format!("TF_VAR_{variable}: is not UTF-8"))?;
            values.environment.insert(variable.to_owned(), text.to_owned());
        }
        Ok(values)
    }
}

impl VariableOption {
    /// Parses `NAME=VALUE`.
    ///
    /// # Errors
    ///
    /// There is no name.
    pub fn value(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, text)) if !name.trim().is_empty() => {
                Ok(Self::Value { name: name.trim().to_owned(), text: text.to_owned() })
            }
            _ => Err(format!("{text:?} is not NAME=VALUE")),
        }
    }
}

/// An option that sets variables.
#[derive(Debug, Clone)]
pub enum VariableOption {
    /// `-var 'name=text'`.
    Value {
        /// The name of the variable.
        name: String,
        /// Its value, which is an expression if the type of the variable is not a string, number or bool.
        text: String,
    },
    /// `-var-file=file`.
    File(SourceFile),
}
