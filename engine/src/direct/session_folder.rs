//! The folder of one session: work in progress, and a link to every unit in use.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process};

use crate::engine::EngineError;

/// The folder of one session, removed with it.
#[derive(Debug)]
pub(super) struct SessionFolder(pub(super) PathBuf);

impl SessionFolder {
    /// Makes one below a cache folder, or, if that cannot be written to, in the folder for temporary files.
    pub(super) fn create(cache: &Path) -> Result<Self, EngineError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let sessions = cache.join("sessions");
        remove_orphans(&sessions);
        for parent in [sessions, env::temp_dir().join("oxikale-sessions")] {
            let folder = parent.join(&name);
            // Of a process that had this number before.
            drop(fs::remove_dir_all(&folder));
            if fs::create_dir_all(folder.join("units")).is_ok() {
                return Ok(Self(folder));
            }
        }
        Err(EngineError::new(format!(
            "neither {} nor {} can be written to; set OXIKALE_CACHE to a folder that can",
            cache.display(),
            env::temp_dir().display()
        )))
    }
}

impl Drop for SessionFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Removes the folders of sessions whose process has been killed.
fn remove_orphans(sessions: &Path) {
    let Ok(entries) = fs::read_dir(sessions) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_string_lossy().split('-').next().and_then(|number| number.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) && Path::new("/proc/self").exists()
        {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
