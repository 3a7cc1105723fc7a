//! Text that the engine writes for rustc, and where in the user's cells each part of it comes from.

use std::ops::Range;
use std::sync::Arc;

/// The code of a cell: its text with the directives blanked out, so that offsets in it are offsets in the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CellText {
    /// What messages call the cell.
    pub(super) name: String,
    /// The cell's text as the user sees it.
    pub(super) shown: Arc<str>,
    /// The same without directives.
    pub(super) code: Arc<str>,
}

/// A generated source file.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    text: String,
    pieces: Vec<Piece>,
    marks: Vec<Mark>,
}

/// A part of a generated file that stands for a part of a cell.
#[derive(Debug, Clone)]
struct Piece {
    generated: Range<usize>,
    cell: Arc<CellText>,
    original: Range<usize>,
}

/// A part of a generated file that the engine wrote on behalf of a variable.
#[derive(Debug, Clone)]
struct Mark {
    generated: Range<usize>,
    purpose: Purpose,
}

/// What a generated part is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// It takes this variable out of the session.
    Take(String),
    /// It stores this variable.
    Store(String),
    /// It drops this variable, which cannot be kept.
    Drop(String),
    /// It shows the value of the last expression.
    Show,
    /// It brings this name into scope.
    Import(String),
}

/// A place in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cell: Arc<CellText>,
    pub(super) span: Range<usize>,
}

impl Source {
    /// Adds text of the engine's own.
    pub(super) fn own(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds text of the engine's own that is there for a purpose.
    pub(super) fn marked(&mut self, purpose: Purpose, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.marks.push(Mark { generated: start..self.text.len(), purpose });
    }

    /// Adds line breaks until a part of a cell would stand in the line in which it stands in the cell; none if the text
    /// is already further down.
    pub(super) fn align(&mut self, cell: &CellText, at: usize) {
        let lines = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
        let missing = lines(&cell.code[..at]).saturating_sub(lines(&self.text));
        self.text.extend(std::iter::repeat_n('\n', missing));
    }

    /// Adds a part of a cell, as it stands there.
    pub(super) fn cell(&mut self, cell: &Arc<CellText>, span: Range<usize>) {
        let start = self.text.len();
        self.text.push_str(&cell.code[span.clone()]);
        self.pieces.push(Piece { generated: start..self.text.len(), cell: Arc::clone(cell), original: span });
    }

    /// Adds a part of a cell with a text inserted at some places of the cell.
    pub(super) fn cell_with(&mut self, cell: &Arc<CellText>, span: Range<usize>, places: &[usize], text: &str) {
        let mut at = span.start;
        for place in places.iter().filter(|place| span.contains(place)) {
            self.cell(cell, at..*place);
            self.own(text);
            at = *place;
        }
        self.cell(cell, at..span.end);
    }

    /// Adds other words for a part of a cell: whatever is said of them is said of that part.
    pub(super) fn instead(&mut self, cell: &Arc<CellText>, span: Range<usize>, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.pieces.push(Piece { generated: start..self.text.len(), cell: Arc::clone(cell), original: span });
    }

    /// The cells that parts of the text come from.
    pub(super) fn cells(&self) -> impl Iterator<Item = &Arc<CellText>> {
        self.pieces.iter().map(|piece| &piece.cell)
    }

    /// The whole text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where in a cell a part of the text comes from, if it comes from one.
    pub(super) fn place(&self, span: &Range<usize>) -> Option<Place> {
        let inside = |piece: &&Piece| {
            piece.generated.start < span.end.max(span.start + 1)
                && span.start < piece.generated.end.max(piece.generated.start + 1)
        };
        let first = self.pieces.iter().find(inside)?;
        let last = self.pieces.iter().rev().find(inside).filter(|last| last.cell == first.cell).unwrap_or(first);
        let start = original(first, span.start);
        let end = original_end(last, span.end);
        Some(Place { cell: Arc::clone(&first.cell), span: start..end.max(start) })
    }

    /// The place in a cell of a line and a column (both from 1; the column in characters) of the text.
    pub(super) fn place_of_line(&self, line: u32, column: u32) -> Option<Place> {
        let start = self.text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum::<usize>();
        let rest = self.text.get(start..)?;
        let offset = rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at);
        let at = start + offset;
        self.place(&(at..at)).or_else(|| {
            // A bracket of the engine's stands before what the user wrote.
            let next = self.pieces.iter().map(|piece| piece.generated.start).filter(|start| *start > at).min()?;
            (!self.text[at..next].contains('\n')).then(|| self.place(&(next..next)))?
        })
    }

    /// What the engine wrote this part of the text for.
    pub(super) fn purpose(&self, span: &Range<usize>) -> Option<&Purpose> {
        let overlaps = |mark: &&Mark| mark.generated.start < span.end && span.start < mark.generated.end;
        self.marks.iter().find(overlaps).map(|mark| &mark.purpose)
    }
}

fn original(piece: &Piece, at: usize) -> usize {
    if piece.generated.len() != piece.original.len() {
        return piece.original.start;
    }
    piece.original.start + at.saturating_sub(piece.generated.start).min(piece.original.len())
}

fn original_end(piece: &Piece, at: usize) -> usize {
    if piece.generated.len() != piece.original.len() {
        return piece.original.end;
    }
    piece.original.start + at.saturating_sub(piece.generated.start).min(piece.original.len())
}

/// The line and the column of an offset, both from 1, the column in characters.
pub(super) fn line_column(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}
