//! Puts the sources of the runtime (`host/src`) into the library, which compiles them with the user's rustc.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("host").join("src");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut sources: Vec<_> =
        fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources.sort();
    let mut list = "&[\n".to_owned();
    for path in &sources {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        list.push_str(&format!("    ({name:?}, include_str!({path:?})),\n"));
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("runtime_sources.rs"), list)
}
