//! The cargo package of a step program: its manifest, its lock file, its source.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use oxikale_notebook::directives::Dependency;
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::program::{Linked, Program};

/// Crates whose types serde knows only with a feature, and the feature.
const SERDE_FEATURES: [(&str, &str); 22] = [
    ("arrayvec", "serde"),
    ("bytes", "serde"),
    ("chrono", "serde"),
    ("either", "serde"),
    ("euclid", "serde"),
    ("glam", "serde"),
    ("half", "serde"),
    ("hashbrown", "serde"),
    ("indexmap", "serde"),
    ("nalgebra", "serde-serialize"),
    ("ndarray", "serde"),
    ("num-bigint", "serde"),
    ("num-complex", "serde"),
    ("num-rational", "serde"),
    ("ordered-float", "serde"),
    ("petgraph", "serde-1"),
    ("rust_decimal", "serde"),
    ("semver", "serde"),
    ("smallvec", "serde"),
    ("smartcore", "serde"),
    ("url", "serde"),
    ("uuid", "serde"),
];

/// Where a program is built.
#[derive(Debug)]
pub(super) struct Package {
    /// The name of the package and of its binary.
    pub(super) name: String,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// The notebook's own lock file.
    pub(super) lock: PathBuf,
    /// Whether it links crates of this machine, whose sources may change at any time.
    pub(super) has_local_crates: bool,
}

/// Writes the package of `program` below `cache`; what is there already and the same stays untouched.
///
/// # Errors
/// When files cannot be read or written.
pub(super) fn write(program: &Program, notebook: &Path, cache: &Path, library: &Path) -> io::Result<Package> {
    let place = Sha256::digest(notebook.as_os_str().as_encoded_bytes());
    let name = format!("{}-{}", program.package, super::hex(&place[..4]));
    let folder = cache.join("packages").join(&name);
    fs::create_dir_all(folder.join("src"))?;
    let directory = notebook.parent().unwrap_or(Path::new("."));
    let manifest = manifest(program, &name, directory, library);
    super::write_if_changed(&folder.join("Cargo.toml"), &manifest)?;
    super::write_if_changed(&folder.join("src/main.rs"), &program.main)?;
    let lock = notebook.with_extension("lock");
    let seeds = [lock.clone(), directory.join("Cargo.lock")];
    if let Some(seed) = seeds.iter().find_map(|seed| fs::read_to_string(seed).ok()) {
        let own = folder.join("Cargo.lock");
        if fs::read_to_string(&own).ok().map(|text| without_package(&text, &name)).as_deref() != Some(seed.as_str()) {
            fs::write(&own, seed)?;
        }
    }
    let has_local_crates =
        program.dependencies.iter().any(|dependency| dependency.path.is_some() && dependency.name != "oxikale");
    Ok(Package { name, folder, lock, has_local_crates })
}

impl Package {
    /// Keeps cargo's lock file beside the notebook; says whether it is new or another than before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep_lock(&self) -> io::Result<bool> {
        let text = without_package(&fs::read_to_string(self.folder.join("Cargo.lock"))?, &self.name);
        if fs::read_to_string(&self.lock).is_ok_and(|old| old == text) {
            return Ok(false);
        }
        super::write_if_changed(&self.lock, &text)?;
        Ok(true)
    }
}

/// A lock file without the entry of the program itself, whose name depends on where the notebook lies.
fn without_package(lock: &str, name: &str) -> String {
    let entry = format!("[[package]]\nname = \"{name}\"\n");
    match lock.find(&entry) {
        None => lock.to_owned(),
        Some(start) => {
            let end = lock[start + 1..].find("[[package]]").map_or(lock.len(), |next| start + 1 + next);
            let mut text = lock[..start].to_owned();
            text.push_str(&lock[end..]);
            text.truncate(text.trim_end().len());
            text.push('\n');
            text
        }
    }
}

