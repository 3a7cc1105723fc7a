//! The text of the step program with, for every line, where in the notebook it comes from.

use std::collections::BTreeMap;
use std::ops::Range;

use oxikale_notebook::CellSpan;

/// Why a line that stands in no cell was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A step hands a variable on.
    Save {
        /// The step's name.
        step: String,
        /// The variable.
        variable: String,
        /// Where the step defines or changes it.
        span: CellSpan,
        /// The steps that take it.
        takers: Vec<String>,
        /// Whether the text leaves open that the step changes it at all.
        uncertain: bool,
    },
    /// A step takes a variable.
    Load {
        /// The step's name.
        step: String,
        /// The variable.
        variable: String,
        /// Where the step uses it first.
        span: CellSpan,
    },
    /// A parameter gets its value.
    Parameter {
        /// Its name.
        name: String,
        /// Where it is defined.
        span: CellSpan,
    },
    /// A variable is logged as a metric.
    Metric {
        /// Its name.
        name: String,
        /// Where it is named.
        span: CellSpan,
    },
    /// A type is given serde's derives.
    Derive {
        /// The type.
        name: String,
        /// Where it is defined.
        span: CellSpan,
    },
    /// The display of a cell's last expression.
    Show {
        /// The expression.
        span: CellSpan,
    },
}

/// Lines of the program that are lines of a cell, columns and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLines {
    /// The first line in the program, from 1.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// The cell's index, from 0.
    pub cell: usize,
    /// The first line in the cell, from 1.
    pub cell_line: u32,
}

/// Where each line comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMap {
    /// Lines out of cells, in ascending order.
    pub lines: Vec<SourceLines>,
    /// Other lines that concern a place in the notebook.
    pub origins: BTreeMap<u32, Origin>,
}

impl SourceMap {
    /// The cell and its line (from 1) that line `line` (from 1) of the program shows.
    pub fn cell_line(&self, line: u32) -> Option<(usize, u32)> {
        let at = self.lines.partition_point(|lines| lines.first <= line).checked_sub(1)?;
        let lines = self.lines.get(at)?;
        (line < lines.first + lines.count).then(|| (lines.cell, lines.cell_line + (line - lines.first)))
    }
}

/// Writes the program.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) text: String,
    pub(super) map: SourceMap,
    newlines: u32,
}

impl Writer {
    /// The line that is being written, from 1.
    pub(super) fn line(&self) -> u32 {
        self.newlines + 1
    }

    /// Text of our own.
    pub(super) fn push(&mut self, text: &str) {
        self.newlines += u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX);
        self.text.push_str(text);
    }

    /// A line of our own that concerns a place in the notebook.
    pub(super) fn line_of(&mut self, origin: Origin, text: &str) {
        self.fresh_line();
        self.map.origins.insert(self.line(), origin);
        self.push(text);
        self.push("\n");
    }

    /// The bytes `range` of a cell, on lines of their own, with the columns that they have there.
    pub(super) fn verbatim(&mut self, cell: usize, code: &str, range: Range<usize>) {
        self.fresh_line();
        let before = &code[..range.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count();
        let text = &code[range];
        self.map.lines.push(SourceLines {
            first: self.line(),
            count: u32::try_from(text.matches('\n').count() + 1).unwrap_or(u32::MAX),
            cell,
            cell_line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
        });
        self.push(&" ".repeat(column));
        self.push(text);
        self.push("\n");
    }

    fn fresh_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push("\n");
        }
    }
}
