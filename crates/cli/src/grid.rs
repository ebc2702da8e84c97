//! Tables on a terminal, where a Chinese character is two cells wide.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::clean::clean;

/// Spaces between columns.
const GAP: usize = 2;

/// What stands for an empty cell.
pub const EMPTY: &str = "—";

/// A table to be shown as text.
pub struct Grid {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    cell_width_max: Option<usize>,
}

impl Grid {
    /// A table without rows.
    pub fn new<T: Into<String>>(headings: impl IntoIterator<Item = T>) -> Grid {
        let headings = headings.into_iter().map(Into::into).collect();
        Grid { headings, rows: Vec::new(), cell_width_max: None }
    }

    /// Cuts cells that are wider; nothing is cut without it.
    pub fn cut_at(mut self, cell_width_max: Option<usize>) -> Grid {
        self.cell_width_max = cell_width_max;
        self
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table, each line with its end.
    pub fn render(&self) -> String {
        let mut lines = vec![self.cells(&self.headings)];
        lines.extend(self.rows.iter().map(|row| self.cells(row)));
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| width(cell)).max();
        let widths: Vec<usize> = (0..columns).map(|at| width_of(at).unwrap_or(0)).collect();
        let ruler = widths.iter().map(|width| "─".repeat(*width)).collect();
        lines.insert(1, ruler);
        lines.iter().map(|line| render_line(line, &widths)).collect()
    }

    fn cells(&self, row: &[String]) -> Vec<String> {
        row.iter().map(|cell| self.cell(cell)).collect()
    }

    fn cell(&self, text: &str) -> String {
        let text = clean(text);
        match self.cell_width_max {
            _ if text.trim().is_empty() => EMPTY.to_owned(),
            Some(max) => cut(&text, max),
            None => text,
        }
    }
}

fn render_line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, column_width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(column_width - width(cell) + GAP));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// How many cells of a terminal a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its beginning and "…" when it takes more than `max` cells.
pub fn cut(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |letter: &char| {
        used += letter.width().unwrap_or(0);
        used <= max
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let mut grid = Grid::new(["名称", "数"]);
        grid.row(["东城街道", "12"]);
        grid.row(["ab", ""]);
        assert_eq!(grid.render(), "名称      数\n────────  ──\n东城街道  12\nab        —\n");
    }

    #[test]
    fn a_cell_cannot_break_the_table() {
        let mut grid = Grid::new(["名称"]);
        grid.row(["一\n二\u{1b}[2J"]);
        assert_eq!(grid.render(), "名称\n─────\n一 二\n");
    }

    #[test]
    fn wide_texts_are_cut_between_characters() {
        for (text, max, shown) in [
            ("东城街道", 8, "东城街道"),
            ("东城街道", 7, "东城街…"),
            ("东城街道", 6, "东城…"),
            ("abc", 2, "a…"),
            ("", 1, ""),
        ] {
            assert_eq!(cut(text, max), shown, "{text} {max}");
            assert!(width(&cut(text, max)) <= max);
        }
    }
}
