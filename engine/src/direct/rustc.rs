//! Runs the compiler on a generated source.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use crate::toolchain::Toolchain;

/// A compilation longer than this is ended: rustc has been seen to loop on odd programs.
const LIMIT: Duration = Duration::from_secs(300);

/// The compiler with the flags that every crate of a session has.
#[derive(Debug, Clone)]
pub(super) struct Rustc {
    toolchain: Toolchain,
    /// Flags by which rustc calls its own lld, without the C compiler in between; none where it has none.
    direct_link: Vec<OsString>,
}

/// What is to be compiled.
#[derive(Debug)]
pub(super) struct Job<'a> {
    /// The crate's name, and its file's.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) output: Output,
    /// Crates that the text may name, with their files.
    pub(super) externs: &'a [(String, PathBuf)],
    /// Further arguments: search paths.
    pub(super) arguments: &'a [OsString],
    pub(super) optimisation: &'a str,
    /// The folder for the source and for what comes out.
    pub(super) folder: &'a Path,
}

/// What a compilation makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// The library of a cell, and its MIR.
    Cell,
    /// The MIR of a cell alone.
    Mir,
    /// The library of a unit of items.
    Unit,
    /// Nothing but what rustc has to say.
    Check,
}

/// What rustc said.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) success: bool,
    pub(super) messages: Vec<Message>,
    /// What it wrote besides: its own crash, the linker's words.
    pub(super) log: String,
    /// Why it was ended.
    pub(super) ended: Option<Ended>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Interrupted,
    TooLong,
}

/// A message of rustc's.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    pub(super) message: String,
    pub(super) code: Option<Code>,
    pub(super) level: String,
    pub(super) spans: Vec<MessageSpan>,
    #[serde(default)]
    pub(super) children: Vec<Message>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Code {
    pub(super) code: String,
}

/// A place in a message.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MessageSpan {
    pub(super) file_name: String,
    pub(super) byte_start: usize,
    pub(super) byte_end: usize,
    pub(super) is_primary: bool,
    pub(super) label: Option<String>,
    pub(super) suggested_replacement: Option<String>,
    pub(super) expansion: Option<Box<Expansion>>,
}

/// The macro call that a place comes out of.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Expansion {
    pub(super) span: MessageSpan,
}

impl Message {
    pub(super) fn code(&self) -> &str {
        self.code.as_ref().map_or("", |code| &code.code)
    }

    pub(super) fn is_error(&self) -> bool {
        self.level.starts_with("error")
    }
}

impl MessageSpan {
    /// The bytes of the file of this name: of the macro call, where the place itself is in another file.
    pub(super) fn within(&self, file: &str) -> Option<std::ops::Range<usize>> {
        let mut span = self;
        // The outermost call is what the user wrote.
        while let Some(expansion) = &span.expansion {
            span = &expansion.span;
        }
        (span.file_name == file).then_some(span.byte_start..span.byte_end)
    }
}

/// Ends the compilation that runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Cancel(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    cancelled: AtomicBool,
    group: Mutex<Option<Pid>>,
}

impl Cancel {
    /// Ends the compilation that runs, and every later one until [`Cancel::reset`].
    pub(super) fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let group = self.0.group.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = *group {
            // It may just have ended by itself.
            _ = kill_process_group(group, Signal::KILL);
        }
    }

    pub(super) fn reset(&self) {
        self.0.cancelled.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    fn set(&self, group: Option<Pid>) {
        *self.0.group.lock().unwrap_or_else(PoisonError::into_inner) = group;
    }
}

impl Rustc {
    pub(super) fn new(toolchain: Toolchain) -> Self {
        let direct_link = direct_link(&toolchain).unwrap_or_default();
        Self { toolchain, direct_link }
    }

    /// Stands for the compiler and its flags in cache keys.
    pub(super) fn key(&self) -> &str {
        &self.toolchain.key
    }

    /// Compiles.
    ///
    /// # Errors
    /// If rustc cannot be started or its files cannot be written.
    pub(super) fn compile(&self, job: &Job, cancel: &Cancel) -> io::Result<Said> {
        let said = self.run(job, cancel, &self.direct_link)?;
        // An unusual system: the C compiler knows how to link there.
        let link = said.messages.iter().any(|message| message.message.starts_with("linking with"));
        if link && !self.direct_link.is_empty() && said.ended.is_none() {
            return self.run(job, cancel, &[]);
        }
        Ok(said)
    }

