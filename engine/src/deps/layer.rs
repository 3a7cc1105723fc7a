//! The dylib over crates, which holds their code once for all cells.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Cancel;
use super::crates::Crates;
use super::package::hex;
use super::process::{self, Ended, Line};
use super::resolution::TOKIO;
use crate::toolchain::Toolchain;

/// The record's file, written last.
const RECORD: &str = "layer.json";

/// A dylib, which may stand on earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layer {
    /// The crate's name, `oxikale_deps_<key>`.
    pub(super) name: String,
    #[serde(skip)]
    pub(super) path: PathBuf,
    size: u64,
    /// The crates of ours that it has hooks for.
    served: Vec<String>,
    /// The symbols of its hooks.
    pub(super) hooks: Vec<String>,
}

/// Why there is no dylib.
pub(super) enum LayerError {
    Cancelled,
    /// The compiler cannot be started, or a file cannot be written.
    System(io::Error),
    /// What rustc said, in colour.
    Failed(String),
}

impl Layer {
    /// The dylib over `crates` on top of `below`, which hold the `earlier` crates, made unless it is there. `cache`
    /// is where dylibs are kept.
    pub(super) fn make(
        cache: &Path,
        toolchain: &Toolchain,
        crates: &Crates,
        earlier: Option<&Crates>,
        below: &[Self],
        cancel: &Cancel,
    ) -> Result<Self, LayerError> {
        let mut hash = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
        for part in [toolchain.key.as_str(), crates.key.as_str(), TEMPLATE, EXPORTS, TOKIO_HOOK, RAYON_HOOK] {
            hash.update(part);
            hash.update([0]);
        }
        for layer in below {
            hash.update(&layer.name);
        }
        let key = hex(&hash.finalize());
        let folder = cache.join(&key);
        if let Some(layer) = Self::load(&folder) {
            return Ok(layer);
        }
        // Sessions of one process may build the same at the same time, too.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let work = cache.join(format!("new-{key}-{}-{number}", std::process::id()));
        let symbols = crates.new_symbols(earlier);
        let compile = |symbols| Self::compile(&work, &key, toolchain, crates, symbols, below, cancel);
        let made = match compile(&symbols) {
            // A library may hide what it defines; crates that call it from code of their own work all the same.
            Err(LayerError::Failed(_)) if !symbols.is_empty() => compile(&[]),
            other => other,
        };
        let layer = match made {
            Ok(layer) => layer,
            Err(error) => {
                let _ = fs::remove_dir_all(&work);
                return Err(error);
            }
        };
        // Another process may have made the same meanwhile; then that one is it.
        let placed = match Self::load(&folder) {
            Some(_) => Ok(()),
            None => {
                let _ = fs::remove_dir_all(&folder);
                fs::rename(&work, &folder)
            }
        };
        let _ = fs::remove_dir_all(&work);
        match (Self::load(&folder), placed) {
            (Some(layer), _) => Ok(layer),
            (None, Err(error)) => Err(LayerError::System(error)),
            (None, Ok(())) => Err(LayerError::System(io::Error::other(format!(
                "{} has disappeared while it was written",
                folder.join(layer.file()).display()
            )))),
        }
    }

    fn load(folder: &Path) -> Option<Self> {
        let mut layer: Self = serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()?;
        layer.path = folder.join(layer.file());
        fs::metadata(&layer.path).is_ok_and(|data| data.len() == layer.size).then_some(layer)
    }

    fn file(&self) -> String {
        format!("lib{}.so", self.name)
    }

