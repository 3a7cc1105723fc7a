//! The crates of a session: built once for all sessions, joined in one dylib that cells link to.
//!
//! Cargo builds the crates as the dependencies of a generated package (`package`) in a target folder that all
//! sessions share; the libraries are linked into a folder of their own (`crates`); rustc joins them in a dylib
//! (`layer`), so that a cell links to code that exists once. What is added later becomes a dylib on top of the first
//! where the crates that are there can stay as they are.

mod archive;
mod cancel;
mod cargo;
mod crates;
mod failure;
mod layer;
mod lock;
mod package;
mod process;
mod resolution;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use oxikale_notebook::directives::Dependency;
use sha2::{Digest, Sha256};

pub use cancel::Cancel;
pub use failure::Failure;

use crate::event::Progress;
use crate::surroundings::Packages;
use crate::toolchain::Toolchain;
use cargo::{Cargo, CargoError};
use crates::Crates;
use layer::{Layer, LayerError};
use lock::Lock;
use package::{Package, hex};

/// The crates of a session at a point of it; a copy is cheap.
#[derive(Debug, Clone)]
pub struct Dependencies {
    place: Arc<Place>,
    optimisation: String,
    offline: bool,
    state: Arc<State>,
}

/// What is the same for the whole session.
#[derive(Debug)]
struct Place {
    toolchain: Toolchain,
    /// The folder for everything that can be made again.
    shared: PathBuf,
    /// The part of it that is the engine's.
    cache: PathBuf,
    /// Where relative paths start.
    folder: PathBuf,
    /// The lock file to honour and to write.
    lock: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct State {
    list: Vec<Dependency>,
    package: String,
    /// What [`Package::flags`] was.
    flags: String,
    crates: Option<Crates>,
    layers: Vec<Layer>,
    externs: Externs,
}

/// What a compilation that names crates gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Externs {
    /// The name in code and the library: `--extern name=path`.
    pub crates: Vec<(String, PathBuf)>,
    /// The dylibs that hold the crates' code, in the order in which they are to be loaded: `--extern name=path`, and
    /// `extern crate name as _;` in the source.
    pub dylibs: Vec<(String, PathBuf)>,
    /// Folders of the crates that those need: `-L dependency=path`.
    pub search: Vec<PathBuf>,
    /// Folders of libraries that are not Rust's: `-L native=path`.
    pub native: Vec<PathBuf>,
    /// Functions of the dylibs for the process that runs the cells, by symbol.
    ///
    /// `oxikale_deps_block_on_…` is a `fn(generation: u64, future: Pin<&mut dyn Future<Output = ()>>)` that runs a
    /// future on a tokio runtime, made anew when the generation is another. `oxikale_deps_install_pool_…` is a
    /// `fn() -> bool` that makes the calling thread, which must belong to no pool yet, the first of a new pool of
    /// rayon's.
    pub hooks: Vec<String>,
    /// Stands for all of it in cache keys.
    pub key: String,
}

/// What adding crates has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing: all of it was there.
    None,
    /// There is more, and what was compiled before is as good as ever.
    Added,
    /// A crate that was there is another now: what was compiled against it, and values of its types, are invalid.
    Replaced,
}

impl Place {
    /// The folder that cargo builds in; `flags` stands for what changes what it builds.
    fn target(&self, flags: &str) -> PathBuf {
        self.cache.join(format!("target-{}-{flags}", self.toolchain.key))
    }
}

impl Externs {
    /// Whether all files are there.
    fn are_there(&self) -> bool {
        self.crates.iter().chain(&self.dylibs).all(|(_, path)| path.exists())
    }

    /// The symbols of [`Externs::hooks`] that are in one of the dylibs.
    pub fn hooks_of(&self, dylib: &Path) -> Vec<String> {
        let key = self.dylibs.iter().find(|(_, path)| path == dylib).and_then(|(name, _)| name.rsplit('_').next());
        self.hooks.iter().filter(|hook| key.is_some_and(|key| hook.ends_with(key))).cloned().collect()
    }
}

