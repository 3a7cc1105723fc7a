//! Builds the step program with cargo, and brings back to the notebook what rustc says.

mod cargo;
mod fingerprints;
mod library;
mod messages;
mod package;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use oxikale_notebook::Notebook;
use oxikale_notebook::directives::Dependency;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::compile::{Compilation, Options, Wanted, compile, compile_and_pull};
use crate::dataflow::{Answers, Question};
use crate::diagnostics::{Diagnostic, Severity};
use crate::program::{Pull, PullError, PulledCell};
use messages::Findings;

pub use library::provide as provide_library;

/// How often rustc is asked again after it has taught something: types nest, and each round finds the next layer.
const ROUNDS: usize = 12;

/// How many programs of a notebook are kept, the newest first: runs of earlier states may still need theirs.
const KEPT: usize = 8;

/// Where and how to build.
#[derive(Debug, Clone)]
pub struct Builder {
    /// The folder for everything that can be made again; see [`cache_folder`].
    pub cache: PathBuf,
    /// The notebook's file: its folder is where relative paths of `:dep` start, and its lock file lies beside it.
    pub notebook: PathBuf,
    /// The pipeline's name where the notebook has none.
    pub name: String,
    /// Whether cargo gets a process group of its own. Without one, what ends this process from a terminal ends cargo.
    pub own_group: bool,
}

/// What to ask of cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only what rustc has to say.
    Check,
    /// The program.
    Build,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// cargo works in a process group of its own, which may be killed: then the build ends with an error. Comes only if
    /// [`Builder::own_group`] asks for it.
    Started {
        /// The group.
        group: i32,
    },
    /// The group of [`Self::Started`] is gone.
    Over,
    /// Another build holds the folder.
    Waiting,
    /// Crates are looked up or downloaded.
    Fetching {
        /// In cargo's words.
        what: String,
    },
    /// A crate is being compiled.
    Compiling {
        /// The crate.
        name: String,
        /// Its version.
        version: String,
    },
    /// A crate is there.
    Ready {
        /// The crate.
        name: String,
        /// Whether it was there before.
        fresh: bool,
    },
}

/// A build that came to its end.
#[derive(Debug, Clone)]
pub struct Built {
    /// The compilation, with what rustc taught, and rustc's findings among its diagnostics.
    pub compilation: Compilation,
    /// The program; none after a check, and none where there are errors.
    pub program: Option<PathBuf>,
    /// The folder of its cargo package, once there is one.
    pub package: Option<PathBuf>,
    /// The cargo target folder.
    pub target: PathBuf,
    /// What each step is made of, by task: equal ones do the same with equal inputs. Empty after a check, and where it
    /// cannot be found out.
    pub fingerprints: BTreeMap<String, String>,
    /// Whether nothing had to be built.
    pub reused: bool,
    /// Whether the lock file beside the notebook is new or changed.
    pub lock_changed: Option<PathBuf>,
    /// How long it took.
    pub time: Duration,
}

/// Why there was no build.
#[derive(Debug)]
pub enum BuildError {
    /// cargo is not to be found.
    NoCargo(io::Error),
    /// cargo failed outside of the notebook's code; its own words.
    Cargo(String),
    /// A file or folder could not be read or written.
    File(PathBuf, io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCargo(error) => write!(
                f,
                "cargo cannot be started ({error}): install Rust from https://rustup.rs and see that `cargo` is on the PATH"
            ),
            Self::Cargo(log) => write!(f, "cargo could not build the notebook's crates:\n{}", log.trim_end()),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for BuildError {}

/// The folder for what can be made again: `$OXIKALE_CACHE`, `$XDG_CACHE_HOME/oxikale` or `~/.cache/oxikale`.
pub fn cache_folder() -> PathBuf {
    folder("OXIKALE_CACHE", "XDG_CACHE_HOME", ".cache")
}

/// The folder for what must be kept: `$OXIKALE_DATA`, `$XDG_DATA_HOME/oxikale` or `~/.local/share/oxikale`.
pub fn data_folder() -> PathBuf {
    folder("OXIKALE_DATA", "XDG_DATA_HOME", ".local/share")
}

fn folder(own: &str, xdg: &str, below_home: &str) -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(own).unwrap_or_else(|| {
        set(xdg)
            .filter(|path| path.is_absolute())
            .unwrap_or_else(|| set("HOME").unwrap_or_else(|| PathBuf::from("/")).join(below_home))
            .join("oxikale")
    })
}

impl Builder {
    /// A builder for the notebook at `path`, with the usual cache.
    pub fn new(path: &Path) -> Self {
        let notebook = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let name = notebook.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self { cache: cache_folder(), notebook, name, own_group: false }
    }

    /// Compiles without asking rustc; answers that rustc gave for this very text are used.
    pub fn compile(&self, notebook: &Notebook) -> Compilation {
        compile(notebook, &self.options(notebook))
    }

