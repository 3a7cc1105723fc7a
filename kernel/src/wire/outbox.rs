//! What is on its way to one client: a queue whose length in bytes is known, and the task that writes it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

/// How many bytes are given to the system at once, so that progress is seen.
const PORTION: usize = 1 << 18;

/// The queue to one client.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    waiting: VecDeque<Bytes>,
    /// The bytes that wait, and those that are being written.
    bytes: usize,
    closed: bool,
    /// When the client last took something.
    progressed: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, closed: false, progressed: Instant::now() }
    }
}

impl Outbox {
    /// Puts bytes into the queue; false if the client is gone.
    pub fn push(&self, bytes: Bytes) -> bool {
        let mut state = self.state();
        if state.closed {
            return false;
        }
        if state.bytes == 0 {
            state.progressed = Instant::now();
        }
        state.bytes += bytes.len();
        state.waiting.push_back(bytes);
        drop(state);
        self.changed.notify_one();
        true
    }

    /// How many bytes the client has not taken yet.
    pub fn len(&self) -> usize {
        self.state().bytes
    }

    /// How long the client has taken nothing, though something waits.
    pub fn stalled_for(&self) -> Duration {
        let state = self.state();
        if state.bytes == 0 { Duration::ZERO } else { state.progressed.elapsed() }
    }

    /// Lets the client go; what waits is thrown away.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiting.clear();
        drop(state);
        self.changed.notify_one();
    }

    /// Writes what is put into the queue, until the client or the queue is closed. `taken` is told each time that
    /// the client has taken something.
    pub async fn deliver(&self, mut stream: impl AsyncWrite + Unpin, taken: impl Fn()) {
        loop {
            let next = {
                let mut state = self.state();
                if state.closed {
                    return;
                }
                let mut portion: Vec<Bytes> = Vec::new();
                let mut size = 0;
                while let Some(bytes) = state.waiting.front_mut() {
                    if size + bytes.len() > PORTION && size > 0 {
                        break;
                    }
                    let part = if bytes.len() > PORTION {
                        bytes.split_to(PORTION)
                    } else {
                        state.waiting.pop_front().unwrap_or_default()
                    };
                    size += part.len();
                    portion.push(part);
                }
                portion
            };
            if next.is_empty() {
                self.changed.notified().await;
                continue;
            }
            let size: usize = next.iter().map(Bytes::len).sum();
            let portion = if let [one] = &next[..] { one.clone() } else { next.concat().into() };
            let written = tokio::select! {
                written = stream.write_all(&portion) => written,
                () = self.closing() => return,
            };
            if written.is_err() || stream.flush().await.is_err() {
                self.close();
                return;
            }
            let mut state = self.state();
            state.bytes -= size;
            state.progressed = Instant::now();
            drop(state);
            taken();
        }
    }

    /// Returns when the queue is closed.
    async fn closing(&self) {
        while !self.state().closed {
            self.changed.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
