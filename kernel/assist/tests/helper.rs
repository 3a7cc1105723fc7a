//! The helper process as a front end sees it.
//!
//! The helper is the command that `OXIKALE` names; with the feature `analysis`, it is this program itself. Where there is
//! neither, the tests are ignored.

#[path = "helper/answers.rs"]
mod answers;
#[path = "helper/beside.rs"]
mod beside;
#[path = "helper/crates.rs"]
mod crates;
#[path = "helper/language.rs"]
mod language;
#[path = "helper/process.rs"]
mod process;
#[path = "helper/session.rs"]
mod session;

use libtest_mimic::{Arguments, Trial};

fn main() {
    #[cfg(feature = "analysis")]
    if std::env::args().nth(1).is_some_and(|argument| argument == oxikale_assist::ARGUMENT) {
        oxikale_assist::serve();
    }
    let mut arguments = Arguments::from_args();
    // Each has a rust-analyzer of its own.
    arguments.test_threads.get_or_insert(2);
    let trials = [answers::trials(), crates::trials(), language::trials(), process::trials()].concat();
    let trial = |(name, test): Test| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(session::program().is_none())
    };
    libtest_mimic::run(&arguments, trials.into_iter().map(trial).collect()).exit();
}

/// The name of a test, and the test.
type Test = (&'static str, fn());
