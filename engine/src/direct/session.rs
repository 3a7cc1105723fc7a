//! A session of the direct engine: cells in, events out, and the state in between.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use oxikale_compiler::source::DEEPEST;
use oxikale_notebook::directives::{CellLanguage, directives};

use super::cache::Cache;
use super::commands::Settings;
use super::compile::{Compiled, Compiler, Failed, Scope};
use super::entry::Kind;
use super::failure;
use super::items::Items;
use super::messages::cell_title;
use super::parse::{self, NotParsed, Parsed};
use super::rustc::{Cancel, Rustc};
use super::source::{CellText, line_column};
use super::sources::Sources;
use super::variables::{Gone, Held, Variables, items_in};
use crate::deps::{self, Dependencies};
use crate::diagnostic::Diagnostic;
use crate::engine::{Back, Cell, Engine, EngineError, Input, Interrupter, Listener, Outcome, Variable};
use crate::event::{CellError, ErrorKind, Event, Stream};
use crate::host::{DisplayKind, Ended, Host, HostInput, HostInterrupt, HostOptions, Output, Runtime};
use crate::show;
use crate::toolchain::Toolchain;

/// How a session is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder that cells run in; paths of local crates are relative to it.
    pub folder: PathBuf,
    /// The notebook, whose `<notebook>.lock` pins the dependencies.
    pub notebook: Option<PathBuf>,
    /// Where compiled crates and cells are kept.
    pub cache: PathBuf,
    /// The most bytes that compiled cells may take there; the same again for units of items.
    pub cache_limit: u64,
    /// A toolchain that rustup knows, instead of the default one.
    pub toolchain: Option<String>,
    /// The most bytes of memory that the user's code may take.
    pub memory_limit: Option<u64>,
    /// How many cells one can go back.
    pub checkpoints: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            notebook: None,
            cache: oxikale_compiler::build::cache_folder(),
            cache_limit: 1 << 30,
            toolchain: None,
            memory_limit: None,
            checkpoints: 16,
        }
    }
}

/// Compiles and runs cells; see [`Engine`].
pub struct DirectEngine {
    pub(super) options: Options,
    pub(super) listener: Listener,
    pub(super) toolchain: Toolchain,
    pub(super) compiler: Compiler,
    host: Option<Host>,
    pub(super) state: State,
    past: Vec<Past>,
    /// The checkpoint that is the same as the host is now.
    current: Option<u64>,
    next_checkpoint: u64,
    preparing: Option<Preparing>,
    upcoming: Vec<String>,
    control: Arc<Control>,
    pub(super) settings: Settings,
    /// What the compiler said last, for `:last_error_json` and `:explain`.
    pub(super) last_errors: Vec<Diagnostic>,
    /// When the cell that is running was submitted.
    submitted: Instant,
    sources: Sources,
    /// Whether the next display is the cell's result.
    announced: Arc<AtomicBool>,
}

/// What a checkpoint brings back.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) scope: Scope,
    pub(super) dependencies: Dependencies,
    /// The libraries that the host has loaded.
    loaded: BTreeSet<PathBuf>,
    /// How many cells have been run.
    cells: u64,
}

/// The session before a cell.
struct Past {
    checkpoint: u64,
    state: State,
    cell: String,
}

/// A compilation ahead of its cell.
struct Preparing {
    source: String,
    cancel: Cancel,
    thread: JoinHandle<()>,
}

/// What other threads may do to a session.
#[derive(Default)]
struct Control {
    running: AtomicBool,
    interrupted: AtomicBool,
    cancel: Cancel,
    dependencies: deps::Cancel,
    host: Mutex<Option<(HostInterrupt, HostInput)>>,
}

