//! One line that may be a command: what kind, and where its name and argument are.

use super::{Command, CommandKind, shell};

/// Cell magics after which the rest of the cell is Rust.
const ABOUT_RUST: [&str; 4] = ["time", "timeit", "capture", "rust"];

/// Line magics whose argument is Rust to be run.
const RUNS_ITS_ARGUMENT: [&str; 2] = ["time", "timeit"];

/// A command, and what it means for the lines around it.
pub(super) struct Found {
    pub(super) command: Command,
    /// The byte at which the source goes on.
    pub(super) next: usize,
    /// Whether all that follows is not Rust.
    pub(super) takes_cell: bool,
}

/// The cell magic that starts at byte `at`.
pub(super) fn cell_magic(source: &str, at: usize) -> Option<Found> {
    let line = line(source, at);
    let name = word(line.strip_prefix("%%")?)?;
    let found = found(CommandKind::CellMagic, source, at, 2 + name.len(), name, at + line.len());
    Some(Found { takes_cell: !ABOUT_RUST.contains(&name), ..found })
}

/// The command that starts at byte `at`, which is where a statement may begin.
pub(super) fn command(source: &str, at: usize) -> Option<Found> {
    let line = line(source, at);
    let end = at + line.len();
    match line.as_bytes().first()? {
        b':' => {
            let rest = &line[1..];
            word(rest)?;
            let name = rest.split(char::is_whitespace).next()?;
            Some(found(CommandKind::Colon, source, at, 1 + name.len(), name, end))
        }
        b'%' => {
            // A cell magic below the first line is no magic; as a line magic it is at least named to the user.
            let marks = if line.starts_with("%%") { 2 } else { 1 };
            let name = word(&line[marks..])?;
            let mut found = found(CommandKind::Percent, source, at, marks + name.len(), name, end);
            if marks == 1 && RUNS_ITS_ARGUMENT.contains(&name) {
                leave_argument(&mut found, source);
            }
            Some(found)
        }
        b'!' if shell::is_command(&line[1..]) => {
            let end = continued(source, at);
            let rest = &source[at + 1..end];
            let lead = rest.len() - rest.trim_start().len();
            let name = rest.split_whitespace().next()?;
            Some(found(CommandKind::Shell, source, at, 1 + lead + name.len(), name, end))
        }
        _ => None,
    }
}

/// The line from byte `at` on, without its line break.
fn line(source: &str, at: usize) -> &str {
    let rest = &source[at..];
    let line = rest.split('\n').next().unwrap_or(rest);
    line.strip_suffix('\r').unwrap_or(line)
}

/// The end of the shell command that starts at byte `at`: a line that ends in a backslash goes on.
fn continued(source: &str, at: usize) -> usize {
    let mut start = at;
    loop {
        let line = line(source, start);
        let end = start + line.len();
        let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
        match source[end..].find('\n') {
            Some(newline) if backslashes % 2 == 1 => start = end + newline + 1,
            _ => return end,
        }
    }
}

/// The name that `text` begins with: a letter or `_`, then letters, digits, `_`, `-` and `.`.
fn word(text: &str) -> Option<&str> {
    let name = text
        .char_indices()
        .find(|(_, character)| !(character.is_alphanumeric() || matches!(character, '_' | '-' | '.')))
        .map_or(text, |(end, _)| &text[..end]);
    name.starts_with(|first: char| first.is_alphabetic() || first == '_').then_some(name)
}

/// The command from `at` to `end`, whose name is over after `head` bytes.
fn found(kind: CommandKind, source: &str, at: usize, head: usize, name: &str, end: usize) -> Found {
    let rest = &source[at + head..end];
    let argument = rest.trim();
    let start = if argument.is_empty() { at + head } else { end - rest.trim_start().len() };
    let command = Command {
        kind,
        span: at..at + source[at..end].trim_end().len(),
        name: name.to_owned(),
        argument: argument.to_owned(),
        argument_span: start..start + argument.len(),
    };
    Found { command, next: end, takes_cell: false }
}

/// Leaves the Rust that a line magic runs to the compiler; options (`-n 10`) before it are the magic's.
fn leave_argument(found: &mut Found, source: &str) {
    let Command { argument, argument_span, span, .. } = &mut found.command;
    let mut start = argument_span.start;
    loop {
        let rest = &source[start..argument_span.end];
        let option = rest.strip_prefix('-').and_then(|rest| rest.chars().next()).is_some_and(char::is_alphabetic);
        if !option {
            break;
        }
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        start += length;
        start += source[start..argument_span.end].len() - source[start..argument_span.end].trim_start().len();
        let number = source[start..argument_span.end].bytes().take_while(u8::is_ascii_digit).count();
        let after = &source[start + number..argument_span.end];
        if length == 2 && number > 0 && (after.is_empty() || after.starts_with(char::is_whitespace)) {
            start += number + after.len() - after.trim_start().len();
        }
    }
    *argument = source[start..argument_span.end].to_owned();
    argument_span.start = start;
    if !argument.is_empty() {
        span.end = source[..start].trim_end().len();
        found.next = start;
    }
}
