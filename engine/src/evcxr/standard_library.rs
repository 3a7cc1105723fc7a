//! Finds the sources of the standard library, out of which rust-analyzer learns the types of variables.

use std::env;
use std::path::{Path, PathBuf};

use crate::engine::EngineError;
use crate::toolchain::Toolchain;

/// The folder for `RUST_SRC_PATH`; `None` where rust-analyzer finds the sources without it.
///
/// # Errors
/// If they are not installed: without them, evcxr knows the types of hardly any variable.
pub(super) fn folder(toolchain: &Toolchain, cache: &Path) -> Result<Option<PathBuf>, EngineError> {
    let named = env::var_os("RUST_SRC_PATH").map(PathBuf::from);
    let component = toolchain.sysroot.join("lib/rustlib/src/rust/library");
    // Where the project's set-up script puts them when rustup has none to give.
    let fallback = cache.join("rust-src/library");
    if named.is_some_and(|folder| is_library(&folder)) || is_library(&component) {
        return Ok(None);
    }
    if is_library(&fallback) {
        return Ok(Some(fallback));
    }
    Err(EngineError::new(format!(
        "evcxr learns the types of variables from the sources of the standard library, which are not in {}: \
         run `rustup component add rust-src`, or set RUST_SRC_PATH to a folder `library` of Rust's sources",
        component.display()
    )))
}

fn is_library(folder: &Path) -> bool {
    folder.is_absolute() && folder.join("core/src/lib.rs").is_file()
}
