//! Ends a cell that runs too long, or that the user wants to end.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oxikale_engine::Interrupter;

/// An interrupt that came in the moment before a cell began has ended nothing, so it is said again.
const AGAIN: Duration = Duration::from_secs(1);

/// Watches over the cells of a run.
#[derive(Debug)]
pub struct Watch {
    state: Mutex<State>,
    changed: Condvar,
    limit: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    /// When the running cell began.
    began: Option<Instant>,
    timed_out: bool,
    stopping: bool,
    over: bool,
}

impl Watch {
    /// Cells may take `limit`.
    pub fn new(limit: Option<Duration>) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), limit }
    }

    /// Ends the running cell, and lets no other begin.
    pub fn stop(&self) {
        self.state().stopping = true;
        self.changed.notify_all();
    }

    /// Whether [`Self::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// A cell begins.
    pub fn begin(&self) {
        let mut state = self.state();
        state.began = Some(Instant::now());
        state.timed_out = false;
        drop(state);
        self.changed.notify_all();
    }

    /// It is over. Where it took too long, and was told to end for that, the time that it was allowed to take.
    pub fn end(&self) -> Option<Duration> {
        let mut state = self.state();
        state.began = None;
        self.limit.filter(|_| state.timed_out)
    }

    /// Watches until [`Self::close`] is called.
    pub fn keep(&self, interrupter: &Interrupter) {
        let mut state = self.state();
        while !state.over {
            let Some(began) = state.began else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = self.limit.map(|limit| limit.saturating_sub(began.elapsed()));
            if !state.stopping && left != Some(Duration::ZERO) {
                state = match left {
                    Some(left) => self.wait(state, left),
                    None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
                continue;
            }
            state.timed_out = !state.stopping;
            drop(state);
            interrupter.interrupt();
            state = self.state();
            if !state.over && state.began.is_some() {
                state = self.wait(state, AGAIN);
            }
        }
    }

    /// No cell will begin any more.
    pub fn close(&self) {
        self.state().over = true;
        self.changed.notify_all();
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Runs `test` with a watch, and what tells of its interrupts.
    fn watched(limit: Option<Duration>, test: impl FnOnce(&Watch, &mpsc::Receiver<()>)) {
        let watch = Watch::new(limit);
        let (sender, interrupts) = mpsc::channel();
        let interrupter = Interrupter::new(move || sender.send(()).unwrap_or_default());
        thread::scope(|scope| {
            scope.spawn(|| watch.keep(&interrupter));
            test(&watch, &interrupts);
            watch.close();
        });
    }

    #[test]
    fn a_cell_that_takes_too_long_is_ended() {
        watched(Some(Duration::from_millis(20)), |watch, interrupts| {
            watch.begin();
            interrupts.recv().unwrap();
            assert_eq!(watch.end(), Some(Duration::from_millis(20)));
            assert!(!watch.is_stopping());
        });
    }

    #[test]
    fn a_stop_ends_the_cell_whether_it_comes_before_or_after_its_beginning() {
        watched(None, |watch, interrupts| {
            watch.begin();
            watch.stop();
            interrupts.recv().unwrap();
            assert_eq!(watch.end(), None);
            watch.begin();
            interrupts.recv().unwrap();
            // The first one may have come too early.
            interrupts.recv().unwrap();
            watch.end();
            assert!(watch.is_stopping());
        });
    }

    #[test]
    fn between_cells_nothing_is_ended() {
        watched(Some(Duration::from_millis(1)), |watch, interrupts| {
            watch.begin();
            interrupts.recv().unwrap();
            watch.end();
            assert_eq!(interrupts.recv_timeout(Duration::from_millis(50)), Err(mpsc::RecvTimeoutError::Timeout));
        });
    }
}
