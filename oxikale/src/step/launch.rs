//! The life of a step process: arguments, the cells, and what is told of their end.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde_json::json;

use super::arguments::{self, Request, USAGE};
use super::events::Events;
use super::executor::ExecutorInput;
use super::output::{self, End};
use super::session::{Session, StepRecorder};
use super::slot;
use super::source_map::{self, Place, SourceLines};
use super::{Failure, Program, Step};
use crate::recorder;

/// Cells may recurse: this much address space is theirs, of which only what is touched becomes memory.
const STACK: usize = 256 * 1024 * 1024;
/// The name of the thread that runs the cells.
const CELLS: &str = "cells";

/// A step that failed.
const FAILED: u8 = 1;
/// Arguments or an executor input that make no sense.
const USELESS: u8 = 2;
/// A step that panicked, as for any Rust program.
const PANICKED: u8 = 101;

/// What ended the cells early.
struct Trouble {
    message: String,
    causes: Vec<String>,
    place: Option<Place>,
    code: u8,
}

/// The panic of the cells' thread that happened last: a cell may catch a panic and go on.
static LAST_PANIC: Mutex<Option<(String, Option<Place>)>> = Mutex::new(None);

/// Runs a step program: reads the arguments, runs the step, writes the executor output and returns the exit code.
///
/// 0: the step is done. 1: it failed. 101: it panicked. 2: the arguments or the executor input make no sense.
pub fn main(program: Program) -> ExitCode {
    let request = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(request) => request,
        Err(reason) => return useless(&format!("{reason}\n{USAGE}")),
    };
    let (step, input) = match request {
        Request::Run { step, input } => (step, input),
        Request::List => {
            say(&program.steps.join("\n"));
            return ExitCode::SUCCESS;
        }
        Request::Types => {
            // No step has this name, so that none runs.
            let step = Step { session: Session::new(String::new(), ExecutorInput::default(), Events::none()) };
            return match slot::types(|| (program.run)(&step)) {
                Ok(types) => {
                    say(&json!(types).to_string());
                    ExitCode::SUCCESS
                }
                Err(failure) => useless(failure.message()),
            };
        }
        Request::Version => {
            say(&format!("{} (oxikale {})", program.name, env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Request::Help => {
            say(USAGE);
            return ExitCode::SUCCESS;
        }
    };
    die_with_the_runner();
    if !program.steps.contains(&step.as_str()) {
        let steps = program.steps.join(", ");
        return useless(&format!("pipeline `{}` has no step `{step}`; its steps: {steps}", program.name));
    }
    let input = match ExecutorInput::parse(&input) {
        Ok(input) => input,
        Err(reason) => return useless(&reason),
    };
    survive_a_closed_stdout();
    let session = Session::new(step, input, Events::from_environment());
    recorder::install(Box::new(StepRecorder(session.clone())));
    let map = program.source_map;
    panic::set_hook(Box::new(move |info| tell_panic(map, info)));
    let ended = run_cells(&program, &Step { session: session.clone() });
    ExitCode::from(finish(&session, map, ended))
}

fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn useless(reason: &str) -> ExitCode {
    drop(writeln!(std::io::stderr(), "oxikale: {reason}"));
    ExitCode::from(USELESS)
}

/// No step outlives a runner that was killed.
fn die_with_the_runner() {
    if std::env::var_os("OXIKALE_RUN").is_some()
        && let Err(error) = set_parent_process_death_signal(Some(Signal::KILL))
    {
        eprintln!("oxikale: this step would outlive its runner: {error}");
    }
}

/// Sends standard output to nowhere once nobody reads it, since `println!` would panic and the results be lost.
fn survive_a_closed_stdout() {
    if closed(Some(&Timespec::default())) {
        let _ = ignore_stdout();
        return;
    }
    // Only a pipe or a socket has a reader that can go; the thread sleeps until then, or until the process ends.
    let watch = || {
        if closed(None) {
            let _ = ignore_stdout();
        }
    };
    drop(thread::Builder::new().name("stdout".to_owned()).stack_size(64 * 1024).spawn(watch));
}

/// Whether the reader of standard output has gone, waiting for that for at most `timeout`, or for good.
fn closed(timeout: Option<&Timespec>) -> bool {
    let stdout = std::io::stdout();
    let mut polled = [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut polled, timeout) {
            Ok(_) => return polled[0].revents().contains(PollFlags::ERR),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

fn ignore_stdout() -> std::io::Result<()> {
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    Ok(())
}

/// Runs the step in a thread of its own; `Err` holds what a panic carried.
fn run_cells(program: &Program, step: &Step) -> Result<Result<(), Failure>, Box<dyn Any + Send>> {
    let cells = || panic::catch_unwind(AssertUnwindSafe(|| (program.run)(step)));
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(CELLS.to_owned()).stack_size(STACK).spawn_scoped(scope, cells);
        match thread {
            Ok(thread) => thread.join().and_then(|ended| ended),
            // Where so much address space is not to be had, the stack of this thread must do.
            Err(_) => cells(),
        }
    })
}

/// The panic hook: tells where in the notebook it happened.
fn tell_panic(map: &[SourceLines], info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message").to_owned();
    let location = info.location();
    let mut place = location.and_then(|at| source_map::find(map, at.file(), at.line(), at.column()));
    let wanted = Backtrace::capture();
    let mut at = match (place, location) {
        (Some(place), _) => in_words(place),
        (None, Some(location)) => location.to_string(),
        (None, None) => "an unknown place".to_owned(),
    };
    if place.is_none() {
        let frames = Backtrace::force_capture().to_string();
        place = source_map::find_in_backtrace(map, &frames);
        if let Some(place) = place {
            at = format!("{} (in {at})", in_words(place));
        }
    }
    let current = thread::current();
    let who = match current.name() {
        Some(CELLS) | None => String::new(),
        Some(name) => format!("thread `{name}` "),
    };
    let mut text = format!("{who}panicked at {at}: {message}\n");
    if wanted.status() == BacktraceStatus::Captured {
        text.push_str(&wanted.to_string());
    }
    drop(std::io::stdout().flush());
    drop(std::io::stderr().write_all(text.as_bytes()));
    if matches!(current.name(), Some(CELLS) | Some("main")) {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((format!("panicked at {at}: {message}"), place));
    }
}

fn in_words(place: Place) -> String {
    format!("cell {}, line {}, column {}", place.cell, place.line, place.column)
}

/// Tells how the cells ended, writes what is to be written, and returns the exit code.
fn finish(session: &Session, map: &[SourceLines], ended: Result<Result<(), Failure>, Box<dyn Any + Send>>) -> u8 {
    let mut trouble = match ended {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(from_failure(map, &failure)),
        Err(payload) => Some(from_panic(payload.as_ref())),
    };
    if trouble.is_none() {
        let missing = output::find_missing(session);
        if !missing.is_empty() {
            trouble = Some(plain_trouble(format!("error: {}", missing.join("\nerror: "))));
        }
    }
    drop(std::io::stdout().flush());
    if let Some(trouble) = &trouble {
        tell(session, trouble);
    }
    let told = trouble.as_ref().map(in_full);
    let end = match &told {
        Some(text) => End::Failed(text),
        None => End::Done,
    };
    let unwritten = output::write(session, &end);
    if !unwritten.is_empty() {
        let second = plain_trouble(format!("error: {}", unwritten.join("\nerror: ")));
        tell(session, &second);
        trouble = trouble.or(Some(second));
    }
    drop(std::io::stdout().flush());
    trouble.map_or(0, |trouble| trouble.code)
}

fn plain_trouble(message: String) -> Trouble {
    Trouble { message, causes: Vec::new(), place: None, code: FAILED }
}

fn from_failure(map: &[SourceLines], failure: &Failure) -> Trouble {
    let place = failure.location().and_then(|at| source_map::find(map, at.file(), at.line(), at.column()));
    let at = place.map(|place| format!(" at cell {}, line {}", place.cell, place.line)).unwrap_or_default();
    Trouble {
        message: format!("error{at}: {}", failure.message()),
        causes: failure.causes().to_vec(),
        place,
        code: FAILED,
    }
}

fn from_panic(payload: &(dyn Any + Send)) -> Trouble {
    let told = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (message, place) = told.unwrap_or_else(|| {
        // `resume_unwind` does not call the hook.
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        (format!("panicked: {}", text.unwrap_or("a panic without a message")), None)
    });
    Trouble { message, causes: Vec::new(), place, code: PANICKED }
}

/// The message and its causes, one a line.
fn in_full(trouble: &Trouble) -> String {
    let causes = trouble.causes.iter().map(|cause| format!("\n  caused by: {cause}"));
    std::iter::once(trouble.message.clone()).chain(causes).collect()
}

/// Writes what went wrong to the log, unless the panic hook has, and to the events.
fn tell(session: &Session, trouble: &Trouble) {
    let text = in_full(trouble);
    if trouble.code != PANICKED {
        drop(writeln!(std::io::stderr(), "{text}"));
    }
    let mut event = json!({"type": "error", "message": text});
    if let (Some(place), Some(event)) = (trouble.place, event.as_object_mut()) {
        event.insert("cell".to_owned(), place.cell.into());
        event.insert("line".to_owned(), place.line.into());
        event.insert("column".to_owned(), place.column.into());
    }
    session.events.send(&event);
}
