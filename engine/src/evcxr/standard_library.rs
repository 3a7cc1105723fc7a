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
    find(env::var_os("RUST_SRC_PATH").map(PathBuf::from), &toolchain.sysroot, cache)
}

fn find(named: Option<PathBuf>, sysroot: &Path, cache: &Path) -> Result<Option<PathBuf>, EngineError> {
    let component = sysroot.join("lib/rustlib/src/rust/library");
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::find;

    fn library(folder: &Path) {
        fs::create_dir_all(folder.join("core/src")).unwrap();
        fs::write(folder.join("core/src/lib.rs"), "").unwrap();
    }

    #[test]
    fn sources_are_looked_for_where_they_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let (sysroot, cache, named) =
            (folder.path().join("sysroot"), folder.path().join("cache"), folder.path().join("named"));
        let error = find(None, &sysroot, &cache).unwrap_err();
        assert!(error.message.contains("rustup component add rust-src"), "{error}");
        assert!(find(Some(named.clone()), &sysroot, &cache).is_err());
        library(&cache.join("rust-src/library"));
        assert_eq!(find(Some(named.clone()), &sysroot, &cache), Ok(Some(cache.join("rust-src/library"))));
        library(&named);
        assert_eq!(find(Some(named), &sysroot, &cache), Ok(None));
        library(&sysroot.join("lib/rustlib/src/rust/library"));
        assert_eq!(find(None, &sysroot, &cache), Ok(None));
    }
}
