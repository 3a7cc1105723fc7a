//! Keeps compiled cells and units on disk, for later runs and for other sessions.
//!
//! An entry is a folder named after the hash of everything that went into it. It is made elsewhere and renamed into
//! place, so that a reader never sees half of one; its record has the hashes of its files, so that a damaged one is
//! noticed. Entries that nobody has used for longest are removed when the cache grows beyond its limit.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// So many entries are written between two looks at the cache's size.
const BETWEEN_PRUNES: u64 = 64;

/// The file that makes a folder an entry.
const RECORD: &str = "record.json";

/// The cache of one kind of thing.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Bytes.
    limit: u64,
    written: AtomicU64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record<T> {
    /// Names and hashes.
    files: Vec<(String, String)>,
    value: T,
}

impl Cache {
    /// The cache in this folder, which is made when something is put into it.
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit, written: AtomicU64::new(0) }
    }

    fn place(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }

    /// The folder and the value of an entry, if it is there and whole.
    pub(super) fn get<T: for<'a> Deserialize<'a>>(&self, key: &str) -> Option<(PathBuf, T)> {
        let folder = self.place(key);
        let file = folder.join(RECORD);
        let text = fs::read_to_string(&file).ok()?;
        let record: Option<Record<T>> = serde_json::from_str(&text).ok();
        let whole = record.filter(|record| are_whole(&folder, &record.files));
        let Some(record) = whole else {
            self.remove(key);
            return None;
        };
        // The time of the last use; a cache that cannot be written to is used all the same.
        if let Ok(file) = File::options().append(true).open(&file) {
            drop(file.set_modified(SystemTime::now()));
        }
        Some((folder, record.value))
    }

    /// Puts the files of `work` into the cache, and returns where they are now: in the cache, or, if it cannot be
    /// written to, where they were.
    pub(super) fn put<T: Serialize>(&self, key: &str, work: &Path, names: &[String], value: &T) -> io::Result<PathBuf> {
        let mut files = Vec::new();
        for name in names {
            files.push((name.clone(), hash(&work.join(name))?));
        }
        let record = serde_json::to_vec(&Record { files, value })?;
        fs::write(work.join(RECORD), record)?;
        let place = self.place(key);
        let moved = fs::create_dir_all(&self.folder).and_then(|()| match fs::rename(work, &place) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.copy(work, names, &place),
            other => other,
        });
        if moved.is_err() {
            // Another process was faster, or the cache cannot be written to.
            let theirs = self.get::<serde_json::Value>(key).map(|(place, _)| place);
            return Ok(theirs.unwrap_or_else(|| work.to_path_buf()));
        }
        if self.written.fetch_add(1, Ordering::Relaxed) % BETWEEN_PRUNES == BETWEEN_PRUNES - 1 {
            self.prune();
        }
        Ok(place)
    }

    /// Puts an entry into its place from another file system.
    fn copy(&self, work: &Path, names: &[String], place: &Path) -> io::Result<()> {
        let number = self.written.load(Ordering::Relaxed);
        let part = self.folder.join(format!(
            ".{}-{number}-{}",
            process::id(),
            place.file_name().unwrap_or_default().display()
        ));
        let copied = fs::create_dir_all(&part).and_then(|()| {
            for name in names.iter().map(String::as_str).chain([RECORD]) {
                fs::copy(work.join(name), part.join(name))?;
            }
            fs::rename(&part, place)
        });
        drop(fs::remove_dir_all(if copied.is_ok() { work } else { &part }));
        copied
    }

    /// Removes an entry.
    pub(super) fn remove(&self, key: &str) {
        drop(fs::remove_dir_all(self.place(key)));
    }

    /// Removes the entries that were not used for longest until the rest is within the limit.
    pub(super) fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut all: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let path = entry.path();
            let used = fs::metadata(path.join(RECORD)).and_then(|data| data.modified());
            let size = fs::read_dir(&path)
                .map(|files| files.flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum())
                .unwrap_or(0);
            all.push((used.unwrap_or(SystemTime::UNIX_EPOCH), size, path));
        }
        let mut total: u64 = all.iter().map(|(_, size, _)| size).sum();
        all.sort();
        for (used, size, path) in all {
            if total <= self.limit {
                return;
            }
            // What is in use just now may be about to be loaded.
            if used.elapsed().is_ok_and(|age| age < Duration::from_secs(60)) {
                return;
            }
            drop(fs::remove_dir_all(&path));
            total -= size;
        }
    }
}

/// Whether all files are there as they were.
fn are_whole(folder: &Path, files: &[(String, String)]) -> bool {
    files.iter().all(|(name, known)| hash(&folder.join(name)).is_ok_and(|hash| hash == *known))
}

fn hash(file: &Path) -> io::Result<String> {
    Ok(format!("{:x}", Sha256::digest(fs::read(file)?)))
}
