//! Finds the sources of the standard library, out of which rust-analyzer learns what the types of std are.

use std::env;
use std::path::{Path, PathBuf};

use crate::toolchain::Toolchain;

/// Where the toolchain's own sources are when they are installed.
pub(crate) fn component(toolchain: &Toolchain) -> PathBuf {
    toolchain.sysroot.join("lib/rustlib/src/rust/library")
}

/// The folder `library` of the sources: that of `RUST_SRC_PATH`, the toolchain's, or the one in the cache, whichever is
/// there first.
pub(crate) fn folder(toolchain: &Toolchain, cache: &Path) -> Option<PathBuf> {
    find(env::var_os("RUST_SRC_PATH").map(PathBuf::from), component(toolchain), cache)
}

fn find(named: Option<PathBuf>, component: PathBuf, cache: &Path) -> Option<PathBuf> {
    // Where the project's set-up script puts them when rustup has none to give.
    let fallback = cache.join("rust-src/library");
    named.into_iter().chain([component, fallback]).find(|folder| is_library(folder))
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
        let (component, cache, named) =
            (folder.path().join("sysroot"), folder.path().join("cache"), folder.path().join("named"));
        let fallback = cache.join("rust-src/library");
        assert_eq!(find(Some(named.clone()), component.clone(), &cache), None);
        library(&fallback);
        assert_eq!(find(Some(named.clone()), component.clone(), &cache), Some(fallback));
        library(&component);
        assert_eq!(find(Some(named.clone()), component.clone(), &cache), Some(component.clone()));
        library(&named);
        assert_eq!(find(Some(named.clone()), component.clone(), &cache), Some(named));
        assert_eq!(find(Some("relative".into()), component.clone(), &cache), Some(component));
    }
}
