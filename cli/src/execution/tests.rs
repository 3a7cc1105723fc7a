use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use oxikale_engine::{
    Back, CellError, Diagnostic, EngineError, ErrorKind, Event, Input, Interrupter, Listener, Stream, Surroundings,
    Variable,
};
use serde_json::{Map, Value, json};

use super::*;
use crate::present::cells::CellProgress;
use crate::session::{Colour, Session};

/// An engine whose cells are lines of orders: `print TEXT`, `error NAME`, `input`, `wait`, `quit`, `result TEXT`.
struct Scripted {
    listener: Listener,
    seen: Arc<Mutex<Seen>>,
    interrupted: Arc<(Mutex<bool>, Condvar)>,
    replies: Arc<(Mutex<VecDeque<Option<String>>>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    executed: Vec<Cell>,
    prepared: Vec<Vec<String>>,
}

impl Scripted {
    fn order(&self, order: &str) -> Option<Outcome> {
        let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
        match word {
            "print" => (self.listener)(Event::Text { stream: Stream::Stdout, bytes: format!("{rest}\n").into() }),
            "result" => {
                let data = Map::from_iter([("text/plain".to_owned(), Value::from(rest))]);
                (self.listener)(Event::Result { data });
            }
            "error" => return Some(self.fail(ErrorKind::Panic, rest, Outcome::Failed)),
            "input" => {
                (self.listener)(Event::Input { prompt: String::new(), password: false });
                let (replies, came) = &*self.replies;
                let mut replies = replies.lock().unwrap();
                while replies.is_empty() {
                    replies = came.wait(replies).unwrap();
                }
                let reply = replies.pop_front().unwrap();
                drop(replies);
                (self.listener)(Event::Text { stream: Stream::Stdout, bytes: format!("{reply:?}\n").into() });
            }
            "wait" => {
                let (interrupted, came) = &*self.interrupted;
                let mut interrupted = interrupted.lock().unwrap();
                while !std::mem::take(&mut *interrupted) {
                    interrupted = came.wait(interrupted).unwrap();
                }
                drop(interrupted);
                return Some(self.fail(ErrorKind::Interrupted, "interrupted", Outcome::Interrupted));
            }
            "quit" => return Some(Outcome::Quit),
            _ => {}
        }
        None
    }

    fn fail(&self, kind: ErrorKind, name: &str, outcome: Outcome) -> Outcome {
        (self.listener)(Event::Error(CellError {
            kind,
            name: name.to_owned(),
            message: format!("{name} happened"),
            diagnostics: Vec::new(),
            backtrace: Vec::new(),
            rendered: format!("error: {name} happened"),
        }));
        outcome
    }
}

impl Engine for Scripted {
    fn execute(&mut self, cell: &Cell) -> Outcome {
        self.seen.lock().unwrap().executed.push(cell.clone());
        cell.source.lines().find_map(|order| self.order(order)).unwrap_or(Outcome::Completed)
    }

    fn prepare(&mut self, sources: Vec<String>) {
        self.seen.lock().unwrap().prepared.push(sources);
    }

    fn check(&mut self, _: &str) -> Vec<Diagnostic> {
        Vec::new()
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings::default()
    }

    fn variables(&self) -> Vec<Variable> {
        Vec::new()
    }

    fn forget(&mut self, _: &str) -> bool {
        false
    }

    fn restart(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn back(&mut self, _: usize) -> Result<Back, EngineError> {
        Err(EngineError::new("there is no way back"))
    }

    fn interrupter(&self) -> Interrupter {
        let interrupted = Arc::clone(&self.interrupted);
        Interrupter::new(move || {
            *interrupted.0.lock().unwrap() = true;
            interrupted.1.notify_all();
        })
    }

    fn input(&self) -> Input {
        let replies = Arc::clone(&self.replies);
        Input::new(move |line| {
            replies.0.lock().unwrap().push_back(line.map(str::to_owned));
            replies.1.notify_all();
        })
    }
}

/// A run of cells, each with its tags and its orders.
struct Trial {
    folder: tempfile::TempDir,
    desk: Arc<Desk>,
    watch: Arc<Watch>,
    seen: Arc<Mutex<Seen>>,
    stop_on_error: bool,
}

impl Trial {
    fn new(limit: Option<Duration>) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            desk: Arc::new(Desk::new(CellProgress::start(&Session::new(true, true, Colour::Never)))),
            watch: Arc::new(Watch::new(limit)),
            seen: Arc::default(),
            stop_on_error: false,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("n.ipynb")
    }

