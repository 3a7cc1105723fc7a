//! New notebooks.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::edit::source_value;
use crate::style::Style;
use crate::{Cell, CellKind, Notebook, cell};

impl Notebook {
    /// A new notebook of nbformat 4.5, laid out as Jupyter lays it out, from cells (kind, text, tags) and the
    /// metadata of the whole. The cells' ids follow from their places and texts, so the same cells give the same file.
    pub fn new(cells: Vec<(CellKind, String, Vec<String>)>, metadata: Map<String, Value>) -> Self {
        let style = Style::jupyter();
        let mut ids = Ids::default();
        let cells: Vec<Cell> = cells
            .into_iter()
            .map(|(kind, source, tags)| {
                let mut metadata = Map::new();
                if !tags.is_empty() {
                    metadata.insert("tags".to_owned(), Value::from(tags));
                }
                let id = ids.next(kind, &source);
                new_cell(&style, Some("  "), Some(id), kind, source, metadata)
            })
            .collect();
        let around = around(&style, cells.len(), &metadata);
        Self { version: (4, 5), metadata, cells, around, style, original: None }
    }
}

/// A cell that was never run. `base` is the indentation of the line on which it will start.
pub(crate) fn new_cell(
    style: &Style,
    base: Option<&str>,
    id: Option<String>,
    kind: CellKind,
    source: String,
    metadata: Map<String, Value>,
) -> Cell {
    let mut members = Map::new();
    members.insert("cell_type".to_owned(), Value::from(kind.name()));
    if kind == CellKind::Code {
        members.insert("execution_count".to_owned(), Value::Null);
    }
    if let Some(id) = &id {
        members.insert("id".to_owned(), Value::from(id.as_str()));
    }
    members.insert("metadata".to_owned(), Value::Object(metadata.clone()));
    if kind == CellKind::Code {
        members.insert("outputs".to_owned(), json!([]));
    }
    members.insert("source".to_owned(), source_value(&source, style.source_as_list));
    let text = style.print(&Value::Object(members), base);
    let (tags, odd_tags) = cell::tags(&metadata);
    Cell { kind, source, tags, odd_tags, metadata, id, execution_count: None, text }
}

/// The text around `count` cells.
fn around(style: &Style, count: usize, metadata: &Map<String, Value>) -> Vec<String> {
    let metadata = style.print(&Value::Object(metadata.clone()), Some(" "));
    let end = format!("],\n \"metadata\": {metadata},\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}}\n");
    let begin = "{\n \"cells\": [";
    if count == 0 {
        return vec![format!("{begin}{end}")];
    }
    let mut around = vec![",\n  ".to_owned(); count + 1];
    around[0] = format!("{begin}\n  ");
    around[count] = format!("\n {end}");
    around
}

/// Cell ids: eight hexadecimal digits, a hash (FNV-1a) of the cell's place, kind and text.
#[derive(Default)]
pub(crate) struct Ids {
    given: HashSet<u32>,
    cells: usize,
}

impl Ids {
    pub(crate) fn next(&mut self, kind: CellKind, source: &str) -> String {
        self.cells += 1;
        let place = self.cells.to_le_bytes();
        let bytes = place.iter().chain(kind.name().as_bytes()).chain(source.as_bytes());
        let mut hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        while !self.given.insert(hash) {
            hash = hash.wrapping_add(1);
        }
        format!("{hash:08x}")
    }
}
