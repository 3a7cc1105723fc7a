//! From a place in the program back to the cell where it was written.

/// A run of lines of the program's `src/main.rs` that stand in a cell word for word, columns included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLines {
    /// The first line in the program, from 1.
    pub first: u32,
    /// How many lines.
    pub lines: u32,
    /// The cell, from 1; all kinds of cells count.
    pub cell: u32,
    /// The first line in the cell, from 1.
    pub cell_line: u32,
}

/// A place in a notebook; all from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub cell: u32,
    pub line: u32,
    pub column: u32,
}

/// The cell, line and column of a place in a source file; none where it is not a cell's.
pub(crate) fn find(map: &[SourceLines], file: &str, line: u32, column: u32) -> Option<Place> {
    if !is_program(file) {
        return None;
    }
    let after = map.partition_point(|lines| lines.first <= line);
    let lines = map.get(after.checked_sub(1)?)?;
    let offset = line - lines.first;
    (offset < lines.lines).then(|| Place { cell: lines.cell, line: lines.cell_line + offset, column })
}

/// Whether a source file is the generated one.
fn is_program(file: &str) -> bool {
    let file = file.replace('\\', "/");
    file == "src/main.rs" || file.ends_with("/src/main.rs")
}

/// The topmost frame of a printed backtrace that lies in a cell.
pub(crate) fn find_in_backtrace(map: &[SourceLines], backtrace: &str) -> Option<Place> {
    backtrace.lines().find_map(|text| {
        let place = text.trim().strip_prefix("at ")?;
        let (rest, column) = place.rsplit_once(':')?;
        let (file, line) = rest.rsplit_once(':')?;
        find(map, file, line.parse().ok()?, column.parse().ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &[SourceLines] = &[
        SourceLines { first: 10, lines: 3, cell: 2, cell_line: 1 },
        SourceLines { first: 20, lines: 1, cell: 5, cell_line: 4 },
    ];

    #[test]
    fn a_line_of_a_cell_is_found_and_a_line_between_cells_is_not() {
        let find = |line| find(MAP, "/cache/program/src/main.rs", line, 7).map(|place| (place.cell, place.line));
        assert_eq!(find(9), None);
        assert_eq!(find(10), Some((2, 1)));
        assert_eq!(find(12), Some((2, 3)));
        assert_eq!(find(13), None);
        assert_eq!(find(20), Some((5, 4)));
        assert_eq!(find(21), None);
    }

    #[test]
    fn other_files_are_no_cells() {
        assert_eq!(find(MAP, "src/notmain.rs", 10, 1), None);
        assert_eq!(find(MAP, "othersrc/main.rs", 10, 1), None);
        assert!(find(MAP, "src/main.rs", 10, 1).is_some());
    }

    #[test]
    fn a_backtrace_names_its_topmost_cell() {
        let text = "   0: core::panicking\n             at /rustc/library/core/src/panicking.rs:10:14\n   \
                    1: program::run\n             at ./src/main.rs:11:5\n   2: x\n             at ./src/main.rs:20:1";
        assert_eq!(find_in_backtrace(MAP, text), Some(Place { cell: 2, line: 2, column: 5 }));
    }
}
