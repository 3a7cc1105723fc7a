//! Runs a command whose output is read line by line, and which can be cancelled with all its children.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::Cancel;

/// How long the children of a cancelled command have before they are killed.
const GRACE: Duration = Duration::from_millis(400);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Succeeded,
    Failed,
    Cancelled,
}

/// A line that a command wrote.
pub(super) enum Line {
    Stdout(String),
    Stderr(String),
}

/// Runs the command in a process group of its own.
///
/// # Errors
/// If it cannot be started.
pub(super) fn run(command: &mut Command, cancel: &Cancel, mut line: impl FnMut(Line)) -> io::Result<Ended> {
    if cancel.is_cancelled() {
        return Ok(Ended::Cancelled);
    }
    let mut child =
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = Pid::from_child(&child);
    cancel.started(pid);
    let (sender, receiver) = channel();
    read(child.stdout.take(), sender.clone(), Line::Stdout);
    read(child.stderr.take(), sender, Line::Stderr);
    let mut cancelled: Option<Instant> = None;
    loop {
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(said) => line(said),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if cancel.is_cancelled() {
            let since = *cancelled.get_or_insert_with(Instant::now);
            if since.elapsed() > GRACE {
                cancel.insist();
                break;
            }
        }
    }
    // The child is a zombie until it is waited for below, so its number stays its own while `cancel` knows it.
    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    if cancel.is_cancelled() {
        cancel.insist();
    }
    cancel.ended();
    let status = child.wait()?;
    Ok(match status.success() {
        // What was done before the signal came is done.
        true => Ended::Succeeded,
        false if cancel.is_cancelled() => Ended::Cancelled,
        false => Ended::Failed,
    })
}

fn read(stream: Option<impl Read + Send + 'static>, sender: Sender<Line>, kind: fn(String) -> Line) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            if sender.send(kind(String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
        }
    });
}
