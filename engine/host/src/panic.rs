//! Notes where a cell panicked, and prints the panics that do not end a cell as std does.

use std::any::Any;
use std::backtrace::Backtrace;
use std::panic::{self, PanicHookInfo};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::process;
use crate::protocol::{Frame, Panic};

/// Backtraces are taken for the first panics of a cell only: one takes some milliseconds, and code that catches its
/// panics may cause thousands.
const BACKTRACES: usize = 32;

/// The function of this runtime that calls the user's code.
const USER_CODE: &str = "::serve::user_code";

/// The function of std between a panic and the hook.
const PANICKING: &str = "__rust_end_short_backtrace";

/// The panics of the cell that runs.
#[derive(Default)]
pub struct Panics(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// The thread of the cell, while one runs.
    cell: Option<ThreadId>,
    /// The latest panic of any thread. A pool hands a panic of its threads on to the cell without a word to the hook.
    latest: Option<Panic>,
    /// Whether `latest` has been printed.
    printed: bool,
    backtraces: usize,
}

impl Panics {
    /// The calling thread begins a cell.
    pub fn begin(&self) {
        *self.lock() = Seen { cell: Some(thread::current().id()), ..Seen::default() };
    }

    /// The cell has ended, by a panic with this payload or without one.
    pub fn end(&self, payload: Option<&(dyn Any + Send)>) -> Option<Panic> {
        let seen = std::mem::take(&mut *self.lock());
        let message = payload.map(message_of);
        match (seen.latest, message) {
            (Some(latest), Some(message)) if latest.message == message => Some(latest),
            (latest, message) => {
                latest.filter(|_| !seen.printed).iter().for_each(print);
                message.map(|message| Panic { message, thread: "main".to_owned(), ..Panic::default() })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes std's place at panics.
pub fn install_hook() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let Some(process) = process::current() else { return usual(info) };
        let (in_cell, backtrace) = {
            let mut seen = process.panics.lock();
            let in_cell = seen.cell == Some(thread::current().id());
            seen.backtraces += usize::from(in_cell);
            (in_cell, in_cell && seen.backtraces <= BACKTRACES)
        };
        let mut panic = note(info);
        if backtrace {
            // Without the lock: a backtrace may take a while, and other threads may panic.
            panic.frames = frames(&format!("{:#}", Backtrace::force_capture()));
            // Only what the user's code has called, and not what the panic calls in its turn.
            let is = |name: &'static str| move |frame: &Frame| frame.symbol.contains(name);
            let begin = panic.frames.iter().position(is(USER_CODE));
            panic.frames.truncate(begin.unwrap_or(panic.frames.len()));
            let end = panic.frames.iter().rposition(is(PANICKING));
            panic.frames.drain(..end.map_or(0, |end| end + 1));
        }
        // The engine reports the panic that ends the cell. One that is caught further in, or that ends the process, is
        // printed here and now. An inlined `catch_unwind` is not seen: then `end` prints it, or the next panic does.
        let ends_cell = in_cell && info.can_unwind() && !is_caught(&panic.frames);
        let mut seen = process.panics.lock();
        let earlier = seen.latest.take().filter(|_| !seen.printed);
        seen.printed = !ends_cell;
        let now = (!ends_cell).then(|| panic.clone());
        seen.latest = Some(panic);
        drop(seen);
        earlier.iter().chain(&now).for_each(print);
    }));
}

fn note(info: &PanicHookInfo<'_>) -> Panic {
    let location = info.location();
    Panic {
        message: message_of(info.payload()),
        file: location.map(|place| place.file().to_owned()).unwrap_or_default(),
        line: location.map_or(0, |place| place.line()),
        column: location.map_or(0, |place| place.column()),
        thread: thread::current().name().unwrap_or("<unnamed>").to_owned(),
        frames: Vec::new(),
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("Box<dyn Any>").to_owned()
}

fn print(panic: &Panic) {
    let Panic { message, file, line, column, thread, .. } = panic;
    // In one piece: the engine puts the user's own places in.
    let text = format!("\nthread '{thread}' panicked at {file}:{line}:{column}:\n{message}\n");
    eprint!("{text}");
}

/// Whether code of the user's stops the panic.
fn is_caught(frames: &[Frame]) -> bool {
    frames
        .iter()
        .any(|frame| frame.symbol.ends_with("__rust_try") || frame.symbol.contains("::panicking::catch_unwind"))
}

/// The frames of a backtrace as std prints it in full: a line `  3: 0x55d0 - path::of::function`, and beneath it, where
/// it is known, `at /path/file.rs:12:5`. Functions that were inlined stand as lines without a number.
fn frames(text: &str) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(place) = line.strip_prefix("at ") {
            let mut parts = place.rsplitn(3, ':');
            let (column, number, file) = (parts.next(), parts.next(), parts.next());
            let known = frames.last_mut().zip(file).zip(number.and_then(|number| number.parse().ok()));
            if let Some(((frame, file), number)) = known {
                frame.file = file.to_owned();
                frame.line = number;
                frame.column = column.and_then(|column| column.parse().ok()).unwrap_or(0);
            }
        } else {
            let symbol = match line.split_once(": ") {
                Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest.trim_start(),
                _ => line,
            };
            let symbol = match symbol.split_once(" - ") {
                Some((address, rest)) if address.starts_with("0x") => rest,
                _ => symbol,
            };
            frames.push(Frame { symbol: symbol.to_owned(), ..Frame::default() });
        }
    }
    frames
}
