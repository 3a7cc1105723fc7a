//! Puts the sources of the library `oxikale` into the compiler, so that the installed command can build step programs
//! wherever it runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let library = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../oxikale").canonicalize()?;
    let mut files = vec![library.join("Cargo.toml")];
    collect(&library.join("src"), &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&library)?;
        writeln!(list, "    ({:?}, include_str!({:?})),", name.display().to_string(), file.display().to_string())?;
    }
    println!("cargo:rerun-if-changed={}", library.join("src").display());
    list.push_str("]\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("library.rs"), list)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
