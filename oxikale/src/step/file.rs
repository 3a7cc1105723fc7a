//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// A file that appears under its name when it is complete. Dropped before that, it leaves nothing behind.
pub(crate) struct WholeFile {
    writer: Option<BufWriter<File>>,
    partial: PathBuf,
    target: PathBuf,
}

impl WholeFile {
    /// Starts a file; folders above it are created.
    pub fn create(target: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut name = OsString::from(".");
        name.push(target.file_name().ok_or_else(|| io::Error::other("the path names no file"))?);
        name.push(format!(".{}-{}.partial", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let partial = target.with_file_name(name);
        let file = File::create(&partial)?;
        Ok(Self { writer: Some(BufWriter::with_capacity(1 << 16, file)), partial, target: target.to_owned() })
    }

    /// Puts the complete file under its name and returns its size in bytes.
    pub fn finish(mut self) -> io::Result<u64> {
        let Some(writer) = self.writer.take() else { return Err(io::Error::other("the file is finished already")) };
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        let size = file.metadata()?.len();
        drop(file);
        fs::rename(&self.partial, &self.target)?;
        // Nothing is left for `drop` to remove.
        self.partial = PathBuf::new();
        Ok(size)
    }

    /// Writes a whole file at once.
    pub fn write(target: &Path, bytes: &[u8]) -> io::Result<u64> {
        let mut file = Self::create(target)?;
        file.write_all(bytes)?;
        file.finish()
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => Err(io::Error::other("the file is finished already")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            // What is buffered belongs to a file that is given up: it is not worth another write.
            drop(writer.into_parts());
        }
        if !self.partial.as_os_str().is_empty() {
            drop(fs::remove_file(&self.partial));
        }
    }
}
