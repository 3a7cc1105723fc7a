//! A run in a terminal: a tree of steps that is drawn again and again, with what they print above it.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oxikale_runner::{Event, State, StepInfo};

use super::area::Area;
use super::output_lines::{OutputLines, shown};
use super::paint::Paint;
use super::step_view::StepView;
use super::text::{columns, plain, shortened, time};
use crate::session::Session;

/// What turns where something goes on.
pub const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SIMPLE_SPINNER: [&str; 4] = ["|", "/", "-", "\\"];

/// How often the tree is drawn, at most.
const PACE: Duration = Duration::from_millis(80);

/// Names are not shown wider.
const WIDEST_NAME: usize = 36;

/// So many events may wait for being drawn; then the steps wait.
const WAITING: usize = 1024;

/// Draws a run on standard output until it is dropped.
pub struct LiveRun {
    sender: Option<SyncSender<Event>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveRun {
    /// Begins to draw.
    pub fn start(session: &Session) -> Self {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let tree = Tree::new(session.out(), session.unicode());
        let thread = std::thread::spawn(move || draw(&receiver, tree));
        Self { sender: Some(sender), thread: Some(thread) }
    }

    /// Shows an event.
    pub fn hear(&mut self, event: Event) {
        if let Some(sender) = &self.sender {
            let _ = sender.send(event);
        }
    }
}

impl Drop for LiveRun {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn draw(receiver: &Receiver<Event>, mut tree: Tree) {
    let mut area = Area::default();
    let mut above = String::new();
    let mut drawn = Instant::now();
    loop {
        let ended = match receiver.recv_timeout(PACE) {
            Ok(event) => {
                tree.hear(&event, &mut above);
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if ended {
            // The summary tells the end; what stays is what was printed.
            let _ = write!(io::stdout(), "{}", area.redraw(&above, &[]));
            let _ = io::stdout().flush();
            return;
        }
        if drawn.elapsed() >= PACE {
            let (width, height) = terminal_size::terminal_size()
                .map_or((100, 40), |(width, height)| (usize::from(width.0), usize::from(height.0)));
            let text = area.redraw(&above, &tree.lines(width.max(20), height.max(5)));
            above.clear();
            let mut out = io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            drawn = Instant::now();
        }
    }
}

/// The state of the run, as far as it is drawn.
struct Tree {
    paint: Paint,
    unicode: bool,
    started: Instant,
    run: String,
    steps: Vec<StepView>,
    lines: OutputLines,
}

impl Tree {
    fn new(paint: Paint, unicode: bool) -> Self {
        Self {
            paint,
            unicode,
            started: Instant::now(),
            run: String::new(),
            steps: Vec::new(),
            lines: OutputLines::default(),
        }
    }

    /// Takes note of an event; whole lines to be printed above the tree are added to `above`.
    fn hear(&mut self, event: &Event, above: &mut String) {
        match event {
            Event::RunStarted { id, steps, .. } => {
                self.run.clone_from(id);
                self.steps = views(steps);
            }
            Event::Warning { task, message } => {
                let of = task.as_ref().map_or_else(String::new, |task| format!("{}: ", plain(task)));
                above.push_str(&format!("{} {of}{}\n", self.paint.warning("warning:"), plain(message)));
            }
            Event::Output { task, stream, bytes } => {
                let lines = self.lines.take(task, *stream, bytes);
                self.print(task, &lines, above);
                let begun = self.lines.begun(task, *stream).to_vec();
                if let Some(step) = self.steps.iter_mut().find(|step| step.task == *task) {
                    step.printed(if begun.is_empty() { lines.last().map_or(&[], Vec::as_slice) } else { &begun });
                }
            }
            Event::StepStarted { task, .. }
            | Event::StepQueued { task }
            | Event::Metric { task, .. }
            | Event::Progress { task, .. }
            | Event::StepRetrying { task, .. }
            | Event::StepEnded { task, .. } => {
                if matches!(event, Event::StepEnded { .. } | Event::StepRetrying { .. }) {
                    let rest = self.lines.end(task);
                    self.print(task, &rest, above);
                }
                if let Some(step) = self.steps.iter_mut().find(|step| step.task == *task) {
                    step.hear(event);
                }
            }
            Event::Display { .. } | Event::RunEnded { .. } => {}
        }
    }

    fn print(&self, task: &str, lines: &[Vec<u8>], above: &mut String) {
        let number = self.steps.iter().position(|step| step.task == task).unwrap_or(0);
        let name = self.steps.get(number).map_or(task, |step| &step.name);
        let bar = if self.unicode { "│" } else { "|" };
        let prefix = self.paint.tag(number, &format!("{name} {bar}"));
        for line in lines {
            above.push_str(&format!("{prefix} {}\n", shown(line)));
        }
    }

    /// The tree, not wider than `width` and lower than `height`.
    fn lines(&self, width: usize, height: usize) -> Vec<String> {
        if self.steps.is_empty() {
            return Vec::new();
        }
        let turn = usize::try_from(self.started.elapsed().as_millis() / 100).unwrap_or(0);
        let spinner =
            if self.unicode { SPINNER[turn % SPINNER.len()] } else { SIMPLE_SPINNER[turn % SIMPLE_SPINNER.len()] };
        let over = self.steps.iter().filter(|step| step.state.is_final()).count();
        let clock = time(self.started.elapsed().as_secs_f64());
        let head = format!("{}  {over} of {} steps, {clock}", self.run, self.steps.len());
        let mut lines = vec![self.paint.bold(&shortened(&head, width - 1))];

        let widest = self.steps.iter().map(|step| columns(&step.name)).max().unwrap_or(0);
        let names = widest.min(WIDEST_NAME).min(width.saturating_sub(17));
        let shown = self.chosen(height - 3);
        let hidden = self.steps.len() - shown.len();
        for (at, &number) in shown.iter().enumerate() {
            let step = &self.steps[number];
            let same = |other: Option<&usize>| other.is_some_and(|other| self.steps[*other].stage == step.stage);
            let bracket = self.bracket(same(at.checked_sub(1).and_then(|at| shown.get(at))), same(shown.get(at + 1)));
            lines.push(step.line(bracket, names, width - 1, spinner, self.unicode, self.paint));
        }
        if hidden > 0 {
            lines.push(self.paint.dim(&format!("  and {hidden} more")));
        }
        lines
    }

    /// Which steps are shown where not all fit: what runs and what failed first, then what comes next, then the rest.
    fn chosen(&self, most: usize) -> Vec<usize> {
        let rank = |state: State| match state {
            State::Running | State::Failed => 0,
            State::Pending => 1,
            _ => 2,
        };
        let mut numbers: Vec<usize> = (0..self.steps.len()).collect();
        if numbers.len() > most {
            numbers.sort_by_key(|&number| (rank(self.steps[number].state), number));
            numbers.truncate(most.saturating_sub(1));
            numbers.sort_unstable();
        }
        numbers
    }

    /// Steps of one stage, which run beside each other, stand in one bracket.
    fn bracket(&self, before: bool, after: bool) -> &'static str {
        match (before, after, self.unicode) {
            (false, false, _) => "  ",
            (false, true, true) => "┌ ",
            (true, true, true) => "│ ",
            (true, false, true) => "└ ",
            (_, _, false) => "| ",
        }
    }
}

/// The steps in the order of their stages.
fn views(steps: &[StepInfo]) -> Vec<StepView> {
    let mut views: Vec<StepView> = Vec::new();
    for step in steps {
        // Each step is announced after those that it waits for.
        let stage = views.iter().filter(|view| step.after.contains(&view.task)).map(|view| view.stage + 1).max();
        views.push(StepView::new(&step.task, &step.name, stage.unwrap_or(0)));
    }
    views.sort_by_key(|view| view.stage);
    views
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use oxikale_runner::Stream;

    use super::*;

    fn started(tree: &mut Tree, steps: &[(&str, &[&str])]) {
        let steps = steps
            .iter()
            .map(|(task, after)| StepInfo {
                task: (*task).to_owned(),
                name: (*task).to_owned(),
                after: after.iter().map(|task| (*task).to_owned()).collect(),
            })
            .collect();
        tree.hear(
            &Event::RunStarted { id: "r-1".to_owned(), folder: PathBuf::new(), steps, resumed_from: None },
            &mut String::new(),
        );
    }

    #[test]
    fn parallel_steps_stand_in_a_bracket() {
        let mut tree = Tree::new(Paint::new(false), true);
        started(
            &mut tree,
            &[
                ("load", &[]),
                ("svm", &["load"]),
                ("forest", &["load"]),
                ("tree", &["load"]),
                ("end", &["svm", "forest"]),
            ],
        );
        let starts: Vec<String> = tree.lines(80, 40).iter().skip(1).map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(starts, ["  ○ load", "┌ ○ svm", "│ ○ forest", "└ ○ tree", "  ○ end"]);
    }

    #[test]
    fn what_steps_print_stands_above_in_whole_lines() {
        let mut tree = Tree::new(Paint::new(false), true);
        started(&mut tree, &[("a", &[]), ("b", &[])]);
        let mut above = String::new();
        let output = |task: &str, bytes: &[u8]| Event::Output {
            task: task.to_owned(),
            stream: Stream::Stdout,
            bytes: bytes.to_vec(),
        };
        tree.hear(&output("a", b"one\ntw"), &mut above);
        tree.hear(&output("b", b"\x1b[5Aup\n"), &mut above);
        assert_eq!(above, "a │ one\nb │ up\n");
        let ended = Event::StepEnded {
            task: "a".to_owned(),
            state: State::Succeeded,
            seconds: 0.1,
            peak_memory: None,
            why: None,
            reused: None,
        };
        tree.hear(&ended, &mut above);
        assert_eq!(above, "a │ one\nb │ up\na │ tw\n");
    }

    #[test]
    fn a_long_pipeline_fits_on_the_screen_and_shows_what_runs() {
        let mut tree = Tree::new(Paint::new(false), true);
        let names: Vec<String> = (0..200).map(|i| format!("step{i}")).collect();
        let steps: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), [].as_slice())).collect();
        started(&mut tree, &steps);
        tree.hear(&Event::StepStarted { task: "step150".to_owned(), attempt: 1 }, &mut String::new());
        for height in 5..60 {
            let lines = tree.lines(40, height);
            assert!(lines.len() < height, "{} of {height}", lines.len());
            assert!(lines.iter().all(|line| columns(line) < 40), "{lines:?}");
            assert!(height < 6 || lines.iter().any(|line| line.contains("step150")), "{lines:?}");
        }
    }
}
