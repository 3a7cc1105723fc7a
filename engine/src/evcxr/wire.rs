//! What the engine, the process that serves evcxr and the relay before the user's code say to each other.
//!
//! A message is a line of JSON, `[message, length]`, followed by as many raw bytes: the output of user code travels as
//! it was written.

use std::io::{self, BufRead, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::Stream;

/// What the engine asks of the server. Cells are numbered, so that an interrupt that comes late ends no other cell.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Execute {
        number: u64,
        source: String,
    },
    Check {
        source: String,
    },
    Restart,
    Interrupt {
        number: u64,
    },
    /// The answer to [`Said::Input`].
    Line(Option<String>),
}

/// What the server says to the engine.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// evcxr has started.
    Ready,
    /// evcxr cannot start; the server ends.
    Unusable(String),
    /// User code has written what follows the message.
    Text(Channel),
    Input {
        prompt: String,
        password: bool,
    },
    Notice(String),
    Done(Box<Done>),
    Checked(Vec<Finding>),
    Restarted(Result<(), String>),
}

/// How a cell has ended, and what there is now.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) ending: Ending,
    /// MIME type and content of what the cell shows.
    pub(super) forms: Vec<(String, String)>,
    /// Names and types of all variables.
    pub(super) variables: Vec<(String, String)>,
    /// Until the code ran, or until the end if it never did.
    pub(super) compile_seconds: f64,
    /// The code itself, if it ran.
    pub(super) run_seconds: Option<f64>,
    /// What `:timing` says.
    pub(super) timing_seconds: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ending {
    Finished,
    /// The compiler, or a command, did not accept the cell.
    Rejected(Vec<Finding>),
    /// evcxr itself did not.
    Refused(String),
    /// The code ran, and ended early. The text of the generated line that panicked is there to find the cell's.
    Failed {
        failure: Failure,
        line: Option<String>,
    },
    /// The process of the user's code is gone.
    Died(Exit),
    Interrupted,
}

/// What the compiler found, at the user's lines and columns.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) warning: bool,
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) places: Vec<Place>,
    pub(super) notes: Vec<String>,
}

/// A place in the cell; lines and columns count from 1, columns are characters, the end is behind the last one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
    pub(super) label: String,
    pub(super) primary: bool,
}

/// What the relay says to the server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Relayed {
    /// The processes of the relay and of the user's code.
    Started { relay: i32, runner: i32 },
    /// User code starts now.
    Running,
    /// User code has written what follows the message.
    Text(Channel),
    /// User code has ended. The relay waits for a byte before it tells evcxr.
    Ended(Option<Failure>),
    /// The process of the user's code is gone. The relay waits for a byte before it goes too.
    Gone(Exit),
}

/// Why user code ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// A panic, or else an error that `?` met.
    pub(super) panic: bool,
    pub(super) message: String,
    /// Line and column of a panic in the generated source.
    pub(super) place: Option<(usize, usize)>,
}

/// How a process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
}

/// [`Stream`] on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Channel {
    Stdout,
    Stderr,
}

impl From<Channel> for Stream {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Stdout => Self::Stdout,
            Channel::Stderr => Self::Stderr,
        }
    }
}

/// Sends a message and the bytes that belong to it.
pub(super) fn write(to: &mut impl Write, message: &impl Serialize, bytes: &[u8]) -> io::Result<()> {
    let mut line = serde_json::to_vec(&(message, bytes.len()))?;
    line.push(b'\n');
    line.extend_from_slice(bytes);
    to.write_all(&line)
}

/// Receives a message and the bytes that belong to it; `None` when the other side has closed.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let (message, length): (T, usize) = serde_json::from_slice(&line)?;
    let mut bytes = Vec::new();
    if from.take(length as u64).read_to_end(&mut bytes)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some((message, bytes)))
}
