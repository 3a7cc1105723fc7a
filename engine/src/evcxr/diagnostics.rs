//! Draws what evcxr found at the lines of the user's cell.

use std::sync::Arc;

use super::wire::{Finding, Place};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::engine::Cell;
use crate::presentation::draw;

/// A finding as a front end wants it.
pub(super) fn diagnostic(finding: &Finding, cell: &Cell) -> Diagnostic {
    let severity = if finding.warning { Severity::Warning } else { Severity::Error };
    let spans = finding.places.iter().map(|place| span(place, cell)).collect();
    let mut diagnostic = Diagnostic {
        severity,
        code: finding.code.clone(),
        message: finding.message.clone(),
        spans,
        notes: finding.notes.clone(),
        rendered: String::new(),
    };
    diagnostic.rendered = draw(&diagnostic, &|_| Some(Arc::from(cell.source.as_str())));
    diagnostic
}

fn span(place: &Place, cell: &Cell) -> Span {
    let start = offset(&cell.source, place.start);
    Span {
        cell: cell.name.clone(),
        start,
        end: offset(&cell.source, place.end).max(start),
        line: u32::try_from(place.start.0).unwrap_or(u32::MAX),
        column: u32::try_from(place.start.1).unwrap_or(u32::MAX),
        label: Some(place.label.clone()).filter(|label| !label.is_empty()),
        primary: place.primary,
    }
}

/// The byte of a line and a column; the line's end if it is shorter, the text's if there are fewer lines.
fn offset(source: &str, (line, column): (usize, usize)) -> usize {
    let Some(text) = source.split_inclusive('\n').nth(line.saturating_sub(1)) else { return source.len() };
    // Both are parts of one text.
    let start = text.as_ptr() as usize - source.as_ptr() as usize;
    let content = text.trim_end_matches(['\n', '\r']);
    let within = content.char_indices().nth(column.saturating_sub(1)).map_or(content.len(), |(byte, _)| byte);
    start + within
}

#[cfg(test)]
mod tests {
    use super::offset;

    #[test]
    fn places_are_counted_in_characters() {
        let source = "let ä = 1;\r\nlet ö = x;\n";
        assert_eq!(&source[offset(source, (1, 5))..offset(source, (1, 6))], "ä");
        assert_eq!(&source[offset(source, (2, 9))..offset(source, (2, 10))], "x");
        assert_eq!(offset(source, (1, 99)), "let ä = 1;".len());
        assert_eq!(offset(source, (9, 1)), source.len());
    }
}
