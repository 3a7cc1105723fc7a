//! Ends a build from another thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// Ends what [`super::Dependencies::add`] does: cargo, and all that it has started. Copies end the same build.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    /// The process group of the child that runs now. It is here only while the child has not been waited for, so
    /// that its number cannot belong to another process.
    group: Option<Pid>,
}

impl Cancel {
    /// One that nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the build that runs, and every later one until [`Cancel::reset`].
    pub fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        if let Some(group) = state.group {
            let _ = kill_process_group(group, Signal::TERM);
        }
    }

    /// Lets builds run again.
    pub fn reset(&self) {
        self.state().cancelled = false;
    }

    /// Whether builds have to end.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Says which process group runs now.
    pub(super) fn started(&self, group: Pid) {
        let mut state = self.state();
        state.group = Some(group);
        if state.cancelled {
            let _ = kill_process_group(group, Signal::TERM);
        }
    }

    /// Ends those of the running group that have not heeded the first signal.
    pub(super) fn insist(&self) {
        if let Some(group) = self.state().group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Says that the group's leader is about to be waited for.
    pub(super) fn ended(&self) {
        self.state().group = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
