//! The engine over evcxr. This program is its own server, relay and runner, so it has a `main` of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, thread};

use libtest_mimic::{Arguments, Trial};
use oxikale_engine::evcxr::{self, EvcxrEngine, Options};
use oxikale_engine::{Cell, CellError, Engine, ErrorKind, Event, Listener, Outcome, Stream};
use serde_json::{Map, Value};

/// The argument of the process that is killed while it runs a cell.
const VICTIM: &str = "victim";
/// More than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(10);

fn main() -> ExitCode {
    evcxr::runtime_hook();
    match env::args().nth(1).as_deref() {
        Some(evcxr::ARGUMENT) => evcxr::serve(),
        Some(VICTIM) => victim(),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    // Each session is a rust-analyzer with half a gigabyte of memory.
    arguments.test_threads.get_or_insert(2);
    let trials = vec![
        trial("cells", cells),
        trial("ends_of_the_process", ends_of_the_process),
        trial("interrupts", interrupts),
        trial("interrupted_builds_keep_variables", interrupted_builds_keep_variables),
        trial("a_server_that_dies_is_started_again", a_server_that_dies_is_started_again),
        trial("nothing_outlives_a_killed_engine", nothing_outlives_a_killed_engine),
        trial("nothing_outlives_an_engine_killed_at_its_start", nothing_outlives_an_engine_killed_at_its_start),
        trial("wrong_programs_are_told", wrong_programs_are_told),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// A session and the events since the last look.
struct Session {
    engine: EvcxrEngine,
    events: Arc<Mutex<Vec<Event>>>,
    arrived: Receiver<()>,
    cells: usize,
    folder: tempfile::TempDir,
}

/// What a cell did.
struct Ran {
    outcome: Outcome,
    events: Vec<Event>,
}

impl Session {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let (sender, arrived) = mpsc::channel();
        let listener: Listener = Arc::new({
            let events = Arc::clone(&events);
            move |event| {
                events.lock().unwrap().push(event);
                _ = sender.send(());
            }
        });
        let options = Options { folder: folder.path().to_owned(), ..Options::default() };
        let engine = EvcxrEngine::start(options, listener).unwrap();
        Self { engine, events, arrived, cells: 0, folder }
    }

    fn run(&mut self, source: &str) -> Ran {
        self.cells += 1;
        let outcome = self.engine.execute(&Cell { source: source.to_owned(), name: self.cells.to_string() });
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        Ran { outcome, events }
    }

    /// Runs a cell, and interrupts it once `when` holds.
    fn interrupt(&mut self, source: &str, when: impl Fn() -> bool + Send) -> Ran {
        let interrupter = self.engine.interrupter();
        thread::scope(|scope| {
            scope.spawn(|| {
                wait_until("the cell is under way", when);
                interrupter.interrupt();
            });
            self.run(source)
        })
    }

    /// `name: type of cell`, with `mut` before what is mutable.
    fn variables(&self) -> Vec<String> {
        let told = self.engine.variables().into_iter().map(|variable| {
            let mutable = if variable.mutable { "mut " } else { "" };
            format!("{mutable}{}: {} of {}", variable.name, variable.type_name, variable.cell)
        });
        told.collect()
    }
}

impl Ran {
    fn completed(&self) -> &Self {
        assert_eq!(self.outcome, Outcome::Completed, "{:#?}", self.events);
        self
    }

    fn result(&self) -> &Map<String, Value> {
        let found =
            self.events.iter().find_map(|event| if let Event::Result { data } = event { Some(data) } else { None });
        found.unwrap_or_else(|| panic!("no result: {:#?}", self.events))
    }

    fn error(&self) -> &CellError {
        let found =
            self.events.iter().find_map(|event| if let Event::Error(error) = event { Some(error) } else { None });
        found.unwrap_or_else(|| panic!("no error: {:#?}", self.events))
    }

    fn text(&self, wanted: Stream) -> String {
        let mut text = Vec::new();
        for event in &self.events {
            if let Event::Text { stream, bytes } = event
                && *stream == wanted
            {
                text.extend_from_slice(bytes);
            }
        }
        String::from_utf8(text).unwrap()
    }

    fn notices(&self) -> String {
        let told =
            self.events.iter().filter_map(|event| if let Event::Notice(text) = event { Some(&**text) } else { None });
        told.collect::<Vec<_>>().join("\n")
    }
}

fn cells() {
    let mut session = Session::start();
    session.run("let x = 2;\nlet mut names = vec![\"a\"];").completed();
    assert_eq!(session.variables(), ["x: i32 of 1", "mut names: Vec<&str> of 1"]);

    let ran = session.run("x + 40");
    assert_eq!(ran.completed().result()["text/plain"], "42");
    assert!(matches!(ran.events.last(), Some(Event::Timing { run, .. }) if *run < LIMIT), "{:#?}", ran.events);

    let ran = session.run("println!()");
    assert!(!ran.completed().events.iter().any(|event| matches!(event, Event::Result { .. })), "{:#?}", ran.events);
    session.cells -= 1;

    let ran = session.run("names.push(\"b\"); println!(\"{names:?}\"); eprint!(\"half a line\"); let x = x as f64;");
    assert_eq!(ran.completed().text(Stream::Stdout), "[\"a\", \"b\"]\n");
    assert_eq!(ran.text(Stream::Stderr), "half a line");
    assert_eq!(session.variables(), ["mut names: Vec<&str> of 1", "x: f64 of 3"]);

    let source = "let ä = 1;\nlet y: i32 = \"text\";";
    let ran = session.run(source);
    assert_eq!(ran.outcome, Outcome::Failed);
    let error = ran.error();
    assert_eq!(
        (error.kind, error.name.as_str(), error.message.as_str()),
        (ErrorKind::Compile, "E0308", "mismatched types")
    );
    let span = error.diagnostics[0].spans.iter().find(|span| span.primary).unwrap();
    assert_eq!((&source[span.start..span.end], span.line, span.column), ("\"text\"", 2, 14));
    assert!(error.rendered.contains("cell 4:2:14"), "{}", error.rendered);

    let error = session.run(":nonsense").error().clone();
    assert_eq!(error.kind, ErrorKind::Directive, "{error:?}");
    assert!(error.message.contains(":nonsense"), "{error:?}");
    assert_eq!(session.run(":dep ./no/such/crate").error().kind, ErrorKind::Dependency);
    let ran = session.run(":opt 1");
    assert!(ran.completed().events.iter().any(|event| matches!(event, Event::Display { .. })), "{:#?}", ran.events);

    let ran = session.run("println!(\"before\");\nlet z = 1;\nif true { panic!(\"at the {}\", \"end\") }");
    assert_eq!(ran.outcome, Outcome::Failed);
    let error = ran.error();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Panic, "at the end"));
    assert_eq!((error.backtrace[0].cell.as_str(), error.backtrace[0].line, error.backtrace[0].column), ("8", 3, 11));
    assert_eq!(ran.text(Stream::Stdout), "before\n");
    assert_eq!(ran.text(Stream::Stderr), "");
    assert!(session.variables().contains(&"x: f64 of 3".to_owned()), "{:?}", session.variables());

    let ran = session.run("_ = std::panic::catch_unwind(|| panic!(\"caught\")); 7");
    assert_eq!(ran.completed().result()["text/plain"], "7");
    assert!(ran.text(Stream::Stderr).contains("caught"), "{:#?}", ran.events);

    let ran = session.run("let n = \"a\".parse::<i32>()?;");
    assert_eq!(ran.outcome, Outcome::Failed);
    assert_eq!(ran.error().kind, ErrorKind::Error);
    assert_eq!(ran.error().message, "`?` met an error: invalid digit found in string");

    let ran = session.run(
        "println!(\"EVCXR_BEGIN_CONTENT text/html\\n<b>\\n</b>\\nEVCXR_END_CONTENT\");\n\
         println!(\"EVCXR_BEGIN_CONTENT application/json\\n[1]\\nEVCXR_END_CONTENT\");",
    );
    assert_eq!(ran.completed().result()["text/html"], "<b>\n</b>");
    assert_eq!(ran.result()["application/json"], serde_json::json!([1]));
    assert_eq!(ran.text(Stream::Stdout), "");

    input(&mut session);
    background_output(&mut session);

    let before = session.variables();
    let found = session.engine.check("let w = undefined;");
    assert_eq!(found[0].code.as_deref(), Some("E0425"), "{found:?}");
    assert_eq!(session.variables(), before);

    assert!(session.engine.forget("names"));
    assert!(!session.engine.forget("names"));
    assert_eq!(session.run("names").error().name, "E0425");

    let error = session.engine.back(1).unwrap_err();
    assert!(error.message.contains("no checkpoints"), "{error}");

    session.engine.restart().unwrap();
    assert!(session.variables().is_empty());
    assert_eq!(session.run("x").error().name, "E0425");
    session.run("let x = 5;").completed();
    assert_eq!(session.run("x * x").completed().result()["text/plain"], "25");
}

