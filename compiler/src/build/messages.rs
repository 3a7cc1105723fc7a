//! What rustc says of the program, said of the notebook.

use std::collections::BTreeSet;

use oxikale_notebook::{CellSpan, Notebook};

use super::cargo::{Message, Span};
use crate::dataflow::Question;
use crate::diagnostics::{Diagnostic, Label};
use crate::program::{Origin, Program};

/// What a build taught.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// For the user.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Types that need serde's derives.
    pub(super) derive: BTreeSet<String>,
    /// Steps that were thought to change a variable, but use it up.
    pub(super) used_up: BTreeSet<Question>,
    /// Variables that a step changes though they are not `mut` there, by step and variable.
    pub(super) changed: BTreeSet<(String, String)>,
}

/// Reads rustc's messages.
pub(super) fn read(messages: &[Message], program: &Program, notebook: &Notebook) -> Findings {
    let mut findings = Findings::default();
    let mut seen: BTreeSet<(String, Option<CellSpan>)> = BTreeSet::new();
    let reader = Reader { program, notebook };
    let mut not_saved: BTreeSet<String> = BTreeSet::new();
    let mut loads: Vec<Option<String>> = Vec::new();
    for message in messages {
        if message.message.starts_with("aborting due to")
            || message.message.contains("warning emitted")
            || message.message.contains("warnings emitted")
        {
            continue;
        }
        reader.lessons(message, &mut findings);
        if let Some(diagnostic) = reader.diagnostic(message) {
            // A shared cell stands in every step, and says everything as often.
            let place = diagnostic.labels.first().map(|label| label.span);
            if seen.insert((diagnostic.message.clone(), place)) {
                if let Some(Origin::Save { variable, .. }) = reader.ours(message) {
                    not_saved.insert(variable.clone());
                }
                loads.push(match reader.ours(message) {
                    Some(Origin::Load { variable, .. }) => Some(variable.clone()),
                    _ => None,
                });
                findings.diagnostics.push(diagnostic);
            }
        }
    }
    // What cannot be handed on cannot be taken either; that is one mistake.
    let mut loads = loads.into_iter();
    findings.diagnostics.retain(|_| !loads.next().flatten().is_some_and(|variable| not_saved.contains(&variable)));
    findings
}

struct Reader<'a> {
    program: &'a Program,
    notebook: &'a Notebook,
}

/// rustc's codes for a borrow that does not live long enough.
const BORROWS: [&str; 7] = ["E0597", "E0716", "E0521", "E0310", "E0515", "E0502", "E0503"];

/// Where a span of rustc's lies.
enum Place<'a> {
    Cell(CellSpan),
    Ours(&'a Origin),
    Elsewhere,
}

