//! The engine itself.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::diagnostics::diagnostic;
use super::link::{Incoming, Link, Requests};
use super::run::lock;
use super::wire::{Done, Ending, Finding, Request, Said};
use super::{Options, definitions, failure};
use crate::diagnostic::Diagnostic;
use crate::engine::{Back, Cell, Engine, EngineError, Input, Interrupter, Listener, Outcome, Variable};
use crate::event::{ErrorKind, Event, Progress};
use crate::presentation;
use crate::standard_library;
use crate::surroundings::{Surroundings, VariableSource};
use crate::toolchain::Toolchain;

/// How long evcxr may take to end a cell; after that, its process is ended.
const TIME_TO_END: Duration = Duration::from_secs(10);

/// Runs cells with evcxr.
pub struct EvcxrEngine {
    options: Options,
    executable: PathBuf,
    toolchain: Toolchain,
    /// Where the sources of the standard library are.
    library: PathBuf,
    listener: Listener,
    /// Made anew when it has died.
    link: Option<Link>,
    control: Arc<Mutex<Control>>,
    /// The number of the last cell.
    number: u64,
    variables: Vec<Variable>,
}

/// What other threads may reach.
#[derive(Default)]
struct Control {
    /// The cell that runs, and who waits for it.
    running: Option<(u64, Sender<Incoming>)>,
    /// Where answers to [`Event::Input`] go.
    requests: Option<Requests>,
}

/// Why the server did not answer.
enum NoAnswer {
    Interrupted,
    /// What happened, and what to do.
    Error(String),
    Quit,
}

impl EvcxrEngine {
    /// Starts a session. evcxr gets ready while the caller goes on; the first cell waits for it.
    ///
    /// # Errors
    /// If there is no compiler, if the sources of the standard library are missing, or the process cannot be started.
    pub fn start(options: Options, listener: Listener) -> Result<Self, EngineError> {
        let toolchain =
            Toolchain::find(options.toolchain.as_deref()).map_err(|error| EngineError::new(error.to_string()))?;
        let Some(library) = standard_library::folder(&toolchain, &options.cache) else {
            return Err(EngineError::new(format!(
                "evcxr learns the types of variables from the sources of the standard library, which are not in {}: \
                 run `rustup component add rust-src`, or set RUST_SRC_PATH to a folder `library` of Rust's sources",
                standard_library::component(&toolchain).display()
            )));
        };
        let executable = match &options.executable {
            Some(executable) => executable.clone(),
            None => env::current_exe().map_err(|error| {
                EngineError::new(format!("cannot find the program that is to serve evcxr: {error}"))
            })?,
        };
        let control = Arc::default();
        let mut engine = Self {
            options,
            executable,
            toolchain,
            library,
            listener,
            link: None,
            control,
            number: 0,
            variables: Vec::new(),
        };
        engine.connect()?;
        Ok(engine)
    }

    fn connect(&mut self) -> Result<&mut Link, EngineError> {
        if self.link.is_none() {
            let mut environment: Vec<(&str, &OsStr)> = vec![("RUST_SRC_PATH", self.library.as_os_str())];
            environment.extend(self.options.toolchain.as_deref().map(|name| ("RUSTUP_TOOLCHAIN", OsStr::new(name))));
            let link =
                Link::start(&self.executable, &self.options.folder, &environment, &self.listener).map_err(|error| {
                    EngineError::new(format!(
                        "cannot start evcxr with {} in {}: {error}",
                        self.executable.display(),
                        self.options.folder.display()
                    ))
                })?;
            lock(&self.control).requests = Some(link.requests.clone());
            self.link = Some(link);
        }
        self.link.as_mut().ok_or_else(|| EngineError::new("evcxr is not running"))
    }

    /// Asks the server, once it is ready, and waits for its answer.
    fn ask(&mut self, request: &Request) -> Result<Said, NoAnswer> {
        let listener = Arc::clone(&self.listener);
        let link = self.connect().map_err(|error| NoAnswer::Error(error.message))?;
        let sender = link.sender.clone();
        if let Request::Execute { number, .. } = request {
            lock(&self.control).running = Some((*number, sender));
        }
        let answer = match self.link.as_mut() {
            Some(link) => wait(link, request, &listener),
            None => Wait::Gone,
        };
        lock(&self.control).running = None;
        match answer {
            Wait::Answered(Said::Unusable(message)) => {
                self.link = None;
                Err(NoAnswer::Error(format!("evcxr cannot start: {}", message.trim_end())))
            }
            Wait::Answered(said) => Ok(said),
            Wait::NotStarted => Err(NoAnswer::Interrupted),
            Wait::Stuck => {
                if let Some(link) = &mut self.link {
                    link.kill();
                }
                self.lose("evcxr did not stop, so its process was ended");
                Err(NoAnswer::Interrupted)
            }
            Wait::Gone => {
                let status = self.link.as_mut().and_then(Link::exit);
                // It leaves so when `:quit` asks for it.
                if status.is_some_and(|status| status.success()) {
                    self.link = None;
                    self.variables.clear();
                    return Err(NoAnswer::Quit);
                }
                let words = self.link.as_ref().map(Link::last_words).unwrap_or_default();
                let status = status.map_or_else(|| "no exit status".to_owned(), |status| status.to_string());
                self.lose("evcxr's process has ended");
                Err(NoAnswer::Error(format!(
                    "evcxr's process has ended by itself ({status}); the next cell starts it again{words}"
                )))
            }
        }
    }

