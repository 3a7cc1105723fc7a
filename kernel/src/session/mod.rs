//! The session: one thread that has the engine, runs cells one after the other, and is all that they wait for.

mod cell;
mod execute;
mod input;
mod interrupts;
mod outputs;
mod snapshot;
mod text;

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oxikale_compiler::build::{cache_folder, data_folder};
use oxikale_engine::{Cell, Engine, Listener};
use serde_json::{Map, Value};

pub(crate) use cell::End;
pub use execute::Execute;
pub use input::InputDesk;
pub use interrupts::Interrupts;
pub use outputs::{DEFAULT_TEXT_LIMIT, Outputs};
pub use snapshot::Snapshot;

use crate::history::History;
use crate::place::Place;
use crate::sockets::Sockets;
use crate::upcoming::Upcoming;
use crate::wire::Request;

/// Starts an engine whose events go to the listener; the error says what to do.
pub type EngineStart = Box<dyn Fn(Listener) -> Result<Box<dyn Engine>, String> + Send>;

/// How long the engine may take to end its processes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Cells are parsed on this stack, and may be nested deeply.
const STACK: usize = 64 << 20;

/// What the session is asked to do, in order.
pub enum Job {
    /// A cell that a client sent.
    Execute(Arc<Request>, Execute),
    /// The cells that are likely to be run next, the likeliest first.
    Prepare(Vec<String>),
    /// The end.
    Stop,
}

/// What other threads see of the session.
pub struct SessionHandle {
    jobs: Sender<Job>,
    /// Ends what runs.
    pub interrupts: Arc<Interrupts>,
    /// Answers what the running cell asks for.
    pub input: Arc<InputDesk>,
    /// Variables and items as they were after the last cell.
    pub snapshot: Arc<Mutex<Arc<Snapshot>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The session itself.
pub struct Session {
    start: EngineStart,
    pub(crate) engine: Option<Box<dyn Engine>>,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) outputs: Arc<Outputs>,
    pub(crate) interrupts: Arc<Interrupts>,
    pub(crate) place: Arc<Place>,
    upcoming: Arc<Upcoming>,
    input: Arc<InputDesk>,
    history: History,
    jobs: Receiver<Job>,
    /// Jobs that were taken from there and not yet begun.
    queue: VecDeque<Job>,
    snapshot: Arc<Mutex<Arc<Snapshot>>>,
    /// The number beside the last cell.
    count: u32,
    /// Parameters of the pipeline that the user has set.
    pub(crate) parameters: Map<String, Value>,
    /// Environment variables that the user has set.
    pub(crate) environment: BTreeMap<String, String>,
    /// What the front end is asked to do after the cell.
    pub(crate) payload: Vec<Value>,
    /// The request whose cell runs, or ran last.
    pub(crate) request: Option<Arc<Request>>,
}

impl SessionHandle {
    /// Starts the session; the engine starts with it, and requests may come meanwhile.
    pub fn start(
        start: EngineStart,
        sockets: Arc<Sockets>,
        history: History,
        place: Arc<Place>,
        upcoming: Arc<Upcoming>,
        text_limit: usize,
    ) -> std::io::Result<Self> {
        let (sender, jobs) = mpsc::channel();
        let interrupts = Arc::new(Interrupts::default());
        let input = Arc::new(InputDesk::default());
        let snapshot = Arc::new(Mutex::new(Arc::new(Snapshot::default())));
        let outputs = Outputs::start(Arc::clone(&sockets), Arc::clone(&input), Arc::clone(&interrupts), text_limit)?;
        let session = Session {
            start,
            engine: None,
            sockets,
            outputs,
            interrupts: Arc::clone(&interrupts),
            place,
            upcoming,
            input: Arc::clone(&input),
            history,
            jobs,
            queue: VecDeque::new(),
            snapshot: Arc::clone(&snapshot),
            count: 0,
            parameters: Map::new(),
            environment: BTreeMap::new(),
            payload: Vec::new(),
            request: None,
        };
        let thread =
            thread::Builder::new().name("session".to_owned()).stack_size(STACK).spawn(move || session.run())?;
        Ok(Self { jobs: sender, interrupts, input, snapshot, thread: Mutex::new(Some(thread)) })
    }

    /// Asks for something; it is done after what was asked for before.
    pub fn submit(&self, job: Job) {
        // Where the session has ended, the kernel ends too.
        drop(self.jobs.send(job));
    }

    /// What is known of variables and items.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends what runs and then the session; returns when its processes are gone, or after some seconds.
    pub fn stop(&self) {
        self.submit(Job::Stop);
        self.interrupts.stop();
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let end = std::time::Instant::now() + PATIENCE;
        while !thread.is_finished() && std::time::Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Session {
    fn run(mut self) {
        // An error is told with the first cell, when somebody reads it.
        drop(self.engine());
        while let Some(job) = self.queue.pop_front().or_else(|| self.jobs.recv().ok()) {
            match job {
                Job::Execute(request, _) if self.interrupts.is_stopping() => self.abort(&request),
                Job::Execute(request, execute) => self.execute(&request, &execute),
                Job::Prepare(sources) => {
                    if let Some(engine) = &mut self.engine {
                        engine.prepare(sources);
                        engine.use_idle_time();
                    }
                }
                Job::Stop => return,
            }
        }
    }

    /// The engine; started, where it is not there.
    pub(crate) fn engine(&mut self) -> Result<&mut Box<dyn Engine>, String> {
        if self.engine.is_none() {
            let outputs = Arc::clone(&self.outputs);
            let engine = (self.start)(Arc::new(move |event| outputs.hear(event))).map_err(with_word_on_disks)?;
            self.interrupts.set_engine(Some(engine.interrupter()));
            self.input.set_engine(Some(engine.input()));
            self.engine = Some(engine);
            self.take_snapshot();
        }
        self.engine.as_mut().ok_or_else(|| "the engine did not start".to_owned())
    }

    /// Runs Rust, or commands of the engine.
    pub(crate) fn run_in_engine(&mut self, source: &str) -> End {
        let name = self.count.to_string();
        let cell = Cell { source: source.to_owned(), name };
        match self.engine() {
            Ok(engine) => engine.execute(&cell).into(),
            Err(message) => {
                self.outputs.fail("engine", &message);
                End::Failed
            }
        }
    }

    pub(crate) fn take_snapshot(&mut self) {
        if let Some(engine) = &self.engine {
            let snapshot = Arc::new(Snapshot::of(engine.as_ref()));
            *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
        }
    }
}

/// A full disk makes programs fail in words that nobody would take for it.
fn with_word_on_disks(message: String) -> String {
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    let folders = [Some(cache_folder()), Some(data_folder()), Some(std::env::temp_dir()), home];
    let full = folders.into_iter().flatten().find(|folder| {
        let there = folder.ancestors().find(|folder| folder.exists());
        there.and_then(|there| rustix::fs::statvfs(there).ok()).is_some_and(|disk| disk.f_bavail == 0)
    });
    match full {
        Some(folder) => {
            format!("{message}\nThe disk with {} is full: make room, and run the cell again", folder.display())
        }
        None => message,
    }
}
