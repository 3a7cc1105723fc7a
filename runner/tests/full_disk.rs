//! A disk that gets full while a step runs.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxikale_runner::{State, Store};
use support::{Bench, pipeline, step};

/// A small file system of its own, where this user may make one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_fails_the_step_with_that_reason_and_loses_nothing() {
    let mut bench = Bench::new();
    let Some(disk) = SmallDisk::new(&bench.path("disk"), "4m") else {
        println!("skipped: this user cannot mount a small file system");
        return;
    };
    bench.options.data_dir = disk.0.clone();
    let ir = pipeline(&[
        step("first", "echo kept"),
        step("loud", "yes | head -c 50000000").after("first"),
        step("last", "true").after("loud"),
    ]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Failed);
    let why = run.why.unwrap();
    assert!(why.contains("No space left on device"), "{why}");

    let store = Store::open(&bench.options.data_dir).unwrap();
    let runs = store.runs(10).unwrap();
    assert_eq!(runs.len(), 1);
    let steps = store.steps(&run.id).unwrap();
    assert_eq!((steps[0].task.as_str(), steps[0].state), ("first", State::Succeeded));
    let why = steps[1].why.as_ref().map(|why| why.message.as_str()).unwrap_or_default();
    assert_eq!(steps[1].state, State::Failed, "{:?}", steps[1]);
    assert!(why.contains("No space left on device"), "{why}");
    assert_eq!((steps[2].state, runs[0].state), (State::Skipped, State::Failed));
    let log = store.log(&run.id, "first").unwrap();
    assert_eq!(fs::read_to_string(log.path()).unwrap(), "kept\n");
    drop(store);

    // Another run on the full disk is refused or fails, but ends.
    if let Ok(again) = bench.run(&ir) {
        assert_ne!(again.state, State::Succeeded);
    }

    // With space again everything goes on.
    for entry in fs::read_dir(disk.0.join("runs")).unwrap() {
        let log = entry.unwrap().path().join("loud/log.txt");
        if log.exists() {
            fs::write(log, "").unwrap();
        }
    }
    let run = bench.run(&pipeline(&[step("one", "true")])).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
}
