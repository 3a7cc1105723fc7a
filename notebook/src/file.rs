//! Notebooks in files.

use std::io::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::read_error::{FilePlace, ReadError, ReadErrorKind};
use crate::{LineColumn, Notebook};

impl Notebook {
    /// Reads a file.
    ///
    /// # Errors
    /// If the file cannot be read, is not UTF-8, or [`Notebook::parse`] refuses it; the error names the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|error| {
            ReadError::new(ReadErrorKind::File, format!("the file cannot be read: {error}")).of_file(path)
        })?;
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(&error).of_file(path))?;
        Self::parse(&text).map_err(|error| error.of_file(path))
    }

    /// Writes a file: the whole new text, or, if anything goes wrong, nothing, and the old file stays. An existing
    /// file keeps its permissions; behind a symbolic link, it is the file it points to that is written.
    ///
    /// # Errors
    /// If the folder cannot be written, or the disk is full.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".").suffix(".ipynb.tmp");
        let permissions = fs::metadata(&target).ok().map(|metadata| metadata.permissions());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file, before the umask; not readable by the owner alone as temporary files are.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(self.to_text().as_bytes())?;
        if let Some(permissions) = permissions {
            file.as_file().set_permissions(permissions)?;
        }
        file.as_file().sync_all()?;
        file.persist(&target).map_err(|error| error.error)?;
        Ok(())
    }
}

fn not_utf8(error: &std::string::FromUtf8Error) -> ReadError {
    let bytes = error.as_bytes();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return ReadError::new(
            ReadErrorKind::File,
            "the file is UTF-16 text; a notebook must be UTF-8, so save it as that",
        );
    }
    let byte = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&bytes[..byte]);
    let place = FilePlace { byte, position: LineColumn::of(&before, before.len()) };
    ReadError::new(ReadErrorKind::File, "the file is not UTF-8 text").at(place)
}
