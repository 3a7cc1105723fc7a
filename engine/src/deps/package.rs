//! The cargo package that has a session's crates for dependencies, so that cargo builds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use oxikale_notebook::directives::Dependency;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::resolution::Support;
use crate::toolchain::Toolchain;

/// The package's name; no crate of that name is published.
pub(super) const NAME: &str = "oxikale-dependencies";

/// Variables that change what cargo builds.
const ENVIRONMENT: [&str; 8] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "CARGO_HOME",
    "CC",
    "CFLAGS",
    "PKG_CONFIG_PATH",
];

/// What cargo is asked for: crates, and how they are to be compiled.
#[derive(Debug, Clone)]
pub(super) struct Package {
    dependencies: Table,
    pub(super) optimisation: String,
    /// Whether crates of this machine are among them, whose sources may change at any time.
    pub(super) local: bool,
    /// Stands for all of it, the compiler and the flags.
    pub(super) key: String,
    /// Stands for the compiler and the flags alone.
    pub(super) flags: String,
}

impl Package {
    /// The package of these dependencies. `folder` is where relative paths start; `library` is the folder of the
    /// embedded library `oxikale`, which is the one that is meant by this name.
    pub(super) fn new(
        list: &[Dependency],
        optimisation: &str,
        toolchain: &Toolchain,
        folder: &Path,
        library: Option<&Path>,
    ) -> Self {
        let mut dependencies = Table::new();
        let mut local = false;
        for dependency in list {
            let mut dependency = dependency.clone();
            // A dependency that cargo leaves out is not what `:dep` means.
            dependency.optional = None;
            if dependency.name == "oxikale"
                && let Some(library) = library
            {
                dependency = Dependency {
                    name: dependency.name,
                    path: Some(library.display().to_string()),
                    features: dependency.features,
                    default_features: dependency.default_features,
                    ..Dependency::default()
                };
            } else if let Some(path) = &dependency.path {
                let path = folder.join(path);
                dependency.path = Some(path.canonicalize().unwrap_or(path).display().to_string());
                local = true;
            }
            dependencies.insert(dependency.name.clone(), Value::Table(dependency.to_toml()));
        }
        let mut flags = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
        flags.update(&toolchain.key);
        for name in ENVIRONMENT {
            flags.update([0]);
            flags.update(env::var_os(name).unwrap_or_default().as_encoded_bytes());
        }
        for file in configuration(folder) {
            if let Ok(text) = fs::read(file) {
                flags.update([1]);
                flags.update(text);
            }
        }
        let flags = flags.finalize();
        let mut package =
            Self { dependencies, optimisation: optimisation.to_owned(), local, key: String::new(), flags: hex(&flags) };
        let mut key = Sha256::new_with_prefix(flags);
        key.update(package.manifest(&[]));
        package.key = hex(&key.finalize());
        package
    }

    /// The text of `Cargo.toml`, with crates of our own beside the user's.
    pub(super) fn manifest(&self, support: &[Support]) -> String {
        let table = |pairs: Vec<(&str, Value)>| {
            Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        let level = match self.optimisation.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(self.optimisation.as_str()),
        };
        let mut dependencies = self.dependencies.clone();
        let mut build = Table::new();
        for support in support {
            let users = support
                .users
                .as_ref()
                .and_then(|name| dependencies.iter_mut().find(|(key, _)| key.replace('-', "_") == *name));
            match (users, support.host) {
                (Some((key, _)), true) => drop(build.insert(key.clone(), Value::Table(support.specification.clone()))),
                (Some((_, Value::Table(users))), false) => add_features(users, &support.specification),
                (_, true) => drop(build.insert(support.name.clone(), Value::Table(support.specification.clone()))),
                (_, false) => {
                    dependencies.insert(support.name.clone(), Value::Table(support.specification.clone()));
                }
            }
        }
        let manifest = BTreeMap::from([
            (
                "package",
                table(vec![
                    ("name", Value::from(NAME)),
                    ("version", Value::from("0.0.0")),
                    ("edition", Value::from("2024")),
                    ("publish", Value::from(false)),
                ]),
            ),
            ("lib", table(vec![("path", Value::from("lib.rs"))])),
            ("dependencies", Value::Table(dependencies)),
            ("build-dependencies", Value::Table(build)),
            // A package of its own, wherever the cache lies.
            ("workspace", Value::Table(Table::new())),
            (
                "profile",
                table(vec![(
                    "dev",
                    table(vec![
                        ("opt-level", level),
                        ("debug", Value::from(false)),
                        ("incremental", Value::from(false)),
                        ("codegen-units", Value::from(16)),
                        ("debug-assertions", Value::from(true)),
                        ("overflow-checks", Value::from(true)),
                        // Another level than that of the crates: by it the two are told apart.
                        (
                            "build-override",
                            table(vec![("opt-level", Value::from(i64::from(self.optimisation == "0")))]),
                        ),
                    ]),
                )]),
            ),
        ]);
        let mut text = String::new();
        for (name, value) in manifest {
            let Value::Table(value) = value else { continue };
            text.push_str(&Table::from_iter([(name.to_owned(), Value::Table(value))]).to_string());
        }
        text
    }

    /// Writes the package.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(super) fn write(&self, folder: &Path, support: &[Support], lock: Option<&str>) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let manifest = folder.join("Cargo.toml");
        write_if_changed(&manifest, &self.manifest(support))?;
        write_if_changed(&folder.join("lib.rs"), "")?;
        if let Some(lock) = lock {
            write_if_changed(&folder.join("Cargo.lock"), lock)?;
        }
        Ok(manifest)
    }
}

fn add_features(dependency: &mut Table, more: &Table) {
    let features = |table: &Table| table.get("features").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = features(dependency);
    for feature in features(more) {
        if !all.contains(&feature) {
            all.push(feature);
        }
    }
    if !all.is_empty() {
        dependency.insert("features".to_owned(), Value::Array(all));
    }
}

/// Files that cargo takes settings from when it runs in `folder`.
fn configuration(folder: &Path) -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let above = folder.ancestors().map(|folder| folder.join(".cargo"));
    above.chain(home).flat_map(|folder| [folder.join("config.toml"), folder.join("config")]).collect()
}

/// Leaves a file that has this text already untouched, so that cargo sees no change.
fn write_if_changed(path: &Path, text: &str) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text)
}

/// The first bytes of a hash, as text.
pub(super) fn hex(hash: &[u8]) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
