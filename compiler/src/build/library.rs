//! The library `oxikale` as step programs link it: its sources lie in this command, and are written to the cache.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Path in the package → text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// The folder of the library's package below `cache`, written if it is not there. Its name tells its content, so
/// different versions of the command do not disturb each other.
///
/// # Errors
/// When the folder cannot be written.
pub fn provide(cache: &Path) -> io::Result<PathBuf> {
    let mut hash = Sha256::new();
    for (name, text) in FILES {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let folder = cache.join("library").join(super::hex(&hash.finalize()[..8])).join("oxikale");
    if folder.join("complete").exists() {
        return Ok(folder);
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        super::write_if_changed(&path, text)?;
    }
    fs::write(folder.join("complete"), "")?;
    Ok(folder)
}
