//! Decides which step runs when: every step that is ready, within the cores and the memory there are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::cancel::Cancel;
use crate::events::{Event, Failure, State};
use crate::folder::StepFolder;
use crate::memory::MemoryWatch;
use crate::plan::{Plan, PlannedStep};
use crate::quantity::human_bytes;
use crate::report::Report;
use crate::resume::Reused;
use crate::step::{self, Attempt, AttemptEnd, Surroundings, Told};
use crate::store::Recorder;
use crate::warden::Warden;

/// So many messages of steps may wait: with 64 KiB each, steps that print faster than anybody
/// reads cost 2 MiB and then wait.
const WAITING_MESSAGES: usize = 32;

/// Everything that is known before the first step starts.
pub(crate) struct Prepared<'a> {
    pub plan: &'a Plan,
    pub run: &'a str,
    pub folder: &'a Path,
    pub program: &'a Path,
    pub working_folder: Option<&'a Path>,
    /// By step.
    pub secrets: &'a [Vec<(String, OsString)>],
    /// By step: mount path → folder.
    pub volumes: &'a [BTreeMap<String, PathBuf>],
    /// Thousandths of a core.
    pub cores: u64,
    /// Bytes.
    pub memory: u64,
    /// By step: what an earlier run left of it, where it is not run again.
    pub reused: Vec<Option<Reused>>,
}

/// Runs all steps. Says how the run ended, and why where it did not succeed.
pub(crate) fn run(
    prepared: &Prepared<'_>,
    recorder: &Recorder<'_>,
    cancel: &Cancel,
    on_event: &mut dyn FnMut(Event),
) -> (State, Option<String>) {
    let warden = Warden::start(prepared.run);
    let memory = MemoryWatch::default();
    let surroundings = Surroundings {
        run: prepared.run,
        program: prepared.program,
        working_folder: prepared.working_folder,
        cancel,
        warden: &warden,
        memory: &memory,
    };
    let folders: Vec<StepFolder> =
        prepared.plan.steps.iter().map(|step| StepFolder::new(prepared.folder, &step.task)).collect();
    warn(prepared, &warden, on_event);
    let (send, receive) = sync_channel(WAITING_MESSAGES);
    let wake = send.clone();
    let _waker = cancel.on_cancel(move || {
        // Where the channel is full, the schedule is about to look anyway.
        let _ = wake.try_send(Message::Wake);
    });
    thread::scope(|scope| {
        let _end = EndOfScope { cancel, memory: &memory };
        if MemoryWatch::is_possible() {
            let watching = thread::Builder::new().name("oxikale-memory".to_owned());
            let _ = watching.spawn_scoped(scope, || memory.look());
        }
        let mut schedule = Schedule {
            prepared,
            recorder,
            surroundings: &surroundings,
            folders: &folders,
            scope,
            send,
            on_event,
            entries: Vec::new(),
            free_cores: prepared.cores,
            free_memory: prepared.memory,
            running: 0,
            alone: false,
        };
        schedule.run(&receive)
    })
}

/// Says what the user may want to know beforehand.
fn warn(prepared: &Prepared<'_>, warden: &Warden, on_event: &mut dyn FnMut(Event)) {
    let mut warn = |task: Option<&str>, message: String| {
        on_event(Event::Warning { task: task.map(str::to_owned), message });
    };
    if !warden.is_awake() {
        warn(None, "there is no `sh`: if this process is killed, its steps live on".to_owned());
    }
    let blind = !MemoryWatch::is_possible();
    for step in &prepared.plan.steps {
        let task = Some(step.task.as_str());
        if step.cores > prepared.cores {
            let (wanted, there) = (step.cores as f64 / 1000.0, prepared.cores as f64 / 1000.0);
            warn(task, format!("it asks for {wanted} cores and there are {there}; it will run alone"));
        }
        if step.memory > prepared.memory {
            let (wanted, there) = (human_bytes(step.memory), human_bytes(prepared.memory));
            warn(task, format!("it asks for {wanted} of memory and there are {there}; it will run alone"));
        }
        if blind && step.memory_limit.is_some() {
            warn(task, "its memory limit cannot be enforced on this system, which has no `/proc`".to_owned());
        }
    }
}

/// Sees to it that no thread keeps the scope open, also when `on_event` panics.
struct EndOfScope<'a> {
    cancel: &'a Cancel,
    memory: &'a MemoryWatch,
}

