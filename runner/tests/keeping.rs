//! The store: what is found again, by whom, and what happens when something is wrong with it.

mod support;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use oxikale_runner::{Cancel, Options, State, Store, StoreError};
use support::{Bench, lives, pipeline, step, wait_until};

#[test]
fn runs_are_found_by_id_by_its_start_and_as_the_latest() {
    let mut bench = Bench::new();
    let ir = pipeline(&[step("one", "true")]);
    assert_eq!(bench.store().run("latest").unwrap_err().to_string(), "there is no run yet");
    bench.options.run_name = Some("first try".to_owned());
    let first = bench.run(&ir).unwrap();
    bench.options.run_name = None;
    let second = bench.run(&ir).unwrap();
    let store = bench.store();
    let stored = store.run(&first.id).unwrap();
    assert_eq!(oxikale_runner::RunRecord { ended_ms: first.ended_ms, ..stored }, first);
    assert_eq!(first.name.as_deref(), Some("first try"));
    assert_eq!(store.run("latest").unwrap().id, second.id);
    assert_eq!(store.runs(10).unwrap().iter().map(|run| &run.id).collect::<Vec<_>>(), [&second.id, &first.id]);
    assert_eq!(store.runs(1).unwrap().len(), 1);
    assert!(matches!(store.run("test-2"), Err(StoreError::Ambiguous { candidates, .. }) if candidates.len() == 2));
    for wanted in ["nothing", "", "%", "test_"] {
        assert!(matches!(store.run(wanted), Err(StoreError::NoRun { .. })), "{wanted}");
    }
    let error = store.log(&first.id, "two").unwrap_err().to_string();
    assert!(error.ends_with("has no step `two`; it has `one`"), "{error}");
}

#[test]
fn several_processes_and_threads_use_one_store_at_once() {
    let bench = Bench::new();
    let ir = pipeline(&[step("a", "echo a"), step("b", "echo b").after("a"), step("c", "echo c").after("a")]);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let run = oxikale_runner::run(&ir, &bench.options, &Cancel::new(), &mut |_| {}).unwrap();
                assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                bench.store().runs(100).unwrap();
            }
        });
    });
    let runs = bench.store().runs(100).unwrap();
    assert_eq!(runs.len(), 8);
    for run in runs {
        let steps = bench.store().steps(&run.id).unwrap();
        assert!(steps.iter().all(|step| step.state == State::Succeeded), "{steps:?}");
    }
}

/// Is no test: with the variable set, it is the process that the test below kills.
#[test]
fn runner_process() {
    let Some(folder) = std::env::var_os("OXIKALE_TEST_RUNNER").map(PathBuf::from) else { return };
    let script = |name: &str| {
        let file = folder.join(name);
        format!(
            "echo $$ > {0}.leader; echo so far; setsid sleep 1000 & echo $! > {0}.part; mv {0}.part {0}; wait",
            file.display()
        )
    };
    let ir = pipeline(&[step("a", &script("a")), step("b", &script("b")), step("c", "true").after("a")]);
    let options = Options { data_dir: folder.join("data"), cores: Some(4), ..Options::default() };
    let _ = oxikale_runner::run(&ir, &options, &Cancel::new(), &mut |_| {});
}

#[test]
fn a_killed_runner_takes_its_steps_along_and_leaves_a_readable_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "runner_process"])
        .env("OXIKALE_TEST_RUNNER", folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let files = ["a", "b"].map(|name| folder.path().join(name));
    wait_until("both steps run", || files.iter().all(|file| file.exists()));
    let store = Store::open(&folder.path().join("data")).unwrap();
    let run = store.run("latest").unwrap();
    assert_eq!(run.state, State::Running);
    assert_eq!(store.steps(&run.id).unwrap()[0].state, State::Running);
    runner.kill().unwrap();
    assert_eq!(runner.wait().unwrap().signal(), Some(9));
    for name in ["a", "a.leader", "b", "b.leader"] {
        wait_until(name, || !lives(&folder.path().join(name)));
    }
    let run = store.run("latest").unwrap();
    assert_eq!((run.state, run.ended_ms), (State::Interrupted, None));
    let steps = store.steps(&run.id).unwrap();
    assert!(steps.iter().all(|step| step.state == State::Interrupted), "{steps:?}");
    let log = fs::read_to_string(store.log(&run.id, "a").unwrap().path()).unwrap();
    assert_eq!(log, "so far\n");
}

#[test]
fn a_damaged_database_is_named_and_left_alone() {
    let mut bench = Bench::new();
    let ir = pipeline(&[step("one", "true")]);
    bench.run(&ir).unwrap();
    let path = bench.store().path();
    let whole = fs::read(&path).unwrap();
    let mut torn = whole.clone();
    let quarter = torn.len() / 4;
    torn[100..quarter].fill(0xa5);
    for damaged in [b"this is no database, but it is long enough to be looked at".repeat(40), torn] {
        fs::write(&path, &damaged).unwrap();
        let opened = Store::open(&bench.options.data_dir).and_then(|store| store.runs(10));
        let error = opened.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()) && text.contains("Move it"), "{text}");
        assert!(bench.run(&ir).is_err());
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[test]
fn a_database_of_the_future_is_refused() {
    let bench = Bench::new();
    let path = bench.store().path();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let error = Store::open(&bench.options.data_dir).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 1000, .. }), "{error}");
}

#[test]
fn secrets_are_written_nowhere() {
    let mut bench = Bench::new();
    // A variable that every process has; its value must not be in any file of the data folder.
    let settings = serde_json::json!({"secretAsEnv": [{
        "secretName": "s", "secretNameParameter": {"runtimeValue": {"constant": "s"}}, "optional": false,
        "keyToEnv": [{"envVar": "CARGO_MANIFEST_DIR", "secretKey": "k"}],
    }]});
    let secret = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let run = bench.run(&pipeline(&[step("one", "test -n \"$CARGO_MANIFEST_DIR\"").kubernetes(settings)])).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let mut folders = vec![bench.options.data_dir.clone()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
        }
    }
    assert!(files >= 4);
}
