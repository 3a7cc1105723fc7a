//! The process between evcxr and the one that runs user code.
//!
//! evcxr reads the output of user code by lines, and says neither that a cell panicked nor when its code begins. The
//! relay hands on what evcxr wants to read, and sends all else to the server itself.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::last_words::PANICKED;
use super::markers::{Part, Splitter};
use super::wire::{self, Channel, Exit, Failure, Relayed};
use super::{RELAY, end_with_parent, last_words, processes};

/// How long a line on the standard error waits, as it may prove to be the error that ended the cell.
const PATIENCE: Duration = Duration::from_millis(15);
/// The same for a panic, which the program may yet catch.
const PATIENCE_WITH_PANIC: Duration = Duration::from_millis(250);
/// How much of the standard error is kept to find the last words in.
const KEPT: usize = 64 * 1024;

/// Starts the process that runs user code, and serves it until it ends.
pub(super) fn run(socket: &OsStr) -> ! {
    end_with_parent();
    let code = match Relay::start(socket).and_then(Relay::serve) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the relay to evcxr's runner: {error}");
            1
        }
    };
    process::exit(code)
}

struct Relay {
    server: UnixStream,
    runner: i32,
    /// Closed with the relay's own standard input.
    stdin: Option<ChildStdin>,
    /// Until they end.
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    exited: UnixStream,
    status: Receiver<io::Result<ExitStatus>>,
    splitter: Splitter,
    /// A line from evcxr that is not whole yet.
    order: Vec<u8>,
    /// Standard error that is not sent yet, with the output that came after it, and since when it waits.
    held: Vec<(Channel, Vec<u8>)>,
    held_since: Option<Instant>,
    /// The end of what this cell wrote to its standard error, what is held included.
    recent: Vec<u8>,
    failure: Option<Failure>,
}

impl Relay {
    fn start(socket: &OsStr) -> io::Result<Self> {
        let server = UnixStream::connect(socket)?;
        let mut child = Command::new(env::current_exe()?)
            .args(env::args_os().skip(1))
            .env_remove(RELAY)
            // evcxr asks for backtraces, which show nothing but its own generated code.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let runner = i32::try_from(child.id()).map_err(io::Error::other)?;
        let (exited, status) = watch(child)?;
        let mut relay = Self {
            server,
            runner,
            stdin,
            stdout,
            stderr,
            exited,
            status,
            splitter: Splitter::default(),
            order: Vec::new(),
            held: Vec::new(),
            held_since: None,
            recent: Vec::new(),
            failure: None,
        };
        let own = i32::try_from(process::id()).map_err(io::Error::other)?;
        relay.say(&Relayed::Started { relay: own, runner }, &[])?;
        Ok(relay)
    }

