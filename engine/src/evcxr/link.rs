//! The engine's side of the process that serves evcxr.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use tempfile::TempDir;

use super::run::lock;
use super::wire::{self, Request, Said};
use super::{ARGUMENT, BUILD_FOLDER, FOLDER, processes};
use crate::engine::Listener;
use crate::event::{Event, Progress};

/// How long the process has to end by itself.
const TIME_TO_LEAVE: Duration = Duration::from_secs(3);
/// How many lines of the process's standard error are kept for the message when it dies.
const KEPT_LINES: usize = 20;

/// What reaches the thread that waits for the server.
pub(super) enum Incoming {
    Said(Said),
    /// The server is gone.
    Gone,
    /// The user has ended the cell of this number.
    Interrupted(u64),
}

/// A server, and what it said.
pub(super) struct Link {
    child: Child,
    pub(super) requests: Requests,
    pub(super) incoming: Receiver<Incoming>,
    pub(super) sender: Sender<Incoming>,
    pub(super) is_ready: bool,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    /// Removed by the server when it ends, and here if it did not come to that.
    folder: TempDir,
}

/// Sends requests to a server; shared with the interrupter and the input.
#[derive(Debug, Clone)]
pub(super) struct Requests(Arc<Mutex<UnixStream>>);

impl Requests {
    /// Asks for something. A server that is gone is noticed by the thread that listens to it.
    pub(super) fn send(&self, request: &Request) {
        _ = wire::write(&mut *lock(&self.0), request, &[]);
    }
}

impl Link {
    /// Starts a server that works in `folder`.
    pub(super) fn start(
        executable: &Path,
        folder: &Path,
        environment: &[(&'static str, &OsStr)],
        listener: &Listener,
    ) -> io::Result<Self> {
        let session = tempfile::Builder::new().prefix("oxikale-evcxr-").tempdir()?;
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(executable);
        command
            .arg(ARGUMENT)
            .current_dir(folder)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .env(FOLDER, session.path())
            .envs(environment.iter().copied())
            // A Ctrl-C in a terminal is for the front end alone.
            .process_group(0);
        if env::var_os(BUILD_FOLDER).is_none() {
            let build = session.path().join("build");
            fs::create_dir(&build)?;
            command.env(BUILD_FOLDER, build);
        }
        let mut child = command.spawn()?;
        // It holds the server's end of the socket.
        drop(command);
        let (sender, incoming) = mpsc::channel();
        let last_lines = Arc::default();
        let reader = ours.try_clone()?;
        thread::spawn({
            let (sender, listener) = (sender.clone(), Arc::clone(listener));
            move || {
                listen(reader, &sender, &listener);
                // Nobody waits any more if this fails.
                _ = sender.send(Incoming::Gone);
            }
        });
        if let Some(stderr) = child.stderr.take() {
            let (lines, listener) = (Arc::clone(&last_lines), Arc::clone(listener));
            thread::spawn(move || read_stderr(stderr, &lines, &listener));
        }
        Ok(Self {
            child,
            requests: Requests(Arc::new(Mutex::new(ours))),
            incoming,
            sender,
            is_ready: false,
            last_lines,
            folder: session,
        })
    }

    /// What the server wrote before it died, for a message.
    pub(super) fn last_words(&self) -> String {
        lock(&self.last_lines).iter().map(|line| format!("\n{line}")).collect()
    }

    /// How the server, which is gone or about to be, has ended.
    pub(super) fn exit(&mut self) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < TIME_TO_LEAVE {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
        None
    }

    /// Ends the server at once, with all that it has started.
    pub(super) fn kill(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && matches!(self.child.try_wait(), Ok(None))
        {
            _ = processes::end_descendants(pid, None);
        }
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // This is what the server leaves at.
        _ = lock(&self.requests.0).shutdown(Shutdown::Both);
        if self.exit().is_none() {
            self.kill();
        }
        // The folder itself is removed after this, if the server has not done it.
        _ = fs::remove_dir_all(self.folder.path());
    }
}

fn listen(server: UnixStream, sender: &Sender<Incoming>, listener: &Listener) {
    let mut server = BufReader::new(server);
    while let Ok(Some((said, bytes))) = wire::read(&mut server) {
        match said {
            Said::Text(channel) => listener(Event::Text { stream: channel.into(), bytes }),
            Said::Input { prompt, password } => listener(Event::Input { prompt, password }),
            Said::Notice(text) => listener(Event::Notice(text)),
            other => {
                if sender.send(Incoming::Said(other)).is_err() {
                    return;
                }
            }
        }
    }
}

/// evcxr tells on its standard error which crates it compiles.
fn read_stderr(stderr: ChildStderr, last_lines: &Mutex<VecDeque<String>>, listener: &Listener) {
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        let label = line.trim();
        if label.starts_with("Compiling ") {
            listener(Event::Progress(Progress { label: label.to_owned(), done: 0, total: None }));
            continue;
        }
        let mut lines = lock(last_lines);
        lines.push_back(line);
        if lines.len() > KEPT_LINES {
            lines.pop_front();
        }
    }
}
