//! Ends a run from another thread: every process group of it is killed at once.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// A switch that ends a run. Clones are the same switch; once thrown it stays so.
#[derive(Clone, Default)]
pub struct Cancel {
    state: Arc<Mutex<State>>,
}

/// Called once when the switch is thrown.
type Waker = Box<dyn Fn() + Send>;

#[derive(Default)]
struct State {
    cancelled: bool,
    /// Process groups that live now. A group is taken out before its leader is reaped, so that
    /// its number cannot have become somebody else's.
    groups: BTreeSet<i32>,
    wakers: Vec<(u64, Waker)>,
    next_waker: u64,
}

impl Cancel {
    /// A switch that is not thrown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Throws the switch: kills every process that belongs to the run, before it returns.
    pub fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        for group in &state.groups {
            kill(*group);
        }
        for (_, wake) in &state.wakers {
            wake();
        }
    }

    /// Whether the switch was thrown.
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Adds a living group; it is killed at once where the switch was thrown already.
    pub(crate) fn watch_group(&self, group: i32) {
        let mut state = self.lock();
        if state.cancelled {
            kill(group);
        }
        state.groups.insert(group);
    }

    /// Takes a group out. To be called before its leader is reaped.
    pub(crate) fn forget_group(&self, group: i32) {
        self.lock().groups.remove(&group);
    }

    /// Calls `wake` when the switch is thrown, at once where it was already, until the guard is dropped.
    pub(crate) fn on_cancel(&self, wake: impl Fn() + Send + 'static) -> WakerGuard {
        let mut state = self.lock();
        if state.cancelled {
            wake();
        }
        let id = state.next_waker;
        state.next_waker += 1;
        state.wakers.push((id, Box::new(wake)));
        WakerGuard { cancel: self.clone(), id }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// Takes a waker back when it is dropped.
pub(crate) struct WakerGuard {
    cancel: Cancel,
    id: u64,
}

impl Drop for WakerGuard {
    fn drop(&mut self) {
        self.cancel.lock().wakers.retain(|(id, _)| *id != self.id);
    }
}

/// Kills a process group; one that is gone already is no error.
pub fn kill(group: i32) {
    if let Some(pid) = Pid::from_raw(group)
        && group > 1
    {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}
