//! `--helm`: finds the program, and gives it the variables that it needs.

use std::ffi::OsString;
use std::path::PathBuf;

use doorward_check::{Gathered, HelmRun};
use doorward_settings::variable::variable;

use crate::exit::{Exit, Failure};
use crate::io::runtime;

/// Variables that Helm reads its folders from. It gets no others, above all none with credentials or a cluster.
const VARIABLES: [&str; 7] = [
    "HOME",
    "HELM_CACHE_HOME",
    "HELM_CONFIG_HOME",
    "HELM_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// Renders the charts among the files.
pub(super) fn render(gathered: &mut Gathered, values: &[PathBuf]) -> Result<(), Failure> {
    let given = |name: &str| Some((OsString::from(name), variable(name)?));
    let environment = VARIABLES.iter().filter_map(|name| given(name)).collect();
    let path = variable("PATH").unwrap_or_default();
    let helm = HelmRun::find(&path, values.to_vec(), environment).ok_or_else(|| {
        let message =
            "--helm: the program helm is in no folder of PATH; install Helm, or check the output of `helm template`";
        Failure::new(Exit::Usage, message)
    })?;
    runtime()?.block_on(helm.render(gathered));
    Ok(())
}