impl DirectEngine {
    /// Starts a session.
    ///
    /// # Errors
    /// If there is no compiler, or the process that runs cells cannot be started.
    pub fn start(options: Options, listener: Listener) -> Result<Self, EngineError> {
        let toolchain =
            Toolchain::find(options.toolchain.as_deref()).map_err(|error| EngineError::new(error.to_string()))?;
        let runtime = Runtime::ensure(&toolchain, &options.cache)?;
        let control = Arc::new(Control::default());
        let folder = options.cache.join("engine");
        let compiler = Compiler {
            rustc: Rustc::new(toolchain.clone()),
            runtime,
            cells: Arc::new(Cache::new(folder.join("cells"), options.cache_limit)),
            units: Arc::new(Cache::new(folder.join("units"), options.cache_limit)),
            session: Arc::new(SessionFolder::create(&folder)?),
            cancel: control.cancel.clone(),
            work: Arc::new(AtomicU64::new(0)),
        };
        let state = State::new(&options, &toolchain);
        let mut engine = Self {
            options,
            listener,
            toolchain,
            compiler,
            host: None,
            state,
            past: Vec::new(),
            current: None,
            next_checkpoint: 1,
            preparing: None,
            upcoming: Vec::new(),
            control,
            settings: Settings::default(),
            last_errors: Vec::new(),
            submitted: Instant::now(),
            sources: Sources::default(),
            announced: Arc::default(),
        };
        engine.start_host()?;
        Ok(engine)
    }

