//! Runs the notebooks in `cells/*.md` in the engines: cells with what is expected of them written below the code.
//!
//! `cells/notebook.rs` says how they are written. Each notebook is a session of its own, in a folder of its own.

#[path = "cells/differences.rs"]
mod differences;
#[path = "cells/expectation.rs"]
mod expectation;
#[path = "cells/notebook.rs"]
mod notebook;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use oxikale_engine::{Cell, Engine, Event, Input, Listener, direct};

use expectation::Found;
use notebook::{Case, Chapter};

/// A notebook that takes longer is interrupted, so that the rest is tested all the same. Crates are built in this time.
const LIMIT: Duration = Duration::from_mins(10);

/// Which engine a trial is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Direct,
    #[cfg(feature = "evcxr")]
    Evcxr,
}

impl Kind {
    #[cfg(feature = "evcxr")]
    const ALL: [Self; 2] = [Self::Direct, Self::Evcxr];
    #[cfg(not(feature = "evcxr"))]
    const ALL: [Self; 1] = [Self::Direct];

    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            #[cfg(feature = "evcxr")]
            Self::Evcxr => "evcxr",
        }
    }
}

fn main() {
    #[cfg(feature = "evcxr")]
    {
        oxikale_engine::evcxr::runtime_hook();
        if std::env::args().nth(1).as_deref() == Some("__evcxr") {
            oxikale_engine::evcxr::serve();
        }
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chapters = Chapter::read_all(&package.join("tests/cells")).unwrap_or_else(|message| panic!("{message}"));
    let mut trials = Vec::new();
    for chapter in &chapters {
        for case in &chapter.cases {
            for kind in Kind::ALL {
                if kind == Kind::Direct || case.evcxr {
                    let name = format!("{}::{}::{}", kind.name(), chapter.name, case.title);
                    let case = case.clone();
                    trials.push(Trial::test(name, move || check(kind, &case)));
                }
            }
        }
    }
    let document = package.join("../docs/engine.md");
    trials.push(Trial::test("docs/engine.md", move || differences::check(&chapters, &document)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A fresh session of an engine.
fn start(kind: Kind, folder: &Path, listener: Listener) -> Result<Box<dyn Engine>, Failed> {
    // A place that stays from run to run: what is compiled once is there for the next run too.
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cells-cache");
    fs::create_dir_all(&cache)?;
    Ok(match kind {
        Kind::Direct => {
            let options = direct::Options { folder: folder.to_owned(), cache, ..Default::default() };
            Box::new(direct::DirectEngine::start(options, listener)?)
        }
        #[cfg(feature = "evcxr")]
        Kind::Evcxr => {
            use oxikale_engine::evcxr;
            let options = evcxr::Options { folder: folder.to_owned(), cache, ..Default::default() };
            Box::new(evcxr::EvcxrEngine::start(options, listener)?)
        }
    })
}

fn check(kind: Kind, case: &Case) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (path, text) in &case.files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        fs::write(path, text)?;
    }
    let mut session = Session::start(kind, folder.path())?;
    let mut report = String::new();
    for (number, cell) in (1..).zip(&case.cells) {
        let found = session.execute(&cell.source, &number.to_string(), &cell.input);
        let wrong = match kind {
            Kind::Direct => expectation::compare(case, cell, &found),
            #[cfg(feature = "evcxr")]
            Kind::Evcxr => expectation::compare_leniently(case, cell, &found),
        };
        let said = if kind == Kind::Direct { None } else { cell.evcxr.as_ref() };
        match said {
            None if !wrong.is_empty() => {
                write!(report, "--- cell {number}\n{}\n{}", cell.source, wrong.join("\n"))?;
                writeln!(report, "\n--- all of its events\n{found}")?;
            }
            Some(said) if wrong.is_empty() => writeln!(
                report,
                "--- cell {number}\n{}\nevcxr shows the same as the direct engine, but the notebook says: {said}",
                cell.source
            )?,
            _ => {}
        }
        if session.overdue() {
            writeln!(report, "--- cell {number} was interrupted: the notebook took more than {LIMIT:?}")?;
            break;
        }
    }
    if report.is_empty() { Ok(()) } else { Err(report.into()) }
}

/// An engine with what watches over it.
struct Session {
    engine: Box<dyn Engine>,
    events: Arc<Mutex<Vec<Event>>>,
    /// The lines for [`Event::Input`], the next one last.
    lines: Arc<Mutex<Vec<String>>>,
    overdue: Arc<OnceLock<()>>,
    /// Dropped at the end, which ends the watch.
    _watch: mpsc::Sender<()>,
}

impl Session {
    fn start(kind: Kind, folder: &Path) -> Result<Self, Failed> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::new(Mutex::new(Vec::<String>::new()));
        let input: Arc<OnceLock<Input>> = Arc::default();
        let (asked, questions) = mpsc::channel::<()>();
        let listener: Listener = {
            let events = Arc::clone(&events);
            Arc::new(move |event| {
                if matches!(event, Event::Input { .. }) {
                    // Nobody listens any more only when the session is over.
                    let _ = asked.send(());
                }
                events.lock().unwrap().push(event);
            })
        };
        let engine = start(kind, folder, listener)?;
        let _ = input.set(engine.input());
        // Answered from a thread of its own: a listener must not call back.
        let answers = Arc::clone(&lines);
        thread::spawn(move || {
            for () in questions {
                let line = answers.lock().unwrap().pop();
                if let Some(input) = input.get() {
                    input.reply(line.as_deref());
                }
            }
        });
        let (watch, ended) = mpsc::channel();
        let overdue = Arc::new(OnceLock::new());
        let (late, interrupter) = (Arc::clone(&overdue), engine.interrupter());
        thread::spawn(move || {
            while ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                let _ = late.set(());
                interrupter.interrupt();
            }
        });
        Ok(Self { engine, events, lines, overdue, _watch: watch })
    }

    fn execute(&mut self, source: &str, name: &str, input: &[String]) -> Found {
        self.events.lock().unwrap().clear();
        *self.lines.lock().unwrap() = input.iter().rev().cloned().collect();
        let outcome = self.engine.execute(&Cell { source: source.to_owned(), name: name.to_owned() });
        let unread = self.lines.lock().unwrap().len();
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        Found { outcome, events, unread, variables: self.engine.variables() }
    }

    fn overdue(&self) -> bool {
        self.overdue.get().is_some()
    }
}