    /// The server is gone, and all of the session with it.
    fn lose(&mut self, reason: &str) {
        self.link = None;
        self.variables.clear();
        self.tell(Event::Notice(format!(
            "{reason}: variables, functions, types and dependencies are gone; run the cells that define them again"
        )));
    }

    fn tell(&self, event: Event) {
        (self.listener)(event);
    }

    fn conclude(&mut self, cell: &Cell, done: Done) -> Outcome {
        let before = std::mem::take(&mut self.variables);
        self.variables = definitions::after(&before, &done.variables, cell);
        // Without code it is what a command answers.
        let shows = done.run_seconds.is_some() && matches!(done.ending, Ending::Finished);
        // evcxr shows even that there is nothing to show.
        let is_unit = matches!(&done.forms[..], [(mime, content)] if mime == "text/plain" && content == "()");
        if !done.forms.is_empty() && !is_unit {
            let data = data(done.forms);
            self.tell(if shows { Event::Result { data } } else { Event::Display { data, id: None, update: false } });
        }
        if let Some(seconds) = done.timing_seconds {
            let text = format!("Took {:.0} ms", seconds * 1000.0);
            self.tell(Event::Display { data: data(vec![("text/plain".to_owned(), text)]), id: None, update: false });
        }
        let error = match done.ending {
            Ending::Finished => None,
            Ending::Rejected(findings) => Some(failure::rejected(&findings, cell)),
            Ending::Refused(message) => Some(failure::refused(&message, cell)),
            Ending::Failed { failure, line } => Some(failure::failed(&failure, line.as_deref(), cell)),
            Ending::Died(exit) => Some(failure::died(exit)),
            Ending::Interrupted => Some(presentation::interrupted()),
        };
        let mut outcome = Outcome::Completed;
        if let Some(error) = error {
            outcome = if error.kind == ErrorKind::Interrupted { Outcome::Interrupted } else { Outcome::Failed };
            self.tell(Event::Error(error));
            let kept = |name: &str| self.variables.iter().any(|variable| variable.name == name);
            let lost: Vec<String> =
                before.iter().filter(|lost| !kept(&lost.name)).map(|lost| format!("`{}`", lost.name)).collect();
            if !lost.is_empty() {
                self.tell(Event::Notice(format!(
                    "evcxr has no checkpoints; these variables are gone: {}",
                    lost.join(", ")
                )));
            }
        }
        if let Some(seconds) = done.run_seconds {
            let compile = Duration::from_secs_f64(done.compile_seconds.max(0.0));
            let run = Duration::from_secs_f64(seconds.max(0.0));
            self.tell(Event::Timing { compile, run, cached: false });
        }
        outcome
    }
}

impl Engine for EvcxrEngine {
    fn execute(&mut self, cell: &Cell) -> Outcome {
        self.number += 1;
        match self.ask(&Request::Execute { number: self.number, source: cell.source.clone() }) {
            Ok(Said::Done(done)) => self.conclude(cell, *done),
            Ok(_) => {
                self.tell(Event::Error(presentation::failure(
                    ErrorKind::Internal,
                    "evcxr",
                    "evcxr's process gave a wrong answer",
                )));
                Outcome::Failed
            }
            Err(NoAnswer::Interrupted) => {
                self.tell(Event::Error(presentation::interrupted()));
                Outcome::Interrupted
            }
            Err(NoAnswer::Error(message)) => {
                self.tell(Event::Error(presentation::failure(ErrorKind::Internal, "evcxr", &message)));
                Outcome::Failed
            }
            Err(NoAnswer::Quit) => Outcome::Quit,
        }
    }

    /// evcxr cannot compile while it runs a cell.
    fn prepare(&mut self, _: Vec<String>) {}

    fn check(&mut self, source: &str) -> Vec<Diagnostic> {
        let cell = Cell { source: source.to_owned(), name: String::new() };
        match self.ask(&Request::Check { source: source.to_owned() }) {
            Ok(Said::Checked(findings)) => findings.iter().map(|finding| diagnostic(finding, &cell)).collect(),
            Err(NoAnswer::Error(message)) => {
                let finding = Finding { warning: false, code: None, message, places: Vec::new(), notes: Vec::new() };
                vec![diagnostic(&finding, &cell)]
            }
            Ok(_) | Err(NoAnswer::Interrupted | NoAnswer::Quit) => Vec::new(),
        }
    }

