//! Reads what a step reports while it runs: the file of JSON lines that `OXIKALE_EVENTS` names.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Map, Value};

use crate::events::Failure;
use crate::json_numbers;

/// A longer line is no report; it bounds what a step can make the runner remember.
const LONGEST_LINE: usize = 64 << 20;

/// At most so much is read before it is handed on.
const PORTION: u64 = 256 << 10;

/// One report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Report {
    Metric {
        name: String,
        value: f64,
        step: Option<i64>,
    },
    Progress {
        label: String,
        done: f64,
        total: Option<f64>,
    },
    /// `offset` and `length` say where in the file its line is.
    Display {
        id: Option<String>,
        data: Map<String, Value>,
        offset: u64,
        length: u64,
    },
    Error(Failure),
}

/// Follows the file.
pub(crate) struct Reports {
    file: File,
    /// Where the next byte is read.
    offset: u64,
    /// The start of a line whose end is not there yet.
    begun: Vec<u8>,
    /// Whether the rest of the line is thrown away, because it is too long.
    skipping: bool,
}

impl Reports {
    /// Follows `path` from `offset` on.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path, offset: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, offset, begun: Vec::new(), skipping: false })
    }

    /// The next reports; empty when there is nothing more for now. Lines that are none are passed over.
    pub fn read(&mut self) -> Vec<Report> {
        let mut reports = Vec::new();
        loop {
            let mut portion = Vec::new();
            let read = self
                .file
                .seek(SeekFrom::Start(self.offset))
                .and_then(|_| (&self.file).take(PORTION).read_to_end(&mut portion));
            if read.is_err() || portion.is_empty() {
                return reports;
            }
            let mut rest = &portion[..];
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                self.begun.extend_from_slice(&rest[..end]);
                self.offset += end as u64 + 1;
                rest = &rest[end + 1..];
                let line = std::mem::take(&mut self.begun);
                if !std::mem::take(&mut self.skipping) {
                    let start = self.offset - 1 - line.len() as u64;
                    reports.extend(report(&line, start));
                }
            }
            self.offset += rest.len() as u64;
            self.begun.extend_from_slice(rest);
            if self.begun.len() > LONGEST_LINE {
                self.skipping = true;
                self.begun = Vec::new();
            }
            if !reports.is_empty() {
                return reports;
            }
        }
    }
}

/// The report in a line, if it is one.
pub(crate) fn report(line: &[u8], offset: u64) -> Option<Report> {
    let mut value = json_numbers::from_slice(line)?;
    let fields = value.as_object_mut()?;
    let text = |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    match fields.get("type")?.as_str()? {
        "metric" => Some(Report::Metric {
            name: text(fields, "name")?,
            value: json_numbers::number(fields.get("value")?)?,
            step: fields.get("step").and_then(integer),
        }),
        "progress" => Some(Report::Progress {
            label: text(fields, "label").unwrap_or_default(),
            done: fields.get("done").and_then(json_numbers::number)?,
            total: fields.get("total").filter(|total| !total.is_null()).and_then(json_numbers::number),
        }),
        "display" => {
            let id = text(fields, "id");
            let Some(Value::Object(data)) = fields.remove("data") else { return None };
            Some(Report::Display { id, data, offset, length: line.len() as u64 })
        }
        "error" => {
            let position =
                |name: &str| fields.get(name).and_then(Value::as_u64).and_then(|value| u32::try_from(value).ok());
            Some(Report::Error(Failure {
                message: text(fields, "message")?,
                cell: position("cell"),
                line: position("line"),
                column: position("column"),
            }))
        }
        _ => None,
    }
}

/// An integer, also one that is written as a double.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|double| double.fract() == 0.0).map(|double| double as i64))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_reported_once_they_are_whole_and_rubbish_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut writer = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let mut reports = Reports::open(&path, 0).unwrap();
        assert_eq!(reports.read(), []);
        writer.write_all(b"{\"type\":\"metric\",\"name\":\"a\",\"val").unwrap();
        assert_eq!(reports.read(), []);
        writer.write_all(b"ue\":NaN,\"step\":3.0}\nrubbish\n\xff\n{\"type\":\"what\"}\n[]\n").unwrap();
        let read = reports.read();
        assert!(matches!(&read[..], [Report::Metric { name, value, step: Some(3) }] if name == "a" && value.is_nan()));
        writer.write_all(b"{\"type\":\"display\",\"data\":{\"text/plain\":\"hi\"}}\n").unwrap();
        let [Report::Display { offset, length, .. }] = reports.read()[..] else { panic!() };
        let text = std::fs::read(&path).unwrap();
        let line = &text[offset as usize..(offset + length) as usize];
        assert_eq!(line, b"{\"type\":\"display\",\"data\":{\"text/plain\":\"hi\"}}");
    }

    #[test]
    fn an_error_knows_its_place() {
        let line = br#"{"type":"error","message":"boom","cell":4,"line":2,"column":7}"#;
        let Some(Report::Error(failure)) = report(line, 0) else { panic!() };
        assert_eq!((failure.cell, failure.line, failure.column), (Some(4), Some(2), Some(7)));
        assert_eq!(failure.message, "boom");
    }
}
