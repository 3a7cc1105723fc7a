//! What a user is told of a cell that failed.

use super::diagnostics::{cell_title, diagnostic};
use super::wire::{Exit, Failure, Finding};
use crate::diagnostic::Diagnostic;
use crate::engine::Cell;
use crate::event::{CellError, ErrorKind, Frame};

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[1;34m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// An error without a place in the cell.
pub(super) fn plain(kind: ErrorKind, name: &str, message: &str) -> CellError {
    let title = if kind == ErrorKind::Panic { "panic" } else { "error" };
    CellError {
        kind,
        name: name.to_owned(),
        message: message.to_owned(),
        diagnostics: Vec::new(),
        backtrace: Vec::new(),
        rendered: format!("{RED}{title}{PLAIN}{BOLD}: {message}{PLAIN}\n"),
    }
}

pub(super) fn interrupted() -> CellError {
    plain(ErrorKind::Interrupted, "interrupted", "the cell was interrupted")
}

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
    let signal = match exit {
        Exit::Code(code) => {
            let message = format!("the cell ended its process with exit code {code}");
            return plain(ErrorKind::Crash, "exit", &message);
        }
        Exit::Signal(signal) => signal,
    };
    let name = [
        ("SIGHUP", 1),
        ("SIGINT", 2),
        ("SIGILL", 4),
        ("SIGTRAP", 5),
        ("SIGABRT", 6),
        ("SIGFPE", 8),
        ("SIGKILL", 9),
        ("SIGSEGV", 11),
        ("SIGPIPE", 13),
        ("SIGALRM", 14),
        ("SIGTERM", 15),
        ("SIGBUS", rustix::process::Signal::BUS.as_raw()),
    ]
    .into_iter()
    .find(|(_, number)| *number == signal)
    .map_or("signal", |(name, _)| name);
    let what = match name {
        "SIGSEGV" | "SIGBUS" => {
            "the cell crashed: it touched memory that is not its own, or its stack was full (endless recursion?)"
        }
        "SIGABRT" => "the cell aborted: `std::process::abort`, a stack overflow, or a panic while panicking",
        "SIGKILL" => "the cell was killed from outside, perhaps because the machine has no memory left",
        "SIGILL" => "the cell came to an illegal instruction",
        "SIGFPE" => "the cell divided by zero in a C library",
        _ => "the cell was ended by a signal",
    };
    plain(ErrorKind::Crash, name, &format!("{what} ({name}, signal {signal})"))
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
