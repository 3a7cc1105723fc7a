//! A session of the direct engine for tests: its cells, what they tell, and what it leaves behind.
#![allow(dead_code, reason = "no test uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use oxikale_engine::direct::{DirectEngine, Options};
use oxikale_engine::{Cell, CellError, Engine, Event, Listener, Outcome, Stream};

/// More than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A session in a folder of its own, over the cache that stays between runs.
pub struct Session {
    pub engine: DirectEngine,
    told: Arc<Told>,
    cells: usize,
    /// The folder of the engine itself.
    own_folder: PathBuf,
    _folders: [tempfile::TempDir; 2],
}

/// What the engine has told since the cell began.
#[derive(Default)]
pub struct Told {
    events: Mutex<Vec<Event>>,
    changed: Condvar,
}

/// What a cell did.
pub struct Ran {
    pub source: String,
    pub outcome: Outcome,
    pub events: Vec<Event>,
}

/// The cache that tests share, also between runs.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

impl Session {
    pub fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let told = Arc::new(Told::default());
        let listener: Listener = {
            let told = Arc::clone(&told);
            Arc::new(move |event| {
                told.events.lock().unwrap().push(event);
                told.changed.notify_all();
            })
        };
        let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let shared = options.cache == Options::default().cache;
        let cache = if shared { cache() } else { options.cache };
        let options = Options { folder: folder.path().to_owned(), data: data.path().to_owned(), cache, ..options };
        let engine = DirectEngine::start(options, listener).unwrap();
        let mut own = fs::read_dir(data.path().join("sessions")).unwrap();
        let own_folder = own.next().expect("the engine has a folder").unwrap().path();
        Self { engine, told, cells: 0, own_folder, _folders: [folder, data] }
    }

    pub fn run(&mut self, source: &str) -> Ran {
        self.cells += 1;
        self.told.events.lock().unwrap().clear();
        let outcome = self.engine.execute(&Cell { source: source.to_owned(), name: self.cells.to_string() });
        let events = std::mem::take(&mut *self.told.events.lock().unwrap());
        Ran { source: source.to_owned(), outcome, events }
    }

    /// Runs a cell that is interrupted when it has printed this, and gives the time from the interrupt to its end.
    pub fn interrupt_at(&mut self, source: &str, sign: &str) -> (Ran, Duration) {
        let (interrupter, told) = (self.engine.interrupter(), Arc::clone(&self.told));
        std::thread::scope(|scope| {
            let interrupted_at = scope.spawn(move || {
                told.wait_for(sign);
                let now = Instant::now();
                interrupter.interrupt();
                now
            });
            let ran = self.run(source);
            let ended = Instant::now();
            (ran, ended.saturating_duration_since(interrupted_at.join().unwrap()))
        })
    }

    /// `name: type`, with `mut` before what is mutable, in alphabetical order.
    pub fn variables(&self) -> Vec<String> {
        let mut variables: Vec<String> = self
            .engine
            .variables()
            .into_iter()
            .map(|variable| {
                let mutable = if variable.mutable { "mut " } else { "" };
                format!("{}: {mutable}{}", variable.name, variable.type_name)
            })
            .collect();
        variables.sort();
        variables
    }

    /// Ends the session, and sees that nothing of it is left.
    pub fn end(mut self) {
        let shown = self.run("println!(\"{}\", std::env::var(\"OXIKALE_DISPLAY\").unwrap());").printed();
        let pipe = PathBuf::from(shown.trim_end());
        let folders = [pipe.parent().expect("the pipe is in a folder").to_owned(), self.own_folder.clone()];
        for folder in &folders {
            assert!(folder.is_dir(), "{} is not the session's folder", folder.display());
        }
        let family = processes_of(&pipe);
        assert!(family.len() >= 2, "not even a supervisor and a host: {family:?}");
        drop(self);
        assert_eq!(processes_of(&pipe), Vec::<String>::new(), "processes are left");
        for folder in &folders {
            assert!(!folder.exists(), "{} is left", folder.display());
        }
    }
}

/// The command lines of the processes that a session has started, whoever their parents are now: all of them have the
/// path of its pipe in their environment.
pub fn processes_of(pipe: &Path) -> Vec<String> {
    let variable = format!("OXIKALE_DISPLAY={}", pipe.display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|part| part == variable.as_bytes()) {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&command).replace('\0', " ").trim_end().to_owned());
        }
    }
    found
}

impl Told {
    fn wait_for(&self, sign: &str) {
        let end = Instant::now() + PATIENCE;
        let mut events = self.events.lock().unwrap();
        while !text_in(&events, Stream::Stdout).contains(sign) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the cell has not printed {sign:?}; there is {events:?}");
            events = self.changed.wait_timeout(events, left).unwrap().0;
        }
    }
}

impl Ran {
    /// What it printed to standard output; it must have run to its end.
    pub fn printed(&self) -> String {
        assert_eq!(self.outcome, Outcome::Completed, "{}\n{}", self.source, self.told());
        text_in(&self.events, Stream::Stdout)
    }

    /// The error that ended it.
    pub fn error(&self) -> &CellError {
        let error =
            self.events.iter().find_map(|event| if let Event::Error(error) = event { Some(error) } else { None });
        error.unwrap_or_else(|| panic!("no error ended {}\n{}", self.source, self.told()))
    }

    /// What it told, to be read by people.
    pub fn told(&self) -> String {
        let words = self.events.iter().map(|event| match event {
            Event::Error(error) => error.rendered.clone(),
            other => format!("{other:?}\n"),
        });
        words.collect()
    }
}

/// All text of a stream.
pub fn text_in(events: &[Event], wanted: Stream) -> String {
    let mut text = Vec::new();
    for event in events {
        match event {
            Event::Text { stream, bytes } if *stream == wanted => text.extend_from_slice(bytes),
            _ => (),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}