    fn run(&self, cells: &[(CellKind, &str, &str)]) -> Report {
        let cells = cells.iter().map(|(kind, tags, text)| {
            (*kind, (*text).to_owned(), tags.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        });
        Notebook::new(cells.collect(), Map::new()).write(self.path()).unwrap();
        let notebook = SavedNotebook::in_place(Notebook::read(self.path()).unwrap(), &self.path());
        let desk = Arc::clone(&self.desk);
        let engine = Scripted {
            listener: Arc::new(move |event| desk.hear(&event)),
            seen: Arc::clone(&self.seen),
            interrupted: Arc::default(),
            replies: Arc::default(),
        };
        let stop_on_error = self.stop_on_error;
        Execution { engine: Box::new(engine), desk: &self.desk, watch: &self.watch, stop_on_error }.run(notebook)
    }

    fn outputs(&self) -> Vec<Value> {
        Notebook::read(self.path()).unwrap().cells().iter().map(|cell| Value::from(cell.outputs())).collect()
    }
}

fn code(text: &str) -> (CellKind, &str, &str) {
    (CellKind::Code, "", text)
}

fn ends(report: &Report) -> Vec<(&str, &End)> {
    report.cells.iter().map(|cell| (cell.cell.as_str(), &cell.end)).collect()
}

fn printed(text: &str) -> Value {
    json!({"name": "stdout", "output_type": "stream", "text": [text]})
}

#[test]
fn every_code_cell_runs_in_order_and_its_outputs_are_kept() {
    let trial = Trial::new(None);
    let cells = [
        (CellKind::Markdown, "", "print no"),
        code("print one\nresult 1"),
        (CellKind::Raw, "", "print no"),
        code("  \n"),
        (CellKind::Code, "skip", "print two"),
    ];
    let report = trial.run(&cells);
    assert_eq!(ends(&report), [("2", &End::Good), ("5", &End::Good)]);
    assert_eq!((report.stopped, report.left, report.kept.problem), (None, 0, None));
    let result =
        json!({"data": {"text/plain": ["1"]}, "execution_count": 1, "metadata": {}, "output_type": "execute_result"});
    assert_eq!(
        trial.outputs(),
        [json!([]), json!([printed("one\n"), result]), json!([]), json!([]), json!([printed("two\n")])]
    );
    let counts: Vec<_> =
        Notebook::read(trial.path()).unwrap().cells().iter().map(|cell| cell.execution_count).collect();
    assert_eq!(counts, [None, Some(1), None, None, Some(2)]);
    assert_eq!(trial.seen.lock().unwrap().prepared, [vec!["print two".to_owned()], Vec::new()]);
}

#[test]
fn after_an_error_the_next_cell_runs_unless_it_shall_not() {
    let cells = [(CellKind::Code, "raises-exception", "error A"), code("error B"), code("print after")];
    let trial = Trial::new(None);
    let report = trial.run(&cells);
    let (allowed, failed) = (End::Allowed("A happened".to_owned()), End::Failed("B happened".to_owned()));
    assert_eq!(ends(&report), [("1", &allowed), ("2", &failed), ("3", &End::Good)]);
    assert_eq!(report.stopped, None);
    let error =
        json!({"ename": "B", "evalue": "B happened", "output_type": "error", "traceback": ["error: B happened"]});
    assert_eq!(trial.outputs()[1], json!([error]));

    let trial = Trial { stop_on_error: true, ..Trial::new(None) };
    let report = trial.run(&cells);
    assert_eq!(ends(&report), [("1", &allowed), ("2", &failed)]);
    assert_eq!((report.stopped, report.left), (Some(Stopped::Error), 1));
    let report = Trial::new(None).run(&[code("print a\nquit"), code("print b")]);
    assert_eq!((report.stopped, report.left), (Some(Stopped::Quit), 1));
}

#[test]
fn a_cell_that_takes_too_long_is_ended_and_the_next_one_runs() {
    let trial = Trial::new(Some(Duration::from_millis(50)));
    let report = trial.run(&[code("print before\nwait"), code("print after")]);
    let why = "the cell ran longer than 0.05 s and was ended (--timeout)";
    assert_eq!(ends(&report), [("1", &End::Failed(why.to_owned())), ("2", &End::Good)]);
    assert_eq!(trial.outputs()[0][1]["ename"], "timeout");
}

#[test]
fn ctrl_c_ends_the_cell_and_the_run_and_what_was_put_out_is_kept() {
    let trial = Trial::new(None);
    let (watch, seen) = (Arc::clone(&trial.watch), Arc::clone(&trial.seen));
    let user = thread::spawn(move || {
        while seen.lock().unwrap().executed.len() < 2 {
            thread::yield_now();
        }
        watch.stop();
    });
    let report = trial.run(&[code("print one"), code("print before\nwait"), code("print never")]);
    user.join().unwrap();
    assert_eq!(ends(&report), [("1", &End::Good), ("2", &End::Interrupted)]);
    assert_eq!((report.stopped, report.left), (Some(Stopped::Interrupted), 1));
    let outputs = trial.outputs();
    assert_eq!((&outputs[1][0], &outputs[1][1]["ename"]), (&printed("before\n"), &json!("interrupted")));
    assert_eq!(outputs[2], json!([]));
}

#[test]
fn who_asks_for_input_hears_that_there_is_none() {
    let trial = Trial::new(None);
    let report = trial.run(&[code("input\nprint after")]);
    assert_eq!(ends(&report), [("1", &End::Good)]);
    let outputs = &trial.outputs()[0];
    assert!(outputs[0]["text"][0].as_str().unwrap().contains("has nobody to ask"), "{outputs}");
    assert_eq!(outputs[1]["text"], json!(["None\n", "after\n"]));
}
