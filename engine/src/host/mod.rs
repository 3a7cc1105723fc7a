//! The processes that run user code: one that runs the cells, sleeping copies of it to go back to, and a supervisor that
//! lets none of them outlive the engine.
//!
//! The other side of this is the crate in `host/`, which is compiled with the user's rustc ([`Runtime`]).

mod blocks;
mod command;
mod ended;
pub(crate) mod folder;
mod memory;
mod output;
#[allow(dead_code, reason = "each side uses one half")]
#[path = "../../host/src/protocol.rs"]
mod protocol;
mod reader;
mod runtime;
mod start;
mod state;
mod stdin;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use ended::{Ended, Failure};
pub use output::{DisplayKind, Output, Sink};
pub use protocol::{Frame as PanicFrame, Panic};
pub use runtime::Runtime;

use self::folder::Folder;
use self::protocol::{Command, Message};
use self::state::{Checkpoint, Process, Shared};
use crate::EngineError;

/// How long a process may take to start, to wake or to end, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a session's processes are started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOptions {
    /// Where user code finds its files.
    pub working_folder: PathBuf,
    /// How many checkpoints to keep; fewer are kept when memory is scarce.
    pub checkpoints: usize,
    /// How many bytes user code may have in memory.
    pub memory_limit: Option<u64>,
    /// Environment variables beside the engine's own.
    pub environment: Vec<(String, String)>,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self { working_folder: PathBuf::from("."), checkpoints: 16, memory_limit: None, environment: Vec::new() }
    }
}

/// The processes of one session.
pub struct Host {
    shared: Arc<Shared>,
    options: HostOptions,
    child: Child,
    reader: Option<JoinHandle<()>>,
    // Kept so that it is removed at the end.
    _folder: Folder,
    /// Processes that user code had started and that were ended since the last restore.
    ended_processes: usize,
    closed: bool,
}

/// What is gone after going back to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// The names of the user's threads that do not run any more; `unnamed` for one without.
    pub threads: Vec<String>,
    /// How many processes that user code had started were ended.
    pub processes: usize,
}

/// Ends the code that runs, from another thread.
#[derive(Clone)]
pub struct HostInterrupt(Arc<Shared>);

impl HostInterrupt {
    /// Ends the process that runs cells, and those that it has started, if a command of it is being carried out. That
    /// command then returns [`Ended::Interrupted`]. Does nothing otherwise.
    pub fn interrupt(&self) {
        self.0.change(|state| state.interrupted = state.running);
    }
}

/// Answers [`Output::Input`], from another thread.
#[derive(Clone)]
pub struct HostInput(Arc<Shared>);

impl HostInput {
    /// Gives a line, without its line break, or the end of input.
    pub fn reply(&self, line: Option<&str>) {
        self.0.stdin.reply(line);
        self.0.ring();
    }
}

impl Host {
    /// Asks the process that runs cells to leave a sleeping copy of itself behind, under a number that is larger than
    /// all before. Does not wait for it; the next command does. The oldest ones beyond the limit are ended. If the copy
    /// turns out to be impossible, the number is not among [`Self::checkpoints`] later, and [`Self::refusals`] says why.
    ///
    /// # Errors
    /// If there is no process that runs cells.
    pub fn checkpoint(&mut self, id: u64) -> Result<(), EngineError> {
        let scarce = memory::is_scarce();
        self.shared.change(|state| {
            let connection = state.host.as_ref().and_then(|host| host.connection.clone());
            let connection = connection.ok_or_else(|| not_running(state.broken.as_deref()))?;
            let mut keep = self.options.checkpoints.max(1) - 1;
            if scarce {
                keep = keep.min(state.checkpoints.len() / 2);
            }
            while state.checkpoints.len() > keep
                && let Some(oldest) = state.checkpoints.keys().next().copied()
            {
                state.drop_checkpoint(oldest);
            }
            state.checkpoints.insert(id, Checkpoint::default());
            connection.send(&Command::Checkpoint(id));
            Ok(())
        })
    }

    /// Why checkpoints could not be made since this was last asked.
    pub fn refusals(&mut self) -> Vec<(u64, String)> {
        self.shared.change(|state| std::mem::take(&mut state.refusals))
    }

    /// The numbers of the checkpoints that can be gone back to.
    pub fn checkpoints(&self) -> Vec<u64> {
        self.shared.lock().checkpoints.keys().copied().collect()
    }

    /// Whether there is a process that runs cells. After a crash or an interrupt there is none until one is restored.
    pub fn is_alive(&self) -> bool {
        let state = self.shared.lock();
        state.broken.is_none() && state.host.as_ref().is_some_and(|host| !state.deaths.contains_key(&host.pid))
    }

