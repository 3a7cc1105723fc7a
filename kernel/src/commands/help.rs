//! `%help`: the commands of the kernel and of the engine.

use oxikale_notebook::directives::Command;

use super::{CELL_COMMANDS, Done, LINE_COMMANDS};
use crate::display::plain;
use crate::session::{End, Session};

pub(super) fn run(session: &mut Session, _: &Command) -> Done {
    let all: Vec<(&str, &str)> =
        LINE_COMMANDS.iter().map(|(_, known)| (known.usage, known.help)).chain(CELL_COMMANDS.iter().copied()).collect();
    let width = all.iter().map(|(usage, _)| usage.chars().count()).max().unwrap_or_default();
    let lines: Vec<String> = all.iter().map(|(usage, help)| format!("{usage:width$}  {help}")).collect();
    session.outputs.display(plain(lines.join("\n")), None, false);
    match session.run_in_engine(":help") {
        End::Completed | End::Quit => Ok(()),
        end => Err(super::CommandError::Said(end)),
    }
}
