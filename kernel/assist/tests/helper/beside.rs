//! An engine, and a helper that is told of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oxikale_assist::Assist;
use oxikale_engine::direct::{DirectEngine, Options};
use oxikale_engine::{Cell, CellError, Engine, ErrorKind, Event, Outcome};

/// A session of an engine beside a helper.
pub struct Beside<'a> {
    engine: DirectEngine,
    assist: &'a Assist,
    errors: Arc<Mutex<Vec<CellError>>>,
    folder: tempfile::TempDir,
    cells: usize,
}

impl<'a> Beside<'a> {
    pub fn start(assist: &'a Assist) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let errors: Arc<Mutex<Vec<CellError>>> = Arc::default();
        let listener = {
            let errors = Arc::clone(&errors);
            Arc::new(move |event| {
                if let Event::Error(error) = event {
                    errors.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                }
            })
        };
        let options = Options {
            folder: folder.path().to_owned(),
            cache: kept.join("cache"),
            data: kept.join("data"),
            ..Options::default()
        };
        let engine = DirectEngine::start(options, listener).unwrap();
        Self { engine, assist, errors, folder, cells: 0 }
    }

    /// The folder of the notebook.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Tells the helper what is around the next cell.
    pub fn tell(&self) {
        // The sources of the standard library may be in a cache that is not the tests' own.
        let library = super::session::toolchain().library;
        self.assist.update(oxikale_assist::Surroundings { library, ..self.engine.surroundings() });
    }

    /// Runs a cell that must not fail, and tells the helper.
    pub fn run(&mut self, source: &str) {
        let outcome = self.execute(source);
        assert_eq!(outcome, Outcome::Completed, "{source}: {:?}", self.errors.lock().unwrap());
        self.tell();
    }

    /// Runs a cell; whether it compiles.
    pub fn compiles(&mut self, source: &str) -> bool {
        let outcome = self.execute(source);
        let rejected = self.errors.lock().unwrap().drain(..).any(|error| error.kind == ErrorKind::Compile);
        outcome == Outcome::Completed || !rejected
    }

    fn execute(&mut self, source: &str) -> Outcome {
        self.cells += 1;
        self.engine.execute(&Cell { source: source.to_owned(), name: self.cells.to_string() })
    }
}