impl Drop for EndOfScope<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.cancel.cancel();
        }
        self.memory.stop();
    }
}

enum Message {
    Told(usize, Told),
    Ended(usize, Box<AttemptEnd>),
    /// The run is cancelled.
    Wake,
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// It waits for so many others.
    Waits(usize),
    /// It waits for cores and memory.
    Ready,
    Runs,
    /// Its next try is due then.
    Pauses(Instant),
    Over(State),
}

struct Entry {
    phase: Phase,
    followers: Vec<usize>,
    /// Tries begun.
    attempts: u32,
    first_start: Option<Instant>,
    peak_memory: Option<u64>,
    /// Why something that it told could not be recorded.
    unrecorded: Option<String>,
    /// Why it did not succeed.
    why: Option<Failure>,
    /// Its outputs in KFP's form.
    handed_on: Map<String, Value>,
}

struct Schedule<'scope, 'env, 'a> {
    prepared: &'env Prepared<'env>,
    recorder: &'a Recorder<'a>,
    surroundings: &'env Surroundings<'env>,
    folders: &'env [StepFolder],
    scope: &'scope Scope<'scope, 'env>,
    send: SyncSender<Message>,
    on_event: &'a mut dyn FnMut(Event),
    entries: Vec<Entry>,
    free_cores: u64,
    free_memory: u64,
    running: usize,
    /// Whether a step runs that asks for more than there is.
    alone: bool,
}

impl<'env> Schedule<'_, 'env, '_> {
    fn run(&mut self, receive: &Receiver<Message>) -> (State, Option<String>) {
        self.set_up();
        let mut cancelled = false;
        loop {
            if !cancelled && self.surroundings.cancel.is_cancelled() {
                cancelled = true;
                self.cancel_waiting();
            }
            if !cancelled {
                self.start_ready();
            }
            if self.entries.iter().all(|entry| matches!(entry.phase, Phase::Over(_))) {
                return self.verdict();
            }
            match self.next(receive) {
                Some(Message::Told(number, told)) => self.told(number, told),
                Some(Message::Ended(number, end)) => self.ended(number, *end),
                Some(Message::Wake) | None => {}
            }
        }
    }