/// The notebook's crates as a program or a session must link them. `directory` is where relative paths start.
pub(super) fn link(dependencies: &[Dependency], directory: &Path) -> Linked {
    let mut linked = Vec::new();
    let mut features = BTreeSet::from(["step"]);
    for dependency in dependencies {
        if dependency.name == "oxikale" {
            continue;
        }
        let mut dependency = dependency.clone();
        if let Some(path) = &dependency.path {
            let path = directory.join(path);
            dependency.path = Some(path.canonicalize().unwrap_or(path).display().to_string());
        }
        let package = dependency.package.clone().unwrap_or_else(|| dependency.name.clone());
        if package == "ndarray"
            && dependency.version.as_deref().is_none_or(|version| version == "*" || version.contains("0.17"))
        {
            features.insert("ndarray");
        }
        if let Some(feature) = serde_feature(&package, &dependency) {
            dependency.features.insert(feature);
        }
        linked.push(dependency);
    }
    Linked { dependencies: linked, features }
}

fn manifest(program: &Program, name: &str, directory: &Path, library: &Path) -> String {
    let Linked { dependencies, features } = link(&program.dependencies, directory);
    let mut dependencies: Table = dependencies
        .into_iter()
        .map(|dependency| (dependency.name.clone(), Value::Table(dependency.to_toml())))
        .collect();
    let mut oxikale = Table::new();
    oxikale.insert("path".to_owned(), Value::from(library.display().to_string()));
    oxikale.insert("features".to_owned(), Value::Array(features.into_iter().map(Value::from).collect()));
    dependencies.insert("oxikale".to_owned(), Value::Table(oxikale));
    if program.asynchronous && !dependencies.contains_key("tokio") {
        let mut tokio = Table::new();
        tokio.insert("version".to_owned(), Value::from("1"));
        tokio.insert("features".to_owned(), Value::Array(vec![Value::from("full")]));
        dependencies.insert("tokio".to_owned(), Value::Table(tokio));
    }

    let table = |pairs: Vec<(&str, Value)>| {
        Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let level = match program.opt_level {
        Some(digit @ '0'..='3') => Value::from(i64::from(digit.to_digit(10).unwrap_or(2))),
        Some(letter) => Value::from(letter.to_string()),
        None => Value::from(2),
    };
    let mut manifest = Table::new();
    manifest.insert(
        "package".to_owned(),
        table(vec![
            ("name", Value::from(name)),
            ("version", Value::from("0.0.0")),
            ("edition", Value::from("2024")),
            ("publish", Value::from(false)),
        ]),
    );
    manifest.insert("dependencies".to_owned(), Value::Table(dependencies));
    manifest.insert(
        "profile".to_owned(),
        table(vec![(
            "release",
            table(vec![
                ("opt-level", level),
                ("codegen-units", Value::from(16)),
                // A cell is edited often, and rebuilt each time.
                ("incremental", Value::from(true)),
                ("package", table(vec![("*", table(vec![("opt-level", Value::from(3))]))])),
            ]),
        )]),
    );
    // A package of its own, wherever the cache lies.
    manifest.insert("workspace".to_owned(), Value::Table(Table::new()));
    manifest.to_string()
}

/// The feature with which a crate's types can be handed on.
fn serde_feature(package: &str, dependency: &Dependency) -> Option<String> {
    if let Some(path) = &dependency.path {
        let manifest: Table = fs::read_to_string(Path::new(path).join("Cargo.toml")).ok()?.parse().ok()?;
        return manifest.get("features")?.get("serde").map(|_| "serde".to_owned());
    }
    SERDE_FEATURES.iter().find(|(name, _)| *name == package).map(|(_, feature)| (*feature).to_owned())
}

#[cfg(test)]
mod tests {
    use super::without_package;

    #[test]
    fn the_lock_file_does_not_tell_where_the_notebook_lies() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"notebook-x-12\"\nversion = \"0.0.0\"\ndependencies = [\n \"a\",\n]\n";
        assert_eq!(
            without_package(lock, "notebook-x-12"),
            "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n"
        );
    }
}
