//! One try of one step: starts the process, forwards and keeps what it prints and reports, and
//! sees to it that it ends when it must, with every process that it started.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use rustix::process::{Pid, WaitId, WaitIdOptions, test_kill_process_group, waitid};
use serde_json::{Map, Value};
use wait4::Wait4;

use crate::artifact::{self, Outcome};
use crate::cancel::{Cancel, kill};
use crate::events::{Failure, Stream};
use crate::executor_input;
use crate::exit;
use crate::folder::StepFolder;
use crate::log::LogWriter;
use crate::memory::{MemoryWatch, Usage, group_lives, own_peak};
use crate::plan::PlannedStep;
use crate::quantity::human_bytes;
use crate::report::{Report, Reports};
use crate::warden::Warden;

/// What stands in the IR for the built program.
pub(crate) const PROGRAM: &str = "/oxikale/program";

/// How often a running step's reports are looked for while it prints nothing.
const REPORTS_EVERY: Duration = Duration::from_millis(20);

/// So much is read from a pipe at once: what a pipe holds.
const PORTION: usize = 64 << 10;

/// How long the processes of a group that was killed may take to be gone.
const LONGEST_DEATH: Duration = Duration::from_secs(2);

/// What the steps of a run share.
pub(crate) struct Surroundings<'a> {
    pub run: &'a str,
    pub program: &'a Path,
    pub working_folder: Option<&'a Path>,
    pub cancel: &'a Cancel,
    pub warden: &'a Warden,
    pub memory: &'a MemoryWatch,
}

/// What one step needs beyond its plan.
pub(crate) struct Attempt<'a> {
    pub number: u32,
    pub step: &'a PlannedStep,
    pub folder: &'a StepFolder,
    /// Input name → artifact, as its producer recorded it.
    pub inputs: Map<String, Value>,
    /// The values of secrets. They go nowhere but into the environment of the process.
    pub secrets: &'a [(String, OsString)],
    /// Mount path → folder here.
    pub volumes: &'a BTreeMap<String, PathBuf>,
}

/// What a running step tells the run.
pub(crate) enum Told {
    Output(Stream, Vec<u8>),
    Reports(Vec<Report>),
}

/// How a try ended.
#[derive(Debug, Default)]
pub(crate) struct AttemptEnd {
    /// Why it failed; nothing where it succeeded.
    pub failure: Option<Failure>,
    /// Whether it was ended because the run was.
    pub cancelled: bool,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Processor time of all its processes.
    pub cpu: Duration,
    /// Bytes.
    pub peak_memory: Option<u64>,
    /// What it handed on, and the metrics that it had told nobody before.
    pub outcome: Outcome,
}

impl AttemptEnd {
    pub fn failed(message: impl Into<String>) -> Self {
        Self { failure: Some(Failure::new(message)), ..Self::default() }
    }
}

/// Makes the try; returns when all its processes are gone. `tell` is called for what it prints and reports.
pub(crate) fn attempt(surroundings: &Surroundings<'_>, attempt: &Attempt<'_>, tell: &dyn Fn(Told)) -> AttemptEnd {
    match prepare(attempt) {
        Ok((log, reports)) => start(surroundings, attempt, log, reports, tell),
        Err((path, error)) => AttemptEnd::failed(format!("`{}` could not be prepared: {error}", path.display())),
    }
}

/// Clears away what an earlier try left, and opens the log and the reports.
fn prepare(attempt: &Attempt<'_>) -> Result<(LogWriter, Reports), (PathBuf, io::Error)> {
    let folder = attempt.folder;
    let at = |path: PathBuf| move |error| (path, error);
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(fs::remove_dir_all(folder.outputs())).map_err(at(folder.outputs()))?;
    gone(fs::remove_file(folder.executor_output())).map_err(at(folder.executor_output()))?;
    fs::create_dir_all(folder.outputs()).map_err(at(folder.outputs()))?;
    let events = folder.events();
    let length = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&events)
        .and_then(|file| file.metadata())
        .map_err(at(events.clone()))?
        .len();
    let log = LogWriter::open(folder, attempt.number).map_err(at(folder.log()))?;
    let reports = Reports::open(&events, length).map_err(at(events))?;
    Ok((log, reports))
}

