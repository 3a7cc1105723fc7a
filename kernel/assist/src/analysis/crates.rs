//! Describes the crates to rust-analyzer: the standard library, the session's crates, and the notebook itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ra_ap_base_db::{
    AbsPathBuf, CrateBuilderId, CrateDisplayName, CrateGraphBuilder, CrateName, CrateOrigin, CrateWorkspaceData,
    DependencyBuilder, Env, FileId, LangCrateOrigin,
};
use ra_ap_hir::{CfgAtom, CfgOptions, Symbol};
use ra_ap_ide::Edition;
use triomphe::Arc;

use super::packages::{Package, Packages};
use super::source_files::SourceFiles;
use super::target::{Target, atom};

/// The crates of the standard library that code can see, those first that others need, with what each needs.
///
/// What std needs besides stands behind private fields, so that nobody completes it; but see [`HASH_TABLES`].
pub(super) const STANDARD: [(&str, &[&str]); 5] = [
    ("core", &[]),
    ("alloc", &["core"]),
    (HASHBROWN, &["core"]),
    ("std", &["alloc", "core", HASHBROWN]),
    ("proc_macro", &["std", "core"]),
];

/// The crate whose hash tables are in std.
const HASHBROWN: &str = "hashbrown";

/// The text of a crate in the place of `hashbrown`, whose sources are not among those of the standard library.
pub(super) const HASH_TABLES: &str = include_str!("hash_tables.rs");

/// The file of the root module of a crate of the standard library.
pub(super) fn standard_root(library: &Path, name: &str) -> PathBuf {
    library.join(name).join("src/lib.rs")
}

/// The file that [`HASH_TABLES`] would be.
pub(super) fn hash_tables_root(library: &Path) -> PathBuf {
    standard_root(library, HASHBROWN)
}

/// Puts a graph of crates together.
pub(super) struct Crates<'a> {
    graph: CrateGraphBuilder,
    target: &'a Target,
    data: Arc<CrateWorkspaceData>,
    folder: Arc<AbsPathBuf>,
    standard: Vec<(&'static str, CrateBuilderId)>,
}

impl<'a> Crates<'a> {
    /// No crates yet.
    pub(super) fn new(target: &'a Target) -> Self {
        let data = Arc::new(CrateWorkspaceData { target: target.layout.clone(), toolchain: target.version.clone() });
        let folder = Arc::new(AbsPathBuf::assert("/".into()));
        Self { graph: CrateGraphBuilder::default(), target, data, folder, standard: Vec::new() }
    }

    /// Adds the standard library, whose sources are in a folder.
    pub(super) fn standard_library(&mut self, library: &Path, files: &SourceFiles) {
        for (name, needs) in STANDARD {
            let Some(root) = files.known(&standard_root(library, name)) else { continue };
            let krate = self.graph.add_crate_root(
                root,
                Edition::Edition2024,
                Some(CrateDisplayName::from_canonical_name(name)),
                None,
                // What rust-analyzer understands of intrinsics is what is written for Miri.
                self.cfg(["miri"].map(|flag| CfgAtom::Flag(Symbol::intern(flag)))),
                None,
                Env::default(),
                CrateOrigin::Lang(LangCrateOrigin::from(name)),
                Vec::new(),
                false,
                Arc::clone(&self.folder),
                Arc::clone(&self.data),
            );
            for (other, id) in self.standard.clone() {
                if needs.contains(&other) {
                    self.connect(krate, other, id);
                }
            }
            self.standard.push((name, krate));
        }
    }

    /// Adds packages, and returns what cells may name of them.
    pub(super) fn packages(&mut self, packages: &Packages, files: &SourceFiles) -> Vec<(String, CrateBuilderId)> {
        let mut crates: BTreeMap<&str, CrateBuilderId> = BTreeMap::new();
        for package in &packages.packages {
            if let Some(root) = files.known(&package.root) {
                crates.insert(&package.id, self.package(package, root));
            }
        }
        for package in &packages.packages {
            let Some(&krate) = crates.get(package.id.as_str()) else { continue };
            for (name, id) in &package.needs {
                if let Some(&other) = crates.get(id.as_str()) {
                    self.connect(krate, name, other);
                }
            }
            self.connect_standard(krate);
        }
        let named = |(name, id): &(String, String)| Some((name.clone(), *crates.get(id.as_str())?));
        packages.direct.iter().filter_map(named).collect()
    }

    fn package(&mut self, package: &Package, root: FileId) -> CrateBuilderId {
        let mut environment = Env::default();
        environment.set("CARGO_MANIFEST_DIR", package.folder.display().to_string());
        environment.set("CARGO_PKG_NAME", package.name.clone());
        environment.set("CARGO_PKG_VERSION", package.version.clone());
        environment.set("CARGO_CRATE_NAME", package.name.replace('-', "_"));
        if let Some(out) = &package.script.out {
            environment.set("OUT_DIR", out.display().to_string());
        }
        for (name, value) in &package.script.environment {
            environment.set(name, value.clone());
        }
        let feature = |name: &String| CfgAtom::KeyValue { key: Symbol::intern("feature"), value: Symbol::intern(name) };
        let mut cfg = self.cfg(package.features.iter().map(feature));
        cfg.extend(package.script.cfg.iter().filter_map(|text| atom(text)));
        self.graph.add_crate_root(
            root,
            package.edition.parse().unwrap_or(Edition::Edition2021),
            Some(CrateDisplayName::from_canonical_name(&package.name)),
            Some(package.version.clone()),
            cfg,
            None,
            environment,
            CrateOrigin::Library { repo: None, name: Symbol::intern(&package.name) },
            Vec::new(),
            package.is_macro,
            Arc::clone(&self.folder),
            Arc::clone(&self.data),
        )
    }

    /// Adds the notebook, and is done.
    pub(super) fn notebook(mut self, root: FileId, named: &[(String, CrateBuilderId)]) -> CrateGraphBuilder {
        let krate = self.graph.add_crate_root(
            root,
            Edition::Edition2024,
            Some(CrateDisplayName::from_canonical_name("notebook")),
            None,
            self.cfg([]),
            None,
            Env::default(),
            CrateOrigin::Local { repo: None, name: Some(Symbol::intern("notebook")) },
            Vec::new(),
            false,
            Arc::clone(&self.folder),
            Arc::clone(&self.data),
        );
        for (name, other) in named {
            self.connect(krate, name, *other);
        }
        self.connect_standard(krate);
        self.graph
    }

    fn cfg(&self, more: impl IntoIterator<Item = CfgAtom>) -> CfgOptions {
        let debug = CfgAtom::Flag(Symbol::intern("debug_assertions"));
        self.target.cfg.iter().cloned().chain([debug]).chain(more).collect()
    }

    fn connect_standard(&mut self, krate: CrateBuilderId) {
        for (name, other) in self.standard.clone() {
            let Ok(crate_name) = CrateName::new(name) else { continue };
            if name == HASHBROWN {
                continue;
            }
            // The others are there after `extern crate` only.
            let visible = matches!(name, "core" | "std");
            let dependency = DependencyBuilder::with_prelude(crate_name, other, visible, true);
            // It fails for a cycle, which there is none.
            _ = self.graph.add_dep(krate, dependency);
        }
    }

    fn connect(&mut self, krate: CrateBuilderId, name: &str, other: CrateBuilderId) {
        // A package that needs itself for its own tests makes a cycle, which is left out.
        _ = self.graph.add_dep(krate, DependencyBuilder::new(CrateName::normalize_dashes(name), other));
    }
}
