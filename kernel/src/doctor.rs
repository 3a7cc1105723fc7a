//! Looks for what cells, completion and Jupyter need on this machine, and says what to do where something is missing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, io};

use oxikale_compiler::build::{cache_folder, data_folder};
use oxikale_engine::{Cell, Engine, Event, Listener, Outcome, Toolchain};
use oxikale_runner::human_bytes;
use serde_json::{Value, json};

use crate::kernelspec::{self, is_executable, on_path};

/// The oldest rustc that compiles what the engine writes.
const OLDEST_RUSTC: (u64, u64) = (1, 95);

/// With less free room than this, a notebook with a few dependencies may not be built.
const LITTLE_ROOM: u64 = 2 << 30;

/// A folder is counted no longer than this; caches may hold very many files.
const COUNTING: Duration = Duration::from_secs(2);

/// Starts an engine whose cells run in this folder.
pub type Start = Box<dyn FnOnce(PathBuf, Listener) -> Result<Box<dyn Engine>, String>>;

/// What is to be examined.
pub struct Examination {
    /// The toolchain that the kernel would use; `None` is the default one.
    pub toolchain: Option<String>,
    /// Whether to ask the registry of crates too.
    pub online: bool,
    /// Starts the engine that the kernel would use.
    pub start: Start,
}

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Cells run without it, but something else does not work, or not well.
    Lacking,
    /// Cells do not run.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What: `rustc`.
    pub subject: &'static str,
    /// How it was found.
    pub state: State,
    /// What was found, in a few words.
    pub found: String,
    /// What to do, where there is something to do.
    pub advice: Option<String>,
}

impl Finding {
    fn good(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, state: State::Good, found: found.into(), advice: None }
    }

    fn lacking(subject: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { subject, state: State::Lacking, found: found.into(), advice: Some(advice.into()) }
    }

    fn missing(subject: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { subject, state: State::Missing, found: found.into(), advice: Some(advice.into()) }
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let state = match self.state {
            State::Good => "good",
            State::Lacking => "lacking",
            State::Missing => "missing",
        };
        json!({"subject": self.subject, "state": state, "found": self.found, "advice": self.advice})
    }
}

/// Looks at everything, tells each finding as soon as it is known, and says whether cells can run: what decides is a
/// cell that is run.
pub fn examine(examination: Examination, mut tell: impl FnMut(&Finding)) -> bool {
    let Examination { toolchain: name, online, start } = examination;
    let toolchain = Toolchain::find(name.as_deref());
    match &toolchain {
        Ok(toolchain) => {
            tell(&rustc(toolchain));
            tell(&cargo(toolchain));
        }
        Err(error) => {
            tell(&no_rustc(name.as_deref(), &error.to_string()));
            tell(&match on_path("cargo") {
                Some(cargo) => Finding::good("cargo", cargo.display().to_string()),
                None => Finding::missing("cargo", "not on the PATH", "it comes with Rust: https://rustup.rs"),
            });
        }
    }
    tell(&linker());
    tell(&rustup());
    tell(&standard_library(toolchain.as_ref().ok()));
    let room = [("cache", cache_folder()), ("data", data_folder())];
    for (subject, folder) in &room {
        tell(&writable(subject, folder));
    }
    for finding in disks(&room) {
        tell(&finding);
    }
    tell(&jupyter());
    for finding in kernelspecs() {
        tell(&finding);
    }
    if online {
        tell(&registry(toolchain.as_ref().ok()));
    }
    let cell = match toolchain {
        Ok(_) => cell(start),
        Err(_) => Finding::missing("cell", "not tried without rustc", "install Rust, and call the doctor again"),
    };
    tell(&cell);
    cell.state == State::Good
}

fn rustc(toolchain: &Toolchain) -> Finding {
    let version = toolchain.version.lines().next().unwrap_or_default();
    let found = format!("{version} ({})", toolchain.rustc.display());
    match numbers(version) {
        Some(numbers) if numbers < OLDEST_RUSTC => Finding::missing(
            "rustc",
            found,
            format!("Oxikale needs {}.{} or newer: `rustup update`", OLDEST_RUSTC.0, OLDEST_RUSTC.1),
        ),
        _ => Finding::good("rustc", found),
    }
}

