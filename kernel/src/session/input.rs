//! What a running cell asks the user for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use oxikale_engine::Input;

/// Takes answers of the user's to the cell that asked.
#[derive(Default)]
pub struct InputDesk(Mutex<State>);

#[derive(Default)]
struct State {
    engine: Option<Input>,
    /// Whether a cell waits for an answer.
    asked: bool,
}

impl InputDesk {
    /// A cell waits for an answer.
    pub(super) fn ask(&self) {
        self.state().asked = true;
    }

    /// Gives the answer to the cell that waits; none is the end of the input. Where nobody has asked, nothing happens.
    pub fn reply(&self, line: Option<&str>) {
        let mut state = self.state();
        if std::mem::take(&mut state.asked)
            && let Some(engine) = state.engine.clone()
        {
            drop(state);
            engine.reply(line);
        }
    }

    /// The cell is over, and no answer is wanted any more.
    pub(super) fn end(&self) {
        self.state().asked = false;
    }

    pub(super) fn set_engine(&self, engine: Option<Input>) {
        self.state().engine = engine;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
