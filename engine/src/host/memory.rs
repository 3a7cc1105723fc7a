//! How much memory processes use, as `/proc` tells.

use std::fs;

/// The bytes of a process and its descendants that are in memory; those of `spare` and below are not counted.
pub(super) fn resident(pid: u32, spare: &[u32]) -> u64 {
    family(pid, spare).into_iter().map(resident_of).sum()
}

/// The same, but memory that processes share is counted once, each having its part of it.
pub(super) fn proportional(pid: u32) -> u64 {
    family(pid, &[]).into_iter().map(proportional_of).sum()
}

/// Whether the machine has little memory left: less than a tenth of what it has.
pub(super) fn is_scarce() -> bool {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
    };
    field("MemTotal").zip(field("MemAvailable")).is_some_and(|(total, available)| available < total / 10)
}

/// The names of a process's threads but its first.
pub(super) fn threads(pid: u32) -> Vec<String> {
    tasks(pid)
        .into_iter()
        .filter(|task| *task != pid)
        .filter_map(|task| fs::read_to_string(format!("/proc/{pid}/task/{task}/comm")).ok())
        .map(|name| name.trim_end_matches('\n').to_owned())
        .collect()
}

fn resident_of(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages: u64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

fn proportional_of(pid: u32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { return resident_of(pid) };
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let size = line.and_then(|line| line.split_whitespace().next()).and_then(|size| size.parse::<u64>().ok());
    size.map_or_else(|| resident_of(pid), |size| size * 1024)
}

fn family(pid: u32, spare: &[u32]) -> Vec<u32> {
    let (mut found, mut open) = (Vec::new(), vec![pid]);
    while let Some(pid) = open.pop() {
        if spare.contains(&pid) || found.contains(&pid) {
            continue;
        }
        found.push(pid);
        for task in tasks(pid) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{task}/children")).unwrap_or_default();
            open.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found
}

fn tasks(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
