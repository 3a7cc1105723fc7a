//! A line from the terminal for user code that reads its standard input.

use std::io::{self, IsTerminal as _};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use oxikale_engine::Input;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::pipe::pipe;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Asks the user for lines, one at a time, while a cell runs.
#[derive(Default)]
pub struct LineInput {
    asking: Mutex<Option<Asking>>,
}

/// A question that may be unanswered.
struct Asking {
    thread: JoinHandle<()>,
    /// A byte in it takes the question back.
    enough: OwnedFd,
}

impl LineInput {
    /// Gives the next line that the user types to `input`. A secret one is not shown.
    pub fn ask(&self, input: Input, secret: bool) {
        self.take_back();
        let Ok((enough_reader, enough)) = pipe() else {
            // Without a way to take the question back it is better not to ask.
            thread::spawn(move || input.reply(None));
            return;
        };
        let thread = thread::spawn(move || {
            let hidden = secret.then(Hidden::begin).flatten();
            let answer = line(&enough_reader);
            drop(hidden);
            match answer {
                Answer::Line(line) => input.reply(Some(&line)),
                Answer::End => input.reply(None),
                Answer::TakenBack => {}
            }
        });
        *self.asking.lock().unwrap_or_else(PoisonError::into_inner) = Some(Asking { thread, enough });
    }

    /// Nobody waits for an answer any more: what is typed next is for the prompt.
    pub fn take_back(&self) {
        let asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Asking { thread, enough }) = asking {
            let _ = write(&enough, b"x");
            let _ = thread.join();
        }
    }
}

enum Answer {
    Line(String),
    End,
    TakenBack,
}

/// Reads until the end of the line, and not a byte more.
fn line(enough: &OwnedFd) -> Answer {
    let stdin = io::stdin();
    let mut bytes = Vec::new();
    loop {
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(enough, PollFlags::IN)];
        match poll(&mut waiting, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return Answer::End,
        }
        if !waiting[1].revents().is_empty() {
            return Answer::TakenBack;
        }
        let mut byte = [0];
        match read(&stdin, &mut byte) {
            Ok(0) if bytes.is_empty() => return Answer::End,
            Ok(0) => continue,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => bytes.push(byte[0]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Answer::End,
        }
    }
    Answer::Line(String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned())
}

/// While it is there, the terminal shows nothing of what is typed.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn begin() -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(&stdin, OptionalActions::Now, &hidden).ok()?;
        Some(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
