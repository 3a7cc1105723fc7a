//! The runtime: the library and the program that user code runs in, compiled once for each compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use crate::{EngineError, Toolchain};

/// The files of `host/src`.
const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/runtime_sources.rs"));

const DYLIB: &str = "liboxikale_host.so";
const EXECUTABLE: &str = "oxikale-host";

/// Lists the files with their sizes, and is written last.
const MANIFEST: &str = "manifest";

/// What user code is linked to and runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// The library that cells are compiled against: `--extern oxikale_host=<this>`.
    pub dylib: PathBuf,
    /// The program of the processes that run cells.
    pub executable: PathBuf,
    /// The folder of both.
    pub folder: PathBuf,
    /// Stands for them in cache keys.
    pub key: String,
}

impl Runtime {
    /// The runtime for a compiler, compiled if it is not in the cache.
    ///
    /// # Errors
    /// If it cannot be compiled or written.
    pub fn ensure(toolchain: &Toolchain, cache: &Path) -> Result<Self, EngineError> {
        let key = key(toolchain);
        let parent = cache.join("engine").join("runtime");
        let folder = parent.join(&key);
        let runtime = Self { dylib: folder.join(DYLIB), executable: folder.join(EXECUTABLE), folder, key };
        if !is_whole(&runtime.folder) {
            let fresh = compile(toolchain, &parent, &runtime.key)?;
            put(&fresh, &runtime.folder)?;
        }
        Ok(runtime)
    }
}

fn key(toolchain: &Toolchain) -> String {
    let mut hash = Sha256::new();
    hash.update(&toolchain.key);
    // It is written into the program.
    hash.update(toolchain.libraries.as_os_str().as_encoded_bytes());
    for (name, source) in SOURCES {
        hash.update(name);
        hash.update(source);
    }
    hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether all files are there with the sizes that they had: a full disk or a stray hand may have cut one short.
fn is_whole(folder: &Path) -> bool {
    let Ok(manifest) = fs::read_to_string(folder.join(MANIFEST)) else { return false };
    let mut files = 0;
    for line in manifest.lines() {
        let known = line.split_once(' ').and_then(|(size, name)| Some((size.parse::<u64>().ok()?, name)));
        let Some((size, name)) = known else { return false };
        if !fs::metadata(folder.join(name)).is_ok_and(|data| data.len() == size) {
            return false;
        }
        files += 1;
    }
    files == 2
}

/// Compiles into a new folder beside the final one.
fn compile(toolchain: &Toolchain, parent: &Path, key: &str) -> Result<PathBuf, EngineError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = parent.join(format!(".{key}-{}-{count}", std::process::id()));
    let result = compile_in(toolchain, &folder);
    if result.is_err() {
        drop(fs::remove_dir_all(&folder));
    }
    result.map(|()| folder)
}

fn compile_in(toolchain: &Toolchain, folder: &Path) -> Result<(), EngineError> {
    let unwritable = |error| {
        EngineError::new(format!(
            "the runtime of cells cannot be written to {} ({error}); make room there, or choose another cache folder",
            folder.display()
        ))
    };
    let sources = folder.join("src");
    fs::create_dir_all(&sources).map_err(unwritable)?;
    for (name, source) in SOURCES {
        fs::write(sources.join(name), source).map_err(unwritable)?;
    }
    fs::write(sources.join("program.rs"), "fn main() {\n    oxikale_host::main()\n}\n").map_err(unwritable)?;
    let rustc = || {
        let mut rustc = Command::new(&toolchain.rustc);
        rustc.current_dir(folder).env("RUSTC_BOOTSTRAP", "1").args(["--edition", "2024", "-C", "prefer-dynamic"]);
        rustc
    };
    run(rustc()
        .args(["--crate-name", "oxikale_host", "--crate-type", "dylib", "-C", "opt-level=2", "--cap-lints", "allow"])
        .args(["-o", DYLIB, "src/lib.rs"]))?;
    // The older kind of path (`DT_RPATH`) holds for the libraries of cells too, so that the loader needs no environment
    // variable, which the programs that user code starts would inherit.
    let standard_library = format!("-Clink-arg=-Wl,-rpath,{}", toolchain.libraries.display());
    run(rustc()
        .args(["--crate-name", "oxikale_host_program", "-o", EXECUTABLE, "src/program.rs"])
        .arg("--extern")
        .arg(format!("oxikale_host={DYLIB}"))
        .args(["-Clink-arg=-Wl,--disable-new-dtags", "-Clink-arg=-Wl,-rpath,$ORIGIN", &standard_library]))?;
    let mut manifest = String::new();
    for name in [DYLIB, EXECUTABLE] {
        let size = fs::metadata(folder.join(name)).map_err(unwritable)?.len();
        manifest.push_str(&format!("{size} {name}\n"));
    }
    fs::write(folder.join(MANIFEST), manifest).map_err(unwritable)
}

fn run(rustc: &mut Command) -> Result<(), EngineError> {
    let output = rustc.output().map_err(|error| {
        EngineError::new(format!(
            "the compiler {} cannot be started: {error}",
            Path::new(rustc.get_program()).display()
        ))
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(EngineError::new(format!(
        "the runtime of cells cannot be compiled with {} ({}):\n{}",
        Path::new(rustc.get_program()).display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// Puts a freshly compiled folder into its place, unless another engine was faster.
fn put(fresh: &Path, folder: &Path) -> Result<(), EngineError> {
    let mut result = fs::rename(fresh, folder);
    if result.is_err() && !is_whole(folder) {
        // A damaged one stands there. It is moved away first, since a process may still run from it.
        let old = fresh.with_extension("old");
        drop(fs::rename(folder, &old));
        result = fs::rename(fresh, folder);
        drop(fs::remove_dir_all(&old));
    }
    if result.is_err() {
        drop(fs::remove_dir_all(fresh));
    }
    match result {
        Err(_) if is_whole(folder) => Ok(()),
        Err(error) => {
            Err(EngineError::new(format!("the runtime of cells cannot be put to {}: {error}", folder.display())))
        }
        Ok(()) => Ok(()),
    }
}
