//! How long the process that runs cells is busy with leaving a checkpoint.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use oxikale_engine::Toolchain;
use oxikale_engine::host::{Ended, Host, HostOptions, Runtime};

use super::alone::Figures;
use super::session::{Place, Result};

/// The names of the figures, with the bytes that the variables have.
pub const SIZES: [(&str, usize); 2] = [("checkpoint with 10 MB", 10_000_000), ("checkpoint with 1 GB", 1_000_000_000)];

/// How often one is made; more than are kept, so that the first ones make room.
const CHECKPOINTS: u64 = 20;

/// Seconds from the request until the process that runs cells can take the next command.
pub fn take(place: Place) -> Result<Figures> {
    let toolchain = Toolchain::find(None)?;
    let runtime = Runtime::ensure(&toolchain, place.cache)?;
    let mut figures = Vec::new();
    for (name, bytes) in SIZES {
        let library = library(&toolchain, &runtime, place, bytes)?;
        let options = HostOptions { working_folder: place.folder.to_owned(), ..HostOptions::default() };
        let mut host = Host::start(&toolchain, &runtime, options, Arc::new(|_| {}))?;
        finished(&host.run(&library, "fill"))?;
        for id in 1..=CHECKPOINTS {
            let started = Instant::now();
            host.checkpoint(id)?;
            finished(&host.wait_until_idle())?;
            figures.push((name.to_owned(), started.elapsed().as_secs_f64()));
            if let Some((_, reason)) = host.refusals().into_iter().next() {
                return Err(format!("a checkpoint could not be made: {reason}").into());
            }
        }
    }
    Ok(figures)
}

/// Compiles a cell that stores a variable of so many bytes, all of them written.
fn library(toolchain: &Toolchain, runtime: &Runtime, place: Place, bytes: usize) -> Result<PathBuf> {
    let name = format!("fill_{bytes}");
    let (source, library) = (place.folder.join(format!("{name}.rs")), place.folder.join(format!("lib{name}.so")));
    fs::write(
        &source,
        format!(
            "use oxikale_host::{{Flow, Variables}};\n\
             #[unsafe(no_mangle)]\n\
             pub fn fill(variables: &mut Variables) -> Flow {{\n\
                 variables.store(\"data\", vec![1u8; {bytes}]);\n\
                 Flow::Done\n\
             }}\n"
        ),
    )?;
    let output = Command::new(&toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["--edition", "2024", "--crate-type", "cdylib", "-C", "prefer-dynamic", "--extern"])
        .arg(format!("oxikale_host={}", runtime.dylib.display()))
        .arg("-o")
        .args([&library, &source])
        .output()?;
    if !output.status.success() {
        return Err(format!("rustc refuses the cell: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(library)
}

fn finished(ended: &Ended) -> Result<()> {
    if matches!(ended, Ended::Finished) { Ok(()) } else { Err(format!("the cell ended otherwise: {ended:?}").into()) }
}
