//! The machine that is measured on, and the memory of processes, as `/proc` tells.

use std::path::Path;
use std::process::Command;
use std::{fs, process, thread};

use super::session::Result;

/// Cores, memory, compiler and load, in the words of the report.
pub fn lines(load_before: &str) -> Vec<String> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| "unknown memory".to_owned(), |kibibytes| format!("{:.0} GiB", kibibytes / 1024.0 / 1024.0));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let mut lines = vec![
        format!("{cores} cores of {model}, {memory}, Linux {}", kernel.trim()),
        rustc.unwrap_or_else(|error| format!("rustc cannot be asked for its version: {error}")),
        format!("load averages before: {load_before}; after: {}", load()),
    ];
    if cfg!(debug_assertions) {
        lines.push("**a build for debugging: these are no figures**".to_owned());
    }
    lines
}

/// The load averages of the last 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(", ")
}

/// The bytes that this process and its descendants have in memory; what several share, each has its part of.
pub fn memory_of_family() -> Result<u64> {
    let (mut open, mut bytes) = (vec![process::id()], 0);
    while let Some(pid) = open.pop() {
        let rollup = format!("/proc/{pid}/smaps_rollup");
        let size = field(&rollup, "Pss").and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        match size {
            Some(kibibytes) => bytes += kibibytes * 1024,
            // A process may end at any time; the figure is wrong only if it is still there.
            None if Path::new(&rollup).exists() => return Err(format!("{rollup} does not tell the memory").into()),
            None => {}
        }
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            open.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    Ok(bytes)
}

/// What follows the name and the colon in a file of `/proc`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(found, _)| found.trim() == name)?;
    Some(value.trim().to_owned())
}
