//! `%%writefile`: the cell into a file.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::arguments::words;
use super::{CommandError, Done};
use crate::display::plain;
use crate::session::Session;

pub(super) fn run(session: &mut Session, argument: &str, body: &str) -> Done {
    let mut words = words(argument)?;
    let append = words.iter().any(|word| word == "-a" || word == "--append");
    words.retain(|word| word != "-a" && word != "--append");
    let [file] = &words[..] else { return Err(CommandError::new("write `%%writefile FILE` or `%%writefile -a FILE`")) };
    let path = session.place.folder().join(file);
    let exists = path.exists();
    let mut text = body.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .append(append)
        .truncate(!append)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| CommandError::new(format!("{} cannot be written: {error}", path.display())))?;
    let what = match (append, exists) {
        (true, true) => "appended to",
        (false, true) => "overwrote",
        (_, false) => "wrote",
    };
    session.outputs.display(plain(format!("{what} {file}")), None, false);
    Ok(())
}
