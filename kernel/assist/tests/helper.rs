//! The helper process as a front end sees it. This program is the helper too, when it is started as such.

#[path = "helper/answers.rs"]
mod answers;
#[path = "helper/crates.rs"]
mod crates;
#[path = "helper/process.rs"]
mod process;
#[path = "helper/session.rs"]
mod session;

use libtest_mimic::{Arguments, Trial};

fn main() {
    if std::env::args().nth(1).is_some_and(|argument| argument == oxikale_assist::ARGUMENT) {
        oxikale_assist::serve();
    }
    let mut arguments = Arguments::from_args();
    // Each has a rust-analyzer of its own.
    arguments.test_threads.get_or_insert(2);
    let trials = [answers::trials(), crates::trials(), process::trials()].concat();
    libtest_mimic::run(
        &arguments,
        trials
            .into_iter()
            .map(|(name, test)| {
                Trial::test(name, move || {
                    test();
                    Ok(())
                })
            })
            .collect(),
    )
    .exit();
}

/// The name of a test, and the test.
type Test = (&'static str, fn());
