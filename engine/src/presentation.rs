//! Draws findings and failures as they are shown on a terminal, for every engine alike.

use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::event::{CellError, ErrorKind};

pub(crate) const RED: &str = "\x1b[1;31m";
pub(crate) const BLUE: &str = "\x1b[1;34m";
pub(crate) const BOLD: &str = "\x1b[1m";
pub(crate) const PLAIN: &str = "\x1b[0m";

/// `cell 3`, but a name that is no number stands alone.
pub(crate) fn cell_title(name: &str) -> String {
    let number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    if number { format!("cell {name}") } else { name.to_owned() }
}

/// A finding as rustc would draw it. `text_of` knows the texts of cells by their names.
pub fn draw(diagnostic: &Diagnostic, text_of: &dyn Fn(&str) -> Option<Arc<str>>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(diagnostic.message.as_str());
    // The name of a lint is no code that `rustc --explain` knows.
    if let Some(code) = diagnostic.code.as_deref().filter(|code| code.starts_with('E')) {
        title = title.id(code);
    }
    let mut group = Group::with_title(title);
    let mut cells: Vec<&str> = Vec::new();
    for span in &diagnostic.spans {
        if !cells.contains(&span.cell.as_str()) {
            cells.push(&span.cell);
        }
    }
    // The cell of the finding itself comes first.
    if let Some(primary) = diagnostic.spans.iter().find(|span| span.primary) {
        cells.sort_by_key(|cell| *cell != primary.cell);
    }
    let texts: Vec<(&str, Arc<str>)> = cells.iter().filter_map(|name| Some((*name, text_of(name)?))).collect();
    for (name, text) in &texts {
        let mut snippet = Snippet::source(text.as_ref()).path(cell_title(name)).fold(true);
        for span in diagnostic.spans.iter().filter(|span| span.cell == *name) {
            let kind = if span.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let range = on_characters(text, span.start, span.end);
            snippet = snippet.annotation(kind.span(range).label(span.label.as_deref()));
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
    let mut drawn = Renderer::styled().render(&[group]);
    drawn.push('\n');
    drawn
}

/// The range with its ends on characters of the text.
fn on_characters(text: &str, start: usize, end: usize) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(start);
    start..floor(end).max(start)
}

/// A failure without a place in a cell.
pub(crate) fn failure(kind: ErrorKind, name: &str, message: &str) -> CellError {
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

/// The failure of a cell that was interrupted.
pub(crate) fn interrupted() -> CellError {
    failure(ErrorKind::Interrupted, "interrupted", "the cell was interrupted")
}

/// The failure of a cell that ended its process by itself.
pub(crate) fn exited(code: i32) -> CellError {
    failure(ErrorKind::Crash, "exit", &format!("the cell ended its process with exit code {code}"))
}

/// The failure of a cell whose process a signal ended.
pub(crate) fn signalled(signal: i32) -> CellError {
    let name = signal_name(signal);
    let what = match name.as_str() {
        "SIGSEGV" | "SIGBUS" => {
            "the cell crashed: it touched memory that is not its own, or its stack was full (endless recursion?)"
        }
        "SIGABRT" => "the cell aborted: `std::process::abort`, a stack overflow, or a panic while panicking",
        "SIGKILL" => "the cell was killed from outside, perhaps because the machine has no memory left",
        "SIGILL" => "the cell came to an illegal instruction",
        "SIGFPE" => "the cell divided by zero in a C library",
        _ => "the cell was ended by a signal",
    };
    failure(ErrorKind::Crash, &name, &format!("{what} ({name}, signal {signal})"))
}

/// `SIGSEGV` of 11.
pub(crate) fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
