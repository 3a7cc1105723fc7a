//! The crates of a set as cargo built them, linked into a folder of their own where no later build touches them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::archive::foreign_symbols;
use super::cargo::{Artefact, Built};
use super::lock::Lock;
use super::package::hex;
use super::resolution::{Chosen, Metadata, RAYON, Support, TOKIO};

/// How long a choice of versions holds that no lock file asks for: after that, cargo looks for newer ones.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// The record's file, written last.
const RECORD: &str = "crates.json";

/// Built crates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Crates {
    /// The folder of `lib` and of this record.
    #[serde(skip)]
    pub(super) folder: PathBuf,
    /// Stands for the content of all files.
    pub(super) key: String,
    /// The crates that code may name: name and file.
    pub(super) direct: BTreeMap<String, String>,
    /// Those that are procedural macros, which exist only in the compiler.
    pub(super) macros: BTreeSet<String>,
    /// The crates that serve the hooks of the dylib: name and file.
    pub(super) support: BTreeMap<String, String>,
    /// All files.
    pub(super) files: BTreeSet<BuiltFile>,
    /// Folders of libraries that are not Rust's.
    pub(super) native: BTreeSet<PathBuf>,
    /// The functions of C that files carry.
    pub(super) symbols: BTreeMap<String, Vec<String>>,
    /// What cargo chose.
    pub(super) chosen: Vec<Chosen>,
    /// Name in code → version.
    pub(super) versions: Vec<(String, String)>,
    /// Cargo's lock file, without the generated package.
    pub(super) lock: String,
}

/// A library: two of the same name are the same only if the rest is the same too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct BuiltFile {
    pub(super) name: String,
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) modified: u64,
}

impl Crates {
    /// The folder that rustc searches.
    pub(super) fn lib(&self) -> PathBuf {
        self.folder.join("lib")
    }