fn start(
    surroundings: &Surroundings<'_>,
    attempt: &Attempt<'_>,
    log: LogWriter,
    reports: Reports,
    tell: &dyn Fn(Told),
) -> AttemptEnd {
    let own_peak = own_peak().unwrap_or(0);
    let started = Instant::now();
    let (child, stdout, stderr) = match spawn(surroundings, attempt) {
        Ok(spawned) => spawned,
        Err(message) => return AttemptEnd::failed(message),
    };
    let group = child.id().cast_signed();
    surroundings.warden.add(group);
    surroundings.cancel.watch_group(group);
    let usage = surroundings.memory.add(group, attempt.step.memory_limit);
    let mut watch = Watch {
        group,
        deadline: attempt.step.timeout.map(|timeout| started + timeout),
        timed_out: false,
        log,
        log_error: None,
        reports,
        error: None,
        told_metrics: HashSet::new(),
        tell,
    };
    watch.until_exit(stdout, stderr);
    // The leader is a zombie now, so that its number is still the group's.
    kill(group);
    surroundings.memory.remove(group);
    surroundings.cancel.forget_group(group);
    surroundings.warden.remove(group);
    let ended = child.wait4();
    wait_for_group(group);
    watch.read_reports(true);
    judge(surroundings, attempt, watch, &usage, ended, own_peak)
}

/// Starts the process in a group of its own.
fn spawn(surroundings: &Surroundings<'_>, attempt: &Attempt<'_>) -> Result<(Child, PipeReader, PipeReader), String> {
    let folder = attempt.folder;
    let input = executor_input::executor_input(attempt.step, folder, &attempt.inputs);
    let command = executor_input::command(attempt.step, folder, &input)
        .map_err(|error| format!("`{}` could not be written: {error}", folder.executor_input().display()))?;
    let Some((first, arguments)) = command.split_first() else {
        return Err("it has no command".to_owned());
    };
    let program = if first == PROGRAM { surroundings.program } else { Path::new(first) };
    let no_pipe = |error| format!("no pipe could be made: {error}");
    let (stdout, stdout_end) = io::pipe().map_err(no_pipe)?;
    let (stderr, stderr_end) = io::pipe().map_err(no_pipe)?;
    let mut process = Command::new(program);
    process.args(arguments).stdin(Stdio::null()).stdout(stdout_end).stderr(stderr_end).process_group(0);
    for (name, value) in &attempt.step.environment {
        // A variable that holds a mount path must hold a path that exists here.
        match attempt.volumes.get(value) {
            Some(local) => process.env(name, local),
            None => process.env(name, value),
        };
    }
    let volumes: Map<String, Value> = attempt
        .volumes
        .iter()
        .map(|(mount, local)| (mount.clone(), Value::String(local.to_string_lossy().into_owned())))
        .collect();
    process
        .env("OXIKALE_EVENTS", folder.events())
        .env("OXIKALE_RUN", surroundings.run)
        .env("OXIKALE_STEP", &attempt.step.name)
        .env("OXIKALE_VOLUMES", Value::Object(volumes).to_string());
    for (name, value) in attempt.secrets {
        process.env(name, value);
    }
    if let Some(folder) = surroundings.working_folder {
        process.current_dir(folder);
    }
    let child = spawn_patiently(&mut process)
        .map_err(|error| format!("`{}` could not be started: {error}", program.display()))?;
    Ok((child, stdout, stderr))
}

