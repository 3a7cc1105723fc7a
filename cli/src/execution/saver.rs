//! Saves a notebook while it runs, so that a kill at any time loses little.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::saved_notebook::{Saved, SavedNotebook};

/// While a cell runs, its outputs are saved this often.
const OFTEN: Duration = Duration::from_secs(5);

/// Saving outputs of many megabytes takes long; it may take one in so many parts of the time.
const SHARE: u32 = 10;

/// Puts what was heard into the notebook, and saves it.
pub struct Saver<'a> {
    desk: &'a Desk,
    state: Mutex<State>,
}

struct State {
    notebook: SavedNotebook,
    moved: Option<PathBuf>,
    problem: Option<String>,
}

/// How saving went in the end.
#[derive(Debug)]
pub struct Kept {
    /// The notebook, and where it is.
    pub notebook: SavedNotebook,
    /// Where it was saved instead, since somebody else had changed the file.
    pub moved: Option<PathBuf>,
    /// Why the last save failed.
    pub problem: Option<String>,
}

impl<'a> Saver<'a> {
    /// Saves `notebook` with the outputs that `desk` hears of.
    pub fn new(notebook: SavedNotebook, desk: &'a Desk) -> Self {
        Self { desk, state: Mutex::new(State { notebook, moved: None, problem: None }) }
    }

    /// Saves what has changed. What could not be written is tried again the next time.
    pub fn save(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.desk.recording().changes();
        state.notebook.put(changes);
        match state.notebook.save() {
            Saved::Yes => state.problem = None,
            Saved::Elsewhere(path) => {
                state.problem = None;
                state.moved = Some(path);
            }
            Saved::No(why) => state.problem = Some(why),
        }
    }

    /// Saves whenever `wanted` says so, and now and then, until its other end is dropped. Cells need not wait for that.
    pub fn keep(&self, wanted: &Receiver<()>) {
        let mut pause = OFTEN;
        loop {
            match wanted.recv_timeout(pause) {
                Ok(()) => while wanted.try_recv().is_ok() {},
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.desk.recording().has_changed() {
                let began = Instant::now();
                self.save();
                pause = OFTEN.max(began.elapsed() * SHARE);
            }
        }
    }

    /// How it went.
    pub fn end(self) -> Kept {
        self.save();
        let State { notebook, moved, problem } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        Kept { notebook, moved, problem }
    }
}
