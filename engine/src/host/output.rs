//! What user code writes and shows, read from its pipes and handed on in order.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::{Errno, ioctl_fionread, read};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::blocks::{Blocks, Part};
use crate::Stream;

/// What comes out of the processes that run cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Bytes that were written to a standard stream.
    Text {
        /// Which one.
        stream: Stream,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Something to be shown.
    Display {
        /// As what.
        kind: DisplayKind,
        /// MIME type → value.
        data: Map<String, Value>,
        /// The name under which it can be updated.
        id: Option<String>,
        /// Whether it replaces the earlier one of this id.
        update: bool,
    },
    /// User code waits for a line of its standard input.
    Input {
        /// What to show before it.
        prompt: String,
        /// Whether the answer must not be seen.
        password: bool,
    },
}

/// What a display is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisplayKind {
    /// What the code shows along the way.
    #[default]
    Display,
    /// The value of the cell's last expression.
    Result,
    /// A word of the runtime to the user, in `text/plain`.
    Notice,
}

/// Takes what comes out, in order. It is called by a thread of the host's; while it takes its time, user code that
/// prints waits.
pub type Sink = Arc<dyn Fn(Output) + Send + Sync>;

/// How much is read at a time.
const CHUNK: usize = 256 << 10;

/// The longest record of a display.
const LONGEST_RECORD: usize = 1 << 30;

/// What Rust's runtime writes before it ends the process.
const OVERFLOW: &[u8] = b" has overflowed its stack\n";

/// The engine's ends of the pipes.
pub(super) struct Pipes {
    stdout: OwnedFd,
    stderr: OwnedFd,
    display: OwnedFd,
    buffer: Vec<u8>,
    blocks: Blocks,
    /// The beginning of a display's record.
    record: Vec<u8>,
    /// The last bytes of standard error, in which the word of an overflowed stack may begin.
    tail: Vec<u8>,
    overflowed: bool,
    sink: Sink,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    kind: DisplayKind,
    data: Map<String, Value>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    update: bool,
}

impl Pipes {
    /// Takes pipes that do not block.
    pub(super) fn new(stdout: OwnedFd, stderr: OwnedFd, display: OwnedFd, sink: Sink) -> Self {
        Self {
            stdout,
            stderr,
            display,
            buffer: vec![0; CHUNK],
            blocks: Blocks::default(),
            record: Vec::new(),
            tail: Vec::new(),
            overflowed: false,
            sink,
        }
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> [BorrowedFd<'_>; 3] {
        [self.stdout.as_fd(), self.stderr.as_fd(), self.display.as_fd()]
    }

    /// Reads what is there now. (The runtime writes to one pipe only when the others have been read, so their order here
    /// means nothing.)
    pub(super) fn drain(&mut self) {
        for which in 0..3 {
            // No more than is there now: a thread of the user's may write without end.
            let mut there = ioctl_fionread(self.descriptors()[which]).unwrap_or(0);
            while there > 0 {
                let limit = usize::try_from(there).map_or(CHUNK, |there| there.min(CHUNK));
                let source = [&self.stdout, &self.stderr, &self.display][which];
                match read(source, &mut self.buffer[..limit]) {
                    Ok(0) => break,
                    Ok(count) => {
                        there = there.saturating_sub(count as u64);
                        let bytes = self.buffer[..count].to_vec();
                        self.hand_on(which, bytes);
                    }
                    Err(Errno::INTR) => (),
                    Err(_) => break,
                }
            }
        }
    }

    /// Whether text waits for more that may never come.
    pub(super) fn is_waiting(&self) -> bool {
        self.blocks.is_waiting()
    }

    /// Hands on text that waits for more, since nothing has come for a while.
    pub(super) fn release(&mut self) {
        self.parts(Blocks::release);
    }

    /// Hands on everything: the cell has ended.
    pub(super) fn finish(&mut self) {
        self.parts(Blocks::finish);
    }

    /// The process has ended. Says whether it was because its stack overflowed.
    pub(super) fn process_ended(&mut self) -> bool {
        self.finish();
        self.record.clear();
        self.tail.clear();
        std::mem::take(&mut self.overflowed)
    }

    /// Asks the user for a line.
    pub(super) fn ask_for_input(&mut self) {
        self.release();
        let (prompt, password) = self.blocks.take_question().unwrap_or_default();
        (self.sink)(Output::Input { prompt, password });
    }

    fn hand_on(&mut self, which: usize, bytes: Vec<u8>) {
        match which {
            0 => self.parts(|blocks, parts| blocks.take(&bytes, parts)),
            1 => {
                self.release();
                self.tail.extend_from_slice(&bytes);
                self.overflowed |= self.tail.windows(OVERFLOW.len()).any(|window| window == OVERFLOW);
                self.tail.drain(..self.tail.len().saturating_sub(OVERFLOW.len()));
                (self.sink)(Output::Text { stream: Stream::Stderr, bytes });
            }
            _ => {
                self.release();
                self.record.extend_from_slice(&bytes);
                self.records();
            }
        }
    }

    fn parts(&mut self, work: impl FnOnce(&mut Blocks, &mut Vec<Part>)) {
        let mut parts = Vec::new();
        work(&mut self.blocks, &mut parts);
        for part in parts {
            (self.sink)(match part {
                Part::Text(bytes) => Output::Text { stream: Stream::Stdout, bytes },
                Part::Display(data) => Output::Display { kind: DisplayKind::Display, data, id: None, update: false },
            });
        }
    }

    /// Hands on the whole records.
    fn records(&mut self) {
        let mut start = 0;
        while let Some((length, rest)) = self.record[start..].split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            if length > LONGEST_RECORD {
                return self.spoiled();
            }
            let Some(json) = rest.get(..length) else { break };
            let Ok(Record { kind, data, id, update }) = serde_json::from_slice(json) else { return self.spoiled() };
            start += 4 + length;
            (self.sink)(Output::Display { kind, data, id, update });
        }
        self.record.drain(..start);
    }

    /// Something else than records was written to the pipe, and there is no telling where the next one begins.
    fn spoiled(&mut self) {
        self.record.clear();
        let text = "a display was lost: its record is not one; was something else written to the pipe that \
                    OXIKALE_DISPLAY names?";
        let data = Map::from_iter([("text/plain".to_owned(), Value::from(text))]);
        (self.sink)(Output::Display { kind: DisplayKind::Notice, data, id: None, update: false });
    }
}