impl Dependencies {
    /// No crates yet. `folder` is the notebook's, where relative paths start; `lock` is the lock file beside it.
    pub fn new(toolchain: &Toolchain, cache: &Path, folder: &Path, lock: Option<PathBuf>) -> Self {
        let place = Place {
            toolchain: toolchain.clone(),
            shared: cache.to_path_buf(),
            cache: cache.join("engine"),
            folder: folder.to_path_buf(),
            lock,
        };
        Self { place: Arc::new(place), optimisation: "2".to_owned(), offline: false, state: Arc::default() }
    }

    /// Sets the optimisation level that crates are built with from the next [`Dependencies::add`] on: `0` to `3`, `s`
    /// or `z`; `2` at first.
    pub fn set_optimisation(&mut self, level: &str) {
        level.clone_into(&mut self.optimisation);
    }

    /// Whether cargo must not use the network; false at first.
    pub fn set_offline(&mut self, offline: bool) {
        self.offline = offline;
    }

    /// What a compilation that names crates gets.
    pub fn externs(&self) -> &Externs {
        &self.state.externs
    }

    /// The dependencies, in the order in which they were added.
    pub fn list(&self) -> &[Dependency] {
        &self.state.list
    }

    /// The name in code and the version of each.
    pub fn versions(&self) -> Vec<(String, String)> {
        self.state.crates.as_ref().map(|crates| crates.versions.clone()).unwrap_or_default()
    }

    /// Where the sources of the crates are to be found; none if there are no crates.
    pub fn packages(&self) -> Option<Packages> {
        let (place, state) = (&self.place, &self.state);
        let crates = state.crates.as_ref()?;
        Some(Packages {
            manifest: place.cache.join("deps").join(&state.package).join("package/Cargo.toml"),
            lock: crates.lock.clone(),
            folder: place.folder.clone(),
            target: place.target(&state.flags),
        })
    }

    /// Adds crates, in the place of those of the same name, and builds what is not built yet. `fresh` says that
    /// nothing has been compiled against the crates that are there. `warn` is called before anything that makes
    /// invalid what was compiled.
    ///
    /// # Errors
    /// If a crate cannot be had; everything is as it was then.
    pub fn add(
        &mut self,
        added: &[Dependency],
        fresh: bool,
        progress: &dyn Fn(Progress),
        warn: &dyn Fn(&str),
        cancel: &Cancel,
    ) -> Result<Change, Failure> {
        let list = self.with(added)?;
        if list.is_empty() {
            return Ok(Change::None);
        }
        let package = self.package(&list)?;
        let there = self.state.externs.are_there();
        if package.key == self.state.package && !package.local && there {
            return Ok(Change::None);
        }
        let noted = self.noted()?;
        let lock = self.lock(noted.as_ref().or(self.beside().as_ref()));
        let set = self.place.cache.join("deps").join(&package.key);
        // The sources of local crates may have changed since; only cargo can tell.
        let known = if package.local { None } else { Crates::find(&set, lock.as_ref(), self.offline) };
        let crates = match known {
            Some(crates) => crates,
            None => self.build(&package, &set, lock.as_ref(), added, progress, cancel)?,
        };
        if !there {
            warn("the cache was emptied: the crates are built anew, variables and items over them are dropped");
        }
        let (layers, change) = self.layers(&crates, fresh || !there, warn, cancel)?;
        let change = if there { change } else { Change::Replaced };
        if let Some(file) = &self.place.lock {
            note(file, noted, &crates)?;
        }
        let externs = externs(&crates, &layers);
        self.state =
            Arc::new(State { list, package: package.key, flags: package.flags, crates: Some(crates), layers, externs });
        Ok(change)
    }

    /// The dependencies with these added.
    fn with(&self, added: &[Dependency]) -> Result<Vec<Dependency>, Failure> {
        let mut list = self.state.list.clone();
        for (index, dependency) in added.iter().enumerate() {
            let mut dependency = dependency.clone();
            if let Err(error) = dependency.resolve_name(&self.place.folder) {
                let message = format!("{}; a path starts at the notebook's folder", error.message);
                return Err(Failure { dependency: Some(index), ..Failure::new(message) });
            }
            match list.iter_mut().find(|other| other.crate_name() == dependency.crate_name()) {
                Some(other) => *other = dependency,
                None => list.push(dependency),
            }
        }
        Ok(list)
    }

