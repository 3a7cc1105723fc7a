//! The options that choose an engine and set it up.

use std::path::PathBuf;

use clap::ValueEnum;
use oxikale_compiler::build::cache_folder;
use oxikale_engine::direct::{self, DirectEngine};
#[cfg(feature = "evcxr")]
use oxikale_engine::evcxr::{self, EvcxrEngine};
use oxikale_engine::{Engine, EngineError, Listener};

use crate::outcome::Failure;

/// Which engine runs cells, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct EngineChoice {
    /// What compiles and runs cells
    #[arg(long, value_enum, default_value_t = Kind::Direct, value_name = "ENGINE")]
    engine: Kind,
    /// A toolchain that rustup knows, such as `1.95` or `nightly`, instead of the default one
    #[arg(long, value_name = "NAME")]
    toolchain: Option<String>,
    /// End a cell that takes more memory than this, such as `4GiB`; variables are kept
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    memory_limit: Option<u64>,
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Compiles cells with rustc itself, and keeps all variables whatever a cell does
    Direct,
    /// The evcxr crate
    #[cfg(feature = "evcxr")]
    Evcxr,
}

impl EngineChoice {
    /// Refuses what the chosen engine cannot do.
    pub fn check(&self) -> Result<(), Failure> {
        match self.engine {
            Kind::Direct => Ok(()),
            #[cfg(feature = "evcxr")]
            Kind::Evcxr if self.memory_limit.is_some() => Err(Failure::usage(
                "`--memory-limit` works with `--engine direct` only: the evcxr engine cannot limit the memory of cells",
            )),
            #[cfg(feature = "evcxr")]
            Kind::Evcxr => Ok(()),
        }
    }

    /// The same choice as options of a command line, without what is the default anyway.
    pub fn arguments(&self) -> Vec<String> {
        let engine = match self.engine {
            Kind::Direct => None,
            #[cfg(feature = "evcxr")]
            Kind::Evcxr => Some("--engine=evcxr".to_owned()),
        };
        let toolchain = self.toolchain.as_ref().map(|name| format!("--toolchain={name}"));
        let memory_limit = self.memory_limit.map(|bytes| format!("--memory-limit={bytes}"));
        engine.into_iter().chain(toolchain).chain(memory_limit).collect()
    }

    /// The toolchain that was named.
    pub fn toolchain(&self) -> Option<&str> {
        self.toolchain.as_deref()
    }

    /// Starts the engine. Cells run in `folder`; the crates of a notebook are pinned by the lock file beside it.
    pub fn start(
        self,
        folder: PathBuf,
        notebook: Option<PathBuf>,
        listener: Listener,
    ) -> Result<Box<dyn Engine>, Failure> {
        self.check()?;
        let cache = cache_folder();
        let started: Result<Box<dyn Engine>, EngineError> = match self.engine {
            Kind::Direct => {
                let options = direct::Options {
                    folder,
                    notebook,
                    cache,
                    toolchain: self.toolchain,
                    memory_limit: self.memory_limit,
                    ..direct::Options::default()
                };
                DirectEngine::start(options, listener).map(|engine| Box::new(engine) as _)
            }
            #[cfg(feature = "evcxr")]
            Kind::Evcxr => {
                let options = evcxr::Options { folder, cache, toolchain: self.toolchain, executable: None };
                EvcxrEngine::start(options, listener).map(|engine| Box::new(engine) as _)
            }
        };
        started.map_err(|error| Failure::environment(error.message))
    }
}

/// Bytes, with a suffix where one is wanted: `4GiB`, `4Gi`, `512M`.
fn memory(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let bare = text.strip_suffix('B').unwrap_or(text);
    match oxikale_runner::whole_quantity(bare) {
        Ok(0) => Err("this is not an amount of memory that a cell could have".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err("write a number and a unit, such as `4GiB`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::memory;

    #[test]
    fn amounts_may_be_written_in_every_usual_way() {
        for text in ["4GiB", "4Gi", "4294967296", "4294967296B", "4096MiB"] {
            assert_eq!(memory(text), Ok(4 << 30), "{text}");
        }
        assert_eq!(memory("512MB"), Ok(512_000_000));
        for wrong in ["", "B", "0", "-1GiB", "four", "1e300"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }
}