    fn start_host(&mut self) -> Result<(), EngineError> {
        let listener = Arc::clone(&self.listener);
        let (sources, announced) = (self.sources.clone(), Arc::clone(&self.announced));
        let sink = Arc::new(move |output| {
            // A listener that panics must not take the thread with it that everything else comes through.
            drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                if let Some(event) = event(output, &sources, &announced) {
                    listener(event);
                }
            })));
        });
        let host = HostOptions {
            working_folder: self.options.folder.clone(),
            checkpoints: self.options.checkpoints,
            memory_limit: self.options.memory_limit,
            environment: self.settings.environment.clone(),
        };
        let host = Host::start(&self.toolchain, &self.compiler.runtime, host, sink)?;
        let handles = (host.interrupt_handle(), host.input_handle());
        *self.control.host.lock().unwrap_or_else(PoisonError::into_inner) = Some(handles);
        self.host = Some(host);
        self.current = None;
        Ok(())
    }

    /// Tells the listener.
    pub(super) fn tell(&self, event: Event) {
        (self.listener)(event);
    }

    pub(super) fn notice(&self, text: impl Into<String>) {
        self.tell(Event::Notice(text.into()));
    }

    pub(super) fn fail(&self, kind: ErrorKind, name: &str, message: &str) -> Outcome {
        self.tell(Event::Error(failure::plain(kind, name, message)));
        if kind == ErrorKind::Interrupted { Outcome::Interrupted } else { Outcome::Failed }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.control.interrupted.load(Ordering::SeqCst)
    }

    pub(super) fn dependency_cancel(&self) -> deps::Cancel {
        self.control.dependencies.clone()
    }

    fn execute_cell(&mut self, cell: &Cell) -> Outcome {
        let parted = directives(&cell.source);
        if let CellLanguage::Other(language) = &parted.language {
            let message = format!("this cell is not Rust but `%%{language}`, which this engine does not run");
            return self.fail(ErrorKind::Directive, "directive", &message);
        }
        if let Some(outcome) = self.commands(&parted.commands) {
            return outcome;
        }
        let text = Arc::new(CellText {
            name: cell.name.clone(),
            shown: Arc::from(cell.source.as_str()),
            code: Arc::from(parted.code.as_str()),
        });
        let parsed = match self.parse(&text) {
            Ok(parsed) => parsed,
            Err(diagnostics) => return self.reject(diagnostics),
        };
        if !parsed.runs && parsed.entries.is_empty() && parsed.pending.is_empty() {
            return Outcome::Completed;
        }
        self.finish_preparing(&cell.source);
        // The fork happens while the compiler works.
        let checkpoint = match self.checkpoint() {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.fail(ErrorKind::Internal, "internal", &error.message),
        };
        let mut scope = self.state.scope.clone();
        scope.upcoming = Arc::new(self.upcoming_names());
        let compiled = match self.compiler.cell(&text, &parsed, &scope, false) {
            Ok(compiled) => compiled,
            Err(failed) => return self.compile_failed(failed),
        };
        let compile_time = self.submitted.elapsed();
        for warning in &compiled.warnings {
            self.tell(Event::Warning(warning.clone()));
        }
        self.past.push(Past { checkpoint, state: self.state.clone(), cell: cell.name.clone() });
        let before = self.past.len();
        self.define(&compiled, &text);
        let outcome = match &compiled.library {
            Some(library) => self.run(library, &compiled, &parsed, &text, checkpoint, compile_time),
            None => Outcome::Completed,
        };
        if outcome == Outcome::Completed {
            self.state.cells += 1;
            for (name, span) in &parsed.pending {
                self.state.scope.pending.insert(name.clone(), (Arc::clone(&text), span.clone()));
            }
        } else if before <= self.past.len() && compiled.items_unchanged() {
            // A cell that changed nothing is none to go back over.
            self.past.truncate(before - 1);
        }
        outcome
    }

    /// Parts a cell, or says what rustc finds wrong with it.
    pub(super) fn parse(&self, text: &Arc<CellText>) -> Result<Parsed, Vec<Diagnostic>> {
        let items = &self.state.scope.items;
        parse_in(text, items).map_err(|why| match why {
            NotParsed::Syntax => match self.compiler.syntax(text, &self.state.scope) {
                Ok(diagnostics) if !diagnostics.is_empty() => diagnostics,
                Ok(_) => vec![failure::diagnostic(
                    "this cell cannot be parted into items and statements, though rustc accepts it; please report the \
                     cell as a mistake of Oxikale",
                )],
                Err(failed) => vec![failure::diagnostic(&failed.to_string())],
            },
            NotParsed::TooDeep(place) => {
                let (line, column) = line_column(&text.shown, place.start);
                vec![failure::diagnostic(&format!(
                    "the expression at {line}:{column} is nested more than {DEEPEST} levels deep, or a number of more than \
                     1000 digits; split it into several `let`s"
                ))]
            }
            NotParsed::Parser(message) => vec![failure::diagnostic(&message)],
        })
    }

    fn reject(&mut self, diagnostics: Vec<Diagnostic>) -> Outcome {
        self.last_errors.clone_from(&diagnostics);
        self.tell(Event::Error(failure::rejected(diagnostics)));
        Outcome::Failed
    }

    fn compile_failed(&mut self, failed: Failed) -> Outcome {
        match failed {
            Failed::Rejected(diagnostics) => self.reject(diagnostics),
            Failed::Interrupted => {
                self.fail(ErrorKind::Interrupted, "interrupted", "the cell was interrupted while it was compiled; nothing of it has run")
            }
            Failed::Rustc(message) => self.fail(ErrorKind::Compile, "rustc", &message),
            Failed::System(message) => self.fail(
                ErrorKind::Internal,
                "system",
                &format!("the cell could not be compiled: {message}; see that the disk is not full and the compiler is installed"),
            ),
        }
    }

    /// A checkpoint of the session as it is now: the one that is there, or a new one.
    fn checkpoint(&mut self) -> Result<u64, EngineError> {
        let exists = |host: &Host, id: u64| host.checkpoints().contains(&id);
        if let (Some(id), Some(host)) = (self.current, &self.host)
            && exists(host, id)
        {
            return Ok(id);
        }
        let id = self.next_checkpoint;
        self.next_checkpoint += 1;
        let first = match &mut self.host {
            Some(host) => host.checkpoint(id),
            None => Err(EngineError::new("the process that runs cells is not there")),
        };
        if first.is_err() {
            // The host has died between two cells: somebody killed it, or a background thread ended it.
            self.recover()?;
            if let Some(host) = &mut self.host {
                host.checkpoint(id)?;
            }
        }
        // Earlier cells after which nothing ran may count on the same state; the copy that they counted on may be used up.
        if let Some(old) = self.current.replace(id) {
            for past in self.past.iter_mut().filter(|past| past.checkpoint == old) {
                past.checkpoint = id;
            }
        }
        self.trim();
        Ok(id)
    }

    /// Forgets the states of cells that one cannot go back over any more.
    fn trim(&mut self) {
        let Some(host) = &self.host else { return };
        let checkpoints = host.checkpoints();
        let lost = self.past.iter().take_while(|past| !checkpoints.contains(&past.checkpoint)).count();
        self.past.drain(..lost);
    }

    /// Goes back to the newest checkpoint after the host has died between cells, or starts a new host.
    fn recover(&mut self) -> Result<(), EngineError> {
        while let Some(past) = self.past.pop() {
            if let Some(host) = &mut self.host
                && host.restore(past.checkpoint).is_ok()
            {
                self.notice(format!(
                    "the process that runs the cells had died; the session is back to where it was before {}",
                    cell_title(&past.cell)
                ));
                self.state = past.state;
                self.current = None;
                return Ok(());
            }
        }
        self.notice("the process that runs the cells had died, and was started anew: its variables are gone");
        self.start_host()?;
        self.state.loaded.clear();
        let names: Vec<String> = self.state.scope.variables.iter().map(|held| held.name.clone()).collect();
        for name in names {
            let gone =
                Gone { cell: String::new(), reason: "it was lost when the process that ran the cells died".to_owned() };
            self.state.scope.variables.end(&name, gone);
        }
        Ok(())
    }

    /// Takes over what a compiled cell defines, before it runs.
    fn define(&mut self, compiled: &Compiled, text: &Arc<CellText>) {
        let scope = &mut self.state.scope;
        scope.items = compiled.items.clone();
        if let Some((name, source)) = &compiled.unit {
            self.sources.insert(name, source);
        }
        for unfit in &compiled.unfit {
            self.notice(format!(
                "`{}` of {} no longer fits and is gone ({}); run its cell again when it does",
                unfit.item,
                cell_title(&unfit.cell),
                unfit.reason
            ));
        }
        let scope = &mut self.state.scope;
        let mut dropped = Vec::new();
        for (name, reason) in &compiled.stale {
            if scope.variables.end(name, Gone { cell: text.name.clone(), reason: reason.clone() }) {
                dropped.push(name.clone());
            }
        }
        for name in &dropped {
            let reason = &compiled.stale[name];
            self.notice(format!("the variable `{name}` was dropped: {reason}"));
        }
        if let (Some(host), false) = (&mut self.host, dropped.is_empty()) {
            host.forget(&dropped);
        }
    }

    fn run(
        &mut self,
        library: &Path,
        compiled: &Compiled,
        parsed: &Parsed,
        text: &Arc<CellText>,
        checkpoint: u64,
        compile_time: Duration,
    ) -> Outcome {
        if let Err(error) = self.load(compiled) {
            return self.fail(ErrorKind::Internal, "load", &error.message);
        }
        let name = library.file_stem().map(|name| name.to_string_lossy().trim_start_matches("lib").to_owned());
        self.sources.insert(&name.unwrap_or_default(), &compiled.source);
        let after = self.after(compiled, parsed, text);
        self.start_preparing(&after);
        self.current = None;
        self.announced.store(false, Ordering::Relaxed);
        let started = Instant::now();
        let Some(host) = &mut self.host else {
            return self.fail(ErrorKind::Internal, "internal", "the process that runs cells is not there");
        };
        let ended = host.run_unless(library, "oxikale_cell", &self.control.interrupted);
        let run_time = started.elapsed();
        let outcome = if matches!(ended, Ended::Finished) {
            self.state.scope.variables = after;
            for name in parsed.bindings.iter().map(|binding| &binding.name).chain(compiled.outcome.stored.keys()) {
                self.state.scope.pending.remove(name);
            }
            for (name, reason) in compiled.outcome.ended.iter().chain(&compiled.outcome.lost) {
                self.notice(format!("the variable `{name}` ends with this cell: {reason}"));
            }
            Outcome::Completed
        } else {
            self.run_failed(ended, compiled, checkpoint)
        };
        if self.shows_time() {
            let cached = if compiled.cached { ", from the cache" } else { "" };
            self.notice(format!("compiled in {compile_time:.1?}{cached}, ran for {run_time:.1?}"));
        }
        self.tell(Event::Timing { compile: compile_time, run: run_time, cached: compiled.cached });
        outcome
    }

    /// Reports how a cell has failed, and puts the variables back.
    fn run_failed(&mut self, ended: Ended, compiled: &Compiled, checkpoint: u64) -> Outcome {
        let error = failure::of_run(&ended, &self.sources);
        let interrupted = matches!(ended, Ended::Interrupted);
        let alive = matches!(ended, Ended::Failed(_));
        let mut words = Vec::new();
        // A cell that took no variable and left alive has lost none, and may go on with its threads.
        if !alive || !compiled.taken.is_empty() {
            let restored = self.host.as_mut().map(|host| host.restore(checkpoint));
            match restored {
                Some(Ok(restored)) => {
                    self.current = Some(checkpoint);
                    if let Some(past) = self.past.last() {
                        self.state.loaded.clone_from(&past.state.loaded);
                    }
                    let count = self.state.scope.variables.iter().count();
                    if count > 0 {
                        words.push("every variable is as it was before this cell".to_owned());
                    }
                    if !restored.threads.is_empty() {
                        words.push(format!("these threads are gone: {}", restored.threads.join(", ")));
                    }
                    if restored.processes > 0 {
                        words.push(format!("{} processes that cells had started were ended", restored.processes));
                    }
                    let dropped: Vec<String> = compiled.stale.keys().cloned().collect();
                    if let (Some(host), false) = (&mut self.host, dropped.is_empty()) {
                        host.forget(&dropped);
                    }
                }
                failed => {
                    let reason = match failed {
                        Some(Err(error)) => error.message,
                        _ => "there is none".to_owned(),
                    };
                    let refusals = self.host.as_mut().map(Host::refusals).unwrap_or_default();
                    let refusal = refusals.into_iter().find(|(id, _)| *id == checkpoint).map(|(_, why)| why);
                    words.push(format!("this cell's checkpoint could not be restored ({})", refusal.unwrap_or(reason)));
                    // An earlier one may still be there.
                    if let Err(error) = self.recover() {
                        words.push(error.message);
                    }
                }
            }
        }
        let mut error: CellError = error;
        if !words.is_empty() {
            failure::add_note(&mut error, &words.join("; "));
        }
        self.tell(Event::Error(error));
        if interrupted { Outcome::Interrupted } else { Outcome::Failed }
    }

    /// Loads the libraries that a cell needs and the host does not have yet.
    fn load(&mut self, compiled: &Compiled) -> Result<(), EngineError> {
        let mut wanted: Vec<PathBuf> = Vec::new();
        if compiled.external {
            wanted.extend(self.state.scope.externs.dylibs.iter().map(|(_, path)| path.clone()));
        }
        for unit in compiled.units.iter() {
            unit.load_order(&self.state.scope.externs, &mut wanted);
        }
        let Some(host) = &mut self.host else {
            return Err(EngineError::new("the process that runs cells is not there"));
        };
        for library in wanted {
            if !self.state.loaded.contains(&library) {
                let hooks = self.state.scope.externs.hooks_of(&library);
                host.load(&library, &hooks)?;
                self.state.loaded.insert(library);
            }
        }
        Ok(())
    }

    /// The variables as they will be when a compiled cell has run.
    fn after(&self, compiled: &Compiled, parsed: &Parsed, text: &CellText) -> Variables {
        let mut variables = self.state.scope.variables.clone();
        let outcome = &compiled.outcome;
        let cell = cell_title(&text.name);
        for name in &outcome.moved {
            if !outcome.stored.contains_key(name) {
                let gone = Gone { cell: text.name.clone(), reason: format!("it was moved in {cell}") };
                variables.end(name, gone);
            }
        }
        for (name, reason) in outcome.ended.iter().chain(&outcome.lost) {
            variables.end(name, Gone { cell: text.name.clone(), reason: format!("it ended with {cell}: {reason}") });
        }
        // In the order of the cell, not of the alphabet.
        let mut order: Vec<&String> = compiled.taken.iter().collect();
        order.extend(parsed.bindings.iter().map(|binding| &binding.name));
        order.extend(outcome.stored.keys());
        for name in order {
            let Some(kind) = outcome.stored.get(name) else { continue };
            let binding = parsed.bindings.iter().find(|binding| binding.name == *name);
            let old = variables.get(name);
            let pending = self.state.scope.pending.get(name);
            let mutable = match (binding, old) {
                (Some(binding), _) => binding.mutable,
                (None, Some(old)) => old.mutable,
                (None, None) => pending.is_some_and(|(cell, span)| cell.code[span.clone()].contains("mut ")),
            };
            let origin = match (binding, old) {
                (None, Some(old)) => old.cell.clone(),
                _ => text.name.clone(),
            };
            let definitions = items_in(kind)
                .into_iter()
                .filter_map(|item| Some((item.clone(), compiled.items.definition(&item)?)))
                .collect();
            let external = compiled.external
                && kind.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| {
                    self.state.scope.externs.crates.iter().any(|(name, _)| name == word)
                        || word.starts_with("oxikale_deps_")
                });
            variables.put(Held {
                name: name.clone(),
                kind: kind.clone(),
                mutable,
                cell: origin,
                definitions,
                external,
            });
        }
        variables
    }

    /// Compiles the likely next cell while this one runs.
    fn start_preparing(&mut self, after: &Variables) {
        if self.preparing.as_ref().is_some_and(|preparing| !preparing.thread.is_finished()) {
            return;
        }
        let Some(source) = self.upcoming.first().cloned() else { return };
        let parted = directives(&source);
        if !parted.commands.is_empty() || parted.language != CellLanguage::Rust {
            return;
        }
        let cancel = Cancel::default();
        let compiler = Compiler { cancel: cancel.clone(), ..self.compiler.clone() };
        let mut scope = self.state.scope.clone();
        scope.variables = after.clone();
        let code = source.clone();
        let thread = std::thread::spawn(move || {
            let text = Arc::new(CellText {
                name: String::new(),
                shown: Arc::from(code.as_str()),
                code: Arc::from(parted.code.as_str()),
            });
            if let Ok(parsed) = parse_in(&text, &scope.items) {
                // What is wrong with the cell is said when it is run.
                drop(compiler.cell(&text, &parsed, &scope, false));
            }
        });
        self.preparing = Some(Preparing { source, cancel, thread });
    }

    /// Waits for a compilation ahead if it is of this cell, and ends it otherwise.
    fn finish_preparing(&mut self, source: &str) {
        let Some(preparing) = self.preparing.take() else { return };
        if preparing.source != source {
            preparing.cancel.cancel();
        }
        while !preparing.thread.is_finished() {
            if self.is_interrupted() {
                preparing.cancel.cancel();
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        drop(preparing.thread.join());
    }

    /// The names that the cells to come would define, with what to call these cells.
    fn upcoming_names(&self) -> Vec<(String, String)> {
        let mut names = Vec::new();
        for source in &self.upcoming {
            let code = directives(source).code;
            let text =
                Arc::new(CellText { name: String::new(), shown: Arc::from(source.as_str()), code: Arc::from(code) });
            if let Ok(parsed) = parse_in(&text, &self.state.scope.items) {
                let first = source.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
                let cell = format!("the later cell that begins with `{first}`");
                names.extend(parsed.bindings.iter().map(|binding| (binding.name.clone(), cell.clone())));
                names.extend(
                    parsed.entries.iter().flat_map(|entry| &entry.keys).map(|key| (key.name.clone(), cell.clone())),
                );
            }
        }
        names
    }

    /// Lets go of every variable and every item; dependencies stay.
    pub(super) fn clear(&mut self) -> Result<(), EngineError> {
        self.finish_preparing("");
        self.host = None;
        let dependencies = self.state.dependencies.clone();
        self.state = State::new(&self.options, &self.toolchain);
        self.state.scope.externs = dependencies.externs().clone();
        self.state.scope.optimisation.clone_from(&self.settings.optimisation);
        self.state.dependencies = dependencies;
        self.past.clear();
        self.start_host()
    }

    /// The dependencies have changed: what was compiled against them, and what holds their values, goes.
    pub(super) fn dependencies_changed(&mut self, replaced: bool) {
        self.state.scope.externs = self.state.dependencies.externs().clone();
        if !replaced {
            return;
        }
        self.state.scope.items.reopen_external();
        let external: Vec<String> =
            self.state.scope.variables.iter().filter(|held| held.external).map(|held| held.name.clone()).collect();
        for name in &external {
            let gone = Gone { cell: String::new(), reason: "its type comes from a crate that was replaced".to_owned() };
            self.state.scope.variables.end(name, gone);
            self.notice(format!("the variable `{name}` was dropped: its type comes from a crate that was replaced"));
        }
        if let (Some(host), false) = (&mut self.host, external.is_empty()) {
            host.forget(&external);
        }
    }

    /// Whether anything has been compiled against the dependencies.
    pub(super) fn uses_dependencies(&self) -> bool {
        self.state.scope.externs.dylibs.iter().any(|(_, path)| self.state.loaded.contains(path))
    }

    pub(super) fn set_environment(&mut self, name: &str, value: &str) {
        self.settings.environment.retain(|(other, _)| other != name);
        self.settings.environment.push((name.to_owned(), value.to_owned()));
        if let Some(host) = &mut self.host {
            host.set_environment(name, Some(value));
        }
        // A checkpoint from before does not have it.
        self.current = None;
    }
}

impl Engine for DirectEngine {
    fn execute(&mut self, cell: &Cell) -> Outcome {
        self.submitted = Instant::now();
        self.control.cancel.reset();
        self.control.dependencies.reset();
        self.control.interrupted.store(false, Ordering::SeqCst);
        self.control.running.store(true, Ordering::SeqCst);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.execute_cell(cell)));
        self.control.running.store(false, Ordering::SeqCst);
        match result {
            Ok(outcome) => outcome,
            Err(panic) => {
                let words = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()))
                    .unwrap_or_default();
                let message = format!("Oxikale itself failed on this cell ({words}); please report it with the cell");
                self.fail(ErrorKind::Internal, "internal", &message)
            }
        }
    }

    fn prepare(&mut self, sources: Vec<String>) {
        self.upcoming = sources;
    }

    fn check(&mut self, source: &str) -> Vec<Diagnostic> {
        let parted = directives(source);
        let text = Arc::new(CellText {
            name: "this cell".to_owned(),
            shown: Arc::from(source),
            code: Arc::from(parted.code.as_str()),
        });
        self.compiler.cancel.reset();
        let parsed = match self.parse(&text) {
            Ok(parsed) => parsed,
            Err(diagnostics) => return diagnostics,
        };
        match self.compiler.cell(&text, &parsed, &self.state.scope, true) {
            Ok(compiled) => compiled.warnings,
            Err(Failed::Rejected(diagnostics)) => diagnostics,
            Err(failed) => vec![failure::diagnostic(&failed.to_string())],
        }
    }

    fn variables(&self) -> Vec<Variable> {
        self.state
            .scope
            .variables
            .iter()
            .map(|held| Variable {
                name: held.name.clone(),
                type_name: held.shown_type(),
                mutable: held.mutable,
                cell: held.cell.clone(),
            })
            .collect()
    }

    fn forget(&mut self, name: &str) -> bool {
        let gone = Gone { cell: String::new(), reason: "it was dropped on request".to_owned() };
        let there = self.state.scope.variables.end(name, gone);
        if let (Some(host), true) = (&mut self.host, there) {
            host.forget(&[name.to_owned()]);
            self.current = None;
        }
        there
    }

    fn restart(&mut self) -> Result<(), EngineError> {
        self.clear()
    }

    fn back(&mut self, cells: usize) -> Result<Back, EngineError> {
        if cells == 0 {
            return Ok(Back::default());
        }
        self.finish_preparing("");
        let at = self.past.len().checked_sub(cells).ok_or_else(|| {
            EngineError::new(format!(
                "only {} cells have been run that one could go back over; nothing has changed",
                self.past.len()
            ))
        })?;
        let id = self.past[at].checkpoint;
        let mut back =
            Back { cells: self.past[at..].iter().rev().map(|past| past.cell.clone()).collect(), threads: Vec::new() };
        if self.current != Some(id) {
            let host =
                self.host.as_mut().ok_or_else(|| EngineError::new("the process that runs cells is not there"))?;
            if !host.checkpoints().contains(&id) {
                return Err(EngineError::new(format!(
                    "the session can go back at most {} cells: earlier checkpoints were given up; nothing has changed",
                    self.past.iter().rev().take_while(|past| host.checkpoints().contains(&past.checkpoint)).count()
                )));
            }
            back.threads = host.restore(id)?.threads;
        }
        self.state = self.past[at].state.clone();
        self.past.truncate(at);
        // Earlier cells may have the same checkpoint, if nothing ran between them; it is used up now.
        self.current = self.past.last().filter(|past| past.checkpoint == id).map(|_| id);
        Ok(back)
    }

    fn interrupter(&self) -> Interrupter {
        let control = Arc::clone(&self.control);
        Interrupter::new(move || {
            if !control.running.load(Ordering::SeqCst) {
                return;
            }
            control.interrupted.store(true, Ordering::SeqCst);
            control.cancel.cancel();
            control.dependencies.cancel();
            if let Some((host, _)) = &*control.host.lock().unwrap_or_else(PoisonError::into_inner) {
                host.interrupt();
            }
        })
    }

    fn input(&self) -> Input {
        let control = Arc::clone(&self.control);
        Input::new(move |line| {
            if let Some((_, input)) = &*control.host.lock().unwrap_or_else(PoisonError::into_inner) {
                input.reply(line);
            }
        })
    }
}

