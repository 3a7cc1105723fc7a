//! The processes that run cells: real ones, with cells compiled by rustc.

mod support;

use std::time::{Duration, Instant};

use oxikale_engine::host::Ended;
use support::Session;

#[test]
fn variables_are_kept_from_cell_to_cell() {
    let mut session = Session::start();
    assert_eq!(session.run("define"), Ended::Finished);
    assert_eq!(session.run("add_one"), Ended::Finished);
    assert_eq!(session.text_of("show"), "x = 2, twice = 4, words = [\"a\", \"b\"]\n");
}

#[test]
fn a_panic_takes_nothing_away() {
    let mut session = Session::start();
    session.run("define");
    session.host.checkpoint(1).unwrap();
    let Ended::Panicked(panic) = session.run("take_and_panic") else { panic!("it did not panic") };
    assert_eq!(panic.message, "index out of bounds: the len is 0 but the index is 2");
    println!("{panic:#?}");
    let restored = session.host.restore(1).unwrap();
    println!("{restored:?}");
    assert_eq!(session.text_of("show"), "x = 1, twice = 2, words = [\"a\", \"b\"]\n");
    let start = Instant::now();
    for _ in 0..100 { session.run("nothing"); }
    println!("{:?}", start.elapsed() / 100);
    let _ = Duration::ZERO;
}