    fn package(&self, list: &[Dependency]) -> Result<Package, Failure> {
        let place = &self.place;
        let library = if list.iter().any(|dependency| dependency.name == "oxikale") {
            let folder = oxikale_compiler::build::provide_library(&place.shared);
            Some(folder.map_err(|error| Failure::cache(&place.cache, &error))?)
        } else {
            None
        };
        Ok(Package::new(list, &self.optimisation, &place.toolchain, &place.folder, library.as_deref()))
    }

    /// The notebook's lock file, if there is one.
    fn noted(&self) -> Result<Option<Lock>, Failure> {
        let Some(file) = &self.place.lock else { return Ok(None) };
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(Failure::new(format!("the lock file {} cannot be read: {error}", file.display())));
            }
        };
        Lock::parse(&text).map(Some).map_err(|error| {
            Failure::new(format!(
                "{} is not a lock file ({}); restore it, or delete it so that versions are chosen anew",
                file.display(),
                error.message()
            ))
        })
    }

    /// The lock file of a package in the notebook's folder.
    fn beside(&self) -> Option<Lock> {
        Lock::parse(&fs::read_to_string(self.place.folder.join("Cargo.lock")).ok()?).ok()
    }

    /// The versions that cargo has to keep to: those of the session, then those of the notebook.
    fn lock(&self, noted: Option<&Lock>) -> Option<Lock> {
        let session = self.state.crates.as_ref().and_then(|crates| Lock::parse(&crates.lock).ok());
        match (session, noted) {
            (Some(mut session), Some(noted)) => {
                session.add_older(noted);
                Some(session)
            }
            (Some(session), None) => Some(session),
            (None, noted) => noted.cloned(),
        }
    }

    fn build(
        &self,
        package: &Package,
        set: &Path,
        lock: Option<&Lock>,
        added: &[Dependency],
        progress: &dyn Fn(Progress),
        cancel: &Cancel,
    ) -> Result<Crates, Failure> {
        let place = &self.place;
        let cache = |error: io::Error| Failure::cache(&place.cache, &error);
        fs::create_dir_all(set).map_err(cache)?;
        let _held = hold(&set.join("lock"), progress, cancel).map_err(cache)?.ok_or_else(Failure::interrupted)?;
        let folder = set.join("package");
        let lock_file = folder.join("Cargo.lock");
        let text = lock.map(Lock::to_text);
        if text.is_none() {
            // An earlier choice of versions binds nobody.
            let _ = fs::remove_file(&lock_file);
        }
        let manifest = package.write(&folder, &[], text.as_deref()).map_err(cache)?;
        let target = place.target(&package.flags);
        let mut cargo = Cargo {
            toolchain: &place.toolchain,
            folder: &place.folder,
            manifest: &manifest,
            target: &target,
            offline: self.offline,
            progress,
            cancel,
        };
        let explain = |error: CargoError, offline: bool| match error {
            CargoError::Cancelled => Failure::interrupted(),
            CargoError::Missing(error) => Failure::cargo_missing(&place.toolchain, &error),
            CargoError::Failed(log) => Failure::cargo(log, added, offline, &place.cache),
        };
        let metadata = match cargo.metadata() {
            // What was downloaded before may be enough.
            Err(CargoError::Failed(log)) if !cargo.offline && failure::unreachable(&cargo::plain(&log)) => {
                cargo.offline = true;
                cargo.metadata().map_err(|_| explain(CargoError::Failed(log), false))?
            }
            other => other.map_err(|error| explain(error, self.offline))?,
        };
        for (index, dependency) in added.iter().enumerate() {
            if metadata.is_program(dependency) {
                let name = dependency.package.as_deref().unwrap_or(&dependency.name);
                let message = format!("`{name}` is a program: it has no library that a cell could use");
                return Err(Failure { dependency: Some(index), ..Failure::new(message) });
            }
        }
        let support = metadata.support();
        package.write(&folder, &support, None).map_err(cache)?;
        let built = cargo.build(metadata.libraries()).map_err(|error| explain(error, cargo.offline))?;
        let mut resolved = fs::read_to_string(&lock_file)
            .map_err(cache)
            .and_then(|text| Lock::parse(&text).map_err(|error| cache(io::Error::other(error.to_string()))))?;
        resolved.remove(package::NAME);
        Crates::keep(set, &built, &metadata, &support, &package.optimisation, &resolved).map_err(cache)
    }

    /// The dylibs over the crates.
    fn layers(
        &self,
        crates: &Crates,
        fresh: bool,
        warn: &dyn Fn(&str),
        cancel: &Cancel,
    ) -> Result<(Vec<Layer>, Change), Failure> {
        let below = self.state.crates.as_ref().filter(|_| !fresh);
        let (mut layers, change) = match below {
            None => (Vec::new(), Change::Added),
            Some(below) if below.key == crates.key => return Ok((self.state.layers.clone(), Change::None)),
            Some(below) if crates.contains(below) => (self.state.layers.clone(), Change::Added),
            Some(below) => {
                let reason = resolution::difference(&below.chosen, &crates.chosen)
                    .unwrap_or_else(|| "the sources or settings of a crate have changed".to_owned());
                warn(&format!(
                    "crates that cells were compiled with have to change ({reason}); variables and items over \
                     dependencies are dropped"
                ));
                (Vec::new(), Change::Replaced)
            }
        };
        let place = &self.place;
        let cache = place.cache.join("layers");
        let below = below.filter(|_| !layers.is_empty());
        let layer =
            Layer::make(&cache, &place.toolchain, crates, below, &layers, cancel).map_err(|error| match error {
                LayerError::Cancelled => Failure::interrupted(),
                LayerError::System(error) => Failure::cache(&place.cache, &error),
                LayerError::Failed(log) => Failure::link(log),
            })?;
        layers.push(layer);
        Ok((layers, change))
    }
}

