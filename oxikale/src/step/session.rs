//! What a step has shown, logged and written so far.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Failure;
use super::events::Events;
use super::executor::ExecutorInput;
use super::file::WholeFile;
use super::format::{Saved, readable_size};
use crate::Error;
use crate::display::MimeBundle;
use crate::recorder::Recorder;

/// The output that holds the step's metrics.
pub(crate) const METRICS: &str = "step-metrics";
/// The output that holds the step's report.
pub(crate) const REPORT: &str = "html-report";
/// The output that holds the display of the step's last expression.
pub(crate) const RESULT: &str = "cell-result";

/// Without a runner that draws progress, it is a line in the log at most this often.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The running step.
pub(crate) struct Session {
    /// Its task name.
    pub step: String,
    /// What it is given.
    pub input: ExecutorInput,
    /// Where its news go.
    pub events: Events,
    state: Mutex<State>,
}

/// What a step has done so far.
#[derive(Default)]
pub(crate) struct State {
    /// The outputs that are written: key → metadata and who wrote it.
    pub written: BTreeMap<String, Written>,
    /// Which outputs are variables, where the program has said so.
    pub variables: Option<BTreeSet<String>>,
    /// The metrics, in the order of their first appearance.
    pub metrics: Vec<LoggedMetric>,
    /// The displays, in order.
    pub displays: Vec<Shown>,
    /// What failed on the way without ending the cells.
    pub problems: Vec<String>,
    warned_of_metrics: bool,
    progress_logged: Option<Instant>,
}

/// An output that is written.
pub(crate) struct Written {
    pub metadata: Map<String, Value>,
    pub variable: bool,
}

/// A metric and, where it is a series, its points.
pub(crate) struct LoggedMetric {
    pub name: String,
    pub last: Value,
    pub series: Vec<(i64, Value)>,
}

/// A display, by its id where it has one.
pub(crate) struct Shown {
    pub id: Option<String>,
    pub bundle: MimeBundle,
}

impl Session {
    /// A step that has not begun.
    pub fn new(step: String, input: ExecutorInput, events: Events) -> Arc<Self> {
        Arc::new(Self { step, input, events, state: Mutex::default() })
    }

    /// What has been done so far. A thread that panicked while it held this left whole entries only.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers which outputs are variables.
    pub fn expect_variables(&self, keys: &[&str]) {
        self.state().variables = Some(keys.iter().map(|key| (*key).to_owned()).collect());
    }

    /// The file of a variable that is about to be saved.
    pub fn claim_variable(&self, key: &str) -> Result<PathBuf, Failure> {
        let artifact = self.input.output(key).ok_or_else(|| {
            Failure::new(format!(
                "variable `{key}` is not among the outputs of step `{}`: the pipeline was compiled from another state \
                 of the notebook than this program, so compile it again",
                self.step
            ))
        })?;
        if self.state().written.get(key).is_some_and(|written| !written.variable) {
            return Err(Failure::new(format!(
                "the step writes an artifact `{key}` and hands on a variable of the same name: rename one of them"
            )));
        }
        artifact.path().map_err(|reason| Failure::new(format!("variable `{key}`: {reason}")))
    }

    /// Notes that a variable is saved.
    pub fn saved_variable(&self, key: &str, saved: Saved, rust_type: &str) {
        let mut metadata = Map::new();
        metadata.insert("format".to_owned(), saved.kind.name().into());
        metadata.insert("rust_type".to_owned(), rust_type.into());
        metadata.insert("display".to_owned(), saved.display.into());
        metadata.insert("size".to_owned(), saved.size.into());
        self.state().written.insert(key.to_owned(), Written { metadata, variable: true });
    }

    /// Shows what a trailing expression came to; the last one is kept as an artifact.
    pub fn show_result(&self, shown: Vec<MimeBundle>, last: bool) {
        for bundle in &shown {
            self.show(bundle, None);
        }
        if !last {
            return;
        }
        let (Some(artifact), Some(bundle)) = (self.input.output(RESULT), shown.last()) else { return };
        let written = artifact.path().and_then(|path| {
            WholeFile::write(&path, bundle.to_json().to_string().as_bytes()).map_err(|e| e.to_string())
        });
        match written {
            Ok(size) => {
                let mut metadata = Map::new();
                metadata.insert("format".to_owned(), "json".into());
                metadata.insert("display".to_owned(), super::format::shorten(&summary(bundle)).into());
                metadata.insert("size".to_owned(), size.into());
                self.state().written.insert(RESULT.to_owned(), Written { metadata, variable: false });
            }
            Err(reason) => {
                self.state().problems.push(format!("the result of the last cell cannot be written: {reason}"))
            }
        }
    }

    fn show(&self, bundle: &MimeBundle, id: Option<&str>) {
        let mut event = json!({"type": "display", "data": bundle.to_json()});
        if let (Some(id), Some(event)) = (id, event.as_object_mut()) {
            event.insert("id".to_owned(), id.into());
        }
        self.events.send(&event);
        // A closed standard output must not end the step.
        drop(writeln!(std::io::stdout(), "{}", beginning(&summary(bundle))));
        let mut state = self.state();
        let earlier = state.displays.iter_mut().find(|shown| id.is_some() && shown.id.as_deref() == id);
        match earlier {
            Some(shown) => shown.bundle = bundle.clone(),
            None => state.displays.push(Shown { id: id.map(str::to_owned), bundle: bundle.clone() }),
        }
    }
}

