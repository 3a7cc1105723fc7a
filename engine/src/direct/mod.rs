//! The engine that compiles cells with rustc itself and runs them in a process that it can always put back.
//!
//! A cell is parted into items and statements (`parse`). Items are compiled into crates of their own (`items`),
//! statements into a library with one function (`compile`) that takes the variables it mentions and stores what it
//! leaves; the types come from the MIR of that same compilation (`mir`). [`crate::host`] runs it.

mod ahead;
mod cache;
mod cell_source;
mod commands;
mod compile;
mod draft;
mod entry;
mod failure;
mod items;
mod messages;
mod mir;
mod names;
mod parse;
mod publish;
mod recovery;
mod rustc;
mod session;
mod session_folder;
mod source;
mod sources;
mod surroundings;
mod tokens;
mod variables;

pub use commands::COMMANDS;
pub use session::{DirectEngine, Options};
