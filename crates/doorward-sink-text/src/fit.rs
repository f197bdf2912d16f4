//! Tables and sentences that fit a width. A table leaves out columns without content, shortens its heads, shortens names, and leaves
//! out the columns that matter least, in this order; no cell is ever broken over two lines.

/// Between two columns.
const GAP: usize = 2;
/// A name is shortened to no less than this.
const SHORTEST: usize = 10;
/// No limit: a file, or a pipe.
pub const ANY_WIDTH: usize = usize::MAX;

/// A column.
pub(crate) struct Column {
    head: &'static str,
    short: &'static str,
    is_number: bool,
    /// Columns with a higher rank are left out first; those with 0 stay.
    rank: u8,
}

impl Column {
    /// A name or another text. It is shortened where the table is too wide.
    pub(crate) const fn text(head: &'static str, rank: u8) -> Self {
        Self { head, short: head, is_number: false, rank }
    }

    /// A number, or what stands for it. Its head has a short form.
    pub(crate) const fn number(head: &'static str, short: &'static str, rank: u8) -> Self {
        Self { head, short, is_number: true, rank }
    }
}

/// A table.
pub(crate) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// How many columns a text takes, without colours and the addresses of links.
pub(crate) fn visible(text: &str) -> usize {
    let (mut count, mut chars) = (0, text.chars());
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            count += 1;
            continue;
        }
        match chars.next() {
            // An address ends with the escape sequence `\`.
            Some(']') => while chars.next().is_some_and(|c| c != '\\') {},
            _ => while chars.next().is_some_and(|c| c != 'm') {},
        }
    }
    count
}

impl Grid {
    /// A table without rows.
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn cell(row: &[String], column: usize) -> &str {
        row.get(column).map_or("", String::as_str)
    }

    fn is_empty(&self, column: usize) -> bool {
        self.rows.iter().all(|row| matches!(Self::cell(row, column), "" | "0" | "·" | "–"))
    }

    fn head(&self, column: usize, short: bool) -> &'static str {
        self.columns.get(column).map_or("", |of| if short { of.short } else { of.head })
    }

    fn rank(&self, column: usize) -> u8 {
        self.columns.get(column).map_or(0, |of| of.rank)
    }

    fn widths(&self, shown: &[usize], short: bool) -> Vec<usize> {
        let width = |column: &usize| {
            let cells = self.rows.iter().map(|row| visible(Self::cell(row, *column)));
            cells.max().unwrap_or(0).max(visible(self.head(*column, short)))
        };
        shown.iter().map(width).collect()
    }

    /// The lines of the table, its head first, each no wider than `width` where that is possible at all.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let mut short = false;
        let mut widths = self.widths(&shown, short);
        if total(&widths) > width {
            shown.retain(|column| self.rank(*column) == 0 || !self.is_empty(*column));
            widths = self.widths(&shown, short);
        }
        if total(&widths) > width {
            short = true;
            widths = self.widths(&shown, short);
        }
        let mut left_out = Vec::new();
        loop {
            let mut over = total(&widths).saturating_sub(width);
            if over == 0 {
                break;
            }
            // Names give way first, the widest one most.
            for (column, wide) in shown.iter().zip(&mut widths) {
                let is_name = self.columns.get(*column).is_some_and(|of| !of.is_number);
                if is_name && *wide > SHORTEST {
                    let less = over.min(*wide - SHORTEST);
                    *wide -= less;
                    over -= less;
                }
            }
            let least = shown.iter().copied().max_by_key(|column| self.rank(*column));
            match least.filter(|column| over > 0 && self.rank(*column) > 0) {
                Some(least) => {
                    shown.retain(|column| *column != least);
                    left_out.push(self.head(least, false));
                    widths = self.widths(&shown, short);
                }
                None => break,
            }
        }
        let line = |cell: &dyn Fn(usize) -> String| {
            let cells = shown.iter().zip(&widths).map(|(column, wide)| {
                let text = elided(&cell(*column), *wide);
                let pad = " ".repeat(wide.saturating_sub(visible(&text)));
                let is_number = self.columns.get(*column).is_some_and(|of| of.is_number);
                if is_number { format!("{pad}{text}") } else { format!("{text}{pad}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![line(&|column| self.head(column, short).to_owned())];
        lines.extend(self.rows.iter().map(|row| line(&|column| Self::cell(row, column).to_owned())));
        if !left_out.is_empty() {
            left_out.sort_unstable();
            lines.extend(
                wrapped(&format!("(too narrow for: {})", left_out.join(", ")), width).lines().map(str::to_owned),
            );
        }
        lines
    }
}

/// A text that is cut where it is too long, with a mark.
fn elided(text: &str, width: usize) -> String {
    if visible(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// The text with lines no longer than `width`: a line that is longer is broken between words and goes on further to the right. A word
/// that is longer by itself stays whole.
pub fn wrapped(text: &str, width: usize) -> String {
    if width == ANY_WIDTH {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if visible(line) <= width {
            out.push_str(line);
        } else {
            let indent = (line.len() - line.trim_start().len() + 2).min(width / 3);
            let mut used = 0;
            for (n, word) in line.split(' ').enumerate() {
                let long = visible(word);
                if n > 0 && used + 1 + long > width && used > indent {
                    out.push('\n');
                    out.push_str(&" ".repeat(indent));
                    used = indent;
                } else if n > 0 {
                    out.push(' ');
                    used += 1;
                }
                out.push_str(word);
                used += long;
            }
        }
        out.push_str(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec![
            Column::text("owner", 0),
            Column::number("critical", "crit", 3),
            Column::number("load balancers", "LBs", 0),
            Column::text("remark", 9),
        ]);
        grid.row(["a team with a very long name".to_owned(), "0".to_owned(), "12".to_owned(), "fine".to_owned()]);
        grid
    }

    #[test]
    fn a_table_gives_way_in_its_order_and_breaks_no_word() {
        assert_eq!(grid().lines(ANY_WIDTH)[0], "owner                         critical  load balancers  remark");
        assert_eq!(grid().lines(52)[0], "owner                         load balancers  remark");
        assert_eq!(grid().lines(45)[0], "owner                         LBs  remark");
        assert_eq!(grid().lines(30), ["owner              LBs  remark", "a team with a ve…   12  fine"]);
        let narrow = grid().lines(18);
        assert_eq!(narrow[1], "a team with…    12", "{narrow:?}");
        assert!(narrow.iter().all(|line| visible(line) <= 18 || line.contains("too narrow")), "{narrow:?}");
    }

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(wrapped("  one two three four\nshort\n", 12), "  one two\n    three\n    four\nshort\n");
        assert_eq!(wrapped("abcdefghijklmnop", 5), "abcdefghijklmnop", "a word stays whole");
        assert_eq!(wrapped("\u{1b}[1mab\u{1b}[0m cd", 5), "\u{1b}[1mab\u{1b}[0m cd", "colours take no room");
        let linked = "\u{1b}]8;;https://x.example/m\u{1b}\\ab\u{1b}]8;;\u{1b}\\ cd";
        assert_eq!((visible(linked), wrapped(linked, 5)), (5, linked.to_owned()), "addresses take no room");
    }
}
