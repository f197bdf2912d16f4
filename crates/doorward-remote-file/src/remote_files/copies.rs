//! Copies of whole outputs: files, and folders with everything below them.

use std::path::{Path, PathBuf};

use doorward_aws::Operation;

use super::{Condition, RemoteFiles};
use crate::{ObjectUrl, RemoteFileError};

impl RemoteFiles {
    /// Copies outputs below an address, each with its name; the number of files. Objects of the same names are replaced. An output that
    /// does not exist has no files.
    ///
    /// # Errors
    /// A file cannot be read or written. Those before it are copied.
    pub async fn store_outputs(&self, outputs: &[&Path], to: &ObjectUrl) -> Result<usize, RemoteFileError> {
        let mut copied = 0;
        for output in outputs {
            let local = |error: std::io::Error| RemoteFileError::local(to, Operation::PutObject, output, &error);
            for (path, name) in files_of(output).map_err(local)? {
                let unnamed = |error| std::io::Error::other(format!("{name:?} cannot be the end of a key: {error}"));
                let url = to.below(&name).map_err(|error| local(unnamed(error)))?;
                self.store(&url, &path, &Condition::Always).await?;
                copied += 1;
            }
        }
        Ok(copied)
    }
}

/// The files of an output in order, each with its name below the folder that holds the output.
fn files_of(output: &Path) -> std::io::Result<Vec<(PathBuf, String)>> {
    let name = output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut files = Vec::new();
    let mut open = vec![(output.to_owned(), name)];
    while let Some((path, name)) = open.pop() {
        if path.is_file() {
            files.push((path, name));
        } else if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                let entry = entry?;
                // A link may lead out of the output.
                if !entry.file_type()?.is_symlink() {
                    open.push((entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy())));
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_and_a_folder_that_of_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, inner) = (folder.path().join("scan.json"), folder.path().join("evidence/run-1"));
        std::fs::create_dir_all(&inner).expect("creates");
        for path in [&file, &inner.join("manifest.json"), &inner.join("a.csv")] {
            std::fs::write(path, "x").expect("writes");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc", inner.join("link")).expect("links");
        let names =
            |path: &Path| -> Vec<String> { files_of(path).expect("reads").into_iter().map(|(_, name)| name).collect() };
        assert_eq!(names(&file), ["scan.json"]);
        assert_eq!(names(&folder.path().join("evidence")), ["evidence/run-1/a.csv", "evidence/run-1/manifest.json"]);
        assert_eq!(names(&folder.path().join("missing")), Vec::<String>::new());
    }
}
