//! Jupyter notebooks: reading, writing, cells, kernel commands, and positions in them.

mod position;

pub use position::{CellSpan, LineColumn};

/// A notebook.
#[derive(Debug, Clone)]
pub struct Notebook {
    cells: Vec<Cell>,
}

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// Code.
    Code,
    /// Text.
    Markdown,
    /// Neither.
    Raw,
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What it is.
    pub kind: CellKind,
    /// Its text.
    pub source: String,
    /// Its tags that are strings.
    pub tags: Vec<String>,
    /// All of its metadata.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

impl Notebook {
    /// The cells in order.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }
}
