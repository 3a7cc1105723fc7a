//! What a user is told of a cell that failed.

use super::diagnostics::diagnostic;
use super::wire::{Exit, Failure, Finding};
use crate::diagnostic::Diagnostic;
use crate::engine::Cell;
use crate::event::{CellError, ErrorKind, Frame};
use crate::presentation::{self, BLUE, PLAIN, cell_title, failure as plain};

/// The error of a cell that the compiler, or a command, did not accept.
pub(super) fn rejected(findings: &[Finding], cell: &Cell) -> CellError {
    let diagnostics: Vec<Diagnostic> = findings.iter().map(|finding| diagnostic(finding, cell)).collect();
    let first = diagnostics.iter().find(|diagnostic| diagnostic.code.is_some()).or_else(|| diagnostics.first());
    let line = first
        .and_then(|first| first.spans.iter().find(|span| span.primary))
        .and_then(|span| cell.source.lines().nth(span.line.saturating_sub(1) as usize))
        .map_or("", str::trim_start);
    let (kind, name) = match first.and_then(|first| first.code.clone()) {
        Some(code) => (ErrorKind::Compile, code),
        None if line.starts_with(":dep ") => (ErrorKind::Dependency, "dependency".to_owned()),
        None if line.starts_with(':') => (ErrorKind::Directive, "directive".to_owned()),
        None => (ErrorKind::Compile, "error".to_owned()),
    };
    CellError {
        kind,
        name,
        message: first.map(|first| first.message.clone()).unwrap_or_default(),
        rendered: diagnostics.iter().map(|diagnostic| diagnostic.rendered.as_str()).collect(),
        diagnostics,
        backtrace: Vec::new(),
    }
}

/// The error of a cell that evcxr would not run, in evcxr's words.
pub(super) fn refused(message: &str, cell: &Cell) -> CellError {
    let shell = cell.source.lines().any(|line| line.starts_with('!')) && message.contains("hell command");
    plain(if shell { ErrorKind::Error } else { ErrorKind::Compile }, "error", message.trim_end())
}

/// The error of a cell whose code ended early. `line` is the generated line that panicked.
pub(super) fn failed(failure: &Failure, line: Option<&str>, cell: &Cell) -> CellError {
    if !failure.panic {
        return plain(ErrorKind::Error, "error", &format!("`?` met an error: {}", failure.message));
    }
    let mut error = plain(ErrorKind::Panic, "panic", &failure.message);
    let place = failure.place.zip(line).and_then(|((_, column), line)| place_in_cell(line, column, &cell.source));
    if let Some((line, column)) = place {
        let title = cell_title(&cell.name);
        error.rendered.push_str(&format!(" {BLUE}-->{PLAIN} {title}:{line}:{column}\n"));
        error.backtrace.push(Frame { function: String::new(), cell: cell.name.clone(), line, column });
    }
    error
}

/// The error of a cell that ended the process it ran in.
pub(super) fn died(exit: Exit) -> CellError {
    match exit {
        Exit::Code(code) => presentation::exited(code),
        Exit::Signal(signal) => presentation::signalled(signal),
    }
}

/// Where the text of a generated line stands in the cell, if it stands there once.
fn place_in_cell(generated: &str, column: usize, source: &str) -> Option<(u32, u32)> {
    let text = generated.trim();
    let mut found = source.lines().enumerate().filter(|(_, line)| line.trim() == text && !text.is_empty());
    let (index, line) = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let indent = |line: &str| line.chars().take_while(|character| character.is_whitespace()).count();
    let column = (column + indent(line)).saturating_sub(indent(generated));
    Some((u32::try_from(index + 1).ok()?, u32::try_from(column).ok()?))
}

#[cfg(test)]
mod tests {
    use super::place_in_cell;

    #[test]
    fn a_generated_line_is_found_in_the_cell() {
        let source = "let a = 1;\n    none.unwrap();\nf();\nf();";
        assert_eq!(place_in_cell("none.unwrap();", 6, source), Some((2, 10)));
        assert_eq!(place_in_cell("    none.unwrap();\n", 10, source), Some((2, 10)));
        assert_eq!(place_in_cell("f();", 1, source), None);
        assert_eq!(place_in_cell("g();", 1, source), None);
        assert_eq!(place_in_cell("", 1, "\na"), None);
    }
}
