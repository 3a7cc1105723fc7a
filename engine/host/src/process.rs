//! What belongs to one host process, and is made anew in a checkpoint that wakes: its connection and its threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use std::{fs, io, thread};

use crate::flush::{self, Flusher};
use crate::os::{self, Replaceable};
use crate::panic::Panics;
use crate::setting::{Channel, Setting};
use crate::supervise;

/// How long the end of a cell or a read waits for somebody who holds the lock of standard output.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// The name of the thread that watches the engine.
const WATCHDOG: &str = "oxikale-watch";

/// What a thread without a name is called.
pub const UNNAMED: &str = "unnamed";

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
        let process = CURRENT.set(Self { channel, flusher: Flusher::default(), panics: Panics::default() });
        // A thread gets its name when it starts, and by their names these are told from the user's.
        let named = Arc::new(Barrier::new(3));
        start_thread(flush::THREAD, named.clone(), || process.flusher.work())?;
        start_thread(WATCHDOG, named.clone(), || {
            process.channel.wait_for_hang_up();
            // Usually the supervisor comes first. It may be gone as well.
            supervise::end_descendants(std::process::id(), &[]);
            drop(fs::remove_dir_all(setting.folder()));
            os::end_group(std::process::id());
        })?;
        named.wait();
        Ok(process)
    }
}

fn start_thread(name: &str, named: Arc<Barrier>, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let work = move || {
        named.wait();
        work();
    };
    thread::Builder::new().name(name.to_owned()).stack_size(256 << 10).spawn(work).map(drop)
}

/// Tells the system how gladly to end this process when memory runs out.
pub fn prefer_for_end(score: i32) {
    // Where that is forbidden the usual choice stands.
    drop(fs::write("/proc/self/oom_score_adj", score.to_string()));
}

/// The names of the user's threads in this process, [`UNNAMED`] for one without.
pub fn threads() -> Vec<String> {
    // The one that runs cells, and the first one, which sleeps if it is not that.
    let own = [os::thread(), std::process::id()].map(|number| number.to_string());
    let mut names: Vec<String> = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| !own.iter().any(|own| entry.file_name() == **own))
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
        "oxikale-host" | "main" => Some(UNNAMED.to_owned()),
        pool if pool.starts_with("tokio-r") || pool.starts_with("rayon") => None,
        name => Some(name.to_owned()),
    }
}