    fn variables(&self) -> Vec<Variable> {
        self.variables.clone()
    }

    /// Without items and crates, of which evcxr does not tell.
    fn surroundings(&self) -> Surroundings {
        let variable = |variable: &Variable| VariableSource {
            name: variable.name.clone(),
            type_name: variable.type_name.clone(),
            mutable: variable.mutable,
        };
        Surroundings {
            rustc: self.toolchain.rustc.clone(),
            cargo: self.toolchain.cargo.clone(),
            host: self.toolchain.host.clone(),
            version: self.toolchain.version.clone(),
            library: Some(self.library.clone()),
            variables: self.variables.iter().map(variable).collect(),
            ..Surroundings::default()
        }
    }

    /// Moves the variable away, which evcxr understands: false also for a value that is copied, which it keeps.
    fn forget(&mut self, name: &str) -> bool {
        if !self.variables.iter().any(|variable| variable.name == name) {
            return false;
        }
        self.number += 1;
        let source = format!("std::mem::drop({name});");
        match self.ask(&Request::Execute { number: self.number, source: source.clone() }) {
            Ok(Said::Done(done)) => {
                let cell = Cell { source, name: String::new() };
                self.variables = definitions::after(&self.variables, &done.variables, &cell);
                !self.variables.iter().any(|variable| variable.name == name)
            }
            _ => false,
        }
    }

    fn restart(&mut self) -> Result<(), EngineError> {
        self.variables.clear();
        if self.link.as_ref().is_some_and(|link| link.is_ready)
            && let Ok(Said::Restarted(Ok(()))) = self.ask(&Request::Restart)
        {
            return Ok(());
        }
        self.link = None;
        self.connect().map(|_| ())
    }

    fn back(&mut self, _: usize) -> Result<Back, EngineError> {
        Err(EngineError::new(
            "the evcxr engine keeps no checkpoints, so it cannot go back; the direct engine can (`--engine direct`)",
        ))
    }

    fn interrupter(&self) -> Interrupter {
        let control = Arc::clone(&self.control);
        Interrupter::new(move || {
            if let Some((number, waiting)) = &lock(&control).running {
                // Nobody waits any more if this fails.
                _ = waiting.send(Incoming::Interrupted(*number));
            }
        })
    }

    fn input(&self) -> Input {
        let control = Arc::clone(&self.control);
        Input::new(move |line| {
            if let Some(requests) = &lock(&control).requests {
                requests.send(&Request::Line(line.map(str::to_owned)));
            }
        })
    }
}

/// How waiting for an answer ended.
enum Wait {
    Answered(Said),
    /// Interrupted before evcxr was ready; it goes on getting ready.
    NotStarted,
    /// Interrupted, and no answer.
    Stuck,
    Gone,
}

fn wait(link: &mut Link, request: &Request, listener: &Listener) -> Wait {
    let number = if let Request::Execute { number, .. } = request { Some(*number) } else { None };
    if !link.is_ready {
        let label = "Starting evcxr: rust-analyzer reads the standard library".to_owned();
        listener(Event::Progress(Progress { label, done: 0, total: None }));
    }
    while !link.is_ready {
        match link.incoming.recv() {
            Ok(Incoming::Said(Said::Ready)) => link.is_ready = true,
            Ok(Incoming::Said(said)) => return Wait::Answered(said),
            Ok(Incoming::Interrupted(cell)) if Some(cell) == number => return Wait::NotStarted,
            Ok(Incoming::Interrupted(_)) => {}
            Ok(Incoming::Gone) | Err(_) => return Wait::Gone,
        }
    }
    link.requests.send(request);
    let mut deadline: Option<Instant> = None;
    loop {
        let incoming = match deadline {
            None => link.incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => link.incoming.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        };
        match incoming {
            Ok(Incoming::Said(said)) => return Wait::Answered(said),
            Ok(Incoming::Interrupted(cell)) if Some(cell) == number => {
                link.requests.send(&Request::Interrupt { number: cell });
                deadline.get_or_insert_with(|| Instant::now() + TIME_TO_END);
            }
            // It reached a cell that had ended.
            Ok(Incoming::Interrupted(_)) => {}
            Ok(Incoming::Gone) | Err(RecvTimeoutError::Disconnected) => return Wait::Gone,
            Err(RecvTimeoutError::Timeout) => return Wait::Stuck,
        }
    }
}

/// MIME types and contents as a front end wants them: JSON as JSON, all else as it is.
fn data(forms: Vec<(String, String)>) -> Map<String, Value> {
    let form = |(mime, content): (String, String)| {
        let is_json = mime == "application/json" || mime.ends_with("+json");
        let json = if is_json { serde_json::from_str(&content).ok() } else { None };
        (mime, json.unwrap_or(Value::String(content)))
    };
    forms.into_iter().map(form).collect()
}
