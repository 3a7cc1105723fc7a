//! A session of real processes for tests, and the cells that run in them.
#![allow(dead_code, reason = "no test uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use oxikale_engine::host::{Ended, Host, HostOptions, Output, Runtime};
use oxikale_engine::{Stream, Toolchain};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The compiler, the runtime and the library with the cells.
pub struct Built {
    pub toolchain: Toolchain,
    pub runtime: Runtime,
    pub cells: PathBuf,
}

/// Compiled once for all tests of this process.
pub fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let toolchain = Toolchain::find(None).expect("a compiler");
        let runtime = Runtime::ensure(&toolchain, &cache()).expect("the runtime");
        let folder = own_folder("cells");
        fs::create_dir_all(&folder).expect("a folder");
        let cells = compile(&toolchain, &runtime, include_str!("cells.rs"), &folder, "cells", &[]);
        Built { toolchain, runtime, cells }
    })
}

/// A folder for the libraries of this process; those of processes that have ended are removed.
pub fn own_folder(name: &str) -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let pid = file.to_str().and_then(|file| file.strip_prefix(name)?.strip_prefix('-')?.parse().ok());
        if pid.is_some_and(|pid| !lives(pid)) {
            // Another test may be doing the same.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
    parent.join(format!("{name}-{}", std::process::id()))
}

/// The cache that tests share, also between runs.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// Compiles a library of cells as the engine does.
pub fn compile(
    toolchain: &Toolchain,
    runtime: &Runtime,
    source: &str,
    folder: &Path,
    name: &str,
    more: &[String],
) -> PathBuf {
    let file = folder.join(format!("{name}.rs"));
    fs::write(&file, source).expect("the source is written");
    let library = folder.join(format!("lib{name}.so"));
    let output = Command::new(&toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "cdylib",
            "-C",
            "prefer-dynamic",
            "-C",
            "debuginfo=line-tables-only",
        ])
        .arg("--extern")
        .arg(format!("oxikale_host={}", runtime.dylib.display()))
        .args(more)
        .arg("-o")
        .args([&library, &file])
        .output()
        .expect("rustc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// A session whose output is kept.
pub struct Session {
    pub host: Host,
    pub seen: Arc<Seen>,
}

/// What has come out so far.
#[derive(Default)]
pub struct Seen {
    outputs: Mutex<Vec<Output>>,
    changed: Condvar,
}

impl Session {
    pub fn start() -> Self {
        Self::start_with(HostOptions::default())
    }

    pub fn start_with(options: HostOptions) -> Self {
        let built = built();
        let seen = Arc::new(Seen::default());
        let sink = seen.clone();
        let host = Host::start(&built.toolchain, &built.runtime, options, Arc::new(move |output| sink.add(output)));
        Self { host: host.expect("the processes start"), seen }
    }

    /// Runs a cell of `cells.rs`.
    pub fn run(&mut self, cell: &str) -> Ended {
        self.host.run(&built().cells, cell)
    }

    /// Runs a cell that must end well, and gives what it printed.
    pub fn text_of(&mut self, cell: &str) -> String {
        self.seen.clear();
        assert_eq!(self.run(cell), Ended::Finished, "{cell}; stderr: {}", self.seen.text(Stream::Stderr));
        self.seen.text(Stream::Stdout)
    }
}

impl Seen {
    fn add(&self, output: Output) {
        self.outputs.lock().unwrap().push(output);
        self.changed.notify_all();
    }

    pub fn clear(&self) {
        self.outputs.lock().unwrap().clear();
    }

    pub fn all(&self) -> Vec<Output> {
        self.outputs.lock().unwrap().clone()
    }

    /// All text of a stream.
    pub fn text(&self, wanted: Stream) -> String {
        text_in(&self.outputs.lock().unwrap(), wanted)
    }

    /// Waits until standard output holds this, and gives the word that follows.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(|outputs| {
            let all = text_in(outputs, Stream::Stdout);
            let (_, rest) = all.split_once(text)?;
            rest.contains('\n').then(|| rest.split_whitespace().next().unwrap_or_default().to_owned())
        })
    }

    /// Waits until there is something.
    pub fn wait_until<T>(&self, mut find: impl FnMut(&[Output]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut outputs = self.outputs.lock().unwrap();
        loop {
            if let Some(found) = find(&outputs) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it did not come; there is {outputs:?}");
            outputs = self.changed.wait_timeout(outputs, left).unwrap().0;
        }
    }
}

/// All text of a stream.
pub fn text_in(outputs: &[Output], wanted: Stream) -> String {
    let mut text = Vec::new();
    for output in outputs {
        match output {
            Output::Text { stream, bytes } if *stream == wanted => text.extend_from_slice(bytes),
            _ => (),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether a process is there and no zombie.
pub fn lives(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with(['Z', 'X'])
}

/// Waits until something is so.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not even after {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(5));
    }
}
