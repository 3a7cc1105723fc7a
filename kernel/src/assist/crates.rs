//! Names of crates: those that this machine's cargo has met, and those that notebooks use most.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

/// What notebooks of this field use.
const WELL_KNOWN: [&str; 42] = [
    "anyhow",
    "argmin",
    "approx",
    "bytes",
    "candle-core",
    "chrono",
    "clarabel",
    "csv",
    "faer",
    "flate2",
    "futures",
    "good_lp",
    "image",
    "indexmap",
    "itertools",
    "linfa",
    "nalgebra",
    "ndarray",
    "ndarray-linalg",
    "ndarray-npy",
    "ndarray-stats",
    "num",
    "num-complex",
    "num-traits",
    "oxikale",
    "parquet",
    "plotters",
    "polars",
    "rand",
    "rand_distr",
    "rayon",
    "regex",
    "reqwest",
    "serde",
    "serde_json",
    "smartcore",
    "sprs",
    "statrs",
    "time",
    "tokio",
    "toml",
    "uuid",
];

/// The names of crates, sorted.
pub(super) fn names() -> &'static BTreeSet<String> {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names: BTreeSet<String> = WELL_KNOWN.iter().map(|name| (*name).to_owned()).collect();
        if let Some(index) = index() {
            for registry in folders(&index) {
                collect(&registry.join(".cache"), 0, &mut names);
            }
        }
        names
    })
}

/// Where cargo keeps what it knows of registries.
fn index() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("CARGO_HOME").or_else(|| Some(set("HOME")?.join(".cargo")))?;
    Some(home.join("registry/index"))
}

/// A crate's file lies two folders deep, under the first letters of its name.
fn collect(folder: &Path, depth: usize, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if depth < 2 {
                collect(&path, depth + 1, names);
            }
        } else if let Ok(name) = entry.file_name().into_string()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            names.insert(name);
        }
    }
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
