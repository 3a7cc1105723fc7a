//! Writes out what user code printed without a line break, while it goes on.

use std::io::{Write, stderr, stdout};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::output;

/// How long printed text stays in the process at most.
const INTERVAL: Duration = Duration::from_millis(10);

/// The thread's name, by which it is told from the user's.
pub const THREAD: &str = "oxikale-flush";

/// Flushes std's buffers on a thread of its own, so that no other has to wait for somebody who holds their locks.
#[derive(Default)]
pub struct Flusher {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cell_runs: bool,
    asked: u64,
    done: u64,
}

impl Flusher {
    /// Says whether to flush all the time.
    pub fn cell_runs(&self, runs: bool) {
        self.lock().cell_runs = runs;
        self.changed.notify_all();
    }

    /// Flushes, unless somebody holds the lock of an output for this long; false then. Waiting for an engine that is
    /// slow to read does not count.
    pub fn flush_within(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        state.asked += 1;
        let goal = state.asked;
        self.changed.notify_all();
        let mut since = Instant::now();
        while state.done < goal {
            if output::writing() {
                since = Instant::now();
            } else if since.elapsed() > limit {
                return false;
            }
            state = self.changed.wait_timeout(state, INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// What the thread does.
    pub fn work(&self) {
        loop {
            let mut state = self.lock();
            while !state.cell_runs && state.done == state.asked {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.done == state.asked {
                state = self.changed.wait_timeout(state, INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
            }
            let goal = state.asked;
            drop(state);
            // An output that user code has closed is its own affair.
            drop(stdout().lock().flush());
            drop(stderr().lock().flush());
            self.lock().done = goal;
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
