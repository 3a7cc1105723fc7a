//! What a user is told when a cell fails for another reason than the compiler's.

use std::fmt::{self, Write};

use super::compile::Failed;
use super::names;
use super::source::line_column;
use super::sources::Sources;
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::{CellError, ErrorKind, Frame};
use crate::host::Ended;
use crate::presentation::{self, BLUE, BOLD, PLAIN, RED, cell_title, failure as plain};

/// A finding without a place in a cell.
pub(super) fn diagnostic(message: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: None,
        message: message.to_owned(),
        spans: Vec::new(),
        notes: Vec::new(),
        rendered: format!("{RED}error{PLAIN}{BOLD}: {message}{PLAIN}\n"),
    }
}

/// The error of a cell that rustc did not accept.
pub(super) fn rejected(diagnostics: Vec<Diagnostic>) -> CellError {
    let first = diagnostics.first();
    CellError {
        kind: ErrorKind::Compile,
        name: first.and_then(|first| first.code.clone()).unwrap_or_else(|| "error".to_owned()),
        message: first.map(|first| first.message.clone()).unwrap_or_default(),
        rendered: diagnostics.iter().map(|diagnostic| diagnostic.rendered.as_str()).collect(),
        diagnostics,
        backtrace: Vec::new(),
    }
}

/// The error of a cell that did not run to its end.
pub(super) fn of_run(ended: &Ended, sources: &Sources) -> CellError {
    match ended {
        Ended::Finished => plain(ErrorKind::Internal, "internal", "the cell ended well, but was taken for a failure"),
        Ended::Failed(failure) => {
            let type_name = names::clean(&failure.type_name);
            let message = if failure.debug.is_empty() {
                failure.message.clone()
            } else {
                format!("`?` met an error: {}", failure.message)
            };
            let mut error = plain(ErrorKind::Error, short_name(&type_name), &message);
            if type_name != "Option" {
                _ = writeln!(error.rendered, "  {BLUE}={PLAIN} of type {type_name}");
            }
            error
        }
        Ended::Panicked(panic) => panicked(panic, sources),
        Ended::Exited(code) => presentation::exited(*code),
        Ended::Signalled { signal, .. } => presentation::signalled(*signal),
        Ended::StackOverflow => plain(
            ErrorKind::Crash,
            "stack overflow",
            "the cell's stack overflowed: a function calls itself without end, or a local variable is very large (put it \
             in a Box or a Vec)",
        ),
        Ended::MemoryLimit { limit, used } => plain(
            ErrorKind::Crash,
            "out of memory",
            &format!(
                "the cell was ended because it took {} of memory; the limit is {}",
                human_bytes(*used),
                human_bytes(*limit)
            ),
        ),
        Ended::Interrupted => presentation::interrupted(),
        Ended::Lost(reason) => {
            plain(ErrorKind::Crash, "lost", &format!("the process that ran the cell is gone: {reason}"))
        }
    }
}

fn panicked(panic: &crate::host::Panic, sources: &Sources) -> CellError {
    let mut error = plain(ErrorKind::Panic, "panic", &panic.message);
    let place = |file: &str, line: u32, column: u32| {
        let place = sources.place(file, line, column)?;
        let (line, column) = line_column(&place.cell.shown, place.span.start);
        Some((place.cell, line, column))
    };
    match place(&panic.file, panic.line, panic.column) {
        Some((cell, line, column)) => {
            let text = cell.shown.lines().nth(line as usize - 1).unwrap_or_default();
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            let blanks: String =
                text.chars().take(column as usize - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            _ = writeln!(error.rendered, "{margin}{BLUE}-->{PLAIN} {}:{line}:{column}", cell_title(&cell.name));
            _ = writeln!(error.rendered, "{margin} {BLUE}|{PLAIN}");
            _ = writeln!(error.rendered, "{BLUE}{number} |{PLAIN} {text}");
            _ = writeln!(error.rendered, "{margin} {BLUE}|{PLAIN} {blanks}{RED}^{PLAIN}");
        }
        None if !panic.file.is_empty() => {
            _ = writeln!(error.rendered, " {BLUE}-->{PLAIN} {}:{}:{}", panic.file, panic.line, panic.column);
        }
        None => {}
    }
    for frame in &panic.frames {
        let Some((cell, line, column)) = place(&frame.file, frame.line, frame.column.max(1)) else { continue };
        let own = frame.symbol.contains("oxikale_cell") || frame.symbol.starts_with('{');
        let function = if own { String::new() } else { names::function(&frame.symbol) };
        let frame = Frame { function, cell: cell.name.clone(), line, column };
        if error.backtrace.last() != Some(&frame) {
            error.backtrace.push(frame);
        }
    }
    if error.backtrace.len() > 1 {
        for frame in &error.backtrace {
            let function = if frame.function.is_empty() { "the cell itself" } else { &frame.function };
            _ = writeln!(
                error.rendered,
                "  {BLUE}={PLAIN} in {function}, {}:{}:{}",
                cell_title(&frame.cell),
                frame.line,
                frame.column
            );
        }
    }
    error
}

/// Adds a line of explanation to an error.
pub(super) fn add_note(error: &mut CellError, note: &str) {
    _ = writeln!(error.rendered, "  {BLUE}={PLAIN} {note}");
}

/// `ParseIntError` of `core::num::ParseIntError`.
fn short_name(type_name: &str) -> &str {
    let head = type_name.split('<').next().unwrap_or(type_name);
    match head.rsplit("::").next() {
        Some(last) if !last.is_empty() && !last.contains(' ') => last,
        _ => "error",
    }
}

fn human_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return format!("{value:.1} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Rejected(diagnostics) => {
                for diagnostic in diagnostics {
                    writeln!(formatter, "{}", diagnostic.message)?;
                }
                Ok(())
            }
            Failed::Interrupted => formatter.write_str("the compilation was interrupted"),
            Failed::Rustc(message) | Failed::System(message) => formatter.write_str(message),
        }
    }
}
