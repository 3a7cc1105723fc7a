//! A run as a picture, a page and a text, at any moment: put together from its events alone.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Instant;

use oxikale_compiler::draw::{self, Statuses, StepStatus, SvgOptions, Theme, escape};
use oxikale_compiler::pipeline::Pipeline;

use crate::events::{Event, Failure, State};

/// So many of the last lines of a log are kept for each step.
const LINES: usize = 12;

/// A line of a log is kept up to so many bytes.
const LONGEST_LINE: usize = 1000;

/// Where a metric has many values, the last one stands for it; more metrics are not shown.
const MOST_METRICS: usize = 24;

/// A run that goes on, or is over.
///
/// It hears the events of [`crate::run`], and can be drawn again after each. Nothing that it draws contains a script, or
/// asks for anything from elsewhere; whatever comes from the notebook or from a log is escaped.
#[derive(Debug, Clone)]
pub struct LiveRun {
    pipeline: Pipeline,
    id: Option<String>,
    resumed_from: Option<String>,
    state: State,
    /// As the pipeline has them.
    steps: Vec<LiveStep>,
    warnings: Vec<String>,
}

/// What is known of a step.
#[derive(Debug, Clone)]
struct LiveStep {
    state: State,
    started: Option<Instant>,
    seconds: Option<f64>,
    attempt: u32,
    metrics: Vec<(String, f64)>,
    progress: Option<(String, f64, Option<f64>)>,
    why: Option<Failure>,
    /// The run in which it ran, if not in this one.
    reused: Option<String>,
    lines: VecDeque<String>,
    /// The line that has no end yet.
    begun: Vec<u8>,
}

impl LiveRun {
    /// A run of this pipeline that has not begun.
    pub fn new(pipeline: Pipeline) -> Self {
        let steps = pipeline.steps.iter().map(|_| LiveStep::new()).collect();
        Self { pipeline, id: None, resumed_from: None, state: State::Pending, steps, warnings: Vec::new() }
    }

