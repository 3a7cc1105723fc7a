//! A run as lines of text, for pipes and files.

use std::collections::BTreeMap;

use oxikale_runner::{Event, State, human_bytes};

use super::output_lines::OutputLines;
use super::paint::Paint;
use super::text::{plain, time};

/// Turns events into lines: `[step] text` for what a step prints, `step: what happens` for the rest.
pub struct PlainRun {
    paint: Paint,
    lines: OutputLines,
    /// Task → number and name for people.
    names: BTreeMap<String, (usize, String)>,
    /// Task and label → tenths that were told.
    told: BTreeMap<(String, String), u32>,
}

impl PlainRun {
    /// Lines in these colours.
    pub fn new(paint: Paint) -> Self {
        Self { paint, lines: OutputLines::default(), names: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// The lines that an event adds.
    pub fn hear(&mut self, event: &Event) -> Vec<u8> {
        let line = match event {
            Event::RunStarted { id, steps, resumed_from, .. } => {
                for (number, step) in steps.iter().enumerate() {
                    self.names.insert(step.task.clone(), (number, plain(&step.name)));
                }
                match resumed_from {
                    Some(earlier) => format!("run {id}, which resumes {earlier}"),
                    None => format!("run {id}"),
                }
            }
            Event::Warning { task: Some(task), message } => self.says(task, &format!("warning: {}", plain(message))),
            Event::Warning { task: None, message } => format!("warning: {}", plain(message)),
            Event::StepStarted { task, attempt: 1 } => self.says(task, "started"),
            Event::StepStarted { task, attempt } => self.says(task, &format!("started again (try {attempt})")),
            Event::Output { task, stream, bytes } => {
                let lines = self.lines.take(task, *stream, bytes);
                return self.output(task, &lines);
            }
            Event::Progress { task, label, done, total: Some(total) } if *total > 0.0 => {
                // A loop may report thousands of times a second.
                let tenth = (done / total * 10.0).clamp(0.0, 10.0) as u32;
                let told = self.told.insert((task.clone(), label.clone()), tenth);
                if told.is_some_and(|told| told == tenth) {
                    return Vec::new();
                }
                let label = if label.is_empty() { "progress".to_owned() } else { plain(label) };
                self.says(task, &format!("{label} {}%", tenth * 10))
            }
            Event::StepRetrying { task, in_seconds, why, .. } => {
                let again =
                    self.says(task, &format!("failed, next try in {}: {}", time(*in_seconds), plain(&why.message)));
                return self.with_rest(task, &again);
            }
            Event::StepEnded { task, reused: Some(run), .. } => self.says(task, &format!("reused from {run}")),
            Event::StepEnded { task, state, seconds, peak_memory, why, .. } => {
                let mut text = match state {
                    State::Skipped => "skipped".to_owned(),
                    state => format!("{} after {}", state.as_str(), time(*seconds)),
                };
                if let Some(bytes) = peak_memory.filter(|bytes| *bytes > 0) {
                    text.push_str(&format!(", {} at most", human_bytes(bytes)));
                }
                if let Some(why) = why {
                    text.push_str(&format!(": {}", plain(&why.message)));
                }
                let line = self.says(task, &text);
                return self.with_rest(task, &line);
            }
            _ => return Vec::new(),
        };
        format!("{line}\n").into_bytes()
    }

    /// What the step printed last without ending the line, and then `line`.
    fn with_rest(&mut self, task: &str, line: &str) -> Vec<u8> {
        let rest = self.lines.end(task);
        let mut out = self.output(task, &rest);
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
        out
    }

    fn output(&self, task: &str, lines: &[Vec<u8>]) -> Vec<u8> {
        let (number, name) = self.name(task);
        let prefix = self.paint.tag(number, &format!("[{name}]"));
        let mut out = Vec::new();
        for line in lines {
            out.extend_from_slice(prefix.as_bytes());
            if !line.is_empty() {
                out.push(b' ');
                out.extend_from_slice(line);
            }
            out.push(b'\n');
        }
        out
    }

    fn says(&self, task: &str, text: &str) -> String {
        let (number, name) = self.name(task);
        format!("{}: {text}", self.paint.tag(number, &name))
    }

    fn name(&self, task: &str) -> (usize, String) {
        self.names.get(task).cloned().unwrap_or_else(|| (0, plain(task)))
    }
}
