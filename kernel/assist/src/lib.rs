//! Completion, inspection and diagnostics for the cells of a session, from a helper process.
//!
//! [`Assist`] is the front end's side. It starts a program with [`ARGUMENT`], which calls `serve` (feature `analysis`):
//! rust-analyzer's library, fed with the items and variables of the session, so that it answers while a cell runs. The
//! process may end at any time without harm; the next question starts another.

#[cfg(feature = "analysis")]
mod analysis;
mod answer;
mod client;
mod process;
mod protocol;

#[cfg(feature = "analysis")]
pub use analysis::serve;
pub use answer::{Completion, Completions, Diagnostic, Inspection, Severity};
pub use client::Assist;
pub use oxikale_engine::{ItemSource, Packages, Surroundings, VariableSource};

/// The first argument of the process that is to call `serve`.
pub const ARGUMENT: &str = "__assist";
