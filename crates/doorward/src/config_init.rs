//! `doorward config init`: a settings file to edit, with every setting and its default commented out.

use std::path::Path;

use crate::exit::{Exit, Failure};
use crate::io::{answer, log};
use crate::settings::DEFAULT;
use doorward_file::{Readers, write_file};
use doorward_settings::commented;

/// Writes the file, or prints it where the path is `-`. A file that exists is never replaced.
pub(crate) fn write(path: &Path) -> Result<Exit, Failure> {
    let text = commented(DEFAULT);
    if path == Path::new("-") {
        return answer(&text);
    }
    if path.exists() {
        let problem = format!("{}: the file exists and is not replaced; name another one with --out", path.display());
        return Err(Failure::new(Exit::Usage, problem));
    }
    write_file(path, Readers::Umask, |out| std::io::Write::write_all(out, text.as_bytes()))
        .map_err(|e| Failure::writing(&path.display().to_string(), &e))?;
    log(&format!("{}: every setting with its default; remove the # of those to change", path.display()));
    Ok(Exit::Clean)
}
