//! The folder of one session: work in progress, and a copy of everything that later cells are compiled against.
//!
//! It lies outside the cache, so that a session goes on when the cache is emptied; but beside it where possible, since
//! a folder for temporary files may be on another disk, and may forbid that code is loaded from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, process};

use crate::engine::EngineError;
use crate::host::folder::{Folder, remove_orphans};

/// What the folders' names begin with.
const PURPOSE: &str = "oxikale-session";

/// The folder of one session, removed with it.
#[derive(Debug)]
pub(super) struct SessionFolder {
    folder: Folder,
    works: AtomicU64,
}

impl SessionFolder {
    /// Makes one below the folder of the user's data, and removes those of sessions whose process has been killed.
    pub(super) fn create(data: &Path) -> Result<Self, EngineError> {
        let sessions = data.join("sessions");
        remove_orphans(PURPOSE, Some(&sessions));
        Ok(Self { folder: Folder::create(PURPOSE, Some(&sessions))?, works: AtomicU64::new(0) })
    }

    /// Where the libraries are that later cells are compiled against.
    pub(super) fn libraries(&self) -> PathBuf {
        self.folder.join("libraries")
    }

    /// An empty folder for one compilation.
    pub(super) fn work(&self) -> io::Result<PathBuf> {
        let number = self.works.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(&format!("work-{number}"));
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Takes a library in, as a link where the file systems allow it, and returns where it is now.
    pub(super) fn take_in(&self, library: &Path) -> io::Result<PathBuf> {
        let folder = self.libraries();
        let name = library.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let own = folder.join(name);
        if own.exists() {
            return Ok(own);
        }
        fs::create_dir_all(&folder)?;
        if fs::hard_link(library, &own).is_err() {
            // A compilation ahead may do the same at this moment: nobody must see half a file.
            let part = folder.join(format!(".{}-{}", process::id(), self.works.fetch_add(1, Ordering::Relaxed)));
            fs::copy(library, &part)?;
            fs::rename(&part, &own)?;
        }
        Ok(own)
    }
}
