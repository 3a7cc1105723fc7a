//! Takes the events of an engine while a notebook runs: keeps them, shows them, and answers the one that asks.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use oxikale_engine::{Event, Input};

use super::recording::Recording;
use crate::present::cells::CellProgress;

/// What a cell reads from its standard input is not there.
const NO_INPUT: &str =
    "the cell waits for input, and `oxikale exec` has nobody to ask: it was told that the input ends";

/// Hears all that happens; events may come at any time and from any thread.
pub struct Desk {
    recording: Mutex<Recording>,
    /// Shows what happens.
    pub progress: CellProgress,
    input: OnceLock<Input>,
}

impl Desk {
    /// A desk that shows what it hears.
    pub fn new(progress: CellProgress) -> Self {
        Self { recording: Mutex::default(), progress, input: OnceLock::new() }
    }

    /// Cells that ask for input are answered through this, from now on.
    pub fn answer_with(&self, input: Input) {
        let _ = self.input.set(input);
    }

    /// Takes an event.
    pub fn hear(&self, event: &Event) {
        if matches!(event, Event::Input { .. }) {
            self.recording().line(NO_INPUT);
            self.progress.hear(&Event::Notice(NO_INPUT.to_owned()));
            if let Some(input) = self.input.get().cloned() {
                // The engine may wait until this event was heard before it takes an answer.
                thread::spawn(move || input.reply(None));
            }
        }
        self.recording().hear(event);
        self.progress.hear(event);
    }

    /// What was kept.
    pub fn recording(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
