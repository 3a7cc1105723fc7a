//! Crates of a session: real cargo, real rustc, and a process that loads what they make.

#[path = "support/linked_cell.rs"]
mod linked_cell;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use linked_cell::{Bench, lasting_cache};
use oxikale_engine::deps::{Cancel, Change, Dependencies, Failure};
use oxikale_engine::{Progress, Toolchain};
use oxikale_notebook::directives::{Dependency, dependency};

fn toolchain() -> Toolchain {
    Toolchain::find(None).expect("a compiler")
}

fn lines(lines: &[&str]) -> Vec<Dependency> {
    lines.iter().map(|line| dependency(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// Adds crates, and returns what changed and the warnings.
fn add(session: &mut Dependencies, wanted: &[&str], fresh: bool) -> Result<(Change, Vec<String>), Failure> {
    let warnings = Mutex::new(Vec::new());
    let warn = |text: &str| warnings.lock().expect("no panic").push(text.to_owned());
    let change = session.add(&lines(wanted), fresh, &|_| {}, &warn, &Cancel::new())?;
    Ok((change, warnings.into_inner().expect("no panic")))
}

fn added(session: &mut Dependencies, wanted: &[&str], fresh: bool) -> Change {
    let (change, warnings) = add(session, wanted, fresh).unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(change == Change::Replaced, !warnings.is_empty(), "{warnings:?}");
    change
}

fn failure(session: &mut Dependencies, wanted: &[&str]) -> Failure {
    add(session, wanted, true).expect_err("these crates cannot be had")
}

/// A package in a folder: its manifest's dependencies and library part, and its source.
fn package(folder: &Path, name: &str, manifest: &str, source: &str) -> PathBuf {
    let folder = folder.join(name);
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{manifest}");
    fs::write(folder.join("Cargo.toml"), head).expect("a manifest");
    fs::write(folder.join("src/lib.rs"), source).expect("a source");
    folder
}

/// A session over the cache that stays between runs, in a folder of its own.
fn session(folder: &Path) -> Dependencies {
    Dependencies::new(&toolchain(), &lasting_cache(), folder, None)
}

/// Files below a folder that a build has left half made.
fn remains(folder: &Path) -> Vec<PathBuf> {
    let mut remains = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with("new-") {
            remains.push(path);
        } else if path.is_dir() && !entry.file_name().to_string_lossy().starts_with("target-") {
            remains.extend(self::remains(&path));
        }
    }
    remains
}

#[test]
fn cells_use_crates_of_every_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    package(folder.path(), "own", "", "pub fn twice(x: i32) -> i32 { 2 * x }");
    package(
        folder.path(),
        "answer",
        "[lib]\nproc-macro = true\n",
        "#[proc_macro] pub fn answer(_: proc_macro::TokenStream) -> proc_macro::TokenStream { \"42\".parse().unwrap() }",
    );
    let mut session = session(folder.path());
    let wanted = [
        "ndarray = { version = \"0.17\", features = [\"rayon\"] }",
        "serde = { version = \"1\", features = [\"derive\"] }",
        "serde_json = \"1\"",
        "rand = \"0.9\"",
        "tokio = { version = \"1\", features = [\"rt\"] }",
        "rayon = \"1\"",
        "plotters = { version = \"0.3\", default-features = false, features = [\"evcxr\", \"line_series\"] }",
        "numbers = { package = \"num-traits\", version = \"0.2\" }",
        "lz4-sys = \"1\"",
        "./own",
        "./answer",
    ];
    assert_eq!(added(&mut session, &wanted, true), Change::Added);
    let externs = session.externs();
    assert_eq!(externs.dylibs.len(), 1);
    assert_eq!(externs.crates.len(), wanted.len());
    assert!(session.versions().iter().any(|(name, version)| name == "ndarray" && version.starts_with("0.17.")));

    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    let said = bench.run(
        "all",
        externs,
        r##"
        use ndarray::prelude::*;
        #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
        struct Point { x: f64, tags: Vec<String> }
        ---
        let a = Array2::from_shape_fn((3, 3), |(i, j)| (i * 3 + j) as f64);
        println!("{}", a.dot(&a.t()).sum());
        let mut b = a.clone();
        b.par_mapv_inplace(|x| x * 2.0);
        println!("{}", b.sum());
        let point = Point { x: 1.5, tags: vec!["a".into()] };
        let text = serde_json::to_string(&point).unwrap();
        println!("{text} {}", serde_json::from_str::<Point>(&text).unwrap() == point);
        use rand::{Rng, SeedableRng};
        let drawn: f64 = rand::rngs::StdRng::seed_from_u64(1).random();
        println!("{}", (0.0..1.0).contains(&drawn));
        use rayon::prelude::*;
        println!("{}", (0..1000u64).into_par_iter().sum::<u64>());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        println!("{}", runtime.block_on(async { tokio::task::spawn(async { 7 }).await.unwrap() }));
        use plotters::prelude::*;
        let figure = evcxr_figure((200, 100), |root| { root.fill(&WHITE)?; Ok(()) });
        println!("{}", format!("{figure:?}").len() > 0);
        println!("{}", <f32 as numbers::Float>::sqrt(9.0));
        println!("{}", unsafe { lz4_sys::LZ4_compressBound(1000) } > 1000);
        println!("{} {}", own::twice(4), answer::answer!());
        "##,
    );
    assert_eq!(said, "450\n72\n{\"x\":1.5,\"tags\":[\"a\"]} true\ntrue\n499500\n7\ntrue\n3\ntrue\n8 42\n");

    let hook = |start: &str| {
        let found: Vec<&String> = externs.hooks.iter().filter(|name| name.starts_with(start)).collect();
        assert_eq!(found.len(), 1, "{:?}", externs.hooks);
        found[0].as_str()
    };
    let said = bench.load(externs, &[("block_on", hook("oxikale_deps_block_on_"))]);
    assert_eq!(said, "generation 0: true\ngeneration 0: true\ngeneration 1: true\n");
    let said = bench.load(externs, &[("install_pool", hook("oxikale_deps_install_pool_"))]);
    assert_eq!(said, "first true second false\n");
}

#[test]
fn a_later_crate_leaves_the_earlier_ones_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = session(folder.path());
    assert_eq!(added(&mut session, &["serde = { version = \"1\", features = [\"derive\"] }"], true), Change::Added);
    let before = session.externs().clone();
    assert_eq!(added(&mut session, &["serde_json = \"1\""], false), Change::Added);
    // A macro crate that asks more of syn than serde's does.
    let more =
        add(&mut session, &["derive_more = { version = \"2\", features = [\"full\"] }"], false).expect("it builds");
    assert_eq!(more, (Change::Added, vec![]));
    assert_eq!(added(&mut session, &["serde_json = \"1\""], false), Change::None);
    let after = session.externs();
    assert_eq!(after.dylibs.len(), 3);
    assert_eq!(after.dylibs[0], before.dylibs[0]);
    assert_ne!(after.key, before.key);

    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    // A type that derives the first set's trait is one that the second set's function takes.
    let said = bench.run(
        "both",
        after,
        "#[derive(serde::Serialize, derive_more::Display)] #[display(\"<{x}>\")] struct P { x: i32 } --- println!(\"{} {}\", serde_json::to_string(&P { x: 3 }).unwrap(), P { x: 4 })",
    );
    assert_eq!(said, "{\"x\":3} <4>\n");
    // Nothing has been compiled against them: one dylib over all.
    let mut flat = Dependencies::new(&toolchain(), &lasting_cache(), folder.path(), None);
    added(&mut flat, &["serde = { version = \"1\", features = [\"derive\"] }"], true);
    assert_eq!(added(&mut flat, &["serde_json = \"1\""], true), Change::Added);
    assert_eq!(flat.externs().dylibs.len(), 1);
}

