//! A run when it is over, or as far as it is: its steps, metrics, what it shows, why it failed, and where all is.

use oxikale_runner::{
    Artifact, DisplayRecord, Failure, MetricRecord, RunRecord, State, StepRecord, Store, human_bytes,
};
use serde_json::{Value, json};

use super::diagnostics::Drawer;
use super::paint::Paint;
use super::step_view::{icon, number};
use super::table::{Align, Cell, Table};
use super::text::{count, paragraph, plain, time};
use crate::outcome;

/// Longer displays are cut; the report has all of them.
const LONGEST_DISPLAY: usize = 60;

/// Everything recorded of a run.
#[derive(Debug)]
pub struct Summary {
    /// The run.
    pub run: RunRecord,
    steps: Vec<StepRecord>,
    metrics: Vec<MetricRecord>,
    artifacts: Vec<Artifact>,
    displays: Vec<DisplayRecord>,
}

/// All points of a metric of one step, or its single value.
pub struct Series<'a> {
    /// The step.
    pub task: &'a str,
    /// The metric.
    pub name: &'a str,
    /// The values in order.
    pub values: Vec<f64>,
}

impl Summary {
    /// Reads what the store has of a run.
    pub fn read(store: &Store, run: RunRecord) -> Result<Self, outcome::Failure> {
        Ok(Self {
            steps: store.steps(&run.id)?,
            metrics: store.metrics(&run.id)?,
            artifacts: store.artifacts(&run.id)?,
            displays: store.displays(&run.id)?,
            run,
        })
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "run": self.run,
            "steps": self.steps,
            "metrics": self.metrics,
            "artifacts": self.artifacts,
            "displays": self.displays,
        })
    }

    /// For people. With a `drawer` of the notebook as it was run, failures are drawn in their cells.
    pub fn draw(&self, drawer: Option<&Drawer<'_>>, unicode: bool, paint: Paint) -> String {
        let mut out = self.step_table(unicode, paint);
        if !self.metrics.is_empty() {
            out.push_str(&format!("\n{}\n{}", paint.bold("Metrics"), self.metric_table().draw("  ", paint)));
        }
        out.push_str(&self.shown(paint));
        for step in self.steps.iter().filter(|step| step.state == State::Failed) {
            if let Some(why) = &step.why {
                out.push('\n');
                out.push_str(&self.failure(step, why, drawer, paint));
            }
        }
        out.push('\n');
        out.push_str(&self.end(paint));
        out
    }

    fn step_table(&self, unicode: bool, paint: Paint) -> String {
        let mut heads =
            vec![("STEP", Align::Left), ("STATE", Align::Left), ("TIME", Align::Right), ("PEAK MEMORY", Align::Right)];
        if self.steps.iter().any(|step| step.attempts > 1) {
            heads.push(("TRIES", Align::Right));
        }
        let mut table = Table::new(&heads);
        for step in &self.steps {
            let sign = icon(step.state, if unicode { "●" } else { "*" }, unicode, paint);
            let plain_sign = icon(step.state, if unicode { "●" } else { "*" }, unicode, Paint::new(false));
            let name = plain(&step.name);
            table.row(vec![
                Cell::painted(format!("{plain_sign} {name}"), format!("{sign} {name}")),
                match step.reused {
                    Some(_) => Cell::painted("reused", paint.good("reused")),
                    None => state_cell(step.state, paint),
                },
                step.seconds.filter(|_| step.started_ms.is_some()).map_or_else(String::new, time).into(),
                step.peak_memory.filter(|bytes| *bytes > 0).map_or_else(String::new, human_bytes).into(),
                if step.attempts > 1 { step.attempts.to_string() } else { String::new() }.into(),
            ]);
        }
        table.draw("", paint)
    }

    /// Step, metric, value; of a series its last value and its length.
    pub fn metric_table(&self) -> Table {
        let mut table =
            Table::new(&[("STEP", Align::Left), ("METRIC", Align::Left), ("VALUE", Align::Right), ("", Align::Left)]);
        for series in self.series() {
            let last = series.values.last().copied().unwrap_or(f64::NAN);
            let note = match series.values.len() {
                1 => String::new(),
                length => {
                    let (low, high) =
                        series.values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                            (low.min(*value), high.max(*value))
                        });
                    format!("last of {}, {} to {}", count(length, "point", "points"), number(low), number(high))
                }
            };
            table.row(vec![self.name(series.task).into(), plain(series.name).into(), number(last).into(), note.into()]);
        }
        table
    }

    /// The metrics, each with all its values.
    pub fn series(&self) -> Vec<Series<'_>> {
        let mut all: Vec<Series<'_>> = Vec::new();
        for metric in &self.metrics {
            match all.iter_mut().find(|series| series.task == metric.task && series.name == metric.name) {
                Some(series) => series.values.push(metric.value),
                None => all.push(Series { task: &metric.task, name: &metric.name, values: vec![metric.value] }),
            }
        }
        all
    }

    /// What steps showed, as text.
    fn shown(&self, paint: Paint) -> String {
        let mut out = String::new();
        for display in &self.displays {
            let text = ["text/plain", "text/markdown"].iter().find_map(|kind| display.data.get(*kind)?.as_str());
            let head = paint.bold(&format!("{} shows", self.name(&display.task)));
            match text.map(str::trim_end).filter(|text| !text.is_empty()) {
                Some(text) => {
                    out.push_str(&format!("\n{head}\n"));
                    for line in text.lines().take(LONGEST_DISPLAY) {
                        out.push_str(&format!("  {}\n", paragraph(line).trim_end()));
                    }
                    let more = text.lines().count().saturating_sub(LONGEST_DISPLAY);
                    if more > 0 {
                        out.push_str(&format!(
                            "  {}\n",
                            paint.dim(&format!("and {}", count(more, "more line", "more lines")))
                        ));
                    }
                }
                None => {
                    let kinds: Vec<String> = display.data.keys().map(|kind| plain(kind)).collect();
                    out.push_str(&format!(
                        "\n{head} {}\n",
                        paint.dim(&format!("{} (see its report)", kinds.join(", ")))
                    ));
                }
            }
        }
        out
    }

    fn failure(&self, step: &StepRecord, why: &Failure, drawer: Option<&Drawer<'_>>, paint: Paint) -> String {
        let message = format!("step `{}` failed: {}", plain(&step.name), paragraph(&why.message));
        let drawn = why.cell.and_then(|cell| drawer?.failure(&message, cell, why.line, why.column));
        drawn.unwrap_or_else(|| {
            let place = match (why.cell, why.line) {
                (Some(cell), Some(line)) => format!(" (cell {cell}, line {line})"),
                (Some(cell), None) => format!(" (cell {cell})"),
                _ => String::new(),
            };
            format!("{} {message}{place}\n", paint.error("Error:"))
        })
    }

    /// How it ended, and where everything is.
    fn end(&self, paint: Paint) -> String {
        let run = &self.run;
        let state = match run.state {
            State::Succeeded => paint.good(run.state.as_str()),
            State::Failed => paint.error(run.state.as_str()),
            State::Running | State::Pending => paint.active(run.state.as_str()),
            _ => paint.warning(run.state.as_str()),
        };
        let took = run
            .ended_ms
            .map_or_else(String::new, |ended| format!(" after {}", time((ended - run.started_ms) as f64 / 1e3)));
        let name = run.name.as_ref().map_or_else(String::new, |name| format!(" ({})", plain(name)));
        let mut out = format!("{} {}{name} {state}{took}\n", paint.bold("Run"), run.id);
        if let Some(earlier) = &run.resumed_from {
            out.push_str(&format!("  resumes     {}\n", plain(earlier)));
        }
        if let Some(why) = run.why.as_ref().filter(|_| !self.steps.iter().any(|step| step.state == State::Failed)) {
            out.push_str(&format!("  {}\n", paragraph(why)));
        }
        for (number, (name, value)) in run.arguments.iter().enumerate() {
            let head = if number == 0 { "parameters" } else { "" };
            out.push_str(&format!("  {head:<10}  {} = {}\n", plain(name), plain(&value.to_string())));
        }
        out.push_str(&format!("  folder      {}\n", plain(&run.folder.display().to_string())));
        out.push_str(&format!("  logs        oxikale logs {} {}\n", run.id, self.log_hint()));
        if self.artifacts.iter().any(|artifact| artifact.size.is_some()) {
            out.push_str(&format!("  artifacts   oxikale artifacts {}\n", run.id));
        }
        let reports: Vec<&Artifact> =
            self.artifacts.iter().filter(|artifact| artifact.key == "html-report" && artifact.size.is_some()).collect();
        for (number, report) in reports.iter().enumerate() {
            let head = if number == 0 { "reports" } else { "" };
            out.push_str(&format!("  {head:<10}  {}\n", plain(&report.path.display().to_string())));
        }
        out
    }

    fn log_hint(&self) -> String {
        let failed = self.steps.iter().find(|step| step.state == State::Failed);
        failed.map_or_else(|| "STEP".to_owned(), |step| plain(&step.task))
    }

    fn name(&self, task: &str) -> String {
        plain(self.steps.iter().find(|step| step.task == task).map_or(task, |step| &step.name))
    }
}

/// The word for a state, in its colour.
pub fn state_cell(state: State, paint: Paint) -> Cell {
    let word = state.as_str();
    Cell::painted(
        word,
        match state {
            State::Succeeded => paint.good(word),
            State::Failed => paint.error(word),
            State::Running => paint.active(word),
            State::Pending | State::Skipped => paint.dim(word),
            State::Cancelled | State::Interrupted => paint.warning(word),
        },
    )
}
