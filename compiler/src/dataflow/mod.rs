//! What a step takes, defines and changes: exact, because Rust is lexically scoped.

mod format_string;
mod macros;
mod methods;
mod reach;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use oxikale_notebook::CellSpan;

pub(crate) use reach::order;
pub use reach::{Answers, Question, Reached, StepFlow, World, reach};

use crate::source::ParsedCell;

/// What the top-level statements of some cells, run one after the other, do with variables.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// Names that are free: not defined before their first use.
    pub uses: BTreeMap<String, Use>,
    /// Names that stand at the end, defined by a `let` at the top.
    pub definitions: BTreeMap<String, Definition>,
    /// Where `.await` stands at the top.
    pub awaits: Option<CellSpan>,
    /// Where `return` stands at the top.
    pub returns: Option<CellSpan>,
}

/// A free name.
#[derive(Debug, Clone)]
pub struct Use {
    /// Where it stands first.
    pub span: CellSpan,
    /// Whether it is certainly a name of a value, and not a word inside of an unknown macro.
    pub certain: bool,
    /// Whether it stands only where functions are called: `name(…)`.
    pub only_called: bool,
    /// Where it is assigned to or borrowed `&mut`.
    pub written: Option<CellSpan>,
    /// Methods called on it (or on a part of it), with the first place of each.
    pub methods: BTreeMap<String, CellSpan>,
    /// Where it stands inside of an unknown macro, which may change it.
    pub in_unknown_macro: Option<CellSpan>,
}

/// A name defined by a `let`.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The name in its pattern.
    pub span: CellSpan,
    /// Whether it is `mut`.
    pub mutable: bool,
}

/// Analyses `cells` in order. `constants` are names that are never bound by a pattern (constants, unit structs).
pub fn analyse<'a>(cells: impl IntoIterator<Item = &'a ParsedCell>, constants: &BTreeSet<String>) -> Flow {
    let mut analyser = scope::Analyser::new(constants);
    for cell in cells {
        analyser.cell(cell);
    }
    analyser.finish()
}

/// What the method `name` does with its receiver, by the table of well-known methods and the notebook's own `impl`s.
pub(crate) fn method_mutates(name: &str, receivers: &BTreeMap<String, Option<bool>>) -> Option<bool> {
    match (receivers.get(name), methods::mutates(name)) {
        (Some(own), None) => *own,
        (Some(own), Some(known)) => own.filter(|own| *own == known),
        (None, known) => known,
    }
}