    fn serve(mut self) -> io::Result<()> {
        loop {
            let ready = self.wait()?;
            if ready.exited {
                return self.conclude();
            }
            if ready.stderr {
                self.read_stderr()?;
            }
            if ready.stdout {
                self.read_stdout()?;
            }
            if ready.orders {
                self.read_orders()?;
            }
            if self.held_since.is_some_and(|since| since.elapsed() >= self.patience()) {
                self.release()?;
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&self) -> io::Result<Ready> {
        let own_stdin = io::stdin();
        let limit = self.held_since.map(|since| self.patience().saturating_sub(since.elapsed()));
        let limit = limit.map(|limit| Timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ });
        let mut polled = vec![PollFd::new(&self.exited, PollFlags::IN)];
        // Without its standard input the runner ends by itself.
        let orders = self.stdin.as_ref().map(|_| polled.len());
        polled.extend(orders.map(|_| PollFd::from_borrowed_fd(own_stdin.as_fd(), PollFlags::IN)));
        let stdout = self.stdout.as_ref().map(|_| polled.len());
        polled.extend(self.stdout.as_ref().map(|stdout| PollFd::new(stdout, PollFlags::IN)));
        let stderr = self.stderr.as_ref().map(|_| polled.len());
        polled.extend(self.stderr.as_ref().map(|stderr| PollFd::new(stderr, PollFlags::IN)));
        match poll(&mut polled, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |at: Option<usize>| at.is_some_and(|at| !polled[at].revents().is_empty());
        Ok(Ready {
            orders: is_ready(orders),
            stdout: is_ready(stdout),
            stderr: is_ready(stderr),
            exited: is_ready(Some(0)),
        })
    }

    /// Hands evcxr's lines on.
    fn read_orders(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let length = retry(|| rustix::io::read(io::stdin().as_fd(), &mut buffer).map_err(io::Error::from))?;
        if length == 0 {
            self.stdin = None;
            return Ok(());
        }
        self.order.extend_from_slice(&buffer[..length]);
        while let Some(end) = self.order.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.order.drain(..=end).collect();
            if line.starts_with(b"LOAD_AND_RUN ") {
                self.release()?;
                self.recent.clear();
                self.failure = None;
                self.say(&Relayed::Running, &[])?;
            }
            if let Some(stdin) = &mut self.stdin {
                // If the runner is gone, its exit will be told.
                _ = stdin.write_all(&line);
            }
        }
        Ok(())
    }

    fn read_stderr(&mut self) -> io::Result<()> {
        let Some(bytes) = read_some(&mut self.stderr)? else { return Ok(()) };
        self.recent.extend_from_slice(&bytes);
        let surplus = self.recent.len().saturating_sub(KEPT);
        self.recent.drain(..surplus);
        self.held_since.get_or_insert_with(Instant::now);
        self.hold(Channel::Stderr, bytes)
    }

    fn read_stdout(&mut self) -> io::Result<()> {
        let Some(bytes) = read_some(&mut self.stdout)? else { return Ok(()) };
        for part in self.splitter.take(&bytes) {
            match part {
                Part::Text(text) if self.held.is_empty() => self.say(&Relayed::Text(Channel::Stdout), &text)?,
                Part::Text(text) => self.hold(Channel::Stdout, text)?,
                Part::Line(line) => forward(&line)?,
                Part::Panicked(line) => {
                    self.drain_stderr()?;
                    let (failure, range) = last_words::panic(&self.recent, self.runner);
                    self.fail(failure, range)?;
                    forward(&line)?;
                }
                Part::Failed(line) => {
                    self.drain_stderr()?;
                    let (failure, range) = last_words::error(&self.recent);
                    self.fail(failure, range)?;
                    forward(&line)?;
                }
                Part::Complete(line) => {
                    self.drain_stderr()?;
                    self.release()?;
                    let failure = self.failure.take();
                    self.say(&Relayed::Ended(failure), &[])?;
                    self.await_server()?;
                    forward(&line)?;
                }
            }
        }
        Ok(())
    }

    /// Notes why the code ended. Its last words, a range of what is kept, are no output as far as they are still held.
    fn fail(&mut self, failure: Failure, words: Option<Range<usize>>) -> io::Result<()> {
        self.failure = Some(failure);
        // The end of what is kept and the end of what is held are the same.
        let mut end = self.recent.len();
        for (_, bytes) in self.held.iter_mut().rev().filter(|(channel, _)| *channel == Channel::Stderr) {
            let start = end.saturating_sub(bytes.len());
            if let Some(words) = &words {
                let cut = words.start.clamp(start, end) - start..words.end.clamp(start, end) - start;
                bytes.drain(cut);
            }
            end = start;
        }
        self.release()
    }

    /// Keeps output back for a moment.
    fn hold(&mut self, channel: Channel, bytes: Vec<u8>) -> io::Result<()> {
        match self.held.last_mut().filter(|(last, _)| *last == channel) {
            Some((_, held)) => held.extend(bytes),
            None => self.held.push((channel, bytes)),
        }
        let all: usize = self.held.iter().map(|(_, bytes)| bytes.len()).sum();
        if all > KEPT { self.release() } else { Ok(()) }
    }

    /// Reads what has been written to the standard error by now.
    fn drain_stderr(&mut self) -> io::Result<()> {
        while is_readable(self.stderr.as_ref())? {
            self.read_stderr()?;
        }
        Ok(())
    }

    /// Sends what waits.
    fn release(&mut self) -> io::Result<()> {
        self.held_since = None;
        for (channel, bytes) in std::mem::take(&mut self.held) {
            if !bytes.is_empty() {
                self.say(&Relayed::Text(channel), &bytes)?;
            }
        }
        Ok(())
    }

    fn patience(&self) -> Duration {
        let has_panic = |bytes: &[u8]| bytes.windows(PANICKED.len()).any(|window| window == PANICKED.as_bytes());
        let panicked = self.held.iter().any(|(channel, bytes)| *channel == Channel::Stderr && has_panic(bytes));
        if panicked { PATIENCE_WITH_PANIC } else { PATIENCE }
    }

    /// Tells how the runner ended, after all that it wrote.
    fn conclude(mut self) -> io::Result<()> {
        let status = self.status.recv().map_err(io::Error::other)??;
        // Processes that user code started end with it.
        processes::end_group(self.runner);
        self.drain_stderr()?;
        while is_readable(self.stdout.as_ref())? {
            self.read_stdout()?;
        }
        self.release()?;
        let rest = self.splitter.finish();
        if !rest.is_empty() {
            self.say(&Relayed::Text(Channel::Stdout), &rest)?;
        }
        self.say(&Relayed::Gone(self.exit(status)), &[])?;
        self.await_server()
    }

    fn exit(&self, status: ExitStatus) -> Exit {
        let Some(signal) = status.signal() else { return Exit::Code(status.code().unwrap_or_default()) };
        // evcxr's runner tells of these signals, and then aborts.
        let said = |words: &str| self.recent.split(|byte| *byte == b'\n').any(|line| line == words.as_bytes());
        let named = [
            ("Segmentation fault.", 11),
            ("Bus error.", rustix::process::Signal::BUS.as_raw()),
            ("Illegal instruction.", 4),
        ];
        Exit::Signal(named.iter().find(|(words, _)| said(words)).map_or(signal, |(_, signal)| *signal))
    }

    fn say(&mut self, message: &Relayed, bytes: &[u8]) -> io::Result<()> {
        wire::write(&mut self.server, message, bytes)
    }

    /// Waits until the server knows all that was sent; evcxr must not learn of it earlier.
    fn await_server(&mut self) -> io::Result<()> {
        self.server.read_exact(&mut [0])
    }
}

/// What there is to do.
struct Ready {
    orders: bool,
    stdout: bool,
    stderr: bool,
    exited: bool,
}

/// Waits for the runner in a thread, since what it has started may keep its output open. The stream ends with it.
fn watch(mut child: Child) -> io::Result<(UnixStream, Receiver<io::Result<ExitStatus>>)> {
    let (ours, theirs) = UnixStream::pair()?;
    let (sender, status) = mpsc::channel();
    thread::Builder::new().name("runner".to_owned()).spawn(move || {
        // The receiver lives as long as the process.
        _ = sender.send(child.wait());
        drop(theirs);
    })?;
    Ok((ours, status))
}

fn is_readable<F: AsFd>(file: Option<&F>) -> io::Result<bool> {
    let Some(file) = file else { return Ok(false) };
    let mut polled = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What there is to read; `None`, also in place of the file, at its end.
fn read_some(file: &mut Option<impl Read>) -> io::Result<Option<Vec<u8>>> {
    let Some(open) = file else { return Ok(None) };
    let mut buffer = vec![0; 64 * 1024];
    let length = retry(|| open.read(&mut buffer))?;
    if length == 0 {
        *file = None;
        return Ok(None);
    }
    buffer.truncate(length);
    Ok(Some(buffer))
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn forward(line: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line)?;
    stdout.flush()
}
