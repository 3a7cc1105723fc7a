//! What is written to standard output during a call, caught in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::{dup2_stdout, stdout};

/// Puts standard output back, also when the call panics.
struct Restore {
    original: OwnedFd,
}

impl Drop for Restore {
    fn drop(&mut self) {
        drop(io::stdout().flush());
        if let Err(error) = dup2_stdout(&self.original) {
            eprintln!("oxikale: cannot restore the standard output: {error}");
        }
    }
}

/// Runs `call` and returns what was written to standard output meanwhile, by whatever thread.
///
/// # Errors
/// When the output cannot be diverted; `call` has not run then.
pub(crate) fn stdout_of(call: impl FnOnce()) -> io::Result<Vec<u8>> {
    drop(io::stdout().flush());
    let mut memory = File::from(memfd_create("oxikale-display", MemfdFlags::CLOEXEC)?);
    let restore = Restore { original: fcntl_dupfd_cloexec(stdout(), 0)? };
    dup2_stdout(&memory)?;
    call();
    drop(restore);
    memory.seek(SeekFrom::Start(0))?;
    let mut output = Vec::new();
    memory.read_to_end(&mut output)?;
    Ok(output)
}