/// evcxr's own way to ask: a line for the engine, and the answer on the standard input.
fn input(session: &mut Session) {
    let input = session.engine.input();
    let events = Arc::clone(&session.events);
    let ran = thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the cell asks", || {
                let asked = |event: &Event| {
                    matches!(event, Event::Input { prompt, password } if prompt == "Your name" && !password)
                };
                events.lock().unwrap().iter().any(asked)
            });
            input.reply(Some("Ada"));
        });
        session.run(
            "println!(\"EVCXR_INPUT_REQUEST:Your name\");\nlet mut line = String::new();\n\
             std::io::stdin().read_line(&mut line)?;\nline.trim().to_owned()",
        )
    });
    assert_eq!(ran.completed().result()["text/plain"], "\"Ada\"");
}

/// A thread goes on when its cell has ended; what it writes comes between cells.
fn background_output(session: &mut Session) {
    let gate = session.folder.path().join("gate");
    let source = format!(
        "std::thread::spawn(|| {{ while !std::path::Path::new({gate:?}).exists() {{ std::thread::yield_now() }} println!(\"later\") }});"
    );
    session.run(&source).completed();
    while session.arrived.try_recv().is_ok() {}
    fs::write(&gate, "").unwrap();
    session.arrived.recv_timeout(LIMIT).unwrap();
    let events = std::mem::take(&mut *session.events.lock().unwrap());
    assert_eq!(events, [Event::Text { stream: Stream::Stdout, bytes: b"later\n".to_vec() }]);
}