    /// Takes over what cargo has built, into a folder below `set`.
    ///
    /// # Errors
    /// If a file cannot be linked or written, or cargo did not name one that is needed.
    pub(super) fn keep(
        set: &Path,
        built: &Built,
        metadata: &Metadata,
        support: &[Support],
        optimisation: &str,
        lock: &Lock,
    ) -> io::Result<Self> {
        let work = set.join(format!("new-{}", std::process::id()));
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(work.join("lib"))?;
        let mut files = BTreeSet::new();
        for path in built.artefacts.iter().flat_map(|artefact| &artefact.files) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let link = work.join("lib").join(name);
            match fs::hard_link(path, &link) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                // A file system without hard links.
                Err(_) => drop(fs::copy(path, &link)?),
                Ok(()) => {}
            }
            files.insert(BuiltFile::of(name, &fs::metadata(path)?));
        }
        // What build scripts and procedural macros use too is there twice, with another optimisation for them.
        let find = |id: &str| {
            let usable = || built.artefacts.iter().filter(|artefact| artefact.package == id && artefact.usable());
            usable().find(|artefact| artefact.optimisation == optimisation).or_else(|| usable().next_back())
        };
        let chosen = metadata.chosen();
        let (mut direct, mut macros, mut versions) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for (name, id) in metadata.direct() {
            let Some(artefact) = find(&id) else {
                return Err(io::Error::other(format!("cargo has not said what it made of the crate `{name}`")));
            };
            if artefact.kinds.iter().any(|kind| kind == "proc-macro") {
                macros.insert(name.clone());
            }
            if let Some(package) = chosen.iter().find(|package| package.id == id) {
                versions.push((name.clone(), package.version.clone()));
            }
            direct.insert(name, artefact.file());
        }
        let support = support
            .iter()
            .filter(|support| !support.host)
            .filter_map(|support| Some((support.name.clone(), find(&support.id)?.file())))
            .collect();
        let linked = built.artefacts.iter().filter(|artefact| artefact.optimisation == optimisation);
        let symbols = linked
            .filter_map(|artefact| {
                let path = artefact.files.iter().find(|file| file.extension().is_some_and(|own| own == "rlib"))?;
                let symbols = foreign_symbols(&fs::read(path).ok()?)?;
                (!symbols.is_empty()).then(|| (artefact.file(), symbols))
            })
            .collect();
        let mut hash = Sha256::new();
        for file in &files {
            hash.update(format!("{} {} {}\n", file.name, file.size, file.modified));
        }
        let mut crates = Self {
            folder: PathBuf::new(),
            key: String::new(),
            direct,
            macros,
            support,
            files,
            native: built.native.iter().filter(|folder| folder.is_dir()).cloned().collect(),
            symbols,
            chosen,
            versions,
            lock: lock.to_text(),
        };
        hash.update(serde_json::to_vec(&crates)?);
        crates.key = hex(&hash.finalize());
        crates.folder = set.join(&crates.key);
        fs::write(work.join(RECORD), serde_json::to_vec(&crates)?)?;
        if Self::load(&crates.folder).is_some() {
            // The same was there; its record's age is the choice's.
            let _ = fs::rename(work.join(RECORD), crates.folder.join(RECORD));
            let _ = fs::remove_dir_all(&work);
        } else {
            let _ = fs::remove_dir_all(&crates.folder);
            fs::rename(&work, &crates.folder)?;
        }
        Ok(crates)
    }

    /// What an earlier build of the set made, if it is whole and is what cargo would choose with this lock file.
    pub(super) fn find(set: &Path, lock: Option<&Lock>, any_age: bool) -> Option<Self> {
        let mut records: Vec<(SystemTime, PathBuf)> = fs::read_dir(set)
            .ok()?
            .filter_map(|entry| {
                let folder = entry.ok()?.path();
                Some((fs::metadata(folder.join(RECORD)).ok()?.modified().ok()?, folder))
            })
            .collect();
        records.sort_by(|a, b| b.cmp(a));
        records.into_iter().find_map(|(age, folder)| {
            let crates = Self::load(&folder)?;
            let resolved = Lock::parse(&crates.lock).ok()?;
            let fits = match lock {
                Some(lock) if lock.has_all(&resolved) => true,
                Some(lock) if !lock.leads_to(&resolved) => false,
                _ => any_age || age.elapsed().is_ok_and(|age| age < FRESH),
            };
            fits.then_some(crates)
        })
    }

    /// Reads a record; none if a file is missing or is not what was recorded.
    fn load(folder: &Path) -> Option<Self> {
        let mut crates: Self = serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()?;
        crates.folder = folder.to_path_buf();
        let lib = crates.lib();
        let whole = crates
            .files
            .iter()
            .all(|file| fs::metadata(lib.join(&file.name)).is_ok_and(|data| data.len() == file.size))
            && crates.native.iter().all(|folder| folder.is_dir());
        whole.then_some(crates)
    }

    /// Whether everything of an earlier set is in this one, unchanged.
    pub(super) fn contains(&self, earlier: &Self) -> bool {
        earlier.files.is_subset(&self.files)
    }

    /// The functions of C that files carry which the earlier set did not have.
    pub(super) fn new_symbols(&self, earlier: Option<&Self>) -> Vec<&str> {
        let new =
            self.symbols.iter().filter(|(file, _)| earlier.is_none_or(|earlier| !earlier.symbols.contains_key(*file)));
        let symbols: BTreeSet<&str> = new.flat_map(|(_, symbols)| symbols).map(String::as_str).collect();
        symbols.into_iter().collect()
    }

    /// The names of the crates that hooks can be made for.
    pub(super) fn hooks(&self) -> impl Iterator<Item = &str> {
        [TOKIO, RAYON].into_iter().filter(|name| self.support.contains_key(*name))
    }
}

impl Artefact {
    /// Whether rustc can take it for a crate.
    fn usable(&self) -> bool {
        !self.file().is_empty()
    }

    /// The name of the file that rustc takes.
    fn file(&self) -> String {
        let with =
            |extension: &str| self.files.iter().find(|file| file.extension().is_some_and(|own| own == extension));
        let macros = self.kinds.iter().any(|kind| kind == "proc-macro" || kind == "dylib");
        let file = with("rlib").or_else(|| if macros { with("so").or_else(|| with("dylib")) } else { None });
        file.and_then(|file| file.file_name()).and_then(|name| name.to_str()).unwrap_or_default().to_owned()
    }
}

impl BuiltFile {
    fn of(name: &str, data: &fs::Metadata) -> Self {
        let modified = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos() as u64);
        Self { name: name.to_owned(), size: data.len(), modified }
    }
}
