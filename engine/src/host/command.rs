//! Has the process that runs cells carry out a command, and ends that process when it must not go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::protocol::{Command, Message};
use super::state::Connection;
use super::{Ended, Host, PATIENCE, memory, not_running};

/// How long an interrupt waits for a checkpoint that is being made, which the cell before it needs.
const FORK_PATIENCE: Duration = Duration::from_millis(80);

/// How often the memory of a cell with a limit is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);

/// How long a process whose connection was closed may take to end.
const CLOSED_PATIENCE: Duration = Duration::from_secs(1);

impl Host {
    /// Has the present process carry out a command, and waits for the answer.
    pub(super) fn command(&mut self, command: &Command) -> Result<Message, Ended> {
        self.command_unless(command, &AtomicBool::new(false))
    }

    /// The same, but the process ends at once if `interrupted` is true.
    pub(super) fn command_unless(&mut self, command: &Command, interrupted: &AtomicBool) -> Result<Message, Ended> {
        let connection = self.shared.change(|state| {
            let lost = || Ended::Lost(not_running(state.broken.as_deref()).message);
            let host = state.host.as_ref().ok_or_else(lost)?;
            if let Some((status, _)) = state.deaths.remove(&host.pid) {
                state.host = None;
                let how = Ended::by_status(status);
                return Err(Ended::Lost(format!("the process that runs cells ended between two cells: {how:?}")));
            }
            host.connection.clone().ok_or_else(lost)
        })?;
        self.command_on(&connection, command, interrupted)
    }

    pub(super) fn command_on(
        &mut self,
        connection: &Connection,
        command: &Command,
        interrupted: &AtomicBool,
    ) -> Result<Message, Ended> {
        let shared = self.shared.clone();
        let mut state = shared.lock();
        state.answers.clear();
        state.interrupted = interrupted.load(Ordering::SeqCst);
        state.running = true;
        connection.send(command);
        let (mut interrupted_at, mut closed_at) = (None, None);
        let ended = loop {
            if let Some(answer) = state.answers.pop_front() {
                state.running = false;
                return Ok(answer);
            }
            if let Some(reason) = &state.broken {
                break Ended::Lost(reason.clone());
            }
            let Some(host) = &state.host else { break Ended::Lost(not_running(None).message) };
            let (pid, closed) = (host.pid, host.connection.is_none());
            if let Some((status, overflowed)) = state.deaths.remove(&pid) {
                state.host = None;
                state.running = false;
                return Err(if overflowed { Ended::StackOverflow } else { Ended::by_status(status) });
            }
            let mut limit = Duration::from_secs(3600);
            if closed {
                let since = *closed_at.get_or_insert_with(Instant::now);
                limit = CLOSED_PATIENCE.saturating_sub(since.elapsed());
                if limit.is_zero() {
                    break Ended::Lost(
                        "the process that runs cells has closed its connection to the engine; did the cell close files \
                         that it had not opened?"
                            .to_owned(),
                    );
                }
            }
            if state.interrupted {
                let since = *interrupted_at.get_or_insert_with(Instant::now);
                let left = FORK_PATIENCE.saturating_sub(since.elapsed());
                if !state.is_forking() || left.is_zero() {
                    break Ended::Interrupted;
                }
                limit = limit.min(left);
            }
            if let Some(most) = self.options.memory_limit {
                let sleepers = state.sleepers();
                drop(state);
                let used = memory::resident(pid, &sleepers);
                state = shared.lock();
                if used > most && state.answers.is_empty() {
                    break Ended::MemoryLimit { limit: most, used };
                }
                limit = limit.min(MEMORY_INTERVAL);
                if !state.answers.is_empty() || state.interrupted {
                    continue;
                }
            }
            state = shared.wait(state, limit);
        };
        state.running = false;
        drop(state);
        self.end_host();
        Err(ended)
    }

    /// Ends the process that runs cells and everything that user code has started, and waits for that.
    pub(super) fn end_host(&mut self) {
        let asked = self.shared.change(|state| {
            let supervisor = state.supervisor.clone()?;
            let spare = state.sleepers();
            let host = state.host.as_ref().map_or(0, |host| host.pid);
            state.ended = None;
            supervisor.send(&Command::End { host, spare });
            Some(host)
        });
        let Some(host) = asked else { return self.end_without_supervisor() };
        let ended = self.shared.wait_for(PATIENCE, |state| {
            let gone = host == 0 || state.deaths.contains_key(&host) || state.broken.is_some();
            if gone { state.ended.take() } else { None }
        });
        let checkpoints = self.shared.change(|state| {
            state.deaths.clear();
            state.host = None;
            std::mem::take(&mut state.dropped)
        });
        let of_user = |pid: &u32| *pid != host && !checkpoints.contains(pid);
        self.ended_processes += ended.unwrap_or_default().iter().filter(|pid| of_user(pid)).count();
    }

    /// The same when the supervisor is gone, as well as it can be done from here; checkpoints end too.
    pub(super) fn end_without_supervisor(&mut self) {
        self.shared.change(|state| {
            let host = state.host.take();
            for pid in host.iter().filter_map(|host| Pid::from_raw(host.pid.cast_signed())) {
                _ = kill_process_group(pid, Signal::KILL);
            }
            let ids: Vec<u64> = state.checkpoints.keys().copied().collect();
            ids.into_iter().for_each(|id| state.drop_checkpoint(id));
        });
    }
}
