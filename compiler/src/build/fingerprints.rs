//! What the steps of a built program are made of, as one hash each: their code, its crates, the compiler, and the types
//! of what crosses steps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{hash_of, hex};
use crate::program::Program;

/// Task → hash. Empty where something cannot be found out: then nothing is known to be unchanged.
///
/// `sources` is cargo's list of the files that the program was built from, where crates of this machine are among them.
pub(super) fn of_steps(
    program: &Program,
    package: &Path,
    executable: &Path,
    sources: Option<&Path>,
) -> BTreeMap<String, String> {
    let Some(types) = types(executable).filter(|types| types.len() == program.slots) else { return BTreeMap::new() };
    let mut all = hash_of(package, &["Cargo.toml", "Cargo.lock"]);
    if let Some(sources) = sources {
        let Some(local) = local_sources(sources, package) else { return BTreeMap::new() };
        all.update(local);
    }
    program
        .steps
        .iter()
        .map(|step| {
            let mut hash = all.clone();
            hash.update(&step.hash);
            for slot in &step.slots {
                hash.update([0]);
                hash.update(types.get(*slot).map_or("", String::as_str));
            }
            (step.task.clone(), hex(&hash.finalize()))
        })
        .collect()
}

/// The types of the program's slots, as the program itself tells them.
fn types(executable: &Path) -> Option<Vec<String>> {
    let output = patiently(|| {
        // Nothing of the notebook runs for this.
        Command::new(executable).arg("--types").env_remove("OXIKALE_RUN").stdin(Stdio::null()).output()
    });
    let output = output.ok().filter(|output| output.status.success())?;
    serde_json::from_slice(&output.stdout).ok()
}

/// A program that was put in its place this moment may still be open for writing in a process that is about to start.
fn patiently(start: impl Fn() -> io::Result<Output>) -> io::Result<Output> {
    for _ in 0..50 {
        match start() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    start()
}

/// A hash of all sources outside of the package, and of the manifests above them.
fn local_sources(list: &Path, package: &Path) -> Option<[u8; 32]> {
    let mut files = BTreeSet::new();
    for source in listed(&fs::read_to_string(list).ok()?) {
        if !source.starts_with(package) {
            files.extend(
                source.ancestors().skip(1).map(|folder| folder.join("Cargo.toml")).filter(|file| file.exists()),
            );
            files.insert(source);
        }
    }
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(Sha256::digest(fs::read(&file).ok()?));
    }
    Some(hash.finalize().into())
}

/// The files in a rule `target: file file …`, where a space in a name has a backslash before it.
fn listed(text: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in text.lines() {
        let Some((_, rest)) = line.split_once(": ") else { continue };
        let mut name = String::new();
        let mut characters = rest.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => name.extend(characters.next()),
                ' ' => files.extend(Some(std::mem::take(&mut name)).filter(|name| !name.is_empty()).map(PathBuf::from)),
                c => name.push(c),
            }
        }
        files.extend(Some(name).filter(|name| !name.is_empty()).map(PathBuf::from));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn names_with_spaces_are_whole() {
        let files = listed("/t/release/x: /a/b.rs /a/with\\ space.rs\n\n/a/b.rs:\n");
        assert_eq!(files, ["/a/b.rs".into(), std::path::PathBuf::from("/a/with space.rs")]);
    }
}
