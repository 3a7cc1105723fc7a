//! A session of either engine whose cells are timed.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use oxikale_engine::{Cell, Engine, Event, Listener, Outcome, direct};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Direct,
    Evcxr,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Evcxr => "evcxr",
        }
    }
}

/// Where a session keeps what it compiles, and where its cells run.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub cache: &'a Path,
    pub folder: &'a Path,
}

/// A session, and what has gone wrong in the cell that ran last.
pub struct Session {
    engine: Box<dyn Engine>,
    errors: Arc<Mutex<Vec<String>>>,
    cells: usize,
}

impl Session {
    pub fn start(side: Side, place: Place) -> Result<Self> {
        let errors: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener: Listener = Arc::new({
            let errors = Arc::clone(&errors);
            move |event| {
                if let (Event::Error(error), Ok(mut errors)) = (event, errors.lock()) {
                    errors.push(error.rendered);
                }
            }
        });
        let (folder, cache) = (place.folder.to_owned(), place.cache.to_owned());
        let engine: Box<dyn Engine> = match side {
            Side::Direct => {
                let options = direct::Options { folder, cache, ..direct::Options::default() };
                Box::new(direct::DirectEngine::start(options, listener)?)
            }
            #[cfg(feature = "evcxr")]
            Side::Evcxr => {
                use oxikale_engine::evcxr::{EvcxrEngine, Options};
                // The sources of the standard library, which it needs, are looked for in the user's own cache.
                Box::new(EvcxrEngine::start(Options { folder, ..Options::default() }, listener)?)
            }
            #[cfg(not(feature = "evcxr"))]
            Side::Evcxr => return Err("this benchmark was built without the feature `evcxr`".into()),
        };
        Ok(Self { engine, errors, cells: 0 })
    }

    /// Runs a cell that must end well, and gives the seconds from its submission to its end.
    pub fn run(&mut self, source: &str) -> Result<f64> {
        self.timed(source, Outcome::Completed)
    }

    /// Runs a cell that the compiler must refuse, and gives the seconds from its submission to its end.
    pub fn refuse(&mut self, source: &str) -> Result<f64> {
        self.timed(source, Outcome::Failed)
    }

    fn timed(&mut self, source: &str, expected: Outcome) -> Result<f64> {
        self.cells += 1;
        let cell = Cell { source: source.to_owned(), name: self.cells.to_string() };
        if let Ok(mut errors) = self.errors.lock() {
            errors.clear();
        }
        let started = Instant::now();
        let outcome = self.engine.execute(&cell);
        let seconds = started.elapsed().as_secs_f64();
        if outcome == expected {
            return Ok(seconds);
        }
        let errors = self.errors.lock().map(|errors| errors.join("\n")).unwrap_or_default();
        Err(format!("this cell must end as {expected:?}, but ended as {outcome:?}:\n{source}\n{errors}").into())
    }
}