#[test]
fn a_crate_that_has_to_change_is_named_before_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    package(
        folder.path(),
        "base",
        "[features]\nmore = []\n",
        "pub struct Base; pub const MORE: bool = cfg!(feature = \"more\");",
    );
    package(
        folder.path(),
        "needs_more",
        "[dependencies]\nbase = { path = \"../base\", features = [\"more\"] }\n",
        "pub fn more() -> bool { base::MORE }",
    );
    let mut session = session(folder.path());
    added(&mut session, &["./base"], true);
    let copy = session.clone();
    let (change, warnings) = add(&mut session, &["./needs_more"], false).expect("it builds");
    assert_eq!(change, Change::Replaced);
    assert!(warnings.len() == 1 && warnings[0].contains("`base` is built with the feature `more` too"), "{warnings:?}");
    assert_eq!(session.externs().dylibs.len(), 1);
    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    assert_eq!(
        bench.run("more", session.externs(), "println!(\"{} {}\", base::MORE, needs_more::more())"),
        "true true\n"
    );
    // The state of before is still good.
    assert_eq!(bench.run("less", copy.externs(), "println!(\"{}\", base::MORE)"), "false\n");
}

#[test]
fn sources_of_a_local_crate_are_looked_at_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = package(folder.path(), "watched", "", "pub fn value() -> i32 { 1 }");
    let mut session = session(folder.path());
    added(&mut session, &["./watched"], true);
    assert_eq!(added(&mut session, &["./watched"], false), Change::None);
    let before = session.clone();
    fs::write(own.join("src/lib.rs"), "pub fn value() -> i32 { 22 }").expect("a source");
    assert_eq!(added(&mut session, &["./watched"], false), Change::Replaced);
    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    assert_eq!(bench.run("now", session.externs(), "println!(\"{}\", watched::value())"), "22\n");
    assert_eq!(bench.run("then", before.externs(), "println!(\"{}\", watched::value())"), "1\n");
    fs::write(own.join("src/lib.rs"), "pub fn value() -> i32 { \"no\" }").expect("a source");
    let failure = add(&mut session, &["./watched"], false).expect_err("it does not compile");
    assert!(failure.message.contains("`watched`") && failure.message.contains("mismatched types"), "{failure:?}");
    assert!(failure.rendered.contains("\x1b["), "rustc's own words are coloured");
    assert_eq!(bench.run("still", session.externs(), "println!(\"{}\", watched::value())"), "22\n");
}

