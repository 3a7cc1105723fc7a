//! Turns what rustc says of generated sources into what a user is told of cells.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::compile::Scope;
use super::names;
use super::rustc::{Message, MessageSpan};
use super::source::{CellText, Purpose, Source, line_column};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::presentation::{cell_title, draw};

/// What is needed to explain the messages about one source.
pub(super) struct Explanation<'a> {
    pub(super) source: &'a Source,
    /// The source's file.
    pub(super) file: String,
    /// The cell that is compiled.
    pub(super) cell: &'a Arc<CellText>,
    pub(super) scope: &'a Scope,
}

/// The errors among the messages. There is at least one.
pub(super) fn explain(explanation: &Explanation, messages: &[Message]) -> Vec<Diagnostic> {
    let errors: Vec<&Message> = messages
        .iter()
        .filter(|message| message.is_error() && !message.message.starts_with("aborting due to"))
        .collect();
    let mut diagnostics: Vec<Diagnostic> = errors
        .iter()
        .filter(|message| !explanation.of_the_engine(message))
        .map(|m| explanation.diagnostic(m))
        .collect();
    if diagnostics.is_empty() {
        diagnostics = errors.iter().map(|message| explanation.diagnostic(message)).collect();
    }
    let mut seen = BTreeSet::new();
    diagnostics.retain(|diagnostic| seen.insert(diagnostic.rendered.clone()));
    diagnostics
}

