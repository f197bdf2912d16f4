//! Settings: the settings in effect, line by line.

use super::SheetContext;
use crate::sheet::{Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Settings",
    file: "settings",
    about: "The settings in effect when the report was judged, as TOML, without secrets. Empty if they were not \
         recorded.",
};

fn columns<'p>() -> Columns<'p, (usize, &'p str)> {
    Columns::<(usize, &'p str)>::new()
        .count("Line", "The number of the line, from 1.", |(number, _)| (*number).into())
        .text("Setting", 120, "The line, as `doorward config show` prints it.", |(_, line)| (*line).into())
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let rows: Vec<(usize, &str)> = (1..).zip(cx.pack.context.settings.lines()).collect();
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