    fn step(&self, number: usize) -> &'env PlannedStep {
        &self.prepared.plan.steps[number]
    }

    fn task(&self, number: usize) -> String {
        self.step(number).task.clone()
    }

    fn set_up(&mut self) {
        let steps = &self.prepared.plan.steps;
        self.entries = steps
            .iter()
            .map(|step| Entry {
                phase: Phase::Waits(step.after.len()),
                followers: Vec::new(),
                attempts: 0,
                first_start: None,
                peak_memory: None,
                unrecorded: None,
                why: None,
                handed_on: Map::new(),
            })
            .collect();
        for (number, step) in steps.iter().enumerate() {
            for before in &step.after {
                self.entries[*before].followers.push(number);
            }
        }
        for number in 0..self.entries.len() {
            if let Some(reused) = &self.prepared.reused[number] {
                self.reuse(number, reused);
            }
        }
        for number in 0..self.entries.len() {
            if self.entries[number].phase == Phase::Waits(0) {
                self.make_ready(number);
            }
        }
    }

    /// The step is over before it began.
    fn reuse(&mut self, number: usize, reused: &Reused) {
        let entry = &mut self.entries[number];
        entry.phase = Phase::Over(State::Succeeded);
        entry.handed_on.clone_from(&reused.handed_on);
        for follower in entry.followers.clone() {
            if let Phase::Waits(count) = self.entries[follower].phase {
                self.entries[follower].phase = Phase::Waits(count - 1);
            }
        }
        let task = self.task(number);
        for metric in &reused.metrics {
            let (name, value, step) = (metric.name.clone(), metric.value, metric.step);
            (self.on_event)(Event::Metric { task: task.clone(), name, value, step });
        }
        (self.on_event)(Event::StepEnded {
            task,
            state: State::Succeeded,
            seconds: reused.seconds,
            peak_memory: reused.peak_memory,
            why: None,
            reused: Some(reused.run.clone()),
        });
    }

    fn make_ready(&mut self, number: usize) {
        self.entries[number].phase = Phase::Ready;
        let task = self.task(number);
        (self.on_event)(Event::StepQueued { task });
    }

    /// The next message, or nothing when it is time for another try of a step.
    fn next(&self, receive: &Receiver<Message>) -> Option<Message> {
        let due = self.entries.iter().filter_map(|entry| match entry.phase {
            Phase::Pauses(until) => Some(until),
            _ => None,
        });
        let result = match due.min() {
            Some(due) => receive.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => receive.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        result.ok()
    }

    /// Starts all that can be started, what most depends on first.
    fn start_ready(&mut self) {
        let now = Instant::now();
        for number in 0..self.entries.len() {
            if matches!(self.entries[number].phase, Phase::Pauses(until) if until <= now) {
                self.make_ready(number);
            }
        }
        let mut ready: Vec<usize> =
            (0..self.entries.len()).filter(|number| self.entries[*number].phase == Phase::Ready).collect();
        ready.sort_by_key(|number| std::cmp::Reverse(self.step(*number).height));
        for number in ready {
            let step = self.step(number);
            let too_large = step.cores > self.prepared.cores || step.memory > self.prepared.memory;
            let fits = if too_large {
                self.running == 0
            } else {
                !self.alone && step.cores <= self.free_cores && step.memory <= self.free_memory
            };
            if fits {
                self.alone = too_large;
                self.start(number);
            }
        }
    }

    fn start(&mut self, number: usize) {
        let step = self.step(number);
        let entry = &mut self.entries[number];
        entry.attempts += 1;
        entry.first_start.get_or_insert_with(Instant::now);
        entry.phase = Phase::Runs;
        let attempt = entry.attempts;
        self.running += 1;
        self.free_cores = self.free_cores.saturating_sub(step.cores);
        self.free_memory = self.free_memory.saturating_sub(step.memory);
        if let Err(error) = self.recorder.started(&step.task, attempt) {
            self.entries[number].unrecorded = Some(error.to_string());
            self.ended(number, AttemptEnd::default());
            return;
        }
        (self.on_event)(Event::StepStarted { task: step.task.clone(), attempt });
        let inputs: Map<String, Value> = step
            .inputs
            .iter()
            .filter_map(|input| {
                let artifact = self.entries[input.producer].handed_on.get(&input.key)?;
                Some((input.name.clone(), artifact.clone()))
            })
            .collect();
        let attempt = Attempt {
            number: attempt,
            step,
            folder: &self.folders[number],
            inputs,
            secrets: &self.prepared.secrets[number],
            volumes: &self.prepared.volumes[number],
        };
        let surroundings = self.surroundings;
        let send = self.send.clone();
        // The thread lives as long as the process: a child that asks to die with its parent's
        // thread would otherwise die too early.
        let started =
            thread::Builder::new().name(format!("oxikale-step-{number}")).spawn_scoped(self.scope, move || {
                let tell = |told| {
                    // The run waits for its steps, so that the other end of the channel outlives them.
                    let _ = send.send(Message::Told(number, told));
                };
                let end = catch_unwind(AssertUnwindSafe(|| step::attempt(surroundings, &attempt, &tell)))
                    .unwrap_or_else(|_| AttemptEnd::failed("the runner itself failed at this step; please report it"));
                let _ = send.send(Message::Ended(number, Box::new(end)));
            });
        if let Err(error) = started {
            self.ended(number, AttemptEnd::failed(format!("no thread could be started for it: {error}")));
        }
    }

    fn told(&mut self, number: usize, told: Told) {
        let task = self.task(number);
        match told {
            Told::Output(stream, bytes) => (self.on_event)(Event::Output { task, stream, bytes }),
            Told::Reports(reports) => {
                let attempt = self.entries[number].attempts;
                if let Err(error) = self.recorder.reports(&task, attempt, &reports) {
                    self.entries[number].unrecorded.get_or_insert_with(|| error.to_string());
                }
                for report in reports {
                    let task = task.clone();
                    (self.on_event)(match report {
                        Report::Metric { name, value, step } => Event::Metric { task, name, value, step },
                        Report::Progress { label, done, total } => Event::Progress { task, label, done, total },
                        Report::Display { id, data, .. } => Event::Display { task, id, data },
                        Report::Error(_) => continue,
                    });
                }
            }
        }
    }

    fn ended(&mut self, number: usize, mut end: AttemptEnd) {
        let step = self.step(number);
        let task = &step.task;
        self.running -= 1;
        self.alone = false;
        self.free_cores = self.available(self.prepared.cores, |step| step.cores, number);
        self.free_memory = self.available(self.prepared.memory, |step| step.memory, number);
        let entry = &mut self.entries[number];
        entry.peak_memory = entry.peak_memory.max(end.peak_memory);
        let attempt = entry.attempts;
        let elapsed = entry.first_start.map_or(Duration::ZERO, |start| start.elapsed());
        if let Some(why) = entry.unrecorded.take()
            && end.failure.is_none()
        {
            end.failure = Some(Failure::new(format!("what it told could not be recorded: {why}")));
        }
        if end.outcome.metrics.iter().len() > 0 {
            for (name, value) in &end.outcome.metrics {
                let (name, value) = (name.clone(), *value);
                (self.on_event)(Event::Metric { task: task.clone(), name, value, step: None });
            }
        }
        let again = end.failure.is_some()
            && attempt <= step.retry.count
            && !end.cancelled
            && !self.surroundings.cancel.is_cancelled();
        let state = match &end.failure {
            _ if again => State::Pending,
            _ if end.cancelled => State::Cancelled,
            Some(_) => State::Failed,
            None => State::Succeeded,
        };
        let mut state = state;
        if let Err(error) = self.recorder.ended(task, attempt, state, elapsed.as_secs_f64(), &end) {
            end.failure.get_or_insert_with(|| Failure::new(format!("its end could not be recorded: {error}")));
            if state == State::Succeeded {
                state = State::Failed;
            }
        }
        if again && let Some(why) = end.failure {
            let wait = step.retry.wait(attempt);
            self.entries[number].phase = Phase::Pauses(Instant::now() + wait);
            let in_seconds = wait.as_secs_f64();
            (self.on_event)(Event::StepRetrying { task: task.clone(), attempt, in_seconds, why });
            return;
        }
        self.entries[number].handed_on = end.outcome.handed_on;
        self.over(number, state, end.failure, elapsed.as_secs_f64());
    }

    /// What is free of `total` when step `but` no longer runs.
    fn available(&self, total: u64, of: impl Fn(&PlannedStep) -> u64, but: usize) -> u64 {
        let running = self.entries.iter().enumerate().filter(|(n, entry)| *n != but && entry.phase == Phase::Runs);
        running.fold(total, |free, (n, _)| free.saturating_sub(of(self.step(n))))
    }

    /// The step is over; the followers get ready, or will never run.
    fn over(&mut self, number: usize, state: State, why: Option<Failure>, seconds: f64) {
        let entry = &mut self.entries[number];
        entry.phase = Phase::Over(state);
        entry.why.clone_from(&why);
        let peak_memory = entry.peak_memory;
        let followers = entry.followers.clone();
        let task = self.task(number);
        (self.on_event)(Event::StepEnded { task: task.clone(), state, seconds, peak_memory, why, reused: None });
        for follower in followers {
            match (state, self.entries[follower].phase) {
                (State::Succeeded, Phase::Waits(count)) => {
                    self.entries[follower].phase = Phase::Waits(count - 1);
                    if count == 1 {
                        self.make_ready(follower);
                    }
                }
                (State::Failed | State::Skipped, Phase::Waits(_)) => {
                    let verb = if state == State::Failed { "failed" } else { "was skipped" };
                    self.never_ran(follower, State::Skipped, format!("the step `{task}` before it {verb}"));
                }
                _ => {}
            }
        }
    }

    fn never_ran(&mut self, number: usize, state: State, why: String) {
        let why = Failure::new(why);
        if let Err(error) = self.recorder.never_ran(&self.step(number).task, state, &why) {
            let message = format!("that it did not run could not be recorded: {error}");
            let task = Some(self.task(number));
            (self.on_event)(Event::Warning { task, message });
        }
        self.over(number, state, Some(why), 0.0);
    }

    /// Ends all that does not run. What runs has been killed and will say so.
    fn cancel_waiting(&mut self) {
        for number in 0..self.entries.len() {
            if !matches!(self.entries[number].phase, Phase::Runs | Phase::Over(_)) {
                self.never_ran(number, State::Cancelled, "the run was cancelled".to_owned());
            }
        }
    }

    fn verdict(&self) -> (State, Option<String>) {
        let find = |wanted: State| self.entries.iter().position(|entry| entry.phase == Phase::Over(wanted));
        if find(State::Cancelled).is_some() {
            return (State::Cancelled, Some("it was cancelled".to_owned()));
        }
        let Some(failed) = find(State::Failed) else { return (State::Succeeded, None) };
        let why = self.entries[failed].why.as_ref().map_or("", |why| &why.message);
        (State::Failed, Some(format!("the step `{}` failed: {why}", self.step(failed).task)))
    }
}
