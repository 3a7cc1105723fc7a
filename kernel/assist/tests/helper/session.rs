//! A session without an engine: what its cells would have left behind is written down.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use oxikale_assist::{ARGUMENT, Assist, Completion, Completions, Inspection, ItemSource, Surroundings, VariableSource};

/// More than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The program that is started as the helper.
pub fn program() -> Option<PathBuf> {
    if cfg!(feature = "analysis") {
        return std::env::current_exe().ok();
    }
    std::env::var_os("OXIKALE").map(PathBuf::from)
}

/// A helper that has not been started yet.
pub fn helper() -> Assist {
    Assist::new(program().expect("a program"), vec![ARGUMENT.into()])
}

/// Where the compiler and the sources of the standard library are.
pub fn toolchain() -> Surroundings {
    static FOUND: OnceLock<Surroundings> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let options = oxikale_engine::direct::Options {
                data: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("data"),
                ..Default::default()
            };
            let engine = oxikale_engine::direct::DirectEngine::start(options, std::sync::Arc::new(|_| {})).unwrap();
            let surroundings = oxikale_engine::Engine::surroundings(&engine);
            assert!(
                surroundings.library.is_some(),
                "the sources of the standard library are missing: run scripts/rust_src.sh"
            );
            surroundings
        })
        .clone()
}

/// The surroundings with these items and variables.
pub fn surroundings(items: &[&str], variables: &[(&str, &str)]) -> Surroundings {
    let item = |source: &&str| ItemSource { cell: "1".to_owned(), source: (*source).to_owned() };
    let variable = |(name, type_name): &(&str, &str)| VariableSource {
        name: name.trim_start_matches("mut ").to_owned(),
        type_name: (*type_name).to_owned(),
        mutable: name.starts_with("mut "),
    };
    Surroundings {
        items: items.iter().map(item).collect(),
        variables: variables.iter().map(variable).collect(),
        ..toolchain()
    }
}

/// A helper that knows these items and variables.
pub fn session(items: &[&str], variables: &[(&str, &str)]) -> Assist {
    let assist = helper();
    assist.update(surroundings(items, variables));
    assist
}

/// A cell and the place of the `¦` in it.
pub fn place(marked: &str) -> (String, usize) {
    let offset = marked.find('¦').expect("a cursor");
    (marked.replacen('¦', "", 1), offset)
}

pub fn in_time() -> Instant {
    Instant::now() + PATIENCE
}

/// The completions at the `¦`.
pub fn complete(assist: &Assist, marked: &str) -> Completions {
    let (source, offset) = place(marked);
    assist.complete(&source, offset, in_time()).unwrap_or_default()
}

/// The texts that would be inserted at the `¦`.
pub fn inserts(assist: &Assist, marked: &str) -> Vec<String> {
    complete(assist, marked).items.into_iter().map(|item| item.insert).collect()
}

/// The completion at the `¦` that inserts this.
pub fn completion(assist: &Assist, marked: &str, insert: &str) -> Completion {
    let found = complete(assist, marked);
    let names: Vec<_> = found.items.iter().map(|item| item.insert.clone()).collect();
    found
        .items
        .into_iter()
        .find(|item| item.insert == insert)
        .unwrap_or_else(|| panic!("{marked}: no {insert} among {names:?}"))
}

/// What is known at the `¦`.
pub fn inspect(assist: &Assist, marked: &str) -> Inspection {
    let (source, offset) = place(marked);
    assist.inspect(&source, offset, 0, in_time()).unwrap_or_default()
}
