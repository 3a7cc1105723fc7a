//! Random sequences of cells in the direct engine, beside a model in plain Rust of what the session must hold after each.
//!
//! `PROPTEST_CASES` sets how many sequences there are.

#[path = "support/direct_session.rs"]
mod direct_session;
#[path = "support/session_model.rs"]
mod session_model;

use direct_session::Session;
use oxikale_engine::direct::Options;
use oxikale_engine::{Engine, Outcome};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use session_model::{Action, Expected, Model, actions};

/// How many sequences there are if nobody says.
const SEQUENCES: u32 = 12;

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(SEQUENCES);
    // A sequence takes seconds, so a failing one is made shorter for two minutes only.
    ProptestConfig { cases, failure_persistence: None, max_shrink_time: 120_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_session_holds_what_the_model_says(actions in prop::collection::vec(actions(), 12)) {
        let mut session = Session::start(Options::default());
        let mut model = Model::default();
        let mut log = String::new();
        for (action, look) in actions {
            perform(&mut session, &mut model, &action, &mut log)?;
            if look {
                look_at_all(&mut session, &mut model, &mut log)?;
            }
        }
        look_at_all(&mut session, &mut model, &mut log)?;
    }
}

/// Does the same in the session and in the model.
fn perform(session: &mut Session, model: &mut Model, action: &Action, log: &mut String) -> TestCaseResult {
    if let Action::Back(cells) = action {
        log.push_str(&format!("back {cells}\n"));
        let back = session.engine.back(*cells);
        prop_assert_eq!(back.is_ok(), model.back(*cells), "{:?}\n{}", back, log);
    } else {
        let source = model.source(action);
        let expected = model.run(action);
        log.push_str(&format!("--- expected: {expected:?}\n{source}\n"));
        run(session, &source, &expected, log)?;
    }
    let found = session.variables();
    prop_assert_eq!(found, model.variables(), "{}", log);
    Ok(())
}

/// Prints every variable.
fn look_at_all(session: &mut Session, model: &mut Model, log: &mut String) -> TestCaseResult {
    let source = model.look();
    if source.is_empty() {
        return Ok(());
    }
    let expected = model.looked();
    log.push_str(&format!("{source}\n"));
    run(session, &source, &expected, log)
}

fn run(session: &mut Session, source: &str, expected: &Expected, log: &str) -> TestCaseResult {
    let ran = session.run(source);
    match expected {
        Expected::Prints(text) => {
            prop_assert_eq!(ran.outcome, Outcome::Completed, "{}{}", log, ran.told());
            prop_assert_eq!(&ran.printed(), text, "{}{}", log, ran.told());
        }
        Expected::Fails(kind) => {
            prop_assert_eq!(ran.outcome, Outcome::Failed, "{}{}", log, ran.told());
            prop_assert_eq!(ran.error().kind, *kind, "{}{}", log, ran.told());
        }
    }
    Ok(())
}
