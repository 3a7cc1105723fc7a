//! Pools of threads after a restore: rayon's and tokio's, from the dylib that a session's dependencies are built into.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use oxikale_engine::Stream;
use oxikale_engine::deps::{Cancel, Dependencies};
use oxikale_engine::host::{Ended, HostOptions};
use oxikale_notebook::directives::dependency;
use support::Session;

/// A session that has loaded the dependencies, and the library with its cells.
fn session() -> (Session, &'static Path) {
    static CELLS: OnceLock<(Dependencies, PathBuf)> = OnceLock::new();
    let (dependencies, cells) = CELLS.get_or_init(build);
    // Fewer threads than the rule says would hide that a pool's threads are gone.
    let environment = vec![("RAYON_NUM_THREADS".to_owned(), "3".to_owned())];
    let mut session = Session::start_with(HostOptions { environment, ..HostOptions::default() });
    let externs = dependencies.externs();
    for (_, library) in &externs.dylibs {
        let hooks = externs.hooks_of(library);
        assert_eq!(hooks.len(), 2, "{hooks:?}");
        session.host.load(library, &hooks).unwrap();
    }
    (session, cells)
}

fn build() -> (Dependencies, PathBuf) {
    let built = support::built();
    let folder = support::own_folder("pool-cells");
    fs::create_dir_all(&folder).unwrap();
    let mut dependencies = Dependencies::new(&built.toolchain, &support::cache(), &folder, None);
    let wanted = ["rayon = \"1\"", "tokio = { version = \"1\", features = [\"rt\", \"time\"] }"];
    let wanted = wanted.map(|line| dependency(line).unwrap());
    dependencies.add(&wanted, true, &|_| {}, &|_| {}, &Cancel::new()).unwrap();
    let externs = dependencies.externs();
    let mut source = include_str!("support/pool_cells.rs").to_owned();
    let mut arguments = Vec::new();
    for (name, path) in externs.crates.iter().chain(&externs.dylibs) {
        arguments.extend(["--extern".to_owned(), format!("{name}={}", path.display())]);
    }
    for folder in &externs.search {
        arguments.extend(["-L".to_owned(), format!("dependency={}", folder.display())]);
    }
    for (name, _) in &externs.dylibs {
        source.push_str(&format!("extern crate {name} as _;\n"));
    }
    let cells = support::compile(&built.toolchain, &built.runtime, &source, &folder, "pool_cells", &arguments);
    (dependencies, cells)
}

/// Runs a cell, which must print this; one that waits for threads that are gone is ended.
fn expect(session: &mut Session, cells: &Path, cell: &str, text: &str) {
    session.seen.clear();
    let handle = session.host.interrupt_handle();
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    let ended = std::thread::scope(|scope| {
        scope.spawn(move || {
            if waiting.recv_timeout(support::PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        let ended = session.host.run(cells, cell);
        drop(done);
        ended
    });
    assert_eq!(ended, Ended::Finished, "{cell}");
    assert_eq!(session.seen.text(Stream::Stdout), text);
}

const SUMS: &str = "299995\n1 2\n1\n";

#[test]
fn rayon_works_after_every_restore() {
    let (mut session, cells) = session();
    expect(&mut session, cells, "sum_in_parallel", SUMS);
    for id in 1..=5 {
        session.host.checkpoint(id).unwrap();
        assert!(matches!(session.host.run(cells, "abort"), Ended::Signalled { signal: 6, .. }));
        let restored = session.host.restore(id).unwrap();
        assert!(restored.threads.is_empty(), "{restored:?}");
        expect(&mut session, cells, "sum_in_parallel", SUMS);
    }
    // Cells now run on a thread that is not the process's first.
    session.host.checkpoint(6).unwrap();
    assert_eq!(session.host.run(cells, "overflow"), Ended::StackOverflow);
    session.host.restore(6).unwrap();
    expect(&mut session, cells, "sum_in_parallel", SUMS);
}

#[test]
fn tokio_works_after_every_restore() {
    let (mut session, cells) = session();
    for id in 1..=3 {
        expect(&mut session, cells, "await_tasks", "28\n");
        session.host.checkpoint(id).unwrap();
        assert!(matches!(session.host.run(cells, "abort"), Ended::Signalled { signal: 6, .. }));
        let restored = session.host.restore(id).unwrap();
        assert!(restored.threads.is_empty(), "{restored:?}");
    }
    expect(&mut session, cells, "await_tasks", "28\n");
}

#[test]
fn a_checkpoint_from_before_the_pool_is_as_good() {
    let (mut session, cells) = session();
    session.host.checkpoint(1).unwrap();
    expect(&mut session, cells, "sum_in_parallel", SUMS);
    session.host.checkpoint(2).unwrap();
    session.host.restore(1).unwrap();
    expect(&mut session, cells, "sum_in_parallel", SUMS);
    expect(&mut session, cells, "await_tasks", "28\n");
}

#[test]
fn a_panic_in_a_pool_says_where_it_was() {
    let (mut session, cells) = session();
    let Ended::Panicked(panic) = session.host.run(cells, "panic_in_parallel") else { panic!("it did not panic") };
    assert_eq!(panic.message, "seven hundred seventy-seven");
    assert!(panic.file.ends_with("pool_cells.rs") && panic.line > 0, "{panic:?}");
}