/// Why there is no rustc, and what to do.
fn no_rustc(toolchain: Option<&str>, error: &str) -> Finding {
    match toolchain {
        _ if env::var_os("RUSTC").is_none() && on_path("rustc").is_none() => Finding::missing(
            "rustc",
            "not on the PATH",
            "install Rust from https://rustup.rs, and start Jupyter from a shell that has it on its PATH",
        ),
        Some(name) => Finding::missing("rustc", brief(error), format!("`rustup toolchain install {name}`")),
        None => Finding::missing("rustc", brief(error), "`rustup update`, or install Rust from https://rustup.rs"),
    }
}

/// The first paragraph of what a program said, in one line.
fn brief(said: &str) -> String {
    let paragraph = said.lines().map(str::trim).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join("; ")
}

/// 1 and 95 out of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn numbers(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split_whitespace().nth(1)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn cargo(toolchain: &Toolchain) -> Finding {
    let advice = "it builds the crates that a notebook names with `:dep`, and comes with Rust: https://rustup.rs";
    match Command::new(&toolchain.cargo).arg("--version").output() {
        Ok(output) if output.status.success() => {
            let version = String::from_utf8_lossy(&output.stdout);
            Finding::good("cargo", format!("{} ({})", version.trim(), toolchain.cargo.display()))
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let found = format!("`{} --version` fails: {}", toolchain.cargo.display(), brief(&said));
            Finding::missing("cargo", found, advice)
        }
        Err(error) => Finding::missing("cargo", format!("{}: {error}", toolchain.cargo.display()), advice),
    }
}

/// rustc links with `cc`, whatever that is.
fn linker() -> Finding {
    match on_path("cc") {
        Some(cc) => Finding::good("linker", cc.display().to_string()),
        None => Finding::missing(
            "linker",
            "there is no `cc` on the PATH",
            if cfg!(target_os = "macos") {
                "`xcode-select --install`"
            } else {
                "install a C compiler: `sudo apt-get install gcc libc6-dev`, or what your system calls it"
            },
        ),
    }
}

fn rustup() -> Finding {
    match on_path("rustup") {
        Some(rustup) => Finding::good("rustup", rustup.display().to_string()),
        None => Finding::lacking(
            "rustup",
            "not on the PATH",
            "only `--toolchain` and the installation of components need it: https://rustup.rs",
        ),
    }
}

/// Completion and hover know the standard library by its sources.
fn standard_library(toolchain: Option<&Toolchain>) -> Finding {
    let subject = "std sources";
    let named = env::var_os("RUST_SRC_PATH").map(PathBuf::from);
    let places = named
        .into_iter()
        .chain(toolchain.map(|toolchain| toolchain.sysroot.join("lib/rustlib/src/rust/library")))
        .chain([cache_folder().join("rust-src/library")]);
    match places.into_iter().find(|folder| folder.is_absolute() && folder.join("core/src/lib.rs").is_file()) {
        Some(folder) => Finding::good(subject, folder.display().to_string()),
        None => Finding::lacking(
            subject,
            "not installed, so completion does not know the standard library",
            "`rustup component add rust-src`, or set RUST_SRC_PATH to a folder `library` of Rust's sources",
        ),
    }
}

/// Whether files can be written into a folder of ours, and how much is there.
fn writable(subject: &'static str, folder: &Path) -> Finding {
    let tried = fs::create_dir_all(folder).and_then(|()| {
        let file = folder.join(format!("doctor.{}.part", std::process::id()));
        let made = File::create_new(&file).map(drop);
        // The file is ours even if it was there already: a process of this number left it.
        let _ = fs::remove_file(&file);
        made
    });
    match tried {
        Ok(()) => Finding::good(subject, format!("{}, {}", folder.display(), size(folder))),
        Err(error) => {
            let variable = if subject == "cache" { "OXIKALE_CACHE" } else { "OXIKALE_DATA" };
            Finding::missing(
                subject,
                format!("{} cannot be written: {error}", folder.display()),
                format!("make it writable, or set {variable} to another folder"),
            )
        }
    }
}