impl Reader<'_> {
    fn place(&self, span: &Span) -> Place<'_> {
        let mut span = span;
        loop {
            if span.file_name == "src/main.rs" {
                if let Some(cell) = self.in_cell(span) {
                    return Place::Cell(cell);
                }
                if let Some(origin) = self.program.map.origins.get(&span.line_start) {
                    return Place::Ours(origin);
                }
            }
            match &span.expansion {
                Some(expansion) => span = &expansion.span,
                None => return Place::Elsewhere,
            }
        }
    }

    /// The line of ours that a message is about.
    fn ours(&self, message: &Message) -> Option<&Origin> {
        message.spans.iter().filter(|span| span.is_primary).find_map(|span| match self.place(span) {
            Place::Ours(origin) => Some(origin),
            _ => None,
        })
    }

    fn in_cell(&self, span: &Span) -> Option<CellSpan> {
        let (cell, first) = self.program.map.cell_line(span.line_start)?;
        let source = &self.notebook.cells().get(cell)?.source;
        let start = offset(source, first, span.column_start);
        let end = match self.program.map.cell_line(span.line_end) {
            Some((last_cell, line)) if last_cell == cell => offset(source, line, span.column_end),
            _ => start,
        };
        Some(CellSpan::new(cell, start, end.max(start)))
    }

    /// What the next attempt can do better.
    fn lessons(&self, message: &Message, findings: &mut Findings) {
        let code = message.code.as_ref().map_or("", |code| code.code.as_str());
        let text = all_text(message);
        if ["Serialize", "Deserialize", "HandOn", "cannot be handed on"].iter().any(|word| text.contains(word)) {
            findings.derive.extend(
                self.program
                    .types
                    .iter()
                    .filter(|name| !self.program.derived.contains(*name) && mentions(&text, name))
                    .cloned(),
            );
        }
        for span in message.spans.iter().filter(|span| span.is_primary) {
            if let Place::Ours(Origin::Save { step, variable, uncertain: true, .. }) = self.place(span)
                && ["E0382", "E0505", "E0507"].contains(&code)
            {
                findings.used_up.insert(Question { step: step.clone(), variable: variable.clone() });
            }
        }
        if ["E0596", "E0594"].contains(&code) {
            for span in &message.spans {
                if let Place::Ours(Origin::Load { step, variable, .. }) = self.place(span) {
                    findings.changed.insert((step.clone(), variable.clone()));
                }
            }
            // Without a span at the definition, the variable's name stands in the message.
            if let Some(variable) = message.message.split('`').nth(1) {
                for span in message.spans.iter().filter(|span| span.is_primary) {
                    if let Some(step) = self.step_at(span.line_start) {
                        let base: String = variable.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                        findings.changed.insert((step, base));
                    }
                }
            }
        }
    }

    /// The step in whose block a line of the program stands.
    fn step_at(&self, line: u32) -> Option<String> {
        self.program.map.origins.range(..=line).rev().find_map(|(_, origin)| match origin {
            Origin::Load { step, .. } => Some(step.clone()),
            _ => None,
        })
    }

    fn diagnostic(&self, message: &Message) -> Option<Diagnostic> {
        let code = message.code.as_ref().map(|code| code.code.clone());
        let mut labels: Vec<Label> = Vec::new();
        let mut ours: Option<&Origin> = None;
        let borrows = BORROWS.contains(&code.as_deref().unwrap_or_default());
        let mut spans: Vec<&Span> = message.spans.iter().collect();
        spans.sort_by_key(|span| !span.is_primary);
        for span in spans {
            match self.place(span) {
                Place::Cell(place) => {
                    let label = Label { span: place, text: span.label.clone().unwrap_or_default() };
                    if !labels.contains(&label) {
                        labels.push(label);
                    }
                }
                Place::Ours(origin) if span.is_primary => ours = Some(origin),
                // What the value borrows from ends before the value is handed on.
                Place::Ours(origin @ Origin::Save { .. }) if borrows => ours = Some(origin),
                _ => {}
            }
        }
        let error = match message.level.as_str() {
            "error" | "error: internal compiler error" => true,
            "warning" => false,
            _ => return None,
        };
        let mut diagnostic = match ours.filter(|_| error) {
            Some(origin) => self.of_ours(origin, message, code.as_deref().unwrap_or_default(), labels),
            None if error => Diagnostic { labels, ..Diagnostic::error("OX501", message.message.clone()) },
            None if labels.is_empty() => return None,
            None => Diagnostic { labels, ..Diagnostic::warning("OX502", message.message.clone()) },
        };
        if diagnostic.help.is_none() {
            let helps: Vec<&str> = message
                .children
                .iter()
                .filter(|child| {
                    (child.level == "help" || child.level == "note")
                        && !child.message.contains("#[warn(")
                        && !child.message.contains("`#[")
                })
                .map(|child| child.message.as_str())
                .collect();
            if !helps.is_empty() {
                diagnostic.help = Some(helps.join("\n"));
            }
        }
        if diagnostic.labels.is_empty() && error {
            let help = "this is in code that Oxikale wrote; if the notebook's own code is right, please report it with the notebook";
            diagnostic.help = Some(match diagnostic.help {
                Some(own) => format!("{own}\n{help}"),
                None => help.to_owned(),
            });
        }
        diagnostic.rustc = code;
        Some(diagnostic)
    }

    /// An error at a line that we wrote is about handing on, and is said in those words.
    fn of_ours(&self, origin: &Origin, message: &Message, code: &str, mut labels: Vec<Label>) -> Diagnostic {
        let unknown_type = ["E0282", "E0283", "E0284"].contains(&code);
        match origin {
            Origin::Save { step, variable, span, takers, .. } => {
                let takers = takers.iter().map(|taker| format!("`{taker}`")).collect::<Vec<_>>().join(", ");
                if ["E0382", "E0505", "E0507"].contains(&code) {
                    labels.retain(|label| label.span != *span);
                    labels.push(Label { span: *span, text: "defined here".to_owned() });
                    return Diagnostic {
                        labels,
                        ..Diagnostic::error(
                            "OX304",
                            format!("`{variable}` is moved in step `{step}`, so it cannot be handed on to {takers}"),
                        )
                    }
                    .help(format!("give away a copy, as in `{variable}.clone()`, or lend it, as in `&{variable}`"));
                }
                labels.insert(0, Label { span: *span, text: "defined here".to_owned() });
                // A type that nothing tells falls back to `!`.
                if unknown_type || type_in(&message.message) == Some("!") {
                    return Diagnostic {
                        labels,
                        ..Diagnostic::error(
                            "OX306",
                            format!(
                                "the type of `{variable}` is not known where step `{step}` hands it on to {takers}"
                            ),
                        )
                    }
                    .help(format!("say it, as in `let {variable}: Vec<f64> = …`"));
                }
                if code == "E0381" {
                    return Diagnostic { labels, ..Diagnostic::error("OX305", format!("`{variable}` may have no value at the end of step `{step}`, which hands it on to {takers}")) }
                        .help("give it a value on every way through the step");
                }
                let borrowed = BORROWS.contains(&code);
                let ty = type_in(&message.message);
                let (message, help) = match (borrowed, ty) {
                    (true, _) => (
                        format!("`{variable}` borrows from step `{step}`, so it cannot be handed on to {takers}"),
                        format!("hand on a value of its own, as in `{variable}.to_owned()` or `{variable}.clone()`, or what it borrows from"),
                    ),
                    (false, Some(ty)) => (
                        format!("`{variable}` cannot be handed on from step `{step}` to {takers}: it is a `{ty}`"),
                        "values that cross steps are written with serde: derive `Serialize` and `Deserialize` for the type, switch on its crate's `serde` feature in `:dep`, or build the value in the step that uses it".to_owned(),
                    ),
                    (false, None) => (
                        format!("`{variable}` cannot be handed on from step `{step}` to {takers}: {}", message.message),
                        "build the value in the step that uses it".to_owned(),
                    ),
                };
                Diagnostic { labels, ..Diagnostic::error("OX305", message) }.help(help)
            }
            Origin::Load { step, variable, span } => {
                labels.insert(0, Label { span: *span, text: "used here".to_owned() });
                let (code, text) = match unknown_type {
                    true => ("OX306", format!("the type of `{variable}` is not known in step `{step}`")),
                    false => ("OX305", format!("`{variable}` cannot be taken by step `{step}`: {}", message.message)),
                };
                Diagnostic { labels, ..Diagnostic::error(code, text) }.help("give it a type where it is defined")
            }
            Origin::Parameter { name, span } => {
                labels.insert(0, Label { span: *span, text: String::new() });
                Diagnostic {
                    labels,
                    ..Diagnostic::error(
                        "OX401",
                        format!("parameter `{name}` has a type that no run can set: {}", message.message),
                    )
                }
                .help("a parameter is a number, text, true, false, or a list or map of these")
            }
            Origin::Metric { name, span } => {
                labels.insert(0, Label { span: *span, text: String::new() });
                Diagnostic {
                    labels,
                    ..Diagnostic::error("OX406", format!("`{name}` cannot be a metric: {}", message.message))
                }
                .help("a metric is a number or a boolean")
            }
            Origin::Derive { name, span } => {
                labels.insert(0, Label { span: *span, text: String::new() });
                Diagnostic {
                    labels,
                    ..Diagnostic::error(
                        "OX305",
                        format!("values of type `{name}` cannot be handed on: {}", message.message),
                    )
                }
                .help("all its fields must be of types that serde can write and read")
            }
            Origin::Show { span } => {
                labels.insert(0, Label { span: *span, text: String::new() });
                Diagnostic { labels, ..Diagnostic::error("OX501", message.message.clone()) }
            }
        }
    }
}

/// The first thing in backticks.
fn type_in(message: &str) -> Option<&str> {
    message.split('`').nth(1).map(|ty| ty.split(": ").next().unwrap_or(ty)).filter(|ty| !ty.is_empty())
}

/// The message and all that hangs below it.
fn all_text(message: &Message) -> String {
    let mut text = message.message.clone();
    for label in message.spans.iter().filter_map(|span| span.label.as_ref()) {
        text.push('\n');
        text.push_str(label);
    }
    for child in &message.children {
        text.push('\n');
        text.push_str(&all_text(child));
    }
    text
}

/// Whether `name` stands in `text` as a word between backticks or in a type there.
fn mentions(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word)
    })
}

/// The byte of line `line` (from 1), column `column` (in characters, from 1).
fn offset(source: &str, line: u32, column: u32) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match source[start..].find('\n') {
            Some(newline) => start += newline + 1,
            None => return source.len(),
        }
    }
    let rest = &source[start..];
    let end = rest.find('\n').unwrap_or(rest.len());
    rest[..end].char_indices().nth(column.saturating_sub(1) as usize).map_or(start + end, |(at, _)| start + at)
}
