//! Diagnostics: drawn into the cells that they speak of, summed up, and as JSON.

use std::path::Path;

use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind};
use oxikale_compiler::diagnostics::{Diagnostic, Severity};
use oxikale_notebook::{CellSpan, LineColumn, Notebook};
use serde_json::{Map, Value, json};

use super::text::{count, paragraph, plain, source};

/// Draws findings for a terminal or a pipe.
#[derive(Debug)]
pub struct Drawer<'a> {
    notebook: &'a Notebook,
    file: String,
    config: Config,
    colour: bool,
}

/// What is to be drawn: a diagnostic of the compiler, or the failure of a step.
#[derive(Debug)]
struct Finding<'a> {
    code: Option<String>,
    severity: Severity,
    message: &'a str,
    labels: Vec<(CellSpan, &'a str)>,
    help: Option<&'a str>,
}

impl<'a> Drawer<'a> {
    /// Draws into the cells of `notebook`, which was read from `path`.
    pub fn new(notebook: &'a Notebook, path: &Path, colour: bool, unicode: bool) -> Self {
        let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
        let charset = if unicode { CharSet::Unicode } else { CharSet::Ascii };
        let config = Config::default().with_color(colour).with_index_type(IndexType::Char).with_char_set(charset);
        Self { notebook, file: plain(&name), config, colour }
    }

    /// All of them, one after the other.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic]) -> String {
        diagnostics.iter().map(|diagnostic| self.diagnostic(diagnostic)).collect()
    }

    /// One diagnostic.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) -> String {
        let code = match &diagnostic.rustc {
            Some(rustc) => format!("{}, {}", diagnostic.code, plain(rustc)),
            None => diagnostic.code.to_owned(),
        };
        self.draw(&Finding {
            code: Some(code),
            severity: diagnostic.severity,
            message: &diagnostic.message,
            labels: diagnostic.labels.iter().map(|label| (label.span, label.text.as_str())).collect(),
            help: diagnostic.help.as_deref(),
        })
    }

    /// The failure of a step in a cell: its number, line and column are those of people. Without a column, or where
    /// the place does not exist, as much as does.
    pub fn failure(&self, message: &str, cell: u32, line: Option<u32>, column: Option<u32>) -> Option<String> {
        let index = usize::try_from(cell).ok()?.checked_sub(1)?;
        let text = &self.notebook.cells().get(index)?.source;
        let span = place(text, line?, column).map(|(start, end)| CellSpan::new(index, start, end))?;
        Some(self.draw(&Finding {
            code: None,
            severity: Severity::Error,
            message,
            labels: vec![(span, "it failed here")],
            help: None,
        }))
    }

    fn draw(&self, finding: &Finding<'_>) -> String {
        let (word, colour) = match finding.severity {
            Severity::Error => ("Error", Color::Red),
            Severity::Warning => ("Warning", Color::Yellow),
            Severity::Note => ("Note", Color::BrightBlue),
        };
        let kind = match finding.severity {
            Severity::Error => ReportKind::Error,
            Severity::Warning => ReportKind::Warning,
            Severity::Note => ReportKind::Custom(word, colour),
        };
        let places: Vec<(String, std::ops::Range<usize>, &str, usize)> = finding
            .labels
            .iter()
            .filter_map(|(span, text)| {
                let cell = self.notebook.cells().get(span.cell)?;
                Some((self.name(span.cell), characters(&cell.source, span.start, span.end), *text, span.cell))
            })
            .collect();
        let Some((main, range, _, _)) = places.first() else { return self.without_place(finding, word, colour) };
        let mut report = Report::build(kind, (main.clone(), range.clone()))
            .with_config(self.config)
            .with_message(paragraph(finding.message));
        if let Some(code) = &finding.code {
            report = report.with_code(code);
        }
        for (number, (name, range, text, _)) in places.iter().enumerate() {
            // A label without any text is not underlined.
            let text = if text.is_empty() { " ".to_owned() } else { paragraph(text) };
            let label = Label::new((name.clone(), range.clone()))
                .with_color(if number == 0 { colour } else { Color::Cyan })
                .with_order(i32::try_from(number).unwrap_or(i32::MAX))
                .with_message(text);
            report = report.with_label(label);
        }
        if let Some(help) = finding.help {
            report = report.with_help(paragraph(help));
        }
        let sources: Vec<(String, String)> = places
            .iter()
            .filter_map(|(name, _, _, cell)| Some((name.clone(), source(&self.notebook.cells().get(*cell)?.source))))
            .collect();
        let mut bytes = Vec::new();
        match report.finish().write(ariadne::sources(sources), &mut bytes) {
            Ok(()) => {
                let text = String::from_utf8_lossy(&bytes);
                let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
                format!("{}\n", lines.join("\n"))
            }
            Err(_) => self.without_place(finding, word, colour),
        }
    }

    /// What concerns the whole notebook.
    fn without_place(&self, finding: &Finding<'_>, word: &str, colour: Color) -> String {
        let code = finding.code.as_ref().map_or_else(String::new, |code| format!("[{code}] "));
        let head = if self.colour {
            use ariadne::Fmt as _;
            format!("{}", format!("{code}{word}:").fg(colour))
        } else {
            format!("{code}{word}:")
        };
        let mut text = format!("{head} {}\n", paragraph(finding.message));
        if let Some(help) = finding.help {
            text.push_str(&format!("  Help: {}\n", paragraph(help).replace('\n', "\n        ")));
        }
        text
    }

    fn name(&self, cell: usize) -> String {
        format!("{}, cell {}", self.file, cell + 1)
    }
}

