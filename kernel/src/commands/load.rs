//! `%load`: the text of a file in the place of the cell.

use std::fs;

use oxikale_notebook::directives::Command;
use serde_json::json;

use super::arguments::words;
use super::{CommandError, Done};
use crate::session::Session;

/// More is no text for a cell.
const LARGEST: u64 = 4 << 20;

pub(super) fn run(session: &mut Session, command: &Command) -> Done {
    let words = words(&command.argument)?;
    let [file] = &words[..] else { return Err(CommandError::new("write `%load FILE`")) };
    let path = session.place.folder().join(file);
    let unreadable = |why: String| CommandError::new(format!("{} cannot be loaded: {why}", path.display()));
    let size = fs::metadata(&path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST {
        return Err(unreadable(format!("it has {}", oxikale_runner::human_bytes(size))));
    }
    let text = fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    // The command stays as a comment, so that it is seen where the text comes from.
    let text = format!("// %load {}\n{text}", command.argument);
    session.payload.push(json!({ "source": "set_next_input", "text": text, "replace": true }));
    Ok(())
}
