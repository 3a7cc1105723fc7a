//! What the engine knows of a session's processes; filled by the thread that reads from them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::protocol::{Command, Message};
use super::stdin::Stdin;

/// Shared between the host's own thread and whoever uses it.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Makes the thread look up.
    pub(super) bell: OwnedFd,
    pub(super) stdin: Stdin,
}

#[derive(Default)]
pub(super) struct State {
    /// The connection to the supervisor.
    pub(super) supervisor: Option<Connection>,
    /// The process that runs cells, until it has ended.
    pub(super) host: Option<Process>,
    /// The sleeping copies, by number. Without a process number: the host has been asked for it.
    pub(super) checkpoints: BTreeMap<u64, Checkpoint>,
    /// The processes of checkpoints that were dropped and may not have ended yet.
    pub(super) dropped: Vec<u32>,
    /// Why checkpoints could not be made, the latest last.
    pub(super) refusals: Vec<(u64, String)>,
    /// What the host has answered.
    pub(super) answers: VecDeque<Message>,
    /// How processes have ended, and whether the stack had overflowed.
    pub(super) deaths: HashMap<u32, (i32, bool)>,
    /// The processes that the supervisor was asked to end, and has ended.
    pub(super) ended: Option<Vec<u32>>,
    /// Whether a command of the user's code is being carried out.
    pub(super) running: bool,
    /// Whether somebody wants it to end.
    pub(super) interrupted: bool,
    /// Why nothing works any more.
    pub(super) broken: Option<String>,
    /// Whether the thread is to end.
    pub(super) closing: bool,
}

/// The process that runs cells.
pub(super) struct Process {
    pub(super) pid: u32,
    /// None if it was closed.
    pub(super) connection: Option<Connection>,
}

/// A sleeping copy.
#[derive(Default)]
pub(super) struct Checkpoint {
    pub(super) pid: Option<u32>,
    pub(super) connection: Option<Connection>,
}

/// A connection to a process.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) stream: Arc<UnixStream>,
}

impl Connection {
    /// Sends a command. If nobody reads it, the end of the process will be noticed.
    pub(super) fn send(&self, command: &Command) {
        drop((&*self.stream).write_all(&command.encode()));
    }

    /// Closes it for both sides.
    pub(super) fn close(&self) {
        drop(self.stream.shutdown(Shutdown::Both));
    }
}

impl State {
    /// The numbers of the checkpoints' processes.
    pub(super) fn sleepers(&self) -> Vec<u32> {
        self.checkpoints.values().filter_map(|checkpoint| checkpoint.pid).collect()
    }

    /// Whether a checkpoint has been asked for that is not there yet.
    pub(super) fn is_forking(&self) -> bool {
        self.checkpoints.values().any(|checkpoint| checkpoint.pid.is_none())
    }

    /// Ends a checkpoint.
    pub(super) fn drop_checkpoint(&mut self, id: u64) {
        let Some(checkpoint) = self.checkpoints.remove(&id) else { return };
        self.dropped.extend(checkpoint.pid);
        if let Some(connection) = checkpoint.connection {
            connection.close();
        }
    }
}

impl Shared {
    pub(super) fn new(bell: OwnedFd, stdin: Stdin) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), bell, stdin }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes who waits for it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits for a change, no longer than this.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until there is something; `None` if there is none for this long.
    pub(super) fn wait_for<T>(&self, limit: Duration, mut find: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = find(&mut state) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.wait(state, left);
        }
    }

    /// Makes the thread look up.
    pub(super) fn ring(&self) {
        // It fails if the bell rings already.
        _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }
}
