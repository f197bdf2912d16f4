//! `--changed-since`: the declarations that a change of files may concern.
//!
//! A file that is judged on its own is left out if it did not change. Terraform configuration is evaluated together, and so are
//! Kubernetes manifests: if any file of the group changed, or one that a function reads, all declarations of the group stay, because
//! a variable, a module or a class in one file may decide the mode in another.

use std::collections::BTreeSet;

use doorward_iac::Dialect;

use crate::CheckReport;

const CONFIGURATION: [&str; 7] = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json", ".hcl"];
const MANIFESTS: [&str; 4] = [".yaml", ".yml", ".json", ".template"];

impl CheckReport {
    /// Keeps what a change of these files may concern. Paths are as in the report.
    pub fn keep_changed(&mut self, changed: &BTreeSet<String>) {
        let any = |endings: &[&str]| changed.iter().any(|path| endings.iter().any(|ending| path.ends_with(ending)));
        // Functions read files of any name, and so does `--var-file`.
        let is_read = |path: &String| self.requested.contains(path);
        let (configuration, manifests) = (any(&CONFIGURATION) || changed.iter().any(is_read), any(&MANIFESTS));
        let may_concern = |dialect: Option<Dialect>, file: &str| match dialect {
            Some(Dialect::Hcl) => configuration,
            Some(Dialect::Kubernetes) => configuration || manifests,
            Some(_) => changed.contains(file),
            None => changed.contains(file) || (configuration && CONFIGURATION.iter().any(|e| file.ends_with(e))),
        };
        self.judged.retain(|one| may_concern(Some(one.declared.dialect), &one.declared.place.file));
        let of_file = |file: &str, files: &[(String, Dialect)]| {
            files.iter().find(|(path, _)| path == file).map(|(_, dialect)| *dialect)
        };
        let files = std::mem::take(&mut self.files);
        self.unread.retain(|part| may_concern(of_file(&part.place.file, &files), &part.place.file));
        self.unexamined.retain(|part| may_concern(of_file(&part.place.file, &files), &part.place.file));
        self.files = files;
    }
}
