//! Tables of plain text.

use super::paint::Paint;
use super::text::columns;

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A table. Cells must be free of control characters; a painted cell is given with its plain text.
#[derive(Debug)]
pub struct Table {
    heads: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

/// What stands in a cell.
#[derive(Debug, Clone)]
pub struct Cell {
    plain: String,
    painted: String,
}

impl Cell {
    /// A text in colours, and the same without.
    pub fn painted(plain: impl Into<String>, painted: impl Into<String>) -> Self {
        Self { plain: plain.into(), painted: painted.into() }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { plain: text.clone(), painted: text }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Table {
    /// A table with these columns.
    pub fn new(heads: &[(&'static str, Align)]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines, each behind `indent` and ended by a newline.
    pub fn draw(&self, indent: &str, paint: Paint) -> String {
        let widths: Vec<usize> = self
            .heads
            .iter()
            .enumerate()
            .map(|(i, (head, _))| {
                let widest = self.rows.iter().filter_map(|row| row.get(i)).map(|cell| columns(&cell.plain)).max();
                widest.unwrap_or(0).max(columns(head))
            })
            .collect();
        let heads: Vec<Cell> = self.heads.iter().map(|(head, _)| Cell::painted(*head, paint.dim(head))).collect();
        let mut out = String::new();
        for row in std::iter::once(&heads).chain(&self.rows) {
            let mut line = indent.to_owned();
            let mut pending = 0;
            for ((cell, (_, align)), width) in row.iter().zip(&self.heads).zip(&widths) {
                let space = width.saturating_sub(columns(&cell.plain));
                let (before, after) = match align {
                    Align::Left => (0, space),
                    Align::Right => (space, 0),
                };
                // Spaces are written only before something, so that no line ends in them.
                if !cell.plain.is_empty() {
                    line.push_str(&" ".repeat(pending + before));
                    line.push_str(&cell.painted);
                    pending = after + 2;
                } else {
                    pending += width + 2;
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(&[("STEP", Align::Left), ("TIME", Align::Right), ("NOTE", Align::Left)]);
        table.row(vec!["日本".into(), "1 s".into(), "".into()]);
        table.row(vec!["a".into(), "".into(), Cell::painted("x", "\x1b[1mx\x1b[0m")]);
        assert_eq!(
            table.draw("  ", Paint::new(false)),
            "  STEP  TIME  NOTE\n  日本   1 s\n  a           \x1b[1mx\x1b[0m\n"
        );
    }
}