    /// The text of a cell that puts a session where a step of a run began: it defines the notebook's items, the step's
    /// inputs in the types that they have in the step program, and the parameters and shared variables that the step
    /// sees. The session's relative paths must start at the notebook's folder.
    ///
    /// What rustc taught when the program was built is used, so the notebook should have been built in this state.
    ///
    /// # Errors
    /// When the notebook has errors or no such step, or a file is missing from `pull`.
    pub fn pull(&self, notebook: &Notebook, pull: &Pull) -> Result<PulledCell, PullError> {
        let directory = self.notebook.parent().unwrap_or(Path::new("."));
        let link = |dependencies: &[Dependency]| {
            let mut dependencies = dependencies.to_vec();
            for dependency in &mut dependencies {
                // The session itself says that a crate is not there.
                let _ = dependency.resolve_name(directory);
            }
            package::link(&dependencies, directory)
        };
        let wanted = Wanted { pull, link: &link };
        let (compilation, pulled) = compile_and_pull(notebook, &self.options(notebook), Some(wanted));
        pulled.unwrap_or(Err(PullError::Notebook(compilation.diagnostics)))
    }

    /// What a compilation is told of a notebook that may have been built before.
    fn options(&self, notebook: &Notebook) -> Options {
        let Learnt { answers, derive } = self.learnt(notebook);
        Options { name: self.name.clone(), answers, derive, program: false }
    }

    /// Compiles and builds (or checks). Errors of the notebook are no failure: they are among the diagnostics.
    ///
    /// # Errors
    /// When there is no cargo, a crate does not build, or files cannot be written.
    pub fn build(&self, notebook: &Notebook, mode: Mode, on_event: &mut dyn FnMut(Event)) -> Result<Built, BuildError> {
        let start = Instant::now();
        let target = self.cache.join("build");
        let mut options = Options { program: true, ..self.options(notebook) };
        let mut built = Built {
            compilation: Compilation::default(),
            program: None,
            package: None,
            target: target.clone(),
            fingerprints: BTreeMap::new(),
            reused: false,
            lock_changed: None,
            time: Duration::ZERO,
        };
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| BuildError::File(path, error)
        };
        for _ in 0..ROUNDS {
            built.compilation = compile(notebook, &options);
            let Some(program) = self.resolved(&mut built.compilation) else { break };
            let library = library::provide(&self.cache).map_err(at(&self.cache))?;
            let package = package::write(&program, &self.notebook, &self.cache, &library).map_err(at(&self.cache))?;
            built.package = Some(package.folder.clone());
            let _lock = lock(&package.folder, on_event).map_err(at(&package.folder))?;

            let questions = built.compilation.questions.clone();
            let key = if package.has_local_crates || !questions.is_empty() { None } else { key(&package.folder) };
            let kept = |key: &str| self.cache.join("programs").join(&package.name).join(key);
            if let Some(executable) = key.as_deref().map(kept).filter(|kept| kept.exists() && mode == Mode::Build) {
                built.fingerprints = fingerprints::of_steps(&program, &package.folder, &executable, None);
                built.program = Some(executable);
                built.reused = true;
                break;
            }
            let cargo_mode = if questions.is_empty() { mode } else { Mode::Check };
            let outcome = cargo::run(&package.folder, &target, &package.name, cargo_mode, self.own_group, on_event)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => BuildError::NoCargo(error),
                    _ => BuildError::File(package.folder.clone(), error),
                })?;
            if package.folder.join("Cargo.lock").exists() && package.keep_lock().unwrap_or(false) {
                built.lock_changed = Some(package.lock.clone());
            }
            let mut findings = messages::read(&outcome.messages, &program, notebook);
            if learn(&mut options, &findings, &questions, outcome.success) {
                self.remember(notebook, &options);
                continue;
            }
            let explained = findings.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
            if !outcome.success && !explained {
                return Err(BuildError::Cargo(explain(&outcome.log)));
            }
            built.compilation.diagnostics.append(&mut findings.diagnostics);
            if !outcome.success {
                built.compilation.ir = None;
            } else if let Some(executable) = outcome.executable {
                // The lock file is part of the key, and may have been made just now.
                let key = key_of(&package.folder);
                let kept = keep(&executable, &kept(&key)).map_err(at(&kept(&key)))?;
                let sources = package.has_local_crates.then(|| executable.with_extension("d"));
                built.fingerprints = fingerprints::of_steps(&program, &package.folder, &kept, sources.as_deref());
                built.program = Some(kept);
            }
            break;
        }
        built.time = start.elapsed();
        Ok(built)
    }

    /// The program with the names of its local crates; a crate that is not there is a diagnostic.
    fn resolved(&self, compilation: &mut Compilation) -> Option<crate::program::Program> {
        let mut program = compilation.program.clone()?;
        let directory = self.notebook.parent().unwrap_or(Path::new("."));
        for dependency in &mut program.dependencies {
            if let Err(error) = dependency.resolve_name(directory) {
                compilation.diagnostics.push(
                    Diagnostic::error("OX204", format!("`:dep` names a crate that is not there: {}", error.message))
                        .help("paths start at the notebook's folder"),
                );
                compilation.ir = None;
                return None;
            }
        }
        Some(program)
    }

    fn learnt_file(&self, notebook: &Notebook) -> PathBuf {
        let mut hash = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
        for cell in notebook.cells() {
            hash.update(cell.source.as_bytes());
            hash.update([0]);
            for tag in &cell.tags {
                hash.update(tag.as_bytes());
                hash.update([1]);
            }
        }
        self.cache.join("answers").join(format!("{}.json", hex(&hash.finalize()[..16])))
    }

    fn learnt(&self, notebook: &Notebook) -> Learnt {
        fs::read(self.learnt_file(notebook))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// What rustc taught is kept for the next compilation; if it cannot be, rustc is asked again.
    fn remember(&self, notebook: &Notebook, options: &Options) {
        let learnt = Learnt { answers: options.answers.clone(), derive: options.derive.clone() };
        let file = self.learnt_file(notebook);
        if let (Some(folder), Ok(bytes)) = (file.parent(), serde_json::to_vec(&learnt)) {
            let _ = fs::create_dir_all(folder).and_then(|()| fs::write(&file, bytes));
        }
    }
}

