//! A cell that puts a session where a step of a run began: the notebook's items, and the variables that the step sees.
//!
//! The types of the inputs are those of the step program, found in its way: all steps stand in the cell, in closures
//! that nobody calls, and rustc unifies what one hands on with what another takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use quote::ToTokens;
use serde_json::{Map, Value};
use syn::Stmt;

use super::placement::Placement;
use super::source_map::{SourceMap, Writer};
use super::{Form, Linked, Parts, body, item, parameter_statements, parameters_of, shared_statements, slot};
use crate::dataflow;

/// What is to be pulled into a session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pull {
    /// The step: its task, or its name.
    pub step: String,
    /// The file of every input, by its key or by its variable.
    pub inputs: BTreeMap<String, PathBuf>,
    /// The run's parameters; one that is missing has the notebook's value.
    pub parameters: Map<String, Value>,
}

/// The cell.
#[derive(Debug, Clone, PartialEq)]
pub struct PulledCell {
    /// Its text.
    pub source: String,
    /// The variables that it defines: the step's inputs, the parameters that it sees, those of shared cells.
    pub variables: Vec<String>,
    /// Which of its lines are lines of the notebook.
    pub map: SourceMap,
}

/// Why there is no such cell.
#[derive(Debug, Clone, PartialEq)]
pub enum PullError {
    /// The notebook has errors, which are among the diagnostics of its compilation.
    Notebook(Vec<crate::diagnostics::Diagnostic>),
    /// The notebook has no such step.
    NoStep {
        /// What was asked for.
        wanted: String,
        /// The notebook's steps.
        known: Vec<String>,
    },
    /// There is no file for an input: the run is of another state of the notebook.
    NoFile {
        /// The step.
        step: String,
        /// The variable.
        variable: String,
    },
    /// A path that cannot stand in a program's text.
    NotText {
        /// The path.
        path: PathBuf,
    },
}

impl std::fmt::Display for PullError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Notebook(diagnostics) => {
                let first = diagnostics.iter().find(|one| one.severity == crate::diagnostics::Severity::Error);
                let (code, message) = first.map_or(("", ""), |one| (one.code, one.message.as_str()));
                write!(f, "the notebook has errors, the first of them {code}: {message}; `oxikale check` says all")
            }
            Self::NoStep { wanted, known } => {
                write!(f, "the notebook has no step `{}`; it has `{}`", wanted.escape_debug(), known.join("`, `"))
            }
            Self::NoFile { step, variable } => write!(
                f,
                "the run has no file for `{variable}`, which the step `{step}` takes: the notebook has changed since, so \
                 run it again"
            ),
            Self::NotText { path } => {
                write!(f, "the path `{}` is not UTF-8, so no cell can name it; move the data folder", path.display())
            }
        }
    }
}

impl std::error::Error for PullError {}

/// A step's variables of shared cells and parameters, each with the slot that takes its type from the step.
pub(super) struct Own<'a> {
    names: &'a [String],
}

impl Own<'_> {
    /// Says that the variables of these names, here and wherever else this is written, have the same types. It stands
    /// where nothing is ever reached, so that it does not matter whether they still have their values.
    pub(super) fn write(&self, writer: &mut Writer) {
        if self.names.is_empty() {
            return;
        }
        writer.push("if ::std::hint::black_box(false) { ::std::unreachable!(); ");
        for (number, name) in self.names.iter().enumerate() {
            writer.push(&format!("__own{number}.is_of(&{name}); "));
        }
        writer.push("}\n");
    }
}