impl Explanation<'_> {
    /// The warnings among the messages that are about the user's code.
    pub(super) fn warnings(&self, messages: &[Message]) -> Vec<Diagnostic> {
        messages
            .iter()
            .filter(|message| message.level == "warning" && !message.spans.is_empty())
            .filter(|message| !self.of_the_engine(message))
            .filter(|message| message.spans.iter().any(|span| span.is_primary))
            .map(|message| self.diagnostic(message))
            .filter(|diagnostic| !diagnostic.spans.is_empty())
            .collect()
    }

    /// Whether a message is about the engine's own part of the source alone.
    fn of_the_engine(&self, message: &Message) -> bool {
        let mut own = false;
        for span in message.spans.iter().filter(|span| span.is_primary) {
            let Some(range) = span.within(&self.file) else { continue };
            if self.source.place(&range).is_some() {
                return false;
            }
            own |= self.source.purpose(&range).is_some();
        }
        own
    }

    fn is_users(&self, span: &MessageSpan) -> bool {
        span.within(&self.file).is_some_and(|range| self.source.place(&range).is_some())
    }

    fn diagnostic(&self, message: &Message) -> Diagnostic {
        let severity = if message.is_error() { Severity::Error } else { Severity::Warning };
        let mut text = names::clean(&message.message);
        // The bracket that closes instead is one of the engine's, around the cell.
        if text.starts_with("mismatched closing delimiter") && message.spans.iter().any(|span| !self.is_users(span)) {
            text = "this cell contains an unclosed delimiter".to_owned();
        }
        let mut spans = Vec::new();
        for span in &message.spans {
            let Some(range) = span.within(&self.file) else { continue };
            let Some(place) = self.source.place(&range) else { continue };
            // What the engine wrote may touch the user's text: only words about the user's are for the user.
            if matches!(self.source.purpose(&range), Some(Purpose::Store(_) | Purpose::Take(_) | Purpose::Drop(_))) {
                continue;
            }
            let (line, column) = line_column(&place.cell.shown, place.span.start);
            spans.push(Span {
                cell: place.cell.name.clone(),
                start: place.span.start,
                end: place.span.end,
                line,
                column,
                label: span.label.as_deref().map(names::clean),
                primary: span.is_primary,
            });
        }
        let mut notes = Vec::new();
        for child in &message.children {
            if let Some(note) = self.note(child) {
                notes.push(note);
            }
        }
        notes.extend(self.own_words(message));
        let code = message.code.as_ref().map(|code| code.code.clone());
        let mut diagnostic = Diagnostic { severity, code, message: text, spans, notes, rendered: String::new() };
        diagnostic.rendered = draw(&diagnostic, &|cell| self.text_of(cell));
        diagnostic
    }

    /// A note or a help, with what it suggests to write.
    fn note(&self, child: &Message) -> Option<String> {
        let text = names::clean(&child.message);
        // Advice about generated code, or about flags that nobody sees here.
        let useless = text.contains("__variables")
            || text.contains("oxikale_")
            || text.contains("RUST_BACKTRACE")
            || text.starts_with("you might be missing a crate named")
            || child
                .spans
                .iter()
                .any(|span| span.suggested_replacement.as_deref().is_some_and(|s| s.contains("oxikale_")))
            || text.contains("#[warn(")
            || text.starts_with("`#[")
            || text.contains("add `#![feature")
            || text.starts_with("see issue #")
            || text.starts_with("this compiler was built on")
            || text.contains("consider importing")
                && child
                    .spans
                    .iter()
                    .all(|span| span.suggested_replacement.as_deref().is_some_and(|s| s.contains("u_")));
        if useless {
            return None;
        }
        let replacements: Vec<String> = child
            .spans
            .iter()
            .filter_map(|span| span.suggested_replacement.as_deref())
            .map(|replacement| names::clean_code(&replacement.split_whitespace().collect::<Vec<_>>().join(" ")))
            .filter(|replacement| !replacement.is_empty())
            .collect();
        let level = if child.level == "help" || child.level == "note" { child.level.as_str() } else { "note" };
        if replacements.is_empty() {
            return Some(format!("{level}: {text}"));
        }
        let replacements: Vec<String> = replacements.iter().map(|text| format!("`{text}`")).collect();
        let text = text.trim_end_matches(':');
        Some(format!("{level}: {text}: {}", replacements.join(" … ")))
    }

    /// What only the engine knows: where a variable went, what a later cell will define, which crate is missing.
    fn own_words(&self, message: &Message) -> Vec<String> {
        let quoted = message.message.split('`').nth(1).unwrap_or_default();
        match message.code() {
            "E0425" | "E0423" | "E0412" | "E0433" | "E0422" | "E0432" | "E0405" | "E0574" | "E0531" => {
                let mut words = Vec::new();
                if let Some(gone) = self.scope.variables.gone(quoted) {
                    words.push(format!("note: `{quoted}` was a variable, but {}", gone.reason));
                    return words;
                }
                let missing_crate = message.message.contains("unresolved import")
                    || message.message.contains("unlinked crate")
                    || message.message.contains("undeclared crate")
                    || message.message.contains("cannot find module or crate")
                    || message.message.contains("can't find crate");
                let root = quoted.split("::").next().unwrap_or_default();
                if missing_crate && !self.scope.items.defines(root) && !["std", "core", "alloc", "crate", "self"].contains(&root) {
                    if self.scope.externs.crates.iter().any(|(name, _)| name == root) {
                        return words;
                    }
                    words.push(format!("help: if `{root}` is a crate, add it with a line `:dep {root} = \"*\"`"));
                    return words;
                }
                if self.scope.variables.get(quoted).is_some() {
                    words.push(format!(
                        "note: `{quoted}` is a variable of the session; functions and other items cannot see variables: pass it as an argument"
                    ));
                    return words;
                }
                let known = self
                    .scope
                    .variables
                    .iter()
                    .map(|held| held.name.as_str())
                    .chain(self.scope.items.names())
                    .filter(|name| *name != quoted);
                let nearest = known
                    .map(|name| (strsim::damerau_levenshtein(name, quoted), name))
                    .filter(|(distance, name)| *distance * 3 <= name.chars().count().max(quoted.chars().count()))
                    .min();
                if let Some((_, name)) = nearest {
                    words.push(format!("help: there is a `{name}` in this session"));
                }
                if let Some(cell) = self.scope.upcoming.iter().find(|(name, _)| name == quoted).map(|(_, cell)| cell) {
                    words.push(format!("note: {cell} defines `{quoted}`, but it has not been run"));
                }
                words
            }
            "E0384" | "E0594" | "E0596" => {
                let held = self.scope.variables.get(quoted).filter(|held| !held.mutable);
                held.map(|held| format!("note: {} defines `{quoted}` without `mut`", cell_title(&held.cell))).into_iter().collect()
            }
            "E0434" => vec![
                "note: functions and other items cannot see the variables of the session; pass it as an argument, or write a closure"
                    .to_owned(),
            ],
            _ => Vec::new(),
        }
    }

    fn text_of(&self, cell: &str) -> Option<Arc<str>> {
        self.source
            .cells()
            .find(|text| text.name == cell)
            .or(Some(self.cell).filter(|text| text.name == cell))
            .map(|text| Arc::clone(&text.shown))
    }
}
