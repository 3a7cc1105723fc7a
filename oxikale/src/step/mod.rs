//! The run time of a step program: the program of a pipeline, of which each process runs one step.
//!
//! The compiler generates the program from the notebook; people do not write it by hand. It looks like this:
//!
//! ```no_run
//! use oxikale::step::{Failure, Program, Slot, SourceLines, Step};
//!
//! fn run(step: &Step) -> Result<(), Failure> {
//!     let load_x = if step.is("load") {
//!         let x = vec![1, 2, 3];
//!         Slot::save(step, "x", &x)?
//!     } else {
//!         Slot::empty("x")
//!     };
//!     if step.is("print") {
//!         let x = load_x.load(step)?;
//!         oxikale::step_show!(step, true, x.iter().sum::<i32>());
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     oxikale::step::main(Program {
//!         name: "example",
//!         steps: &["load", "print"],
//!         source_map: &[SourceLines { first: 5, lines: 1, cell: 1, cell_line: 1 }],
//!         run,
//!     })
//! }
//! ```
//!
//! The program is called as `program --step NAME --executor_input JSON` (or `@FILE`), where the JSON is the executor
//! input of Kubeflow Pipelines' v2 contract. It exits with 0, or 1 for a failure, 101 for a panic, 2 for arguments or
//! an executor input that make no sense.

mod arguments;
mod capture;
mod events;
mod executor;
mod failure;
mod file;
mod format;
mod launch;
mod output;
mod report;
mod session;
#[doc(hidden)]
pub mod show;
mod slot;
mod source_map;

use std::sync::Arc;

pub use failure::Failure;
pub use launch::main;
/// The crate serde, so that generated code can derive its traits without depending on it:
///
/// ```
/// #[derive(::oxikale::step::serde::Serialize, ::oxikale::step::serde::Deserialize)]
/// #[serde(crate = "::oxikale::step::serde")]
/// struct Point {
///     x: f64,
/// }
/// ```
pub use serde;
pub use slot::{HandOn, Slot};
pub use source_map::SourceLines;

use crate::Error;
use crate::params::{self, Parameter};
use session::Session;

/// A step program: its steps and the function that holds them all.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The pipeline's name.
    pub name: &'static str,
    /// The task names of the steps.
    pub steps: &'static [&'static str],
    /// Which lines of the program's `src/main.rs` are which lines of the notebook, sorted by `first`.
    pub source_map: &'static [SourceLines],
    /// Runs the step that it is given.
    pub run: fn(&Step) -> Result<(), Failure>,
}

/// The step that this process runs.
pub struct Step {
    session: Arc<Session>,
}

impl Step {
    /// Whether it is the step with this task name.
    pub fn is(&self, task: &str) -> bool {
        self.session.step == task
    }

    /// The run's value of a pipeline parameter, or the notebook's where the run has none.
    ///
    /// # Errors
    /// When the run's value is of another type; the error names the parameter, the type and the value.
    #[track_caller]
    pub fn parameter<T: Parameter>(&self, name: &str, default: T) -> Result<T, Failure> {
        match self.session.input.parameter(name) {
            Some(value) => params::read(name, value).map_err(Failure::from),
            None => Ok(default),
        }
    }

    /// Says which outputs of the step are variables, before its cells run.
    ///
    /// At the step's end every variable must have been saved. Without this call the step takes every output for a
    /// variable that no call of [`crate::artifacts`] has written, unless at least one variable was saved.
    pub fn hands_on(&self, keys: &[&str]) {
        self.session.expect_variables(keys);
    }

    /// Shows what a cell's trailing expression came to; used by [`crate::step_show!`].
    #[doc(hidden)]
    pub fn show_result(&self, shown: Vec<crate::display::MimeBundle>, last: bool) {
        self.session.show_result(shown, last);
    }
}

/// The value that a run gave a parameter, as JSON; `default` where it gave none. For a session that stands where a step
/// of that run began.
///
/// # Errors
/// When the run's value is of another type; the error names the parameter, the type and the value.
pub fn given<T: Parameter>(name: &str, value: Option<&str>, default: T) -> Result<T, Error> {
    let Some(text) = value else { return Ok(default) };
    let value = serde_json::from_str(text)
        .map_err(|error| Error::caused(format!("the run's value of parameter `{name}` is no JSON: {error}"), error))?;
    params::read(name, &value)
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Step").field(&self.session.step).finish()
    }
}
