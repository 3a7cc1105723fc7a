//! From the text of a file to a notebook.

use serde_json::{Map, Value};

use crate::json::{self, Flaw, Member};
use crate::read_error::{FilePlace, ReadError, ReadErrorKind};
use crate::style::Style;
use crate::{Cell, LineColumn, Notebook, upgrade};

const BYTE_ORDER_MARK: &str = "\u{feff}";

impl Notebook {
    /// Reads the text of an `.ipynb` file: nbformat 4 as it is, version 3 upgraded to 4.5.
    ///
    /// # Errors
    /// If the text is not JSON, no notebook, or a notebook of another version; with the place in the file.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let start = text.len() - body.len();
        if body.trim().is_empty() {
            return Err(ReadError::new(ReadErrorKind::NotJson, "the file is empty, so it is not a notebook"));
        }
        let fail = |flaw: Flaw| {
            let kind = if flaw.shape { ReadErrorKind::NotANotebook } else { ReadErrorKind::NotJson };
            let message = match kind {
                ReadErrorKind::NotJson => format!("the file is not JSON: {}", flaw.message),
                _ => format!("this is not a notebook: {}", flaw.message),
            };
            ReadError::new(kind, message).at(place(body, start, flaw.byte))
        };
        json::check(body, 0).map_err(fail)?;
        let members = json::members(body).map_err(fail)?;
        let version = version(body, &members).map_err(fail)?;
        match version.0 {
            4 => read(text, start, &members, version).map_err(fail),
            3 => upgrade::upgrade(text, body).map_err(fail),
            major => {
                let byte = json::member(&members, "nbformat").map_or(0, |member| member.value.start);
                let what = if major < 3 {
                    "too old: open it in Jupyter and save it, or run `jupyter nbconvert --to notebook` on it"
                } else {
                    "newer than this program: versions 3 and 4 can be read"
                };
                let message = format!("the notebook has nbformat version {major}, which is {what}");
                Err(ReadError::new(ReadErrorKind::UnsupportedVersion, message).at(place(body, start, byte)))
            }
        }
    }
}

/// Where byte `byte` of `body` is in the file, in which `body` starts at byte `start`.
fn place(body: &str, start: usize, byte: usize) -> FilePlace {
    FilePlace { byte: start + byte, position: LineColumn::of(body, byte) }
}

fn version(body: &str, members: &[Member]) -> Result<(u32, u32), Flaw> {
    let number = |name: &str| -> Result<Option<u32>, Flaw> {
        let Some(member) = json::member(members, name) else { return Ok(None) };
        let value = json::value(&body[member.value.clone()])?;
        let number = match value.as_u64() {
            Some(number) => u32::try_from(number).ok(),
            // Tools that hold every number as a double write 4.0.
            None => {
                value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..1e9).contains(number)).map(|n| n as u32)
            }
        };
        number.map(Some).ok_or_else(|| Flaw::shape(member.value.start, format!("`{name}` is not a version number")))
    };
    let major = number("nbformat")?
        .ok_or_else(|| Flaw::shape(0, "it has no `nbformat`, the version number that each notebook has"))?;
    Ok((major, number("nbformat_minor")?.unwrap_or(0)))
}

/// Reads version 4. `members` are those of the notebook, which starts at byte `start` of `text`.
fn read(text: &str, start: usize, members: &[Member], version: (u32, u32)) -> Result<Notebook, Flaw> {
    let body = &text[start..];
    let metadata = match json::member(members, "metadata") {
        None => Map::new(),
        Some(member) => match json::value(&body[member.value.clone()])? {
            Value::Object(metadata) => metadata,
            Value::Null => Map::new(),
            _ => return Err(Flaw::shape(member.value.start, "its `metadata` is not an object")),
        },
    };
    let mut cells = Vec::new();
    let mut around = Vec::new();
    // From here on, bytes of `text`.
    let mut done = 0;
    if let Some(member) = json::member(members, "cells") {
        let list = &body[member.value.clone()];
        let items = json::items(list).map_err(|_| Flaw::shape(member.value.start, "its `cells` are not a list"))?;
        cells.reserve(items.len());
        around.reserve(items.len() + 1);
        for (index, item) in items.into_iter().enumerate() {
            let cell = Cell::parse(&list[item.clone()]).map_err(|flaw| {
                let message = format!("cell {}: {}", index + 1, flaw.message);
                Flaw { message, ..flaw.within(member.value.start + item.start) }
            })?;
            let begin = start + member.value.start + item.start;
            around.push(text[done..begin].to_owned());
            done = begin + item.len();
            cells.push(cell);
        }
    }
    around.push(text[done..].to_owned());
    let mut style = Style::of(body, members);
    style.source_as_list = source_as_list(&cells);
    Ok(Notebook { version, metadata, cells, around, style, original: None })
}

/// How the first cell with a source writes it.
fn source_as_list(cells: &[Cell]) -> bool {
    cells
        .iter()
        .filter(|cell| !cell.source.is_empty())
        .find_map(|cell| cell.member("source").map(|range| cell.text[range].starts_with('[')))
        .unwrap_or(true)
}
