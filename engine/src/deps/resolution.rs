//! What cargo chose: the packages, their features, and the crates that we add to serve them.

use std::collections::{BTreeMap, BTreeSet};

use oxikale_notebook::directives::Dependency;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// What `cargo metadata` says.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Described>,
    resolve: Graph,
}

#[derive(Debug, Deserialize)]
struct Described {
    id: String,
    name: String,
    version: String,
    source: Option<String>,
    features: BTreeMap<String, Vec<String>>,
    targets: Vec<Target>,
}

impl Described {
    fn has_library(&self) -> bool {
        let mut kinds = self.targets.iter().flat_map(|target| &target.kind);
        kinds.any(|kind| kind.ends_with("lib") || kind == "proc-macro")
    }
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Graph {
    nodes: Vec<Node>,
    root: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
    features: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    /// The name in code; empty where the package has no library.
    name: String,
    pkg: String,
}

/// A package that cargo chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chosen {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) features: BTreeSet<String>,
}

/// A dependency that we add to those of the user.
#[derive(Debug, Clone)]
pub(super) struct Support {
    /// What it serves: [`TOKIO`], [`RAYON`], or a name of its own.
    pub(super) name: String,
    /// The name of the user's dependency on the same package, which cargo wants to be named once.
    pub(super) users: Option<String>,
    /// What stands in the manifest.
    pub(super) specification: Table,
    /// The package that it is.
    pub(super) id: String,
    /// Whether only build scripts and procedural macros see it.
    pub(super) host: bool,
}

/// The name under which the generated code knows tokio.
pub(super) const TOKIO: &str = "oxikale_tokio";
/// The name under which the generated code knows rayon's pools.
pub(super) const RAYON: &str = "oxikale_rayon";

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Features that derive macros ask of the crates that all of them stand on. Each asks for others, and all share one
/// syn: without a common set, a crate added later would change the syn of those that are there, and with it every crate
/// that uses a derive.
const MACRO_FEATURES: [(&str, &[&str]); 3] = [
    ("proc-macro2", &["default", "proc-macro"]),
    ("quote", &["default", "proc-macro"]),
    (
        "syn",
        &[
            "default",
            "clone-impls",
            "derive",
            "extra-traits",
            "fold",
            "full",
            "parsing",
            "printing",
            "proc-macro",
            "visit",
            "visit-mut",
        ],
    ),
];

impl Metadata {
    fn package(&self, id: &str) -> Option<&Described> {
        self.packages.iter().find(|package| package.id == id)
    }

    fn root(&self) -> Option<&str> {
        self.resolve.root.as_deref()
    }

    /// The crates that the root names: name in code and package.
    pub(super) fn direct(&self) -> Vec<(String, String)> {
        let node = self.resolve.nodes.iter().find(|node| Some(node.id.as_str()) == self.root());
        let edges = node.map(|node| node.deps.as_slice()).unwrap_or_default();
        edges.iter().filter(|edge| !edge.name.is_empty()).map(|edge| (edge.name.clone(), edge.pkg.clone())).collect()
    }

    /// Whether a dependency is a package without a library; cargo leaves it out.
    pub(super) fn is_program(&self, dependency: &Dependency) -> bool {
        let name = dependency.package.as_deref().unwrap_or(&dependency.name);
        !self.packages.iter().any(|package| package.name == name && package.has_library())
    }

    /// The packages, without the root.
    pub(super) fn chosen(&self) -> Vec<Chosen> {
        let mut chosen: Vec<Chosen> = self
            .resolve
            .nodes
            .iter()
            .filter(|node| Some(node.id.as_str()) != self.root())
            .filter_map(|node| {
                let package = self.package(&node.id)?;
                Some(Chosen {
                    id: node.id.clone(),
                    name: package.name.clone(),
                    version: package.version.clone(),
                    features: node.features.iter().cloned().collect(),
                })
            })
            .collect();
        chosen.sort_by(|a, b| a.id.cmp(&b.id));
        chosen
    }

    /// How many libraries cargo has to make, at most.
    pub(super) fn libraries(&self) -> u64 {
        let library = |package: &&Described| Some(package.id.as_str()) != self.root() && package.has_library();
        self.packages.iter().filter(library).count() as u64
    }

    /// The crates that the generated code needs for its hooks, and those that keep later additions from changing what
    /// is there.
    pub(super) fn support(&self) -> Vec<Support> {
        let mut support = Vec::new();
        let direct = self.direct();
        for node in &self.resolve.nodes {
            let Some(package) = self.package(&node.id) else { continue };
            let has = |feature: &str| package.features.contains_key(feature);
            if package.source.as_deref() != Some(REGISTRY) {
                continue;
            }
            let (name, features, host): (String, Vec<&str>, bool) = match package.name.as_str() {
                "tokio" if node.features.iter().any(|feature| feature == "rt") && has("rt-multi-thread") => {
                    (TOKIO.to_owned(), vec!["rt-multi-thread"], false)
                }
                // A pool that begins with the thread that makes it.
                "rayon-core" if at_least(&package.version, [1, 12]) => (RAYON.to_owned(), vec![], false),
                name => {
                    let Some((_, features)) = MACRO_FEATURES.iter().find(|(own, _)| *own == name) else { continue };
                    let features = features.iter().copied().filter(|feature| has(feature)).collect();
                    (format!("oxikale_{name}_{}", package.version.replace(['.', '-', '+'], "_")), features, true)
                }
            };
            let mut specification = Table::new();
            specification.insert("package".to_owned(), Value::from(package.name.as_str()));
            let version = package.version.split('+').next().unwrap_or_default();
            specification.insert("version".to_owned(), Value::from(format!("={version}")));
            specification.insert("default-features".to_owned(), Value::from(false));
            specification.insert("features".to_owned(), Value::Array(features.into_iter().map(Value::from).collect()));
            let users = direct.iter().find(|(_, id)| *id == node.id).map(|(name, _)| name.clone());
            support.push(Support { name, users, specification, id: node.id.clone(), host });
        }
        support
    }
}

fn at_least(version: &str, least: [u64; 2]) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().unwrap_or(0));
    [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)] >= least
}

/// Says in words why crates that were there cannot stay as they are.
pub(super) fn difference(before: &[Chosen], after: &[Chosen]) -> Option<String> {
    let mut changes = Vec::new();
    for old in before {
        let same: Vec<&Chosen> = after.iter().filter(|new| new.name == old.name).collect();
        if let Some(new) = same.iter().find(|new| new.version == old.version) {
            let added: Vec<&str> = new.features.difference(&old.features).map(String::as_str).collect();
            let gone: Vec<&str> = old.features.difference(&new.features).map(String::as_str).collect();
            let features =
                |list: &[&str]| format!("feature{} `{}`", if list.len() == 1 { "" } else { "s" }, list.join("`, `"));
            match (added.is_empty(), gone.is_empty()) {
                (true, true) => {}
                (false, _) => changes.push(format!("`{}` is built with the {} too", old.name, features(&added))),
                (true, false) => changes.push(format!("`{}` is built without the {}", old.name, features(&gone))),
            }
        } else if let Some(new) = same.first() {
            changes.push(format!("`{}` changes from {} to {}", old.name, old.version, new.version));
        } else {
            changes.push(format!("`{}` is no longer needed", old.name));
        }
    }
    match changes.len() {
        0 => None,
        1..=3 => Some(changes.join(", ")),
        more => Some(format!("{}, and {} more", changes[..2].join(", "), more - 2)),
    }
}