/// A display as the log has it: its text, or what it is.
fn summary(bundle: &MimeBundle) -> String {
    if let Some(Value::String(text)) = bundle.get("text/plain") {
        return text.clone();
    }
    let forms: Vec<String> = bundle
        .iter()
        .map(|(mime, value)| {
            let size = value.as_str().map_or_else(|| value.to_string().len(), str::len);
            format!("{mime}, {}", readable_size(size as u64))
        })
        .collect();
    format!("[{}]", forms.join("; "))
}

/// What of a text stands in the log; the report has all of it.
fn beginning(text: &str) -> String {
    const LENGTH: usize = 4000;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}… ({} left out)", &text[..end], readable_size((text.len() - end) as u64)),
        None => text.to_owned(),
    }
}

/// The running step as the receiver of the library's calls.
pub(crate) struct StepRecorder(pub Arc<Session>);

impl Recorder for StepRecorder {
    fn parameter(&self, name: &str) -> Option<Value> {
        self.0.input.parameter(name).cloned()
    }

    fn display(&self, data: &MimeBundle, id: Option<&str>) {
        self.0.show(data, id);
    }

    fn metric(&self, name: &str, value: &Value, step: Option<i64>) {
        let mut event = json!({"type": "metric", "name": name, "value": value});
        if let (Some(step), Some(event)) = (step, event.as_object_mut()) {
            event.insert("step".to_owned(), step.into());
        }
        self.0.events.send(&event);
        let declared = self.0.input.output(METRICS).is_some();
        let mut state = self.0.state();
        if !declared && !std::mem::replace(&mut state.warned_of_metrics, true) {
            eprintln!(
                "oxikale: step `{}` has no metrics in the pipeline, so they are kept with its log only: call \
                 `oxikale::metrics::log` by this name in a cell of the step",
                self.0.step
            );
        }
        let index = match state.metrics.iter().position(|metric| metric.name == name) {
            Some(index) => index,
            None => {
                state.metrics.push(LoggedMetric { name: name.to_owned(), last: Value::Null, series: Vec::new() });
                state.metrics.len() - 1
            }
        };
        let metric = &mut state.metrics[index];
        metric.last = value.clone();
        if let Some(step) = step {
            metric.series.push((step, value.clone()));
        }
        drop(state);
        let place = step.map(|step| format!("[{step}]")).unwrap_or_default();
        drop(writeln!(std::io::stdout(), "{name}{place} = {}", crate::metrics::plain(value)));
    }

    fn progress(&self, label: &str, done: u64, total: Option<u64>) {
        if self.0.events.are_followed() {
            self.0.events.send(&json!({"type": "progress", "label": label, "done": done, "total": total}));
            return;
        }
        let mut state = self.0.state();
        let due = state.progress_logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if due || total == Some(done) {
            state.progress_logged = Some(Instant::now());
            drop(state);
            let of = total.map(|total| format!("/{total}")).unwrap_or_default();
            drop(writeln!(std::io::stderr(), "{label}: {done}{of}"));
        }
    }

    fn artifact(&self, name: &str, mime: Option<&str>) -> Result<PathBuf, Error> {
        if [METRICS, REPORT, RESULT].contains(&name) {
            return Err(Error::new(format!("`{name}` is written by every step itself: choose another artifact name")));
        }
        let known = [name.to_owned(), key_of(name)];
        let Some((key, artifact)) =
            known.iter().find_map(|key| self.0.input.output(key).map(|artifact| (key, artifact)))
        else {
            return Err(Error::new(format!(
                "step `{}` has no artifact `{name}`: its name must be written as a string literal in the call of \
                 `oxikale::artifacts`, because the pipeline must know it beforehand",
                self.0.step
            )));
        };
        let path = artifact.path().map_err(|reason| Error::new(format!("artifact `{name}`: {reason}")))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                Error::caused(format!("artifact `{name}`: cannot create the folder {}", folder.display()), error)
            })?;
        }
        let mut state = self.0.state();
        if state.written.get(key).is_some_and(|written| written.variable)
            || state.variables.as_ref().is_some_and(|variables| variables.contains(key))
        {
            return Err(Error::new(format!(
                "the step hands on a variable `{name}`, so an artifact cannot have that name: rename one of them"
            )));
        }
        let mut metadata = Map::new();
        if let Some(mime) = mime {
            metadata.insert("mime".to_owned(), mime.into());
        }
        state.written.insert(key.clone(), Written { metadata, variable: false });
        Ok(path)
    }
}

/// The key of a name in the pipeline: ASCII letters, digits, `_` and `-` stand, others are `_u{hex}_`.
fn key_of(name: &str) -> String {
    let mut key = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
            key.push(c);
        } else {
            key.push_str(&format!("_u{:x}_", u32::from(c)));
        }
    }
    key
}
