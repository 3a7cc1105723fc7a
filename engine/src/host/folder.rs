//! The private folder of a session: its socket and its named pipes.

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
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes one in the user's folder for such things, or in the one for temporary files.
    pub(super) fn create() -> Result<Self, EngineError> {
        let name = format!("oxikale-{}-{}", std::process::id(), &random().map_err(unusable)?[..8]);
        let own = rustix::process::getuid().as_raw();
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for parent in runtime.into_iter().chain([env::temp_dir(), PathBuf::from("/tmp")]) {
            let path = parent.join(&name);
            if !parent.is_absolute() || path.as_os_str().len() > LONGEST {
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
    pub(super) fn join(&self, name: &str) -> PathBuf {
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

fn unusable(error: io::Error) -> EngineError {
    let place: OsString = env::temp_dir().into();
    EngineError::new(format!(
        "a session needs a folder for its socket, and none can be made ({error}); check that {} exists and can be \
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
