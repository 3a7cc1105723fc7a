//! A notebook: its cells, its metadata, and the text around them.

use serde_json::{Map, Value};

use crate::Cell;
use crate::style::Style;

/// A notebook.
///
/// It is kept as the text of its file, cut at the cells; a change replaces only the bytes of the value that is
/// changed. So a notebook that is read and written back is the same file, byte for byte.
#[derive(Debug, Clone)]
pub struct Notebook {
    pub(crate) version: (u32, u32),
    pub(crate) metadata: Map<String, Value>,
    pub(crate) cells: Vec<Cell>,
    /// The text before the first cell, between two cells, and after the last: one more than there are cells.
    pub(crate) around: Vec<String>,
    pub(crate) style: Style,
    /// The file of an older version, as long as nothing is changed; the texts are its upgraded form.
    pub(crate) original: Option<String>,
}

impl Notebook {
    /// The cells in order.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The metadata of the whole notebook.
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// The language of its code cells: what the kernel's specification says, else what the kernel said of itself.
    pub fn language(&self) -> Option<&str> {
        self.named("kernelspec", "language").or_else(|| self.named("language_info", "name"))
    }

    /// The name of the kernel that it is run with.
    pub fn kernel_name(&self) -> Option<&str> {
        self.named("kernelspec", "name")
    }

    /// Major and minor version of nbformat; of an upgraded notebook, the version it was upgraded to.
    pub fn nbformat(&self) -> (u32, u32) {
        self.version
    }

    /// The text of the file: the very bytes that were read, where nothing was changed.
    pub fn to_text(&self) -> String {
        if let Some(original) = &self.original {
            return original.clone();
        }
        let length = self.cells.iter().map(|cell| cell.text.len()).sum::<usize>()
            + self.around.iter().map(String::len).sum::<usize>();
        let mut text = String::with_capacity(length);
        for (index, around) in self.around.iter().enumerate() {
            text.push_str(around);
            if let Some(cell) = self.cells.get(index) {
                text.push_str(&cell.text);
            }
        }
        text
    }

    fn named(&self, object: &str, name: &str) -> Option<&str> {
        self.metadata.get(object)?.get(name)?.as_str()
    }
}