    /// Loads a library whose symbols the libraries of later cells need; `hooks` are the names of the functions in it that
    /// the runtime calls: `oxikale_deps_block_on…` and `oxikale_deps_install_pool…`.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn load(&mut self, library: &Path, hooks: &[String]) -> Result<(), EngineError> {
        let command = Command::Load { library: library.to_owned(), hooks: hooks.to_vec() };
        let failed = |reason: &str| EngineError::new(format!("{} cannot be loaded: {reason}", library.display()));
        match self.command(&command) {
            Ok(Message::Done) => Ok(()),
            Ok(Message::Refused(reason)) => Err(failed(&reason)),
            Ok(Message::Panicked(panic)) => Err(failed(&format!("it panicked: {}", panic.message))),
            Ok(other) => Err(failed(&format!("an answer that makes no sense: {other:?}"))),
            Err(ended) => Err(failed(&format!("the process that runs cells ended: {ended:?}"))),
        }
    }

    /// Runs a cell. All output that was written before its end has been given to the sink when this returns.
    pub fn run(&mut self, library: &Path, symbol: &str) -> Ended {
        self.run_unless(library, symbol, &AtomicBool::new(false))
    }

    /// The same, but ends at once if `interrupted` is true. Whoever sets it and then calls [`HostInterrupt::interrupt`]
    /// interrupts the cell for certain, also in the moment in which it starts.
    pub fn run_unless(&mut self, library: &Path, symbol: &str, interrupted: &AtomicBool) -> Ended {
        let command = Command::Run { library: library.to_owned(), symbol: symbol.to_owned() };
        let ended = self.command_unless(&command, interrupted).map_or_else(|ended| ended, Ended::by_answer);
        self.shared.stdin.clear();
        ended
    }

    /// Drops variables. Their `Drop` is code of the user's, so it may end as a cell may.
    pub fn forget(&mut self, names: &[String]) -> Ended {
        self.simple(&Command::Forget(names.to_vec()))
    }

    /// Sets an environment variable of user code, or takes it away.
    pub fn set_environment(&mut self, name: &str, value: Option<&str>) -> Ended {
        self.simple(&Command::Environment { name: name.to_owned(), value: value.map(str::to_owned) })
    }

    /// Waits until the process that runs cells has nothing to do, which a checkpoint may keep it from.
    pub fn wait_until_idle(&mut self) -> Ended {
        self.simple(&Command::Ping)
    }

    fn simple(&mut self, command: &Command) -> Ended {
        match self.command(command) {
            Ok(Message::Done) => Ended::Finished,
            Ok(other) => Ended::by_answer(other),
            Err(ended) => ended,
        }
    }

    /// Goes back to a checkpoint: ends the process that runs cells and everything that it has started, and wakes the
    /// checkpoint, which takes its place and is a checkpoint no more. Later checkpoints are ended.
    ///
    /// # Errors
    /// If there is no such checkpoint; nothing has changed then. If it does not wake.
    pub fn restore(&mut self, id: u64) -> Result<Restored, EngineError> {
        let shared = self.shared.clone();
        let gone = || {
            let state = shared.lock();
            let refusal = state.refusals.iter().rev().find(|(refused, _)| *refused == id);
            EngineError::new(match refusal {
                Some((_, reason)) => format!("checkpoint {id} could not be made: {reason}"),
                None => format!("checkpoint {id} is gone; older ones may still be there"),
            })
        };
        // One that has just been asked for may take a moment to be ready.
        let ready = self.shared.wait_for(PATIENCE, |state| match state.checkpoints.get(&id) {
            Some(checkpoint) => checkpoint.connection.is_some().then_some(true),
            None => Some(false),
        });
        if ready != Some(true) {
            self.shared.change(|state| state.drop_checkpoint(id));
            return Err(gone());
        }
        let mut threads = self.named_threads();
        self.shared.change(|state| {
            let later: Vec<u64> = state.checkpoints.range(id + 1..).map(|(id, _)| *id).collect();
            later.into_iter().for_each(|id| state.drop_checkpoint(id));
        });
        self.end_host();
        let connection = self.shared.change(|state| {
            let Checkpoint { pid, connection } = state.checkpoints.remove(&id)?;
            state.host = Some(Process { pid: pid?, connection: connection.clone() });
            state.answers.clear();
            connection
        });
        let connection = connection.ok_or_else(gone)?;
        let woken = match self.command_on(&connection, &Command::Wake, &AtomicBool::new(false)) {
            Ok(Message::Woken { threads }) => threads,
            Ok(other) => return Err(EngineError::new(format!("checkpoint {id} does not wake: {other:?}"))),
            Err(ended) => return Err(EngineError::new(format!("checkpoint {id} does not wake: {ended:?}"))),
        };
        for name in woken {
            match threads.iter().position(|known| *known == name) {
                // It ran until now, and is counted already.
                Some(place) if name != "unnamed" => _ = threads.swap_remove(place),
                _ => (),
            }
            threads.push(name);
        }
        threads.sort();
        self.shared.stdin.clear();
        Ok(Restored { threads, processes: std::mem::take(&mut self.ended_processes) })
    }

    /// A handle that ends what runs.
    pub fn interrupt_handle(&self) -> HostInterrupt {
        HostInterrupt(self.shared.clone())
    }

    /// A handle that answers requests for input.
    pub fn input_handle(&self) -> HostInput {
        HostInput(self.shared.clone())
    }

    /// How many bytes of memory all processes of the session use together.
    pub fn memory(&self) -> u64 {
        memory::proportional(self.child.id())
    }

    /// Ends everything. Called when the host is dropped, too.
    pub fn shutdown(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let supervisor = self.shared.change(|state| {
            state.broken.get_or_insert_with(|| "the session has ended".to_owned());
            state.supervisor.clone()
        });
        if let Some(supervisor) = supervisor {
            supervisor.send(&Command::Stop);
        }
        self.end_without_supervisor();
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(self.child.kill());
        drop(self.child.wait());
        self.shared.change(|state| state.closing = true);
        self.shared.ring();
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }

    /// The names of the threads of the process that runs cells, of those that have one.
    fn named_threads(&self) -> Vec<String> {
        let pid = self.shared.lock().host.as_ref().map(|host| host.pid);
        let mut names = pid.map(memory::threads).unwrap_or_default();
        names.retain(|name| !["oxikale-", "main", "tokio-r", "rayon"].iter().any(|known| name.starts_with(known)));
        names
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn not_running(broken: Option<&str>) -> EngineError {
    EngineError::new(broken.unwrap_or("the process that runs cells has ended; restore a checkpoint, or restart"))
}