#[test]
fn what_was_built_once_needs_no_cargo() {
    let folder = tempfile::tempdir().expect("a folder");
    let wanted =
        ["ndarray = \"0.17\"", "plotters = { version = \"0.3\", default-features = false, features = [\"evcxr\"] }"];
    let mut first = session(folder.path());
    added(&mut first, &wanted, true);
    let without = Toolchain { cargo: "/nowhere/cargo".into(), ..toolchain() };
    let mut second = Dependencies::new(&without, &lasting_cache(), folder.path(), None);
    let start = Instant::now();
    added(&mut second, &wanted, true);
    let time = start.elapsed();
    assert_eq!(first.externs(), second.externs());
    assert!(time < Duration::from_millis(100), "it took {time:?}");
    println!("a set that is there: {time:?}");
    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    let body = "let a = ndarray::Array2::<f64>::zeros((2, 2)); println!(\"{}\", a.sum())";
    let (_, time) = bench.cell("timed", second.externs(), body).expect("it compiles");
    println!("a cell that uses ndarray: {time:?}");

    let failure = failure(&mut second, &["itoa = \"=1.0.10\""]);
    assert!(failure.message.contains("/nowhere/cargo") && failure.message.contains("rustup.rs"), "{failure:?}");
}

#[test]
fn damage_is_repaired() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    let wanted = ["itoa = \"1\""];
    let session = || Dependencies::new(&toolchain(), &cache, folder.path(), None);
    let mut first = session();
    let told = Mutex::new(Vec::new());
    let progress = |progress: Progress| told.lock().expect("no panic").push(progress);
    let change = first.add(&lines(&wanted), true, &progress, &|_| {}, &Cancel::new()).expect("it builds");
    assert_eq!(change, Change::Added);
    let told = told.into_inner().expect("no panic");
    let compiling = told.iter().find(|progress| progress.label.starts_with("Compiling itoa v1.")).expect("it is told");
    assert_eq!((compiling.done, compiling.total), (0, Some(1)));
    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    let body = "println!(\"{}\", itoa::Buffer::new().format(12))";
    let victims = [first.externs().dylibs[0].1.clone(), first.externs().crates[0].1.clone()];
    for victim in victims {
        fs::remove_file(&victim).expect("a file");
        fs::write(&victim, "no library").expect("a file");
        let mut again = session();
        added(&mut again, &wanted, true);
        assert_eq!(bench.run("repaired", again.externs(), body), "12\n");
    }
    fs::remove_dir_all(&cache).expect("a folder");
    let mut anew = session();
    added(&mut anew, &wanted, true);
    assert_eq!(bench.run("anew", anew.externs(), body), "12\n");
    assert_eq!(remains(&cache), Vec::<PathBuf>::new());
}

