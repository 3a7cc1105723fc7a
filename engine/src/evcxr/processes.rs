//! Ends processes with all that they have started.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Ends a process of the user's code, and whatever it has started.
pub(super) fn end_runner(runner: i32) {
    let started = descendants(runner);
    end_group(runner);
    end(&[runner]);
    end(&started);
}

/// Ends what belongs to the process group that a process of the user's code has led.
pub(super) fn end_group(runner: i32) {
    if let Some(group) = Pid::from_raw(runner) {
        // It may be gone already.
        _ = kill_process_group(group, Signal::KILL);
    }
}

/// Ends the processes that `process` has started, and theirs, but for `spared` and theirs. Says whether there were any.
pub(super) fn end_descendants(process: i32, spared: Option<i32>) -> bool {
    let mut all = descendants(process);
    if let Some(spared) = spared {
        let below = descendants(spared);
        all.retain(|pid| *pid != spared && !below.contains(pid));
    }
    end(&all);
    !all.is_empty()
}

fn end(processes: &[i32]) {
    for pid in processes.iter().filter_map(|process| Pid::from_raw(*process)) {
        _ = kill_process(pid, Signal::KILL);
    }
}

/// All that `process` has started, and what that has started. Empty where there is no `/proc`.
fn descendants(process: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // `PID (NAME) STATE PARENT …`; the name may hold anything.
        let Some((state, rest)) = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split_once(' ')) else { continue };
        // What has ended, and nobody has asked how, has no children any more.
        if state == "Z" {
            continue;
        }
        let parent = rest.split_whitespace().next().and_then(|parent| parent.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![process];
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(child);
            next.push(child);
        }
    }
    found
}
