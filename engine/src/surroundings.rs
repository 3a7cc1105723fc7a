//! What the code of a cell finds around it, for tools that read cells without compiling them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the next cell can name, and where the sources of it are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Surroundings {
    /// The compiler, which knows the target.
    pub rustc: PathBuf,
    /// The command that knows the crates' sources.
    pub cargo: PathBuf,
    /// `x86_64-unknown-linux-gnu`.
    pub host: String,
    /// What `rustc --version --verbose` says.
    pub version: String,
    /// The folder `library` of the standard library's sources, where they are installed.
    pub library: Option<PathBuf>,
    /// The crates of the session; none where it has none.
    pub packages: Option<Packages>,
    /// The items of the session, in an order in which macros come before their uses.
    pub items: Vec<ItemSource>,
    /// The variables of the session.
    pub variables: Vec<VariableSource>,
}

/// The cargo package that has a session's crates for dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// Its manifest.
    pub manifest: PathBuf,
    /// The text of its lock file, in which the package itself may be missing.
    pub lock: String,
    /// The folder whose settings of cargo hold.
    pub folder: PathBuf,
    /// The folder that cargo built it in, where the results of build scripts are.
    pub target: PathBuf,
}

/// An item of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSource {
    /// The cell that it is from.
    pub cell: String,
    /// Its text, as it stands in the cell.
    pub source: String,
}

/// A variable of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableSource {
    /// Its name.
    pub name: String,
    /// Its type with the full paths of all that it names, so that code beside [`Surroundings::items`] may write it.
    pub type_name: String,
    /// Whether it was declared `mut`.
    pub mutable: bool,
}
