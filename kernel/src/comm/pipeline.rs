//! `oxikale.pipeline`: what `%pipeline` does, for a panel.
//!
//! `{"request": 7, "action": "run", "path": "a.ipynb", "parameters": {"lr": 0.1}}`; what is answered carries the same
//! `request`. Actions are `check`, `graph`, `tags`, `run`, `resume` (with `run`), `cancel`, `runs` and `logs` (with `run`
//! and `step`). The notebook is the session's where no `path` is given. A run sends `{"event": "progress", …}` and
//! `{"event": "run", "state": …, "svg": …, "statuses": …}` while it goes on; each action ends with `{"event": "done", …}`
//! or `{"event": "error", "message": …}`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, thread};

use oxikale_compiler::Compilation;
use oxikale_compiler::build::{Mode, data_folder};
use oxikale_compiler::diagnostics::Diagnostic;
use oxikale_compiler::draw;
use oxikale_compiler::tags::{PREFIXES, WORDS};
use oxikale_notebook::LineColumn;
use oxikale_runner::{LiveRun, Store, StoreError};
use serde_json::{Map, Value, json};

use super::Comm;
use crate::kernel::Kernel;
use crate::pipeline::{NotebookPipeline, Order, Problem, Work};

/// A panel shows the end of a longer log.
const LONGEST_LOG: usize = 1 << 20;

/// The runs that go on for panels, by comm and request.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<String, Arc<Work>>>);

impl Running {
    /// Ends all of them.
    pub fn end(&self) {
        for work in self.works().values() {
            work.end();
        }
    }

    fn works(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Work>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn receive(kernel: &Arc<Kernel>, comm: &Comm, data: &Map<String, Value>) {
    let order = Action { data: data.clone(), comm: comm.clone() };
    if order.text("action") == "cancel" {
        let key = format!("{} {}", comm.id, order.request());
        if let Some(work) = kernel.running.works().get(&key) {
            work.end();
        }
        return;
    }
    let kernel = Arc::clone(kernel);
    // Nothing of it may hold up the next message.
    thread::spawn(move || {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| order.carry_out(&kernel)));
        match done {
            Ok(Ok(answer)) => order.send("done", answer),
            Ok(Err(message)) => order.send("error", json!({ "message": message })),
            Err(panic) => {
                let words = crate::panic_message(panic.as_ref());
                let message = format!("Oxikale itself failed on this ({words}); please report it");
                order.send("error", json!({ "message": message }));
            }
        }
    });
}

/// What a panel asks for.
struct Action {
    data: Map<String, Value>,
    comm: Comm,
}

impl Action {
    fn carry_out(&self, kernel: &Arc<Kernel>) -> Result<Value, String> {
        match self.text("action") {
            "check" => {
                let notebook = self.notebook(kernel)?;
                let work = Arc::new(Work::default());
                let built = self.working(kernel, &work, || notebook.build(Mode::Check, &work, &|_| {}));
                Ok(self.state_of(&notebook, &built.map_err(words)?.compilation))
            }
            "graph" => {
                let notebook = self.notebook(kernel)?;
                Ok(self.state_of(&notebook, &notebook.compile()))
            }
            "tags" => {
                let steps = self.notebook(kernel).ok().and_then(|notebook| notebook.compile().pipeline);
                let steps: Vec<String> =
                    steps.into_iter().flat_map(|pipeline| pipeline.steps).map(|step| step.name).collect();
                Ok(json!({ "words": WORDS, "prefixes": PREFIXES, "steps": steps }))
            }
            "run" => self.run(kernel, None),
            "resume" => {
                let wanted = self.text("run");
                self.run(kernel, Some(if wanted.is_empty() { "latest" } else { wanted }.to_owned()))
            }
            "runs" => {
                let said = |error: StoreError| error.to_string();
                let store = Store::open(&data_folder()).map_err(said)?;
                let number = self.data.get("number").and_then(Value::as_u64).unwrap_or(20);
                let runs = store.runs(usize::try_from(number).unwrap_or(20)).map_err(said)?;
                let runs: Vec<Value> = runs
                    .into_iter()
                    .map(|run| {
                        let metrics = store.metrics(&run.id).unwrap_or_default();
                        json!({ "run": run, "metrics": metrics })
                    })
                    .collect();
                Ok(json!({ "runs": runs }))
            }
            "logs" => {
                let said = |error: StoreError| error.to_string();
                let store = Store::open(&data_folder()).map_err(said)?;
                let run = store.run(self.text("run")).map_err(said)?;
                let log = store.log(&run.id, self.text("step")).map_err(said)?;
                let bytes = if log.exists() {
                    fs::read(log.path()).map_err(|error| format!("{}: {error}", log.path().display()))?
                } else {
                    Vec::new()
                };
                let end = &bytes[bytes.len().saturating_sub(LONGEST_LOG)..];
                Ok(json!({ "log": String::from_utf8_lossy(end), "cut": bytes.len() > LONGEST_LOG }))
            }
            other => Err(format!("the pipeline knows no action `{other}`")),
        }
    }

