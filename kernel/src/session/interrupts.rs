//! Ends what the session does: a cell, a build, or a command of the kernel's own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use oxikale_engine::Interrupter;

/// An interrupt that comes in the moment before something begins has ended nothing, so it is said again.
const AGAIN: Duration = Duration::from_millis(250);

/// Who can end what runs.
#[derive(Default)]
pub struct Interrupts(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    engine: Option<Interrupter>,
    /// Ends the command of the kernel's own that runs.
    command: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Counts what has begun.
    number: u64,
    running: bool,
    requested: bool,
    stopping: bool,
}

impl Interrupts {
    /// Ends what runs; nothing between cells.
    pub fn interrupt(&self) {
        let mut state = self.state();
        if !state.running {
            return;
        }
        let first = !std::mem::replace(&mut state.requested, true);
        let number = state.number;
        drop(state);
        self.call();
        if first {
            let again = Self(Arc::clone(&self.0));
            thread::spawn(move || {
                let goes_on = |state: &State| state.running && state.requested && state.number == number;
                loop {
                    thread::sleep(AGAIN);
                    if !goes_on(&again.state()) {
                        return;
                    }
                    again.call();
                }
            });
        }
    }

    /// Ends what runs, and lets nothing else begin.
    pub fn stop(&self) {
        self.state().stopping = true;
        self.interrupt();
    }

    /// Whether [`Self::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Whether what runs is to end.
    pub fn is_requested(&self) -> bool {
        self.state().requested
    }

    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.number += 1;
        state.running = true;
        state.requested = state.stopping;
    }

    pub(super) fn end(&self) {
        let mut state = self.state();
        state.running = false;
        state.requested = false;
    }

    pub(super) fn set_engine(&self, engine: Option<Interrupter>) {
        self.state().engine = engine;
    }

    /// Does `work`, which `cancel` ends from another thread.
    pub(crate) fn guard<T>(&self, cancel: impl Fn() + Send + Sync + 'static, work: impl FnOnce() -> T) -> T {
        let mut state = self.state();
        let before = state.command.replace(Arc::new(cancel));
        let requested = state.requested;
        drop(state);
        if requested {
            self.call();
        }
        let result = work();
        self.state().command = before;
        result
    }

    fn call(&self) {
        let state = self.state();
        let (engine, command) = (state.engine.clone(), state.command.clone());
        drop(state);
        if let Some(command) = command {
            command();
        }
        if let Some(engine) = engine {
            engine.interrupt();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_begins_after_the_first_word_is_ended_by_the_next() {
        let interrupts = Interrupts::default();
        interrupts.interrupt();
        assert!(!interrupts.is_requested());
        interrupts.begin();
        interrupts.interrupt();
        let (sender, calls) = mpsc::channel();
        interrupts.guard(
            move || sender.send(()).unwrap_or_default(),
            || {
                calls.recv().unwrap();
                calls.recv().unwrap();
            },
        );
        assert!(interrupts.is_requested());
        interrupts.end();
        assert!(!interrupts.is_requested());
        interrupts.begin();
        assert!(!interrupts.is_requested());
        interrupts.stop();
        assert!(interrupts.is_requested() && interrupts.is_stopping());
    }
}