/// A stretch of bytes as one of characters, within the text, and never empty where there is a character to show.
fn characters(text: &str, start: usize, end: usize) -> std::ops::Range<usize> {
    let count = |byte: usize| {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        text[..byte].chars().count()
    };
    let (start, end) = (count(start), count(end));
    start..end.max(start)
}

/// The bytes from a line and column to the end of the line.
fn place(text: &str, line: u32, column: Option<u32>) -> Option<(usize, usize)> {
    let number = usize::try_from(line).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(number).map(str::len).sum();
    let rest = text.split_inclusive('\n').nth(number)?.trim_end();
    let indent = rest.len() - rest.trim_start().len();
    let begin = match column.and_then(|column| usize::try_from(column).ok()?.checked_sub(1)) {
        Some(column) => rest.char_indices().nth(column).map_or(indent, |(byte, _)| byte),
        None => indent,
    };
    Some((start + begin, start + rest.len()))
}

/// `2 errors, 1 warning`; nothing where there is nothing.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let of = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let counts = [
        (of(Severity::Error), "error", "errors"),
        (of(Severity::Warning), "warning", "warnings"),
        (of(Severity::Note), "note", "notes"),
    ];
    let parts: Vec<String> =
        counts.iter().filter(|(number, ..)| *number > 0).map(|(number, one, many)| count(*number, one, many)).collect();
    if parts.is_empty() { None } else { Some(parts.join(", ")) }
}

/// A list for programs. Cells, lines and columns (in characters) count from 1; an end is the place after the last
/// character.
pub fn json(diagnostics: &[Diagnostic], notebook: &Notebook) -> Value {
    diagnostics
        .iter()
        .map(|diagnostic| {
            let labels: Vec<Map<String, Value>> = diagnostic
                .labels
                .iter()
                .map(|label| {
                    let mut place = place_json(label.span, notebook);
                    place.insert("text".to_owned(), Value::from(label.text.as_str()));
                    place
                })
                .collect();
            let mut value = json!({
                "code": diagnostic.code,
                "rustc": diagnostic.rustc,
                "severity": diagnostic.severity,
                "message": diagnostic.message,
                "help": diagnostic.help,
            });
            if let Some(object) = value.as_object_mut() {
                let place = diagnostic.labels.first().map(|label| place_json(label.span, notebook));
                for name in ["cell", "line", "column", "end_line", "end_column"] {
                    let number = place.as_ref().and_then(|place| place.get(name)).cloned();
                    object.insert(name.to_owned(), number.unwrap_or(Value::Null));
                }
                object.insert("labels".to_owned(), json!(labels));
            }
            value
        })
        .collect()
}

fn place_json(span: CellSpan, notebook: &Notebook) -> Map<String, Value> {
    let text = notebook.cells().get(span.cell).map_or("", |cell| cell.source.as_str());
    let (start, end) = (LineColumn::of(text, span.start), LineColumn::of(text, span.end));
    let mut place = Map::new();
    for (name, number) in [
        ("cell", span.cell + 1),
        ("line", start.line),
        ("column", start.column),
        ("end_line", end.line),
        ("end_column", end.column),
    ] {
        place.insert(name.to_owned(), Value::from(number));
    }
    place
}