    fn run(&self, job: &Job, cancel: &Cancel, link: &[OsString]) -> io::Result<Said> {
        let file = format!("{}.rs", job.name);
        fs::write(job.folder.join(&file), job.text)?;
        let mut command = Command::new(&self.toolchain.rustc);
        command.current_dir(job.folder).arg(&file).args(["--crate-name", job.name]);
        command.args(["--edition", "2024", "--error-format", "json", "--json", "unused-externs-silent"]);
        command.args(["-C", "prefer-dynamic", "-C", "debuginfo=line-tables-only", "-C", "codegen-units=1"]);
        command.args(["-C", "overflow-checks=on", "-C", "debug-assertions=on", "-C", "embed-bitcode=no"]);
        command.args(["-Z", "trim-diagnostic-paths=no", "-Z", "unstable-options"]);
        command.arg("-C").arg(format!("opt-level={}", job.optimisation));
        match job.output {
            Output::Cell => command.args(["--crate-type", "cdylib", "--emit", "link,mir"]).args(link),
            Output::Mir => command.args(["--crate-type", "cdylib", "--emit", "mir"]),
            Output::Unit => command.args(["--crate-type", "dylib", "--emit", "link"]).args(link),
            Output::Check => command.args(["--crate-type", "dylib", "--emit", "metadata"]),
        };
        for (name, path) in job.externs {
            let mut argument = OsString::from(name);
            argument.push("=");
            argument.push(path);
            command.arg("--extern").arg(argument);
        }
        command.args(job.arguments);
        // Cells use what only nightly compilers offer openly: full paths in MIR, `?` into the engine's own type.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        if cancel.is_cancelled() {
            return Ok(Said { ended: Some(Ended::Interrupted), ..Said::default() });
        }
        let mut child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        cancel.set(group);
        if cancel.is_cancelled() {
            cancel.cancel();
        }
        let mut stderr = child.stderr.take().ok_or_else(|| io::Error::other("rustc has no standard error"))?;
        let (done, wait) = channel::<()>();
        let late = thread::spawn(move || match (wait.recv_timeout(LIMIT), group) {
            (Err(RecvTimeoutError::Timeout), Some(group)) => kill_process_group(group, Signal::KILL).is_ok(),
            _ => false,
        });
        let mut bytes = Vec::new();
        let read = stderr.read_to_end(&mut bytes);
        let status = child.wait();
        cancel.set(None);
        drop(done);
        let late = late.join().unwrap_or(false);
        read?;
        let mut said = parse(&String::from_utf8_lossy(&bytes));
        said.success = status?.success();
        said.ended = if cancel.is_cancelled() { Some(Ended::Interrupted) } else { late.then_some(Ended::TooLong) };
        Ok(said)
    }
}

fn parse(text: &str) -> Said {
    let mut said = Said::default();
    for line in text.lines() {
        match serde_json::from_str::<Message>(line) {
            Ok(message) => said.messages.push(message),
            Err(_) if line.starts_with('{') => {}
            Err(_) => {
                said.log.push_str(line);
                said.log.push('\n');
            }
        }
    }
    said
}

/// The flags by which rustc calls lld itself, which saves the C compiler's time, some milliseconds a cell.
fn direct_link(toolchain: &Toolchain) -> Option<Vec<OsString>> {
    if !toolchain.host.ends_with("-linux-gnu") {
        return None;
    }
    let lld = toolchain.sysroot.join("lib/rustlib").join(&toolchain.host).join("bin/rust-lld");
    if !lld.is_file() {
        return None;
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for library in ["libc.so", "libgcc_s.so.1"] {
        let output = Command::new("cc").arg(format!("-print-file-name={library}")).output().ok()?;
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        // The bare name means that there is no such file.
        let folder = path.parent().filter(|folder| folder.is_absolute())?.to_path_buf();
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    let mut flags: Vec<OsString> = Vec::new();
    let mut linker = OsString::from("linker=");
    linker.push(&lld);
    for flag in [linker, "linker-flavor=gnu-lld".into(), "link-self-contained=no".into()] {
        flags.push("-C".into());
        flags.push(flag);
    }
    for folder in folders {
        let mut argument = OsString::from("link-arg=-L");
        argument.push(folder);
        flags.push("-C".into());
        flags.push(argument);
    }
    // cc would name the folder of libgcc_s's link script, which lies beside the compiler.
    let output = Command::new("cc").arg("-print-libgcc-file-name").output().ok()?;
    if let Some(folder) = Path::new(String::from_utf8_lossy(&output.stdout).trim()).parent() {
        let mut argument = OsString::from("link-arg=-L");
        argument.push(folder);
        flags.push("-C".into());
        flags.push(argument);
    }
    Some(flags)
}
