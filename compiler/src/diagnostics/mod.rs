//! What the compiler has to say about a notebook: a code, a sentence, the cell, and what to do.

mod explain;

use oxikale_notebook::{CellSpan, LineColumn, Notebook};
use serde::Serialize;

pub use explain::{codes, explain, title};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something was done that the user may want to know.
    Note,
    /// The pipeline works, but perhaps not as meant.
    Warning,
    /// There is no pipeline until this is mended.
    Error,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// `OX301`, explained by `oxikale explain OX301`; for what rustc said, `OX501`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// Where; the first is the main place. Empty for what concerns the whole notebook.
    pub labels: Vec<Label>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// rustc's own code (`E0382`), where the finding is rustc's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rustc: Option<String>,
}

/// A place that a diagnostic speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The place.
    pub span: CellSpan,
    /// What is to be said of it; may be empty.
    pub text: String,
}

impl Diagnostic {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity, message: message.into(), labels: Vec::new(), help: None, rustc: None }
    }

    /// There is no pipeline until this is mended.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// The pipeline works, but perhaps not as meant.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Something was done that the user may want to know.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Adds a place, the main one first.
    #[must_use]
    pub fn at(mut self, span: CellSpan, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where it is, as people count: cell (from 1, all kinds of cells counted), line and column.
    pub fn position(&self, notebook: &Notebook) -> Option<(usize, LineColumn)> {
        let span = self.labels.first()?.span;
        let source = &notebook.cells().get(span.cell)?.source;
        Some((span.cell + 1, LineColumn::of(source, span.start)))
    }
}
