//! What is known of a session while a cell runs: the state after the cell before.

use oxikale_engine::{Engine, Surroundings, Variable};

/// Variables, and what analysis must know of the session.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// In the order in which they were defined.
    pub variables: Vec<Variable>,
    /// What the code of the next cell can name; none before the engine has started.
    pub surroundings: Option<Surroundings>,
}

impl Snapshot {
    /// What an engine has now.
    pub fn of(engine: &dyn Engine) -> Self {
        Self { variables: engine.variables(), surroundings: Some(engine.surroundings()) }
    }
}
