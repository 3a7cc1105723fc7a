//! What the engine told this session's processes at their start; the same in all of them.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Write, stderr, stdout};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::os;
use crate::protocol::{self, Command, Message, Role};

/// Read at the start of the first process, and inherited by the others.
pub struct Setting {
    socket: PathBuf,
    token: String,
    /// The engine's pipes. They are held apart from descriptors 1 and 2, which user code may point elsewhere.
    pub stdout: OwnedFd,
    /// The pipe of the standard error output.
    pub stderr: OwnedFd,
    /// The pipe of the displays, opened for writing.
    pub display: File,
    /// What `display` is, whatever descriptor it is written to through.
    pub display_identity: Option<(u64, u64)>,
    /// What descriptor 0 was.
    pub input_identity: Option<(u64, u64)>,
}

static SETTING: OnceLock<Setting> = OnceLock::new();

/// The setting; `None` in a program that no engine has started.
pub fn setting() -> Option<&'static Setting> {
    SETTING.get()
}

impl Setting {
    /// Reads the command line and the environment, out of which the token is taken.
    pub fn read() -> io::Result<&'static Self> {
        let missing = |what: &str| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{what} is not given; only an engine starts this program"),
            )
        };
        let socket = env::args_os().nth(1).map(PathBuf::from).ok_or_else(|| missing("the path of the socket"))?;
        let token = env::var(protocol::TOKEN).map_err(|_| missing(protocol::TOKEN))?;
        os::set_environment(protocol::TOKEN, None);
        let display = env::var_os(protocol::DISPLAY).ok_or_else(|| missing(protocol::DISPLAY))?;
        let display = OpenOptions::new().write(true).open(display)?;
        let setting = Self {
            socket,
            token,
            stdout: stdout().as_fd().try_clone_to_owned()?,
            stderr: stderr().as_fd().try_clone_to_owned()?,
            display_identity: os::identity(display.as_raw_fd()),
            display,
            input_identity: os::identity(0),
        };
        Ok(SETTING.get_or_init(|| setting))
    }

    /// The session's private folder.
    pub fn folder(&self) -> &Path {
        self.socket.parent().unwrap_or(&self.socket)
    }

    /// A new connection to the engine, for this process.
    pub fn connect(&self, role: Role) -> io::Result<Channel> {
        let channel = Channel { stream: UnixStream::connect(&self.socket)?, sending: Mutex::new(()) };
        channel.send(&Message::Hello { token: self.token.clone(), role, pid: process::id() });
        Ok(channel)
    }
}

/// A process's connection to the engine.
pub struct Channel {
    stream: UnixStream,
    /// Held while a message is sent, so that messages of several threads do not mix.
    sending: Mutex<()>,
}

impl Channel {
    /// Tells the engine something.
    pub fn send(&self, message: &Message) {
        let _sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = (&self.stream).write_all(&message.encode()) {
            // Usually the engine is gone, and nobody will read this.
            eprintln!(
                "the process that runs cells has lost its engine ({error}); did the cell close files that it had not \
                 opened?"
            );
            os::leave(1);
        }
    }

    /// Closes the connection of the process that this one is a copy of; it is not used any more.
    pub fn abandon(&self) {
        os::close_file(self.stream.as_raw_fd());
    }

    /// Waits for the engine's next command; `None` if it is gone.
    pub fn receive(&self) -> Option<Command> {
        protocol::read_frame(&mut &self.stream).ok().flatten().and_then(|frame| Command::decode(&frame))
    }

    /// Waits until the engine is gone.
    pub fn wait_for_hang_up(&self) {
        os::wait_for_hang_up(self.stream.as_raw_fd());
    }
}
