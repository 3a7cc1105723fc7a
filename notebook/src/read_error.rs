//! Why a file could not be read as a notebook.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::LineColumn;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The file could not be read, or is not UTF-8 text.
    File,
    /// The text is not JSON.
    NotJson,
    /// The text is JSON, but not a notebook.
    NotANotebook,
    /// It is a notebook of a version that is not supported.
    UnsupportedVersion,
}

/// A place in a notebook's file (not in a cell).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePlace {
    /// Byte, from 0.
    pub byte: usize,
    /// Line and column, as an editor shows them.
    pub position: LineColumn,
}

/// Why a file could not be read as a notebook: what happened, and where in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    kind: ReadErrorKind,
    message: String,
    place: Option<FilePlace>,
    path: Option<PathBuf>,
}

impl ReadError {
    pub(crate) fn new(kind: ReadErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None, path: None }
    }

    pub(crate) fn at(mut self, place: FilePlace) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn of_file(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ReadErrorKind {
        self.kind
    }

    /// What is wrong and what to do, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where in the file, if it is at one place.
    pub fn place(&self) -> Option<FilePlace> {
        self.place
    }

    /// The file, if it was read from one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(formatter, "{}: ", path.display())?;
        }
        if let Some(FilePlace { position, .. }) = self.place {
            write!(formatter, "line {}, column {}: ", position.line, position.column)?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}
