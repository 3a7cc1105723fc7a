//! What the compiler says of a cell, at the user's own lines and columns.

/// One finding of the compiler, or of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// rustc's code (`E0382`) or lint (`unused_variables`).
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Where, in cells of the user's.
    pub spans: Vec<Span>,
    /// Notes and helps, each a line or more.
    pub notes: Vec<String>,
    /// The whole as it is shown on a terminal, with ANSI colours.
    pub rendered: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// The cell cannot be run.
    Error,
}

/// A place in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The cell's name.
    pub cell: String,
    /// The first byte of the cell's source that belongs to it.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// The line of `start`, from 1.
    pub line: u32,
    /// The column of `start`, in characters from 1.
    pub column: u32,
    /// What is said of this place.
    pub label: Option<String>,
    /// Whether the finding is about this place, rather than this place explaining it.
    pub primary: bool,
}
