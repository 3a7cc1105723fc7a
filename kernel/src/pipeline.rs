//! The notebook as a pipeline: read, checked, built and run for a cell or a panel, and ended when they say so.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use oxikale_compiler::Compilation;
use oxikale_compiler::build::{Builder, Built, Event, Mode, data_folder};
use oxikale_compiler::diagnostics::{Diagnostic, Severity};
use oxikale_compiler::ir::Ir;
use oxikale_engine::{Progress, draw_diagnostic};
use oxikale_notebook::{CellSpan, LineColumn, Notebook};
use oxikale_runner::{self as runner, Arguments, Cancel, LiveRun, RunRecord, Store, Warden, kill_group};

/// How often a run is drawn.
const FRAME: Duration = Duration::from_millis(250);

/// A notebook that was read, and what compiles it.
pub struct NotebookPipeline {
    /// Where it lies.
    pub path: PathBuf,
    /// Its content.
    pub notebook: Notebook,
    /// Compiles and builds it.
    pub builder: Builder,
}

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// What happened, and what to do.
    Other(String),
    /// The notebook has errors, drawn in their cells.
    Notebook(String),
    /// The user ended it.
    Interrupted,
}

/// What a run is started with.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Parameters as texts: `lr=0.1`.
    pub given: Vec<String>,
    /// Parameters that hold for the session, where the pipeline has them and they are not given.
    pub session: Arguments,
    /// The run that is taken up again.
    pub resume: Option<String>,
    /// A name for people.
    pub name: Option<String>,
}

/// Work that somebody may want to end.
#[derive(Default)]
pub struct Work {
    cancel: Cancel,
    /// The process group of cargo, while it builds.
    group: Mutex<Option<i32>>,
    ended: AtomicBool,
}

