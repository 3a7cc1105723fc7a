//! What an engine tells while it works.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Bytes that user code wrote, as it wrote them: not always whole lines, not always UTF-8.
    Text {
        /// Where it wrote them.
        stream: Stream,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A display: MIME type → text, base64 or JSON.
    Display {
        /// The forms.
        data: Map<String, Value>,
        /// The name under which it can be updated.
        id: Option<String>,
        /// Whether it replaces the earlier display of this id.
        update: bool,
    },
    /// The value of the cell's last expression: MIME type → text, base64 or JSON.
    Result {
        /// The forms.
        data: Map<String, Value>,
    },
    /// The cell has failed.
    Error(CellError),
    /// A warning of the compiler about the user's code.
    Warning(Diagnostic),
    /// A word of the engine to the user: a variable was dropped, a checkpoint restored.
    Notice(String),
    /// Work that takes time: crates being built.
    Progress(Progress),
    /// User code waits for a line on its standard input; [`crate::Input`] answers.
    Input {
        /// What to show before the answer; often empty, since user code prints its own.
        prompt: String,
        /// Whether the answer must not be seen.
        password: bool,
    },
    /// How long the cell took; the last event of a cell whose code was run.
    Timing {
        /// From the submission to the start of the code.
        compile: Duration,
        /// The code itself.
        run: Duration,
        /// Whether nothing had to be compiled.
        cached: bool,
    },
}

/// Which of the standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}

/// How far something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `Compiling ndarray 0.17.2`.
    pub label: String,
    /// How many parts are done.
    pub done: u64,
    /// How many parts there are, where it is known.
    pub total: Option<u64>,
}

/// What made a cell fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// A short name of it: `E0382`, `panic`, `SIGSEGV`, `interrupted`.
    pub name: String,
    /// One sentence that says what happened and, if anything can be done, what.
    pub message: String,
    /// What the compiler said, with places in the cell.
    pub diagnostics: Vec<Diagnostic>,
    /// The calls that led to a panic, the innermost first; only the user's own.
    pub backtrace: Vec<Frame>,
    /// The whole as it is shown on a terminal, with ANSI colours.
    pub rendered: String,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The compiler did not accept the cell; nothing has run.
    Compile,
    /// A directive is wrong.
    Directive,
    /// A dependency could not be had.
    Dependency,
    /// `?` ended the cell with an error.
    Error,
    /// The cell panicked.
    Panic,
    /// The process died: a signal, `process::exit`, not enough memory.
    Crash,
    /// The user ended it.
    Interrupted,
    /// The engine itself is at fault.
    Internal,
}

/// A call in a backtrace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The function, as the user named it; empty for the cell itself.
    pub function: String,
    /// The cell it stands in.
    pub cell: String,
    /// The line in that cell, from 1; 0 if it is not known.
    pub line: u32,
    /// The column in that line, in characters from 1; 0 if it is not known.
    pub column: u32,
}
