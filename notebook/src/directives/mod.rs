//! What a code cell says to the kernel and not to the compiler: `:dep …`, `%time …`, `!ls`, `%%bash`.
//!
//! A line is a command only where a Rust statement could begin: not inside a string, comment, bracket or statement
//! that is not yet finished. So `let r = 17` followed by a line `% 5;` is Rust.

mod command;
mod dependency;
mod scan;
mod shell;
mod statement;

use std::ops::Range;

pub use dependency::{Dependency, DependencyError, dependency};

/// The commands of a cell, and what is left for the compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directives {
    /// The cell's source with each command replaced by spaces: as many bytes as the source, with line breaks in
    /// the same places, so that a position in it is one in the source.
    pub code: String,
    /// The commands in order.
    pub commands: Vec<Command>,
    /// What the cell is written in.
    pub language: CellLanguage,
}

/// What a cell is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellLanguage {
    /// Rust, with commands in between.
    Rust,
    /// What the cell's magic names, for example `bash`; nothing of the cell is Rust, and `code` is blank.
    Other(String),
}

/// What kind of command it is, by what it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandKind {
    /// `:dep …`, a command of the evcxr family.
    Colon,
    /// `%time …`, a line magic.
    Percent,
    /// `!ls`, a command for the shell.
    Shell,
    /// `%%bash` in the first line that is not blank: about the whole cell.
    CellMagic,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What kind of command it is.
    pub kind: CommandKind,
    /// The bytes of the cell that are the command, and blank in [`Directives::code`]. Its argument is within,
    /// except where the argument is Rust (`%time let x = f();`): that stays in the code.
    pub span: Range<usize>,
    /// Its name, without what marks it as a command: `dep`, `time`, `ls`, `bash`.
    pub name: String,
    /// What follows the name, without the white space around it.
    pub argument: String,
    /// The bytes of the cell that are the argument.
    pub argument_span: Range<usize>,
}

/// The commands in the source of a code cell. Any text whatever is accepted.
pub fn directives(source: &str) -> Directives {
    scan::scan(source)
}
