//! Keeps standard output, standard error and displays in the order in which they were written, though the engine reads
//! them from three pipes: nothing is written to one of them while another holds bytes that the engine has not read.

use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};
use std::process;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::os;
use crate::setting::{Setting, setting};

/// What a write goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
    Display,
}

/// How long a writer waits for an engine that reads nothing; the order may suffer then, but the cell goes on.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many writes to standard output wait for the engine or for room in the pipe.
static WRITING: AtomicUsize = AtomicUsize::new(0);

/// The process in which a display is being written. In a copy of that process it is some other process's number, so
/// that the copy finds nothing locked.
static DISPLAYING: AtomicU32 = AtomicU32::new(0);

/// Which of the streams a write goes to, if any; `start` gives its first bytes and is called for writes of five or more.
pub fn stream_of(fd: RawFd, count: usize, start: impl FnOnce() -> [u8; 5]) -> Option<Stream> {
    match fd {
        1 => Some(Stream::Stdout),
        2 => Some(Stream::Stderr),
        _ if count < 5 => None,
        _ => {
            // A library opens the pipe of the displays by its path, so its descriptor can be any. A record's first
            // bytes tell it from nearly everything else, without asking the system at each write to a file.
            let [a, b, c, d, brace] = start();
            let announced = u32::from_le_bytes([a, b, c, d]) as usize;
            let setting = setting().filter(|_| brace == b'{' && announced == count - 4)?;
            (os::identity(fd) == setting.display_identity).then_some(Stream::Display)
        }
    }
}

/// The right to write to a stream.
pub struct Turn(Stream);

/// Waits until it is this stream's turn.
pub fn turn(stream: Stream) -> Turn {
    match stream {
        Stream::Stdout => _ = WRITING.fetch_add(1, Ordering::AcqRel),
        Stream::Stderr => (),
        Stream::Display => {
            let own = process::id();
            while let Err(holder) = DISPLAYING.compare_exchange(0, own, Ordering::Acquire, Ordering::Relaxed) {
                if holder != own {
                    _ = DISPLAYING.compare_exchange(holder, 0, Ordering::Relaxed, Ordering::Relaxed);
                } else {
                    thread::sleep(Duration::from_micros(20));
                }
            }
        }
    }
    if let Some(setting) = setting() {
        wait_for_reader(setting, stream);
    }
    Turn(stream)
}

impl Drop for Turn {
    fn drop(&mut self) {
        match self.0 {
            Stream::Stdout => _ = WRITING.fetch_sub(1, Ordering::AcqRel),
            Stream::Stderr => (),
            Stream::Display => DISPLAYING.store(0, Ordering::Release),
        }
    }
}

fn wait_for_reader(setting: &Setting, stream: Stream) {
    let (stdout, stderr) = (setting.stdout.as_raw_fd(), setting.stderr.as_raw_fd());
    let display = setting.display.as_raw_fd();
    let others = match stream {
        Stream::Stdout => [stderr, display],
        Stream::Stderr => [stdout, display],
        Stream::Display => [stdout, stderr],
    };
    let unread = || others.iter().map(|fd| os::unread(*fd)).sum::<usize>();
    let mut before = unread();
    let mut since: Option<Instant> = None;
    let mut turns = 0;
    while before > 0 {
        // The engine usually needs a few microseconds; beyond that the processor is better left to it.
        turns += 1;
        if turns <= 8 {
            thread::yield_now()
        } else {
            thread::sleep(Duration::from_micros(20))
        }
        let now = unread();
        let since = since.get_or_insert_with(Instant::now);
        if now != before {
            *since = Instant::now();
        } else if since.elapsed() > PATIENCE {
            return;
        }
        before = now;
    }
}

/// Whether a write to standard output waits for the engine.
pub fn writing() -> bool {
    WRITING.load(Ordering::Acquire) > 0
}

/// Forgets the writes of threads that were not copied with this process.
pub fn after_fork() {
    WRITING.store(0, Ordering::Release);
}

/// Shows something to the user, at once: a JSON object with `kind` (`display`, `result` or `notice`), `data` (MIME type
/// to value), `id` (a string or `null`) and `update`.
///
/// Does nothing in a program that no engine has started.
pub fn display(json: &str) {
    let Some(setting) = setting() else { return };
    let Ok(length) = u32::try_from(json.len()) else { return };
    let mut record = length.to_le_bytes().to_vec();
    record.extend(json.as_bytes());
    // It fails only when the engine is gone, and then this process is about to end.
    drop((&setting.display).write_all(&record));
}
