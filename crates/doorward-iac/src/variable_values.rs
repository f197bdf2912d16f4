//! The values that Terraform's variables are given on its command line and in its environment.

use std::collections::BTreeMap;

use crate::SourceFile;

/// Values of variables besides those that Terraform finds in the root folder.
#[derive(Debug, Clone, Default)]
pub struct VariableValues {
    /// The values of environment variables `TF_VAR_name`, by name of the variable. Every other value has precedence.
    pub environment: BTreeMap<String, String>,
    /// The values of options, in their order. The last value of a variable counts.
    pub options: Vec<VariableOption>,
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
