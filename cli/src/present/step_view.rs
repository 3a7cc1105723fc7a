//! What is shown of a step while the run goes on: one line of at most the terminal's width.

use std::time::Instant;

use oxikale_runner::{Event, State};

use super::output_lines::shown;
use super::paint::Paint;
use super::text::{columns, plain, shortened, time, without_colours};

/// Columns of the bar of a progress.
const BAR: usize = 12;

/// A step of a run that goes on.
#[derive(Debug)]
pub struct StepView {
    /// KFP's name of it.
    pub task: String,
    /// The name for people, harmless.
    pub name: String,
    /// The steps it waits for lead to it in so many stages.
    pub stage: usize,
    /// How far it came.
    pub state: State,
    queued: bool,
    started: Option<Instant>,
    seconds: f64,
    attempt: u32,
    progress: Option<(String, f64, Option<f64>)>,
    metrics: Vec<(String, f64)>,
    last_line: String,
    why: String,
    /// The run in which it ran, if not in this one.
    reused: Option<String>,
}

impl StepView {
    /// A step that waits.
    pub fn new(task: &str, name: &str, stage: usize) -> Self {
        Self {
            task: task.to_owned(),
            name: plain(name),
            stage,
            state: State::Pending,
            queued: false,
            started: None,
            seconds: 0.0,
            attempt: 1,
            progress: None,
            metrics: Vec::new(),
            last_line: String::new(),
            why: String::new(),
            reused: None,
        }
    }

    /// Takes note of an event of this step.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::StepQueued { .. } => self.queued = true,
            Event::StepStarted { attempt, .. } => {
                self.state = State::Running;
                self.attempt = *attempt;
                self.started.get_or_insert_with(Instant::now);
                self.progress = None;
                self.metrics.clear();
                self.why.clear();
            }
            Event::Metric { name, value, .. } => {
                let name = plain(name);
                match self.metrics.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, old)) => *old = *value,
                    None => self.metrics.push((name, *value)),
                }
            }
            Event::Progress { label, done, total, .. } => self.progress = Some((plain(label), *done, *total)),
            Event::StepRetrying { in_seconds, why, .. } => {
                self.state = State::Pending;
                self.why = format!("next try in {}: {}", time(*in_seconds), plain(first_line(&why.message)));
            }
            Event::StepEnded { state, seconds, why, reused, .. } => {
                self.reused.clone_from(reused);
                self.state = *state;
                self.seconds = *seconds;
                self.why = why.as_ref().map_or_else(String::new, |why| plain(first_line(&why.message)));
            }
            _ => {}
        }
    }

    /// Remembers what it printed last.
    pub fn printed(&mut self, line: &[u8]) {
        // Without colours, which would not survive being cut.
        let text: String = shown(line).chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
        let text = without_colours(&text);
        if !text.trim().is_empty() {
            self.last_line = text.trim().to_owned();
        }
    }

    /// The line. `bracket` shows how it stands beside the steps of its stage, `name_columns` is how wide names are.
    pub fn line(
        &self,
        bracket: &str,
        name_columns: usize,
        width: usize,
        spinner: &str,
        unicode: bool,
        paint: Paint,
    ) -> String {
        let icon = icon(self.state, spinner, unicode, paint);
        let name = shortened(&self.name, name_columns);
        let space = " ".repeat(name_columns - columns(&name).min(name_columns));
        let clock = match (self.state, self.started) {
            (State::Pending, _) | (State::Skipped, _) => String::new(),
            (State::Running, Some(started)) => time(started.elapsed().as_secs_f64()),
            _ => time(self.seconds),
        };
        let name = match self.state {
            State::Pending | State::Skipped => paint.dim(&name),
            State::Failed => paint.error(&name),
            _ => name,
        };
        let head = format!("{bracket}{icon} {name}{space} {clock:>12}");
        let used = columns(bracket) + 2 + name_columns + 13;
        let detail = shortened(&self.detail(unicode), width.saturating_sub(used + 2));
        if detail.is_empty() { head.trim_end().to_owned() } else { format!("{head}  {}", paint.dim(&detail)) }
    }

    fn detail(&self, unicode: bool) -> String {
        match self.state {
            State::Pending if !self.why.is_empty() => self.why.clone(),
            State::Pending if self.queued => "waits for cores or memory".to_owned(),
            State::Pending => String::new(),
            State::Running => {
                let mut parts = Vec::new();
                if self.attempt > 1 {
                    parts.push(format!("try {}", self.attempt));
                }
                if let Some((label, done, total)) = &self.progress {
                    parts.push(progress(label, *done, *total, unicode));
                }
                parts.extend(self.metric_texts());
                if !self.last_line.is_empty() {
                    parts.push(self.last_line.clone());
                }
                parts.join("  ")
            }
            State::Succeeded => {
                let reused = self.reused.as_ref().map(|run| format!("reused from {}", plain(run)));
                reused.into_iter().chain(self.metric_texts()).collect::<Vec<_>>().join("  ")
            }
            _ => self.why.clone(),
        }
    }

    fn metric_texts(&self) -> Vec<String> {
        self.metrics.iter().map(|(name, value)| format!("{name} {}", number(*value))).collect()
    }
}

