//! One cell: its text, its metadata, and the JSON it is written as.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::json::{self, Flaw, Member};

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// Code.
    Code,
    /// Text.
    Markdown,
    /// Neither; also each kind of cell that nbformat does not know.
    Raw,
}

impl CellKind {
    /// The `cell_type` of nbformat.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Markdown => "markdown",
            Self::Raw => "raw",
        }
    }
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What it is.
    pub kind: CellKind,
    /// Its text.
    pub source: String,
    /// Its tags that are strings.
    pub tags: Vec<String>,
    /// How many of its tags are no strings, which nbformat forbids; they are kept in the file and in `metadata`.
    pub odd_tags: usize,
    /// All of its metadata, tags included.
    pub metadata: Map<String, Value>,
    /// Its id, as of nbformat 4.5; ids in a file may be missing or repeat.
    pub id: Option<String>,
    /// The number in brackets beside a code cell that was run.
    pub execution_count: Option<u64>,
    /// The JSON object it is written as.
    pub(crate) text: String,
}

impl Cell {
    /// The cell that is written as `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        let members = json::members(text)?;
        let value = |name: &str| match json::member(&members, name) {
            Some(member) => read(text, member).map(|value| Some((value, member.value.start))),
            None => Ok(None),
        };
        let kind = match value("cell_type")? {
            Some((Value::String(kind), _)) if kind == "code" => CellKind::Code,
            Some((Value::String(kind), _)) if kind == "markdown" => CellKind::Markdown,
            _ => CellKind::Raw,
        };
        let source = match json::member(&members, "source") {
            None => String::new(),
            Some(Member { value, .. }) => json::joined(&text[value.clone()])
                .ok_or_else(|| Flaw::shape(value.start, "`source` is neither a string nor a list of strings"))?,
        };
        let metadata = match value("metadata")? {
            None | Some((Value::Null, _)) => Map::new(),
            Some((Value::Object(metadata), _)) => metadata,
            Some((_, at)) => return Err(Flaw::shape(at, "the cell's `metadata` is not an object")),
        };
        let (tags, odd_tags) = tags(&metadata);
        let id = match value("id")? {
            Some((Value::String(id), _)) => Some(id),
            _ => None,
        };
        let execution_count = value("execution_count")?.and_then(|(count, _)| count.as_u64());
        Ok(Self { kind, source, tags, odd_tags, metadata, id, execution_count, text: text.to_owned() })
    }

    /// What the cell put out when it was last run, as nbformat writes it; read from the file's text at each call,
    /// since most who read a notebook do not want it and it may be large.
    pub fn outputs(&self) -> Vec<Value> {
        self.raw_outputs().and_then(|text| json::value(text).ok()).map_or_else(Vec::new, |value| match value {
            Value::Array(outputs) => outputs,
            _ => Vec::new(),
        })
    }

    /// The JSON of the outputs, as it stands in the file.
    pub fn raw_outputs(&self) -> Option<&str> {
        self.member("outputs").map(|range| &self.text[range])
    }

    /// The JSON of the whole cell, as it stands in the file.
    pub fn raw(&self) -> &str {
        &self.text
    }

    /// Where the value of a member is in `text`.
    pub(crate) fn member(&self, name: &str) -> Option<Range<usize>> {
        let members = json::members(&self.text).ok()?;
        json::member(&members, name).map(|member| member.value.clone())
    }
}

fn read(text: &str, member: &Member) -> Result<Value, Flaw> {
    json::value(&text[member.value.clone()]).map_err(|flaw| flaw.within(member.value.start))
}

/// The text that nbformat writes as a string or as a list of strings.
pub(crate) fn joined(source: Value) -> Option<String> {
    match source {
        Value::Null => Some(String::new()),
        Value::String(source) => Some(source),
        Value::Array(lines) => lines.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The tags that are strings, and how many are not.
pub(crate) fn tags(metadata: &Map<String, Value>) -> (Vec<String>, usize) {
    match metadata.get("tags") {
        None | Some(Value::Null) => (Vec::new(), 0),
        Some(Value::Array(all)) => {
            let tags: Vec<String> = all.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let odd = all.len() - tags.len();
            (tags, odd)
        }
        Some(_) => (Vec::new(), 1),
    }
}
