//! Compiled cells are used again, whatever happens to the cache meanwhile.

#[path = "support/direct_session.rs"]
mod direct_session;

use std::fs;
use std::path::{Path, PathBuf};

use direct_session::{Ran, Session};
use oxikale_engine::direct::Options;
use oxikale_engine::{Event, Outcome};

/// A notebook of items, imports, variables and a closure.
const CELLS: &[&str] = &[
    "use std::collections::BTreeMap;",
    "fn twice(x: i32) -> i32 { x * 2 }",
    "let mut counts: BTreeMap<i32, i32> = BTreeMap::new(); counts.insert(1, twice(4));",
    "let add = |x: i32| x + counts.len() as i32;",
    "counts.insert(2, twice(5)); println!(\"{counts:?}\");",
];

fn options(cache: &Path) -> Options {
    Options { cache: cache.to_owned(), ..Options::default() }
}

fn run(session: &mut Session, source: &str) -> Ran {
    let ran = session.run(source);
    assert_eq!(ran.outcome, Outcome::Completed, "{source}: {:?}", ran.events);
    ran
}

/// Whether the library of the cell came from the cache; nothing for a cell without statements.
fn cached(ran: &Ran) -> Option<bool> {
    ran.events.iter().find_map(|event| match event {
        Event::Timing { cached, .. } => Some(*cached),
        _ => None,
    })
}

fn run_all(session: &mut Session) -> Vec<bool> {
    CELLS.iter().filter_map(|cell| cached(&run(session, cell))).collect()
}

#[test]
fn a_second_session_compiles_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let mut first = Session::start(options(cache.path()));
    assert_eq!(run_all(&mut first), [false, false, false]);
    first.end();
    let mut second = Session::start(options(cache.path()));
    assert_eq!(run_all(&mut second), [true, true, true]);
    second.end();
}

#[test]
fn a_session_goes_on_when_the_cache_is_emptied() {
    let cache = tempfile::tempdir().unwrap();
    let mut session = Session::start(options(cache.path()));
    run_all(&mut session);
    fs::remove_dir_all(cache.path().join("engine")).unwrap();
    assert_eq!(run(&mut session, "println!(\"{}\", twice(21));").printed(), "42\n");
    run(&mut session, "fn thrice(x: i32) -> i32 { twice(x) + x }");
    assert_eq!(run(&mut session, "println!(\"{} {}\", thrice(2), counts[&2]);").printed(), "6 10\n");
    // A new process of the same session is started from what was in the cache, too.
    run(&mut session, ":restart");
    assert_eq!(run(&mut session, "println!(\"{}\", 1 + 1);").printed(), "2\n");
    session.end();
}

#[test]
fn damaged_entries_are_compiled_again() {
    let cache = tempfile::tempdir().unwrap();
    let mut first = Session::start(options(cache.path()));
    run_all(&mut first);
    first.end();
    for library in libraries(&cache.path().join("engine")) {
        // As long as before, so that its size tells nothing.
        let length = fs::metadata(&library).unwrap().len();
        fs::write(&library, vec![0; usize::try_from(length).unwrap()]).unwrap();
    }
    let mut second = Session::start(options(cache.path()));
    assert_eq!(run_all(&mut second), [false, false, false]);
    second.end();
}

/// The libraries of cells and items below a folder.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for kind in ["cells", "units"] {
        for entry in fs::read_dir(folder.join(kind)).unwrap().flatten() {
            found.extend(fs::read_dir(entry.path()).unwrap().flatten().map(|file| file.path()));
        }
    }
    found.retain(|file| file.extension().is_some_and(|extension| extension == "so"));
    assert!(!found.is_empty());
    found
}

#[test]
fn a_cache_that_cannot_be_written_to_is_done_without() {
    let cache = tempfile::tempdir().unwrap();
    fs::create_dir_all(cache.path().join("engine")).unwrap();
    // Files where folders are wanted: even root cannot write into them.
    for kind in ["cells", "units"] {
        fs::write(cache.path().join("engine").join(kind), "").unwrap();
    }
    let mut session = Session::start(options(cache.path()));
    assert_eq!(run_all(&mut session), [false, false, false]);
    assert_eq!(run(&mut session, "println!(\"{}\", twice(3));").printed(), "6\n");
    session.end();
}

#[test]
fn a_warning_is_said_again() {
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut session = Session::start(options(cache.path()));
        let cells = ["fn kind(n: u8) -> u8 { match n { _ => 1, 0 => 2 } }", "let a = 1;; println!(\"{a}\");"];
        for cell in cells {
            let ran = run(&mut session, cell);
            assert!(ran.events.iter().any(|event| matches!(event, Event::Warning(_))), "{cell}: {:?}", ran.events);
        }
        session.end();
    }
}
