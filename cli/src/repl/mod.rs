//! Cells from a terminal or a script, run as they come.

mod console;
pub mod editor;
mod highlight;
mod line_input;
mod screen;
mod terminal;

use std::io::{self, BufRead as _};

use oxikale_engine::{Cell, Engine, Outcome as Ended};

use crate::outcome::{FAILED, Failure, INTERRUPTED, OK, Outcome};
pub use console::Console;
use editor::{CellEditor, Names, Typed};
use oxikale_notebook::is_complete;
pub use screen::Screen;
pub use terminal::Terminal;

/// A session at a terminal.
pub struct Session<'a> {
    /// What runs cells. Its listener gives its events to `console`.
    pub engine: Box<dyn Engine>,
    /// Shows events.
    pub console: &'a Console,
}

impl Session<'_> {
    /// Asks for cells and runs them until the user leaves.
    pub fn interactive(mut self, mut editor: CellEditor, names: &Names) -> Outcome {
        let mut number = 1;
        loop {
            self.console.begin_prompt();
            let typed = editor.ask(number);
            self.console.end_prompt();
            let source = match typed? {
                Typed::Cell(source) if source.trim().is_empty() => continue,
                Typed::Cell(source) => source,
                Typed::Nothing => continue,
                Typed::End => return Ok(OK),
            };
            if let Err(why) = editor.remember(&source) {
                self.console.note_once(&why);
            }
            let ended = self.console.run(&mut *self.engine, &cell(source, number));
            if ended == Ended::Quit {
                return Ok(OK);
            }
            let known = self.engine.variables().into_iter().map(|variable| variable.name).collect();
            *names.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = known;
            number += 1;
        }
    }

    /// Runs the cells of a script on standard input, each as soon as it is complete.
    pub fn script(mut self) -> Outcome {
        let mut failed = false;
        let mut source = String::new();
        let mut number = 1;
        let mut lines = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let length = lines.read_until(b'\n', &mut line).map_err(|error| {
                Failure::environment(format!("the script on standard input cannot be read: {error}"))
            })?;
            source.push_str(&String::from_utf8_lossy(&line));
            let text = source.trim_end_matches('\n');
            // The line break that ends each line is none that the user put after the cell.
            let complete = is_complete(source.strip_suffix('\n').unwrap_or(&source));
            if text.trim().is_empty() {
                source.clear();
            } else if complete || length == 0 {
                let ended = self.console.run(&mut *self.engine, &cell(text.to_owned(), number));
                match ended {
                    Ended::Completed => {}
                    Ended::Failed => failed = true,
                    Ended::Interrupted => return Ok(INTERRUPTED),
                    Ended::Quit => break,
                }
                source.clear();
                number += 1;
            }
            if length == 0 {
                break;
            }
        }
        Ok(if failed { FAILED } else { OK })
    }
}

fn cell(source: String, number: u64) -> Cell {
    Cell { source, name: number.to_string() }
}
