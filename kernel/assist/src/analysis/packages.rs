//! The packages of a session's crates: where their sources are, and how they were compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use oxikale_engine::Surroundings;
use serde::Deserialize;

/// A package with a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// Cargo's name for it, by which others mention it.
    pub(super) id: String,
    /// As it is published.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) edition: String,
    /// The folder of its manifest.
    pub(super) folder: PathBuf,
    /// The file of its library's root module.
    pub(super) root: PathBuf,
    pub(super) is_macro: bool,
    pub(super) features: Vec<String>,
    /// What it needs: the name in code and the package's id.
    pub(super) needs: Vec<(String, String)>,
    pub(super) script: Script,
}

/// What a package's build script has said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Script {
    /// As they are written after `--cfg`.
    pub(super) cfg: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// Where it has written files.
    pub(super) out: Option<PathBuf>,
}

/// The packages of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Packages {
    pub(super) packages: Vec<Package>,
    /// What cells may name: the name in code and the package's id.
    pub(super) direct: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Described>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Described {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<DescribedTarget>,
}

#[derive(Deserialize)]
struct DescribedTarget {
    kind: Vec<String>,
    src_path: PathBuf,
    edition: String,
}

#[derive(Deserialize)]
struct Resolve {
    root: Option<String>,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    features: Vec<String>,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    name: String,
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

impl Packages {
    /// Asks cargo, which uses no network for it; no packages where it fails.
    pub(super) fn ask(surroundings: &Surroundings) -> Self {
        let Some(packages) = &surroundings.packages else { return Self::default() };
        let Ok(said) = metadata(surroundings, packages) else { return Self::default() };
        let Ok(metadata) = serde_json::from_slice::<Metadata>(&said) else { return Self::default() };
        Self::read(metadata, &scripts(&packages.target.join("debug/build")))
    }

    fn read(metadata: Metadata, scripts: &BTreeMap<String, Script>) -> Self {
        let described: BTreeMap<&str, &Described> =
            metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let needs = |id: &str| -> Vec<(String, String)> {
            let edges = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
            let normal = |edge: &&Edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()) && !edge.name.is_empty();
            edges.iter().filter(normal).map(|edge| (edge.name.clone(), edge.pkg.clone())).collect()
        };
        let Some(root) = metadata.resolve.root.as_deref() else { return Self::default() };
        // Crates of the engine's own are there so that crates can be added later.
        let hidden = |name: &str| name.starts_with("oxikale_");
        let direct: Vec<_> = needs(root).into_iter().filter(|(name, _)| !hidden(name)).collect();
        let mut packages = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<String> = direct.iter().map(|(_, id)| id.clone()).collect();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            let Some(package) = described.get(id.as_str()) else { continue };
            let is_macro = |target: &DescribedTarget| target.kind.iter().any(|kind| kind == "proc-macro");
            let is_library =
                |target: &DescribedTarget| target.kind.iter().any(|kind| kind == "lib" || kind.ends_with("lib"));
            let Some(target) = package.targets.iter().find(|target| is_library(target) || is_macro(target)) else {
                continue;
            };
            let is_macro = is_macro(target);
            // What a procedural macro needs is code that runs in the compiler: nobody completes it.
            let needs = if is_macro { Vec::new() } else { needs(&id) };
            open.extend(needs.iter().map(|(_, id)| id.clone()));
            packages.push(Package {
                name: package.name.clone(),
                version: package.version.clone(),
                edition: target.edition.clone(),
                folder: package.manifest_path.parent().map(Path::to_path_buf).unwrap_or_default(),
                root: target.src_path.clone(),
                is_macro,
                features: nodes.get(id.as_str()).map(|node| node.features.clone()).unwrap_or_default(),
                needs,
                script: scripts.get(&package.name).cloned().unwrap_or_default(),
                id,
            });
        }
        Self { packages, direct }
    }
}

/// What `cargo metadata` says. It runs on a copy of the package, whose lock file it may write.
fn metadata(surroundings: &Surroundings, packages: &oxikale_engine::Packages) -> io::Result<Vec<u8>> {
    let copy = env::temp_dir().join(format!("oxikale-assist-{}", std::process::id()));
    fs::create_dir_all(&copy)?;
    let said = (|| {
        fs::copy(&packages.manifest, copy.join("Cargo.toml"))?;
        fs::write(copy.join("lib.rs"), "")?;
        fs::write(copy.join("Cargo.lock"), &packages.lock)?;
        let mut command = Command::new(&surroundings.cargo);
        command
            .args(["metadata", "--offline", "--format-version=1", "--filter-platform", &surroundings.host])
            .arg("--manifest-path")
            .arg(copy.join("Cargo.toml"))
            .env("RUSTC", &surroundings.rustc)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        if packages.folder.is_dir() {
            command.current_dir(&packages.folder);
        }
        command.output()
    })();
    // It is in the system's folder for temporary files.
    _ = fs::remove_dir_all(&copy);
    let said = said?;
    if said.status.success() { Ok(said.stdout) } else { Err(io::Error::other("cargo metadata failed")) }
}

/// What build scripts have said, by the name of the package: the latest where there are several.
fn scripts(folder: &Path) -> BTreeMap<String, Script> {
    let mut latest: BTreeMap<String, (std::time::SystemTime, PathBuf)> = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Some(name) = entry.file_name().to_str().and_then(|name| Some(name.rsplit_once('-')?.0.to_owned())) else {
            continue;
        };
        let output = entry.path().join("output");
        let Ok(time) = fs::metadata(&output).and_then(|data| data.modified()) else { continue };
        if latest.get(&name).is_none_or(|(other, _)| *other < time) {
            latest.insert(name, (time, entry.path()));
        }
    }
    latest.into_iter().map(|(name, (_, folder))| (name, script(&folder))).collect()
}

fn script(folder: &Path) -> Script {
    let out = folder.join("out");
    let mut script = Script { out: out.is_dir().then_some(out), ..Script::default() };
    for line in fs::read_to_string(folder.join("output")).unwrap_or_default().lines() {
        let Some(said) = line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")) else { continue };
        match said.split_once('=') {
            Some(("rustc-cfg", cfg)) => script.cfg.push(cfg.to_owned()),
            Some(("rustc-env", variable)) => {
                if let Some((name, value)) = variable.split_once('=') {
                    script.environment.push((name.to_owned(), value.to_owned()));
                }
            }
            _ => {}
        }
    }
    script
}
