//! The files that rust-analyzer has read: each has a number, and stands in the root of its library or package.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ra_ap_base_db::{FileId, FileSet, VfsPath};

/// The longest file that is read, in bytes; longer ones are tables that a program wrote.
const LONGEST: u64 = 4 << 20;

/// Numbers files.
#[derive(Default)]
pub(super) struct SourceFiles {
    numbers: BTreeMap<PathBuf, FileId>,
}

/// The files of a folder, as they were read.
#[derive(Default)]
pub(super) struct Folder {
    files: Vec<(PathBuf, String)>,
}

impl Folder {
    /// Reads all Rust files below a folder, without those that belong to tests and examples.
    pub(super) fn read(folder: &Path) -> Self {
        let mut files = Self::default();
        files.walk(folder, 0);
        files
    }

    /// Adds the files of another folder.
    pub(super) fn and(mut self, folder: &Path) -> Self {
        self.walk(folder, 0);
        self
    }

    /// Adds a file that need not be there.
    pub(super) fn add(&mut self, path: PathBuf, text: String) {
        self.files.push((path, text));
    }

    fn walk(&mut self, folder: &Path, depth: usize) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Some(name) = name.to_str() else { continue };
            let Ok(kind) = fs::metadata(&path) else { continue };
            if kind.is_dir() {
                let other = matches!(name, "tests" | "benches" | "examples" | "target" | "node_modules");
                // A folder may be linked into itself.
                if !other && !name.starts_with('.') && depth < 32 {
                    self.walk(&path, depth + 1);
                }
            } else if name.ends_with(".rs")
                && kind.len() <= LONGEST
                && let Ok(text) = fs::read_to_string(&path)
            {
                self.files.push((path, text));
            }
        }
    }
}

impl SourceFiles {
    /// The number of a file.
    pub(super) fn number(&mut self, path: &Path) -> FileId {
        let next = FileId::from_raw(u32::try_from(self.numbers.len()).unwrap_or(u32::MAX / 2));
        *self.numbers.entry(path.to_path_buf()).or_insert(next)
    }

    /// The number of a file that has been read.
    pub(super) fn known(&self, path: &Path) -> Option<FileId> {
        self.numbers.get(path).copied()
    }

    /// Numbers the files of a folder: the set of them, and their texts.
    pub(super) fn take(&mut self, folder: Folder) -> (FileSet, Vec<(FileId, String)>) {
        let mut set = FileSet::default();
        let mut texts = Vec::with_capacity(folder.files.len());
        for (path, text) in folder.files {
            let number = self.number(&path);
            set.insert(number, virtual_path(&path));
            texts.push((number, text));
        }
        (set, texts)
    }
}

/// A path as rust-analyzer wants it.
pub(super) fn virtual_path(path: &Path) -> VfsPath {
    VfsPath::new_real_path(path.to_string_lossy().into_owned())
}
