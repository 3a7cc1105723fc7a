//! Changing a notebook: each setter replaces the bytes of one value and leaves all others alone.

use std::fmt;

use serde_json::{Map, Value};

use crate::build::{Ids, new_cell};
use crate::json::{self, Flaw};
use crate::style::{indentation, splice};
use crate::{Cell, CellKind, Notebook};

/// How many brackets are open in a file where a cell starts: the notebook's and the list's.
const CELL_DEPTH: usize = 2;

/// Why a change was not made; the notebook is then as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// There is no cell with this index (from 0).
    NoSuchCell {
        /// The index that was asked for.
        cell: usize,
        /// How many cells there are.
        count: usize,
    },
    /// Only code cells have outputs.
    NotCode {
        /// The index of the cell.
        cell: usize,
    },
    /// The notebook with this value could not be read again, for example since it is nested too deeply.
    Unreadable(String),
}

impl fmt::Display for EditError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchCell { cell, count } => {
                write!(formatter, "there is no cell {}: the notebook has {count}", cell.saturating_add(1))
            }
            Self::NotCode { cell } => write!(formatter, "cell {} is not a code cell, so it has no outputs", cell + 1),
            Self::Unreadable(message) => write!(formatter, "the value cannot be written into the notebook: {message}"),
        }
    }
}

impl std::error::Error for EditError {}

impl From<Flaw> for EditError {
    fn from(flaw: Flaw) -> Self {
        Self::Unreadable(flaw.message)
    }
}

impl Notebook {
    /// Sets the text of a cell.
    ///
    /// # Errors
    /// If there is no such cell.
    pub fn set_source(&mut self, cell: usize, source: &str) -> Result<(), EditError> {
        let old = self.cell(cell)?;
        if old.source == source {
            return Ok(());
        }
        let was_list = old.member("source").and_then(|range| match old.text.get(range)? {
            "\"\"" | "null" => None,
            text => Some(text.starts_with('[')),
        });
        let value = source_value(source, was_list.unwrap_or(self.style.source_as_list));
        let text = self.with_member(cell, "source", &value)?;
        self.replace(cell, &text)
    }

    /// Sets all metadata of a cell, its tags included.
    ///
    /// # Errors
    /// If there is no such cell, or the metadata is nested too deeply to be read again.
    pub fn set_cell_metadata(&mut self, cell: usize, metadata: Map<String, Value>) -> Result<(), EditError> {
        if self.cell(cell)?.metadata == metadata {
            return Ok(());
        }
        let text = self.with_member(cell, "metadata", &Value::Object(metadata))?;
        self.replace(cell, &text)
    }

    /// Sets the tags of a cell that are strings; those that are not stay, behind them. A cell that has none and
    /// gets none is not touched.
    ///
    /// # Errors
    /// If there is no such cell.
    pub fn set_tags<S: AsRef<str>>(&mut self, cell: usize, tags: &[S]) -> Result<(), EditError> {
        let old = self.cell(cell)?;
        if old.tags.iter().map(String::as_str).eq(tags.iter().map(AsRef::as_ref)) {
            return Ok(());
        }
        let mut all: Vec<Value> = tags.iter().map(|tag| Value::from(tag.as_ref())).collect();
        match old.metadata.get("tags") {
            Some(Value::Array(old)) => all.extend(old.iter().filter(|tag| !tag.is_string()).cloned()),
            None | Some(Value::Null) => {}
            Some(odd) => all.push(odd.clone()),
        }
        let all = Value::Array(all);
        let members = json::members(&old.text)?;
        let place = json::member(&members, "metadata").filter(|member| old.text[member.value.clone()].starts_with('{'));
        let text = match place {
            Some(member) => {
                let outer = indentation(&old.text, member.key.start);
                let metadata = self.style.set_member(&old.text[member.value.clone()], outer, "tags", &all)?;
                splice(&old.text, member.value.clone(), &metadata)
            }
            None => {
                let metadata = Map::from_iter([("tags".to_owned(), all)]);
                self.with_member(cell, "metadata", &Value::Object(metadata))?
            }
        };
        self.replace(cell, &text)
    }

    /// Sets the outputs of a code cell (as nbformat writes them) and the number beside it.
    ///
    /// # Errors
    /// If there is no such cell, it is not a code cell, or an output is nested too deeply to be read again.
    pub fn set_outputs(
        &mut self,
        cell: usize,
        outputs: Vec<Value>,
        execution_count: Option<u64>,
    ) -> Result<(), EditError> {
        let old = self.cell(cell)?;
        if old.kind != CellKind::Code {
            return Err(EditError::NotCode { cell });
        }
        let mut text = old.text.clone();
        let outer = self.outer(cell);
        if old.execution_count != execution_count || old.member("execution_count").is_none() {
            text = self.style.set_member(&text, outer, "execution_count", &Value::from(execution_count))?;
        }
        if old.raw_outputs().is_none() || old.outputs() != outputs {
            text = self.style.set_member(&text, outer, "outputs", &Value::Array(outputs))?;
        }
        if text == old.text {
            return Ok(());
        }
        self.replace(cell, &text)
    }

