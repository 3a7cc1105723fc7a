//! A private folder: of the processes' socket and named pipes, or of what a session compiles.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::EngineError;

/// The longest path of a socket that every system takes, without the socket's own name.
const LONGEST: usize = 80;

/// A folder that nobody else can look into; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes one below `first`, in the user's folder for such things, or in the one for temporary files. Its name begins
    /// with `purpose` and the number of this process.
    pub(crate) fn create(purpose: &str, first: Option<&Path>) -> Result<Self, EngineError> {
        let name = format!("{purpose}-{}-{}", std::process::id(), &random().map_err(unusable)?[..8]);
        let own = rustix::process::getuid().as_raw();
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        if let Some(first) = first {
            // If it cannot be made, the next place is tried.
            drop(fs::create_dir_all(first));
        }
        for parent in parents(first) {
            let path = parent.join(&name);
            let too_long = first.is_none() && path.as_os_str().len() > LONGEST;
            if !parent.is_absolute() || too_long {
                continue;
            }
            match DirBuilder::new().mode(0o700).create(&path).and_then(|()| fs::metadata(&path)) {
                Ok(data) if data.uid() == own => return Ok(Self { path }),
                Ok(_) => (),
                Err(error) => last = error,
            }
        }
        Err(unusable(last))
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a named pipe.
    pub(super) fn pipe(&self, name: &str) -> Result<PathBuf, EngineError> {
        let path = self.join(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0)
            .map_err(|error| EngineError::new(format!("no pipe can be made at {}: {error}", path.display())))?;
        Ok(path)
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The supervisor may have done it already.
        drop(fs::remove_dir_all(&self.path));
    }
}

/// Where such folders are made, the best place first.
fn parents(first: Option<&Path>) -> impl Iterator<Item = PathBuf> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    first.map(Path::to_path_buf).into_iter().chain(runtime).chain([env::temp_dir(), PathBuf::from("/tmp")])
}

/// Removes the folders of this purpose whose process has been killed.
pub(crate) fn remove_orphans(purpose: &str, first: Option<&Path>) {
    // Without it nobody can tell who lives.
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in parents(first).filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let owner =
            name.strip_prefix(purpose).and_then(|rest| rest.strip_prefix('-')?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            // Of another user's it cannot be removed, nor should it be.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn unusable(error: io::Error) -> EngineError {
    let place: OsString = env::temp_dir().into();
    EngineError::new(format!(
        "a session needs a private folder, and none can be made ({error}); check that {} exists and can be \
         written to, or let TMPDIR name a folder that is, with a short path",
        Path::new(&place).display()
    ))
}

/// A word that nobody can guess.
pub(super) fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