    fn compile(
        work: &Path,
        key: &str,
        toolchain: &Toolchain,
        crates: &Crates,
        symbols: &[&str],
        below: &[Self],
        cancel: &Cancel,
    ) -> Result<Self, LayerError> {
        let _ = fs::remove_dir_all(work);
        fs::create_dir_all(work).map_err(LayerError::System)?;
        let served = |name: &str| below.iter().any(|layer| layer.served.iter().any(|served| served == name));
        let serves: Vec<String> = crates.hooks().filter(|name| !served(name)).map(str::to_owned).collect();
        let mut source = TEMPLATE.to_owned();
        let linked = crates.direct.keys().filter(|name| !crates.macros.contains(*name));
        for name in below.iter().map(|layer| &layer.name).chain(linked) {
            source.push_str(&format!("extern crate {name} as _;\n"));
        }
        if !symbols.is_empty() {
            source.push_str(EXPORTS);
            for (number, symbol) in symbols.iter().enumerate() {
                source.push_str(&format!("    #[link_name = {symbol:?}]\n    pub fn f{number}();\n"));
            }
            source.push_str("}\n");
            fs::write(work.join("liboxikale_empty.a"), "!<arch>\n").map_err(LayerError::System)?;
        }
        let mut hooks = Vec::new();
        for name in &serves {
            let (symbol, text) = match name.as_str() {
                TOKIO => (format!("oxikale_deps_block_on_{key}"), TOKIO_HOOK),
                _ => (format!("oxikale_deps_install_pool_{key}"), RAYON_HOOK),
            };
            source.push_str(&text.replace("SYMBOL", &symbol));
            hooks.push(symbol);
        }
        let mut layer =
            Self { name: format!("oxikale_deps_{key}"), path: PathBuf::new(), size: 0, served: serves, hooks };
        let file = work.join("lib.rs");
        fs::write(&file, &source).map_err(LayerError::System)?;
        let library = work.join(layer.file());

        let mut command = Command::new(&toolchain.rustc);
        command.args(["--edition", "2024", "--crate-type", "dylib", "--color", "always", "--crate-name", &layer.name]);
        command.args(["-C", "prefer-dynamic", "-C", "opt-level=2", "-C", "strip=debuginfo"]);
        let lib = crates.lib();
        let externs = crates.direct.iter().filter(|(name, _)| !crates.macros.contains(*name)).chain(&crates.support);
        for (name, file) in externs {
            command.arg("--extern").arg(assign(name, &lib.join(file)));
        }
        for layer in below {
            command.arg("--extern").arg(assign(&layer.name, &layer.path));
        }
        command.arg("-L").arg(assign("dependency", &lib));
        command.arg("-L").arg(assign("native", work));
        for folder in &crates.native {
            command.arg("-L").arg(assign("native", folder));
            command.arg("-C").arg(assign("link-arg", Path::new(&format!("-Wl,-rpath,{}", folder.display()))));
        }
        command.arg("-o").arg(&library).arg(&file);
        let mut log = String::new();
        let ended = process::run(&mut command, cancel, |line| {
            let (Line::Stdout(line) | Line::Stderr(line)) = line;
            log.push_str(&line);
            log.push('\n');
        });
        match ended.map_err(LayerError::System)? {
            Ended::Succeeded => {}
            Ended::Cancelled => return Err(LayerError::Cancelled),
            Ended::Failed => return Err(LayerError::Failed(log)),
        }
        layer.size = fs::metadata(&library).map_err(LayerError::System)?.len();
        let record = serde_json::to_vec(&layer).map_err(|error| LayerError::System(error.into()))?;
        fs::write(work.join(RECORD), record).map_err(LayerError::System)?;
        Ok(layer)
    }
}

fn assign(name: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(name);
    argument.push("=");
    argument.push(path);
    argument
}

const TEMPLATE: &str = "//! The code of a session's crates.\n";

/// A dylib exports a function of C only if a library that is linked statically is said to define it. Build scripts say
/// so of the library that they have compiled, but not of its functions; and the code is in the dylib already.
const EXPORTS: &str = r#"
#[link(name = "oxikale_empty", kind = "static")]
unsafe extern "C" {
"#;

/// Runs a future on a tokio runtime of its own. Each process that a checkpoint woke in has another `generation`, and
/// the threads of the one before are not there any more; so it makes a runtime anew and lets go of the old one, which
/// must not be dropped, since that would wait for the threads.
const TOKIO_HOOK: &str = r#"
mod tokio_hook {
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::{Mutex, PoisonError};

    use oxikale_tokio::runtime::{Builder, Runtime};

    static RUNTIME: Mutex<Option<(u64, &'static Runtime)>> = Mutex::new(None);

    #[unsafe(no_mangle)]
    pub fn SYMBOL(generation: u64, future: Pin<&mut dyn Future<Output = ()>>) {
        let mut held = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = match *held {
            Some((made, runtime)) if made == generation => runtime,
            _ => {
                let runtime = Builder::new_multi_thread().enable_all().build();
                let runtime: &'static Runtime =
                    Box::leak(Box::new(runtime.expect("the threads of the tokio runtime cannot be started")));
                *held = Some((generation, runtime));
                runtime
            }
        };
        drop(held);
        runtime.block_on(future)
    }
}
"#;

/// Makes a pool of rayon's threads that the calling thread belongs to, so that it is the one that its later calls use.
/// False if the thread belongs to a pool already, or no thread can be started.
const RAYON_HOOK: &str = r#"
mod rayon_hook {
    #[unsafe(no_mangle)]
    pub fn SYMBOL() -> bool {
        match oxikale_rayon::ThreadPoolBuilder::new().use_current_thread().build() {
            Ok(pool) => {
                std::mem::forget(pool);
                true
            }
            Err(_) => false,
        }
    }
}
"#;