impl Drop for DirectEngine {
    fn drop(&mut self) {
        if let Some(preparing) = self.preparing.take() {
            preparing.cancel.cancel();
            drop(preparing.thread.join());
        }
    }
}

impl State {
    fn new(options: &Options, toolchain: &Toolchain) -> Self {
        let lock = options.notebook.as_ref().map(|notebook| {
            let mut name = notebook.as_os_str().to_owned();
            name.push(".lock");
            PathBuf::from(name)
        });
        let dependencies = Dependencies::new(toolchain, &options.cache, &options.folder, lock);
        Self {
            scope: Scope {
                items: Items::default(),
                variables: Variables::default(),
                externs: dependencies.externs().clone(),
                optimisation: None,
                pending: BTreeMap::new(),
                upcoming: Arc::default(),
                format: None,
                errors_by_display: false,
                types: false,
            },
            dependencies,
            loaded: BTreeSet::new(),
            cells: 0,
        }
    }
}

/// The folder of one session, removed with it.
#[derive(Debug)]
pub(super) struct SessionFolder(pub(super) PathBuf);

impl SessionFolder {
    fn create(cache: &Path) -> Result<Self, EngineError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let sessions = cache.join("sessions");
        remove_orphans(&sessions);
        for parent in [sessions, env::temp_dir().join("oxikale-sessions")] {
            let folder = parent.join(&name);
            // Of a process that had this number before.
            drop(fs::remove_dir_all(&folder));
            if fs::create_dir_all(folder.join("units")).is_ok() {
                return Ok(Self(folder));
            }
        }
        Err(EngineError::new(format!(
            "neither {} nor {} can be written to; set OXIKALE_CACHE to a folder that can",
            cache.display(),
            env::temp_dir().display()
        )))
    }
}

