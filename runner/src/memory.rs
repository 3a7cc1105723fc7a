//! Watches how much memory the process groups of a run have, and ends one that has more than its limit.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::param::page_size;

use crate::cancel::kill;

/// Soon after a step's start it is looked at this often, then less and less.
const SHORTEST: Duration = Duration::from_millis(10);

/// The longest time between two looks while steps run.
const LONGEST: Duration = Duration::from_millis(100);

/// Looking takes at most one part in so many of one core's time.
const SHARE: u32 = 30;

/// On a machine so busy that looking takes long, it is still looked at this often.
const SLOWEST: Duration = Duration::from_secs(1);

/// What is known of one group.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    peak: AtomicU64,
    /// The bytes at which it was ended; 0 while it was not.
    ended_at: AtomicU64,
}

impl Usage {
    /// The most memory seen at once, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// How much it had when it was ended for having too much.
    pub fn ended_at(&self) -> Option<u64> {
        Some(self.ended_at.load(Ordering::Acquire)).filter(|bytes| *bytes > 0)
    }
}

/// The groups that are watched. Shared between the steps and the thread that looks.
#[derive(Default)]
pub(crate) struct MemoryWatch {
    groups: Mutex<Groups>,
    changed: Condvar,
    stopped: AtomicBool,
}

#[derive(Default)]
struct Groups {
    watched: HashMap<i32, Watched>,
    /// Grows with every new group, so that the looking thread starts to look often again.
    generation: u64,
}

struct Watched {
    limit: Option<u64>,
    usage: Arc<Usage>,
}

/// The memory of a group, as one look at it found it.
#[derive(Default)]
struct Found {
    /// Resident memory, files mapped into it included.
    resident: u64,
    /// Resident memory that no file backs: what a limit counts.
    anonymous: u64,
    processes: Vec<i32>,
}

impl MemoryWatch {
    /// Whether this machine lets us look at all: only where there is a `/proc` as Linux has it.
    pub fn is_possible() -> bool {
        own_peak().is_some()
    }

    /// Watches a group from now on.
    pub fn add(&self, group: i32, limit: Option<u64>) -> Arc<Usage> {
        let usage = Arc::new(Usage::default());
        let mut groups = self.lock();
        groups.watched.insert(group, Watched { limit, usage: Arc::clone(&usage) });
        groups.generation += 1;
        self.changed.notify_one();
        usage
    }

    /// Ends that. To be called before the group's leader is reaped, so that nobody else can have its number.
    pub fn remove(&self, group: i32) {
        self.lock().watched.remove(&group);
    }

    /// Ends the looking thread.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let _groups = self.lock();
        self.changed.notify_one();
    }

    /// What the looking thread does until [`Self::stop`].
    pub fn look(&self) {
        let mut pause = SHORTEST;
        let mut generation = 0;
        let mut groups = self.lock();
        while !self.stopped.load(Ordering::Acquire) {
            if groups.watched.is_empty() {
                groups = self.changed.wait(groups).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if groups.generation != generation {
                generation = groups.generation;
                pause = SHORTEST;
            }
            let watched: Vec<i32> = groups.watched.keys().copied().collect();
            drop(groups);
            let started = Instant::now();
            let found = find(&watched);
            let took = started.elapsed();
            groups = self.lock();
            for (group, found) in found {
                if let Some(watched) = groups.watched.get(&group) {
                    judge(group, &found, watched);
                }
            }
            // Whoever stopped it meanwhile found nobody waiting.
            if self.stopped.load(Ordering::Acquire) {
                return;
            }
            let wait = pause.max((took * SHARE).min(SLOWEST));
            pause = (pause * 2).min(LONGEST);
            groups = self.changed.wait_timeout(groups, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judge(group: i32, found: &Found, watched: &Watched) {
    watched.usage.peak.fetch_max(found.resident, Ordering::Relaxed);
    let Some(limit) = watched.limit else { return };
    if found.anonymous <= limit {
        return;
    }
    // Forked processes share pages, which the cheap sum counts more than once; the exact one is dear.
    let used = match &found.processes[..] {
        [_] => found.anonymous,
        many => many.iter().map(|process| proportional(*process).unwrap_or(0)).sum(),
    };
    if used > limit {
        watched.usage.ended_at.store(used, Ordering::Release);
        kill(group);
    }
}

/// Looks through all processes for those of the groups.
fn find(groups: &[i32]) -> HashMap<i32, Found> {
    let mut all: HashMap<i32, Found> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return all };
    for entry in entries.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Some(group) = status_fields(process).and_then(|fields| fields.get(2)?.parse().ok()) else { continue };
        if !groups.contains(&group) {
            continue;
        }
        let Some((resident, file_backed)) = resident(process) else { continue };
        let found = all.entry(group).or_default();
        found.resident += resident;
        found.anonymous += resident.saturating_sub(file_backed);
        found.processes.push(process);
    }
    all
}

/// The fields of `/proc/<process>/stat` behind the name, which may itself contain spaces: state, parent, group, …
fn status_fields(process: i32) -> Option<Vec<String>> {
    let text = fs::read(format!("/proc/{process}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// Whether a process of the group is alive: zombies are not.
pub(crate) fn group_lives(group: i32) -> Option<bool> {
    let wanted = group.to_string();
    let entries = fs::read_dir("/proc").ok()?;
    let mut seen = false;
    for entry in entries.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        seen = true;
        if let Some(fields) = status_fields(process)
            && fields.get(2) == Some(&wanted)
            && !matches!(fields.first().map(String::as_str), Some("Z" | "X"))
        {
            return Some(true);
        }
    }
    seen.then_some(false)
}

/// Resident memory, and the part of it that maps files or is shared between processes, in bytes.
///
/// Shared memory that no file backs (`/dev/shm`) is in the second number too, and so counts for no limit of one process.
fn resident(process: i32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let mut pages = text.split(' ').skip(1).map(|field| field.parse::<u64>().ok());
    let page = page_size() as u64;
    Some((pages.next()?? * page, pages.next()?? * page))
}

/// The process's part of the memory that no file backs, in bytes: shared pages are divided among their users.
fn proportional(process: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    Some(kibibytes(&text, "Pss_Anon:")? + kibibytes(&text, "Pss_Shmem:").unwrap_or(0))
}

/// The most memory that this process itself ever had, in bytes.
///
/// A child's peak, as the kernel reports it, starts with that of the process that started it.
pub(crate) fn own_peak() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_looking_thread_ends_whenever_it_is_told_to() {
        for delay in 0..40 {
            let watch = MemoryWatch::default();
            let started = Instant::now();
            thread::scope(|scope| {
                scope.spawn(|| watch.look());
                watch.add(1, None);
                // Some of these fall into a look, where nobody waits to be told.
                thread::sleep(Duration::from_micros(delay * 100));
                watch.stop();
            });
            assert!(started.elapsed() < Duration::from_secs(20));
        }
    }
}