    /// Puts a new cell before the cell `at`, or behind the last one where `at` is their number. It gets an id where the
    /// notebook's version has ids.
    ///
    /// # Errors
    /// If there are fewer than `at` cells.
    pub fn insert_cell<S: AsRef<str>>(
        &mut self,
        at: usize,
        kind: CellKind,
        source: &str,
        tags: &[S],
    ) -> Result<(), EditError> {
        let count = self.cells.len();
        if at > count {
            return Err(EditError::NoSuchCell { cell: at, count });
        }
        let mut metadata = Map::new();
        if !tags.is_empty() {
            metadata.insert("tags".to_owned(), tags.iter().map(|tag| Value::from(tag.as_ref())).collect());
        }
        let id = (self.version >= (4, 5)).then(|| {
            let mut ids = Ids::default();
            loop {
                let id = ids.next(kind, source);
                if !self.cells.iter().any(|cell| cell.id.as_ref() == Some(&id)) {
                    return id;
                }
            }
        });
        if count == 0 {
            self.open_list()?;
        } else {
            let between = self.between()?;
            self.around.insert((at + 1).min(count), between);
        }
        let base = self.outer(at).map(str::to_owned);
        let cell = new_cell(&self.style, base.as_deref(), id, kind, source.to_owned(), metadata);
        self.cells.insert(at, cell);
        self.original = None;
        Ok(())
    }

    /// What separates two cells.
    fn between(&self) -> Result<String, EditError> {
        if let [_, between, _, ..] = self.around.as_slice() {
            return Ok(between.clone());
        }
        let before = self.around.first().map_or("", String::as_str);
        let space = &before[before.trim_end().len()..];
        Ok(if space.is_empty() { self.style.comma().to_owned() } else { format!(",{space}") })
    }

    /// Cuts the text around no cells at all into what comes before a first cell and what comes after it.
    fn open_list(&mut self) -> Result<(), EditError> {
        let text = self.around.concat();
        let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(&text).len();
        let members = json::members(&text[mark..])?;
        let (before, after, on_its_own_line) = match json::member(&members, "cells") {
            Some(member) => {
                let list = member.value.start + mark..member.value.end + mark;
                let own_line = indentation(&text, member.key.start + mark).map(str::to_owned);
                (text[..list.start].to_owned(), text[list.end..].to_owned(), own_line)
            }
            None => return Err(EditError::Unreadable("the notebook has no list of cells".to_owned())),
        };
        let (open, close) = self.style.brackets(on_its_own_line.as_deref());
        self.around = vec![before + &open, close + &after];
        Ok(())
    }

    /// Sets the metadata of the whole notebook.
    ///
    /// # Errors
    /// If the metadata is nested too deeply to be read again.
    pub fn set_metadata(&mut self, metadata: Map<String, Value>) -> Result<(), EditError> {
        if self.metadata == metadata {
            return Ok(());
        }
        let original = self.original.take();
        let text = self.to_text();
        let body = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mark = &text[..text.len() - body.len()];
        let changed = self
            .style
            .set_member(body, Some(""), "metadata", &Value::Object(metadata))
            .map_err(EditError::from)
            .and_then(|body| {
                Self::parse(&[mark, &body].concat()).map_err(|error| EditError::Unreadable(error.message().to_owned()))
            });
        match changed {
            Ok(changed) => {
                *self = changed;
                Ok(())
            }
            Err(error) => {
                self.original = original;
                Err(error)
            }
        }
    }

    fn cell(&self, cell: usize) -> Result<&Cell, EditError> {
        self.cells.get(cell).ok_or(EditError::NoSuchCell { cell, count: self.cells.len() })
    }

    /// The indentation of the line on which a cell starts, if it starts that line.
    fn outer(&self, cell: usize) -> Option<&str> {
        let before = self.around.get(cell)?;
        indentation(before, before.len())
    }

    /// The text of a cell with one member set.
    fn with_member(&self, cell: usize, name: &str, value: &Value) -> Result<String, EditError> {
        Ok(self.style.set_member(&self.cell(cell)?.text, self.outer(cell), name, value)?)
    }

    fn replace(&mut self, cell: usize, text: &str) -> Result<(), EditError> {
        let count = self.cells.len();
        let place = self.cells.get_mut(cell).ok_or(EditError::NoSuchCell { cell, count })?;
        json::check(text, CELL_DEPTH)?;
        *place = Cell::parse(text)?;
        self.original = None;
        Ok(())
    }
}

/// A source as nbformat writes it: its lines, each with its line break, or one string.
pub(crate) fn source_value(source: &str, as_list: bool) -> Value {
    if as_list { source.split_inclusive('\n').map(Value::from).collect() } else { Value::from(source) }
}