/// How much a folder holds, as far as it can be counted in a moment.
fn size(folder: &Path) -> String {
    let start = Instant::now();
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if start.elapsed() > COUNTING {
            return format!("more than {}", human_bytes(bytes));
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(data) if data.is_dir() => folders.push(entry.path()),
                Ok(data) => bytes += data.len(),
                // Removed while we look.
                Err(_) => {}
            }
        }
    }
    human_bytes(bytes)
}

/// The free room on the disks of these folders; one finding where they share a disk.
fn disks(folders: &[(&'static str, PathBuf)]) -> Vec<Finding> {
    let mut seen = Vec::new();
    let mut findings = Vec::new();
    for (_, folder) in folders {
        let Some(existing) = folder.ancestors().find(|folder| folder.is_dir()) else { continue };
        let (Ok(stat), Ok(disk)) = (rustix::fs::stat(existing), rustix::fs::statvfs(existing)) else { continue };
        let device = stat.st_dev;
        if seen.contains(&device) {
            continue;
        }
        seen.push(device);
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let found = format!("{} free at {}", human_bytes(free), folder.display());
        findings.push(if free < LITTLE_ROOM {
            let advice = "make room: the crates of one notebook may take some GiB; what is in the cache folder may be \
                          deleted";
            Finding::lacking("disk", found, advice)
        } else {
            Finding::good("disk", found)
        });
    }
    findings
}

fn jupyter() -> Finding {
    match kernelspec::jupyter() {
        Some(jupyter) => Finding::good("jupyter", jupyter.display().to_string()),
        None => Finding::lacking(
            "jupyter",
            "not on the PATH",
            "`python3 -m pip install jupyterlab`, or activate the environment that has it",
        ),
    }
}

fn kernelspecs() -> Vec<Finding> {
    let found = kernelspec::list();
    if found.is_empty() {
        return vec![Finding::lacking(
            "kernelspec",
            "no front end knows this kernel yet",
            "`oxikale kernel install`, or with `--sys-prefix` for the active Python environment alone",
        )];
    }
    let finding = |spec: &kernelspec::Found| {
        let place = format!("`{}` in {}", spec.name, spec.folder.display());
        if is_executable(&spec.executable) {
            Finding::good("kernelspec", format!("{place} starts {}", spec.executable.display()))
        } else {
            Finding::lacking(
                "kernelspec",
                format!("{place} starts {}, which is not there any more", spec.executable.display()),
                format!("`oxikale kernel install --name {}` where it was installed before", spec.name),
            )
        }
    };
    found.iter().map(finding).collect()
}

/// Lets cargo look up a crate as it does for a notebook, with the user's own settings of registries and proxies.
fn registry(toolchain: Option<&Toolchain>) -> Finding {
    let subject = "registry";
    let Some(toolchain) = toolchain else {
        return Finding::lacking(subject, "not asked, because there is no cargo", "install Rust first");
    };
    match look_up(toolchain) {
        Ok(Ok(time)) => Finding::good(subject, format!("answers in {:.1} s", time.as_secs_f64())),
        Ok(Err(said)) => {
            let line = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("cargo does not say why");
            Finding::lacking(
                subject,
                format!("no crate can be fetched: {line}"),
                "crates that are in the cache can be used; look at the network, its proxy, or the registry that \
                 cargo's configuration names",
            )
        }
        Err(error) => Finding::lacking(subject, format!("not asked: {error}"), "see the findings above"),
    }
}

/// How long cargo takes to look a crate up, or what it says instead.
fn look_up(toolchain: &Toolchain) -> io::Result<Result<Duration, String>> {
    let folder = Scratch::new()?;
    fs::create_dir(folder.0.join("src"))?;
    fs::write(folder.0.join("src/lib.rs"), "")?;
    let manifest =
        "[package]\nname = \"registry\"\nedition = \"2021\"\n\n[dependencies]\ncfg-if = \"1\"\n\n[workspace]\n";
    fs::write(folder.0.join("Cargo.toml"), manifest)?;
    let start = Instant::now();
    let output = Command::new(&toolchain.cargo)
        .args(["generate-lockfile", "--color", "never"])
        .current_dir(&folder.0)
        // Whoever waits wants to know it now.
        .env("CARGO_NET_RETRY", "0")
        .env("CARGO_HTTP_TIMEOUT", "10")
        .output()?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() { Ok(start.elapsed()) } else { Err(said()) })
}

/// Runs a cell as the kernel would.
fn cell(start: Start) -> Finding {
    let subject = "cell";
    let advice = "the findings above may say why";
    let folder = match Scratch::new() {
        Ok(folder) => folder,
        Err(error) => return Finding::missing(subject, format!("no temporary folder can be made: {error}"), advice),
    };
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let listener = Arc::new(move |event| heard.lock().unwrap_or_else(PoisonError::into_inner).push(event));
    let clock = Instant::now();
    let mut engine = match start(folder.0.clone(), listener) {
        Ok(engine) => engine,
        Err(error) => {
            return Finding::missing(subject, format!("the engine cannot be started: {}", brief(&error)), advice);
        }
    };
    let started = clock.elapsed();
    // A cell that was compiled before would come from the cache, and tell nothing of the compiler and the linker.
    let number = uuid::Uuid::new_v4().as_u64_pair().0 >> 16;
    let outcome = engine.execute(&Cell { source: format!("{number}u64 + 1"), name: "1".to_owned() });
    let took = clock.elapsed() - started;
    drop(engine);
    let events = std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner));
    let sum = (number + 1).to_string();
    let is_sum = |event: &Event| match event {
        Event::Result { data } => data.get("text/plain").and_then(Value::as_str) == Some(sum.as_str()),
        _ => false,
    };
    if outcome == Outcome::Completed && events.iter().any(is_sum) {
        let (started, took) = (started.as_secs_f64(), took.as_secs_f64());
        let found = format!("the engine is ready in {started:.2} s, and a new cell is compiled and run in {took:.2} s");
        return Finding::good(subject, found);
    }
    let why = events.into_iter().find_map(|event| match event {
        Event::Error(error) => Some(brief(&error.message)),
        _ => None,
    });
    let why = why.unwrap_or_else(|| "its result is wrong".to_owned());
    Finding::missing(subject, format!("a sum of two numbers cannot be compiled and run: {why}"), advice)
}