/// Writes the cell.
pub(super) fn write(
    parts: &Parts<'_>,
    pull: &Pull,
    placement: &Placement,
    derived: &BTreeSet<&str>,
    linked: &Linked,
) -> Result<PulledCell, PullError> {
    let steps = &parts.pipeline.steps;
    let by_name = || steps.iter().position(|step| step.name == pull.step);
    let Some(index) = steps.iter().position(|step| step.task == pull.step).or_else(by_name) else {
        let known = steps.iter().map(|step| step.name.clone()).collect();
        return Err(PullError::NoStep { wanted: pull.step.clone(), known });
    };
    let step = &steps[index];
    let mut files = Vec::new();
    for input in &step.inputs {
        let Some(path) = pull.inputs.get(&input.key).or_else(|| pull.inputs.get(&input.variable)) else {
            return Err(PullError::NoFile { step: step.name.clone(), variable: input.variable.clone() });
        };
        files.push(path.to_str().ok_or_else(|| PullError::NotText { path: path.clone() })?);
    }

    let mut writer = Writer::default();
    for dependency in &linked.dependencies {
        writer.push(&format!(":dep {}\n", dependency.to_toml_line()));
    }
    let features: Vec<String> = linked.features.iter().map(|feature| format!("{feature:?}")).collect();
    writer.push(&format!(":dep oxikale = {{ features = [{}] }}\n", features.join(", ")));
    for attribute in parts.cells.values().flat_map(|cell| &cell.attributes) {
        writer.push(&format!("{}\n", attribute.to_token_stream()));
    }
    for &one in placement.root.iter().chain(&placement.function).chain(&placement.inside[index]) {
        item(&mut writer, parts, &parts.items[one], derived);
    }

    let form = Form::Session { parameters: &pull.parameters };
    let given = parameters_of(parts, index);
    parameter_statements(&mut writer, parts, &given, form);
    shared_statements(&mut writer, parts);
    let (all, alike) = own_names(parts, &given);
    let own = Own { names: &alike };

    let pattern: Vec<String> = step
        .inputs
        .iter()
        .map(|input| {
            let mutable = parts.mutable.contains(&(index, input.variable.clone()));
            format!("{}{},", if mutable { "mut " } else { "" }, input.variable)
        })
        .collect();
    writer.push(&format!(
        "#[allow(unused, unreachable_code, path_statements, non_snake_case)]\nlet ({}) = {{\n",
        pattern.join(" ")
    ));
    for number in 0..alike.len() {
        writer.push(&format!("let __own{number} = ::oxikale::step::Slot::empty(\"\");\n"));
    }
    for (from, step) in steps.iter().enumerate() {
        for output in &step.outputs {
            writer.push(&format!(
                "let {} = ::oxikale::step::Slot::empty({:?});\n",
                slot(from, &output.key),
                output.key
            ));
        }
    }
    let head = if parts.asynchronous { "async || " } else { "|| " };
    for &other in parts.order {
        writer.push(&format!("let _ = {head}-> ::std::result::Result<(), ::oxikale::step::Failure> {{\n"));
        body(&mut writer, parts, other, &placement.inside[other], derived, form, (other == index).then_some(&own));
        for output in &steps[other].outputs {
            let name = slot(other, &output.key);
            writer.push(&format!("{name}.is_of(&{});\n", output.variable));
        }
        writer.push("::std::result::Result::Ok(())\n};\n");
    }
    own.write(&mut writer);
    writer.push("(\n");
    for (input, file) in step.inputs.iter().zip(files) {
        writer.push(&format!("{}.read({file:?})?,\n", slot(input.from, &input.key)));
    }
    writer.push(")\n};\n");
    let mut variables: Vec<String> = step.inputs.iter().map(|input| input.variable.clone()).collect();
    variables.extend(all);
    Ok(PulledCell { source: writer.text, variables, map: writer.map })
}

/// The variables of parameters and shared cells, in order; and those of them whose types can be the same in two places.
///
/// Every closure has a type of its own, and so has what is made of one: their variables keep the type that they have.
fn own_names(parts: &Parts<'_>, given: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let (mut all, mut alike): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut unlike: BTreeSet<String> = BTreeSet::new();
    let mut add = |names: &BTreeSet<String>, text: &str| {
        let words: BTreeSet<&str> = text.split(|c: char| !(c == '_' || c.is_alphanumeric())).collect();
        let own_type = text.contains('|') || words.contains("async") || words.iter().any(|word| unlike.contains(*word));
        for name in names {
            all.retain(|known| known != name);
            all.push(name.clone());
            alike.retain(|known| known != name);
            if own_type {
                unlike.insert(name.clone());
            } else {
                unlike.remove(name);
                alike.push(name.clone());
            }
        }
    };
    for index in parts.parameters.needed(given) {
        let statement = &parts.parameters.statements[index];
        let Some(cell) = parts.cells.get(&statement.cell) else { continue };
        add(&statement.names, cell.code.get(statement.range.clone()).unwrap_or_default());
    }
    for cell in parts.pipeline.shared_cells.iter().filter_map(|cell| parts.cells.get(cell)) {
        for statement in &cell.statements {
            if let Stmt::Local(local) = statement
                && local.init.is_some()
            {
                let flow = dataflow::analyse([&cell.single(statement)], &BTreeSet::new());
                let names = flow.definitions.into_keys().collect();
                add(&names, cell.code.get(cell.range(statement)).unwrap_or_default());
            }
        }
    }
    (all, alike)
}