fn ends_of_the_process() {
    let mut session = Session::start();
    session.run("let kept = 1;").completed();
    let ran = session.run("println!(\"last\"); std::process::exit(3)");
    assert_eq!((ran.error().kind, ran.error().name.as_str()), (ErrorKind::Crash, "exit"));
    assert!(ran.error().message.contains("exit code 3"), "{:?}", ran.error());
    assert_eq!(ran.text(Stream::Stdout), "last\n");
    assert!(ran.notices().contains("`kept`"), "{}", ran.notices());
    assert!(session.variables().is_empty());

    session.run("let again = 2;").completed();
    let ran = session.run("unsafe { *(8 as *mut u8) = 1 }");
    assert_eq!((ran.error().kind, ran.error().name.as_str()), (ErrorKind::Crash, "SIGSEGV"));
    let ran = session.run("std::process::abort()");
    assert_eq!(ran.error().name, "SIGABRT");

    // The process that holds the variables dies while nothing runs.
    let ran = session.run("let lost = 3; std::process::id()");
    let runner = ran.completed().result()["text/plain"].as_str().unwrap().to_owned();
    kill(&runner);
    wait_until("the runner is gone", || !is_alive(&runner));
    let ran = session.run("1 + 1");
    assert_eq!(ran.completed().result()["text/plain"], "2");
    assert!(ran.notices().contains("between two cells"), "{}", ran.notices());
    assert!(session.variables().is_empty(), "{:?}", session.variables());

    session.run("let x = 1;").completed();
    session.run(":restart").completed();
    assert!(session.variables().is_empty(), "{:?}", session.variables());
    assert_eq!(session.run("1 + 2").completed().result()["text/plain"], "3");

    assert_eq!(session.run(":quit").outcome, Outcome::Quit);
    assert_eq!(session.run("2 + 2").completed().result()["text/plain"], "4");
}