/// A folder that is gone when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("oxikale-doctor-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is the system's to clean up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(numbers("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert!(numbers("rustc 1.100.0-nightly").unwrap() > OLDEST_RUSTC);
        assert!(numbers("rustc 1.9.0").unwrap() < OLDEST_RUSTC);
        assert_eq!(numbers("rustc"), None);
    }

    #[test]
    fn what_a_program_said_is_cut_to_its_first_paragraph() {
        assert_eq!(brief("\nerror: no\n  help: do\n\nStack backtrace:\n 0: main"), "error: no; help: do");
        assert_eq!(brief(""), "");
    }

    #[test]
    fn a_folder_that_cannot_be_written_says_which_variable_names_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let finding = writable("data", &file.join("below"));
        assert_eq!(finding.state, State::Missing);
        assert!(finding.advice.unwrap().contains("OXIKALE_DATA"));
        let finding = writable("cache", &folder.path().join("new"));
        assert_eq!(finding.state, State::Good);
        assert!(finding.found.ends_with("0 B"), "{}", finding.found);
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    }

    #[test]
    fn an_engine_that_does_not_start_is_told() {
        let finding = cell(Box::new(|_, _| Err("there is none".to_owned())));
        assert_eq!(finding.state, State::Missing);
        assert!(finding.found.contains("there is none"));
    }
}