#[test]
fn the_lock_file_is_honoured_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("notebook.lock");
    let session = || Dependencies::new(&toolchain(), &lasting_cache(), folder.path(), Some(file.clone()));
    let mut pinned = session();
    added(&mut pinned, &["itoa = \"=1.0.10\"", "ryu = \"=1.0.15\""], true);
    let written = fs::read_to_string(&file).expect("it is written");
    assert!(written.contains("1.0.10") && !written.contains("oxikale-dependencies"), "{written}");
    // Any version would do now, and only one of the two is asked for.
    let mut free = session();
    added(&mut free, &["itoa = \"1\""], true);
    assert_eq!(free.versions(), [("itoa".to_owned(), "1.0.10".to_owned())]);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), written);
    // Without the lock file, another choice is free.
    fs::write(&file, written.replace("1.0.10", "1.0.11").replace(&checksum(&written, "itoa"), "")).expect("a file");
    let text = fs::read_to_string(&file).expect("it is there").replace("checksum = \"\"\n", "");
    fs::write(&file, text).expect("a file");
    let mut other = session();
    added(&mut other, &["itoa = \"1\""], true);
    assert_eq!(other.versions(), [("itoa".to_owned(), "1.0.11".to_owned())]);
    let written = fs::read_to_string(&file).expect("it is there");
    assert!(written.contains("name = \"ryu\""), "{written}");

    fs::write(&file, "<<<<<<< mine").expect("a file");
    let failure = failure(&mut session(), &["itoa = \"1\""]);
    assert!(failure.message.contains("notebook.lock is not a lock file"), "{failure:?}");
}

fn checksum(lock: &str, name: &str) -> String {
    let entry =
        lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\""))).expect("an entry");
    entry.split("checksum = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a checksum").to_owned()
}

#[test]
fn failures_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = session(folder.path());
    let cases: [(&[&str], &str, Option<usize>); 8] = [
        (&["itoa = \"1\"", "serde_jsn = \"1\""], "there is no crate `serde_jsn` on crates.io", Some(1)),
        (&["itoa = \"99\""], "`itoa` has no version that fits `^99`; there is 1.", Some(0)),
        (
            &["serde = { version = \"1\", features = [\"derve\"] }"],
            "`serde` has no feature `derve`; did you mean `derive`?",
            Some(0),
        ),
        (&["itoa = { version = \"1\", features = [\"zzz\"] }"], "`itoa` has no feature `zzz`", Some(0)),
        (&["itoa = \"one\""], "`one` is no version of `itoa`", Some(0)),
        (&["itoa = \"1\"", "./nowhere"], "there is no local crate at `./nowhere`", Some(1)),
        (&["itoa = \"1\"", "gone = { path = \"./nowhere\" }"], "the local crate `gone` cannot be loaded: ", Some(1)),
        (&["odd = { git = \"https://127.0.0.1:9/odd.git\" }"], "the crates' registry cannot be reached", Some(0)),
    ];
    for (wanted, message, dependency) in cases {
        let failure = failure(&mut session, wanted);
        assert!(failure.message.starts_with(message), "{wanted:?}: {}", failure.message);
        assert_eq!(failure.dependency, dependency, "{wanted:?}");
        assert!(!failure.interrupted);
    }
    assert!(session.list().is_empty() && session.externs().dylibs.is_empty());
    session.set_offline(true);
    let failure = failure(&mut session, &["surely-never-downloaded-here = \"1\""]);
    assert!(failure.message.contains("cargo is offline"), "{failure:?}");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let mut session = Dependencies::new(&toolchain(), &file, folder.path(), None);
    let failure = failure(&mut session, &["itoa = \"1\""]);
    assert!(failure.message.contains(&file.display().to_string()), "{failure:?}");
}

