//! Leaves a sleeping copy of the host behind, which can take its place.

use std::io::{self, Write, stderr, stdout};
use std::time::Duration;

use crate::os::{self, Side};
use crate::output;
use crate::process::{self, Process};
use crate::protocol::{Command, Role};
use crate::setting::Setting;

/// What came of it.
pub enum Fork {
    /// The host goes on.
    Stayed(u32),
    /// This is the copy, it has been woken, and it is the host now. The user's threads of these names are gone.
    Woken(&'static Process, Vec<String>),
}

/// Copies this process, unless somebody keeps the lock of an output for this long. The copy returns only when it is
/// woken.
pub fn leave_checkpoint(
    id: u64,
    host: &'static Process,
    setting: &'static Setting,
    patience: Duration,
) -> io::Result<Fork> {
    if !host.flusher.flush_within(patience) {
        return Err(io::Error::other(
            "a thread has held the lock of standard output or error for a while; in a copy of the process nobody would \
             release it",
        ));
    }
    let threads = process::threads();
    let mut out = stdout().lock();
    let err = stderr().lock();
    // What is in the buffer would be printed by both.
    drop(out.flush());
    let side = os::divide();
    drop(err);
    drop(out);
    match side? {
        Side::Parent(pid) => {
            // The copy may be slow to start, and must not end with this process's group in the meantime.
            os::own_group(pid);
            Ok(Fork::Stayed(pid))
        }
        Side::Child => {
            os::own_group(std::process::id());
            output::after_fork();
            // The copy must not keep the host's connection open.
            host.channel.abandon();
            let process = sleep(id, setting);
            Ok(Fork::Woken(process, threads))
        }
    }
}

fn sleep(id: u64, setting: &'static Setting) -> &'static Process {
    let Ok(channel) = setting.connect(Role::Checkpoint(id)) else { os::leave(0) };
    process::prefer_for_end(0);
    // The engine closes the connection of a checkpoint that it no longer wants.
    let Some(Command::Wake) = channel.receive() else { os::leave(0) };
    process::next_generation();
    match Process::become_host(channel, setting) {
        Ok(process) => process,
        Err(error) => {
            eprintln!("a restored process cannot start its threads: {error}");
            os::leave(1);
        }
    }
}
