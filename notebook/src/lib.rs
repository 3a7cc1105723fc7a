//! Jupyter notebooks: reading, writing, cells, kernel commands, and positions in them.

mod build;
mod cell;
mod completeness;
pub mod directives;
mod edit;
mod file;
mod json;
mod notebook;
mod position;
mod read;
mod read_error;
mod style;
pub mod tokens;
mod upgrade;

pub use cell::{Cell, CellKind};
pub use completeness::is_complete;
pub use edit::EditError;
pub use notebook::Notebook;
pub use position::{CellSpan, LineColumn};
pub use read_error::{FilePlace, ReadError, ReadErrorKind};
