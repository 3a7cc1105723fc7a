//! What belongs to one host process, and is made anew in a checkpoint that wakes: its connection and its threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

use crate::flush::{self, Flusher};
use crate::os::{self, Replaceable};
use crate::panic::Panics;
use crate::setting::{Channel, Setting};
use crate::supervise;

/// How long the end of a cell, a checkpoint or a read waits for somebody who holds the lock of standard output.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// The name of the thread that watches the engine.
const WATCHDOG: &str = "oxikale-watch";

/// This process, as a host.
pub struct Process {
    /// The connection to the engine.
    pub channel: Channel,
    /// Writes out what is printed.
    pub flusher: Flusher,
    /// What the panic hook saw.
    pub panics: Panics,
}

static CURRENT: Replaceable<Process> = Replaceable::new();

/// How many times a checkpoint has woken on the way to this process.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// This process as a host; `None` in any other program.
pub fn current() -> Option<&'static Process> {
    CURRENT.get()
}

/// How many times a checkpoint has woken on the way to this process: what belongs to threads has to be made anew when
/// it changes.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Counts a waking.
pub fn next_generation() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
}

impl Process {
    /// Makes this process a host.
    pub fn become_host(channel: Channel, setting: &'static Setting) -> io::Result<&'static Self> {
        // If memory runs out, the process that used it up goes, and not the engine or a checkpoint.
        prefer_for_end(800);
        let process =
            CURRENT.set(Self { channel, flusher: Flusher::default(), panics: Panics::default() });
        process.flusher.start()?;
        thread::Builder::new().name(WATCHDOG.to_owned()).stack_size(256 << 10).spawn(|| {
            process.channel.wait_for_hang_up();
            // Usually the supervisor comes first. It may be gone as well.
            supervise::end_descendants(std::process::id(), &[]);
            drop(fs::remove_dir_all(setting.folder()));
            os::end_group(std::process::id());
        })?;
        Ok(process)
    }
}

/// Tells the system how gladly to end this process when memory runs out.
pub fn prefer_for_end(score: i32) {
    // Where that is forbidden the usual choice stands.
    drop(fs::write("/proc/self/oom_score_adj", score.to_string()));
}

/// The names of the user's threads in this process; `unnamed` for one without.
pub fn threads() -> Vec<String> {
    let own = os::thread();
    let mut names: Vec<String> = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str() != Some(&own.to_string()))
        .filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok())
        .filter_map(|name| user_thread(name.trim_end_matches('\n')))
        .collect();
    names.sort();
    names
}

/// The name of a thread as the user knows it; `None` for one of the runtime's or of a pool that is made anew.
fn user_thread(name: &str) -> Option<String> {
    match name {
        flush::THREAD | WATCHDOG => None,
        // Threads without a name have their creator's.
        "oxikale-host" | "main" => Some("unnamed".to_owned()),
        pool if pool.starts_with("tokio-r") || pool.starts_with("rayon") => None,
        name => Some(name.to_owned()),
    }
}
