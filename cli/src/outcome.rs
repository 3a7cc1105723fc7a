//! How a command ends: its exit code, and what is said where it could not do its work.

use std::io;

use oxikale_compiler::build::BuildError;
use oxikale_runner::{ResumeError, RunError, StoreError};

/// Everything went well.
pub const OK: u8 = 0;
/// The run failed, or a check found errors.
pub const FAILED: u8 = 1;
/// The command was called wrongly: an unknown file, run, step or parameter.
pub const USAGE: u8 = 2;
/// The notebook has errors, so there is no pipeline.
pub const NOTEBOOK: u8 = 3;
/// Something outside of the notebook is in the way: no cargo, no network, a full disk.
pub const ENVIRONMENT: u8 = 4;
/// A mistake in this program.
pub const BUG: u8 = 70;
/// Ended by Ctrl-C or a signal.
pub const INTERRUPTED: u8 = 130;

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// To be said, and the exit code.
    Said(u8, String),
    /// Nobody reads our output any more; nothing is to be said.
    NobodyListens,
}

/// What a command returns: its exit code.
pub type Outcome = Result<u8, Failure>;

impl Failure {
    /// The command was called wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Said(USAGE, message.into())
    }

    /// Something outside is in the way.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::Said(ENVIRONMENT, message.into())
    }

    /// What is to be said.
    pub fn into_message(self) -> String {
        match self {
            Self::Said(_, message) => message,
            Self::NobodyListens => String::new(),
        }
    }

    /// Our output could not be written.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyListens,
            _ => Self::environment(format!("the output cannot be written: {error}")),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::NoRun { .. } | StoreError::Ambiguous { .. } | StoreError::NoStep { .. } => USAGE,
            _ => ENVIRONMENT,
        };
        Self::Said(code, error.to_string())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::environment(error.to_string())
    }
}

impl From<ResumeError> for Failure {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Store(error) => error.into(),
            error => Self::usage(error.to_string()),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let code = match error {
            RunError::Resume(error) => return error.into(),
            RunError::Argument(_) | RunError::Secrets(_) => USAGE,
            RunError::Pipeline(_) => NOTEBOOK,
            _ => ENVIRONMENT,
        };
        Self::Said(code, error.to_string())
    }
}
