//! `doorward man`: the manual pages, one for each command.

use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use doorward_explain::manual_page;
use doorward_file::{Readers, write_file};

/// Writes the pages into a folder.
pub(crate) fn write(cli: &Cli, folder: &Path) -> Result<Exit, Failure> {
    let failed = |path: &Path, error: &std::io::Error| Failure::writing(&path.display().to_string(), error);
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(command, &mut pages);
    let mut places = Settings::found_places(cli.config.as_deref());
    pages.iter().for_each(|page| places.file("--out", &folder.join(page.get_filename())));
    places.check()?;
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    for page in pages {
        let path = folder.join(page.get_filename());
        let mut rendered = Vec::new();
        page.render(&mut rendered).map_err(|e| failed(&path, &e))?;
        let text = manual_page::completed(&String::from_utf8_lossy(&rendered));
        write_file(&path, Readers::Umask, |out| out.write_all(text.as_bytes())).map_err(|e| failed(&path, &e))?;
    }
    Ok(Exit::Clean)
}

/// The pages of a command and of those below it.
fn collect(command: clap::Command, pages: &mut Vec<clap_mangen::Man>) {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        collect(below.clone(), pages);
    }
    pages.push(clap_mangen::Man::new(command));
}