    /// Takes note of an event.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::RunStarted { id, resumed_from, .. } => {
                self.id = Some(id.clone());
                self.resumed_from.clone_from(resumed_from);
                self.state = State::Running;
            }
            Event::RunEnded { state } => self.state = *state,
            Event::Warning { task, message } => {
                let of = task.as_ref().map_or_else(String::new, |task| format!("{task}: "));
                self.warnings.push(format!("{of}{message}"));
            }
            Event::StepQueued { task }
            | Event::StepStarted { task, .. }
            | Event::Output { task, .. }
            | Event::Metric { task, .. }
            | Event::Progress { task, .. }
            | Event::Display { task, .. }
            | Event::StepRetrying { task, .. }
            | Event::StepEnded { task, .. } => {
                let at = self.pipeline.steps.iter().position(|step| step.task == *task);
                if let Some(step) = at.and_then(|at| self.steps.get_mut(at)) {
                    step.hear(event);
                }
            }
        }
    }

    /// The run's id, once it has begun.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// How far the run is.
    pub fn state(&self) -> State {
        self.state
    }

    /// How far each step is, for drawings.
    pub fn statuses(&self) -> Statuses {
        let steps = self.pipeline.steps.iter().zip(&self.steps);
        steps.map(|(step, live)| (step.task.clone(), live.status())).collect()
    }

    /// The graph as an SVG image that paints its own background, dark or light as the viewer prefers.
    pub fn svg(&self) -> String {
        self.graph(Theme::Auto, true)
    }

    /// The graph and a table of the steps, as a part of a page; in JupyterLab it has the colours of its theme.
    pub fn html(&self) -> String {
        let mut out = String::from(
            "<div style=\"font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;\
             color:var(--jp-ui-font-color1,inherit)\">\n",
        );
        let _ =
            writeln!(out, "<div style=\"font-weight:600;margin:0 0 6px\">{}</div>", escape(&harmless(&self.head())));
        let _ = writeln!(out, "<div style=\"overflow:auto\">{}</div>", self.graph(Theme::Jupyter, false));
        for warning in &self.warnings {
            let _ = writeln!(out, "<div style=\"margin:4px 0\">Warning: {}</div>", escape(&harmless(warning)));
        }
        out.push_str("<table style=\"border-collapse:collapse;margin:8px 0;text-align:left\">\n<thead><tr>");
        for head in ["Step", "State", "Time", "Metrics"] {
            let _ = write!(out, "<th scope=\"col\" style=\"{CELL};font-weight:600;text-align:left\">{head}</th>");
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for (step, live) in self.pipeline.steps.iter().zip(&self.steps) {
            let status = live.status();
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\" style=\"{CELL};font-weight:400;text-align:left\">{}</th><td style=\"{CELL};\
                 white-space:nowrap\">{} {}</td><td style=\"{CELL};text-align:right;white-space:nowrap\">{}</td>\
                 <td style=\"{CELL};text-align:left\">{}</td></tr>",
                escape(&harmless(&step.name)),
                status.state.icon(true),
                escape(&harmless(&live.words())),
                escape(&status.time().unwrap_or_default()),
                escape(&harmless(&live.figures().join(", "))),
            );
            let Some(why) = live.why.as_ref().filter(|_| live.state == State::Failed) else { continue };
            let _ = write!(
                out,
                "<tr><td colspan=\"4\" style=\"{CELL};text-align:left\"><div style=\"white-space:pre-wrap\">{}</div>",
                escape(&harmless(&said(why)))
            );
            let lines: Vec<String> = live.last_lines().iter().map(|line| escape(&harmless(line))).collect();
            if !lines.is_empty() {
                let _ = write!(
                    out,
                    "<pre style=\"margin:6px 0 0;padding:6px;overflow:auto;max-height:16em;\
                     background:var(--jp-layout-color2,rgba(128,128,128,.12));color:inherit\">{}</pre>",
                    lines.join("\n")
                );
            }
            out.push_str("</td></tr>\n");
        }
        out.push_str("</tbody>\n</table>\n</div>\n");
        out
    }

    /// The steps as lines of text, for where nothing can be drawn.
    pub fn text(&self) -> String {
        let mut out = format!("{}\n", harmless(&self.head()));
        for warning in &self.warnings {
            let _ = writeln!(out, "warning: {}", harmless(warning));
        }
        let names: Vec<String> = self.pipeline.steps.iter().map(|step| harmless(&step.name)).collect();
        let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(40);
        for (name, live) in names.iter().zip(&self.steps) {
            let status = live.status();
            let mut line = format!("  {} {name:widest$}  {}", status.state.icon(true), harmless(&live.words()));
            for more in status.time().into_iter().chain(live.figures()) {
                let _ = write!(line, "  {}", harmless(&more));
            }
            let _ = writeln!(out, "{}", line.trim_end());
            if let Some(why) = live.why.as_ref().filter(|_| live.state == State::Failed) {
                for line in said(why).lines().map(harmless).chain(live.last_lines().iter().map(|line| {
                    let line = harmless(line);
                    format!("| {line}")
                })) {
                    let _ = writeln!(out, "      {}", line.trim_end());
                }
            }
        }
        out
    }

    fn graph(&self, theme: Theme, background: bool) -> String {
        let id = self.id.clone().unwrap_or_else(|| "run".to_owned());
        let options = SvgOptions { theme, background, id, ..SvgOptions::default() };
        draw::svg(&self.pipeline, &self.statuses(), &options)
    }

    /// `Run pi-20260102-030405-abcd resumes …: running`.
    fn head(&self) -> String {
        let run = self.id.as_ref().map_or_else(|| format!("Run of {}", self.pipeline.name), |id| format!("Run {id}"));
        let resumes = self.resumed_from.as_ref().map_or_else(String::new, |run| format!(", which resumes {run}"));
        format!("{run}{resumes}: {}", self.state.as_str())
    }
}

/// The style of every cell of the table.
const CELL: &str =
    "padding:3px 10px;vertical-align:top;border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.35))";