/// A program that was built this very moment may still be open for writing in a process that is about to start.
fn spawn_patiently(process: &mut Command) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        match process.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < 50 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// A running process, as its thread sees it.
struct Watch<'a> {
    group: i32,
    deadline: Option<Instant>,
    timed_out: bool,
    log: LogWriter,
    log_error: Option<io::Error>,
    reports: Reports,
    /// The last error that the step reported.
    error: Option<Failure>,
    told_metrics: HashSet<String>,
    tell: &'a dyn Fn(Told),
}

impl Watch<'_> {
    /// Forwards until the process has exited, and takes then what is left in the pipes.
    fn until_exit(&mut self, stdout: PipeReader, stderr: PipeReader) {
        let exited = match exit_signal(self.group) {
            Ok(exited) => Some(exited),
            Err(error) => {
                // Without a thread that waits, nobody would see the end.
                kill(self.group);
                self.log_error = Some(error);
                None
            }
        };
        let mut pipes = [(Stream::Stdout, Some(stdout)), (Stream::Stderr, Some(stderr))];
        let mut buffer = vec![0; PORTION];
        while let Some(exited) = &exited {
            let now = Instant::now();
            let mut wait = REPORTS_EVERY;
            if let Some(deadline) = self.deadline.filter(|_| !self.timed_out) {
                if deadline <= now {
                    self.timed_out = true;
                    kill(self.group);
                } else {
                    wait = wait.min(deadline - now);
                }
            }
            let Some(ready) = wait_for(exited, &pipes, wait) else { break };
            self.read_reports(false);
            for ((stream, pipe), ready) in pipes.iter_mut().zip(ready.pipes) {
                if ready && !pipe.as_mut().is_some_and(|pipe| self.forward(*stream, pipe, &mut buffer)) {
                    *pipe = None;
                }
            }
            if ready.exited {
                break;
            }
        }
        // Whatever else still holds the pipes is not waited for, only what is in them now is taken.
        kill(self.group);
        for (stream, pipe) in &mut pipes {
            let Some(pipe) = pipe else { continue };
            let mut left = ioctl_fionread(pipe.as_fd()).unwrap_or(0);
            while left > 0 {
                let portion = usize::try_from(left).unwrap_or(PORTION).min(PORTION);
                if !self.forward(*stream, pipe, &mut buffer[..portion]) {
                    break;
                }
                left = left.saturating_sub(portion as u64);
            }
        }
    }

    /// Reads once; false at the end of the pipe.
    fn forward(&mut self, stream: Stream, pipe: &mut PipeReader, buffer: &mut [u8]) -> bool {
        match pipe.read(buffer) {
            Ok(0) => false,
            Ok(length) => {
                let bytes = &buffer[..length];
                if self.log_error.is_none()
                    && let Err(error) = self.log.write(stream, bytes)
                {
                    self.log_error = Some(error);
                    kill(self.group);
                }
                (self.tell)(Told::Output(stream, bytes.to_vec()));
                true
            }
            Err(error) => error.kind() == io::ErrorKind::Interrupted,
        }
    }

    /// Hands on what the step reported; with `all`, until there is nothing more.
    fn read_reports(&mut self, all: bool) {
        loop {
            let reports = self.reports.read();
            if reports.is_empty() {
                return;
            }
            for report in &reports {
                match report {
                    Report::Error(failure) => self.error = Some(failure.clone()),
                    Report::Metric { name, .. } => {
                        self.told_metrics.insert(name.clone());
                    }
                    _ => {}
                }
            }
            (self.tell)(Told::Reports(reports));
            if !all {
                return;
            }
        }
    }
}

/// A pipe that closes when the process has exited. The process is not reaped.
fn exit_signal(process: i32) -> io::Result<PipeReader> {
    let (reader, writer) = io::pipe()?;
    let id = Pid::from_raw(process).ok_or(io::ErrorKind::InvalidInput)?;
    std::thread::Builder::new().name("oxikale-exit".to_owned()).stack_size(64 << 10).spawn(move || {
        let ended = || waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        while ended().is_err_and(|error| error == Errno::INTR) {}
        drop(writer);
    })?;
    Ok(reader)
}