#[test]
fn a_program_is_no_crate_for_cells() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = package(folder.path(), "only_runs", "", "");
    fs::rename(program.join("src/lib.rs"), program.join("src/main.rs")).expect("a file");
    fs::write(program.join("src/main.rs"), "fn main() {}").expect("a file");
    let failure = failure(&mut session(folder.path()), &["./only_runs"]);
    assert_eq!(failure.message, "`only_runs` is a program: it has no library that a cell could use");
}

#[test]
fn an_interrupt_ends_cargo_and_its_children() {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = format!("{}", 100_000 + std::process::id());
    let slow = package(folder.path(), "slow", "build = \"build.rs\"\n", "");
    let script = format!(
        "fn main() {{ std::fs::write(std::env::var(\"CARGO_MANIFEST_DIR\").unwrap() + \"/started\", \"\").unwrap(); \
         std::process::Command::new(\"sh\").args([\"-c\", \"trap '' TERM; sleep {marker}; sleep {marker}\"]).status().unwrap(); }}"
    );
    fs::write(slow.join("build.rs"), script).expect("a build script");
    let cache = folder.path().join("cache");
    let mut session = Dependencies::new(&toolchain(), &cache, folder.path(), None);
    let cancel = Cancel::new();
    let labels = Mutex::new(Vec::new());
    let progress = |progress: Progress| labels.lock().expect("no panic").push(progress.label);
    let (result, time) = std::thread::scope(|scope| {
        let build = scope.spawn(|| session.add(&lines(&["./slow"]), true, &progress, &|_| {}, &cancel));
        let limit = Instant::now() + Duration::from_secs(120);
        while !slow.join("started").exists() {
            assert!(Instant::now() < limit && !build.is_finished(), "the build script has not started");
            std::thread::sleep(Duration::from_millis(5));
        }
        let start = Instant::now();
        cancel.cancel();
        (build.join().expect("no panic"), start.elapsed())
    });
    let failure = result.expect_err("it was interrupted");
    assert!(failure.interrupted, "{failure:?}");
    assert!(time < Duration::from_secs(2), "it took {time:?}");
    assert!(labels.lock().expect("no panic").iter().any(|label| label == "Compiling slow v0.1.0"), "{labels:?}");
    let left: Vec<String> = fs::read_dir("/proc")
        .expect("processes")
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|command| command.contains(&marker))
        .collect();
    assert_eq!(left, Vec::<String>::new());

    // Later builds end at once, until they may run again.
    assert!(session.add(&lines(&["./slow"]), true, &|_| {}, &|_| {}, &cancel).expect_err("cancelled").interrupted);
    fs::write(slow.join("build.rs"), "fn main() {}").expect("a build script");
    cancel.reset();
    assert_eq!(session.add(&lines(&["./slow"]), true, &|_| {}, &|_| {}, &cancel).expect("it builds"), Change::Added);
}

#[test]
fn two_sessions_build_the_same_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = folder.path().join("cache");
    package(folder.path(), "shared", "", "pub fn value() -> i32 { 5 }");
    let wanted = ["itoa = \"1\"", "./shared"];
    let sessions: Vec<Dependencies> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut session = Dependencies::new(&toolchain(), &cache, folder.path(), None);
                    added(&mut session, &wanted, true);
                    session
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    for (index, session) in sessions.iter().enumerate() {
        assert_eq!(session.externs(), sessions[0].externs());
        let body = "println!(\"{}\", itoa::Buffer::new().format(shared::value()))";
        assert_eq!(bench.run(&format!("cell_{index}"), session.externs(), body), "5\n");
    }
    assert_eq!(remains(&cache), Vec::<PathBuf>::new());
}

#[test]
fn the_library_oxikale_is_the_one_in_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = session(folder.path());
    assert_eq!(added(&mut session, &["oxikale = \"0.1\""], true), Change::Added);
    let bench = Bench::new(&toolchain(), &folder.path().join("cells"));
    let said = bench.run("shown", session.externs(), "println!(\"{:?}\", oxikale::params::get(\"rate\", 0.5))");
    assert_eq!(said, "0.5\n");
}