fn interrupts() {
    let mut session = Session::start();
    // Before evcxr is ready.
    let events = Arc::clone(&session.events);
    let starting = || events.lock().unwrap().iter().any(|event| matches!(event, Event::Progress(_)));
    let ran = session.interrupt("1", starting);
    assert_eq!(ran.outcome, Outcome::Interrupted);

    session.run("let x = 1;").completed();
    let mark = session.folder.path().join("child");
    let source = format!(
        "std::fs::write({mark:?}, \"\")?;\n\
         let mut child = std::process::Command::new(\"sleep\").arg(\"86399\").spawn()?;\n\
         std::fs::write({mark:?}, format!(\"{{}} \", child.id()))?;\nloop {{}}"
    );
    let pid = || fs::read_to_string(&mark).ok().and_then(|text| text.strip_suffix(' ').map(str::to_owned));
    let ran = session.interrupt(&source, || pid().is_some());
    assert_eq!(ran.outcome, Outcome::Interrupted);
    assert_eq!((ran.error().kind, ran.error().name.as_str()), (ErrorKind::Interrupted, "interrupted"));
    assert!(ran.notices().contains("`x`"), "{}", ran.notices());
    let child = pid().unwrap();
    wait_until("its child is gone", || !is_alive(&child));

    // Nothing runs: nothing is ended.
    session.run("let y = 2;").completed();
    session.engine.interrupter().interrupt();
    assert_eq!(session.run("y").completed().result()["text/plain"], "2");
}

fn interrupted_builds_keep_variables() {
    let mut session = Session::start();
    session.run("let x = 1;").completed();
    let krate = session.folder.path().join("endless");
    fs::create_dir_all(krate.join("src")).unwrap();
    fs::write(krate.join("Cargo.toml"), "[package]\nname = \"endless\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .unwrap();
    fs::write(krate.join("src/lib.rs"), "").unwrap();
    let mark = session.folder.path().join("building");
    let build = format!(
        "fn main() {{ std::fs::write({mark:?}, format!(\"{{}} \", std::process::id())).unwrap(); loop {{ std::thread::park() }} }}"
    );
    fs::write(krate.join("build.rs"), build).unwrap();
    let pid = || fs::read_to_string(&mark).ok().and_then(|text| text.strip_suffix(' ').map(str::to_owned));
    let ran = session.interrupt(&format!(":dep endless = {{ path = {krate:?} }}\n1"), || pid().is_some());
    assert_eq!(ran.outcome, Outcome::Interrupted, "{:#?}", ran.events);
    let build = pid().unwrap();
    wait_until("the build script is gone", || !is_alive(&build));
    assert_eq!(session.run("x").completed().result()["text/plain"], "1");
}

fn a_server_that_dies_is_started_again() {
    let mut session = Session::start();
    session.run("let x = 1;").completed();
    let ran = session.run("std::os::unix::process::parent_id()");
    let relay = ran.completed().result()["text/plain"].as_str().unwrap().to_owned();
    let server = parent(&relay).unwrap();
    kill(&server);
    let ran = session.run("x");
    assert_eq!(ran.outcome, Outcome::Failed);
    assert_eq!(ran.error().kind, ErrorKind::Internal);
    assert!(ran.error().message.contains("signal: 9"), "{:?}", ran.error());
    assert!(ran.notices().contains("run the cells that define them again"), "{}", ran.notices());
    wait_until("the relay is gone", || !is_alive(&relay));
    assert_eq!(session.run("2 + 2").completed().result()["text/plain"], "4");
}

fn nothing_outlives_a_killed_engine() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pids");
    let mut victim = Command::new(env::current_exe().unwrap())
        .arg(VICTIM)
        .arg(&mark)
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let pids = || fs::read_to_string(&mark).ok().and_then(|text| text.strip_suffix('\n').map(str::to_owned));
    wait_until("the victim's cell runs", || pids().is_some());
    let pids = pids().unwrap();
    let mut pids: Vec<String> = pids.split(' ').map(str::to_owned).collect();
    pids.push(parent(&pids[1]).unwrap());
    assert!(pids.iter().all(|pid| is_alive(pid)), "{pids:?}");
    assert!(!sessions(folder.path()).is_empty());
    victim.kill().unwrap();
    victim.wait().unwrap();
    for pid in &pids {
        wait_until("the victim's processes are gone", || !is_alive(pid));
    }
    wait_until("the victim's folder is gone", || sessions(folder.path()).is_empty());
}