impl LiveStep {
    fn new() -> Self {
        Self {
            state: State::Pending,
            started: None,
            seconds: None,
            attempt: 0,
            metrics: Vec::new(),
            progress: None,
            why: None,
            reused: None,
            lines: VecDeque::new(),
            begun: Vec::new(),
        }
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::StepStarted { attempt, .. } => {
                let started = self.started;
                *self = Self { state: State::Running, attempt: *attempt, ..Self::new() };
                self.started = started.or_else(|| Some(Instant::now()));
            }
            Event::Output { bytes, .. } => self.printed(bytes),
            Event::Metric { name, value, .. } => match self.metrics.iter().position(|(known, _)| known == name) {
                Some(at) => self.metrics[at].1 = *value,
                None if self.metrics.len() < MOST_METRICS => self.metrics.push((name.clone(), *value)),
                None => {}
            },
            Event::Progress { label, done, total, .. } => self.progress = Some((label.clone(), *done, *total)),
            Event::StepRetrying { why, .. } => {
                self.state = State::Pending;
                self.why = Some(why.clone());
            }
            Event::StepEnded { state, seconds, why, reused, .. } => {
                self.state = *state;
                // A step that never started took no time.
                self.seconds = Some(*seconds).filter(|_| self.started.is_some() || reused.is_some());
                self.why.clone_from(why);
                self.reused.clone_from(reused);
                self.progress = None;
            }
            _ => {}
        }
    }

    fn printed(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            // A bar that is drawn over and over in one line is worth its last form.
            let text = match text.iter().rposition(|byte| *byte == b'\r').filter(|at| at + 1 < text.len()) {
                Some(at) => {
                    self.begun.clear();
                    &text[at + 1..]
                }
                None => text,
            };
            let room = LONGEST_LINE.saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned();
                self.lines.push_back(line);
                if self.lines.len() > LINES {
                    self.lines.pop_front();
                }
            }
        }
    }

    fn last_lines(&self) -> Vec<String> {
        let begun = Some(String::from_utf8_lossy(&self.begun).into_owned()).filter(|line| !line.is_empty());
        let lines: Vec<String> = self.lines.iter().cloned().chain(begun).collect();
        lines[lines.len().saturating_sub(LINES)..].to_vec()
    }

    fn status(&self) -> StepStatus {
        let state = match self.state {
            State::Pending => draw::State::Pending,
            State::Running => draw::State::Running,
            State::Succeeded if self.reused.is_some() => draw::State::Reused,
            State::Succeeded => draw::State::Succeeded,
            State::Failed => draw::State::Failed,
            State::Skipped => draw::State::Skipped,
            State::Cancelled | State::Interrupted => draw::State::Cancelled,
        };
        let seconds = match self.state {
            State::Running => self.started.map(|started| started.elapsed().as_secs_f64()),
            _ => self.seconds,
        };
        StepStatus { state, seconds, metrics: self.metrics.clone() }
    }

    /// The state in words, with what belongs to it.
    fn words(&self) -> String {
        match (self.state, &self.reused, &self.progress) {
            (State::Succeeded, Some(run), _) => format!("reused from {run}"),
            (State::Running, _, Some((label, done, Some(total)))) if *total > 0.0 => {
                format!("running, {} {:.0}%", label, (done / total * 100.0).clamp(0.0, 100.0)).replace("  ", " ")
            }
            (State::Running, ..) if self.attempt > 1 => format!("running, try {}", self.attempt),
            (State::Pending, ..) if self.why.is_some() => "pending, to be tried again".to_owned(),
            (state, ..) => state.as_str().to_owned(),
        }
    }

    fn figures(&self) -> Vec<String> {
        self.metrics.iter().map(|(name, value)| format!("{name} {}", draw::number(*value))).collect()
    }
}

/// Why a step failed, with its place: `cell 4, line 2: index out of bounds`.
fn said(why: &Failure) -> String {
    match (why.cell, why.line) {
        (Some(cell), Some(line)) => format!("cell {cell}:{line}: {}", why.message),
        (Some(cell), None) => format!("cell {cell}: {}", why.message),
        _ => why.message.clone(),
    }
}

/// A text without colours, and in which nothing moves a cursor or turns the direction of writing: such characters
/// appear as `\u{…}`. Tabs and line ends stay.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            '\u{1b}' if characters.peek() == Some(&'[') => {
                characters.next();
                // A colour ends at its letter; whatever else begins so is left out in the same way.
                while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
