//! Compiles the likely next cell while another one runs, and knows what the cells to come define.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use oxikale_notebook::directives::{CellLanguage, directives};

use super::compile::Compiler;
use super::parse::parse_in;
use super::rustc::Cancel;
use super::session::DirectEngine;
use super::source::CellText;
use super::variables::Variables;

/// A compilation ahead of its cell.
pub(super) struct Preparing {
    pub(super) source: String,
    pub(super) cancel: Cancel,
    pub(super) thread: JoinHandle<()>,
}

impl DirectEngine {
    /// Compiles the likely next cell while this one runs.
    pub(super) fn start_preparing(&mut self, after: &Variables) {
        if self.preparing.as_ref().is_some_and(|preparing| !preparing.thread.is_finished()) {
            return;
        }
        let Some(source) = self.upcoming.first().cloned() else { return };
        let parted = directives(&source);
        if !parted.commands.is_empty() || parted.language != CellLanguage::Rust {
            return;
        }
        let cancel = Cancel::default();
        let compiler = Compiler { cancel: cancel.clone(), ..self.compiler.clone() };
        let mut scope = self.state.scope.clone();
        scope.variables = after.clone();
        let code = source.clone();
        let thread = std::thread::spawn(move || {
            let text = Arc::new(CellText {
                name: String::new(),
                shown: Arc::from(code.as_str()),
                code: Arc::from(parted.code.as_str()),
            });
            if let Ok(parsed) = parse_in(&text, &scope.items) {
                // What is wrong with the cell is said when it is run.
                drop(compiler.cell(&text, &parsed, &scope, false));
            }
        });
        self.preparing = Some(Preparing { source, cancel, thread });
    }

    /// Waits for a compilation ahead if it is of this cell, and ends it otherwise.
    pub(super) fn finish_preparing(&mut self, source: &str) {
        let Some(preparing) = self.preparing.take() else { return };
        if preparing.source != source {
            preparing.cancel.cancel();
        }
        while !preparing.thread.is_finished() {
            if self.is_interrupted() {
                preparing.cancel.cancel();
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        drop(preparing.thread.join());
    }

    /// The names that the cells to come would define, with what to call these cells.
    pub(super) fn upcoming_names(&self) -> Vec<(String, String)> {
        let mut names = Vec::new();
        for source in &self.upcoming {
            let code = directives(source).code;
            let text =
                Arc::new(CellText { name: String::new(), shown: Arc::from(source.as_str()), code: Arc::from(code) });
            if let Ok(parsed) = parse_in(&text, &self.state.scope.items) {
                let first = source.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
                let cell = format!("the later cell that begins with `{first}`");
                names.extend(parsed.bindings.iter().map(|binding| (binding.name.clone(), cell.clone())));
                names.extend(
                    parsed.entries.iter().flat_map(|entry| &entry.keys).map(|key| (key.name.clone(), cell.clone())),
                );
            }
        }
        names
    }
}
