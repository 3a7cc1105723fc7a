//! A session of the direct engine: cells in, events out, and the state in between.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxikale_compiler::source::DEEPEST;
use oxikale_notebook::directives::{CellLanguage, directives};

use super::ahead::Preparing;
use super::cache::Cache;
use super::commands::Settings;
use super::compile::{Compiled, Compiler, Failed, Scope};
use super::failure;
use super::items::Items;
use super::parse::{NotParsed, Parsed, parse_in};
use super::recovery::Past;
use super::rustc::{Cancel, Rustc};
use super::session_folder::SessionFolder;
use super::source::{CellText, line_column};
use super::sources::Sources;
use super::variables::{Gone, Held, Variables, items_in};
use crate::deps::{self, Dependencies};
use crate::diagnostic::Diagnostic;
use crate::engine::{Back, Cell, Engine, EngineError, Input, Interrupter, Listener, Outcome, Variable};
use crate::event::{ErrorKind, Event, Stream};
use crate::host::{DisplayKind, Ended, Host, HostInput, HostInterrupt, HostOptions, Output, Runtime};
use crate::presentation::{self, cell_title};
use crate::show;
use crate::surroundings::Surroundings;
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
    /// Where what a running session needs is kept, whatever happens to the cache.
    pub data: PathBuf,
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
            data: oxikale_compiler::build::data_folder(),
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
    pub(super) host: Option<Host>,
    pub(super) state: State,
    pub(super) past: Vec<Past>,
    /// The checkpoint that is the same as the host is now.
    pub(super) current: Option<u64>,
    pub(super) next_checkpoint: u64,
    pub(super) preparing: Option<Preparing>,
    pub(super) upcoming: Vec<String>,
    control: Arc<Control>,
    pub(super) settings: Settings,
    /// What the compiler said last, for `:last_error_json` and `:explain`.
    pub(super) last_errors: Vec<Diagnostic>,
    /// When the cell that is running was submitted.
    submitted: Instant,
    pub(super) sources: Sources,
    /// Whether the next display is the cell's result.
    announced: Arc<AtomicBool>,
}

/// What a checkpoint brings back.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) scope: Scope,
    pub(super) dependencies: Dependencies,
    /// The libraries that the host has loaded.
    pub(super) loaded: BTreeSet<PathBuf>,
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
            session: Arc::new(SessionFolder::create(&options.data)?),
            cancel: control.cancel.clone(),
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

    pub(super) fn start_host(&mut self) -> Result<(), EngineError> {
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
        // The cache may have been emptied since the session started.
        self.compiler.runtime = Runtime::ensure(&self.toolchain, &self.options.cache)?;
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
        self.tell(Event::Error(presentation::failure(kind, name, message)));
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

    fn use_idle_time(&mut self) {
        let variables = self.state.scope.variables.clone();
        self.start_preparing(&variables);
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

    fn surroundings(&self) -> Surroundings {
        self.around_next_cell()
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
        self.go_to(cells)
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
        // The one that the notebook's pipeline keeps to as well.
        let lock = options.notebook.as_ref().map(|notebook| notebook.with_extension("lock"));
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
        }
    }
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
