//! The cell that runs, as the server's threads see it: what the relay tells of it, and what an interrupt does to it.

use std::io::{self, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

use super::processes;
use super::wire::{self, Exit, Failure, Relayed, Said};

/// How often an interrupt looks for a compiler that has started since.
const AGAIN: Duration = Duration::from_millis(20);

/// Sends to the engine; shared by the threads of the server.
#[derive(Debug, Clone)]
pub(super) struct Voice(Arc<Mutex<UnixStream>>);

impl Voice {
    pub(super) fn new(engine: UnixStream) -> Self {
        Self(Arc::new(Mutex::new(engine)))
    }

    /// Says something; if the engine is gone, the thread that listens to it ends the process.
    pub(super) fn say(&self, said: &Said, bytes: &[u8]) {
        _ = wire::write(&mut *lock(&self.0), said, bytes);
    }
}

/// The cell that runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Run(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    /// The cell's number, while there is one.
    number: Option<u64>,
    interrupted: bool,
    relay: Option<i32>,
    runner: Option<i32>,
    /// Whether user code runs now.
    running: bool,
    seen: Seen,
}

/// What was seen of a cell's code.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) begun: Option<Instant>,
    pub(super) ended: Option<Instant>,
    pub(super) failure: Option<Failure>,
    /// How its process ended, if it did.
    pub(super) exit: Option<Exit>,
    pub(super) interrupted: bool,
}

impl Run {
    /// A cell begins.
    pub(super) fn begin(&self, number: u64) {
        let mut state = self.state();
        state.number = Some(number);
        state.interrupted = false;
        state.seen = Seen::default();
    }

    /// The cell has ended.
    pub(super) fn end(&self) -> Seen {
        let mut state = self.state();
        state.number = None;
        let mut seen = std::mem::take(&mut state.seen);
        seen.interrupted = state.interrupted;
        self.0.1.notify_all();
        seen
    }

    /// Whether the cell's code has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.state().seen.begun.is_some()
    }

    /// Ends a cell, in a thread of its own: its code, or else what compiles it. Does nothing once it has ended.
    pub(super) fn interrupt(&self, number: u64) {
        let run = self.clone();
        thread::spawn(move || {
            let mut state = run.state();
            while state.number == Some(number) {
                state.interrupted = true;
                match (state.runner, state.relay) {
                    (Some(runner), _) if state.running => {
                        processes::end_runner(runner);
                        // evcxr starts another, which must be left alone.
                        return;
                    }
                    (_, Some(relay)) => _ = processes::end_descendants(own_id(), Some(relay)),
                    (_, None) => {}
                }
                state = run.0.1.wait_timeout(state, AGAIN).unwrap_or_else(PoisonError::into_inner).0;
            }
        });
    }

    /// Whether the cell has been interrupted.
    pub(super) fn is_interrupted(&self) -> bool {
        self.state().interrupted
    }

    /// Hears the relays, one after the other as evcxr starts them.
    pub(super) fn listen(&self, listener: UnixListener, voice: Voice) -> io::Result<()> {
        let run = self.clone();
        thread::Builder::new().name("relay".to_owned()).spawn(move || {
            for relay in listener.incoming().flatten() {
                // A relay that ends in the middle of a word was killed, as one is for each restart.
                _ = run.hear(relay, &voice);
                run.relay_left();
            }
        })?;
        Ok(())
    }

    fn hear(&self, mut relay: UnixStream, voice: &Voice) -> io::Result<()> {
        let mut messages = BufReader::new(relay.try_clone()?);
        while let Some((message, bytes)) = wire::read(&mut messages)? {
            let waits = matches!(message, Relayed::Ended(_) | Relayed::Gone(_));
            match message {
                Relayed::Text(channel) => voice.say(&Said::Text(channel), &bytes),
                other => self.note(other),
            }
            if waits {
                relay.write_all(&[0])?;
            }
        }
        Ok(())
    }

    fn note(&self, message: Relayed) {
        let mut state = self.state();
        match message {
            Relayed::Text(_) => {}
            Relayed::Started { relay, runner } => {
                (state.relay, state.runner) = (Some(relay), Some(runner));
            }
            Relayed::Running => {
                state.running = true;
                state.seen.begun = Some(Instant::now());
                state.seen.failure = None;
            }
            Relayed::Ended(failure) => {
                state.running = false;
                state.seen.ended = Some(Instant::now());
                state.seen.failure = failure;
            }
            Relayed::Gone(exit) => {
                state.running = false;
                state.seen.ended = Some(Instant::now());
                state.seen.exit = Some(exit);
                state.runner = None;
            }
        }
        self.0.1.notify_all();
    }

    /// What user code has started does not outlive the process that it ran in.
    fn relay_left(&self) {
        let mut state = self.state();
        if let Some(runner) = state.runner.take() {
            processes::end_runner(runner);
        }
        state.relay = None;
        state.running = false;
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.0)
    }
}

/// The process that this code runs in.
pub(super) fn own_id() -> i32 {
    // Process numbers are small everywhere.
    i32::try_from(process::id()).unwrap_or_default()
}

/// A thread that panicked leaves nothing half done here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
