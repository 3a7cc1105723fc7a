//! Compiles and runs the cells of a Rust notebook: cells in, events out, and every variable kept. No Jupyter in it.
//!
//! [`Engine`] is what a front end talks to. [`direct`] is the engine that compiles cells with rustc itself;
//! `evcxr` (feature `evcxr`) is the same over the evcxr crate.

mod characters;
pub mod deps;
pub mod diagnostic;
pub mod direct;
mod engine;
#[cfg(feature = "evcxr")]
pub mod evcxr;
mod event;
pub mod host;
mod presentation;
mod show;
mod standard_library;
mod surroundings;
mod toolchain;

pub use characters::whole_characters;
pub use diagnostic::{Diagnostic, Severity, Span};
pub use engine::{Back, Cell, Engine, EngineError, Input, Interrupter, Listener, Outcome, Variable};
pub use event::{CellError, ErrorKind, Event, Frame, Progress, Stream};
pub use presentation::draw as draw_diagnostic;
pub use surroundings::{ItemSource, Packages, Surroundings, VariableSource};
pub use toolchain::{Toolchain, ToolchainError};