impl Work {
    /// Ends it.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.cancel.cancel();
        if let Some(group) = *self.group() {
            kill_group(group);
        }
    }

    /// Whether it was ended.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn group(&self) -> MutexGuard<'_, Option<i32>> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NotebookPipeline {
    /// Reads a notebook.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let notebook = Notebook::read(path).map_err(|error| Problem::Other(error.to_string()))?;
        let builder = Builder { own_group: true, ..Builder::new(path) };
        Ok(Self { path: path.to_owned(), notebook, builder })
    }

    /// What can be said without rustc.
    pub fn compile(&self) -> Compilation {
        self.builder.compile(&self.notebook)
    }

    /// Builds or checks it. Errors of the notebook are among the diagnostics.
    ///
    /// # Errors
    /// If it was ended, or something outside of the notebook is in the way.
    pub fn build(&self, mode: Mode, work: &Work, progress: &dyn Fn(Progress)) -> Result<Built, Problem> {
        let warden = Warden::start("build");
        let mut done = 0;
        let built = self.builder.build(&self.notebook, mode, &mut |event| match event {
            Event::Started { group } => {
                warden.add(group);
                *work.group() = Some(group);
                if work.is_ended() {
                    kill_group(group);
                }
            }
            Event::Over => {
                if let Some(group) = work.group().take() {
                    warden.remove(group);
                }
            }
            Event::Waiting => progress(bar("Waiting for another build", done)),
            Event::Fetching { what } => progress(bar(&what, done)),
            Event::Compiling { name, version } => {
                progress(bar(&format!("Compiling {name} {version}"), done));
            }
            Event::Ready { fresh, .. } => done += u64::from(!fresh),
        });
        if work.is_ended() {
            return Err(Problem::Interrupted);
        }
        built.map_err(|error| Problem::Other(error.to_string()))
    }

    /// The compilation, if the notebook has no errors.
    ///
    /// # Errors
    /// If it has.
    pub fn without_errors(&self, compilation: Compilation) -> Result<Compilation, Problem> {
        if compilation.has_errors() {
            return Err(Problem::Notebook(self.drawn(&compilation.diagnostics)));
        }
        Ok(compilation)
    }

    /// Findings, drawn in their cells.
    pub fn drawn(&self, diagnostics: &[Diagnostic]) -> String {
        let name = self.path.file_name().map_or_else(|| "notebook".into(), |name| name.to_string_lossy());
        let title = |cell: usize| format!("cell {} of {name}", cell + 1);
        let text_of = |wanted: &str| {
            let index = (0..self.notebook.cells().len()).find(|index| title(*index) == wanted)?;
            Some(Arc::from(self.notebook.cells()[index].source.as_str()))
        };
        let place = |span: CellSpan, label: &str, primary| {
            let text = self.notebook.cells().get(span.cell).map_or("", |cell| cell.source.as_str());
            let start = LineColumn::of(text, span.start);
            oxikale_engine::Span {
                cell: title(span.cell),
                start: span.start,
                end: span.end,
                line: u32::try_from(start.line).unwrap_or(u32::MAX),
                column: u32::try_from(start.column).unwrap_or(u32::MAX),
                label: (!label.is_empty()).then(|| label.to_owned()),
                primary,
            }
        };
        let drawn = diagnostics.iter().map(|one| {
            let mut notes: Vec<String> = one.help.iter().map(|help| format!("help: {help}")).collect();
            notes.push(format!("note: {}, explained by `oxikale explain {}`", one.code, one.code));
            let diagnostic = oxikale_engine::Diagnostic {
                severity: if one.severity == Severity::Error {
                    oxikale_engine::Severity::Error
                } else {
                    oxikale_engine::Severity::Warning
                },
                code: one.rustc.clone(),
                message: one.message.clone(),
                spans: one
                    .labels
                    .iter()
                    .enumerate()
                    .map(|(number, label)| place(label.span, &label.text, number == 0))
                    .collect(),
                notes,
                rendered: String::new(),
            };
            draw_diagnostic(&diagnostic, &text_of)
        });
        drawn.collect::<Vec<_>>().join("\n")
    }

    /// Builds it and runs it to its end. `show` gets the run a few times a second, and once when it is over.
    ///
    /// # Errors
    /// If no step could begin. A step that fails is no error of this function: the record says so.
    pub fn run(
        &self,
        order: &Order,
        work: &Work,
        progress: &dyn Fn(Progress),
        show: &(dyn Fn(&LiveRun) + Sync),
    ) -> Result<RunRecord, Problem> {
        let other = |error: &dyn std::fmt::Display| Problem::Other(error.to_string());
        // Mistakes in the order are told before minutes of building.
        let early = self.without_errors(self.compile())?;
        let (Some(ir), Some(pipeline)) = (&early.ir, &early.pipeline) else {
            return Err(Problem::Other(format!(
                "{} has no steps: tag its cells, `step:load` for one",
                self.path.display()
            )));
        };
        let arguments = order.arguments(ir).map_err(Problem::Other)?;
        if let Some(wanted) = &order.resume {
            let store = Store::open(&data_folder()).map_err(|error| other(&error))?;
            runner::resumable(&store, wanted, &pipeline.name).map_err(|error| other(&error))?;
        }

        let built = self.build(Mode::Build, work, progress)?;
        let fingerprints = built.fingerprints;
        let compilation = self.without_errors(built.compilation)?;
        let (Some(program), Some(ir), Some(pipeline)) = (built.program, compilation.ir, compilation.pipeline) else {
            return Err(Problem::Other("no program was built, yet there are no errors; please report this".to_owned()));
        };
        let options = runner::Options {
            program,
            arguments,
            data_dir: data_folder(),
            notebook: Some(self.builder.notebook.clone()),
            run_name: order.name.clone(),
            fingerprints,
            resume: order.resume.clone(),
            ..runner::Options::default()
        };
        let live = Mutex::new(LiveRun::new(pipeline));
        let record = thread::scope(|scope| {
            let (going_on, over) = mpsc::channel::<()>();
            let live = &live;
            scope.spawn(move || {
                while over.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {
                    let now = live.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    show(&now);
                }
            });
            let record = runner::run(&ir, &options, &work.cancel, &mut |event| {
                live.lock().unwrap_or_else(PoisonError::into_inner).hear(&event);
            });
            drop(going_on);
            record
        });
        let record = record.map_err(|error| other(&error))?;
        show(&live.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(record)
    }
}

impl Order {
    /// The parameters, checked against those that the pipeline has.
    fn arguments(&self, ir: &Ir) -> Result<Arguments, String> {
        let mut arguments = Arguments::new();
        for (name, value) in &self.session {
            let mut with = arguments.clone();
            with.insert(name.clone(), value.clone());
            // What another notebook's pipeline has is not this one's.
            if runner::resolve(ir, &with).is_ok() {
                arguments = with;
            }
        }
        for text in &self.given {
            let (name, value) = runner::assignment(ir, text).map_err(|error| error.to_string())?;
            arguments.insert(name, value);
        }
        Ok(arguments)
    }
}

fn bar(label: &str, done: u64) -> Progress {
    Progress { label: label.to_owned(), done, total: None }
}
