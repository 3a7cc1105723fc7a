//! The cell that gives a notebook's parameters other values, as papermill writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use oxikale_compiler::ir::{Ir, ParameterDefinition};
use oxikale_compiler::{names, parameters, source};
use oxikale_notebook::{CellKind, Notebook};
use serde_json::Value;

use crate::arguments::{ArgumentError, assignment};
use crate::literal::rewritten;

/// Tags of the cell that has the defaults: papermill's and Kale's.
const DEFAULTS: [&str; 2] = ["parameters", "pipeline-parameters"];

/// Why parameters cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterError {
    /// They do not fit the notebook.
    Usage(String),
    /// The cell with the defaults cannot be read.
    Notebook(String),
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Notebook(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ParameterError {}

/// The code cells that have the defaults of parameters (indices into the notebook's cells).
pub fn parameter_cells(notebook: &Notebook) -> Vec<usize> {
    let cells = notebook.cells().iter().enumerate().filter(|(_, cell)| cell.kind == CellKind::Code);
    cells
        .filter(|(_, cell)| cell.tags.iter().any(|tag| DEFAULTS.contains(&tag.as_str())))
        .map(|(index, _)| index)
        .collect()
}

/// The text of a cell that gives parameters these values (`name=value`), in the form and the types of the notebook's
/// own statements.
///
/// # Errors
/// If the notebook has no such parameters, or a value does not fit.
pub fn parameter_cell(notebook: &Notebook, given: &[String]) -> Result<String, ParameterError> {
    let cells = parameter_cells(notebook);
    if cells.is_empty() {
        return Err(ParameterError::Usage(
            "the notebook has no parameters: no code cell is tagged `parameters` or `pipeline-parameters`".to_owned(),
        ));
    }
    cell_text(notebook, &cells, given)
}

/// A parameter that a run may set.
struct Parameter {
    name: String,
    /// Its `let`.
    statement: String,
    /// The bytes of the statement that are its value.
    value: std::ops::Range<usize>,
}

/// The text of the cell that sets them.
fn cell_text(notebook: &Notebook, cells: &[usize], given: &[String]) -> Result<String, ParameterError> {
    let (ir, known) = read(notebook, cells)?;
    let mut values: BTreeMap<usize, Value> = BTreeMap::new();
    for text in given {
        let (name, value) = assignment(&ir, text).map_err(|error| refused(&error))?;
        if let Some(place) = known.iter().position(|parameter| parameter.name == name) {
            values.insert(place, value);
        }
    }
    let mut text = "// Parameters".to_owned();
    for (place, value) in values {
        let Parameter { name, statement, value: range } = &known[place];
        let new = rewritten(&statement[range.clone()], &value)
            .map_err(|why| ParameterError::Usage(format!("the parameter `{name}` cannot be that: {why}")))?;
        text.push_str(&format!("\n{}{new}{}", &statement[..range.start], &statement[range.end..]));
    }
    Ok(text)
}

/// The parameters of these cells, in order, and the same as the definitions by which arguments are read.
fn read(notebook: &Notebook, cells: &[usize]) -> Result<(Ir, Vec<Parameter>), ParameterError> {
    let mut diagnostics = Vec::new();
    let parsed: Vec<_> = cells.iter().map(|cell| source::parse(notebook, *cell, &mut diagnostics)).collect();
    if let Some(diagnostic) = diagnostics.first() {
        let cell = diagnostic.labels.first().map_or(0, |label| label.span.cell + 1);
        return Err(ParameterError::Notebook(format!(
            "cell {cell}, which has the parameters, cannot be read: {}",
            diagnostic.message
        )));
    }
    let all = parameters::read(&parsed.iter().collect::<Vec<_>>(), &BTreeSet::new(), &mut diagnostics);
    let definitions = all.parameters.iter().map(|parameter| {
        let definition = ParameterDefinition { parameter_type: parameter.kind, ..Default::default() };
        (parameter.name.clone(), definition)
    });
    let mut ir = Ir::default();
    ir.spec.root.input_definitions.get_or_insert_default().parameters = definitions.collect();
    let known = all.statements.iter().filter_map(|statement| {
        let (name, value) = statement.parameter.as_ref()?;
        let code = &parsed.iter().find(|cell| cell.index == statement.cell)?.code;
        let start = statement.range.start;
        Some(Parameter {
            name: name.clone(),
            statement: code.get(statement.range.clone())?.to_owned(),
            value: value.start.checked_sub(start)?..value.end.checked_sub(start)?,
        })
    });
    let known = known.collect();
    Ok((ir, known))
}

/// As the runner says it, but of a notebook.
fn refused(error: &ArgumentError) -> ParameterError {
    ParameterError::Usage(match error {
        ArgumentError::Unknown { name, known, .. } => {
            let nearest = names::nearest(name, known.iter().map(String::as_str));
            let hint = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None if known.is_empty() => "no `let` in its parameters cell has a literal as its value".to_owned(),
                None => format!("it has `{}`", known.join("`, `")),
            };
            format!("the notebook has no parameter `{name}`; {hint}")
        }
        error => error.to_string(),
    })
}
