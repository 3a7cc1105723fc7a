//! How the code of a cell ended.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::protocol::{Message, Panic};
use crate::presentation::signal_name;

/// How a command to the process that runs cells ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It ran to its end.
    Finished,
    /// `?` met an error.
    Failed(Failure),
    /// It panicked.
    Panicked(Panic),
    /// It ended the process (`std::process::exit`).
    Exited(i32),
    /// A signal ended the process.
    Signalled {
        /// Its number.
        signal: i32,
        /// Its name: `SIGSEGV`.
        name: String,
    },
    /// A thread used up its stack. (Rust says so on standard error, and ends the process with SIGABRT.)
    StackOverflow,
    /// It used more memory than it may, and was ended.
    MemoryLimit {
        /// How many bytes it may use.
        limit: u64,
        /// How many it had when it was ended.
        used: u64,
    },
    /// Somebody interrupted it.
    Interrupted,
    /// The engine has lost the process, for this reason; the code may not have run at all.
    Lost(String),
}

/// Why `?` ended a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error's words.
    pub message: String,
    /// The error as `{:?}` shows it; empty for a `None`.
    pub debug: String,
    /// The error's type, as the compiler spells it.
    pub type_name: String,
}

impl Ended {
    /// What a status of wait(2) says.
    pub(super) fn by_status(status: i32) -> Self {
        let status = ExitStatus::from_raw(status);
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signalled { signal, name: signal_name(signal) },
            (None, None) => Self::Lost(format!("the process that runs cells ended in an unknown way ({status})")),
        }
    }

    /// What an answer to [`super::protocol::Command::Run`] says.
    pub(super) fn by_answer(answer: Message) -> Self {
        match answer {
            Message::Finished => Self::Finished,
            Message::Failed { message, debug, type_name } => Self::Failed(Failure { message, debug, type_name }),
            Message::Panicked(panic) => Self::Panicked(panic),
            Message::Refused(reason) => Self::Lost(format!("the cell's library cannot be loaded: {reason}")),
            other => Self::Lost(format!("the process that runs cells gave an answer that makes no sense: {other:?}")),
        }
    }
}
