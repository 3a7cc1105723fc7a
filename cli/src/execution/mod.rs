//! Runs the cells of a notebook one after the other and keeps their outputs in it.

pub mod desk;
mod outputs;
pub mod parameters;
mod recording;
pub mod saved_notebook;
mod saver;
pub mod watch;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use oxikale_engine::{Cell, Engine, Outcome};
use oxikale_notebook::{CellKind, Notebook};

use crate::present::cells::{End, Place};
use desk::Desk;
use saved_notebook::SavedNotebook;
use saver::{Kept, Saver};
use watch::Watch;

/// So many of the next cells are named to the engine ahead of time.
const AHEAD: usize = 4;

/// The tag of a cell whose error is expected; nbconvert's.
const RAISES: &str = "raises-exception";

/// A run of a notebook's cells.
pub struct Execution<'a> {
    /// What runs them. Its listener gives its events to `desk`.
    pub engine: Box<dyn Engine>,
    /// Takes the events.
    pub desk: &'a Desk,
    /// Ends cells that run too long, and the whole run at Ctrl-C.
    pub watch: &'a Watch,
    /// Whether the first error ends the run.
    pub stop_on_error: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// The cells that ran.
    pub cells: Vec<CellReport>,
    /// Why cells after them did not run.
    pub stopped: Option<Stopped>,
    /// How many did not.
    pub left: usize,
    /// Where the outputs are.
    pub kept: Kept,
}

/// What came of a cell.
#[derive(Debug)]
pub struct CellReport {
    /// What messages call it.
    pub cell: String,
    /// The number that stands beside it now.
    pub count: u64,
    /// How it ended.
    pub end: End,
    /// Name and message of its error.
    pub error: Option<(String, String)>,
    /// How long it took.
    pub seconds: f64,
}

/// Why a run ended before the last cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// A cell failed.
    Error,
    /// Ctrl-C.
    Interrupted,
    /// A cell ended the session.
    Quit,
}

/// A cell that is to run.
struct Planned {
    index: usize,
    cell: Cell,
    raises: bool,
}

impl Execution<'_> {
    /// Does it.
    pub fn run(mut self, mut notebook: SavedNotebook) -> Report {
        let cells = plan(notebook.notebook());
        let interrupter = self.engine.interrupter();
        self.desk.answer_with(self.engine.input());
        let saver = Saver::new(notebook, self.desk);
        let (save, wanted) = mpsc::channel();
        let (mut reports, mut stopped) = (Vec::new(), None);
        let (watch, saving) = (self.watch, &saver);
        thread::scope(|scope| {
            let closing = Closing { watch, save };
            scope.spawn(|| watch.keep(&interrupter));
            scope.spawn(move || saving.keep(&wanted));
            for number in 0..cells.len() {
                if watch.is_stopping() {
                    stopped = Some(Stopped::Interrupted);
                    break;
                }
                let (report, outcome) = self.cell(&cells, number);
                let _ = closing.save.send(());
                stopped = match (&report.end, outcome) {
                    (End::Interrupted, _) => Some(Stopped::Interrupted),
                    (_, Outcome::Quit) => Some(Stopped::Quit),
                    (End::Failed(_), _) if self.stop_on_error => Some(Stopped::Error),
                    _ => None,
                };
                reports.push(report);
                if stopped.is_some() {
                    break;
                }
            }
        });
        // What threads of the user's still write is heard until the engine has ended.
        drop(self.engine);
        Report { left: cells.len() - reports.len(), cells: reports, stopped, kept: saver.end() }
    }

    fn cell(&mut self, cells: &[Planned], number: usize) -> (CellReport, Outcome) {
        let Planned { index, cell, raises } = &cells[number];
        let count = number as u64 + 1;
        let title = cell.source.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
        let place = Place { number: number + 1, count: cells.len(), cell: cell.name.clone(), title };
        self.desk.recording().begin(*index, count);
        self.desk.progress.begin(&place);
        let next = cells[number + 1..].iter().take(AHEAD);
        self.engine.prepare(next.map(|planned| planned.cell.source.clone()).collect());
        let began = Instant::now();
        self.watch.begin();
        let outcome = self.engine.execute(cell);
        let limit = self.watch.end().filter(|_| outcome == Outcome::Interrupted);
        let seconds = began.elapsed().as_secs_f64();
        let error = self.finish(limit);
        let end = match outcome {
            Outcome::Completed | Outcome::Quit => End::Good,
            Outcome::Interrupted if limit.is_none() => End::Interrupted,
            Outcome::Failed if *raises => End::Allowed(short(error.as_ref())),
            Outcome::Failed | Outcome::Interrupted => End::Failed(short(error.as_ref())),
        };
        self.desk.progress.end(&place, &end, seconds);
        (CellReport { cell: cell.name.clone(), count, end, error, seconds }, outcome)
    }

    /// Closes the record of a cell; `limit` is the time that it was not allowed to exceed and did. Returns name and
    /// message of its error.
    fn finish(&self, limit: Option<Duration>) -> Option<(String, String)> {
        let mut recording = self.desk.recording();
        let outputs = recording.current()?;
        outputs.finish();
        if let Some(limit) = limit {
            let seconds = limit.as_secs_f64();
            outputs.rename_error("timeout", &format!("the cell ran longer than {seconds} s and was ended (--timeout)"));
        }
        outputs.error().map(|(name, message)| (name.to_owned(), message.to_owned()))
    }
}

/// Ends the threads beside the cells, also where the thread of the cells panics.
struct Closing<'a> {
    watch: &'a Watch,
    /// Asks for the notebook to be saved; while it is there, that happens now and then anyway.
    save: mpsc::Sender<()>,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.watch.close();
    }
}

/// The code cells that have anything in them. The others lose what they once put out.
fn plan(notebook: &mut Notebook) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut blank = Vec::new();
    for (index, cell) in notebook.cells().iter().enumerate().filter(|(_, cell)| cell.kind == CellKind::Code) {
        if cell.source.trim().is_empty() {
            blank.push(index);
            continue;
        }
        let raises = cell.tags.iter().any(|tag| tag == RAISES);
        let cell = Cell { source: cell.source.clone(), name: (index + 1).to_string() };
        planned.push(Planned { index, cell, raises });
    }
    for index in blank {
        // It is a code cell, and nothing is not nested.
        let _ = notebook.set_outputs(index, Vec::new(), None);
    }
    planned
}

/// An error in one line.
fn short(error: Option<&(String, String)>) -> String {
    let Some((name, message)) = error else { return "no reason was given".to_owned() };
    let first = message.lines().next().unwrap_or_default();
    if first.contains(name.as_str()) { first.to_owned() } else { format!("{name}: {first}") }
}

#[cfg(test)]
mod tests;
