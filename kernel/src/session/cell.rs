//! A cell: the kernel's own commands in it, and what is left for the engine.

use oxikale_engine::{Outcome, Variable};
use oxikale_notebook::directives::{CellLanguage, Command, CommandKind, directives};

use super::Session;
use crate::commands::{self, CommandError, Meaning};

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It ran to its end.
    Completed,
    /// The outputs say why it did not.
    Failed,
    /// The user ended it.
    Interrupted,
    /// It asked for the session to end.
    Quit,
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Failed => Self::Failed,
            Outcome::Interrupted => Self::Interrupted,
            Outcome::Quit => Self::Quit,
        }
    }
}

impl Session {
    /// Runs a cell. Its outputs go where outputs go.
    pub(crate) fn run_cell(&mut self, code: &str) -> End {
        // What consoles tell their users to type.
        let word = code.trim();
        if matches!(word, "exit" | "quit") && self.variables().iter().all(|variable| variable.name != word) {
            return End::Quit;
        }
        let parted = directives(code);
        if let (CellLanguage::Other(_), Some(command)) = (&parted.language, parted.commands.first()) {
            let rest = &code[command.span.end..];
            let body = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
            let done = commands::cell(self, command, body);
            return self.end_of(done);
        }
        // A command of the kernel's own is carried out and blanked; one that the engine has under another name is
        // renamed. Places in the rest stay the same.
        let mut source = code.to_owned();
        for command in &parted.commands {
            match commands::meaning(command) {
                Meaning::Engine => {}
                Meaning::Renamed(mark) => source.replace_range(marks(command), mark),
                Meaning::Kernel(run) => {
                    source.replace_range(command.span.clone(), &" ".repeat(command.span.len()));
                    let done = run(self, command);
                    if done.is_err() {
                        return self.end_of(done);
                    }
                }
            }
        }
        // Nothing but commands: the engine has no part in it.
        if !parted.commands.is_empty() && source.trim().is_empty() {
            return End::Completed;
        }
        self.run_in_engine(&source)
    }

    fn variables(&self) -> Vec<Variable> {
        self.engine.as_ref().map(|engine| engine.variables()).unwrap_or_default()
    }

    fn end_of(&self, done: Result<(), CommandError>) -> End {
        match done {
            Ok(()) => End::Completed,
            Err(CommandError::Interrupted) => {
                self.outputs.fail("interrupted", "the command was interrupted");
                End::Interrupted
            }
            Err(CommandError::Failed { name, message }) => {
                self.outputs.fail(&name, &message);
                End::Failed
            }
            // The outputs have said it.
            Err(CommandError::Said(end)) => end,
        }
    }
}

/// The bytes that mark a command as one: `%` or `%%`.
fn marks(command: &Command) -> std::ops::Range<usize> {
    let length = if command.kind == CommandKind::CellMagic { 2 } else { 1 };
    command.span.start..command.span.start + length
}
