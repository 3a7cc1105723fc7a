//! The Jupyter kernel: sockets and messages in front of an engine.
//!
//! [`run`] serves one connection file. Requests come through `wire`, are told apart in `messages`, and what is code
//! goes to the `session`, a thread with the engine. Nothing but the next cell waits for a cell.
//!
//! Specification: <https://jupyter-client.readthedocs.io/en/stable/messaging.html>

mod assist;
mod comm;
mod commands;
mod display;
pub mod doctor;
mod history;
mod kernel;
pub mod kernelspec;
mod language;
mod messages;
mod pipeline;
mod place;
mod session;
mod sockets;
mod stamp;
mod upcoming;
mod wire;

use std::any::Any;
use std::fmt;
use std::path::{Path, PathBuf};

pub use commands::text_limit;
pub use place::Place;
pub use session::{DEFAULT_TEXT_LIMIT, EngineStart};

/// How a kernel is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder of what must be kept: the history, the runs.
    pub data: PathBuf,
    /// A toolchain that rustup knows, instead of the default one.
    pub toolchain: Option<String>,
    /// How many bytes of text a cell may print.
    pub text_limit: usize,
    /// Whether this program is the helper process for completion when it is called with
    /// [`oxikale_assist::ARGUMENT`].
    pub assist: bool,
}

/// Why a kernel did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError(String);

impl StartError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<wire::ConnectionError> for StartError {
    fn from(error: wire::ConnectionError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<wire::BindError> for StartError {
    fn from(error: wire::BindError) -> Self {
        Self::new(error.to_string())
    }
}

/// Serves the clients of a connection file until one of them, or a signal, asks for the end.
///
/// # Errors
/// If the connection file or its sockets cannot be used.
pub fn run(connection_file: &Path, options: Options, engine: EngineStart) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::new(format!("the kernel's tasks cannot be started: {error}")))?;
    let result = runtime.block_on(kernel::Kernel::serve(connection_file, options, engine));
    // Requests that are still being answered are for nobody any more.
    runtime.shutdown_background();
    result
}

/// The words of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown")
}