/// A number in few characters.
pub fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    if value.is_finite() && (1e-4..1e9).contains(&value.abs()) {
        let digits = usize::try_from(5 - value.abs().log10().floor() as i32).unwrap_or(0);
        let text = format!("{value:.digits$}");
        return if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    }
    if value.is_finite() { format!("{value:.5e}") } else { value.to_string() }
}

/// The sign of a state.
pub fn icon(state: State, spinner: &str, unicode: bool, paint: Paint) -> String {
    let (fancy, simple) = match state {
        State::Pending => ("○", "."),
        State::Running => (spinner, spinner),
        State::Succeeded => ("✔", "+"),
        State::Failed => ("✘", "x"),
        State::Skipped => ("–", "-"),
        State::Cancelled => ("■", "!"),
        State::Interrupted => ("?", "?"),
    };
    let sign = if unicode { fancy } else { simple };
    match state {
        State::Pending | State::Skipped => paint.dim(sign),
        State::Running => paint.active(sign),
        State::Succeeded => paint.good(sign),
        State::Failed => paint.error(sign),
        State::Cancelled | State::Interrupted => paint.warning(sign),
    }
}

/// A bar with its share and its label; without a total, the number that is done.
pub fn progress(label: &str, done: f64, total: Option<f64>, unicode: bool) -> String {
    let label = if label.is_empty() { String::new() } else { format!(" {label}") };
    let Some(total) = total.filter(|total| *total > 0.0) else { return format!("{}{label}", number(done)) };
    let share = (done / total).clamp(0.0, 1.0);
    let full = (share * BAR as f64).round() as usize;
    let (on, off) = if unicode { ("█", "░") } else { ("#", "-") };
    format!("{}{} {:.0}%{label}", on.repeat(full), off.repeat(BAR - full.min(BAR)), share * 100.0)
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxikale_runner::Stream;

    fn line(view: &StepView, width: usize) -> String {
        view.line("├ ", 8, width, "*", true, Paint::new(false))
    }

    #[test]
    fn a_line_tells_how_far_a_step_is_and_fits() {
        let mut view = StepView::new("train", "train\x1b[2J", 1);
        assert!(line(&view, 80).starts_with("├ ○ train\\u…"), "{}", line(&view, 80));
        let task = || "train".to_owned();
        view.hear(&Event::StepStarted { task: task(), attempt: 2 });
        view.hear(&Event::Progress { task: task(), label: "epoch".to_owned(), done: 5.0, total: Some(10.0) });
        view.hear(&Event::Metric { task: task(), name: "loss".to_owned(), value: 0.123_456_789, step: Some(3) });
        view.hear(&Event::Output { task: task(), stream: Stream::Stdout, bytes: Vec::new() });
        view.printed(b"\x1b[31mepoch 5\x1b[0m\tdone");
        let wide = line(&view, 200);
        assert!(wide.contains("try 2  ██████░░░░░░ 50% epoch  loss 0.123457  epoch 5 done"), "{wide}");
        for width in 20..120 {
            assert!(columns(&line(&view, width)) <= width.max(26), "{width}: {}", line(&view, width));
        }
        view.hear(&Event::StepEnded {
            task: task(),
            state: State::Succeeded,
            seconds: 2.5,
            peak_memory: None,
            why: None,
            reused: None,
        });
        let ended = line(&view, 80);
        assert!(ended.contains("✔") && ended.contains("2.50 s") && ended.ends_with("loss 0.123457"), "{ended}");
    }

    #[test]
    fn numbers_are_short() {
        let said: Vec<String> = [0.0, -36.0, 0.93, 1234.5678, 1e-9, f64::NAN, f64::INFINITY, 1e300].map(number).into();
        assert_eq!(said, ["0", "-36", "0.93", "1234.57", "1.00000e-9", "NaN", "inf", "1.00000e300"]);
    }
}