/// evcxr compiles a first cell of its own before it is ready.
fn nothing_outlives_an_engine_killed_at_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = Command::new(env::current_exe().unwrap())
        .arg(VICTIM)
        .arg(folder.path().join("pids"))
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let builds = || sessions(folder.path()).iter().any(|session| session.join("build/target").exists());
    wait_until("evcxr compiles", builds);
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_until("the victim's folder is gone", || sessions(folder.path()).is_empty());
    wait_until("the victim's processes are gone", || {
        let environments = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("environ"));
        let name = folder.path().as_os_str().as_encoded_bytes();
        let mentions = |text: Vec<u8>| text.windows(name.len()).any(|window| window == name);
        !environments.flat_map(fs::read).any(mentions)
    });
    assert!(sessions(folder.path()).is_empty());
}

/// Runs a cell that never ends, and writes down the processes of the runner, of the relay and of a child of the cell.
fn victim() -> ! {
    let mark = PathBuf::from(env::args_os().nth(2).expect("a file"));
    let mut engine = EvcxrEngine::start(Options::default(), Arc::new(|_| {})).unwrap();
    let part = mark.with_extension("part");
    let source = format!(
        "let child = std::process::Command::new(\"sleep\").arg(\"86398\").spawn()?;\n\
         let pids = format!(\"{{}} {{}} {{}}\\n\", std::process::id(), std::os::unix::process::parent_id(), child.id());\n\
         std::fs::write({part:?}, pids)?;\nstd::fs::rename({part:?}, {mark:?})?;\nloop {{}}"
    );
    let outcome = engine.execute(&Cell { source, name: "1".to_owned() });
    panic!("the cell ended: {outcome:?}");
}

fn wrong_programs_are_told() {
    let start = |executable: &str| {
        let options = Options { executable: Some(executable.into()), ..Options::default() };
        EvcxrEngine::start(options, Arc::new(|_| {}))
    };
    let error = start("/no/such/program").err().unwrap();
    assert!(error.message.contains("/no/such/program"), "{error}");
    // A program that ends at once, and does not serve.
    let mut engine = start("false").ok().unwrap();
    assert_eq!(engine.execute(&Cell::default()), Outcome::Failed);
    let output = Command::new(env::current_exe().unwrap()).arg(evcxr::ARGUMENT).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is for the engine"), "{said}");
}

fn sessions(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

/// Whether a process is there and no zombie.
fn is_alive(pid: &str) -> bool {
    stat(pid).is_some_and(|stat| !stat.starts_with('Z'))
}

fn parent(pid: &str) -> Option<String> {
    stat(pid)?.split(' ').nth(1).map(str::to_owned)
}

/// The state of a process, its parent, and more.
fn stat(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned())
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "it never came to that {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