impl Drop for SessionFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Removes the folders of sessions whose process has been killed.
fn remove_orphans(sessions: &Path) {
    let Ok(entries) = fs::read_dir(sessions) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_string_lossy().split('-').next().and_then(|number| number.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) && Path::new("/proc/self").exists()
        {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn parse_in(text: &Arc<CellText>, items: &Items) -> Result<Parsed, NotParsed> {
    let defines_items = |name: &str| {
        items.macro_entry(name).is_some_and(|entry| {
            entry.kind == Kind::Macro
                && entry.text().parse().is_ok_and(|tokens: proc_macro2::TokenStream| {
                    tokens.into_iter().any(|token| match token {
                        proc_macro2::TokenTree::Group(group) => parse::writes_items(group.stream()),
                        _ => false,
                    })
                })
        })
    };
    let is_item = |name: &str| items.defines(name);
    parse::parse(text, &defines_items, &is_item)
}

/// What the user is told of an output.
fn event(output: Output, sources: &Sources, announced: &AtomicBool) -> Option<Event> {
    Some(match output {
        Output::Text { stream: Stream::Stderr, bytes } => {
            Event::Text { stream: Stream::Stderr, bytes: sources.with_places_of_cells(bytes) }
        }
        Output::Text { stream, bytes } => Event::Text { stream, bytes },
        Output::Display { kind: DisplayKind::Result, data, .. } if show::is_announcement(&data) => {
            announced.store(true, Ordering::Relaxed);
            return None;
        }
        Output::Display { kind: DisplayKind::Result, data, .. } => {
            announced.store(false, Ordering::Relaxed);
            Event::Result { data: show::result(&data) }
        }
        Output::Display { kind: DisplayKind::Notice, data, .. } => {
            Event::Notice(data.values().filter_map(|value| value.as_str()).collect())
        }
        Output::Display { kind: DisplayKind::Display, data, id, update } => {
            if announced.swap(false, Ordering::Relaxed) {
                Event::Result { data }
            } else {
                Event::Display { data, id, update }
            }
        }
        Output::Input { prompt, password } => Event::Input { prompt, password },
    })
}
