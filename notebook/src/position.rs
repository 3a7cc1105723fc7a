//! Where something is in a notebook.

use serde::Serialize;

/// A stretch of the source of one cell, in bytes of [`crate::Cell::source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CellSpan {
    /// Index into [`crate::Notebook::cells`], from 0.
    pub cell: usize,
    /// First byte.
    pub start: usize,
    /// The byte after the last; `start` for a point.
    pub end: usize,
}

/// A line and a column as people count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LineColumn {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl CellSpan {
    /// The bytes `start..end` of cell `cell`.
    pub fn new(cell: usize, start: usize, end: usize) -> Self {
        Self { cell, start, end }
    }
}

impl LineColumn {
    /// Where byte `offset` of `text` is; an offset behind the end is the end, one inside a character is its start.
    pub fn of(text: &str, offset: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}