/// What rustc taught about one text of a notebook.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Learnt {
    /// Whether steps change variables.
    answers: Answers,
    /// Types that need serde's derives.
    derive: BTreeSet<String>,
}

/// Takes over what rustc taught; says whether it is worth another try.
fn learn(options: &mut Options, findings: &Findings, questions: &BTreeSet<Question>, success: bool) -> bool {
    let mut learnt = false;
    for question in &findings.used_up {
        learnt |= options.answers.get(&question.step, &question.variable).is_none();
        options.answers.insert(question.clone(), false);
    }
    for question in questions {
        if options.answers.get(&question.step, &question.variable).is_none() {
            let changes = findings.changed.contains(&(question.step.clone(), question.variable.clone()));
            options.answers.insert(question.clone(), changes);
            learnt = true;
        }
    }
    if !success {
        for name in &findings.derive {
            learnt |= options.derive.insert(name.clone());
        }
    }
    learnt
}

/// The end of cargo's own output, from its first error on.
fn explain(log: &str) -> String {
    let start = log.find("error").unwrap_or(0);
    let text: String = log[start..].lines().take(60).collect::<Vec<_>>().join("\n");
    if text.contains("failed to download") || text.contains("Could not resolve host") || text.contains("network") {
        format!(
            "{text}\nthe crates' registry cannot be reached; crates that were used before are still here, in the versions of the notebook's lock file"
        )
    } else {
        text
    }
}

/// Holds the package's folder against other builds of the same notebook.
fn lock(folder: &Path, on_event: &mut dyn FnMut(Event)) -> io::Result<File> {
    let file = File::create(folder.join("lock"))?;
    if file.try_lock().is_err() {
        on_event(Event::Waiting);
        file.lock()?;
    }
    Ok(file)
}

/// What the program is made of, as a short text: sources, manifest, lock file, toolchain. None while there is no lock
/// file, or no rustc.
fn key(folder: &Path) -> Option<String> {
    folder.join("Cargo.lock").exists().then(|| key_of(folder))
}

fn key_of(folder: &Path) -> String {
    hex(&hash_of(folder, &["src/main.rs", "Cargo.toml", "Cargo.lock"]).finalize()[..12])
}

/// A hash of some files of a package, the toolchain and its flags, to which more can be added.
fn hash_of(folder: &Path, files: &[&str]) -> Sha256 {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(folder.join(file)).unwrap_or_default());
        hash.update([0]);
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    if let Ok(output) = Command::new(rustc).arg("-vV").current_dir(folder).output() {
        hash.update(output.stdout);
    }
    hash.update(std::env::var_os("RUSTFLAGS").unwrap_or_default().as_encoded_bytes());
    hash
}

/// Puts the built program where no later build touches it, and lets go of the oldest ones.
fn keep(executable: &Path, place: &Path) -> io::Result<PathBuf> {
    let folder = place.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = folder.join(format!("new-{}", std::process::id()));
    fs::copy(executable, &new)?;
    fs::rename(&new, place)?;
    let mut programs: Vec<(std::time::SystemTime, PathBuf)> = fs::read_dir(folder)?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    programs.sort_by(|a, b| b.cmp(a));
    for (_, old) in programs.into_iter().skip(KEPT) {
        let _ = fs::remove_file(old);
    }
    Ok(place.to_owned())
}

fn write_if_changed(path: &Path, text: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let new = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