    fn run(&self, kernel: &Arc<Kernel>, resume: Option<String>) -> Result<Value, String> {
        let notebook = self.notebook(kernel)?;
        let session = self.data.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        let given = session
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name}={text}"),
                value => format!("{name}={value}"),
            })
            .collect();
        let order = Order { given, resume, ..Order::default() };
        let work = Arc::new(Work::default());
        let record = self.working(kernel, &work, || {
            notebook.run(
                &order,
                &work,
                &|progress| {
                    self.send("progress", json!({ "label": progress.label, "done": progress.done }));
                },
                &|live: &LiveRun| {
                    let state = live.state();
                    self.send(
                        "run",
                        json!({ "run": live.id(), "state": state, "svg": live.svg(), "statuses": live.statuses() }),
                    );
                },
            )
        });
        Ok(json!({ "run": record.map_err(words)? }))
    }

    /// Does work that `cancel` ends.
    fn working<T>(&self, kernel: &Kernel, work: &Arc<Work>, run: impl FnOnce() -> T) -> T {
        let key = format!("{} {}", self.comm.id, self.request());
        kernel.running.works().insert(key.clone(), Arc::clone(work));
        let result = run();
        kernel.running.works().remove(&key);
        result
    }

    /// The pipeline as it is now, and what is wrong with it.
    fn state_of(&self, notebook: &NotebookPipeline, compilation: &Compilation) -> Value {
        let pipeline = compilation.pipeline.as_ref();
        json!({
            "graph": pipeline.map(draw::json),
            "svg": pipeline.map(|pipeline| draw::svg(pipeline, &draw::Statuses::new(), &draw::SvgOptions::default())),
            "diagnostics": findings(notebook, &compilation.diagnostics),
        })
    }

    fn notebook(&self, kernel: &Kernel) -> Result<NotebookPipeline, String> {
        let path = match self.text("path") {
            "" => kernel.place.notebook(None)?,
            path => kernel.place.folder().join(path),
        };
        NotebookPipeline::read(&path).map_err(words)
    }

    fn send(&self, event: &str, mut content: Value) {
        if let Some(content) = content.as_object_mut() {
            content.insert("event".to_owned(), event.into());
            content.insert("request".to_owned(), self.request());
        }
        self.comm.send(&content);
    }

    fn request(&self) -> Value {
        self.data.get("request").cloned().unwrap_or(Value::Null)
    }

    fn text(&self, name: &str) -> &str {
        self.data.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn words(problem: Problem) -> String {
    match problem {
        Problem::Other(message) | Problem::Notebook(message) => message,
        Problem::Interrupted => "it was cancelled".to_owned(),
    }
}

/// Findings with their places: cells by index and id, lines and columns from 1.
fn findings(notebook: &NotebookPipeline, diagnostics: &[Diagnostic]) -> Vec<Value> {
    let cells = notebook.notebook.cells();
    diagnostics
        .iter()
        .map(|one| {
            let labels: Vec<Value> = one
                .labels
                .iter()
                .map(|label| {
                    let text = cells.get(label.span.cell).map_or("", |cell| cell.source.as_str());
                    let (start, end) = (LineColumn::of(text, label.span.start), LineColumn::of(text, label.span.end));
                    json!({
                        "cell": label.span.cell, "line": start.line, "column": start.column, "end_line": end.line,
                        "end_column": end.column, "text": label.text,
                    })
                })
                .collect();
            json!({
                "code": one.code, "rustc": one.rustc, "severity": one.severity, "message": one.message,
                "help": one.help, "labels": labels,
            })
        })
        .collect()
}
