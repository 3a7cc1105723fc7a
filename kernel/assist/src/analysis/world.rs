//! All that rust-analyzer knows: files, crates, and the cell that a question is about.

use std::path::{Path, PathBuf};
use std::thread;

use oxikale_engine::Surroundings;
use ra_ap_base_db::salsa::Durability;
use ra_ap_base_db::{FileId, FileSet, SourceDatabase, SourceRoot, SourceRootId, all_crates};
use ra_ap_hir::{ChangeWithProcMacros, TraitImpls, attach_db, crate_def_map};
use ra_ap_ide::{Analysis, AnalysisHost};
use triomphe::Arc;

use super::crates::{Crates, HASH_TABLES, STANDARD, hash_tables_root};
use super::frame::Frame;
use super::packages::Packages;
use super::source_files::{Folder, SourceFiles, virtual_path};
use super::target::Target;

/// What rust-analyzer knows.
pub(super) struct World {
    host: AnalysisHost,
    files: SourceFiles,
    /// How many source roots there are; the first is the notebook's.
    roots: u32,
    notebook: FileId,
    surroundings: Surroundings,
    target: Option<Target>,
    /// The library that was read.
    library: Option<PathBuf>,
    /// The packages that were read.
    packages: Packages,
    /// Whether [`Surroundings`] name other crates than those that were read.
    is_stale: bool,
    frame: Frame,
}

impl World {
    /// Nothing is known.
    pub(super) fn new() -> Self {
        let mut files = SourceFiles::default();
        // No file of this name is ever read.
        let path = Path::new("/notebook/cells.rs");
        let notebook = files.number(path);
        let mut world = Self {
            host: AnalysisHost::new(None),
            files,
            roots: 0,
            notebook,
            surroundings: Surroundings::default(),
            target: None,
            library: None,
            packages: Packages::default(),
            is_stale: true,
            frame: Frame::default(),
        };
        let mut set = FileSet::default();
        set.insert(notebook, virtual_path(path));
        world.add_root(SourceRoot::new_local(set), Durability::LOW);
        world
    }

    /// Takes over what cells find around them. Nothing is read yet.
    pub(super) fn update(&mut self, surroundings: Surroundings) {
        let places = |around: &Surroundings| {
            (around.rustc.clone(), around.cargo.clone(), around.library.clone(), around.packages.clone())
        };
        self.is_stale |= places(&surroundings) != places(&self.surroundings);
        self.surroundings = surroundings;
    }

    /// Shows a cell, and all that it needs, to rust-analyzer.
    pub(super) fn show(&mut self, cell: &str) -> Shown<'_> {
        let frame = Frame::new(&self.surroundings, cell);
        let mut change = ChangeWithProcMacros::default();
        if frame.text != self.frame.text || self.is_stale {
            change.change_file(self.notebook, Some(frame.text.clone()));
            self.frame = frame;
        }
        let loads = self.is_stale;
        if loads {
            self.load(&mut change);
            self.is_stale = false;
        }
        self.host.apply_change(change);
        if loads {
            self.prime();
        }
        Shown { analysis: self.host.analysis(), file: self.notebook, frame: &self.frame }
    }

    /// Reads what has not been read yet.
    fn load(&mut self, change: &mut ChangeWithProcMacros) {
        let surroundings = &self.surroundings;
        let library = surroundings.library.clone().filter(|library| self.library.as_ref() != Some(library));
        let known = self.target.take();
        let (target, packages, standard) = thread::scope(|scope| {
            let target = scope.spawn(|| known.unwrap_or_else(|| Target::ask(surroundings)));
            let packages = scope.spawn(|| {
                let packages = Packages::ask(surroundings);
                let folder = |package: &super::packages::Package| {
                    let folder = Folder::read(package.root.parent().unwrap_or(&package.folder));
                    match &package.script.out {
                        Some(out) => folder.and(out),
                        None => folder,
                    }
                };
                let folders: Vec<Folder> = packages
                    .packages
                    .iter()
                    .map(|package| {
                        let known = self.packages.packages.iter().any(|other| other.root == package.root);
                        if known { Folder::default() } else { folder(package) }
                    })
                    .collect();
                (packages, folders)
            });
            let mut standard = Folder::default();
            if let Some(library) = &library {
                for (name, _) in STANDARD {
                    standard = standard.and(&library.join(name).join("src"));
                }
                standard.add(hash_tables_root(library), HASH_TABLES.to_owned());
            }
            (target.join(), packages.join(), standard)
        });
        let target = target.unwrap_or_else(|_| Target::ask(&Surroundings::default()));
        let (packages, folders) = packages.unwrap_or_default();
        for folder in folders.into_iter().chain([standard]) {
            let (set, texts) = self.files.take(folder);
            if texts.is_empty() {
                continue;
            }
            self.add_root(SourceRoot::new_library(set), Durability::MEDIUM);
            for (file, text) in texts {
                change.change_file(file, Some(text));
            }
        }
        let mut crates = Crates::new(&target);
        if let Some(library) = &self.surroundings.library {
            crates.standard_library(library, &self.files);
        }
        let named = crates.packages(&packages, &self.files);
        change.set_crate_graph(crates.notebook(self.notebook, &named));
        self.target = Some(target);
        self.library = self.surroundings.library.clone();
        self.packages = packages;
    }

    /// Adds a root after those that are there, which stay as they are, and with them what is known of their files.
    fn add_root(&mut self, root: SourceRoot, durability: Durability) {
        let id = SourceRootId(self.roots);
        self.roots += 1;
        let database = self.host.raw_database_mut();
        for file in root.iter() {
            database.set_file_source_root_with_durability(file, id, durability);
        }
        database.set_source_root_with_durability(id, Arc::new(root), durability);
    }

    /// Finds out what every question needs, on all processors that help with it.
    fn prime(&self) {
        let database = self.host.raw_database();
        let crates: Vec<_> = all_crates(database).iter().copied().collect();
        let crates = crates.as_slice();
        let (names, implementations) = (database.clone(), database.clone());
        thread::scope(|scope| {
            scope.spawn(move || {
                for &krate in crates {
                    crate_def_map(&names, krate);
                }
            });
            scope.spawn(move || {
                for &krate in crates {
                    attach_db(&implementations, || TraitImpls::for_crate(&implementations, krate));
                }
            });
        });
    }
}

/// A cell that rust-analyzer can be asked about.
pub(super) struct Shown<'a> {
    pub(super) analysis: Analysis,
    pub(super) file: FileId,
    pub(super) frame: &'a Frame,
}