/// What happened first.
struct Ready {
    exited: bool,
    pipes: [bool; 2],
}

/// Waits until something happens, at most for `wait`. Nothing where waiting is impossible.
fn wait_for(exited: &PipeReader, pipes: &[(Stream, Option<PipeReader>); 2], wait: Duration) -> Option<Ready> {
    let mut watched = vec![PollFd::new(exited, PollFlags::IN)];
    let mut which = Vec::with_capacity(2);
    for (i, (_, pipe)) in pipes.iter().enumerate() {
        if let Some(pipe) = pipe {
            watched.push(PollFd::new(pipe, PollFlags::IN));
            which.push(i);
        }
    }
    let timeout = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut watched, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(_) => return None,
    }
    let mut ready = Ready { exited: !watched[0].revents().is_empty(), pipes: [false; 2] };
    for (fd, i) in watched[1..].iter().zip(which) {
        ready.pipes[i] = !fd.revents().is_empty();
    }
    Some(ready)
}

/// Returns when no process of a group that was killed is left. In the ordinary case there is none at once.
fn wait_for_group(group: i32) {
    let Some(pid) = Pid::from_raw(group) else { return };
    let started = Instant::now();
    while test_kill_process_group(pid).is_ok() && started.elapsed() < LONGEST_DEATH {
        kill(group);
        if group_lives(group) == Some(false) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Puts together how it ended, and why.
fn judge(
    surroundings: &Surroundings<'_>,
    attempt: &Attempt<'_>,
    watch: Watch<'_>,
    usage: &Usage,
    ended: io::Result<wait4::ResUse>,
    own_peak: u64,
) -> AttemptEnd {
    let outcome = artifact::outcome(attempt.step, attempt.folder, &watch.told_metrics);
    let (status, cpu, kernel_peak) = match ended {
        Ok(ended) => (Ok(ended.status), ended.rusage.utime + ended.rusage.stime, ended.rusage.maxrss),
        Err(error) => (Err(error), Duration::ZERO, 0),
    };
    // The kernel's figure starts with the memory of this process; below that it says nothing.
    let peak = if kernel_peak > own_peak || usage.peak() == 0 { kernel_peak.max(usage.peak()) } else { usage.peak() };
    let mut end = AttemptEnd {
        cancelled: false,
        exit_code: status.as_ref().ok().and_then(ExitStatus::code),
        signal: status.as_ref().ok().and_then(std::os::unix::process::ExitStatusExt::signal),
        cpu,
        peak_memory: Some(peak).filter(|peak| *peak > 0),
        failure: None,
        outcome,
    };
    let succeeded = status.as_ref().is_ok_and(ExitStatus::success);
    end.cancelled = surroundings.cancel.is_cancelled() && !succeeded;
    end.failure = if let Some(error) = watch.log_error {
        Some(Failure::new(format!("what it printed could not be kept: {error}")))
    } else if let (Some(used), Some(limit)) = (usage.ended_at(), attempt.step.memory_limit) {
        let (used, limit) = (human_bytes(used), human_bytes(limit));
        Some(Failure::new(format!("used {used}, more than its limit of {limit} (tag limit:memory)")))
    } else if let (true, false, Some(timeout)) = (watch.timed_out, succeeded, attempt.step.timeout) {
        Some(Failure::new(format!("took longer than its timeout of {} s (tag timeout)", timeout.as_secs_f64())))
    } else if end.cancelled {
        Some(Failure::new("the run was cancelled"))
    } else {
        match status {
            Err(error) => Some(Failure::new(format!("how it ended is unknown: {error}"))),
            Ok(status) => exit::reason(status).map(|reason| match watch.error {
                Some(failure) if end.signal.is_none() => failure,
                Some(failure) => Failure { message: format!("{reason}: {}", failure.message), ..failure },
                None => Failure::new(reason),
            }),
        }
    };
    if end.failure.is_none() {
        end.failure = end.outcome.missing.take().map(Failure::new);
    }
    end
}
