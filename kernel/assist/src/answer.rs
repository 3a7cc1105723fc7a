//! What a front end gets for its questions. All places are bytes of the cell's source.

use serde::{Deserialize, Serialize};

/// What could stand at a place of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Completions {
    /// Where the text begins that any of them replaces.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The likeliest first.
    pub items: Vec<Completion>,
}

/// One thing that could stand there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The text to be inserted, as it is.
    pub insert: String,
    /// What a list shows.
    pub label: String,
    /// `function`, `method`, `field`, `variable`, `module`, `struct`, `enum`, `variant`, `union`, `trait`, `type`,
    /// `constant`, `static`, `macro`, `attribute`, `lifetime`, `keyword` or `text`.
    pub kind: String,
    /// Its signature or type.
    pub detail: Option<String>,
    /// The first paragraph of its documentation.
    pub documentation: Option<String>,
    /// Whether it should no longer be used.
    pub deprecated: bool,
}

/// What is known of the thing at a place of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inspection {
    /// For front ends that render Markdown.
    pub markdown: String,
    /// The same for the others.
    pub plain: String,
}

/// A mistake in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How bad it is.
    pub severity: Severity,
    /// rustc's code (`E0308`), or rust-analyzer's name for it.
    pub code: String,
    /// What is wrong.
    pub message: String,
}

/// How bad a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The cell would not compile.
    Error,
    /// It would.
    Warning,
}
