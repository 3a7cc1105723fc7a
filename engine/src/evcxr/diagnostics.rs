//! Draws what evcxr found at the lines of the user's cell.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::wire::{Finding, Place};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::engine::Cell;

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
    diagnostic.rendered = render(&diagnostic, cell);
    diagnostic
}

/// `cell 3`, but a name that is no number stands alone.
pub(super) fn cell_title(name: &str) -> String {
    let number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    if number { format!("cell {name}") } else { name.to_owned() }
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

fn render(diagnostic: &Diagnostic, cell: &Cell) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(diagnostic.message.as_str());
    if let Some(code) = diagnostic.code.as_deref().filter(|code| code.starts_with('E')) {
        title = title.id(code);
    }
    let mut group = Group::with_title(title);
    if !diagnostic.spans.is_empty() {
        let mut snippet = Snippet::source(cell.source.as_str()).path(cell_title(&cell.name)).fold(true);
        for span in &diagnostic.spans {
            let kind = if span.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            snippet = snippet.annotation(kind.span(span.start..span.end).label(span.label.as_deref()));
        }
        group = group.element(snippet);
    }
    for note in &diagnostic.notes {
        let (level, text) = match note.split_once(": ") {
            Some(("help", text)) => (Level::HELP, text),
            Some(("note", text)) => (Level::NOTE, text),
            _ => (Level::NOTE, note.as_str()),
        };
        group = group.element(level.message(text));
    }
    let mut rendered = Renderer::styled().render(&[group]);
    rendered.push('\n');
    rendered
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
