//! The standard input of user code: a named pipe that is closed to mark the end of input, and opened again afterwards.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};

use crate::EngineError;

/// The engine's end.
pub(super) struct Stdin {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// Open both ways, so that it never blocks and what nobody has read can be taken back. None after the end of input.
    pipe: Option<File>,
    /// What did not fit into the pipe yet.
    queue: Vec<u8>,
    /// Whether the end of input follows the queue.
    ends: bool,
}

impl Stdin {
    /// Opens the pipe.
    pub(super) fn open(path: PathBuf) -> Result<Self, EngineError> {
        let pipe = open(&path)?;
        Ok(Self { path, state: Mutex::new(State { pipe: Some(pipe), queue: Vec::new(), ends: false }) })
    }

    /// The other end, for user code.
    pub(super) fn reader(&self) -> Result<OwnedFd, EngineError> {
        rustix::fs::open(&self.path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| EngineError::new(format!("the standard input of cells cannot be opened: {error}")))
    }

    /// Gives a line, or the end of input.
    pub(super) fn reply(&self, line: Option<&str>) {
        let mut state = self.lock();
        match line {
            Some(line) => {
                state.queue.extend_from_slice(line.as_bytes());
                state.queue.push(b'\n');
            }
            None => state.ends = true,
        }
        state.push();
    }

    /// User code waits for input: an earlier end of it has been seen.
    pub(super) fn reopen(&self) {
        let mut state = self.lock();
        state.ends = false;
        if state.pipe.is_none() {
            state.pipe = open(&self.path).ok();
        }
    }

    /// Whether there is more than fits into the pipe.
    pub(super) fn has_more(&self) -> bool {
        !self.lock().queue.is_empty()
    }

    /// Writes what fits.
    pub(super) fn push(&self) {
        self.lock().push();
    }

    /// Takes back what nobody has read: it was meant for the cell that has ended.
    pub(super) fn clear(&self) {
        self.reopen();
        let mut state = self.lock();
        state.queue.clear();
        let mut rest = [0; 4096];
        while let Some(pipe) = &mut state.pipe
            && pipe.read(&mut rest).is_ok_and(|count| count > 0)
        {}
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self) {
        while !self.queue.is_empty()
            && let Some(pipe) = &mut self.pipe
        {
            match pipe.write(&self.queue) {
                Ok(count) => drop(self.queue.drain(..count)),
                // Full: the rest follows.
                Err(_) => return,
            }
        }
        if self.ends {
            self.pipe = None;
        }
    }
}

fn open(path: &std::path::Path) -> Result<File, EngineError> {
    rustix::fs::open(path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
        .map(File::from)
        .map_err(|error| EngineError::new(format!("the standard input of cells cannot be opened: {error}")))
}
