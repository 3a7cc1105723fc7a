//! The compiler that cells are compiled with.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fmt, fs};

use sha2::{Digest, Sha256};

/// An installed Rust compiler, found once for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// rustc itself, not rustup's proxy, which costs some milliseconds a call.
    pub rustc: PathBuf,
    /// The command that builds packages.
    pub cargo: PathBuf,
    /// The toolchain's folder.
    pub sysroot: PathBuf,
    /// The folder of the standard library's dylib.
    pub libraries: PathBuf,
    /// `x86_64-unknown-linux-gnu`.
    pub host: String,
    /// What `rustc --version --verbose` says, for messages.
    pub version: String,
    /// Stands for this compiler in cache keys: another version, or the same one built anew, has another.
    pub key: String,
}

/// Why there is no compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolchainError(String);

impl fmt::Display for ToolchainError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ToolchainError {}

impl Toolchain {
    /// Finds the compiler: `$RUSTC` and `$CARGO`, or what is on the PATH. `toolchain` is a name that rustup knows.
    ///
    /// # Errors
    /// If there is none, or it does not run; the message says how to get one.
    pub fn find(toolchain: Option<&str>) -> Result<Self, ToolchainError> {
        let command = |variable: &str, name: &str| {
            env::var_os(variable).filter(|value| !value.is_empty()).unwrap_or_else(|| name.into())
        };
        let (rustc, cargo) = (command("RUSTC", "rustc"), command("CARGO", "cargo"));
        let ask = |mut rustc: Command, arguments: &[&str]| {
            let name = rustc.get_program().display().to_string();
            let output = rustc.args(arguments).output().map_err(|error| {
                ToolchainError(format!(
                    "cells are compiled with `{name}`, which cannot be started ({error}); install Rust from \
                     https://rustup.rs, or put it on the PATH"
                ))
            })?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(ToolchainError(format!("`{name} {}` fails: {}", arguments.join(" "), said.trim())));
            }
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let mut proxy = Command::new(&rustc);
        proxy.args(toolchain.map(|toolchain| format!("+{toolchain}")));
        let folders = ask(proxy, &["--print", "sysroot", "--print", "target-libdir"])?;
        let (sysroot, libraries) = folders.split_once('\n').unwrap_or((&folders, &folders));
        let (sysroot, libraries) = (PathBuf::from(sysroot), PathBuf::from(libraries));
        let real = |name: &str, otherwise: std::ffi::OsString| {
            let file = sysroot.join("bin").join(name);
            if file.is_file() { file } else { PathBuf::from(otherwise) }
        };
        let rustc = real("rustc", rustc);
        let version = ask(Command::new(&rustc), &["--version", "--verbose"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let mut hash = Sha256::new();
        hash.update(version.as_bytes());
        hash.update(sysroot.as_os_str().as_encoded_bytes());
        // A nightly that was updated in place may have the same version.
        if let Ok(time) = fs::metadata(&rustc).and_then(|data| data.modified()) {
            hash.update(format!("{time:?}"));
        }
        let key = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { cargo: real("cargo", cargo), rustc, sysroot, libraries, host, version, key })
    }
}
