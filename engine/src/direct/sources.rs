//! The generated sources of a session: where in the cells a place of compiled code is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::source::{Place, Source, line_column};
use crate::presentation::cell_title;

/// The sources of a session's libraries, by crate. A copy is the same table.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(Arc<Mutex<BTreeMap<String, Arc<Source>>>>);

/// The length of the hash in a crate's name.
const HASH: usize = 16;

impl Sources {
    /// Adds a library's source; the one before of this crate had the same text.
    pub(super) fn insert(&self, name: &str, source: &Source) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.insert(name.to_owned(), Arc::new(source.clone()));
    }

    /// The place in a cell of a place in a file of a library.
    pub(super) fn place(&self, file: &str, line: u32, column: u32) -> Option<Place> {
        let krate = file.rsplit('/').next()?.strip_suffix(".rs")?;
        let source = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(krate).cloned()?;
        source.place_of_line(line, column)
    }

    /// Text with the places that `dbg!` and panics print made those of the cells.
    pub(super) fn with_places_of_cells(&self, bytes: Vec<u8>) -> Vec<u8> {
        if !bytes.windows(4).any(|part| part == b".rs:") {
            return bytes;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else { return bytes };
        let mut changed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(".rs:") {
            let place = at.checked_sub(HASH + 2).and_then(|start| {
                let name = rest.get(start..at)?;
                let generated = (name.starts_with("c_") || name.starts_with("u_"))
                    && name[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
                let after = &rest[at + ".rs:".len()..];
                let line: String = after.chars().take_while(char::is_ascii_digit).collect();
                let column: String =
                    after[line.len()..].strip_prefix(':')?.chars().take_while(char::is_ascii_digit).collect();
                let end = at + ".rs:".len() + line.len() + 1 + column.len();
                let place = self.place(&format!("{name}.rs"), line.parse().ok()?, column.parse().ok()?)?;
                generated.then_some((start, end, place))
            });
            match place {
                Some((start, end, place)) => {
                    let (line, column) = line_column(&place.cell.shown, place.span.start);
                    changed.push_str(&rest[..start]);
                    changed.push_str(&format!("{}:{line}:{column}", cell_title(&place.cell.name)));
                    rest = &rest[end..];
                }
                None => {
                    changed.push_str(&rest[..at + ".rs:".len()]);
                    rest = &rest[at + ".rs:".len()..];
                }
            }
        }
        changed.push_str(rest);
        changed.into_bytes()
    }
}