fn externs(crates: &Crates, layers: &[Layer]) -> Externs {
    let lib = crates.lib();
    let mut hash = Sha256::new_with_prefix(&crates.key);
    for layer in layers {
        hash.update(&layer.name);
    }
    Externs {
        crates: crates.direct.iter().map(|(name, file)| (name.clone(), lib.join(file))).collect(),
        dylibs: layers.iter().map(|layer| (layer.name.clone(), layer.path.clone())).collect(),
        search: vec![lib],
        native: crates.native.iter().cloned().collect(),
        hooks: layers.iter().flat_map(|layer| layer.hooks.iter().cloned()).collect(),
        key: hex(&hash.finalize()),
    }
}

/// Writes the versions into the notebook's lock file; those of crates that only other cells use stay in it.
fn note(file: &Path, noted: Option<Lock>, crates: &Crates) -> Result<(), Failure> {
    let fail = |error: io::Error| {
        Failure::new(format!(
            "the versions of the crates cannot be written to {}: {error}; make it writable, or run without a lock file",
            file.display()
        ))
    };
    let mut lock = Lock::parse(&crates.lock).map_err(|error| fail(io::Error::other(error.to_string())))?;
    if let Some(noted) = &noted {
        if noted.has_all(&lock) {
            return Ok(());
        }
        lock.add_older(noted);
    }
    let new = file.with_extension(format!("lock.{}", std::process::id()));
    fs::write(&new, lock.to_text()).and_then(|()| fs::rename(&new, file)).map_err(|error| {
        let _ = fs::remove_file(&new);
        fail(error)
    })
}

/// Holds a set against other sessions that build the same; none if it is cancelled.
fn hold(path: &Path, progress: &dyn Fn(Progress), cancel: &Cancel) -> io::Result<Option<File>> {
    let file = File::create(path)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(fs::TryLockError::Error(error)) => return Err(error),
            Err(fs::TryLockError::WouldBlock) if cancel.is_cancelled() => return Ok(None),
            Err(fs::TryLockError::WouldBlock) => {
                if !told {
                    told = true;
                    progress(Progress { label: "Waiting for another build to end".to_owned(), done: 0, total: None });
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
