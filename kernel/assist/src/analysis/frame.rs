//! The file that rust-analyzer sees: the items of earlier cells, and a function with the session's variables for
//! parameters, in whose body the cell stands as it is.

use std::fmt::Write;
use std::ops::Range;

use oxikale_engine::Surroundings;
use ra_ap_ide::{TextRange, TextSize};

/// A cell in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Frame {
    pub(super) text: String,
    /// Where the cell stands in it.
    cell: Range<usize>,
}

impl Frame {
    /// Puts a cell into its surroundings.
    pub(super) fn new(surroundings: &Surroundings, cell: &str) -> Self {
        let mut text = String::new();
        for item in &surroundings.items {
            text.push_str(&item.source);
            text.push('\n');
        }
        // Where nothing is awaited, rust-analyzer knows more of a function that is not `async`.
        text.push_str(if cell.contains("await") { "async fn " } else { "fn " });
        text.push_str("oxikale_cell(");
        for variable in &surroundings.variables {
            let mutable = if variable.mutable { "mut " } else { "" };
            // It cannot fail.
            _ = write!(text, "{mutable}{}: {}, ", variable.name, writable(&variable.type_name));
        }
        // The cell's value may be of any type, and so may what `return` returns.
        text.push_str(") {\n({\n");
        let start = text.len();
        text.push_str(cell);
        let cell = start..text.len();
        text.push_str("\n});\n}\n");
        Self { text, cell }
    }

    /// A place of the cell in the file.
    pub(super) fn in_file(&self, offset: usize) -> TextSize {
        let at = (self.cell.start + offset).min(self.cell.end);
        TextSize::new(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// A part of the file in the cell; none if it reaches out of it.
    pub(super) fn in_cell(&self, range: TextRange) -> Option<Range<usize>> {
        let (start, end) = (usize::from(range.start()), usize::from(range.end()));
        let inside = self.cell.start <= start && end <= self.cell.end;
        inside.then(|| start - self.cell.start..end - self.cell.start)
    }

    /// The cell's own text.
    pub(super) fn cell(&self) -> &str {
        &self.text[self.cell.clone()]
    }
}

/// A type as it may stand in code; `_`, which is any type, where it has no name.
fn writable(type_name: &str) -> &str {
    let nameless = type_name.contains(['{', '}', '@', '#', ';']) && !is_array(type_name);
    if nameless || type_name.trim().is_empty() { "_" } else { type_name }
}

/// Whether the only unusual sign in it is the `;` of `[u8; 4]`.
fn is_array(type_name: &str) -> bool {
    !type_name.contains(['{', '}', '@', '#'])
        && type_name.match_indices(';').all(|(at, _)| {
            let open = type_name[..at].matches('[').count();
            open > type_name[..at].matches(']').count()
        })
}

#[cfg(test)]
mod tests {
    use oxikale_engine::{ItemSource, Surroundings, VariableSource};
    use ra_ap_ide::TextRange;

    use super::{Frame, writable};

    #[test]
    fn a_cell_keeps_its_places() {
        let surroundings = Surroundings {
            items: vec![ItemSource { cell: "1".to_owned(), source: "struct P;".to_owned() }],
            variables: vec![VariableSource { name: "x".to_owned(), type_name: "Vec<P>".to_owned(), mutable: true }],
            ..Surroundings::default()
        };
        let frame = Frame::new(&surroundings, "x.len()");
        assert!(frame.text.contains("mut x: Vec<P>"));
        let (start, end) = (frame.in_file(2), frame.in_file(5));
        assert_eq!(&frame.text[usize::from(start)..usize::from(end)], "len");
        assert_eq!(frame.in_cell(TextRange::new(start, end)), Some(2..5));
        assert_eq!(frame.in_cell(TextRange::new(0.into(), end)), None);
        assert_eq!(frame.cell(), "x.len()");
    }

    #[test]
    fn types_without_a_name_are_left_out() {
        assert_eq!(writable("[u8; 4]"), "[u8; 4]");
        assert_eq!(writable("Vec<{closure@c.rs:1:1}>"), "_");
        assert_eq!(writable("a; b"), "_");
        assert_eq!(writable(""), "_");
    }
}
